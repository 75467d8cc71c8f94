"""One message about a window: all parts of a digest from the lake, before any dialect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from etl.alerts.alert import Record
from etl.alerts.baseline import Baseline, measured
from etl.alerts.condensed import overview
from etl.alerts.coverage import Proof, proven, wholly_seen
from etl.alerts.due import due
from etl.alerts.evaluate import Evaluation, evaluate
from etl.alerts.learned import BY_TIME, Learned
from etl.alerts.model import (
    SEVERITIES,
    Coverage,
    Digest,
    Finding,
    FirstSeen,
    Language,
    Mover,
    Noisy,
    Silenced,
    Totals,
)
from etl.alerts.rules import Rule
from etl.config.settings import Settings
from etl.errors import quoted
from etl.lake.query import Session
from etl.statements import statement
from etl.timespan import Window

__all__ = ["build", "due", "gathered", "written"]

# ElastAlert's window for new terms. Asked further back, a lake of years would be read each day;
# a reason that comes back after a month is news.
FIRST_SEEN_REACH = timedelta(days=30)
# Below fifty a day "three times as many" is chance; both sides have the floor (alerts on a spike
# need a floor for the reference and for the current value).
MOVER_FLOOR, MOVER_FACTOR = 50, 3
MOVERS, NOISIEST = 10, 10
_EXAMPLE = 200


@dataclass(frozen=True, slots=True)
class _Asked:
    """What every part of a digest is asked with."""

    session: Session
    window: Window
    baseline: Baseline

    def rows(self, name: str, **parameters: object) -> list[dict[str, Any]]:
        """Run the statement ``rules/name``; each binds what it names."""
        bounds = {"base": self.baseline.start, "start": self.window.start, "end": self.window.end}
        table = self.session.run(statement(f"rules/{name}").text, {**bounds, **parameters})
        rows: list[dict[str, Any]] = table.to_pylist()
        return rows


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
) -> Facts:
    """Ask the lake all that a digest of ``window`` needs, once for all ``languages``.

    Comparisons are made only for clusters with enough history.
    """
    wanted = settings.digest
    baseline = measured(session, window, span=wanted.baseline, minimum=wanted.min_baseline_days)
    proofs = _proofs(session, settings, window, baseline, languages)
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
        asked = _Asked(few.session, window, baseline)
        totals = asked.rows("totals")
        first_seen = _first_seen(asked, _seen_before(session, baseline))
        movers = _movers(asked, proof.coverage, first_seen)
        noisiest = _noisiest(asked)
    covered = frozenset(wholly_seen(session, window, learned, proof.clusters))
    active = frozenset(row["cluster"] for row in totals if row["occurrences"])
    return Facts(
        window=window,
        evaluation=evaluation.proven(rules, covered, active | {*proof.clusters}),
        proofs=proofs,
        covered=covered,
        totals=_totals(totals, baseline),
        active=active,
        first_seen=first_seen,
        movers=movers,
        noisiest=noisiest,
        warnings=tuple(session.warnings),
    )


def written(
    facts: Facts,
    settings: Settings,
    *,
    language: Language = "en",
    health: Iterable[str] = (),
    record: Record | None = None,
    silences: tuple[Silenced, ...] = (),
) -> Digest:
    """Put ``facts`` into the words of one language, and tell of each alert what ``record`` says.

    Without a record all that fires is told. ``health`` are lines that others have to say; those
    of the lake, the ledger and the rules are added.
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
        health=(*health, *proof.health, *facts.warnings, *evaluation.health),
        link=settings.digest.external_url,
    )
    if record is None:
        return digest
    said: dict[str, list[Finding]] = {"new": [], "again": [], "still": [], "resolved": []}
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
        cut=dict(record.cut),
        silences=silences,
        inhibited=sum(alert.stayed == "inhibited" for alert in record.alerts),
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


def _rank(finding: Finding) -> int:
    return SEVERITIES.index(finding.severity)


