"""Tests of rules to what is wrong: each story lived evaluation by evaluation, compared with what it expects.

The rules run as they would over a lake: the same statements over events that are drawn, the
same memory from day to day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import pyarrow as pa

from etl import manifest, schema
from etl.alerts.alert import Alert, Record
from etl.alerts.baseline import measured
from etl.alerts.evaluate import evaluate
from etl.alerts.learned import BY_TIME
from etl.alerts.remember import Customs, Occasion, remembered
from etl.alerts.rules import Rule
from etl.alerts.trial import blank_tables
from etl.config.fixtures import Event, Expected, Test
from etl.config.settings import Settings
from etl.lake.query import Session
from etl.timespan import Window

_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)


def failures(test: Test, rules: Sequence[Rule], settings: Settings) -> Iterator[str]:
    """Yield a line for each alert that is missing, too many, or not as ``test`` expects it."""
    known = {rule.name for rule in rules}
    for name in sorted(set(test.rules) - known):
        yield f"{test.name}: there is no rule {name}"
    asked = [rule for rule in rules if not test.rules or rule.name in test.rules]
    record: Record | None = None
    drawn: list[dict[str, object]] = []
    for number, day in enumerate(test.evaluations):
        window = Window(test.at + (number - 1) * _DAY, test.at + number * _DAY)
        drawn += [_row(event, window, len(drawn) + place) for place, event in enumerate(day.events)]
        clusters = sorted({str(row["cluster"]) for row in drawn})
        seen = clusters if day.covered else []
        events = pa.Table.from_pylist(drawn, schema.FULL_DAY_SCHEMA)
        ledger = _ledger(clusters, [test.at + back * _DAY for back in range(number + 1)])
        drawn_tables = {**blank_tables(), "events": events, "snapshots": ledger}
        with Session.over(drawn_tables) as session:
            baseline = measured(
                session,
                window,
                span=settings.digest.baseline,
                minimum=settings.digest.min_baseline_days,
            )
            found = evaluate(asked, session, window=window, baseline=baseline)
        found = found.proven(asked, seen, clusters)
        yield from (f"{test.name}: {rule} failed: {why}" for rule, why in found.failed.items())
        record = remembered(
            record,
            number + 1,
            found,
            asked,
            Occasion("digest", "", window, BY_TIME, window.end),
            covered=seen,
            clusters=clusters,
            customs=Customs(
                repeat_interval=settings.digest.repeat_interval,
                expire_after=settings.digest.expire_after,
                silenced=lambda _alert: False,
                inhibited=lambda _alert, _firing: False,
            ),
        )
        where = f"{test.name}: evaluation {number + 1}"
        alerts = [alert for alert in record.alerts if alert.state != "inactive" and not alert.whole]
        yield from _differences(where, alerts, day.alerts)


def _differences(where: str, alerts: list[Alert], expected: Sequence[Expected]) -> Iterator[str]:
    left = list(alerts)
    for one in expected:
        found = next((alert for alert in left if _meant(alert, one)), None)
        if found is None:
            yield f"{where}: missing {one.alert} {_labels(one.labels)}".rstrip()
            continue
        left.remove(found)
        if found.state != one.state:
            yield f"{where}: {one.alert} {_labels(found.labels)} is {found.state}, not {one.state}"
        if one.value is not None and found.value != one.value:
            yield f"{where}: {one.alert} {_labels(found.labels)} has {found.value:g}, not {one.value:g}"
        summary = found.finding("en").summary
        if one.summary is not None and summary != one.summary:
            yield f"{where}: {one.alert} {_labels(found.labels)} says {summary!r}, not {one.summary!r}"
    for alert in left:
        yield f"{where}: not expected: {alert.alert} {_labels(alert.labels)} {alert.state} {alert.value:g}"


def _meant(alert: Alert, expected: Expected) -> bool:
    return alert.alert == expected.alert and expected.labels.items() <= alert.labels.items()


def _labels(labels: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in labels.items())


def _ledger(clusters: Sequence[str], ends: Sequence[datetime]) -> pa.Table:
    """Return a ledger of lists that were complete, one right before the end of each window."""
    moments = [end - _MINUTE for end in ends]
    rows = [
        {
            "cluster": cluster,
            "date": moment.date(),
            "snapshot_id": f"test-{moment:%Y%m%d}",
            "kind": "list",
            "status": "complete",
            "started_at": moment,
            "sent_at": moment,
            "received_at": moment,
        }
        for cluster in clusters
        for moment in moments
    ]
    return pa.Table.from_pylist(rows, manifest.FULL_SNAPSHOT_SCHEMA)


def _row(event: Event, window: Window, number: int) -> dict[str, object]:
    moment = window.end - event.ago
    return {
        "cluster": event.cluster,
        "date": moment.date(),
        "uid": f"t{number}",
        "n": event.count,
        "reason": event.reason,
        "type": event.type,
        "namespace": event.namespace,
        "object_kind": event.kind,
        "object_name": event.name,
        "host": event.node or None,
        "component": event.component or None,
        "message": event.message,
        "first_seen": moment,
        "last_seen": moment,
        "observed_at": moment,
        "snapshot_id": "test",
        "occurrences": event.count,
    }
