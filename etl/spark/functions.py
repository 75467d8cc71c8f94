"""Functions of single values: DuckDB's names and meanings to Spark's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pyarrow as pa
from sqlglot import exp

from etl import manifest, schema
from etl.errors import StatementError
from etl.spark import regexes

_COLUMNS = [*schema.FULL_DAY_SCHEMA, *manifest.FULL_SNAPSHOT_SCHEMA]
# The columns that hold keys and values: Spark writes them as text in another way.
_MAPS = frozenset(field.name for field in _COLUMNS if pa.types.is_map(field.type))
# What has a length that is no text's; namespaces are coverage's.
_LISTS = frozenset(
    {"namespaces", *(field.name for field in _COLUMNS if pa.types.is_list(field.type))}
)


def made(node: exp.Expr) -> exp.Expr | None:
    """Return what stands in Spark's SQL for a function, null where sqlglot knows it as it is."""
    if isinstance(node, exp.Anonymous):
        named = _NAMED.get(node.name.lower())
        return named(node.expressions) if named else None
    typed = _TYPED.get(type(node))
    return typed(node) if typed else None


def _hash(arguments: Sequence[exp.Expr]) -> exp.Expr:
    """Return 64 bits of all values; Spark's leaves nulls out, so that two rows could look alike."""
    parts = []
    for one in arguments:
        parts += [exp.Is(this=exp.paren(one.copy()), expression=exp.Null()), one.copy()]
    return _call("xxhash64", *parts)


def _gcd(arguments: Sequence[exp.Expr]) -> exp.Expr:
    """Return the greatest common divisor of two literals: Spark has no function for it."""
    try:
        numbers = [int(float(_plain(one))) for one in arguments]
    except ValueError as error:
        message = "gcd() takes numbers on Spark, not columns"
        raise StatementError(message) from error
    return exp.Literal.number(math.gcd(*numbers))


def _plain(node: exp.Expr) -> str:
    while isinstance(node, (exp.Cast, exp.Paren)):
        node = node.this
    return node.name if isinstance(node, exp.Literal) else ""


def _position(arguments: Sequence[exp.Expr]) -> exp.Expr:
    """Return the place of a value in a list from 1 on, null where it is not; Spark says 0."""
    found = _call("array_position", *arguments)
    return exp.func("nullif", found, exp.Literal.number(0))


def _extract(arguments: Sequence[exp.Expr]) -> exp.Expr:
    return _call("try_element_at", arguments[0].copy(), exp.cast(arguments[1].copy(), "int"))


def _contains(node: exp.Expr) -> exp.Expr:
    """Say whether a list has a value: of a list with nulls DuckDB knows that it has not."""
    values, one = node.this, node.expression
    if isinstance(values, exp.Null):
        return exp.cast(exp.Null(), "boolean")
    if isinstance(values, exp.Array) and not values.expressions:
        return exp.Boolean(this=False)
    found = _call("array_contains", values.copy(), one.copy())
    if isinstance(values, exp.Array) and not any(
        isinstance(value, exp.Null) for value in values.expressions
    ):
        return found
    unknown = exp.or_(
        exp.Is(this=values.copy(), expression=exp.Null()),
        exp.Is(this=exp.paren(one.copy()), expression=exp.Null()),
    )
    return exp.func(
        "coalesce",
        found,
        exp.Case(ifs=[exp.If(this=unknown, true=exp.Null())], default=exp.false()),
    )


def _bracket(node: exp.Expr) -> exp.Expr | None:
    """Return an element of a list, null where there is none: in ANSI mode Spark would stop."""
    index = node.expressions[0]
    if not isinstance(index, exp.Literal) or index.is_string:
        return None
    # sqlglot counts from 0 within.
    return _call("try_element_at", node.this.copy(), exp.Literal.number(int(index.name) + 1))


def _series(node: exp.Expr) -> exp.Expr:
    """Return what lies between two ends; none where they are the wrong way round: Spark would stop."""
    start, end, step = node.args["start"], node.args["end"], node.args.get("step")
    arguments = [start.copy(), end.copy(), *([step.copy()] if step else [])]
    forward = exp.LTE(this=exp.paren(start.copy()), expression=exp.paren(end.copy()))
    return exp.Case(ifs=[exp.If(this=forward, true=_call("sequence", *arguments))])


