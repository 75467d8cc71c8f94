"""Functions of Go templates and of sprig, as far as a leaf can say them: arguments in, one value out.

What is missing here is refused by name. Sources: Go's ``text/template`` and
``strconv``, sprig's documentation and its ``functions.go``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from etl.migrate.expression import Value, literal
from etl.migrate.fields import ROOT, label
from etl.migrate.gotext import Place

_VERB = re.compile(r"%(?P<flags>[-+# 0]*\d*(?:\.\d+)?)(?P<verb>.|$)", re.DOTALL)
# Why a function is refused, where its name alone does not say it.
_WHY = {
    "now": "the clock: what is sent again would differ; observation.observed_at is when it was seen",
    "ago": "the clock: what is sent again would differ",
    "env": "secrets of the environment; ${NAME} puts one into the configuration",
    "expandenv": "secrets of the environment; ${NAME} puts one into the configuration",
    "uuidv4": "chance: what is sent again would differ; event.metadata.uid names the event",
    "randAlphaNum": "chance: what is sent again would differ",
    "title": "Go and Jinja write titles differently",
    "len": "Go counts bytes of a text",
    "fail": "an event that fails would be lost",
    "js": "JavaScript needs no escaping in a leaf: write the text alone",
    "html": "write the text alone, which is encoded where it is sent",
}
# Where a struct stands in the event as the exporter marshals it.
_PARTS = {ROOT.name: "", "metadata": ".metadata", "object": ".involvedObject", "source": ".source"}
Function = Callable[[Sequence[Value], Place], Value]


def call(name: str, arguments: Sequence[Value], place: Place) -> Value:
    """Return what the function ``name`` becomes; raises ``TemplateError`` with its name."""
    if name in _TABLE:
        fewest, most, function = _TABLE[name]
        if not fewest <= len(arguments) <= most:
            raise place.refuse(f"{name} is given {len(arguments)} arguments")
        return function(arguments, place)
    why = f": {_WHY[name]}" if name in _WHY else ""
    raise place.refuse(f"the function {name} has no counterpart{why}")


def text(value: Value, place: Place) -> str:
    """Return a text argument as an operand; Go itself fails where it is none."""
    if value.kind not in {"text", "label"}:
        raise place.refuse(f"a text is wanted where a {value.name or value.kind} is given")
    return value.given().part


def _filter(filtered: str) -> Function:
    return lambda given, place: Value(f"{text(given[0], place)}|{filtered}", "text")


def _method(method: str, *, kind: str = "text") -> Function:
    """Return a method of the last argument that takes the first: sprig turns them round for pipes."""

    def function(given: Sequence[Value], place: Place) -> Value:
        code = f"{text(given[1], place)}.{method}({text(given[0], place)})"
        return Value(code, "bool" if kind == "bool" else "text")

    return function


def _compared(sign: str) -> Function:
    def function(given: Sequence[Value], place: Place) -> Value:
        first, *others = (_comparable(one, place) for one in given)
        kinds = {"int" if one.kind == "int" else "text" for one in given if one.kind != "bool"}
        if len(kinds) > 1:
            raise place.refuse("a text and a number are compared, at which Go fails")
        joint = " or ".join(f"{first} {sign} {other}" for other in others)
        return Value(joint, "bool")

    return function


def _comparable(value: Value, place: Place) -> str:
    if value.kind not in {"text", "label", "int", "bool"}:
        raise place.refuse(f"a {value.name or value.kind} cannot be compared")
    return value.given().part


def _joint(word: str) -> Function:
    def function(given: Sequence[Value], _place: Place) -> Value:
        kinds = {one.given().kind for one in given}
        kind = kinds.pop() if len(kinds) == 1 else "text"
        if kind in {"time", "struct", "nil"}:
            kind = "bool"
            return Value(f" {word} ".join(one.truth() for one in given), kind)
        return Value(f" {word} ".join(one.given().part for one in given), kind)

    return function


def _not(given: Sequence[Value], _place: Place) -> Value:
    truth = Value(given[0].truth(), "bool")
    return Value(f"not {truth.part}", "bool")


def _json(name: str) -> Function:
    def function(given: Sequence[Value], place: Place) -> Value:
        value = given[0]
        if value.kind in {"text", "int", "bool"}:
            return Value(f"{name}({value.code})", "text")
        # Of nothing Go makes null.
        if value.kind in {"map", "time"}:
            return Value(f"{name}({value.part} or none)", "text")
        if value.kind == "label":
            return Value(f"{name}({value.name} or none)", "text")
        if value.kind == "struct" and value.name in _PARTS:
            return Value(f"{name}(exporter_event(event, cluster){_PARTS[value.name]})", "text")
        if value.kind == "list":
            return Value(f"{name}({value.code})", "text")
        raise place.refuse(f"JSON of {value.name or value.kind} is not translated")

    return function


def _default(given: Sequence[Value], place: Place) -> Value:
    instead, value = given[0], given[1].given()
    if value.kind in {"time", "struct"}:
        raise place.refuse(f"default of a {value.name or value.kind} is always the value itself")
    return Value(f"{value.part} or {instead.part}", instead.kind)


def _coalesce(given: Sequence[Value], place: Place) -> Value:
    return Value(" or ".join(text(one, place) for one in given), "text")


def _ternary(given: Sequence[Value], _place: Place) -> Value:
    yes, no, test = given
    return Value(f"{yes.part} if {test.truth()} else {no.part}", yes.kind)


def _index(given: Sequence[Value], place: Place) -> Value:
    value = given[0]
    for key in given[1:]:
        if value.kind == "map":
            value = label(value, key.code).given()
        elif value.kind == "list" and key.kind == "int":
            value = Value(f"{value.part}[{key.code}]", "text")
        else:
            raise place.refuse(f"index into a {value.name or value.kind}")
    return value


def _trunc(given: Sequence[Value], place: Place) -> Value:
    length = given[0].constant
    if given[0].kind != "int" or length is None:
        raise place.refuse("trunc wants a number that is written out")
    piece = f"{length}, none" if length.startswith("-") else f"none, {length}"
    return Value(f"go_cut({text(given[1], place)}, {piece})", "text")


def _substr(given: Sequence[Value], place: Place) -> Value:
    start, end = given[0].constant, given[1].constant
    if start is None or end is None:
        raise place.refuse("substr wants numbers that are written out")
    first = "none" if start.startswith("-") else start
    last = "none" if end.startswith("-") else end
    return Value(f"go_cut({text(given[2], place)}, {first}, {last})", "text")


def _printf(given: Sequence[Value], place: Place) -> Value:
    form = given[0].constant
    if form is None:
        raise place.refuse("printf wants a format that is written out")
    waiting = list(given[1:])
    parts: list[str] = []
    at = 0
    for found in _VERB.finditer(form):
        if found.start() > at:
            parts.append(literal(form[at : found.start()]))
        at = found.end()
        if found[0] == "%%":
            parts.append("'%'")
            continue
        if found["flags"] or found["verb"] not in "sdvq" or not found["verb"]:
            raise place.refuse(f"printf of {found[0]} is not translated; %s, %d, %v and %q are")
        if not waiting:
            raise place.refuse("printf is given too few values")
        parts.append(_verb(found["verb"], waiting.pop(0), place))
    if waiting:
        raise place.refuse("printf is given too many values")
    if at < len(form):
        parts.append(literal(form[at:]))
    return Value(" + ".join(parts) or "''", "text")


def _verb(verb: str, value: Value, place: Place) -> str:
    wrong = verb == "d" and value.kind != "int"
    if wrong or (verb in "sq" and value.kind not in {"text", "label", "time", "list", "map"}):
        raise place.refuse(f"printf %{verb} of a {value.name or value.kind}: Go prints an error")
    if value.kind == "label":
        # An argument that is nothing has another form than one that is printed alone.
        if verb == "q":
            raise place.refuse("printf %q of a label that may be missing")
        missing = {"s": "%!s(<nil>)", "v": "<nil>"}[verb]
        value = Value(value.code.replace("'<no value>'", literal(missing)), "text")
    if verb == "q" and value.kind in {"list", "map"}:
        raise place.refuse(f"printf %q of a {value.kind} is not translated")
    code = value.text(place)
    if verb == "q":
        return f"go_quote({code})"
    return f"({code})|string" if value.kind == "int" else f"({code})"


def _print(given: Sequence[Value], place: Place) -> Value:
    if any(one.kind != "text" for one in given):
        raise place.refuse("print of other things than texts is not translated; use printf")
    return Value(" + ".join(one.part for one in given), "text")


def _length(given: Sequence[Value], place: Place) -> Value:
    if given[0].kind not in {"map", "list"}:
        raise place.refuse("the function len has no counterpart: Go counts bytes of a text")
    return Value(f"{given[0].part}|length", "int")


def _replace(given: Sequence[Value], place: Place) -> Value:
    old, new, whole = (text(one, place) for one in given)
    return Value(f"{whole}|replace({old}, {new})", "text")


def _contains(given: Sequence[Value], place: Place) -> Value:
    return Value(f"{text(given[0], place)} in {text(given[1], place)}", "bool")


def _join(given: Sequence[Value], place: Place) -> Value:
    if given[1].kind != "list":
        raise place.refuse("join wants a list")
    return Value(f"{given[1].part}|join({text(given[0], place)})", "text")


def _split(given: Sequence[Value], place: Place) -> Value:
    return Value(f"{text(given[1], place)}.split({text(given[0], place)})", "list")


def _list(given: Sequence[Value], place: Place) -> Value:
    return Value(f"[{', '.join(text(one, place) for one in given)}]", "list")


def _end(place_in: str) -> Function:
    def function(given: Sequence[Value], place: Place) -> Value:
        if given[0].kind != "list":
            raise place.refuse(f"{place_in} wants a list")
        return Value(f"{given[0].part}|{place_in}", "text")

    return function


def _quotes(mark: str) -> Function:
    def function(given: Sequence[Value], place: Place) -> Value:
        if mark == '"':
            return Value(f"go_quote({text(given[0], place)})", "text")
        return Value(f'"\'" + {text(given[0], place)} + "\'"', "text")

    return function


def _date(given: Sequence[Value], place: Place) -> Value:
    if given[1].kind != "time":
        raise place.refuse("date wants a time")
    zone = f", {literal(given[1].name)}" if given[1].name else ""
    return Value(f"go_date({text(given[0], place)}, {given[1].code}{zone})", "text")


def _empty(given: Sequence[Value], place: Place) -> Value:
    if given[0].kind == "time":
        return Value(f"not {given[0].part}", "bool")
    return _not(given, place)


def _string(given: Sequence[Value], place: Place) -> Value:
    code = given[0].text(place)
    return Value(f"({code})|string", "text")


def _cat(given: Sequence[Value], place: Place) -> Value:
    return Value(" + ' ' + ".join(text(one, place) for one in given), "text")


def _sum(sign: str) -> Function:
    def function(given: Sequence[Value], place: Place) -> Value:
        if any(one.kind != "int" for one in given):
            raise place.refuse("numbers are wanted")
        return Value(f" {sign} ".join(one.part for one in given), "int")

    return function


def _trimmed(given: Sequence[Value], place: Place) -> Value:
    return Value(f"{text(given[0], place)}.strip(' \\t\\r\\n\\v\\f\\x85\\xa0')", "text")


_MANY = 50
_TABLE: dict[str, tuple[int, int, Function]] = {
    "and": (1, _MANY, _joint("and")),
    "or": (1, _MANY, _joint("or")),
    "not": (1, 1, _not),
    "eq": (2, _MANY, _compared("==")),
    "ne": (2, 2, _compared("!=")),
    "lt": (2, 2, _compared("<")),
    "le": (2, 2, _compared("<=")),
    "gt": (2, 2, _compared(">")),
    "ge": (2, 2, _compared(">=")),
    "len": (1, 1, _length),
    "index": (2, 3, _index),
    "printf": (1, _MANY, _printf),
    "print": (1, _MANY, _print),
    "toJson": (1, 1, _json("json")),
    "toPrettyJson": (1, 1, _json("pretty_json")),
    "upper": (1, 1, _filter("upper")),
    "lower": (1, 1, _filter("lower")),
    "trim": (1, 1, _trimmed),
    "trimSuffix": (2, 2, _method("removesuffix")),
    "trimPrefix": (2, 2, _method("removeprefix")),
    "trimAll": (2, 2, _method("strip")),
    "hasPrefix": (2, 2, _method("startswith", kind="bool")),
    "hasSuffix": (2, 2, _method("endswith", kind="bool")),
    "contains": (2, 2, _contains),
    "replace": (3, 3, _replace),
    "trunc": (2, 2, _trunc),
    "substr": (3, 3, _substr),
    "nospace": (1, 1, lambda g, p: Value(f"{text(g[0], p)}.split()|join('')", "text")),
    "quote": (1, 1, _quotes('"')),
    "squote": (1, 1, _quotes("'")),
    "cat": (1, _MANY, _cat),
    "default": (2, 2, _default),
    "empty": (1, 1, _empty),
    "coalesce": (1, _MANY, _coalesce),
    "ternary": (3, 3, _ternary),
    "join": (2, 2, _join),
    "splitList": (2, 2, _split),
    "list": (1, _MANY, _list),
    "first": (1, 1, _end("first")),
    "last": (1, 1, _end("last")),
    "toString": (1, 1, _string),
    "date": (2, 2, _date),
    "add": (1, _MANY, _sum("+")),
    "sub": (2, 2, _sum("-")),
    "mul": (1, _MANY, _sum("*")),
}
KNOWN = frozenset(_TABLE)
