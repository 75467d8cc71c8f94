"""Values that a statement binds by name, to literals of its syntax tree.

Spark's own markers would want a type for a null and know no list of nulls, and what is
converted (a regular expression) has to be known before. The tree writes each literal, so
no text is put together here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from sqlglot import exp

_MICROSECOND = timedelta(microseconds=1)


def literal(value: object) -> exp.Expr:  # noqa: PLR0911 -- a table
    """Return the literal of a value as DuckDB takes one: text, number, moment, span, list, or null."""
    match value:
        case None:
            return exp.Null()
        case bool():
            return exp.Boolean(this=value)
        case int():
            return _number(str(value))
        case float():
            return exp.cast(exp.Literal.string(repr(value)), "double")
        case str():
            return exp.Literal.string(value)
        case datetime():
            return _moment(value)
        case date():
            return exp.cast(exp.Literal.string(value.isoformat()), "date")
        case timedelta():
            return span(value)
        case Sequence():
            return exp.Array(expressions=[literal(one) for one in value])
    raise TypeError(type(value).__name__)


def span(value: timedelta) -> exp.Interval:
    """Return an interval that has the length of ``value``."""
    microseconds = exp.Literal.string(str(value // _MICROSECOND))
    return exp.Interval(this=microseconds, unit=exp.Var(this="MICROSECOND"))


def length(interval: exp.Expr) -> timedelta | None:
    """Return the length of an interval that is a literal, null for anything else."""
    if not isinstance(interval, exp.Interval) or not isinstance(interval.this, exp.Literal):
        return None
    unit = interval.text("unit").lower().removesuffix("s")
    try:
        return timedelta(**{f"{unit}s": float(interval.this.name)})
    except (TypeError, ValueError):
        # A month has no length, and the text may be anything.
        return None


def _number(text: str) -> exp.Expr:
    plain = exp.Literal.number(text.removeprefix("-"))
    return exp.Neg(this=plain) if text.startswith("-") else plain


def _moment(value: datetime) -> exp.Expr:
    """Return a moment of the session, whose timezone is UTC; one without timezone is a local time."""
    aware = value.tzinfo is not None
    text = (value.astimezone(UTC) if aware else value).replace(tzinfo=None).isoformat(" ")
    # DuckDB's names of the two types.
    return exp.cast(
        exp.Literal.string(text), "timestamptz" if aware else "timestamp", dialect="duckdb"
    )
