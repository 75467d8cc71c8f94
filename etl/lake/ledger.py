"""The ledger: one row for every run that asked a cluster or read a dump, failed ones too.

A row is written after the run's parts are visible, so it promises that they are in the
lake. A failed run's row promises nothing and says why.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from etl import manifest
from etl.lake import layout
from etl.lake.encode import write_parquet
from etl.lake.layout import Lake


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row of the ledger; the meaning of each field is in ``manifest.SNAPSHOT``."""

    snapshot_id: str
    kind: Literal["list", "watch", "import", "sample", "retention", "redact"]
    status: Literal["complete", "inconsistent", "failed"]
    started_at: datetime
    version: str
    scope: tuple[str, ...] | None = None
    sent_at: datetime | None = None
    received_at: datetime | None = None
    finished_at: datetime | None = None
    collected_at: datetime | None = None
    server_date: datetime | None = None
    list_resource_version: int | None = None
    pages: int | None = None
    items: int | None = None
    remaining_items: int | None = None
    rows_added: int | None = None
    unreadable: int | None = None
    unreadable_names: tuple[str, ...] | None = None
    retries: int | None = None
    bytes_received: int | None = None
    ttl_seconds: float | None = None
    oldest_written_at: datetime | None = None
    error: str | None = None
    first_received_at: datetime | None = None
    last_received_at: datetime | None = None
    interval_seconds: float | None = None
    parts: tuple[str, ...] | None = None
    compared: Literal["cache", "lake"] | None = None
    previous_id: str | None = None
    epoch: int | None = None
    expected_items: int | None = None
    vanished: int | None = None
    vanished_early: int | None = None
    early_namespaces: dict[str, int] | None = None
    vanished_age_seconds: float | None = None
    late_births: int | None = None
    checks: tuple[str, ...] | None = None
    deleted_from: datetime | None = None
    deleted_before: datetime | None = None
    deleted_files: int | None = None
    deleted_rows: int | None = None
    deleted_bytes: int | None = None
    watched_since: datetime | None = None
    watch_refused: str | None = None
    redacted: dict[str, int] | None = None
    dropped_namespaces: dict[str, int] | None = None
    dropped_reasons: dict[str, int] | None = None
    owners_unread: tuple[str, ...] | None = None
    rewritten_files: int | None = None


def newest(lake: Lake, kind: str) -> datetime | None:
    """Return the latest ``collected_at`` of the ledger rows of ``kind``, or null if there are none.

    Reads the ledger's files one by one; a damaged one is passed over, as in every reading.
    """
    times: list[datetime] = []
    found = lake.ledger()
    lake.files.expect([file.path for file in found])
    for file in found:
        try:
            with lake.files.open(file.path) as opened:
                table = pq.read_table(opened, columns=["kind", "collected_at"], partitioning=None)
        except (pa.ArrowException, OSError):
            # Damaged: the session names it in every answer; here the other rows decide.
            continue
        times += [
            row["collected_at"]
            for row in table.to_pylist()
            if row["kind"] == kind and row["collected_at"]
        ]
    return max(times, default=None)


def record(lake: Lake, cluster: str, entry: Entry) -> None:
    """Write ``entry`` durably; raises ``LakeError``."""
    values = {f.name: getattr(entry, f.name) for f in fields(entry)}
    row = pa.Table.from_pylist([values], schema=manifest.SNAPSHOT_SCHEMA)
    path = layout.ledger_path(cluster, entry.started_at.date(), entry.snapshot_id)
    lake.files.stage(path, lambda file: write_parquet(row, file)).publish()
