"""A value within a translated template: its Jinja expression, what it is in Go, and how Go prints it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from etl.migrate.gotext import Place

Kind = Literal["text", "int", "bool", "time", "map", "label", "list", "struct", "mixed", "nil"]
_ESCAPED = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SIMPLE = re.compile(r"[\w.]+|'[^']*'|[\w.]+\([\w.', /<>-]*\)")


@dataclass(frozen=True, slots=True)
class Value:
    """A Jinja expression and its kind in Go.

    ``label`` is what a key of a map has, which may be nothing: Go prints ``<no value>``
    then, and ``name`` is the expression that is empty instead. A ``struct`` has a
    ``name``, by which its fields are known. A ``time`` has the zone that it is printed in.
    ``constant`` is the text of a constant.
    """

    code: str
    kind: Kind
    name: str = ""
    constant: str | None = None

    @property
    def part(self) -> str:
        """The expression as an operand of another one."""
        return self.code if _SIMPLE.fullmatch(self.code) else f"({self.code})"

    def text(self, place: Place) -> str:
        """Return the expression of what Go prints for it."""
        if self.kind in {"text", "int", "label"}:
            return self.code
        if self.kind == "bool":
            return f"'true' if {self.code} else 'false'"
        if self.kind == "time":
            return f"go_time({self.code}{f', {literal(self.name)}' if self.name else ''})"
        if self.kind == "map":
            return f"go_map({self.code})"
        if self.kind == "list":
            return f"'[' + {self.part}|join(' ') + ']'"
        if self.kind == "nil":
            return literal("<no value>")
        raise place.refuse(
            f"Go's own form of the whole {self.name} cannot be printed; write toJson before it"
        )

    def given(self) -> Value:
        """Return it as an argument that may be empty: a label that is not there is an empty text."""
        if self.kind == "label":
            return Value(self.name, "text")
        return self

    def truth(self) -> str:
        """Return the expression of whether Go takes it for true."""
        if self.kind == "time" or (self.kind == "struct" and not self.name.startswith("*")):
            # A struct always is, also the time of nothing.
            return "true"
        if self.kind == "nil":
            return "false"
        return self.given().code


def literal(text: str) -> str:
    """Return a text as a Jinja constant."""
    shown = "".join(_ESCAPED.get(c) or (c if c.isprintable() else _code(c)) for c in text)
    return f"'{shown}'"


def constant(text: str) -> Value:
    """Return a text of the template as a value."""
    return Value(literal(text), "text", constant=text)


def _code(character: str) -> str:
    code = ord(character)
    if code < 0x100:  # noqa: PLR2004 -- what \x can say
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 -- and \u
