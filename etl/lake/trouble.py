"""DuckDB's errors to ours: whose fault it is, one line for people, and the place in the statement."""

from __future__ import annotations

import re

import duckdb

from etl.errors import QueryError, StatementError

# What DuckDB raises for a file whose footer is whole and whose pages are not (2.0).
_READING = ("Failed to read file", "arquet")
# What is shown of a long line, and how much of it stands before the mark.
_SHOWN, _SHOWN_BEFORE = 72, 40
_EXCERPT = re.compile(r"^LINE \d+: .*$\n?.*", re.MULTILINE)
# The statement can be as good as it wants: here it is the disk, the memory or DuckDB itself.
_NOT_THE_STATEMENT = (
    duckdb.IOException,
    duckdb.InternalException,
    duckdb.FatalException,
    duckdb.SerializationException,
)


def told(error: Exception) -> QueryError:
    """Return our error for one that DuckDB, or Arrow while rows were fetched, raised."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return StatementError(
            "the statement needs more memory than it may have: filter on date, ask for fewer"
            " columns, or raise sql.memory or --memory"
        )
    wrong = (
        isinstance(error, duckdb.Error)
        and type(error) is not duckdb.Error
        and not isinstance(error, _NOT_THE_STATEMENT)
        and not is_reading(error)
    )
    if not wrong:
        return QueryError(first_lines(error))
    found = _EXCERPT.search(str(error))
    return StatementError(first_lines(error), excerpt=found[0].rstrip() if found else "")


def is_reading(error: Exception) -> bool:
    """Whether the trouble may be a damaged file."""
    return isinstance(error, duckdb.Error) and (
        type(error) is duckdb.Error
        or isinstance(error, duckdb.IOException)
        or any(mark in str(error) for mark in _READING)
    )


def first_lines(error: Exception) -> str:
    """Return DuckDB's message without its marks and suggestions of internals: the first three lines."""
    text = _EXCERPT.sub("", str(error)) if isinstance(error, duckdb.Error) else str(error)
    lines = [line for line in text.splitlines() if line.strip()]
    return re.sub(r"\s+", " ", " ".join(lines[:3]))[:500]


def excerpt(text: str, byte: int) -> str:
    """Return the line of ``text`` that holds its ``byte``, with a mark below, as DuckDB shows it."""
    before = text.encode()[:byte].decode(errors="replace")
    number = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1)
    lines = text.split("\n")
    head = f"LINE {number}: "
    line = lines[number - 1]
    # A line as wide as a terminal is enough to recognise the place.
    start = max(0, column - _SHOWN_BEFORE)
    shown = line[start : start + _SHOWN]
    return f"{head}{shown}\n{' ' * (len(head) + column - start)}^"
