"""Rules asked over drawn tables: a session with all views, a window, findings in short."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

import msgspec
import pyarrow as pa

from etl import manifest, schema
from etl.alerts import rules
from etl.alerts.baseline import measured
from etl.alerts.evaluate import Evaluation, evaluate
from etl.alerts.model import Finding, Language
from etl.alerts.rules import Rule
from etl.config.alerting import RuleGroup
from etl.config.settings import Settings
from etl.lake.query import Session
from etl.statements import statement
from etl.timespan import Window
from tests.lib import tables

NOW = datetime(2026, 11, 23, 9, 5, tzinfo=UTC)
# The window of a digest that is due at nine, and the days before it.
WINDOW = Window(datetime(2026, 11, 22, 9, tzinfo=UTC), datetime(2026, 11, 23, 9, tzinfo=UTC))
HOUR = timedelta(hours=1)


def session_over(events: pa.Table | None = None, snapshots: pa.Table | None = None) -> Session:
    """Return a session over drawn events and a drawn ledger; coverage is the shipped view's."""
    if events is None:
        events = tables.EVENTS_SCHEMA.empty_table()
    if snapshots is None:
        snapshots = manifest.FULL_SNAPSHOT_SCHEMA.empty_table()
    groups, coverage = _proven(_written(snapshots))
    return Session.over(
        {
            "events": events,
            "observations": events.select(schema.FULL_SCHEMA.names),
            "snapshots": snapshots,
            "coverage": coverage,
            "coverage_by_namespace": groups,
        }
    )


@cache
def _proven(ledger: bytes) -> tuple[pa.Table, pa.Table]:
    """Return what the shipped views prove; few ledgers are drawn often, and to ask took most of a test's time."""
    with Session.over({"snapshots": pa.ipc.open_stream(ledger).read_all()}) as opened:
        groups = opened.run(statement("views/coverage_by_namespace").text, {})
    with Session.over({"coverage_by_namespace": groups}) as spans:
        return groups, spans.run(statement("views/coverage").text, {})


def _written(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def compiled(rule: dict[str, object], *, default_rules: bool = False) -> tuple[Rule, ...]:
    """Compile one rule, written as its YAML would be read."""
    group = msgspec.convert({"name": "g", "rules": [{"alert": "R", **rule}]}, RuleGroup)
    return rules.compile_rules(Settings(groups=[group], default_rules=default_rules), now=NOW)


def default_rule(name: str) -> Rule:
    """Return one of the rules that eventlake brings."""
    return next(r for r in rules.compile_rules(Settings(), now=NOW) if r.name == name)


def asked(
    rules_: Sequence[Rule],
    session: Session,
    *,
    window: Window = WINDOW,
    minimum: int = 3,
    language: Language = "en",
) -> Evaluation:
    """Evaluate rules with a baseline of seven days, and close the session."""
    baseline = measured(session, window, span=timedelta(days=7), minimum=minimum)
    found = evaluate(rules_, session, window=window, baseline=baseline, languages=[language])
    session.close()
    return found


def short(findings: Sequence[Finding]) -> list[tuple[object, ...]]:
    """Return findings as (values of the labels in their order…, value)."""
    return [(*finding.labels.values(), finding.value) for finding in findings]


def daily_snapshots(days: int, *, cluster: str = "prod", before: datetime = WINDOW.start) -> str:
    """Draw one complete snapshot a day before a moment; the header comes first."""
    return "\n".join(_daily(days, cluster, before))


def hourly_snapshots(window: Window = WINDOW, *, cluster: str = "prod") -> str:
    """Draw a ledger that proves a window: complete snapshots twice an hour until a moment behind it."""
    lines = ["cluster | snapshot_id | status | started_at | sent_at | received_at | ttl_seconds"]
    moment, number = window.start, 0
    while moment <= window.end + HOUR / 2:
        lines.append(_row(cluster, f"h{number}", moment, ttl=7200))
        moment, number = moment + HOUR / 2, number + 1
    return "\n".join(lines)


def _daily(days: int, cluster: str, before: datetime) -> Iterator[str]:
    yield "cluster | snapshot_id | status | started_at | sent_at | received_at | ttl_seconds"
    for day in range(days):
        yield _row(cluster, f"d{day}", before - timedelta(days=day, hours=1))


def _row(cluster: str, name: str, moment: datetime, *, ttl: int = 3600) -> str:
    text = f"{moment:%Y-%m-%d %H:%M}"
    return f"{cluster} | {name} | complete | {text} | {text} | {text} | {ttl}"
