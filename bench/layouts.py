"""Ways to write the rows of a sealed day, beside each other: ``python -m bench.layouts``.

A generated day is sealed by the product and its rows are written again in other orders,
levels and row groups. Of each file: bytes a row, and the processor time of one core for
writing it and for four questions; the groups are those whose statistics admit what was
asked for. docs/sealing.md shows what was chosen by it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from bench.generate_days import STATES, fill, stock
from bench.generate_events import NOW, TTL
from etl.lake import generation, seal
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake

_DAY = date(2025, 6, 2)
_ROWS, _PARTS, _ROUNDS = 420_000, 24, 5
_FIRST_REASON = ("reason", "namespace", "object_name", "last_seen")
_FIRST_OBJECT = ("namespace", "object_name", "reason", "last_seen")
_WIDTH = 160
_MILLISECONDS = 1000


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to write the rows."""

    order: tuple[str, ...] = _FIRST_REASON
    level: int = 3
    rows: int = 122_880
    differences: bool = True
    """Whether numbers and times are written as differences, not plain."""
    bloom: bool = False
    """Whether row groups have a Bloom filter of the object's name."""

    @property
    def name(self) -> str:
        """What the table calls it."""
        first = "reason first" if self.order is _FIRST_REASON else "namespace and object first"
        plain = "" if self.differences else ", plain numbers"
        return f"{first}, {self.level}, {self.rows:,}{plain}{', Bloom filter' * self.bloom}"


_LAYOUTS = (
    Layout(differences=False),
    Layout(),
    Layout(bloom=True),
    Layout(level=1),
    Layout(level=9),
    Layout(rows=30_720),
    Layout(order=_FIRST_OBJECT),
    Layout(order=_FIRST_OBJECT, rows=30_720),
)
_QUESTIONS = {
    "one pod": "select * from f where namespace = $namespace and object_name = $object_name",
    "one namespace": "select reason, sum(occurrences) from f where namespace = $namespace group by 1",
    "one reason": "select object_name, sum(occurrences) from f where reason = $reason group by 1",
    "top reasons": "select reason, namespace, sum(occurrences) from f group by all",
}
_ADMITTED = {
    "pod": ("namespace", "object_name"),
    "namespace": ("namespace",),
    "reason": ("reason",),
}


def main() -> None:
    """Make the day, write it in every way, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.layouts")
    parser.add_argument("--rows", type=int, default=_ROWS, help="observations of the day")
    given = parser.parse_args()
    shown = Table(
        "layout", "bytes a row", "written in", *_QUESTIONS, "groups: " + ", ".join(_ADMITTED)
    )
    with tempfile.TemporaryDirectory(prefix="eventlake-layouts-") as folder:
        rows = _day(Path(folder), given.rows)
        asked = rows.slice(rows.num_rows // 2, 1).select(["namespace", "object_name", "reason"])
        for layout in _LAYOUTS:
            (values,) = asked.to_pylist()
            shown.add_row(*_measured(rows, layout, Path(folder) / "layout.parquet", values))
    console = Console(width=_WIDTH)
    console.print(f"{rows.num_rows:,} rows; times are of one core, the least of {_ROUNDS}")
    console.print(shown)


def _day(folder: Path, rows: int) -> pa.Table:
    """Return the rows of a day that the product sealed, in its order."""
    lake = Lake(LocalFiles(folder / "lake"))
    lake.prepare()
    fill(lake, stock(rows), _DAY, events=max(_PARTS, rows // STATES), parts=_PARTS)
    (_done,) = seal.seal(lake, clock=lambda: NOW, ttl=TTL)
    (file,) = lake.days()
    return pq.read_table(lake.files.location(file.path), partitioning=None)


def _measured(rows: pa.Table, layout: Layout, path: Path, values: dict[str, Any]) -> list[str]:
    """Return one row of the table."""
    ordered = rows.sort_by([(name, "ascending") for name in layout.order])
    wrote = _least(lambda: _write(ordered, layout, path), rounds=2)
    metadata = pq.read_metadata(path)
    with duckdb.connect(config={"threads": "1"}) as connection:
        connection.read_parquet(str(path)).create_view("f")
        asked = []
        for question in _QUESTIONS.values():
            wanted = {name: value for name, value in values.items() if f"${name}" in question}
            asked.append(_least(partial(_asked, connection, question, wanted)))
    admitted = [
        str(
            sum(
                _admits(metadata.row_group(number), names, values)
                for number in range(metadata.num_row_groups)
            )
        )
        for names in _ADMITTED.values()
    ]
    return [
        layout.name,
        f"{path.stat().st_size / rows.num_rows:.1f}",
        f"{wrote:.2f} s",
        *(f"{seconds * _MILLISECONDS:.1f} ms" for seconds in asked),
        f"{', '.join(admitted)} of {metadata.num_row_groups}",
    ]


def _asked(
    connection: duckdb.DuckDBPyConnection, question: str, values: dict[str, Any]
) -> pa.Table:
    return connection.sql(question, params=values).to_arrow_table()


def _write(rows: pa.Table, layout: Layout, path: Path) -> None:
    """Write as sealing does, but for what the layout says."""
    chosen = generation.written_with(objects=1 + min(rows.num_rows, layout.rows) // STATES)
    encodings = chosen["column_encoding"]
    if not layout.differences:
        encodings = {name: e for name, e in encodings.items() if e != "DELTA_BINARY_PACKED"}
    options = chosen | {
        "compression_level": layout.level,
        "column_encoding": encodings,
        "bloom_filter_options": chosen["bloom_filter_options"] if layout.bloom else None,
    }
    pq.write_table(rows, path, row_group_size=layout.rows, **options)


def _least(job: Callable[[], object], rounds: int = _ROUNDS) -> float:
    """Return the least processor time of the job, in seconds."""
    found = []
    for _ in range(rounds):
        before = time.process_time()
        job()
        found.append(time.process_time() - before)
    return min(found)


def _admits(group: pq.RowGroupMetaData, names: tuple[str, ...], values: dict[str, Any]) -> bool:
    """Whether the least and the greatest values of a group let it hold what was asked for."""
    for position in range(group.num_columns):
        column = group.column(position)
        if column.path_in_schema in names:
            value = values[column.path_in_schema]
            if not column.statistics.min <= value <= column.statistics.max:
                return False
    return True


if __name__ == "__main__":
    main()
