"""Aggregates: what DuckDB leaves out, counts and puts in order, as Spark has to be told."""

from __future__ import annotations

from sqlglot import exp

from etl.errors import StatementError

_STRUCT = "struct"


def made(node: exp.Expr) -> exp.Expr | None:  # noqa: PLR0911 -- a table
    """Return what stands in Spark's SQL for an aggregate, null for anything else."""
    match node:
        case exp.ArgMax():
            return _by(node, "max_by")
        case exp.ArgMin():
            return _by(node, "min_by")
        case exp.ArrayAgg() if not isinstance(node.parent, exp.Filter):
            return _list(node, None)
        case exp.Filter():
            return _filtered(node)
        case exp.Window() if isinstance(node.this, exp.Filter):
            node.set("this", _counting_only(node.this))
            return None
        case exp.Anonymous() if node.name.lower() == "row":
            return exp.Anonymous(this=_STRUCT, expressions=node.expressions)
    return None


def _by(node: exp.ArgMax | exp.ArgMin, name: str) -> exp.Expr:
    """Return the value beside the greatest or least key; rows without value do not count in DuckDB."""
    value, key = node.this, node.expression
    found = exp.Anonymous(this=name, expressions=[value.copy(), _in_order(key)])
    if isinstance(value, exp.Struct) or _is_struct(value):
        return found
    return _where(found, exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null())))


def _in_order(key: exp.Expr) -> exp.Expr:
    """Return a key that sorts nulls within a row last, as DuckDB does; in Spark they come first."""
    if not _is_struct(key):
        return key.copy()
    parts = []
    for one in key.expressions:
        parts += [exp.Is(this=exp.paren(one.copy()), expression=exp.Null()), one.copy()]
    return exp.Anonymous(this=_STRUCT, expressions=parts)


def _is_struct(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.lower() in {_STRUCT, "row"}


def _filtered(node: exp.Filter) -> exp.Expr | None:
    condition = node.expression.this
    if isinstance(node.this, exp.ArrayAgg):
        return _list(node.this, condition)
    if isinstance(node.this, exp.Filter):
        within = node.this
        both = exp.and_(within.expression.this.copy(), condition.copy())
        return _where(within.this.copy(), both)
    return None


def _counting_only(node: exp.Filter) -> exp.Expr:
    """Return an aggregate over a window that filters in its argument: Spark has no FILTER there."""
    aggregate: exp.Expr = node.this.copy()
    condition = node.expression.this
    argument = aggregate.this
    value = exp.Literal.number(1) if isinstance(argument, exp.Star) else argument.copy()
    aggregate.set("this", exp.Case(ifs=[exp.If(this=condition.copy(), true=value)]))
    return aggregate


def _list(node: exp.ArrayAgg, condition: exp.Expr | None) -> exp.Expr:
    """Return the list of values in their order, nulls too; null where there was no row."""
    value, keys = node.this, []
    if isinstance(value, exp.Order):
        for one in value.expressions:
            if one.args.get("desc"):
                message = "a list in descending order cannot be put into Spark's SQL: reverse it afterwards"
                raise StatementError(message)
            keys.append(one.this)
        value = value.this
    parts: list[exp.Expr] = []
    for number, key in enumerate(keys):
        parts += [
            exp.alias_(exp.Is(this=exp.paren(key.copy()), expression=exp.Null()), f"n{number}"),
            exp.alias_(key.copy(), f"k{number}"),
        ]
    parts.append(exp.alias_(value.copy(), "v"))
    rows: exp.Expr = exp.Anonymous(
        this="array_agg", expressions=[exp.Anonymous(this=_STRUCT, expressions=parts)]
    )
    if condition is not None:
        rows = _where(rows, condition.copy())
    ordered = exp.Anonymous(this="array_sort", expressions=[rows.copy()]) if keys else rows.copy()
    element = exp.Lambda(
        this=exp.Dot(this=exp.to_identifier("e"), expression=exp.to_identifier("v")),
        expressions=[exp.to_identifier("e")],
    )
    values = exp.Anonymous(this="transform", expressions=[ordered, element])
    empty = exp.EQ(this=exp.func("size", rows), expression=exp.Literal.number(0))
    return exp.Case(ifs=[exp.If(this=empty, true=exp.Null())], default=values)


def _where(aggregate: exp.Expr, condition: exp.Expr) -> exp.Filter:
    return exp.Filter(this=aggregate, expression=exp.Where(this=condition))
