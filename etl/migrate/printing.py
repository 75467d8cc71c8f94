"""What Go and sprig print: ``printf`` and ``print``, JSON, quotes, and values as texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from etl.migrate.expression import Value, literal
from etl.migrate.fields import ROOT
from etl.migrate.gotext import Place
from etl.migrate.texts import text

_VERB = re.compile(r"%(?P<flags>[-+# 0]*\d*(?:\.\d+)?)(?P<verb>.|$)", re.DOTALL)

# Where a struct stands in the event as the exporter marshals it.
_PARTS = {ROOT.name: "", "metadata": ".metadata", "object": ".involvedObject", "source": ".source"}

Function = Callable[[Sequence[Value], Place], Value]


def printf(given: Sequence[Value], place: Place) -> Value:
    """Return the text of ``printf`` with a format that is written out."""
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


def print_(given: Sequence[Value], place: Place) -> Value:
    """Return texts side by side."""
    if any(one.kind != "text" for one in given):
        raise place.refuse("print of other things than texts is not translated; use printf")
    return Value(" + ".join(one.part for one in given), "text")


def json(name: str) -> Function:
    """Return the function that writes JSON by our function ``name``."""

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


def string(given: Sequence[Value], place: Place) -> Value:
    """Return what Go prints of a value, as a text."""
    code = given[0].text(place)
    return Value(f"({code})|string", "text")


def quotes(mark: str) -> Function:
    """Return the function that puts a text between quotes of the kind ``mark``."""

    def function(given: Sequence[Value], place: Place) -> Value:
        if mark == '"':
            return Value(f"go_quote({text(given[0], place)})", "text")
        return Value(f'"\'" + {text(given[0], place)} + "\'"', "text")

    return function
