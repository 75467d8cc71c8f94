"""Spark's errors to ours: whose fault it is, in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from etl.errors import QueryError, StatementError

if TYPE_CHECKING:
    from pyspark.errors import PySparkException


class DamagedError(QueryError):
    """A file cannot be read to its end."""


@contextmanager
def told() -> Iterator[None]:
    """Turn what Spark says into our errors."""
    from pyspark.errors import PySparkException  # noqa: PLC0415 -- an extra

    try:
        yield
    except PySparkException as error:
        raise _said(error) from error


def _said(error: PySparkException) -> QueryError:
    condition = error.getCondition() or ""
    text = " ".join(str(error).split("\n\nJVM stacktrace")[0].split())[:500]
    if condition.startswith("FAILED_READ_FILE"):
        return DamagedError(text)
    # 42: the statement; 22: its values.
    if (error.getSqlState() or "")[:2] in {"42", "22"}:
        return StatementError(text)
    return QueryError(text)
