"""sprig's functions of texts, lists of texts and times, as expressions of a leaf."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from etl.migrate.expression import Value, literal
from etl.migrate.gotext import Place

Function = Callable[[Sequence[Value], Place], Value]


def text(value: Value, place: Place) -> str:
    """Return a text argument as an operand; Go itself fails where it is none."""
    if value.kind not in {"text", "label"}:
        raise place.refuse(f"a text is wanted where a {value.name or value.kind} is given")
    return value.given().part


def filtered(name: str) -> Function:
    """Return the function that is one of our filters of a text."""
    return lambda given, place: Value(f"{text(given[0], place)}|{name}", "text")


def method(method: str, *, kind: str = "text") -> Function:
    """Return a method of the last argument that takes the first: sprig turns them round for pipes."""

    def function(given: Sequence[Value], place: Place) -> Value:
        code = f"{text(given[1], place)}.{method}({text(given[0], place)})"
        return Value(code, "bool" if kind == "bool" else "text")

    return function


def contains(given: Sequence[Value], place: Place) -> Value:
    """Return whether the first text is in the second."""
    return Value(f"{text(given[0], place)} in {text(given[1], place)}", "bool")


def trunc(given: Sequence[Value], place: Place) -> Value:
    """Return the first, or for a negative number the last, bytes of a text."""
    length = given[0].constant
    if given[0].kind != "int" or length is None:
        raise place.refuse("trunc wants a number that is written out")
    piece = f"{length}, none" if length.startswith("-") else f"none, {length}"
    return Value(f"go_cut({text(given[1], place)}, {piece})", "text")


def substr(given: Sequence[Value], place: Place) -> Value:
    """Return the bytes of a text from one place up to another."""
    start, end = given[0].constant, given[1].constant
    if start is None or end is None:
        raise place.refuse("substr wants numbers that are written out")
    first = "none" if start.startswith("-") else start
    last = "none" if end.startswith("-") else end
    return Value(f"go_cut({text(given[2], place)}, {first}, {last})", "text")


def replace(given: Sequence[Value], place: Place) -> Value:
    """Return a text in which the one is the other."""
    old, new, whole = (text(one, place) for one in given)
    return Value(f"{whole}|replace({old}, {new})", "text")


def join(given: Sequence[Value], place: Place) -> Value:
    """Return the texts of a list with something between them."""
    if given[1].kind != "list":
        raise place.refuse("join wants a list")
    return Value(f"{given[1].part}|join({text(given[0], place)})", "text")


def split(given: Sequence[Value], place: Place) -> Value:
    """Return the parts of a text between its separators."""
    return Value(f"{text(given[1], place)}.split({text(given[0], place)})", "list")


def list_(given: Sequence[Value], place: Place) -> Value:
    """Return texts as a list."""
    return Value(f"[{', '.join(text(one, place) for one in given)}]", "list")


def end(which: str) -> Function:
    """Return the function that takes ``which``, first or last, of a list."""

    def function(given: Sequence[Value], place: Place) -> Value:
        if given[0].kind != "list":
            raise place.refuse(f"{which} wants a list")
        return Value(f"{given[0].part}|{which}", "text")

    return function


def cat(given: Sequence[Value], place: Place) -> Value:
    """Return texts with blanks between them."""
    return Value(" + ' ' + ".join(text(one, place) for one in given), "text")


def trimmed(given: Sequence[Value], place: Place) -> Value:
    """Return a text without the white space at its ends, as Go knows it."""
    return Value(f"{text(given[0], place)}.strip(' \\t\\r\\n\\v\\f\\x85\\xa0')", "text")


def date(given: Sequence[Value], place: Place) -> Value:
    """Return a time in a layout of Go."""
    if given[1].kind != "time":
        raise place.refuse("date wants a time")
    zone = f", {literal(given[1].name)}" if given[1].name else ""
    return Value(f"go_date({text(given[0], place)}, {given[1].code}{zone})", "text")
