"""Calls of the macros of ``sql/macros`` to what they stand for: Spark has no macros over tables.

A macro's file says ``create or replace macro NAME(PARAMETERS) as [table] BODY``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from sqlglot import exp

from etl.spark.reading_sql import parsed
from etl.statements import statement

# The order in which each finds those that it calls done.
_NAMES = ("message_pattern", "slot_of", "from_local", "buckets")
_HEAD = re.compile(r"create or replace macro (\w+)\(([^)]*)\) as\s+(?:(table)\s+)?", re.IGNORECASE)
_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Macro:
    parameters: Sequence[str]
    body: exp.Expr


def expanded(tree: exp.Expr) -> exp.Expr:
    """Return ``tree`` with every call of a macro replaced by the macro's body."""
    for call in reversed(list(tree.find_all(exp.Anonymous))):
        name = call.name.lower()
        if name not in _NAMES:
            continue
        body = expanded(_body(name, call.expressions))
        table = call.parent
        if isinstance(table, exp.Table) and isinstance(body, exp.Query):
            alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(name))
            table.replace(exp.Subquery(this=body, alias=alias, joins=table.args.get("joins")))
        elif call is tree:
            tree = exp.paren(body, copy=False)
        else:
            call.replace(exp.paren(body, copy=False))
    return tree


def _body(name: str, arguments: Sequence[exp.Expr]) -> exp.Expr:
    macro = _macro(name)
    given = dict(zip(macro.parameters, arguments, strict=True))
    body = macro.body.copy()
    for column in list(body.find_all(exp.Column)):
        if not column.table and column.name.lower() in given:
            column.replace(given[column.name.lower()].copy())
    return body


@cache
def _macro(name: str) -> _Macro:
    text = _COMMENT.sub("", statement(f"macros/{name}").text).strip()
    head = _HEAD.match(text)
    if head is None:
        raise ValueError(name)
    body = text[head.end() :]
    tree = parsed(body if head[3] else f"select {body}")
    if not head[3]:
        tree = tree.expressions[0]
    return _Macro([one.strip().lower() for one in head[2].split(",")], tree)
