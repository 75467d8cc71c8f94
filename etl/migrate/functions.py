"""Functions of Go templates and of sprig, as far as a leaf can say them: arguments in, one value out.

What is missing here is refused by name. Sources: Go's ``text/template`` and
``strconv``, sprig's documentation and its ``functions.go``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from etl.migrate import printing, texts
from etl.migrate.expression import Kind, Value
from etl.migrate.fields import label
from etl.migrate.gotext import Place

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


def _compared(sign: str) -> Function:
    def function(given: Sequence[Value], place: Place) -> Value:
        first, *others = (_comparable(one, place) for one in given)
        kinds = {one.given().kind for one in given}
        if len(kinds) > 1:
            told = " and a ".join(sorted(kinds))
            raise place.refuse(f"a {told} are compared, at which Go fails")
        if kinds == {"bool"} and sign not in {"==", "!="}:
            raise place.refuse("truth values have no order, so Go fails")
        joint = " or ".join(f"{first} {sign} {other}" for other in others)
        return Value(joint, "bool")

    return function


def _comparable(value: Value, place: Place) -> str:
    if value.kind not in {"text", "label", "int", "bool"}:
        raise place.refuse(f"a {value.name or value.kind} cannot be compared")
    return value.given().part


def _joint(word: str) -> Function:
    def function(given: Sequence[Value], _place: Place) -> Value:
        values = [one.given() for one in given]
        if any(one.kind in {"time", "struct", "nil"} for one in values):
            truths = (Value(one.truth(), "bool").part for one in values)
            return Value(f" {word} ".join(truths), "mixed", "value of several kinds")
        return Value(f" {word} ".join(one.part for one in values), *_common(*values))

    return function


def _not(given: Sequence[Value], _place: Place) -> Value:
    truth = Value(given[0].truth(), "bool")
    return Value(f"not {truth.part}", "bool")


def _default(given: Sequence[Value], place: Place) -> Value:
    instead, value = given[0].given(), given[1].given()
    if value.kind in {"time", "struct"}:
        raise place.refuse(f"default of a {value.name or value.kind} is always the value itself")
    return Value(f"{value.part} or {instead.part}", *_common(instead, value))


def _common(*values: Value) -> tuple[Kind, str]:
    """Return the kind of a value that is one of these; a mixed one can be asked, and not printed."""
    kinds = {one.kind for one in values}
    if len(kinds) == 1 and "struct" not in kinds:
        return values[0].kind, values[0].name
    return ("text", "") if kinds == {"text", "int"} else ("mixed", "value of several kinds")


def _coalesce(given: Sequence[Value], place: Place) -> Value:
    return Value(" or ".join(texts.text(one, place) for one in given), "text")


def _ternary(given: Sequence[Value], _place: Place) -> Value:
    yes, no, test = given[0].given(), given[1].given(), given[2]
    # In parentheses: a statement of Jinja takes no bare one.
    return Value(f"({yes.part} if {test.truth()} else {no.part})", *_common(yes, no))


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


def _length(given: Sequence[Value], place: Place) -> Value:
    if given[0].kind not in {"map", "list"}:
        raise place.refuse("the function len has no counterpart: Go counts bytes of a text")
    return Value(f"{given[0].part}|length", "int")


def _empty(given: Sequence[Value], place: Place) -> Value:
    if given[0].kind in {"time", "struct"} and not given[0].name.startswith("*"):
        # sprig takes no struct for empty, also not the time of nothing.
        return Value("false", "bool")
    return _not(given, place)


def _sum(sign: str) -> Function:
    def function(given: Sequence[Value], place: Place) -> Value:
        if any(one.kind != "int" for one in given):
            raise place.refuse("numbers are wanted")
        return Value(f" {sign} ".join(one.part for one in given), "int")

    return function


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
    "printf": (1, _MANY, printing.printf),
    "print": (1, _MANY, printing.print_),
    "toJson": (1, 1, printing.json("json")),
    "toPrettyJson": (1, 1, printing.json("pretty_json")),
    "upper": (1, 1, texts.filtered("upper")),
    "lower": (1, 1, texts.filtered("lower")),
    "trim": (1, 1, texts.trimmed),
    "trimSuffix": (2, 2, texts.method("removesuffix")),
    "trimPrefix": (2, 2, texts.method("removeprefix")),
    "trimAll": (2, 2, texts.method("strip")),
    "hasPrefix": (2, 2, texts.method("startswith", kind="bool")),
    "hasSuffix": (2, 2, texts.method("endswith", kind="bool")),
    "contains": (2, 2, texts.contains),
    "replace": (3, 3, texts.replace),
    "trunc": (2, 2, texts.trunc),
    "substr": (3, 3, texts.substr),
    "nospace": (1, 1, lambda g, p: Value(f"{texts.text(g[0], p)}.split()|join('')", "text")),
    "quote": (1, 1, printing.quotes('"')),
    "squote": (1, 1, printing.quotes("'")),
    "cat": (1, _MANY, texts.cat),
    "default": (2, 2, _default),
    "empty": (1, 1, _empty),
    "coalesce": (1, _MANY, _coalesce),
    "ternary": (3, 3, _ternary),
    "join": (2, 2, texts.join),
    "splitList": (2, 2, texts.split),
    "list": (1, _MANY, texts.list_),
    "first": (1, 1, texts.end("first")),
    "last": (1, 1, texts.end("last")),
    "toString": (1, 1, printing.string),
    "date": (2, 2, texts.date),
    "add": (1, _MANY, _sum("+")),
    "sub": (2, 2, _sum("-")),
    "mul": (1, _MANY, _sum("*")),
}
KNOWN = frozenset(_TABLE)
