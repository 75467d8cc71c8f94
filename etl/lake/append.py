"""Rows to parts: what the lake does not have yet, written once, published together.

A run adds rows page by page. They are held up to a budget of memory, then written to
staged files, which become visible only in ``publish``: a run that fails leaves the
lake as it was. Rows that would change no answer are left out. Everything is
idempotent and free of order, so no lock is needed: two runs that write the same
state leave two copies, which the views merge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from functools import partial
from typing import BinaryIO, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from etl import schema
from etl.errors import quoted
from etl.lake import layout, partitions
from etl.lake.files import Staged
from etl.lake.layout import Lake
from etl.lake.redundant import redundant, without_repeats

# Arrow bytes held before a part is written: about 100,000 events of an ordinary cluster,
# so that nearly every snapshot is one part a day and 500,000 events stay below 450 MB.
HELD_BYTES = 48 * 1024 * 1024
# Level 1 costs a third of level 3 and loses 7 % (measured on kubelet-shaped events);
# sealing rewrites parts anyway.
_ZSTD_LEVEL = 1
# uids, names and versions hardly repeat: a dictionary of them costs and saves nothing.
_NO_DICTIONARY = frozenset({"uid", "resource_version", "name"})
_ENCODINGS = {"resource_version": "DELTA_BINARY_PACKED", "uid": "PLAIN", "name": "DELTA_BYTE_ARRAY"}


class Addition:
    """What one run adds to one cluster; use as a context manager, so that failure discards it."""

    def __init__(
        self, lake: Lake, cluster: str, snapshot_id: str, *, not_before: date | None = None
    ) -> None:
        """Prepare an addition; nothing is written before rows come.

        Rows of days older than ``not_before`` are not taken: retention would delete them again.
        """
        self._lake = lake
        self._cluster = cluster
        self._snapshot_id = snapshot_id
        self._not_before = not_before
        self._held: list[pa.Table] = []
        self._held_bytes = 0
        self._staged: list[tuple[date, Staged]] = []
        self._stored: dict[date, list[str]] = {}
        self.rows_added = 0
        self.parts: list[str] = []
        """The parts that this run wrote, as date/name: for the ledger, which promises them."""
        self.left_out = 0
        """Rows that were older than what is kept."""
        self.left_out_days: tuple[date, date] | None = None
        """The first and the last day of these."""
        self.warnings: list[str] = []

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Discard what was not published."""
        for _day, staged in self._staged:
            staged.discard()

    def add(self, rows: pa.Table, *, compared: bool = False, distinct: bool = False) -> None:
        """Take rows of ``schema.SCHEMA``.

        ``compared`` says that they were compared with the lake already; ``distinct`` that
        no two rows of this run are the same state, as in a LIST, so that only what was in
        the lake before needs to be looked at.
        """
        rows = self._kept(rows)
        if rows.num_rows == 0:
            return
        if compared:
            self._hold(rows)
            return
        for day, chunk in _by_day(rows):
            self._hold(self._fresh(day, chunk, distinct=distinct))

    def publish(self) -> None:
        """Make everything that was added visible and durable."""
        self._flush()
        for _day, staged in self._staged:
            staged.publish()
        self._staged = []

    def _kept(self, rows: pa.Table) -> pa.Table:
        """Leave out, and count, what is older than what is kept."""
        if self._not_before is None:
            return rows
        first = pa.scalar(datetime.combine(self._not_before, time(), UTC), schema.TIME)
        old = pc.less(rows["last_seen"], first)
        if not pc.any(old).as_py():
            return rows
        seen = pc.min_max(rows["last_seen"].filter(old)).as_py()
        days = [seen["min"].date(), seen["max"].date(), *(self.left_out_days or ())]
        self.left_out_days = (min(days), max(days))
        self.left_out += pc.sum(old).as_py()
        return rows.filter(pc.invert(old))

    def _hold(self, rows: pa.Table) -> None:
        self._held.append(rows)
        self._held_bytes += rows.nbytes
        self.rows_added += rows.num_rows
        if self._held_bytes >= HELD_BYTES:
            self._flush()

    def _flush(self) -> None:
        if not self._held:
            return
        rows = pa.concat_tables(self._held)
        self._held, self._held_bytes = [], 0
        for day, chunk in _by_day(rows):
            number = len(self._staged)
            name = self._snapshot_id if number == 0 else f"{self._snapshot_id}-{number}"
            path = layout.part_path(self._cluster, day, name)
            self.parts.append(f"{day.isoformat()}/{name}")
            self._staged.append((day, self._lake.files.stage(path, _writer(chunk))))

    def _fresh(self, day: date, rows: pa.Table, *, distinct: bool) -> pa.Table:
        """Return the rows that would change an answer: compared with each other, this run and the lake."""
        others = self._stored_of(day, rows)
        if not distinct:
            rows = without_repeats(rows)
            others = [*self._held_of(day), *self._staged_of(day, rows), *others]
        for other in others:
            if rows.num_rows == 0:
                break
            rows = rows.filter(pc.invert(redundant(rows, other)))
        return rows

    def _held_of(self, day: date) -> list[pa.Table]:
        if not self._held:
            return []
        return [
            chunk for held_day, chunk in _by_day(pa.concat_tables(self._held)) if held_day == day
        ]

    def _staged_of(self, day: date, rows: pa.Table) -> list[pa.Table]:
        staged = {s.path: s.open for staged_day, s in self._staged if staged_day == day}
        return self._read(staged, rows)

    def _stored_of(self, day: date, rows: pa.Table) -> list[pa.Table]:
        """Read the states of these uids from the files that stood for the day when this run first touched it."""
        if day not in self._stored:
            found = partitions.partition(self._lake, self._cluster, day)
            # Damaged ones must not stop a run: at worst a copy is written that the views merge.
            self.warnings += found.warnings
            self._stored[day] = [file.path for file in found.files]
        opened = {path: partial(self._lake.files.open, path) for path in self._stored[day]}
        return self._read(opened, rows)

    def _read(self, files: Mapping[str, Callable[[], BinaryIO]], rows: pa.Table) -> list[pa.Table]:
        if not files:
            return []
        wanted = pc.field("uid").isin(pc.unique(rows["uid"]))
        stored = []
        for path, opened in files.items():
            try:
                with opened() as file:
                    found = pq.read_table(
                        file,
                        schema=schema.SCHEMA,
                        filters=wanted,
                        partitioning=None,
                        page_checksum_verification=True,
                    )
            except (pa.ArrowException, OSError) as error:
                # A damaged part must not stop a run: at worst a copy is written that the views merge.
                self.warnings.append(f"{path} cannot be read: {quoted(str(error), 120)}")
                continue
            stored.append(found)
        return stored


