"""Questions to a lake: a DuckDB session over its views; the only user of DuckDB.

A session takes the list of the lake's files once, so its answers belong to one
moment, and leaves damaged files out, by name, because one truncated file must not
stop a report. Statements are the shipped ``.sql`` files and the user's own; values
are bound by name, never written into text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import duckdb
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from etl import schema
from etl.errors import QueryError, quoted
from etl.lake.files import Taught
from etl.lake.layout import Lake, PartFile, clusters_of
from etl.statements import in_folder, statement

# Views in an order in which each finds what it needs; the first two read files.
_TREES = ("parts", "snapshots")
_FILE_VIEWS = (("parts", schema.FULL_SCHEMA), ("ledger", schema.FULL_SNAPSHOT_SCHEMA))
_VIEWS = (
    "views/observations",
    "lake/occurrences",
    "views/events",
    "views/latest",
    "views/snapshots",
    "views/coverage",
)
PUBLIC_VIEWS = tuple(sorted(["reasons", *(s.name.rpartition("/")[2] for s in in_folder("views"))]))
_CATALOGUE = Path(__file__).with_name("event_reasons.tsv")
_EPSILON_COLUMNS = {"parts": "uid", "ledger": "snapshot_id"}


class Session:
    """A read-only DuckDB session over the views of one lake.

    ``warnings`` names the files that were left out; ``clusters`` are those with data.
    """

    def __init__(self) -> None:
        """Open an empty session; use ``session`` or ``over`` to get one with views."""
        self._connection = duckdb.connect(
            config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
        )
        self._connection.execute("set TimeZone = 'UTC'")
        self._storage: Taught | None = None
        self.warnings: list[str] = []
        self.clusters: list[str] = []

    @classmethod
    def over(cls, tables: Mapping[str, pa.Table]) -> Self:
        """Return a session whose views are the given Arrow tables, by name."""
        opened = cls()
        for name, table in tables.items():
            opened._connection.register(name, table)
            if "cluster" in table.column_names:
                found = {value for value in table["cluster"].to_pylist() if value is not None}
                opened.clusters = sorted({*opened.clusters, *found})
        if "reasons" not in tables:
            opened._register_reasons()
        return opened

    def run(self, text: str, parameters: Mapping[str, object]) -> pa.Table:
        """Run one statement and return its rows.

        Only the parameters that the statement names are bound. Raises ``QueryError``
        for a statement that is not one SELECT, a missing parameter, or DuckDB's refusal.
        """
        names = self.parameters(text)
        missing = sorted(names - set(parameters))
        if missing:
            message = "the statement wants a value for " + ", ".join(f"${name}" for name in missing)
            raise QueryError(message)
        bound = {name: parameters[name] for name in names}
        if self._storage is not None:
            self._storage.failure = None
        try:
            relation = (
                self._connection.sql(text, params=bound) if bound else self._connection.sql(text)
            )
            return relation.to_arrow_table()
        except duckdb.Error as error:
            if self._storage is not None and self._storage.failure is not None:
                # A store that does not answer is no mistake of the statement.
                raise self._storage.failure from error
            raise QueryError(_first_lines(error)) from error

    def parameters(self, text: str) -> set[str]:
        """Return the names that ``text`` binds; raises ``QueryError`` unless it is exactly one SELECT."""
        try:
            found = self._connection.extract_statements(text)
        except duckdb.Error as error:
            raise QueryError(_first_lines(error)) from error
        if len(found) != 1 or found[0].type != duckdb.StatementType.SELECT:
            message = (
                "exactly one SELECT is wanted: the lake is read-only and statements run one by one"
            )
            raise QueryError(message)
        return set(found[0].named_parameters)

    def close(self) -> None:
        """Release the session."""
        self._connection.close()

    def _open(self, lake: Lake, cluster: str | None) -> None:
        self._register_reasons()
        self._storage = lake.files.filesystem(_TREES)
        if self._storage is not None:
            # DuckDB 2.0 has no httpfs to bundle: the lake's own reader is taught to it.
            self._connection.register_filesystem(self._storage)
        for (view, columns), files in zip(
            _FILE_VIEWS, (lake.parts(cluster), lake.ledger(cluster)), strict=True
        ):
            readable = self._readable(lake, files, view)
            self.clusters = sorted({*self.clusters, *clusters_of(readable)})
            if not readable:
                # DuckDB refuses an empty list of files, also in CREATE VIEW (2.0).
                self._connection.register(view, columns.empty_table())
                continue
            locations = [lake.files.location(file.path) for file in readable]
            self._connection.execute(
                "set variable part_files = $files"
                if view == "parts"
                else "set variable ledger_files = $files",
                {"files": locations},
            )
            self._connection.sql(statement(f"lake/{view}").text).create_view(view)
        for name in _VIEWS:
            text = statement(name).text
            self._connection.sql(text).create_view(name.rpartition("/")[2])

    def _lock(self, lake: Lake) -> None:
        """Keep other files of the machine, the network and further settings out of reach."""
        trees = [lake.files.location(f"{tree}/") for tree in _TREES]
        self._connection.execute("set allowed_directories = $trees", {"trees": trees})
        self._connection.execute("set enable_external_access = false")
        self._connection.execute("set lock_configuration = true")

    def _register_reasons(self) -> None:
        options = pacsv.ParseOptions(delimiter="\t", quote_char=False)
        self._connection.register("reasons", pacsv.read_csv(_CATALOGUE, parse_options=options))

    def _readable(self, lake: Lake, files: Sequence[PartFile], view: str) -> list[PartFile]:
        """Leave out, and name, what is not a Parquet file of ours: DuckDB would refuse the whole query."""
        readable = []
        lake.files.expect([file.path for file in files])
        for file in files:
            try:
                with lake.files.footer(file.path) as footer:
                    names = pq.read_schema(footer).names
            except (pa.ArrowException, OSError) as error:
                self.warnings.append(
                    f"{file.path} cannot be read and is left out: {quoted(str(error), 120)}"
                )
                continue
            if _EPSILON_COLUMNS[view] not in names:
                self.warnings.append(f"{file.path} is not a file of this lake and is left out")
                continue
            readable.append(file)
        return readable


@contextmanager
def session(lake: Lake, *, cluster: str | None = None, locked: bool = False) -> Iterator[Session]:
    """Open a session over ``lake``, limited to one ``cluster`` if given.

    ``locked`` is for statements of strangers: nothing outside the lake's data can be read.

    Raises ``LakeError`` if there is no lake, or one of a newer format.
    """
    lake.check()
    opened = Session()
    try:
        opened._open(lake, cluster)  # noqa: SLF001 -- the two are one thing: a session and its opening
        if locked:
            opened._lock(lake)  # noqa: SLF001
        yield opened
    finally:
        opened.close()


def _first_lines(error: duckdb.Error) -> str:
    """Return DuckDB's message without its marks and suggestions of internals: the first three lines."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return re.sub(r"\s+", " ", " ".join(lines[:3]))[:500]
