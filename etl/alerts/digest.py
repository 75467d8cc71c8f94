"""One message about a window: all parts of a digest from the lake, before any dialect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

from etl.alerts import health as health_lines
from etl.alerts import parts, teams
from etl.alerts.alert import Record, Said
from etl.alerts.baseline import Baseline, measured
from etl.alerts.condensed import overview
from etl.alerts.coverage import Proof, proven, wholly_seen
from etl.alerts.due import due
from etl.alerts.evaluate import Evaluation, evaluate
from etl.alerts.learned import BY_TIME, Learned
from etl.alerts.model import (
    SEVERITIES,
    Digest,
    Finding,
    FirstSeen,
    Language,
    Mover,
    Noisy,
    Silenced,
    Totals,
)
from etl.alerts.retired import Retired
from etl.alerts.rules import Rule
from etl.alerts.standing import UNKNOWN, Standing
from etl.config.settings import Settings
from etl.lake.query import Session
from etl.timespan import Window

__all__ = ["build", "due", "gathered", "written"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the lake says about a window, before it is put into words and beside what is remembered."""

    window: Window
    evaluation: Evaluation
    proofs: Mapping[Language, Proof]
    covered: frozenset[str]
    totals: Totals
    active: frozenset[str]
    first_seen: tuple[FirstSeen, ...]
    movers: tuple[Mover, ...]
    noisiest: tuple[Noisy, ...]
    warnings: tuple[str, ...]
    namespaces: teams.Namespaces = field(default_factory=dict)

    @property
    def clusters(self) -> tuple[str, ...]:
        """The clusters that were expected or did something."""
        known = next(iter(self.proofs.values())).clusters
        return tuple(sorted({*known, *self.active}))


def gathered(
    session: Session,
    settings: Settings,
    rules: Sequence[Rule],
    *,
    window: Window,
    learned: Learned = BY_TIME,
    languages: Sequence[Language] = ("en",),
    gone: frozenset[str] = frozenset(),
) -> Facts:
    """Ask the lake all that a digest of ``window`` needs, once for all ``languages``.

    Comparisons are made only for clusters with enough history. Nobody waits for clusters that are ``gone``.
    """
    wanted = settings.digest
    baseline = measured(session, window, span=wanted.baseline, minimum=wanted.min_baseline_days)
    proofs = _proofs(session, settings, window, baseline, languages, gone)
    proof = proofs[languages[0]]
    with overview(session, rules, base=baseline.start, window=window, learned=learned) as few:
        evaluation = evaluate(
            rules,
            session,
            window=window,
            baseline=baseline,
            learned=learned,
            lateness=wanted.lateness,
            languages=languages,
            limit=settings.sql.timeout,
            overview=few,
        )
        asked = parts.Asked(few.session, window, baseline)
        totals = asked.rows("totals")
        first_seen = parts.first_seen(asked, parts.seen_before(session, baseline, learned))
        movers = parts.movers(asked, proof.coverage, first_seen)
        noisiest = parts.noisiest(asked)
    covered = frozenset(wholly_seen(session, window, learned, proof.clusters))
    active = frozenset(row["cluster"] for row in totals if row["occurrences"])
    return Facts(
        window=window,
        evaluation=evaluation.without(gone).proven(rules, covered, active | {*proof.clusters}),
        proofs=proofs,
        covered=covered,
        totals=parts.totals(totals, baseline),
        active=active,
        first_seen=first_seen,
        movers=movers,
        noisiest=noisiest,
        warnings=tuple(session.warnings),
        namespaces=teams.namespaces(session, settings, base=baseline.start, end=window.end),
    )


def written(
    facts: Facts,
    settings: Settings,
    *,
    language: Language = "en",
    health: Iterable[str] = (),
    record: Record | None = None,
    silences: tuple[Silenced, ...] = (),
    urgent: Standing = UNKNOWN,
    gone: Sequence[Retired] = (),
) -> Digest:
    """Put ``facts`` into the words of one language, and tell of each alert what ``record`` says.

    Without a record all that fires is told. ``urgent`` is what evaluations after snapshots know,
    ``gone`` what was said of clusters that nobody waits for. ``health`` are lines that others have to
    say; those of the lake, the ledger and the rules are added.
    """
    proof, evaluation = facts.proofs[language], facts.evaluation
    digest = Digest(
        clusters=facts.clusters,
        window=facts.window,
        timezone=settings.timezone,
        language=language,
        coverage=proof.coverage,
        totals=facts.totals,
        findings=evaluation.worded[language],
        first_seen=facts.first_seen,
        movers=facts.movers,
        noisiest=facts.noisiest,
        held=evaluation.held,
        cut=dict(evaluation.cut),
        health=(
            *health,
            *_retired(gone, facts.window, language),
            *proof.health,
            *facts.warnings,
            *evaluation.health,
        ),
        link=settings.digest.external_url,
        namespaces=facts.namespaces,
    )
    if record is None:
        return digest
    said: dict[str, list[Finding]] = {name: [] for name in get_args(Said)}
    for alert in record.alerts:
        if alert.said:
            said[alert.said].append(alert.finding(language))
    return replace(
        digest,
        kind=record.kind,
        remembers=record.number > 1,
        findings=tuple(sorted((*said["new"], *said["again"]), key=_rank)),
        still=tuple(sorted(said["still"], key=_rank)),
        resolved=tuple(sorted(said["resolved"], key=_rank)),
        expired=tuple(sorted(said["expired"], key=_rank)),
        gone=tuple(one.cluster for one in gone),
        cut=dict(record.cut),
        silences=silences,
        inhibited=sum(alert.stayed == "inhibited" for alert in record.alerts),
        paused=urgent.paused,
        urgent=tuple(alert.finding(language) for alert in urgent.firing),
    )


def build(
    session: Session,
    settings: Settings,
    rules: Sequence[Rule],
    *,
    window: Window,
    language: Language = "en",
    health: Iterable[str] = (),
) -> Digest:
    """Return the digest of ``window`` as one sees it who looks for the first time."""
    facts = gathered(session, settings, rules, window=window, languages=(language,))
    return written(facts, settings, language=language, health=health)


def _retired(gone: Sequence[Retired], window: Window, language: Language) -> list[str]:
    """Say once of a cluster that somebody retired it."""
    return [
        health_lines.retired(language, one.cluster, by=one.created_by, comment=one.comment)
        for one in gone
        if window.start < one.at <= window.end
    ]


def _rank(finding: Finding) -> int:
    return SEVERITIES.index(finding.severity)


def _proofs(
    session: Session,
    settings: Settings,
    window: Window,
    baseline: Baseline,
    languages: Sequence[Language],
    gone: frozenset[str],
) -> dict[Language, Proof]:
    expected = [name for name in settings.cluster_names if session.cluster in (None, name)]
    return {
        language: proven(
            session, window, since=baseline.start, expected=expected, language=language, gone=gone
        )
        for language in languages
    }
