"""Clauses that DuckDB has and Spark has not, to clauses that both have; a tree is changed in place."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from etl.errors import StatementError

# What Spark takes as a limit; more is none.
_MOST_ROWS = 2**31 - 1
_QUALIFIED = "qualified_row"


def fitted(tree: exp.Expr) -> None:
    """Turn every clause of ``tree`` into one of Spark's."""
    for union in reversed(list(tree.find_all(exp.Union))):
        if union.args.get("by_name") and not (
            isinstance(union.parent, exp.Union) and union.parent.args.get("by_name")
        ):
            _by_position(union)
    for cte in tree.find_all(exp.CTE):
        # A wish that Spark does not know; it decides by itself.
        cte.set("materialized", None)
    for limit in list(tree.find_all(exp.Limit)):
        _limited(limit)
    for join in tree.find_all(exp.Join):
        _on(join)
    for inner in list(tree.find_all(exp.In)):
        _listed(inner)
    for select in list(tree.find_all(exp.Select)):
        _one_generator(select)
        _qualified(select)
    for table in list(tree.find_all(exp.Table)):
        if isinstance(table.this, exp.GenerateSeries):
            _series(table)


def _by_position(union: exp.Union) -> None:
    """Give all branches of UNION BY NAME the columns of all, in the order in which they come first."""
    branches = list(_branches(union))
    names: list[str] = []
    for branch in branches:
        if any(isinstance(one, exp.Star) or one.name == "*" for one in branch.expressions):
            message = (
                "UNION BY NAME has to name its columns on Spark: it cannot tell those of a star"
            )
            raise StatementError(message)
        names += [one.alias_or_name for one in branch.expressions if one.alias_or_name not in names]
    for branch in branches:
        known = {one.alias_or_name: one for one in branch.expressions}
        branch.set(
            "expressions", [known.get(name) or exp.alias_(exp.Null(), name) for name in names]
        )
    for one in [union, *union.find_all(exp.Union)]:
        one.set("by_name", None)


def _branches(query: exp.Expr) -> Sequence[exp.Select]:
    if isinstance(query, exp.Union):
        return [*_branches(query.this), *_branches(query.expression)]
    found = query.unnest() if isinstance(query, exp.Subquery) else query
    return [found] if isinstance(found, exp.Select) else []


def _limited(limit: exp.Limit) -> None:
    """Leave out a limit that stands for none."""
    if limit.expression.is_int and int(limit.expression.name) > _MOST_ROWS:
        limit.pop()


def _on(join: exp.Join) -> None:
    """Say which columns have to be equal: USING moves them to the front in Spark, also where it only filters."""
    using = join.args.get("using")
    select = join.parent_select
    if not using or select is None or join.kind.upper() not in {"SEMI", "ANTI"}:
        return
    left, right = select.args["from_"].this.alias_or_name, join.this.alias_or_name
    equal = [
        exp.EQ(this=exp.column(one.name, left), expression=exp.column(one.name, right))
        for one in using
    ]
    join.set("using", None)
    join.set("on", exp.and_(*equal))


def _listed(inner: exp.In) -> None:
    """Say IN a list where DuckDB had better make a join of it: so it reaches the files as a filter."""
    query = inner.args.get("query")
    select = query.unnest() if isinstance(query, exp.Subquery) else query
    if (
        not isinstance(select, exp.Select)
        or len(select.expressions) != 1
        or select.args.get("from_")
    ):
        return
    made = select.expressions[0].unalias()
    if isinstance(made, (exp.Explode, exp.Unnest)):
        values = made.this if isinstance(made, exp.Explode) else made.expressions[0]
        if isinstance(values, exp.Array) and all(
            isinstance(one, exp.Literal) for one in values.expressions
        ):
            inner.set("query", None)
            inner.set("expressions", [one.copy() for one in values.expressions])


def _one_generator(select: exp.Select) -> None:
    """Let several lists become rows side by side: Spark takes one generator in a SELECT."""
    made = [one for one in select.expressions if isinstance(one.unalias(), exp.Explode)]
    if len(made) < 2:  # noqa: PLR2004 -- several
        return
    lists = [one.unalias().this.copy() for one in made]
    zipped = exp.func("inline", exp.Anonymous(this="arrays_zip", expressions=lists))
    names = [exp.to_identifier(one.alias) for one in made]
    rest = [one for one in select.expressions if one not in made]
    # Spark hands the columns out by name, so their order may change.
    select.set("expressions", [*rest, exp.Aliases(this=zipped, expressions=names)])


def _qualified(select: exp.Select) -> None:
    """Filter by a window in a query around: sqlglot would leave its column in the answer of a star."""
    qualify = select.args.get("qualify")
    if qualify is None:
        return
    within = select.copy()
    within.set("qualify", None)
    outside = {}
    for clause in ("with_", "order", "limit", "offset"):
        outside[clause] = within.args.get(clause)
        within.set(clause, None)
    within.append("expressions", exp.alias_(exp.paren(qualify.this.copy()), _QUALIFIED))
    rows = exp.Subquery(this=within, alias=exp.TableAlias(this=exp.to_identifier("qualified")))
    star = exp.Star(except_=[exp.to_identifier(_QUALIFIED)])
    made = exp.select(star).from_(rows).where(exp.column(_QUALIFIED))
    for clause, given in outside.items():
        made.set(clause, given)
    select.replace(made) if select.parent else _become(select, made)


def _become(select: exp.Select, made: exp.Select) -> None:
    """Put ``made`` in the place of the whole statement, which has nothing around it."""
    for name in list(select.args):
        select.set(name, None)
    for name, value in made.args.items():
        select.set(name, value)


def _series(table: exp.Table) -> None:
    alias = table.args.get("alias")
    columns = alias.args.get("columns") if alias else None
    name = columns[0].name if columns else "generate_series"
    rows = exp.select(exp.alias_(exp.Explode(this=table.this.copy()), name))
    within = exp.TableAlias(this=alias.this) if alias else None
    table.replace(exp.Subquery(this=rows, alias=within))
