"""A year of the ledger, sealed by the day: how many bytes it is, and what sealing a day of it takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bench.figures import Figure, Plan
from bench.generate_days import CLUSTER
from bench.generate_events import INTERVAL, TTL
from etl import __version__
from etl.lake import layout, ledger
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.ledger import Entry
from etl.lake.ledger_seal import seal_ledger

_START = datetime(2025, 6, 2, tzinfo=UTC)
_DAYS, _YEAR = 2, 365
A_DAY = timedelta(days=1) // INTERVAL
_KIB = 1024


def year(plan: Plan) -> Iterator[Figure]:
    """Yield what a year of lists of one cluster leaves on the disk, and the time for a day of it."""
    lake = Lake(LocalFiles(plan.folder / "ledger"))
    lake.prepare()
    for number in range(_DAYS * A_DAY):
        ledger.record(lake, CLUSTER, listed(number, _START))
    loose = _bytes(lake)
    closed = _START + timedelta(days=_DAYS + 1)
    started = time.process_time()
    done = list(seal_ledger(lake, clock=lambda: closed))
    taken = (time.process_time() - started) / _DAYS
    assert [one.rows for one in done] == [A_DAY] * _DAYS
    assert not list(seal_ledger(lake, clock=lambda: closed + timedelta(hours=2)))
    of = f"of one cluster that is listed every {INTERVAL.seconds // 60} minutes, from {_DAYS} days"
    yield Figure("ledger_year_kb", _bytes(lake) / _DAYS * _YEAR / _KIB, f"sealed ledger {of}")
    yield Figure("ledger_year_unsealed_kb", loose / _DAYS * _YEAR / _KIB, f"rows as files {of}")
    yield Figure("ledger_day_cpu_s", taken, f"processor time of sealing a day {of}")


def _bytes(lake: Lake) -> int:
    return sum(lake.files.sizes("snapshots").values())


def month(lake: Lake, start: datetime, days: int) -> None:
    """Write the rows of lists every ten minutes for ``days``; days that are over are sealed.

    They promise no part: the lake's own were not written by them.
    """
    for number in range(days * A_DAY):
        ledger.record(lake, CLUSTER, replace(listed(number, start), parts=None))
    assert list(seal_ledger(lake, clock=lambda: start + timedelta(days=days)))


def listed(number: int, start: datetime) -> Entry:
    """The row of an ordinary list: 1,000 events of which a tenth is new, in one part or over midnight in two."""
    started = start + number * INTERVAL
    seconds = timedelta(milliseconds=700 + number * 37 % 600)
    name = layout.snapshot_id(started, f"{number * 2654435761 % (1 << 32):08x}")
    return Entry(
        snapshot_id=name,
        kind="list",
        status="complete",
        started_at=started,
        version=__version__,
        sent_at=started + seconds / 7,
        received_at=started + seconds / 2,
        first_received_at=started + seconds / 3,
        last_received_at=started + seconds / 2,
        finished_at=started + seconds,
        server_date=started.replace(microsecond=0),
        list_resource_version=1_000_000 + number * 3719,
        pages=2,
        items=1000 + number * 13 % 97,
        rows_added=100 + number * 7 % 31,
        unreadable=0,
        retries=0,
        bytes_received=1_300_000 + number * 977 % 40_000,
        ttl_seconds=TTL.total_seconds(),
        oldest_written_at=started - TTL,
        interval_seconds=INTERVAL.total_seconds(),
        parts=tuple(
            f"{day:%Y-%m-%d}/{name}"
            for day in sorted({started.date(), (started - INTERVAL).date()})
        ),
        compared="cache",
        previous_id=name,
        epoch=0,
        expected_items=1000,
        vanished=90 + number % 11,
        vanished_early=number % 3,
        early_namespaces={"shop": number % 3} if number % 3 else None,
        vanished_age_seconds=TTL.total_seconds() + number % 60,
        late_births=0,
        checks=(),
    )
