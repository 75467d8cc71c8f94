"""A command to a session over its lake, on the engine that was asked for."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TYPE_CHECKING

from etl.commands.invocation import Invocation

if TYPE_CHECKING:
    from etl.lake.query import Session

SPARK = "spark"


def session(invocation: Invocation, *, many: bool = False) -> AbstractContextManager[Session]:
    """Open a session for statements of ours; ``many`` says that more than a few will be asked.

    Raises ``LakeError`` if there is no lake, ``UsageError`` where the engine is not there.
    """
    if invocation.engine == SPARK:
        from etl.spark.session import session as on_spark  # noqa: PLC0415 -- an extra

        return on_spark(
            invocation.lake,
            environ=invocation.environ,
            cluster=invocation.cluster_option,
            many=many,
        )
    from etl.lake.query import session as on_duckdb  # noqa: PLC0415 -- heavy imports only in the command that needs them

    return on_duckdb(invocation.lake, cluster=invocation.cluster_option, many=many)


def strange(
    invocation: Invocation, *, timeout: timedelta, memory: str
) -> AbstractContextManager[Session]:
    """Open a session for a statement of somebody else's, which may ask the public views alone.

    ``memory`` is what DuckDB may take; Spark's is a matter of its own configuration.
    """
    if invocation.engine == SPARK:
        from etl.spark.session import session as on_spark  # noqa: PLC0415 -- as above

        return on_spark(
            invocation.lake,
            environ=invocation.environ,
            cluster=invocation.cluster_option,
            timeout=timeout,
            strange=True,
        )
    from etl.lake.stranger import session as on_duckdb  # noqa: PLC0415 -- as above

    return on_duckdb(
        invocation.lake, cluster=invocation.cluster_option, timeout=timeout, memory=memory
    )
