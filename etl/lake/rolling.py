"""Row groups of a day that is sealed to the same with their roll-ups: workloads and patterns of messages.

The statements that roll up an open day run here, unchanged, over one row group after the
other: what has to be in memory at once are a group and who made which object.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pyarrow as pa

from etl import schema
from etl.lake.gathering import GATHERED
from etl.lake.layout import Lake
from etl.lake.partitions import Basis, Sources
from etl.lake.viewing import Viewing
from etl.statements import statement

# What DuckDB may hold beside the groups that are gathered; beyond it writes to its folder. With
# 1,000 MB a process that sealed 3 million states held 1,675 MB, with this 1,525 MB, no slower.
_MEMORY = "400MB"
# So many rows a thread takes at once; a group is a few of them.
_BATCH = 30_720
_FIELDS = [schema.DAY_SCHEMA.field(column.name) for column in schema.ROLLED_UP]
# What ``rolled_up`` yields: DAY_SCHEMA, but for the words that ``gathered`` yields as numbers.
WRITTEN = pa.schema([*GATHERED, *_FIELDS])


class Rolling(Viewing):
    """A session that knows who made which object of one day of one cluster."""

    def __init__(self, lake: Lake, of: Basis, *, cluster: str, day: date, folder: str) -> None:
        """Read what controllers said in the files of ``of``; raises ``QueryError`` where one is damaged."""
        super().__init__({"memory_limit": _MEMORY, "temp_directory": folder})
        self._constants = (cluster, day)
        try:
            with self._told():
                self._read_states(lake, Sources([], [], of.context, [*of.own, *of.parts]))
                self._create(["lake/merged", "lake/claims"])
                made = self._connection.sql(statement("lake/owners").text)
                made.create("owners")
        except BaseException:
            self.close()
            raise

    def rolled_up(self, groups: Iterator[pa.Table]) -> Iterator[pa.Table]:
        """Yield each group with the columns of ``schema.ROLLED_UP``."""
        for group in groups:
            with self._told():
                self._connection.register("counted", self._placed(group))
                self._create(["lake/rolled_up"])
                found = self._connection.sql(statement("lake/rolled_group").text).to_arrow_table()
            for field in _FIELDS:
                group = group.append_column(field, found[field.name].cast(field.type))  # noqa: PLW2901 -- it grows
            yield group

    def _placed(self, group: pa.Table) -> pa.Table:
        """Return a group as the view ``counted``, with the place of each row in it."""
        cluster, day = self._constants
        rows = group.num_rows
        whole = (
            group.append_column("cluster", pa.repeat(pa.scalar(cluster, pa.string()), rows))
            .append_column("date", pa.repeat(pa.scalar(day, pa.date32()), rows))
            .append_column("place", pa.array(range(rows), pa.int64()))
        )
        return pa.Table.from_batches(whole.to_batches(max_chunksize=_BATCH), whole.schema)
