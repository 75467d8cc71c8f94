"""One day's files to its counted events: a session that counts in slices, to stay within its memory.

The statements that count an open day run here, unchanged, over one slice of lineages
after the other: what has to be in memory at once is a slice, not a day. For 3 million
observations that is 12 s, slicing included, where all at once takes 18 s, most of it
for writing to disk what does not fit (measured with 1 GB).
"""

from __future__ import annotations

from datetime import date

import duckdb

from etl.errors import QueryError
from etl.lake.layout import Lake
from etl.lake.partitions import DAY, Sources
from etl.lake.query import Session, first_lines
from etl.statements import statement

# What DuckDB may hold; the process has Arrow, Parquet and itself beside it. With 700 MB the
# sort of 3 million whole rows fails, with this the process stays below 1,536 MB.
_MEMORY = "850MB"
_SLICE = 400_000


class Counting(Session):
    """A session with the view ``events`` of one day, counted from exactly the files of ``of``."""

    def __init__(self, lake: Lake, of: Sources, *, day: date, folder: str) -> None:
        """Count ``day``; what does not fit into memory goes to ``folder`` meanwhile. Raises ``QueryError``."""
        super().__init__(
            {
                "memory_limit": _MEMORY,
                "temp_directory": folder,
                "preserve_insertion_order": "false",
            }
        )
        try:
            self._read_states(lake, of)
            self._create(["lake/merged"])
            self._count(day)
            self._create(["views/events"])
        except duckdb.Error as error:
            self.close()
            raise QueryError(first_lines(error)) from error

    def _count(self, day: date) -> None:
        connection = self._connection
        connection.sql(statement("lake/near").text).create_view("uncounted")
        _of(connection, "sliced", {"day": day}).create("sliced")
        _of(connection, "sliced_before", {"day_before": day - DAY}).insert_into("sliced")
        slices = 1 + connection.table("sliced").count("*").fetchall()[0][0] // _SLICE
        connection.execute("set variable slices = $slices", {"slices": slices})
        connection.execute("set variable slice = 0")
        connection.sql(statement("lake/slice").text).create_view("near")
        connection.sql(statement("lake/occurrences").text).create_view("counting")
        _of(connection, "slice_counted", {"day": day}).create("occurrences")
        for number in range(1, slices):
            connection.execute("set variable slice = $number", {"number": number})
            _of(connection, "slice_counted", {"day": day}).insert_into("occurrences")
        # Its memory is wanted for sorting; the views over it are not asked again.
        connection.execute("drop table sliced")


def _of(
    connection: duckdb.DuckDBPyConnection, name: str, parameters: dict[str, object]
) -> duckdb.DuckDBPyRelation:
    return connection.sql(statement(f"lake/{name}").text, params=parameters)
