"""A day's files to the order in which its states are sealed: where each stands, and what it adds.

DuckDB sees only the narrow columns by which states are merged, counted and sorted, and
answers with places: number of a file, number of a row. The statements that count an open
day run here, unchanged, over one slice of lineages after the other: what has to be in
memory at once is a slice, not a day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from etl import schema
from etl.lake.layout import Lake
from etl.lake.masks import Masks
from etl.lake.partitions import DAY, Basis, Sources
from etl.lake.viewing import Viewing
from etl.statements import statement

# What DuckDB may hold; beyond it writes to the folder that it is given.
_MEMORY = "1000MB"
_SLICE = 750_000
# A place is the number of a file times this, and the number of a row in it: as in sql/lake/located.
ROWS_PER_FILE = 1 << 32
_BATCH = 122_880
_LOCATED = pa.schema(
    [
        *(schema.FULL_SCHEMA.field(name) for name in ("cluster", "date")),
        pa.field("place", pa.int64()),
        *(
            schema.SCHEMA.field(name)
            for name in (
                "namespace",
                "name",
                "uid",
                "n",
                "first_seen",
                "last_seen",
                "resource_version",
                "flags",
                "reason",
                "object_name",
            )
        ),
        pa.field("text_bytes", pa.int64()),
    ]
)
_VARIABLES = {
    name: f"set variable {name} = $value"
    for name in ("own_files", "own_count", "copies_file", "slices", "slice")
}
_COUNTED = pa.schema(
    [pa.field("place", pa.int64()), *(schema.DAY_SCHEMA.field(c.name) for c in schema.COUNTED)]
)


def merged_copies(lake: Lake, of: Basis, *, folder: str, masks: Masks | None = None) -> Path | None:
    """Write the states of which there is more than one copy, merged and masked, into ``folder``; null if there are none."""
    with _Working(lake, of, folder) as working:
        return working.merged_copies(Path(folder) / "copies.parquet", masks or Masks(()))


def places(lake: Lake, of: Basis, copies: Path | None, *, day: date, folder: str) -> pa.Table:
    """Return ``place, text_bytes, occurrences, since, reset`` of each state of ``day``, in the order of a sealed day.

    Places count through the files of ``of.own`` and then ``copies``.
    """
    with _Working(lake, of, folder) as working:
        return working.places(copies, day)


class _Working(Viewing):
    """A session that sees some files of two days, and may write what does not fit into memory."""

    def __init__(self, lake: Lake, of: Basis, folder: str) -> None:
        super().__init__(
            {
                "memory_limit": _MEMORY,
                "temp_directory": folder,
                "preserve_insertion_order": "false",
            }
        )
        self._of_lake = lake
        self._of = of

    def merged_copies(self, path: Path, masks: Masks) -> Path | None:
        """Merge copies slice by slice: merging needs all columns of all copies at once."""
        with self._told():
            return self._merged_copies(path, masks)

    def places(self, copies: Path | None, day: date) -> pa.Table:
        """Count one slice of lineages after the other, then put all in order."""
        with self._told():
            return self._places(copies, day)

    def _merged_copies(self, path: Path, masks: Masks) -> Path | None:
        self._read_states(self._of_lake, Sources([], [], [], self._of.own))
        self._statement("copied").create("copied")
        count = self._count("copied")
        if not count:
            return None
        self._connection.execute("alter view parts rename to all_parts")
        self._view("parts", statement("lake/repeated").text)
        self._create(["lake/merged"])
        with pq.ParquetWriter(path, schema.FULL_SCHEMA) as writer:
            for _slice in self._slices(count):
                for batch in self._connection.table("merged").to_arrow_reader(_BATCH):
                    rows = pa.Table.from_batches([batch.cast(schema.FULL_SCHEMA)])
                    writer.write_table(masks.rows(rows, Counter()))
        return path

    def _places(self, copies: Path | None, day: date) -> pa.Table:
        lake, of = self._of_lake, self._of
        self._read_states(lake, Sources([], [], of.context, of.parts))
        own = [lake.files.location(path) for path in of.own]
        self._set("own_files", own)
        self._set("own_count", len(own))
        self._create(["lake/located"])
        if copies:
            self._set("copies_file", str(copies))
            self._create(["lake/copies"])
        else:
            self._show_nothing("copies", _LOCATED)
        self._create(["lake/standing"])
        self._create(["lake/merged"])
        self._view("uncounted", statement("lake/near").text)
        self._statement("sliced").create("sliced")
        self._statement("sliced_before", {"day_before": day - DAY}).insert_into("sliced")
        self._connection.register("no_counts", _COUNTED.empty_table())
        self._connection.table("no_counts").create("counted")
        self._set("slices", 1)
        self._set("slice", 0)
        self._view("near", statement("lake/slice").text)
        self._view("counting", statement("lake/occurrences").text)
        for _slice in self._slices(self._count("sliced")):
            self._statement("slice_counted", {"day": day}).insert_into("counted")
        # Its memory is wanted for sorting; the views over it are not asked again.
        self._connection.execute("drop table sliced")
        return self._statement("sealed").to_arrow_table()

    def _slices(self, rows: int) -> Iterator[int]:
        slices = 1 + rows // _SLICE
        self._set("slices", slices)
        for number in range(slices):
            self._set("slice", number)
            yield number

    def _count(self, table: str) -> int:
        return int(self._connection.table(table).count("*").fetchall()[0][0])

    def _set(self, variable: str, value: object) -> None:
        self._connection.execute(_VARIABLES[variable], {"value": value})

    def _statement(
        self, name: str, parameters: dict[str, object] | None = None
    ) -> duckdb.DuckDBPyRelation:
        text = statement(f"lake/{name}").text
        return (
            self._connection.sql(text, params=parameters)
            if parameters
            else self._connection.sql(text)
        )
