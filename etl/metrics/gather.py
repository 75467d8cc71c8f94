"""A lake, and the run that just ended, to readings: what is remembered is added to, the rest is asked.

Everything that can be derived from the lake is, so that a run that died leaves no hole in a
counter: snapshots are counted by the ledger, deliveries by the outbox.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from etl import __version__, machine
from etl.alerts.outbox import SKIPPED, Outbox
from etl.config.settings import Settings
from etl.errors import QueryError
from etl.lake.layout import Lake
from etl.lake.query import Session, session
from etl.metrics import standing
from etl.metrics.forwarding import of_targets
from etl.metrics.readings import Readings
from etl.metrics.record import Count, Keeper, LastRun, Record
from etl.metrics.series import Series, grown
from etl.statements import statement

# Snapshots that an earlier run did not come to count are looked for so far back.
_LOOKBACK = timedelta(days=2)
# Where the counting begins: the snapshots of a process that goes on are over before it gathers.
_BEFORE = timedelta(hours=1)
# What DuckDB may hold: of two open days with 300,000 states each a process took 690 MB without a
# limit, and with 250 MB it takes 520 MB and half a second longer.
_MEMORY = "250MB"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The run that just ended: ``seconds`` it took, and the most memory that it held."""

    command: str
    started_at: datetime
    ended_at: datetime
    seconds: float
    exit_code: int
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class _Snapshots:
    """What the ledger says of the snapshots that are not counted yet."""

    rows: list[dict[str, Any]]
    """All of the time that is looked back on."""
    fresh: list[dict[str, Any]]
    occurrences: Mapping[str, Mapping[tuple[str, str, str, str], int]]
    """By cluster: (namespace, reason, kind, type) -> how often."""


def gather(
    lake: Lake,
    settings: Settings,
    *,
    now: datetime,
    cluster: str = "",
    ended: Ended | None = None,
    page: Path | None = None,
) -> Readings:
    """Return what is to be said of ``cluster``, of all clusters if it is empty.

    With ``ended`` it is added to what is remembered; without, nothing in the lake changes. Raises
    ``LakeError``.
    """
    found = Readings()
    keeper = Keeper(lake.files, cluster)
    with session(lake, cluster=cluster or None, memory=_MEMORY) as opened:
        found.join(standing.snapshots(opened, now=now))
        if ended is None:
            record, _number = keeper.newest()
        else:
            # The ledger and the outbox are read anew for each try: the other run may have written.
            record = keeper.update(
                lambda before: _counted(opened, lake, settings, before, ended, cluster)
            )
    found.join(standing.of_lake(lake, cluster, now=now, ttl=settings.ttl(cluster or None)))
    found.join(standing.of_outbox(lake, cluster))
    found.join(standing.of_alerts(lake, cluster))
    found.join(of_targets(lake, settings.forward, cluster))
    found.put("eventlake_build_info", 1, cluster=cluster, version=__version__)
    found.put("eventlake_memory_limit_bytes", machine.limit_bytes(), cluster=cluster)
    if page is not None and page.exists():
        found.put("eventlake_page_timestamp_seconds", page.stat().st_mtime, cluster=cluster)
    if record is not None:
        _remembered(found, record, cluster)
    return found


def of_run(ended: Ended, cluster: str) -> Readings:
    """Return what is known of a run whose lake cannot be asked."""
    found = Readings()
    found.put("eventlake_build_info", 1, cluster=cluster, version=__version__)
    found.put("eventlake_memory_limit_bytes", machine.limit_bytes(), cluster=cluster)
    _runs(found, {ended.command: _last(None, ended)}, cluster)
    return found


def _runs(found: Readings, runs: Mapping[str, LastRun], cluster: str) -> None:
    """Put the newest run of each command."""
    for command, run in runs.items():
        succeeded = run.succeeded_at.timestamp() if run.succeeded_at else 0
        for name, value in (
            ("timestamp_seconds", run.ended_at.timestamp()),
            ("success_timestamp_seconds", succeeded),
            ("duration_seconds", run.seconds),
            ("exit_code", run.exit_code),
            ("peak_memory_bytes", run.peak_bytes),
        ):
            found.put(f"eventlake_run_{name}", value, cluster=cluster, command=command)


def _remembered(found: Readings, record: Record, cluster: str) -> None:
    """Put what the record holds."""
    _runs(found, record.runs, cluster)
    for count in record.counts:
        found.values.setdefault(count.name, {})[count.labels] = count.value
    for name, series in record.occurrences.items():
        for one in series:
            namespace, reason, kind, type_ = one.labels
            found.put(
                "eventlake_occurrences_total",
                one.count,
                cluster=name,
                namespace=namespace,
                reason=reason,
                kind=kind,
                type=type_,
            )


