"""Closed days of the ledger to one file each: a year of snapshots every ten minutes is 365 files, not 52,560.

The rules are those of sealed days: a file names the rows that it contains, is published by
exclusive create of the next generation, and what it replaced goes at least an hour later.
It lies beside the rows, so whoever reads the whole folder without looking at names meets
a row twice for a while, and tells it by ``snapshot_id``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time
from typing import BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from etl import manifest
from etl.errors import quoted
from etl.lake import layout
from etl.lake.generation import Done
from etl.lake.layout import Lake, PartFile
from etl.lake.ledger_days import ledger_days
from etl.lake.partitions import DAY, METADATA_KEY, Made, Partition, Wanted
from etl.lake.seal import MARGIN, sweep

# Rows of deletions stay where they are: retention finds them by their names.
_KEPT = "-retention"
_ORDER = [("started_at", "ascending"), ("snapshot_id", "ascending"), ("finished_at", "ascending")]
_log = logging.getLogger(__name__)


def seal_ledger(
    lake: Lake,
    *,
    clock: Callable[[], datetime],
    cluster: str | None = None,
    wanted: Wanted | None = None,
    limit: int | None = None,
) -> Iterator[Done]:
    """Seal the closed ``wanted`` days of the ledger, the oldest first and at most ``limit``, then delete what was replaced long ago.

    Yields each day as it is done. In a store where two runs could replace each other's file
    nothing is sealed: the rows stand for themselves.
    """
    known = ledger_days(lake, cluster, wanted=wanted)
    days = sorted(known.found.values(), key=lambda one: (one.date, one.cluster))
    waiting = [one for one in days if _due(one, clock())]
    if waiting and lake.files.exclusive():
        for one in waiting[:limit]:
            if done := _sealed(lake, one, clock):
                yield done
    for one in days:
        sweep(lake, one, now=clock())


def _due(one: Partition, now: datetime) -> bool:
    """Whether the day is over for every run that began in it, and there are rows to put together."""
    rows = len(_rows(one))
    closes_at = datetime.combine(one.date + DAY, time(), UTC) + MARGIN
    return now > closes_at and (rows > 1 or (rows == 1 and one.sealed is not None))


def _rows(one: Partition) -> list[PartFile]:
    return [file for file in one.loose if not file.name.endswith(_KEPT)]


def _sealed(lake: Lake, one: Partition, clock: Callable[[], datetime]) -> Done | None:
    """Write the next generation of a day; null if there is none to write or another run was first."""
    contained = one.sealed.made.parts if one.sealed else []
    tables = []
    if one.sealed:
        whole = _read(lake, one.sealed.file)
        if whole is None:
            # Its rows may be nowhere else: it stays, and readers name it.
            return None
        tables.append(whole)
    names = []
    for file in _rows(one):
        table = _read(lake, file)
        if table is not None:
            tables.append(table)
            names.append(file.name)
    if not names:
        return None
    rows = _once(pa.concat_tables(tables))

    def fill(file: BinaryIO) -> None:
        made = Made(
            sealed_at=clock(),
            parts=sorted({*contained, *names}),
            parts_before=[],
            generation_before=None,
        )
        with pq.ParquetWriter(
            file,
            manifest.SNAPSHOT_SCHEMA,
            compression="zstd",
            store_schema=False,
            write_page_checksum=True,
        ) as writer:
            writer.write_table(rows)
            writer.add_key_value_metadata({METADATA_KEY: msgspec.json.encode(made)})

    generation = one.taken + 1
    if not lake.files.stage(
        layout.ledger_day_path(one.cluster, one.date, generation), fill
    ).create():
        _log.info("the ledger of %s of %s was sealed by another run", one.date, one.cluster)
        return None
    return Done(one.cluster, one.date, rows.num_rows, generation)


def _read(lake: Lake, file: PartFile) -> pa.Table | None:
    """Return a file's rows with every column of today; null for one that must stay as it is."""
    try:
        with lake.files.open(file.path) as opened:
            found = pq.ParquetFile(opened, page_checksum_verification=True).read()
    except (pa.ArrowException, OSError) as error:
        # A damaged row is named by every reader; it is not copied.
        _log.warning("%s cannot be read and is not sealed: %s", file.path, quoted(str(error), 120))
        return None
    if unknown := set(found.column_names) - set(manifest.SNAPSHOT_SCHEMA.names):
        # A newer version wrote it, and would miss them.
        _log.info("%s holds %s and is not sealed", file.path, ", ".join(sorted(unknown)))
        return None
    columns = [
        found[field.name] if field.name in found.column_names else pa.nulls(len(found), field.type)
        for field in manifest.SNAPSHOT_SCHEMA
    ]
    return pa.table(columns, schema=manifest.SNAPSHOT_SCHEMA)


def _once(rows: pa.Table) -> pa.Table:
    """Return the rows in order; of one that was written twice the one that finished last."""
    ordered = rows.sort_by(_ORDER)
    last = {name: place for place, name in enumerate(ordered["snapshot_id"].to_pylist())}
    return ordered.take(pa.array(sorted(last.values()), pa.int64()))
