"""A statement to the steps in which Spark does it: what several parts of it ask is worked out once.

DuckDB keeps what a WITH defines when it is asked more than once. Spark puts the definition
in each of the places instead: counting open days would read their files forty times, in a
plan that no gigabyte holds. So such a definition becomes a step of its own, a view that
Spark keeps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp


@dataclass(frozen=True, slots=True)
class Step:
    """A definition that is asked more than once: the name of its view, and its query."""

    name: str
    query: exp.Expr


def steps_of(tree: exp.Expr, prefix: str) -> list[Step]:
    """Take the steps out of ``tree``, in their order; their names begin with ``prefix``."""
    steps: list[Step] = []
    # Inner ones first: they are part of what the outer ones define.
    for clause in reversed(list(tree.find_all(exp.With))):
        if not clause.recursive and not _looks_outside(clause):
            steps += _taken(clause, prefix, len(steps))
    return steps


def _taken(clause: exp.With, prefix: str, before: int) -> list[Step]:
    """Take what is asked more than once out of one WITH; each step brings along what it asks once."""
    scope = clause.parent
    defined = {cte.alias.lower(): cte for cte in clause.expressions}
    if scope is None or len(defined) != len(clause.expressions):
        return []
    steps: list[Step] = []
    kept: dict[str, exp.CTE] = {}
    for name, cte in defined.items():
        asked = _asking(scope, name)
        if len(asked) > 1 and any(cte.this.find_all(exp.Table)):
            view = f"{prefix}{before + len(steps) + 1}_{name}"
            for table in asked:
                _rename(table, view)
            columns = cte.args["alias"].args.get("columns")
            steps.append(Step(view, _alone(_with_columns(cte.this, columns), kept)))
        else:
            kept[name] = cte
    left = _behind(scope, kept, clause)
    clause.set("expressions", [cte for name, cte in kept.items() if name in left])
    if not clause.expressions:
        clause.pop()
    return steps


def _alone(query: exp.Expr, kept: Mapping[str, exp.CTE]) -> exp.Expr:
    """Return ``query`` with a WITH of its own for what it asks of ``kept``."""
    wanted = _behind(query, kept)
    made = query.copy()
    if isinstance(made, exp.Query):
        for name, cte in kept.items():
            if name in wanted:
                made = made.with_(cte.args["alias"].copy(), as_=cte.this.copy(), copy=False)
    return made


def _behind(
    query: exp.Expr, kept: Mapping[str, exp.CTE], without: exp.With | None = None
) -> set[str]:
    """Return the names among ``kept`` that ``query`` asks, those behind others too; ``without`` what the clause defines."""
    inside = {id(one) for one in without.find_all(exp.Table)} if without else set()
    found = {
        table.name.lower()
        for table in query.find_all(exp.Table)
        if id(table) not in inside and not table.db and table.name.lower() in kept
    }
    for name in list(found):
        found |= _behind(kept[name].this, {k: v for k, v in kept.items() if k != name})
    return found


def _looks_outside(clause: exp.With) -> bool:
    """Whether a WITH within another one asks what that one defines."""
    scope, outer = clause.parent, set[str]()
    above = scope.find_ancestor(exp.Query) if scope else None
    while above is not None:
        if (around := above.args.get("with_")) is not None:
            outer |= {cte.alias.lower() for cte in around.expressions}
        above = above.find_ancestor(exp.Query)
    return bool(scope and any(table.name.lower() in outer for table in scope.find_all(exp.Table)))


def _asking(scope: exp.Expr, name: str) -> list[exp.Table]:
    return [
        table for table in scope.find_all(exp.Table) if not table.db and table.name.lower() == name
    ]


def _rename(table: exp.Table, view: str) -> None:
    """Let ``table`` be another view, under the name by which its columns are asked."""
    if not table.alias:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
    table.set("this", exp.to_identifier(view))


def _with_columns(query: exp.Expr, columns: Sequence[exp.Expr] | None) -> exp.Expr:
    if not columns:
        return query
    alias = exp.TableAlias(this=exp.to_identifier("t"), columns=[one.copy() for one in columns])
    return exp.select("*").from_(exp.Subquery(this=query, alias=alias))
