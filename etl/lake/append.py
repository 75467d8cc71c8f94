"""Rows to parts: what the lake does not have yet, written once, published together.

A run adds rows page by page. They are held up to a budget of memory, those of a list
encoded already, then written to staged files, which become visible only in ``publish``: a run that fails leaves the
lake as it was. Rows that would change no answer are left out. Everything is
idempotent and free of order, so no lock is needed: two runs that write the same
state leave two copies, which the views merge.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import partial
from typing import BinaryIO, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from etl import schema
from etl.errors import quoted
from etl.lake import layout, partitions
from etl.lake.door import Door
from etl.lake.encode import Encoding
from etl.lake.files import Staged
from etl.lake.layout import Lake
from etl.lake.ledger import Entry
from etl.lake.owned import Owned
from etl.lake.redundant import redundant, without_repeats

# Bytes held before a part is written, as Arrow's or encoded: 100,000 events of an import,
# 600,000 of a list, so that nearly every snapshot is one part a day.
HELD_BYTES = 48 * 1024 * 1024
# Rows of a list that become a row group of their own: small enough that little is left to
# encode when the last page has come, and 2 % more bytes than groups twice as large.
_GROUP_ROWS = 12_500


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms rows are taken: none older than a day, through a door, with what is known of their objects."""

    not_before: date | None = None
    """The oldest day that is taken, because retention would delete what is older; null for all."""
    door: Door | None = None
    """What is masked or left out; it counts, so each run has its own."""
    owned: Owned | None = None
    """Labels and owners, to be stored beside states."""

    @property
    def not_stored(self) -> dict[str, list[str]] | None:
        """What the door leaves out, by kind; null where there is no door."""
        return self.door.names if self.door else None

    def told(self, entry: Entry) -> Entry:
        """Return ``entry`` with what the door masked and left out, and of what no labels and owners were read."""
        if self.owned is not None:
            entry = replace(entry, owners_unread=self.owned.unread or None)
        if self.door is None:
            return entry
        return replace(
            entry,
            redacted=self.door.redacted,
            dropped_namespaces=self.door.dropped_namespaces,
            dropped_reasons=self.door.dropped_reasons,
        )


ANY_TERMS = Terms()


class Addition:
    """What one run adds to one cluster; use as a context manager, so that failure discards it."""

    def __init__(
        self,
        lake: Lake,
        cluster: str,
        snapshot_id: str,
        terms: Terms = ANY_TERMS,
    ) -> None:
        """Prepare an addition; nothing is written before rows come, which are taken on ``terms``."""
        self.terms = terms
        self._lake = lake
        self._cluster = cluster
        self._snapshot_id = snapshot_id
        self._held: list[pa.Table] = []
        self._held_bytes = 0
        self._held_rows = 0
        self._encoder = ThreadPoolExecutor(1, "encode")
        self._encodings: dict[date, Encoding] = {}
        self._staged: list[tuple[date, Staged]] = []
        self._stored: dict[date, list[str]] = {}
        self._uids: dict[str, pa.Array] = {}
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
        self._encoder.shutdown(wait=False, cancel_futures=True)
        for _day, staged in self._staged:
            staged.discard()

    def add(self, rows: pa.Table, *, compared: bool = False, distinct: bool = False) -> None:
        """Take rows of ``schema.SCHEMA``.

        ``compared`` says that they were compared with the lake already; ``distinct`` that
        no two rows of this run are the same state, as in a LIST, so that only what was in
        the lake before needs to be looked at.
        """
        rows = self._kept(rows)
        if self.terms.door is not None:
            rows = self.terms.door.passed(rows)
        if self.terms.owned is not None:
            rows = self.terms.owned.joined(rows)
        if rows.num_rows == 0:
            return
        if compared:
            self._hold(rows)
        else:
            if not distinct:
                # Only held and staged rows can be compared with.
                self._flush_encoded()
            for day, chunk in _by_day(rows):
                self._hold(self._fresh(day, chunk, distinct=distinct))
        if (compared or distinct) and self._held_rows >= _GROUP_ROWS:
            self._encode()
        if self._held_bytes + sum(e.encoded_bytes for e in self._encodings.values()) >= HELD_BYTES:
            self._flush()

    def publish(self) -> None:
        """Make everything that was added visible and durable."""
        self._flush()
        for _day, staged in self._staged:
            staged.publish()
        self._staged = []

    def _kept(self, rows: pa.Table) -> pa.Table:
        """Leave out, and count, what is older than what is kept."""
        if self.terms.not_before is None:
            return rows
        first = pa.scalar(datetime.combine(self.terms.not_before, time(), UTC), schema.TIME)
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
        self._held_rows += rows.num_rows
        self.rows_added += rows.num_rows

    def _encode(self) -> None:
        """Hand what is held to the encoder."""
        if not self._held:
            return
        rows = pa.concat_tables(self._held)
        self._held, self._held_bytes, self._held_rows = [], 0, 0
        for day, chunk in _by_day(rows):
            if day not in self._encodings:
                self._encodings[day] = Encoding(self._encoder, schema.SCHEMA)
            self._encodings[day].add(chunk)

    def _flush_encoded(self) -> None:
        if self._encodings:
            self._flush()

    def _flush(self) -> None:
        """Stage all rows, one file a day."""
        self._encode()
        for day, encoding in sorted(self._encodings.items()):
            number = len(self._staged)
            name = self._snapshot_id if number == 0 else f"{self._snapshot_id}-{number}"
            path = layout.part_path(self._cluster, day, name)
            self.parts.append(f"{day.isoformat()}/{name}")
            staged = self._lake.files.stage(path, partial(_copy, encoding.finished()))
            self._staged.append((day, staged))
        self._encodings = {}

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
        asked = pc.unique(rows["uid"])
        wanted, hashes = pc.field("uid").isin(asked), _hashes(asked)
        stored = []
        for path, opened in files.items():
            try:
                if path not in self._uids:
                    with opened() as file:
                        self._uids[path] = _hashes(_uids(file))
                if not pc.any(pc.is_in(hashes, value_set=self._uids[path])).as_py():
                    continue
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
                # Said once, and not tried again for the next rows.
                self._uids[path] = _hashes(pa.array([], pa.string()))
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


def _uids(file: BinaryIO) -> pa.ChunkedArray:
    """Read the uids of a file of observations."""
    return pq.ParquetFile(file, page_checksum_verification=True).read(columns=["uid"])["uid"]


def _hashes(uids: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return 64 bits of each text, of this process: eight bytes say that a file has none of them, nearly always.

    Without, an import of 1.5 million events read what it had written itself again for each 50,000 of them.
    """
    hashes = array("q")
    for chunk in uids.chunks if isinstance(uids, pa.ChunkedArray) else [uids]:
        hashes.extend(map(hash, chunk.to_pylist()))
    return pa.Array.from_buffers(pa.int64(), len(hashes), [None, pa.py_buffer(hashes)])


def _copy(data: pa.Buffer, file: BinaryIO) -> None:
    file.write(data)
