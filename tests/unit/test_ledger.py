"""The ledger: a row a run, as it was told."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from etl import manifest
from etl.lake import ledger
from etl.lake.files import Files
from etl.lake.layout import Lake
from etl.lake.ledger import Entry

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.fixture
def lake(files: Files) -> Lake:
    """A lake without data."""
    return Lake(files)


def test_an_entry_has_the_columns_of_the_schema() -> None:
    """Nothing that a run can tell is without a column, and no column without its teller."""
    assert {field.name for field in fields(Entry)} == set(manifest.SNAPSHOT_SCHEMA.names)


def test_a_row_is_written_as_it_was_told(lake: Lake) -> None:
    """Every value comes back from the file, in the partition of the day on which the run started."""
    entry = Entry(
        snapshot_id="s1",
        kind="list",
        status="inconsistent",
        started_at=AT,
        version="0.1.0",
        scope=("shop", "infra"),
        sent_at=AT + timedelta(seconds=1),
        items=5,
        unreadable_names=("item 3",),
        ttl_seconds=3600.0,
    )
    ledger.record(lake, "prod", entry)
    (file,) = lake.ledger()
    assert (file.cluster, file.date) == ("prod", AT.date())
    with lake.files.open(file.path) as opened:
        table = pq.read_table(opened)
    assert table.schema.equals(manifest.SNAPSHOT_SCHEMA)
    (row,) = table.to_pylist()
    assert row["scope"] == ["shop", "infra"]
    assert (row["sent_at"], row["items"], row["ttl_seconds"]) == (entry.sent_at, 5, 3600.0)
    assert (row["error"], row["received_at"]) == (None, None)


def test_the_newest_of_a_kind_is_found(lake: Lake) -> None:
    """The newest time of collection of a kind counts, whatever else is there, damaged rows included."""
    for number, (kind, hours) in enumerate([("sample", 1), ("sample", 3), ("import", 9)]):
        ledger.record(
            lake,
            "prod",
            Entry(
                snapshot_id=f"s{number}",
                kind="sample" if kind == "sample" else "import",
                status="complete",
                started_at=AT,
                version="0",
                collected_at=AT + timedelta(hours=hours),
            ),
        )
    lake.files.write("snapshots/cluster=prod/date=2026-11-23/x.parquet", b"damaged")
    assert ledger.newest(lake, "sample") == AT + timedelta(hours=3)
    assert ledger.newest(lake, "list") is None