def _counted(
    opened: Session,
    lake: Lake,
    settings: Settings,
    before: Record | None,
    ended: Ended,
    cluster: str,
) -> Record:
    """Return the record after this run."""
    before = before or Record(since=ended.started_at - _BEFORE)
    snapshots = _uncounted(opened, before, ended.ended_at)
    deliveries, settled = _deliveries(lake, before)
    counts: Counter[tuple[str, tuple[str, ...]]] = Counter()
    counts[("eventlake_runs_total", (cluster, ended.command, str(ended.exit_code)))] += 1
    for (receiver, outcome), number in deliveries.items():
        counts[("eventlake_deliveries_total", (cluster, receiver, outcome))] += number
    for row in snapshots.fresh:
        name = row["cluster"]
        counts[("eventlake_snapshots_total", (name, row["status"]))] += 1
        counts[("eventlake_received_bytes_total", (name,))] += row["bytes_received"]
        if row["status"] != "failed":
            counts[("eventlake_listed_events_total", (name,))] += row["items"]
            counts[("eventlake_unreadable_events_total", (name,))] += row["unreadable"]
            counts[("eventlake_added_observations_total", (name,))] += row["rows_added"]
    return msgspec.structs.replace(
        before,
        runs={**before.runs, ended.command: _last(before.runs.get(ended.command), ended)},
        counts=_summed(before.counts, counts),
        occurrences=_occurred(before, snapshots, settings.metrics.max_series, ended.ended_at),
        # Only what can be met again has to be known again.
        counted=frozenset(_key(row) for row in snapshots.rows),
        settled=settled,
    )


def _last(before: LastRun | None, ended: Ended) -> LastRun:
    succeeded = before.succeeded_at if before else None
    return LastRun(
        ended_at=ended.ended_at,
        succeeded_at=ended.ended_at if ended.exit_code == 0 else succeeded,
        seconds=ended.seconds,
        exit_code=ended.exit_code,
        peak_bytes=ended.peak_bytes,
    )


def _summed(
    before: Iterable[Count], more: Mapping[tuple[str, tuple[str, ...]], int]
) -> tuple[Count, ...]:
    sums = Counter({(count.name, count.labels): count.value for count in before})
    # Not ``update``: a counter at 0 is worth telling, because it can grow.
    for key, value in more.items():
        sums[key] += value
    return tuple(
        Count(name=name, labels=labels, value=value)
        for (name, labels), value in sorted(sums.items())
    )


def _occurred(
    before: Record, snapshots: _Snapshots, most: int, now: datetime
) -> dict[str, tuple[Series, ...]]:
    names = {*before.occurrences, *snapshots.occurrences}
    return {
        name: tuple(
            grown(
                before.occurrences.get(name, ()),
                snapshots.occurrences.get(name, {}),
                most=most,
                now=now,
            )
        )
        for name in sorted(names)
    }


def _uncounted(opened: Session, before: Record, now: datetime) -> _Snapshots:
    since = max(before.since, now - _LOOKBACK).astimezone(UTC)
    rows = opened.run(statement("metrics/runs").text, {"since": since}).to_pylist()
    fresh = [row for row in rows if _key(row) not in before.counted]
    writing = [row for row in fresh if row["parts"]]
    occurrences: dict[str, dict[tuple[str, str, str, str], int]] = {}
    for row in _added(opened, writing) if writing else ():
        key = (row["namespace"], row["reason"], row["kind"], row["type"])
        occurrences.setdefault(row["cluster"], {})[key] = row["occurrences"]
    return _Snapshots(rows, fresh, occurrences)


def _added(opened: Session, snapshots: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what occurred by the states that ``snapshots`` wrote."""
    asked = {"snapshots": [row["snapshot_id"] for row in snapshots], "days": _days(snapshots)}
    try:
        rows: list[dict[str, Any]] = opened.run(statement("metrics/added").text, asked).to_pylist()
    except QueryError as error:
        # Such as days that do not fit into memory and disk: all else is worth more than this count.
        _log.warning(
            "metrics: occurrences of %d snapshots stay uncounted: %s", len(snapshots), error
        )
        return []
    return rows


def _days(rows: Iterable[Mapping[str, Any]]) -> list[date]:
    """Return the days of the parts that these runs wrote, which the ledger names as date/name."""
    return sorted(
        {date.fromisoformat(part.partition("/")[0]) for row in rows for part in row["parts"]}
    )


def _key(row: Mapping[str, Any]) -> str:
    return f"{row['cluster']}/{row['snapshot_id']}"


def _deliveries(lake: Lake, before: Record) -> tuple[Counter[tuple[str, str]], frozenset[str]]:
    """Count the deliveries that came to their end since the record, by receiver and outcome."""
    outbox = Outbox(lake.files)
    found: Counter[tuple[str, str]] = Counter()
    settled: set[str] = set()
    for receipt in outbox.receipts():
        settled.add(receipt.id)
        if receipt.id not in before.settled and receipt.delivered_at >= before.since:
            outcome = SKIPPED if receipt.outcome == SKIPPED else "delivered"
            found[(receipt.receiver, outcome)] += 1
    for dead in outbox.dead():
        settled.add(dead.entry.id)
        if dead.entry.id not in before.settled and dead.died_at >= before.since:
            found[(dead.entry.receiver, "dead")] += 1
    return found, frozenset(settled)
