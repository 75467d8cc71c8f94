"""Rules to findings: each rule asked once for a window, its rows compared and put into words.

A rule whose statement fails is a line of the digest's health, neither a finding nor
silence, and keeps no other rule from being asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from etl.alerts import health
from etl.alerts.asking import Measured, Span, Views, tried
from etl.alerts.baseline import Baseline
from etl.alerts.condensed import Overview, candidates, is_sum, reasons
from etl.alerts.coverage import is_seen
from etl.alerts.learned import BY_TIME, Learned
from etl.alerts.model import SEVERITIES, Finding, Held, Language
from etl.alerts.rules import Rule
from etl.errors import QueryError, quoted
from etl.lake.query import Session
from etl.timespan import Window
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

    def without(self, gone: Collection[str]) -> Evaluation:
        """Leave out what is of clusters that are gone."""
        return self._kept(lambda one: one.labels.get("cluster") not in gone) if gone else self

    def proven(
        self, rules: Iterable[Rule], seen: Collection[str], clusters: Collection[str]
    ) -> Evaluation:
        """Leave out what asks for few or for none where not all was ``seen`` of ``clusters``.

        A gap looks the same, so nobody can know it; what asks for many is so whatever was missed.
        """
        doubtful = {rule.name for rule in rules if rule.seeks_little}

        return self._kept(
            lambda one: one.alert not in doubtful or is_seen(one.labels, seen, clusters)
        )

    def _kept(self, wanted: Callable[[Finding], bool]) -> Evaluation:
        return replace(
            self,
            findings=tuple(filter(wanted, self.findings)),
            beyond=tuple(filter(wanted, self.beyond)),
            worded={name: tuple(filter(wanted, found)) for name, found in self.worded.items()},
        )


def evaluate(  # noqa: PLR0913 -- what is asked, about when, in which words, within which limits
    rules: Iterable[Rule],
    session: Session,
    *,
    window: Window,
    baseline: Baseline,
    learned: Learned = BY_TIME,
    lateness: timedelta = timedelta(0),
    languages: Sequence[Language] = ("en",),
    limit: timedelta | None = None,
    overview: Overview | None = None,
) -> Evaluation:
    """Ask all ``rules`` about ``window``; findings come by severity, then in the rules' order.

    A rule with SQL of its own may take ``limit``; null is no limit.

    Of declarative rules those that are sums are asked of the ``overview`` if there is one. All
    others that count the same span are asked of one pass over the events, but those that match
    any reason of a second one.
    """
    rules = list(rules)
    answers = _Answers(tuple(dict.fromkeys(languages)))
    found: dict[int, list[Measured] | QueryError] = {}
    alike: dict[tuple[Span, bool], list[int]] = {}
    for place, rule in enumerate(rules):
        if rule.enabled and overview is not None and is_sum(rule):
            found[place] = tried(rule, overview, window, baseline)
        elif rule.enabled and rule.kind == "match":
            alike.setdefault((Span.of(rule), bool(reasons(rule))), []).append(place)
        elif rule.enabled:
            found[place] = tried(rule, Views(session, limit), window, baseline)
    for (span, _named), together in alike.items():
        own, usual = span.counted(session, window, baseline)
        with candidates(
            session,
            [rules[place] for place in together],
            base=usual.start,
            window=own,
            learned=learned,
            lateness=None if span.window is None else lateness,
        ) as few:
            found |= {place: tried(rules[place], few, own, usual) for place in together}
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


def _shown(value: object) -> object:
    """Return a column as a template gets it: texts short, times as they are."""
    return quoted(value, _EXAMPLE) if isinstance(value, str) else value
