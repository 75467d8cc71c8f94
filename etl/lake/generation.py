"""A day's files to the next generation of its sealed file: sorted, deduplicated, counted, rolled up.

The statement that counts an open day in every answer counts it here, once. The file is
published by exclusive create, so of two that seal the same day one wins and the other
throws its file away.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from etl import schema
from etl.errors import LakeError, QueryError
from etl.lake import layout
from etl.lake.counting import merged_copies, places
from etl.lake.gathering import ROWS_PER_GROUP, Opener, gathered
from etl.lake.layout import Lake
from etl.lake.leftovers import spill_folder
from etl.lake.masks import Masks
from etl.lake.partitions import METADATA_KEY, Made, Partition, Partitions, basis
from etl.lake.rolling import WRITTEN, Rolling
from etl.progress import Tell, untold

# Measured, see docs/sealing.md: 1 is 1 % larger, 9 is 5 % smaller and takes twice as long.
_ZSTD_LEVEL = 3
_NO_DICTIONARY = frozenset({"uid", "name"})
# Numbers and times as differences take a fifth less than plain ones, and less time to read.
_ENCODINGS = {
    "uid": "PLAIN",
    "name": "DELTA_BYTE_ARRAY",
    **{
        field.name: "DELTA_BINARY_PACKED"
        for field in schema.DAY_SCHEMA
        if pa.types.is_timestamp(field.type) or pa.types.is_integer(field.type)
    },
}
# A question about one object meets many groups whose names lie around it; the filter tells
# most of them, and most days, that it is not there. It costs 1 % of the bytes.
_FILTERED = "object_name"
_FALSE_POSITIVES = 0.01
# Objects have several events, and these several states.
_ROWS_PER_OBJECT = 3
# How much of a day's sealing is done, by time, when copies are merged, when the order is known,
# and when it is known who made which object: of 900,000 states in 144 parts, 10 s.
_MERGED, _ORDERED, _KNOWN = 0.07, 0.34, 0.43
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Done:
    """One day that this run sealed."""

    cluster: str
    date: date
    rows: int
    generation: int


def sealed_anew(
    lake: Lake,
    known: Partitions,
    one: Partition,
    *,
    clock: Callable[[], datetime],
    masks: Masks | None = None,
    tell: Tell = untold,
) -> Done | None:
    """Write the next generation of a day, whether it is due or not; null if another run was first.

    Texts are masked by ``masks`` before anything of them is written. Raises ``LakeError``.
    """
    generation = one.taken + 1
    before = known.before(one)

    def made() -> Made:
        return Made(
            sealed_at=clock(),
            parts=sorted(one.names),
            parts_before=sorted(before.names) if before else [],
            generation_before=before.sealed.file.name if before and before.sealed else None,
            pattern_version=schema.PATTERN_VERSION,
            added=one.added(generation),
        )

    path = layout.day_path(one.cluster, one.date, generation)
    try:
        with spill_folder() as folder:
            of = basis(known, one)
            copies = merged_copies(lake, of, folder=folder, masks=masks)
            tell(_MERGED, 0)
            order = places(lake, of, copies, day=one.date, folder=folder)
            tell(_ORDERED, 0)
            files: list[Opener] = [partial(lake.files.open, path) for path in of.own]
            if copies:
                files.append(lambda: copies.open("rb"))
            with Rolling(lake, of, cluster=one.cluster, day=one.date, folder=folder) as rolling:
                tell(_KNOWN, 0)
                groups = rolling.rolled_up(_masked(gathered(order, files), masks))
                writer = _Writer(groups, made, expected=order.num_rows, tell=tell)
                staged = lake.files.stage(path, writer)
    except QueryError as error:
        message = f"{one.date} of {one.cluster} cannot be sealed: {error}"
        raise LakeError(message) from error
    if not staged.create():
        _log.info("%s of %s was sealed by another run meanwhile", one.date, one.cluster)
        return None
    return Done(one.cluster, one.date, writer.rows, generation)


def _masked(groups: Iterator[pa.Table], masks: Masks | None) -> Iterator[pa.Table]:
    return groups if masks is None else (masks.rows(group, Counter()) for group in groups)


def written_with(*, objects: int) -> dict[str, Any]:
    """Return the options by which pyarrow writes a sealed day whose row groups have so many different objects."""
    text = [
        f.name
        for f in schema.DAY_SCHEMA
        if pa.types.is_string(f.type) and f.name not in _NO_DICTIONARY
    ]
    return {
        "compression": "zstd",
        "compression_level": _ZSTD_LEVEL,
        "use_dictionary": text,
        "column_encoding": _ENCODINGS,
        "bloom_filter_options": {_FILTERED: {"ndv": objects, "fpp": _FALSE_POSITIVES}},
        "write_page_checksum": True,
    }


class _Writer:
    """Writes row groups as the Parquet file of a sealed day."""

    def __init__(
        self, groups: Iterator[pa.Table], made: Callable[[], Made], *, expected: int, tell: Tell
    ) -> None:
        self._groups = groups
        self._expected = expected
        self._tell = tell
        self._objects = 1 + min(expected, ROWS_PER_GROUP) // _ROWS_PER_OBJECT
        self._made = made
        self.rows = 0

    def __call__(self, file: BinaryIO) -> None:
        with pq.ParquetWriter(
            file, WRITTEN, **written_with(objects=self._objects), store_schema=False
        ) as writer:
            for group in self._groups:
                writer.write_table(group, row_group_size=group.num_rows)
                self.rows += group.num_rows
                self._tell(_KNOWN + (1 - _KNOWN) * self.rows / self._expected, self.rows)
            writer.add_key_value_metadata({METADATA_KEY: msgspec.json.encode(self._made())})
