"""One data file, read to its last page, to what is in it: or to the words for why it cannot be read.

Parquet notices a changed byte in a page only by the page's checksum, and DuckDB does not
look at those (2.0): of 30 files with one byte turned, plain reading refused 8, this all.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from etl import manifest, schema
from etl.errors import quoted
from etl.lake.layout import Lake, PartFile
from etl.lake.partitions import foreign


@dataclass(slots=True)
class Contents:
    """What a file holds: a digest of its bytes, and of its rows the days, the runs and the clusters."""

    digest: str
    first: datetime | None = None
    last: datetime | None = None
    snapshot_ids: set[str] = field(default_factory=set)
    clusters: set[str] = field(default_factory=set)
    """Of a column of that name, which our own files do not have."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    """The rows of a ledger file."""

    @property
    def days(self) -> tuple[date, date] | None:
        """The first and the last UTC day of ``last_seen``; null without rows."""
        return (self.first.date(), self.last.date()) if self.first and self.last else None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a file cannot be used; ``foreign`` if it is whole and not ours."""

    reason: str
    foreign: bool = False


def read(lake: Lake, file: PartFile) -> Contents | Unreadable | None:
    """Read a file of any tree as a whole; null if it is gone. Raises ``LakeError`` where a store does not answer."""
    tree = file.path.partition("/")[0]
    wanted = {
        "days": schema.FULL_DAY_SCHEMA,
        "parts": schema.FULL_SCHEMA,
        "snapshots": manifest.FULL_SNAPSHOT_SCHEMA,
    }[tree]
    try:
        with lake.files.open(file.path) as opened:
            data = opened.read()
        found = Contents(hashlib.sha256(data).hexdigest())
        with pq.ParquetFile(io.BytesIO(data), page_checksum_verification=True) as parquet:
            if reason := foreign(parquet.schema_arrow, wanted):
                return Unreadable(reason, foreign=True)
            for batch in parquet.iter_batches():
                _take(found, batch, ledger=tree == "snapshots")
    except FileNotFoundError:
        # Deleted since it was listed, or a link that leads nowhere.
        gone = file.path not in lake.files.list(file.path.rpartition("/")[0])
        return None if gone else Unreadable("it is a link that leads nowhere")
    except (pa.ArrowException, OSError, ValueError) as error:
        # Whatever Arrow says of it: what cannot be read to its end is damaged.
        return Unreadable(quoted(str(error), 120))
    return found


def _take(found: Contents, batch: pa.RecordBatch, *, ledger: bool) -> None:
    if ledger:
        found.rows += batch.to_pylist()
    names = batch.schema.names
    if "snapshot_id" in names:
        found.snapshot_ids.update(pc.unique(batch["snapshot_id"]).to_pylist())
    if "cluster" in names:
        found.clusters.update(str(value) for value in pc.unique(batch["cluster"]).to_pylist())
    if "last_seen" in names and batch.num_rows:
        seen = pc.min_max(batch["last_seen"]).as_py()
        found.first = min(seen["min"], found.first or seen["min"])
        found.last = max(seen["max"], found.last or seen["max"])