def _length(node: exp.Expr) -> exp.Expr | None:
    """Return how many elements a list has; Spark's length is of texts alone."""
    if isinstance(node.this, exp.Array):
        return exp.Literal.number(len(node.this.expressions))
    if isinstance(node.this, exp.Column) and node.this.name.lower() in _LISTS:
        return _call("cardinality", node.this.copy())
    return None


def _text_of_map(node: exp.Expr) -> exp.Expr | None:
    if not node.is_type(exp.DType.TEXT) or not (
        isinstance(node.this, exp.Column) and node.this.name.lower() in _MAPS
    ):
        return None
    return _call("to_json", node.this.copy())


def _distinct(node: exp.Expr) -> exp.Expr:
    return _call("array_compact", _call("array_distinct", node.this.copy()))


def _pattern(node: exp.Expr | None) -> str:
    """Return a regular expression that is a literal, or several put together."""
    match node:
        case exp.Paren():
            return _pattern(node.this)
        case exp.DPipe():
            return _pattern(node.this) + _pattern(node.expression)
        case exp.Concat():
            return "".join(_pattern(one) for one in node.expressions)
        case exp.Literal() if node.is_string:
            return node.name
    message = "a regular expression has to be a text on Spark, not what a row says"
    raise StatementError(message)


def _options(node: exp.Expr, name: str) -> str:
    found = node.args.get(name)
    return found.name if isinstance(found, exp.Literal) else ""


def _matches(text: exp.Expr, pattern: str) -> exp.Expr:
    return exp.paren(exp.RegexpLike(this=text.copy(), expression=exp.Literal.string(pattern)))


def _like(node: exp.Expr) -> exp.Expr | None:
    if isinstance(node.expression, exp.Null):
        return exp.cast(exp.Null(), "boolean")
    return _matches(node.this, regexes.java(_pattern(node.expression), _options(node, "flag")))


def _full_match(node: exp.Expr) -> exp.Expr:
    if isinstance(node.expression, exp.Null):
        return exp.cast(exp.Null(), "boolean")
    return _matches(node.this, regexes.whole(_pattern(node.expression), _options(node, "options")))


def _found(node: exp.Expr) -> exp.Expr:
    pattern = regexes.java(_pattern(node.expression), _options(node, "parameters"))
    group = node.args.get("group") or exp.Literal.number(0)
    name = "regexp_extract_all" if isinstance(node, exp.RegexpExtractAll) else "regexp_extract"
    return _call(name, node.this.copy(), exp.Literal.string(pattern), group.copy())


def _replaced(node: exp.Expr) -> exp.Expr:
    """Return a text with matches replaced: all with the letter g, else the first, which Spark cannot."""
    pattern, options = _pattern(node.expression), _options(node, "modifiers")
    put = _pattern(node.args["replacement"])
    if "g" in options:
        pattern, put = regexes.java(pattern, options), regexes.replaced(put)
    else:
        put = regexes.first_replaced(pattern, put)
        pattern = regexes.first(pattern, options)
    return _call(
        "regexp_replace", node.this.copy(), exp.Literal.string(pattern), exp.Literal.string(put)
    )


def _split(node: exp.Expr) -> exp.Expr:
    pattern = exp.Literal.string(regexes.java(_pattern(node.expression)))
    return _call("split", node.this.copy(), pattern)


def _renamed(name: str) -> Callable[[Sequence[exp.Expr]], exp.Expr]:
    return lambda arguments: _call(name, *(one.copy() for one in arguments))


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


_NAMED: dict[str, Callable[[Sequence[exp.Expr]], exp.Expr]] = {
    "gcd": _gcd,
    "hash": _hash,
    "list_extract": _extract,
    "list_position": _position,
    "strlen": _renamed("octet_length"),
}
_TYPED: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr | None]] = {
    exp.ArrayContains: _contains,
    exp.ArrayDistinct: _distinct,
    exp.ArrayOverlaps: lambda node: _call(
        "arrays_overlap", node.this.copy(), node.expression.copy()
    ),
    exp.Bracket: _bracket,
    exp.Cast: _text_of_map,
    exp.GenerateSeries: _series,
    exp.Length: _length,
    exp.RegexpExtract: _found,
    exp.RegexpExtractAll: _found,
    exp.RegexpFullMatch: _full_match,
    exp.RegexpLike: _like,
    exp.RegexpReplace: _replaced,
    exp.RegexpSplit: _split,
}
