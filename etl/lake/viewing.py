"""A DuckDB connection in which the files of a lake are views; the only place where one is opened.

Nothing is asked here: questions are ``query``'s, and sealing counts and rolls up by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Self

import duckdb
import pyarrow as pa

from etl.lake.files import Taught
from etl.lake.layout import Lake
from etl.lake.partitions import Sources
from etl.lake.trouble import told
from etl.lake.views import FILE_VIEWS, TREES
from etl.statements import statement


class Viewing:
    """A connection that can show files as views. It reads no extension and no variable of Python's."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        """Connect; ``settings`` are DuckDB's."""
        self._connection = duckdb.connect(
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                # A name that is no view would be looked for among the variables of our own code.
                "python_enable_replacements": "false",
                **(settings or {}),
            }
        )
        self._connection.execute("set TimeZone = 'UTC'")
        # A file of a lake never changes while it has its name, and each report asks the footers of
        # thirty days several times: 0.4 of 17 s of processor time for all.
        self._connection.execute("set parquet_metadata_cache = true")
        self._connection.execute("set validate_external_file_cache = 'NO_VALIDATION'")
        self._connection.execute(statement("macros/message_pattern").text)
        self._storage: Taught | None = None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the session."""
        self.close()

    def close(self) -> None:
        """Release the session."""
        self._connection.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what DuckDB says, while rows are fetched also as an error of Arrow's or the system's, into our errors."""
        if self._storage is not None:
            self._storage.failure = None
        try:
            yield
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            if self._storage is not None and self._storage.failure is not None:
                # A store that does not answer is no mistake of the statement.
                raise self._storage.failure from error
            raise told(error) from error

    def _read_states(self, lake: Lake, of: Sources) -> None:
        if self._storage is None and (taught := lake.files.filesystem(TREES)) is not None:
            # DuckDB 2.0 has no httpfs to bundle: the lake's own reader is taught to it.
            self._connection.register_filesystem(taught)
            self._storage = taught
        for view, paths in (
            ("days", of.days),
            ("outdated", of.outdated),
            ("context", of.context),
            ("parts", of.parts),
        ):
            self._read_files(view, [lake.files.location(path) for path in paths])

    def _read_files(self, view: str, locations: Sequence[str]) -> None:
        columns, choose = FILE_VIEWS[view]
        if locations:
            self._connection.execute(choose, {"files": locations})
            # Files of older versions lack columns; these are all of them.
            self._register(f"no_{view}", columns.empty_table())
            self._view(view, statement(f"lake/{view}").text)
            return
        # DuckDB refuses an empty list of files, also in CREATE VIEW (2.0).
        self._show_nothing(view, columns)

    def _show_nothing(self, view: str, columns: pa.Schema) -> None:
        """Create an empty view; the filter lets DuckDB see that it is, and plan nothing over it."""
        self._connection.register(f"no_{view}", columns.empty_table())
        self._view(view, f"from no_{view} where false")

    def _register(self, name: str, table: pa.Table) -> None:
        self._connection.register(name, table)

    def _create(self, names: Sequence[str]) -> None:
        for name in names:
            self._view(name.rpartition("/")[2], statement(name).text)

    def _view(self, view: str, text: str) -> None:
        """Create a view without a look at what is behind it, which a statement that asks for it takes anyway."""
        # Views stand upon views: to bind each on its creation, as a relation does twice, took
        # 0.28 of 0.55 s for a question about a lake of two small days (DuckDB 2.0).
        self._connection.execute(f"create or replace view {view} with (defer_binding) as\n{text}")
