"""Text for a terminal: widths in columns, lines wrapped with an indent, tables aligned.

A Chinese character takes two columns and may end a line anywhere; Latin words break at
spaces. ``len`` knows neither.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from functools import lru_cache

_GAP = "  "
_NARROWEST = 8
_NEVER_FIRST = "，。：；、！？）】》」』…"
_NEVER_LAST = "（【《「『"


def width(text: str) -> int:
    """Return the columns that ``text`` takes on a terminal."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def wrapped(text: str, columns: int, *, first: str = "", rest: str = "") -> str:
    """Break ``text`` into lines of at most ``columns``; ``first`` and ``rest`` start the lines.

    A word longer than a line stays whole: a name or an address that is cut cannot be copied.
    """
    lines, line, used = [], first, width(first)
    empty = True
    for word, spaced in _words(text):
        gap = " " if spaced and not empty else ""
        size = width(word)
        if not empty and used + len(gap) + size > columns:
            lines.append(line)
            line, used, gap = rest, width(rest), ""
        line += gap + word
        used += len(gap) + size
        empty = False
    return "\n".join([*lines, line])


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Collection[int],
    columns: int | None,
) -> str:
    """Align ``rows`` below ``header``; the columns in ``right`` are numbers.

    Where ``columns`` is given, the widest column is shortened until the table fits.
    """
    cells = [list(header), *(list(row) for row in rows)]
    widths = [max(width(row[i]) for row in cells) for i in range(len(header))]
    while columns and sum(widths) + len(_GAP) * (len(widths) - 1) > columns:
        widest = widths.index(max(widths))
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
    return "\n".join(_row(row, widths, right) for row in cells)


def fitted(text: str, columns: int) -> str:
    """Return ``text`` shortened in its middle to ``columns``: names differ at both ends."""
    if width(text) <= columns:
        return text
    tail: list[str] = []
    for character in reversed(text):
        if width("".join(tail)) + _columns(character) > (columns - 1) // 2:
            break
        tail.insert(0, character)
    head: list[str] = []
    for character in text:
        if width("".join([*head, *tail])) + _columns(character) > columns - 1:
            break
        head.append(character)
    return "".join([*head, "…", *tail])


def _row(cells: Sequence[str], widths: Sequence[int], right: Collection[int]) -> str:
    parts = []
    for number, (cell, columns) in enumerate(zip(cells, widths, strict=True)):
        shown = fitted(cell, columns)
        space = " " * (columns - width(shown))
        parts.append(space + shown if number in right else shown + space)
    return _GAP.join(parts).rstrip()


def _words(text: str) -> list[tuple[str, bool]]:
    """Split into what must stay together, each with whether a space stands before it."""
    found: list[tuple[str, bool]] = []
    for chunk in text.split(" "):
        if chunk.isascii():
            found += [(chunk, True)] if chunk else []
            continue
        word, spaced = "", True
        for character in chunk:
            if word and _breaks(word[-1], character):
                found.append((word, spaced))
                word, spaced = "", False
            word += character
        if word:
            found.append((word, spaced))
    return found


def _breaks(before: str, after: str) -> bool:
    """Whether a line may end between two characters: beside a wide one, but not at a bracket's or comma's wrong side."""
    if _columns(after) == 0 or after in _NEVER_FIRST or before in _NEVER_LAST:
        return False
    return _columns(before) > 1 or _columns(after) > 1


@lru_cache(maxsize=8192)
def _columns(character: str) -> int:
    if character < "\u0300":
        return 1
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
