"""A text in Go's template language to its pieces: text, and actions with their words, each with line and column.

The language is that of Go's ``text/template``: ``{{`` and ``}}``, dashes that trim the
white space beside them, comments, and within an action numbers, strings, fields
(``.A.B``), variables, names, parentheses and pipes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from etl.errors import UsageError, quoted

# White space as Go's template lexer trims it.
_SPACE = " \t\r\n"
_WORD = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<string>"(?:[^"\\\n]|\\.)*")
    |(?P<raw>`[^`]*`)
    |(?P<number>[+-]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?)(?![\w.]))
    |(?P<field>(?:\.[^\W\d]\w*)+)
    |(?P<dot>\.(?!\w))
    |(?P<variable>\$\w*(?:\.[^\W\d]\w*)*)
    |(?P<name>[^\W\d]\w*)
    |(?P<mark>:=|=|\||\(|\)|,)""",
    re.VERBOSE,
)
_ESCAPE = re.compile(
    r"\\(?:(?P<plain>[abfnrtv\\'\"])|x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})|(?P<o>[0-7]{3})|(?P<bad>.))"
)
_COMMENT_END = re.compile(r"[ \t\r\n]*(?P<trim>-?)\}\}")
_PLAIN = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class TemplateError(UsageError):
    """A Go template says what cannot be translated; the message begins with line and column."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: line and column, from 1."""

    line: int
    column: int

    def refuse(self, why: str) -> TemplateError:
        """Return the error that says why this cannot be translated."""
        return TemplateError(f"line {self.line}, column {self.column}: {why}")


@dataclass(frozen=True, slots=True)
class Word:
    """One word of an action: its kind, its value (strings unquoted), where it stands, and whether space was before it."""

    kind: str
    text: str
    place: Place
    spaced: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text, or (``words`` is not null) an action."""

    place: Place
    text: str = ""
    words: tuple[Word, ...] | None = None


def pieces(source: str) -> Iterator[Piece]:
    """Yield the pieces of ``source`` in order; comments are gone, trims are done. Raises ``TemplateError``."""
    at, trim = 0, False
    while True:
        opened = source.find("{{", at)
        text = source[at:] if opened < 0 else source[at:opened]
        if trim:
            text = text.lstrip(_SPACE)
        if opened < 0:
            if text:
                yield Piece(_place(source, at), text)
            return
        begin = opened + 2
        if source[begin : begin + 1] == "-" and source[begin + 1 : begin + 2] in _SPACE:
            text, begin = text.rstrip(_SPACE), begin + 1
        if text:
            yield Piece(_place(source, at), text)
        words, at, trim = _action(source, opened, begin)
        if words is not None:
            yield Piece(_place(source, opened), words=words)


def _action(source: str, opened: int, begin: int) -> tuple[tuple[Word, ...] | None, int, bool]:
    """Read one action from ``begin``: its words (null for a comment), where the text goes on, whether it is trimmed."""
    after = len(source) - len(source[begin:].lstrip(_SPACE))
    if source.startswith("/*", after):
        closed = source.find("*/", after)
        end = _COMMENT_END.match(source, closed + 2)
        if closed < 0 or end is None:
            raise _place(source, opened).refuse("the comment is not closed")
        return None, end.end(), bool(end["trim"])
    words: list[Word] = []
    at, spaced = begin, False
    while not source.startswith("}}", at):
        if spaced and source.startswith("-}}", at):
            return tuple(words), at + 3, True
        if at >= len(source):
            raise _place(source, opened).refuse("the action is not closed")
        found = _WORD.match(source, at)
        if found is None:
            raise _place(source, at).refuse(f"{quoted(source[at], 1)!r} means nothing here")
        spaced_before, spaced = spaced, found.lastgroup == "space"
        if not spaced:
            words.append(_word(found, _place(source, at), spaced=spaced_before))
        at = found.end()
    return tuple(words), at + 2, False


def _word(found: re.Match[str], place: Place, *, spaced: bool) -> Word:
    kind, text = str(found.lastgroup), found[0]
    if kind == "string":
        return Word(kind, _unquoted(text[1:-1], place), place, spaced)
    if kind == "raw":
        return Word("string", text[1:-1], place, spaced)
    return Word(kind, text, place, spaced)


def _unquoted(body: str, place: Place) -> str:
    def one(found: re.Match[str]) -> str:
        if found["bad"]:
            raise place.refuse(f"the string has an escape that Go does not know: \\{found['bad']}")
        if found["plain"]:
            return _PLAIN.get(found["plain"], found["plain"])
        if found["o"]:
            return chr(int(found["o"], 8))
        return chr(int(found["x"] or found["u"] or found["U"], 16))

    return _ESCAPE.sub(one, body)


def _place(source: str, at: int) -> Place:
    return Place(source.count("\n", 0, at) + 1, at - source.rfind("\n", 0, at))
