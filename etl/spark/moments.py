"""Moments and local times: DuckDB tells them apart by type, and asks ``timezone`` about either.

In Spark a local time is a TIMESTAMP_NTZ, a moment a TIMESTAMP of a session in UTC, and each
way has a function of its own. Which one is meant is told from the statement itself: what
``timezone`` makes of a moment is local, and so is what is made of that, by any name it gets.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlglot import exp

from etl.spark import bound

_UTC = "UTC"
_ALIKE = (exp.Add, exp.Sub, exp.Paren, exp.Explode, exp.Unnest, exp.TimestampTrunc)
_FIRST = (exp.Greatest, exp.Least, exp.Coalesce)


def local_names(tree: exp.Expr) -> frozenset[str]:
    """Return the names under which the statement has local times."""
    names: frozenset[str] = frozenset()
    aliases = list(tree.find_all(exp.Alias))
    while True:
        found = names | {one.alias.lower() for one in aliases if _is_local(one.this, names)}
        if found == names:
            return names
        names = found


def made(  # noqa: PLR0911 -- a table
    node: exp.Expr, local: Collection[str]
) -> exp.Expr | None:
    """Return what stands in Spark's SQL for a function of time, null for anything else."""
    if isinstance(node, exp.AtTimeZone):
        return _in_zone(node.this, node.args["zone"], local)
    if isinstance(node, exp.TimestampTrunc):
        unit = exp.Literal.string(node.text("unit"))
        whole = exp.Anonymous(this="date_trunc", expressions=[unit, node.this])
        return (
            exp.cast(whole, "timestamp_ntz", dialect="spark")
            if _is_local(node.this, local)
            else whole
        )
    if isinstance(node, exp.DateDiff):
        return _apart(node)
    if isinstance(node, exp.DayOfWeekIso):
        return exp.paren(
            exp.Add(this=exp.func("weekday", node.this), expression=exp.Literal.number(1))
        )
    if isinstance(node, exp.ToDays):
        return exp.func("make_dt_interval", node.this)
    if isinstance(node, exp.TimeToUnix):
        return _seconds(node)
    if isinstance(node, exp.Anonymous):
        return _named(node, local)
    return None


def _named(node: exp.Anonymous, local: Collection[str]) -> exp.Expr | None:
    arguments = node.expressions
    match node.name.lower():
        case "timezone":
            return _in_zone(arguments[1], arguments[0], local)
        case "epoch_us":
            return exp.func("unix_micros", arguments[0])
        case "epoch":
            return _seconds(exp.TimeToUnix(this=arguments[0]))
        case "make_timestamptz":
            return exp.func("timestamp_micros", arguments[0])
        case "to_seconds":
            nothing = [exp.Literal.number(0) for _ in range(3)]
            return exp.func("make_dt_interval", *nothing, exp.cast(arguments[0], "decimal(18, 6)"))
    return None


def _in_zone(moment: exp.Expr, zone: exp.Expr, local: Collection[str]) -> exp.Expr:
    utc = exp.Literal.string(_UTC)
    if _is_local(moment, local):
        return exp.cast(_converted(zone, utc, moment), "timestamp", dialect="spark")
    return _converted(utc, zone, exp.cast(moment, "timestamp_ntz", dialect="spark"))


def _converted(here: exp.Expr, there: exp.Expr, moment: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this="convert_timezone", expressions=[here, there, moment])


def _apart(node: exp.DateDiff) -> exp.Expr | None:
    """Return how many edges of a unit lie between two moments, as DuckDB counts."""
    later, earlier = node.this, node.expression
    if node.text("unit").upper() != "SECOND":
        return None
    return exp.paren(
        exp.Sub(this=exp.func("unix_seconds", later), expression=exp.func("unix_seconds", earlier))
    )


def _seconds(node: exp.TimeToUnix) -> exp.Expr:
    """Return the seconds of a literal interval, or since 1970 of a moment."""
    if (length := bound.length(node.this)) is not None:
        return bound.literal(length.total_seconds())
    return exp.paren(
        exp.Div(this=exp.func("unix_micros", node.this), expression=exp.Literal.number("1e6"))
    )


def _is_local(  # noqa: PLR0911 -- a table
    node: exp.Expr | None, names: Collection[str]
) -> bool:
    match node:
        case exp.Column():
            return node.name.lower() in names
        case exp.Anonymous() if node.name.lower() == "timezone":
            return not _is_local(node.expressions[1], names)
        case exp.Anonymous() if node.name.lower() == "convert_timezone":
            return True
        case exp.AtTimeZone():
            return not _is_local(node.this, names)
        case exp.Cast():
            return bool(node.to.this == exp.DType.TIMESTAMPNTZ)
        case exp.GenerateSeries():
            return _is_local(node.args["start"], names)
        case exp.Case():
            return any(_is_local(one.args["true"], names) for one in node.args["ifs"])
        case exp.Expr() if isinstance(node, (*_ALIKE, *_FIRST)):
            return _is_local(node.this, names)
    return False
