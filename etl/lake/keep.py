"""Views to tables in memory: what a session is asked again it merges, counts, rolls up and proves once.

Counting is most of the work of an answer over open days, and a page asks twenty times. Two ways:
``keep_counts`` holds keys and counts only, for a session that happens to be asked twice;
``keep_rows`` holds whole rows, for one that knows that it will be asked many times.
"""

from __future__ import annotations

import duckdb

from etl.statements import statement

_COUNTS = ("occurrences", "owners")
_STEPS = ("merged", *_COUNTS)


def keep_counts(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep what each state of open days adds, and who made which object.

    Of 2.2 s for an answer over two days of 333,000 observations that spares 1.7. Owners are kept
    because in a union DuckDB 2.0 looks for them even where nobody asks for workloads.
    """
    for view in _COUNTS:
        _keep(connection, view)


def keep_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep the states of open days as they are told, whole, but for the patterns of their messages.

    For 667,000 states that takes 1.8 s and 440 MB, and each answer then 0.01 s instead of 0.2 to
    0.5. Wants views in which no sealed day is outdated: a state could not be told from one of those.
    """
    # The order of rows in the files says nothing: keeping it takes a third more time.
    connection.execute("set preserve_insertion_order = false")
    try:
        for view in _STEPS:
            _keep(connection, view)
        connection.execute("drop table if exists kept_once")
        connection.sql(statement("lake/keeping").text).create("kept_once")
    finally:
        connection.execute("reset preserve_insertion_order")
    connection.sql(statement("lake/kept").text).create_view("rolled_up")
    connection.sql(statement("lake/kept_states").text).create_view("merged")
    # Counted already: nothing looks at these any more.
    for view in _STEPS:
        connection.execute(f"drop table {view}_once")


def keep_proof(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep what is proven: eight of the reports ask for it, and a month of lists takes a while to put together.

    The ledger's rows come first, because coverage looks at them five times: 0.26 s instead of 0.6 for
    4,320 lists, and nothing from then on.
    """
    for view in ("ledger", "coverage_by_namespace", "coverage"):
        _keep(connection, view)


def _keep(connection: duckdb.DuckDBPyConnection, view: str) -> None:
    """Put a table of its rows in the place of ``view``."""
    table = f"{view}_once"
    connection.execute(f"drop table if exists {table}")
    connection.view(view).create(table)
    connection.table(table).create_view(view)
