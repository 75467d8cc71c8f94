"""A statement in DuckDB's SQL to its syntax tree, and a tree to a statement in Spark's."""

from __future__ import annotations

from sqlglot import exp, parse
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.dialects.spark import Spark
from sqlglot.errors import SqlglotError

from etl.errors import StatementError


class _Statements(DuckDB):
    """DuckDB's SQL without text in dollars: between two of our named parameters that would be one."""

    class Tokenizer(DuckDB.Tokenizer):
        HEREDOC_STRINGS = []  # noqa: RUF012 -- sqlglot's form


def parsed(text: str) -> exp.Expr:
    """Return the tree of one statement; raises ``StatementError``."""
    try:
        found = parse(text, read=_Statements)
    except SqlglotError as error:
        first = str(error).splitlines()[0]
        message = f"the statement cannot be put into Spark's SQL: {first}"
        raise StatementError(message) from error
    if len(found) != 1 or found[0] is None:
        message = "exactly one SELECT is wanted"
        raise StatementError(message)
    tree: exp.Expr = found[0]
    return tree


def written(tree: exp.Expr) -> str:
    """Return ``tree`` in Spark's SQL; it is used up."""
    return tree.sql(dialect=Spark, comments=False, copy=False)
