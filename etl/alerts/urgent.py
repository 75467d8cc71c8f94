"""What cannot wait for the digest: rules marked ``urgent``, asked after each snapshot.

Such an evaluation has a memory of its own, looks at what was learned since the one before,
and speaks only when something is new, over, or to be repeated: one message per receiver and
run. After one it pauses; what comes meanwhile waits and is told behind the pause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from etl.alerts import rounds, teams
from etl.alerts.alert import Record
from etl.alerts.baseline import Baseline
from etl.alerts.coverage import Proof, wholly_seen
from etl.alerts.digest import Facts
from etl.alerts.evaluate import evaluate
from etl.alerts.learned import Learned, learned
from etl.alerts.memory import Memory
from etl.alerts.model import Coverage, Gap, Language, Totals
from etl.alerts.rules import Rule
from etl.config.settings import Settings
from etl.lake.files import Files
from etl.lake.query import Session
from etl.timespan import Window

_NOT_SEEN = "no run"


def due(
    session: Session, files: Files, settings: Settings, *, cluster: str, now: datetime
) -> Window | None:
    """Return the window to evaluate: from the evaluation before to the newest list; null if there is none since."""
    before, _number = Memory(files, "urgent", cluster).newest()
    start = now - settings.source.interval if before is None else before.end
    marks = learned(session, Window(min(start, now), now), since={}, now=now).until
    end = max(marks.values(), default=None)
    if end is None or end <= start:
        return None
    return Window(max(start, end - settings.urgent.longest), end)


def evaluated(
    session: Session,
    files: Files,
    settings: Settings,
    rules: Sequence[Rule],
    *,
    cluster: str,
    window: Window,
    now: datetime,
    languages: Sequence[Language],
) -> rounds.Round:
    """Evaluate the urgent ones of ``rules`` over ``window`` and write the record."""
    asked = [rule for rule in rules if rule.urgent]

    def look(looked: Learned, gone: frozenset[str]) -> Facts:
        facts = _facts(session, settings, asked, window, looked, languages)
        return replace(facts, evaluation=facts.evaluation.without(gone))

    return rounds.remembering(
        session,
        files,
        settings,
        asked,
        look,
        kind="urgent",
        cluster=cluster,
        window=window,
        now=now,
    )


def unsent(files: Files, settings: Settings, *, cluster: str, now: datetime) -> Record | None:
    """Return the newest record if it had something to send, not longer ago than is worth it."""
    record, _number = Memory(files, "urgent", cluster).newest()
    if record is None or not record.spoke or now - record.end > settings.urgent.longest:
        return None
    return record


def _facts(
    session: Session,
    settings: Settings,
    rules: Sequence[Rule],
    window: Window,
    looked: Learned,
    languages: Sequence[Language],
) -> Facts:
    # Nothing is compared with what is usual: a baseline of a week would cost more than the run.
    longest = max((rule.window for rule in rules if rule.window), default=timedelta(0))
    base = min(window.start, window.end - longest) - settings.digest.lateness
    evaluation = evaluate(
        rules,
        session,
        window=window,
        baseline=Baseline(base, window, {}, 0, 1),
        learned=looked,
        lateness=settings.digest.lateness,
        languages=languages,
        limit=settings.sql.timeout,
    )
    clusters = tuple(sorted(looked.until))
    covered = wholly_seen(session, window, looked, clusters)
    blind = [cluster for cluster in clusters if cluster not in covered]
    coverage = Coverage(
        share=0.0 if blind else 1.0,
        covered=timedelta(0) if blind else window.length,
        snapshots=len(clusters),
        failed=0,
        gaps=tuple(Gap(cluster, window.start, window.end, _NOT_SEEN) for cluster in blind),
        last_snapshot_at=window.end,
    )
    proof = Proof(coverage, clusters, ())
    return Facts(
        window=window,
        evaluation=replace(evaluation, held=()).proven(rules, covered, clusters),
        proofs=dict.fromkeys(languages, proof),
        covered=frozenset(covered),
        totals=Totals(0, 0, 0, 0),
        active=frozenset(),
        first_seen=(),
        movers=(),
        noisiest=(),
        warnings=(),
        namespaces=teams.namespaces(session, settings, base=base, end=window.end),
    )
