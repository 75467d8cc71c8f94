"""Rules to findings: each rule asked once for a window, its rows compared and put into words.

A rule whose statement fails is a line of the digest's health, neither a finding nor
silence, and keeps no other rule from being asked.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from etl.alerts import health, trial
from etl.alerts.baseline import Baseline
from etl.alerts.condensed import Candidates, candidates, reasons
from etl.alerts.learned import BY_TIME, Learned
from etl.alerts.model import SEVERITIES, Finding, Held, Language
from etl.alerts.rules import Rule
from etl.alerts.threshold import Threshold
from etl.errors import QueryError, quoted
from etl.lake.query import Session
from etl.timespan import Window, rfc3339
from etl.wire import templates

# What of an event's text a template gets: a digest is no place for a whole stack trace.
_EXAMPLE = 200
# Rows of one rule that are looked at, the greatest values first: what a state can hold, and more
# than anybody reads.
_REMEMBERED = 5000


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the rules found; ``cut`` counts findings beyond a rule's limit, by rule.

    ``findings`` have their texts in the first language, ``worded`` in each. ``beyond`` are those
    beyond the limits, without texts. ``failed`` has why a rule could not be asked, by its name.
    """

    findings: tuple[Finding, ...] = ()
    held: tuple[Held, ...] = ()
    cut: Mapping[str, int] = field(default_factory=dict)
    health: tuple[str, ...] = ()
    beyond: tuple[Finding, ...] = ()
    worded: Mapping[Language, tuple[Finding, ...]] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)


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
    learned: Learned = BY_TIME,
    lateness: timedelta = timedelta(0),
    languages: Sequence[Language] = ("en",),
    limit: timedelta | None = None,
) -> Evaluation:
    """Ask all ``rules`` about ``window``; findings come by severity, then in the rules' order.

    A rule with SQL of its own may take ``limit``; null is no limit.

    Of declarative rules all that count the same span are asked of one pass over the events, but
    those that match any reason of a second one.
    """
    rules = list(rules)
    answers = _Answers(tuple(dict.fromkeys(languages)))
    found: dict[int, list[Measured] | QueryError] = {}
    alike: dict[tuple[timedelta | None, bool], list[int]] = {}
    for place, rule in enumerate(rules):
        if rule.enabled and rule.kind == "match":
            alike.setdefault((rule.window, bool(reasons(rule))), []).append(place)
        elif rule.enabled:
            found[place] = _tried(rule, session, window, baseline, limit)
    for (span, _named), together in alike.items():
        own, usual = _own(span, window, baseline)
        with candidates(
            session,
            [rules[place] for place in together],
            base=usual.start,
            window=own,
            learned=learned,
            lateness=None if span is None else lateness,
        ) as few:
            found |= {place: _tried(rules[place], few, own, usual) for place in together}
    for place, rule in enumerate(rules):
        answers.take(rule, found.get(place, []))
    return answers.evaluation()


@dataclass(frozen=True, slots=True)
class _Answers:
    """The rules' answers so far."""

    languages: tuple[Language, ...]
    worded: dict[Language, list[Finding]] = field(default_factory=dict)
    beyond: list[Finding] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    cut: dict[str, int] = field(default_factory=dict)
    health: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def take(self, rule: Rule, rows: list[Measured] | QueryError) -> None:
        """Keep what one rule says, in all languages."""
        first = self.languages[0]
        if not rule.enabled:
            self.held.append(Held(rule.name, rule.comment, rule.until))
            return
        if isinstance(rows, QueryError):
            # The other rules still have answers; this one is reported as broken.
            self.failed[rule.name] = quoted(str(rows))
            self.health.append(health.rule_failed(first, rule.name, rows))
            return
        if len(rows) > rule.limit:
            self.cut[rule.name] = len(rows) - rule.limit
        wrong: list[str] = []
        for language in self.languages:
            self.worded.setdefault(language, []).extend(
                _finding(rule, row, language, wrong) for row in rows[: rule.limit]
            )
        self.beyond.extend(_wordless(rule, row) for row in rows[rule.limit : _REMEMBERED])
        # One template fails alike for all rows of its rule.
        self.health.extend(wrong[:1])

    def evaluation(self) -> Evaluation:
        """Return all answers, findings by severity."""
        worded = {
            language: tuple(sorted(self.worded.get(language, ()), key=_rank))
            for language in self.languages
        }
        return Evaluation(
            findings=worded[self.languages[0]],
            held=tuple(self.held),
            cut=self.cut,
            health=tuple(self.health),
            beyond=tuple(self.beyond),
            worded=worded,
            failed=self.failed,
        )


def _rank(finding: Finding) -> int:
    return SEVERITIES.index(finding.severity)


def _tried(
    rule: Rule,
    session: Session | Candidates,
    window: Window,
    baseline: Baseline,
    limit: timedelta | None = None,
) -> list[Measured] | QueryError:
    """Return the rows over the rule's threshold, or why it cannot be asked: the others are asked all the same."""
    try:
        return _rows(rule, session, window, baseline, over=rule.threshold, limit=limit)
    except QueryError as error:
        return error


def measure(rule: Rule, session: Session, *, window: Window, baseline: Baseline) -> list[Measured]:
    """Return all rows of a rule over ``window``, the greatest values first; raises ``QueryError``."""
    if rule.kind == "sql":
        return _rows(rule, session, window, baseline)
    own, usual = _own(rule.window, window, baseline)
    with candidates(session, [rule], base=usual.start, window=own, learned=BY_TIME) as few:
        return _rows(rule, few, own, usual)


def _own(span: timedelta | None, window: Window, baseline: Baseline) -> tuple[Window, Baseline]:
    """Return the window that a rule with a ``span`` of its own counts, and what is usual in one like it."""
    if span is None:
        return window, baseline
    own = Window(window.end - span, window.end)
    return own, replace(baseline, window=own, start=min(baseline.start, own.start))


def _rows(
    rule: Rule,
    asked: Session | Candidates,
    window: Window,
    baseline: Baseline,
    *,
    over: Threshold | None = None,
    limit: timedelta | None = None,
) -> list[Measured]:
    """Ask a rule of the candidates, or one with SQL of the lake; for all rows or those ``over`` a threshold.

    Of 25 rules over a week of 2.7 million states 863,000 rows come back and few count: they are
    left out before they become objects, which took 5 of 11 s.
    """
    bound = {"base": baseline.start, "start": window.start, "end": window.end}
    if isinstance(asked, Session):
        found = asked.run(rule.statement, {**rule.parameters, **bound}, limit=limit)
    elif asked.hold(rule):
        found = asked.session.run(rule.statement, {**rule.parameters, **bound})
    else:
        found = pa.table({"value": pa.array([], pa.int64())})
    if rule.kind == "match" and not rule.by and not found.num_rows:
        # A total of nothing is zero, so that a rule can ask for what must happen.
        nothing = {"value": 0, "baseline_total": 0, "last_seen": None, "message": None}
        found = pa.Table.from_pylist([nothing])
    if over is not None:
        found = found.filter(over.among(found["value"]))
    rows = [_row(rule, row, baseline) for row in found.to_pylist() if row.get("value") is not None]
    return sorted(rows, key=lambda row: (-row.value, sorted(row.labels.items())))


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


def _wordless(rule: Rule, row: Measured) -> Finding:
    return Finding(
        alert=rule.name,
        severity=rule.severity,
        labels={**rule.labels, **row.labels},
        value=row.value,
        baseline=row.baseline,
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