def _proofs(
    session: Session,
    settings: Settings,
    window: Window,
    baseline: Baseline,
    languages: Sequence[Language],
) -> dict[Language, Proof]:
    expected = [settings.cluster] if settings.cluster else []
    return {
        language: proven(
            session, window, since=baseline.start, expected=expected, language=language
        )
        for language in languages
    }


def _totals(rows: Sequence[Mapping[str, Any]], baseline: Baseline) -> Totals:
    """Add up the clusters; the usual numbers only if every active cluster has enough history."""
    scales = baseline.clusters
    comparable = bool(scales) and all(r["cluster"] in scales for r in rows if r["occurrences"])

    def usual(name: str) -> float | None:
        if not comparable:
            return None
        known = [row for row in rows if row["cluster"] in scales]
        return float(sum(row[name] * scales[row["cluster"]] for row in known))

    return Totals(
        occurrences=sum(row["occurrences"] for row in rows),
        warnings=sum(row["warnings"] for row in rows),
        objects=sum(row["objects"] for row in rows),
        namespaces=sum(row["namespaces"] for row in rows),
        baseline_occurrences=usual("baseline_occurrences"),
        baseline_warnings=usual("baseline_warnings"),
    )


def _seen_before(session: Session, baseline: Baseline) -> set[tuple[str, ...]]:
    """Return (cluster, reason, kind of object) of all that is not new."""
    if not (clusters := list(baseline.clusters)):
        return set()
    start = baseline.window.start
    since = min(start - FIRST_SEEN_REACH, baseline.start)
    bounds = {"since": since, "start": start, "clusters": clusters}
    rows = session.run(statement("rules/seen_before").text, bounds).to_pylist()
    return {(row["cluster"], row["reason"], row["object_kind"]) for row in rows}


def _first_seen(asked: _Asked, before: set[tuple[str, ...]]) -> tuple[FirstSeen, ...]:
    """List new reasons; in a lake without history every reason would be one."""
    if not (clusters := list(asked.baseline.clusters)):
        return ()
    return tuple(
        FirstSeen(
            cluster=row["cluster"],
            reason=row["reason"] or "",
            object_kind=row["object_kind"] or "",
            type=row["type"] or "",
            occurrences=row["occurrences"],
            first_seen=row["first_seen"],
            meaning=row["meaning"],
            example=quoted(row["example"] or "", _EXAMPLE),
        )
        for row in asked.rows("first_seen", clusters=clusters)
        if (row["cluster"], row["reason"], row["object_kind"]) not in before
    )


def _movers(
    asked: _Asked, coverage: Coverage, first_seen: Iterable[FirstSeen]
) -> tuple[Mover, ...]:
    """List what is far from its usual; a fall is told only where nothing was missed."""
    if not (scales := asked.baseline.clusters):
        return ()
    rows = asked.rows(
        "movers",
        clusters=list(scales),
        scales=list(scales.values()),
        floor=MOVER_FLOOR,
        factor=MOVER_FACTOR,
        falls=coverage.complete,
        limit=MOVERS,
    )
    # What is new has its own part and need not be told twice.
    new = {(entry.cluster, entry.reason) for entry in first_seen}
    return tuple(
        Mover(
            cluster=row["cluster"],
            namespace=row["namespace"] or "",
            reason=row["reason"] or "",
            value=row["value"],
            baseline=row["baseline"],
        )
        for row in rows
        if (row["cluster"], row["reason"] or "") not in new
    )


def _noisiest(asked: _Asked) -> tuple[Noisy, ...]:
    return tuple(
        Noisy(
            cluster=row["cluster"],
            namespace=row["namespace"] or "",
            object_kind=row["object_kind"] or "",
            object_name=row["object_name"] or "",
            occurrences=row["total"],
            top_reason=row["top_reason"] or "",
        )
        for row in asked.rows("noisiest", limit=NOISIEST)
    )
