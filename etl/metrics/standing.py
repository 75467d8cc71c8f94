"""What stands in the lake at this moment to gauges: snapshots, coverage, files, outbox, alerts."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from etl.alerts.memory import Memory
from etl.alerts.model import Kind
from etl.alerts.outbox import ROOT as OUTBOX
from etl.alerts.outbox import Outbox
from etl.lake import layout, seal
from etl.lake.layout import Lake
from etl.lake.partitions import partitions
from etl.lake.query import Session
from etl.metrics.readings import Readings
from etl.statements import statement

_DAY = timedelta(hours=24)
_SEVERITIES = ("critical", "warning", "info")
_KINDS: tuple[Kind, ...] = ("digest", "urgent")
_NEWEST = {
    "eventlake_snapshot_duration_seconds": "seconds",
    "eventlake_snapshot_pages": "pages",
    "eventlake_snapshot_received_bytes": "bytes_received",
    "eventlake_snapshot_events": "items",
    "eventlake_snapshot_added_observations": "rows_added",
    "eventlake_snapshot_unreadable_events": "unreadable",
    "eventlake_snapshot_failed_checks": "failed_checks",
    "eventlake_snapshot_interval_seconds": "interval_seconds",
    "eventlake_event_ttl_seconds": "ttl_seconds",
    "eventlake_clock_skew_seconds": "skew_seconds",
}
_COVERAGE = {
    "eventlake_coverage_ratio": "ratio",
    "eventlake_coverage_gaps": "gaps",
    "eventlake_coverage_gap_seconds": "gap_seconds",
}


def snapshots(opened: Session, *, now: datetime) -> Readings:
    """Return what the ledger says: the newest snapshot, how long events live, and the last day's coverage."""
    found = Readings()
    for row in opened.run(statement("metrics/newest").text, {}).to_pylist():
        name, sent_at = row["cluster"], row["sent_at"]
        # A cluster that never answered has a 0, which alarms as nothing at all would not.
        moment = sent_at.timestamp() if sent_at else 0
        found.put("eventlake_last_snapshot_timestamp_seconds", moment, cluster=name)
        for metric, column in _NEWEST.items():
            found.put(metric, row[column], cluster=name)
    bounds = {"start": now - _DAY, "end": now}
    for row in opened.run(statement("checks/lifetime").text, bounds).to_pylist():
        for bound in ("at_least", "at_most"):
            metric = f"eventlake_event_lifetime_{bound}_seconds"
            found.put(metric, row[f"{bound}_seconds"], cluster=row["cluster"])
    for row in opened.run(statement("metrics/coverage").text, bounds).to_pylist():
        for metric, column in _COVERAGE.items():
            found.put(metric, row[column], cluster=row["cluster"])
    return found


def of_lake(lake: Lake, cluster: str, *, now: datetime, ttl: timedelta) -> Readings:
    """Return how large the lake is, of one cluster or all, and how many days wait to be sealed."""
    found = Readings()
    for tree in layout.TREES:
        prefix = f"{tree}/cluster={layout.encoded(cluster)}" if cluster else tree
        sizes = lake.files.sizes(prefix)
        found.put("eventlake_lake_files", len(sizes), cluster=cluster, tree=tree)
        found.put("eventlake_lake_bytes", sum(sizes.values()), cluster=cluster, tree=tree)
    known = partitions(lake, cluster or None)
    due = len(seal.due(known, now=now, ttl=ttl))
    found.put("eventlake_sealing_due", due, cluster=cluster)
    return found


def of_outbox(lake: Lake, cluster: str) -> Readings:
    """Return how many messages wait, since when, and how many were given up."""
    found = Readings()
    waiting = Outbox(lake.files).waiting()
    dead = lake.files.list(f"{OUTBOX}/dead")
    for state, number in (("pending", len(waiting)), ("dead", len(dead))):
        found.put("eventlake_outbox_messages", number, cluster=cluster, state=state)
    if waiting:
        oldest = waiting[0].created_at.timestamp()
        found.put("eventlake_outbox_oldest_timestamp_seconds", oldest, cluster=cluster)
    return found


def of_alerts(lake: Lake, cluster: str) -> Readings:
    """Return how many alerts fire or are about to, by severity, as digest and urgent messages know them."""
    found = Readings()
    states: dict[str, tuple[str, str, str]] = {}
    for kind in _KINDS:
        for scope in {"", cluster}:
            record, _number = Memory(lake.files, kind, scope).newest()
            for alert in record.alerts if record else ():
                name = alert.labels.get("cluster", cluster)
                if name in {cluster, ""} or not cluster:
                    states[alert.fingerprint] = (name, alert.severity, alert.standing)
    counts = Counter(states.values())
    for name in {cluster, *(state[0] for state in states.values())}:
        for severity in _SEVERITIES:
            for state in ("firing", "pending"):
                number = counts[(name, severity, state)]
                found.put("eventlake_alerts", number, cluster=name, severity=severity, state=state)
    return found
