"""A lake to a session for statements of strangers: they see its views, and nothing else of the machine.

Two walls: what a statement says is looked through before it runs (``guard``), and DuckDB
itself is told to open nothing but the trees of the lake's data, where no message and no
secret lies. A statement has a limit of time and of memory, and nothing that it reads is put
on a disk meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import duckdb
import pyarrow as pa

from etl.lake.layout import Lake
from etl.lake.query import Session
from etl.lake.views import TREES

Relation = duckdb.DuckDBPyRelation


class Stranger(Session):
    """A session in which only one SELECT over the public views is run."""

    def __init__(self, *, timeout: timedelta, memory: str) -> None:
        """Open an empty session; ``timeout`` is for one statement, ``memory`` is written as ``2GB``."""
        super().__init__({"memory_limit": memory, "temp_directory": ""}, timeout=timeout)

    def columns(self, view: str) -> pa.Table:
        """Return the columns of one of the public views: ``column`` and its ``type``."""
        self._make({view})
        relation = self._connection.table(view)
        return pa.table(
            {"column": relation.columns, "type": [str(kind) for kind in relation.types]}
        )

    def _open(self, lake: Lake, cluster: str | None) -> None:
        super()._open(lake, cluster)
        trees = [lake.files.location(f"{tree}/") for tree in TREES]
        self._connection.execute("set allowed_directories = $trees", {"trees": trees})
        self._connection.execute("set enable_external_access = false")
        self._connection.execute("set lock_configuration = true")

    def _later(self, names: Sequence[str]) -> None:
        # A stranger may also ask what there is, and nothing is created once the walls stand.
        self._create(names)

    def _bound(self, text: str, parameters: Mapping[str, object]) -> duckdb.DuckDBPyRelation:
        self.look_through(text)
        return super()._bound(text, parameters)


def session(lake: Lake, *, timeout: timedelta, memory: str, cluster: str | None = None) -> Stranger:
    """Open a session over ``lake``, limited to one ``cluster`` if given; close it, or use ``with``.

    Raises ``LakeError`` if there is no lake, or one of a newer format.
    """
    return Stranger(timeout=timeout, memory=memory).showing(lake, cluster)


def relation(table: pa.Table) -> Relation:
    """Return an answer as a relation of DuckDB's default connection, where others may be joined to it.

    Its rows are in memory: nothing of the lake, and none of its walls, belongs to it any more.
    """
    return duckdb.from_arrow(table)
