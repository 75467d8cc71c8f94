"""A lake to SQL that any DuckDB client can load: the views, over the files that the lake has now.

The script is written by a session that notes what it does to show its views: the lists of
files, the statements of ``sql/`` as they are, empty tables where there is nothing to read.
So it shows what a session shows. It is a picture of one moment: a later run of eventlake
adds files that it does not name, and replaces others, which are deleted an hour later at
the earliest.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from etl.lake.layout import Lake
from etl.lake.query import Session
from etl.lake.told import NAMES as TOLD
from etl.lake.views import FILE_VIEWS, MACROS
from etl.statements import statement

_VARIABLES = {view: choose.split()[2] for view, (_, choose) in FILE_VIEWS.items()}


class _Noting(Session):
    """A session that notes, as SQL, what it creates."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[str] = ["set TimeZone = 'UTC'", _text("macros/message_pattern")]

    def _open(self, lake: Lake, cluster: str | None) -> None:
        super()._open(lake, cluster)
        # What is not named now could not be asked later.
        self._make(TOLD)

    def _read_files(self, view: str, locations: Sequence[str]) -> None:
        super()._read_files(view, locations)
        if locations and self._lake:
            known = map(self._lake.files.address, locations)
            listed = ",\n".join(f"    {_quoted(address)}" for address in known)
            self.noted.append(f"set variable {_VARIABLES[view]} = [\n{listed}\n]")
            self._note(f"lake/{view}", view)

    def _show_nothing(self, view: str, columns: pa.Schema) -> None:
        super()._show_nothing(view, columns)
        relation = self._connection.table(f"no_{view}")
        empty = ",\n".join(
            f"    cast(null as {kind}) as {name}"
            for name, kind in zip(relation.columns, relation.types, strict=True)
        )
        self.noted.append(f"create or replace temp view {view} as\nselect\n{empty}\nwhere false")

    def _later(self, names: Sequence[str]) -> None:
        self._create(names)

    def _create(self, names: Sequence[str]) -> None:
        super()._create(names)
        for name in names:
            self._note(name, name.rpartition("/")[2])

    def _define_macros(self) -> None:
        super()._define_macros()
        self.noted += [_text(name) for name in MACROS]

    def _register(self, name: str, table: pa.Table) -> None:
        super()._register(name, table)
        relation = self._connection.table(name)
        texts = relation.select(
            *(duckdb.ColumnExpression(column).cast("varchar") for column in relation.columns)
        )
        typed = ", ".join(
            f"cast({column} as {kind}) as {column}"
            for column, kind in zip(relation.columns, relation.types, strict=True)
        )
        names = ", ".join(relation.columns)
        nothing = ", ".join(["null"] * len(relation.columns))
        rows = [", ".join(map(_quoted, row)) for row in texts.fetchall()]
        listed = ",\n".join(f"    ({row})" for row in rows or [nothing])
        self.noted.append(
            f"create or replace temp view {name} as\nselect {typed}\nfrom (values\n{listed}\n)"
            f" as listed({names})" + ("" if rows else "\nwhere false")
        )

    def _note(self, name: str, view: str) -> None:
        self.noted.append(f"create or replace temp view {view} as\n{_text(name)}")


def script(lake: Lake, *, cluster: str | None = None) -> tuple[str, list[str]]:
    """Return the SQL, and the names of the files that are damaged and left out.

    Raises ``LakeError`` if there is no lake, or one of a newer format.
    """
    with _Noting().showing(lake, cluster) as opened:
        return "".join(f"{text};\n\n" for text in opened.noted), opened.warnings


def _text(name: str) -> str:
    return statement(name).text.strip()


def _quoted(value: object) -> str:
    """Write a value as SQL does: text in quotes, a quote in it twice."""
    return "null" if value is None else "'" + str(value).replace("'", "''") + "'"
