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
from etl.lake.layout import Lake, PartFile, clusters_of
from etl.statements import in_folder, statement

# Views in an order in which each finds what it needs; the first two read files.
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
_IN_PATHS = frozenset(column.name for column in schema.PARTITIONS)
_CATALOGUE = Path(__file__).with_name("event_reasons.tsv")
# What DuckDB raises for a file whose footer is whole and whose pages are not (2.0).
_READING = ("Failed to read file", "arquet")


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
        self.warnings: list[str] = []
        self.clusters: list[str] = []
        self._lake: Lake | None = None
        self._files: dict[str, list[PartFile]] = {}

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
        try:
            return self._result(text, bound)
        except duckdb.Error as error:
            if not (_is_reading(error) and self._leave_out_damaged()):
                raise QueryError(_first_lines(error)) from error
        try:
            return self._result(text, bound)
        except duckdb.Error as error:
            raise QueryError(_first_lines(error)) from error

    def _result(self, text: str, bound: Mapping[str, object]) -> pa.Table:
        relation = self._connection.sql(text, params=bound) if bound else self._connection.sql(text)
        return relation.to_arrow_table()

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
        self._lake = lake
        self._register_reasons()
        for (view, columns), files in zip(
            _FILE_VIEWS, (lake.parts(cluster), lake.ledger(cluster)), strict=True
        ):
            self._files[view] = self._readable(lake, files, columns)
            self.clusters = sorted({*self.clusters, *clusters_of(self._files[view])})
            self._mount(lake, view, columns)
        for name in _VIEWS:
            text = statement(name).text
            self._connection.sql(text).create_view(name.rpartition("/")[2])

    def _mount(self, lake: Lake, view: str, columns: pa.Schema) -> None:
        """Let ``view`` read its files."""
        files = self._files[view]
        if not files:
            # DuckDB refuses an empty list of files, also in CREATE VIEW (2.0).
            self._connection.register(view, columns.empty_table())
            return
        locations = [lake.files.location(file.path) for file in files]
        self._connection.execute(
            "set variable part_files = $files"
            if view == "parts"
            else "set variable ledger_files = $files",
            {"files": locations},
        )
        self._connection.sql(statement(f"lake/{view}").text).create_view(view)

    def _leave_out_damaged(self) -> bool:
        """Read every file as a whole and leave out what cannot be; return whether there was any."""
        if self._lake is None:
            return False
        before = len(self.warnings)
        for view, columns in _FILE_VIEWS:
            files = self._files[view]
            whole = [file for file in files if self._is_whole(self._lake, file)]
            if len(whole) < len(files):
                self._files[view] = whole
                self._mount(self._lake, view, columns)
        return len(self.warnings) > before

    def _is_whole(self, lake: Lake, file: PartFile) -> bool:
        try:
            with pq.ParquetFile(lake.files.location(file.path)) as opened:
                for _batch in opened.iter_batches():
                    pass
        except (pa.ArrowException, OSError) as error:
            self._leave_out(file, "cannot be read", quoted(str(error), 120))
            return False
        return True

    def _lock(self, lake: Lake) -> None:
        """Keep other files of the machine, the network and further settings out of reach."""
        trees = [lake.files.location(f"{tree}/") for tree in ("parts", "snapshots")]
        self._connection.execute("set allowed_directories = $trees", {"trees": trees})
        self._connection.execute("set enable_external_access = false")
        self._connection.execute("set lock_configuration = true")

    def _register_reasons(self) -> None:
        options = pacsv.ParseOptions(delimiter="\t", quote_char=False)
        self._connection.register("reasons", pacsv.read_csv(_CATALOGUE, parse_options=options))

    def _readable(
        self, lake: Lake, files: Sequence[PartFile], columns: pa.Schema
    ) -> list[PartFile]:
        """Leave out, and name, what is not a Parquet file of ours: DuckDB would refuse the whole query."""
        readable = []
        for file in files:
            try:
                found = pq.read_schema(lake.files.location(file.path))
            except (pa.ArrowException, OSError) as error:
                self._leave_out(file, "cannot be read", quoted(str(error), 120))
                continue
            if reason := _foreign(found, columns):
                self._leave_out(file, "is not a file of this lake", reason)
                continue
            readable.append(file)
        return readable

    def _leave_out(self, file: PartFile, trouble: str, reason: str) -> None:
        self.warnings.append(f"{file.path} {trouble} and is left out: {reason}")


def _foreign(found: pa.Schema, columns: pa.Schema) -> str:
    """Return what keeps a file with the schema ``found`` from being one of ours; further columns may be there."""
    for column in columns:
        if column.name in _IN_PATHS:
            continue
        position = found.get_field_index(column.name)
        if position >= 0 and found.field(position).type != column.type:
            return f"its {column.name} is {found.field(position).type}, not {column.type}"
        if position < 0 and not column.nullable:
            return f"it has no {column.name}"
    return ""


def _is_reading(error: duckdb.Error) -> bool:
    return (
        type(error) is duckdb.Error
        or isinstance(error, duckdb.IOException)
        or any(mark in str(error) for mark in _READING)
    )


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
