"""One rule and a source of events to measured values: each row's number beside what is usual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol, Self

import pyarrow as pa

from etl.alerts import trial
from etl.alerts.baseline import Baseline, measured
from etl.alerts.condensed import candidates
from etl.alerts.learned import BY_TIME
from etl.alerts.rules import Rule
from etl.errors import QueryError
from etl.lake.query import Session
from etl.timespan import Window, rfc3339

# A total of nothing: of the columns that ``sql/rules/match`` yields those that are no labels.
_NOTHING = pa.schema(
    [
        pa.field("value", pa.int64()),
        pa.field("baseline", pa.float64()),
        pa.field("last_seen", pa.timestamp("us", "UTC")),
        pa.field("message", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Measured:
    """A row of a rule: its value beside what is usual, whether or not it meets the threshold."""

    value: float
    baseline: float | None
    labels: dict[str, str]
    columns: dict[str, object]

    @property
    def last_seen(self) -> datetime | None:
        """When it was last so, where the rule tells."""
        moment = self.columns.get("last_seen")
        return moment if isinstance(moment, datetime) else None


class Source(Protocol):
    """What rules are asked of: all views of a lake, or the events that some of them can match."""

    def rows(self, rule: Rule, bounds: Mapping[str, object]) -> pa.Table:
        """Return the rows of a rule's statement; raises ``QueryError``."""


@dataclass(frozen=True, slots=True)
class Views:
    """The views of a lake, for rules with SQL of their own; each may take ``limit``, null is no limit."""

    session: Session
    limit: timedelta | None = None

    def rows(self, rule: Rule, bounds: Mapping[str, object]) -> pa.Table:
        """Run the rule's statement."""
        return self.session.run(rule.statement, {**rule.parameters, **bounds}, limit=self.limit)


@dataclass(frozen=True, slots=True)
class Span:
    """What a declarative rule counts and compares: null for all that was learned, and the digest's baseline."""

    window: timedelta | None
    baseline: timedelta | None

    @classmethod
    def of(cls, rule: Rule) -> Self:
        """Return what ``rule`` says."""
        return cls(rule.window, rule.compared.span if rule.compared else None)

    def counted(
        self, session: Session, window: Window, baseline: Baseline
    ) -> tuple[Window, Baseline]:
        """Return the window that is counted, and what is known of the days before it."""
        if self.baseline is not None:
            baseline = measured(session, window, span=self.baseline, minimum=baseline.minimum)
        if self.window is None:
            return window, baseline
        own = Window(window.end - self.window, window.end)
        return own, replace(baseline, window=own, start=min(baseline.start, own.start))


def tried(
    rule: Rule, source: Source, window: Window, baseline: Baseline
) -> list[Measured] | QueryError:
    """Return the rows that are findings, or why the rule cannot be asked: the others are asked all the same."""
    try:
        return _rows(rule, source, window, baseline, findings=True)
    except QueryError as error:
        return error


def measure(rule: Rule, session: Session, *, window: Window, baseline: Baseline) -> list[Measured]:
    """Return all rows of a rule over ``window``, the greatest values first; raises ``QueryError``."""
    if rule.kind == "sql":
        return _rows(rule, Views(session), window, baseline)
    own, usual = Span.of(rule).counted(session, window, baseline)
    with candidates(session, [rule], base=usual.start, window=own, learned=BY_TIME) as few:
        return _rows(rule, few, own, usual)


def _rows(
    rule: Rule, source: Source, window: Window, baseline: Baseline, *, findings: bool = False
) -> list[Measured]:
    """Ask ``source`` for all rows of a rule, or for those that are ``findings``.

    Of 25 rules over a week of 2.7 million states 863,000 rows come back and few count: they are
    left out before they become objects, which took 5 of 11 s.
    """
    if rule.compared and rule.compared.min_days is not None:
        baseline = replace(baseline, minimum=rule.compared.min_days)
    bounds = {"base": baseline.start, "start": window.start, "end": window.end}
    found = source.rows(rule, {**bounds, **baseline.bound()})
    if rule.kind == "match" and not rule.by and not found.num_rows:
        # A total of nothing is zero, so that a rule can ask for what must happen.
        usual = None if baseline.scale() is None else 0.0
        found = pa.Table.from_pylist([{"value": 0, "baseline": usual}], _NOTHING)
    if findings:
        found = found.filter(rule.threshold.among(found["value"]))
        if rule.compared:
            found = found.filter(rule.compared.among(found["value"], found["baseline"]))
    rows = [_row(rule, row) for row in found.to_pylist() if row.get("value") is not None]
    return sorted(rows, key=lambda row: (-row.value, sorted(row.labels.items())))


def _row(rule: Rule, row: Mapping[str, Any]) -> Measured:
    labels = {name: _text(row[name]) for name in rule.by}
    usual = None if row.get("baseline") is None else float(row["baseline"])
    if rule.kind == "match":
        columns = {"last_seen": row["last_seen"], "message": row["message"] or ""}
    else:
        taken = {*trial.NUMBERS, *rule.by}
        columns = {name: value for name, value in row.items() if name not in taken}
    return Measured(float(row["value"]), usual, labels, columns)


def _text(value: object) -> str:
    """Write a label's value; what is missing is empty."""
    if value is None:
        return ""
    return rfc3339(value) if isinstance(value, datetime) else str(value)
