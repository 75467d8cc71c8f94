"""Shipped reports over drawn tables: events and coverage in, rows out, as cells of a drawn table."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from etl import schema
from etl.lake.query import Session
from etl.reports.catalogue import catalogue
from etl.reports.run import run
from etl.timespan import Window
from tests.lib import tables

COVERAGE_SCHEMA = pa.schema(
    [
        ("cluster", pa.string()),
        ("started_at", schema.TIME),
        ("ended_at", schema.TIME),
        ("covered", pa.bool_()),
        ("cause", pa.string()),
        ("namespaces", pa.list_(pa.string())),
    ]
)
DAY = Window(datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC))
COVERED = """
    cluster | started_at       | ended_at         | covered
    eu      | 2026-11-01 00:00 | 2026-12-01 00:00 | T
    us      | 2026-11-01 00:00 | 2026-12-01 00:00 | T
    """
GAPPED = """
    cluster | started_at       | ended_at         | covered | cause
    eu      | 2026-11-01 00:00 | 2026-11-22 12:00 | T       | -
    eu      | 2026-11-22 12:00 | 2026-11-22 13:00 | F       | no run
    eu      | 2026-11-22 13:00 | 2026-12-01 00:00 | T       | -
    us      | 2026-11-01 00:00 | 2026-12-01 00:00 | T       | -
    """
# Something for each report.
_REASONS = (
    *("Unhealthy", "Created", "BackOff", "NodeNotReady", "NodeReady", "Evicted"),
    *("FailedScheduling", "FailedMount", "InspectFailed"),
)
# So many of the events lie at the beginning of the day: enough of one reason to be a mover.
_BURST = 100
NO_COVERAGE = "cluster | started_at | ended_at | covered | cause"
LISTS = """
    cluster | snapshot_id | status   | started_at       | sent_at             | received_at         | finished_at         | pages | items | rows_added | retries | bytes_received | ttl_seconds
    eu      | s1          | complete | 2026-11-22 08:00 | 2026-11-22 08:00:01 | 2026-11-22 08:00:02 | 2026-11-22 08:00:04 | 2     | 6000  | 6000       | 0       | 900000         | 3600
    eu      | s2          | complete | 2026-11-22 08:10 | 2026-11-22 08:10:01 | 2026-11-22 08:10:02 | 2026-11-22 08:10:02 | 2     | 5000  | 10         | 1       | 800000         | 3600
    eu      | s3          | failed   | 2026-11-22 08:20 | -                   | -                   | 2026-11-22 08:21    | -     | -     | -          | 5       | -              | 3600
    us      | s4          | complete | 2026-11-22 08:00 | 2026-11-22 08:00:01 | 2026-11-22 08:00:02 | 2026-11-22 08:00:03 | 1     | 10    | 10         | 0       | 2000           | 3600
    """


def lake(
    events: str | pa.Table,
    coverage: str = NO_COVERAGE,
    snapshots: str = "cluster",
    configured: Sequence[str] = (),
) -> Session:
    """A session whose views hold the drawn ``events``, ``coverage`` and ``snapshots``, and that knows ``configured`` clusters."""
    rows = tables.events(events) if isinstance(events, str) else events
    return Session.over(
        {
            "events": rows,
            "observations": rows.select(schema.FULL_SCHEMA.names),
            "coverage": tables.typed_table(coverage, COVERAGE_SCHEMA),
            "coverage_by_namespace": tables.typed_table(coverage, COVERAGE_SCHEMA),
            "snapshots": tables.snapshots(snapshots),
            "configured": pa.table({"cluster": pa.array(configured, pa.string())}),
        }
    )


def window(start: str, end: str) -> Window:
    """A window between two drawn times, UTC."""
    return Window(*(datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end)))


def many(seed: int = 0) -> pa.Table:
    """Three days of events with many ties, in an order that depends on ``seed``."""
    rows = []
    for number in range(600):
        draw = random.Random(number)  # noqa: S311 -- test data
        last_seen = DAY.start + timedelta(minutes=draw.randrange(-2880, 1440, 15))
        if number < _BURST:
            last_seen = DAY.start + timedelta(minutes=15 * (number % 90))
        rows.append(
            {
                "cluster": draw.choice(["eu", "us"]),
                "date": last_seen.date(),
                "uid": f"uid-{number}",
                "n": 1,
                "last_seen": last_seen,
                "observed_at": last_seen,
                "snapshot_id": "s",
                "type": draw.choice(["Normal", "Warning"]),
                "reason": "Burst"
                if number < _BURST
                else draw.choice([*_REASONS, None, f"On{last_seen.day}"]),
                "component": draw.choice(["kubelet", "default-scheduler", None]),
                "namespace": draw.choice(["a", "b", "c", None]),
                "object_kind": draw.choice(["Pod", "Node"]),
                "object_name": draw.choice(["x", "y", "z", None]),
                "message": draw.choice(["m1", "Back-off restarting failed container", None]),
                "occurrences": draw.randrange(3),
            }
        )
    random.Random(seed).shuffle(rows)  # noqa: S311 -- test data
    return pa.Table.from_pylist(rows, schema=tables.EVENTS_SCHEMA)


def hostile(text: str) -> pa.Table:
    """Events that say ``text`` wherever an event can say something."""
    words = ("type", "reason", "component", "host", "namespace", "object_kind", "object_name")
    row = {
        "date": DAY.start.date(),
        "n": 1,
        "last_seen": DAY.start + timedelta(hours=8),
        "observed_at": DAY.start,
        "snapshot_id": "s",
        "occurrences": 5,
        "message": text,
    }
    rows = [
        {**row, "cluster": "eu", "uid": "1", **dict.fromkeys(words, text)},
        {**row, "cluster": "eu", "uid": "2", **dict.fromkeys(words, text), "type": "Warning"},
        {**row, "cluster": "eu", "uid": "3", "reason": "Unhealthy", "namespace": text},
        {**row, "cluster": text, "uid": "4", "reason": "BackOff"},
    ]
    return pa.Table.from_pylist(rows, schema=tables.EVENTS_SCHEMA)


def table(
    name: str,
    session: Session,
    span: Window,
    *,
    timezone: str = "UTC",
    extra: Mapping[str, str] | None = None,
) -> pa.Table:
    """Rows of the shipped report ``name``."""
    report = catalogue()[name]
    return run(report, session, window=span, timezone=ZoneInfo(timezone), extra=extra or {})


def answer(
    name: str,
    session: Session,
    span: Window,
    *,
    columns: str = "",
    timezone: str = "UTC",
    **extra: str,
) -> list[dict[str, str | None]]:
    """Rows of the shipped report ``name`` as drawn cells, limited to ``columns`` (``a | b``)."""
    found = table(name, session, span, timezone=timezone, extra=extra)
    if columns:
        found = found.select([column.strip() for column in columns.split("|")])
    return [{key: _cell(value) for key, value in row.items()} for row in found.to_pylist()]


def expect(text: str) -> tuple[str, list[dict[str, str | None]]]:
    """The head of a drawn table, for ``columns``, and its rows."""
    return text.strip().splitlines()[0], tables.drawn(text)


def _cell(value: Any) -> str | None:
    """Write a value as one draws it: times in UTC to the minute, shares with up to four digits."""
    if value is None:
        return None
    if isinstance(value, datetime):
        form = "%Y-%m-%d %H:%M:%S" if value.second else "%Y-%m-%d %H:%M"
        return value.astimezone(UTC).strftime(form)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return f"{round(value, 4):g}"
    return str(value)
