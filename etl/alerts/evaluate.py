"""Rules to findings: each rule asked once for a window, its rows compared and put into words.

A rule whose statement fails is a line of the digest's health, neither a finding nor
silence, and keeps no other rule from being asked.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from etl.alerts import health, trial
from etl.alerts.baseline import Baseline
from etl.alerts.condensed import candidates, names_reasons
from etl.alerts.model import SEVERITIES, Finding, Held, Language
from etl.alerts.rules import Rule
from etl.errors import QueryError, quoted
from etl.lake.query import Session
from etl.timespan import Window, rfc3339
from etl.wire import templates

# What of an event's text a template gets: a digest is no place for a whole stack trace.
_EXAMPLE = 200


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the rules found; ``cut`` counts findings beyond a rule's limit, by rule."""

    findings: tuple[Finding, ...] = ()
    held: tuple[Held, ...] = ()
    cut: Mapping[str, int] = field(default_factory=dict)
    health: tuple[str, ...] = ()


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


def evaluate(
    rules: Iterable[Rule],
    session: Session,
    *,
    window: Window,
    baseline: Baseline,
    language: Language = "en",
) -> Evaluation:
    """Ask all ``rules`` about ``window``; findings come by severity, then in the rules' order."""
    rules = list(rules)
    answers = _Answers(language)
    with candidates(session, rules, base=baseline.start, window=window) as few:
        for rule in rules:
            answers.ask(
                rule, few if names_reasons(rule) else session, window=window, baseline=baseline
            )
    return answers.evaluation()


@dataclass(frozen=True, slots=True)
class _Answers:
    """The rules' answers so far."""

    language: Language
    findings: list[Finding] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    cut: dict[str, int] = field(default_factory=dict)
    health: list[str] = field(default_factory=list)

    def ask(self, rule: Rule, session: Session, *, window: Window, baseline: Baseline) -> None:
        """Ask one rule and keep what it says."""
        if not rule.enabled:
            self.held.append(Held(rule.name, rule.comment, rule.until))
            return
        try:
            rows = _over(rule, session, window=window, baseline=baseline)
        except QueryError as error:
            # The other rules still have answers; this one is reported as broken.
            self.health.append(health.rule_failed(self.language, rule.name, error))
            return
        if len(rows) > rule.limit:
            self.cut[rule.name] = len(rows) - rule.limit
        wrong: list[str] = []
        self.findings.extend(
            _finding(rule, row, self.language, wrong) for row in rows[: rule.limit]
        )
        # One template fails alike for all rows of its rule.
        self.health.extend(wrong[:1])

    def evaluation(self) -> Evaluation:
        """Return all answers, findings by severity."""
        self.findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
        return Evaluation(tuple(self.findings), tuple(self.held), self.cut, tuple(self.health))


def measure(rule: Rule, session: Session, *, window: Window, baseline: Baseline) -> list[Measured]:
    """Return all rows of a rule over ``window``, the greatest values first; raises ``QueryError``."""
    bound = {"base": baseline.start, "start": window.start, "end": window.end}
    found = session.run(rule.statement, {**rule.parameters, **bound}).to_pylist()
    if rule.kind == "match" and not rule.by and not found:
        # A total of nothing is zero, so that a rule can ask for what must happen.
        found = [{"value": 0, "baseline_total": 0, "last_seen": None, "message": None}]
    rows = [_row(rule, row, baseline) for row in found if row.get("value") is not None]
    return sorted(rows, key=lambda row: (-row.value, sorted(row.labels.items())))


def _over(rule: Rule, session: Session, *, window: Window, baseline: Baseline) -> list[Measured]:
    """Return the rule's rows over its threshold, the greatest values first."""
    rows = measure(rule, session, window=window, baseline=baseline)
    return [row for row in rows if rule.threshold.met(row.value)]


def _row(rule: Rule, row: Mapping[str, Any], baseline: Baseline) -> Measured:
    labels = {name: _text(row[name]) for name in rule.by}
    if rule.kind == "match":
        usual = baseline.mean(float(row["baseline_total"]), cluster=labels.get("cluster"))
        columns = {"last_seen": row["last_seen"], "message": row["message"] or ""}
    else:
        usual = None if row.get("baseline") is None else float(row["baseline"])
        taken = {*trial.NUMBERS, *rule.by}
        columns = {name: value for name, value in row.items() if name not in taken}
    return Measured(float(row["value"]), usual, labels, columns)


def _finding(rule: Rule, row: Measured, language: Language, wrong: list[str]) -> Finding:
    context = {
        "value": _number(row.value),
        "baseline": None if row.baseline is None else _number(row.baseline),
        "labels": {**rule.labels, **row.labels},
        "columns": {name: _shown(value) for name, value in row.columns.items()},
    }

    def written(key: str) -> str:
        text = rule.annotations.get(f"{key}_{language}") or rule.annotations.get(key, "")
        try:
            return templates.render_leaf(text, context)
        except templates.LeafError as error:
            # The finding is worth more than its text; a reader sees rule, labels and value.
            wrong.append(health.template_failed(language, rule.name, error))
            return ""

    return Finding(
        alert=rule.name,
        severity=rule.severity,
        labels={**rule.labels, **row.labels},
        value=row.value,
        baseline=row.baseline,
        summary=written("summary"),
        description=written("description"),
        runbook_url=written("runbook_url"),
        last_seen=row.last_seen,
    )


def _number(value: float) -> float | int:
    """Return a whole number without its ``.0``, and others as people read them."""
    if not math.isfinite(value):
        return value
    return int(value) if value == int(value) else round(value, 2)


def _text(value: object) -> str:
    """Write a label's value; what is missing is empty."""
    if value is None:
        return ""
    return rfc3339(value) if isinstance(value, datetime) else str(value)


def _shown(value: object) -> object:
    """Return a column as a template gets it: texts short, times as they are."""
    return quoted(value, _EXAMPLE) if isinstance(value, str) else value