def _by_day(rows: pa.Table) -> list[tuple[date, pa.Table]]:
    """Split rows by the UTC day of ``last_seen``, in order of days."""
    days = pc.cast(pc.floor_temporal(rows["last_seen"], unit="day"), pa.date32())
    distinct = pc.unique(days).to_pylist()
    if len(distinct) == 1:
        return [(distinct[0], rows)]
    return [
        (day, rows.filter(pc.equal(days, pa.scalar(day, pa.date32())))) for day in sorted(distinct)
    ]


class _writer:  # noqa: N801 -- a function with a table in its hand
    """Writes one table as a Parquet file."""

    def __init__(self, rows: pa.Table) -> None:
        self._rows = rows

    def __call__(self, file: BinaryIO) -> None:
        write_parquet(self._rows, file)


def write_parquet(rows: pa.Table, file: BinaryIO) -> None:
    """Write ``rows`` as the lake writes every part: zstd, one dictionary per repeating column."""
    dictionary = [
        name
        for name in rows.column_names
        if name not in _NO_DICTIONARY and pa.types.is_string(rows.schema.field(name).type)
    ]
    pq.write_table(
        rows,
        file,
        compression="zstd",
        compression_level=_ZSTD_LEVEL,
        use_dictionary=dictionary,
        column_encoding={k: v for k, v in _ENCODINGS.items() if k in rows.column_names},
        store_schema=False,
        write_page_checksum=True,
    )
