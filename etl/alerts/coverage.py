"""What the ledger proves about a window: covered spans, gaps with their causes, silent clusters.

A gap is never quiet. Also the time before a cluster's first snapshot and after its last one
counts as a gap, because a digest that says "nothing happened" must know it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from etl.alerts import health
from etl.alerts.learned import Learned
from etl.alerts.model import Coverage, Gap, Language
from etl.alerts.soundness import soundness
from etl.lake.query import Session
from etl.statements import statement
from etl.timespan import Window

# Words of ``sql/views/coverage`` and ours; the renderers translate them.
NO_RUN, FAILED_RUN = "no run", "failed run"
BEFORE_FIRST, AFTER_LAST = "before the first snapshot", "after the last snapshot"
NO_SNAPSHOT = "no snapshot"
# What was read may have been anything, such as a dump of which nobody said what it holds.
SCOPE = "scope not proven"


@dataclass(frozen=True, slots=True)
class Proof:
    """Coverage of a window, the clusters that were expected in it, and what was wrong with them."""

    coverage: Coverage
    clusters: tuple[str, ...]
    health: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Cluster:
    """One cluster in the window: its spans, which tile what they reach, and its ledger in short."""

    name: str
    window: Window
    spans: Sequence[Mapping[str, Any]]
    ledger: Mapping[str, Any]

    @property
    def gaps(self) -> list[Gap]:
        """What of the window the spans leave open."""
        if not self.spans:
            return [Gap(self.name, self.window.start, self.window.end, self._nothing)]
        found = []
        if self.window.start < (start := self.spans[0]["started_at"]):
            found.append(Gap(self.name, self.window.start, start, BEFORE_FIRST))
        found.extend(
            Gap(self.name, span["started_at"], span["ended_at"], span["cause"] or NO_RUN)
            for span in self.spans
            if not span["covered"]
        )
        if (end := self.spans[-1]["ended_at"]) < self.window.end:
            failed_at = self.ledger.get("last_failed_at")
            cause = FAILED_RUN if failed_at and failed_at >= end else AFTER_LAST
            found.append(Gap(self.name, end, self.window.end, cause))
        return found

    @property
    def only(self) -> tuple[str, ...]:
        """The namespaces that were listed, where it was never all of them."""
        listed = [span["namespaces"] for span in self.spans if span["covered"]]
        if not listed or any(names is None for names in listed):
            return ()
        return tuple(sorted({name for names in listed for name in names}))

    @property
    def covered(self) -> timedelta:
        """The proven part of the window."""
        return self.window.length - sum((gap.end - gap.start for gap in self.gaps), timedelta(0))

    @property
    def _nothing(self) -> str:
        """Why there are no spans."""
        if self.ledger.get("snapshots"):
            return SCOPE
        return FAILED_RUN if self.ledger.get("failed") else NO_SNAPSHOT

    def health(self, language: Language) -> Iterator[str]:
        """Say what was wrong; a failed run that left no gap did no harm and is only counted."""
        last = self.ledger.get("last_snapshot_at")
        if not self.spans and (last is None or last < self.window.start):
            yield health.silent(language, self.name, last)
        if self.ledger.get("failed") and self.gaps:
            yield health.failed(
                language,
                self.name,
                count=self.ledger["failed"],
                since=self.ledger["last_failed_at"],
                error=self.ledger["last_error"],
            )
        if count := self.ledger.get("unreadable"):
            names = self.ledger["unreadable_names"]
            yield health.unreadable(language, self.name, count=count, names=names)


def proven(
    session: Session,
    window: Window,
    *,
    since: datetime,
    expected: Iterable[str],
    language: Language,
    gone: Collection[str] = (),
) -> Proof:
    """Say what is proven of ``window``; of clusters that are ``gone`` nothing is expected.

    Expected are the clusters named in ``expected``, and those that a job has listed after
    ``since``; a cluster that is expected and was not read is named.
    """
    bounds = {"base": since, "start": window.start, "end": window.end}
    ledger = {row["cluster"]: row for row in _rows(session, "rules/snapshots", bounds)}
    spans: dict[str, list[Mapping[str, Any]]] = {}
    for row in _rows(session, "rules/coverage", bounds):
        spans.setdefault(row["cluster"], []).append(row)
    listed = {name for name, row in ledger.items() if row["listed"]}
    clusters = [
        _Cluster(name, window, spans.get(name, ()), ledger.get(name, {}))
        for name in sorted({*expected, *listed, *spans} - {*gone})
    ]
    left_out: dict[str, tuple[str, ...]] = {}
    for row in _rows(session, "checks/not_stored", bounds):
        left_out[row["cluster"]] = (*left_out.get(row["cluster"], ()), row["name"])
    return Proof(
        replace(
            _coverage(clusters, list(ledger.values())), not_stored=tuple(sorted(left_out.items()))
        ),
        tuple(cluster.name for cluster in clusters),
        (
            *(line for cluster in clusters for line in cluster.health(language)),
            *soundness(session, window, language=language).trouble,
        ),
    )


def wholly_seen(
    session: Session, window: Window, learned: Learned, clusters: Iterable[str]
) -> set[str]:
    """Return those of ``clusters`` of which all that an evaluation looks at is proven.

    Of a cluster without a list since the end of the window that is not so: something may be missing.
    """
    spans = {name: learned.span(name, window) for name in clusters}
    if not spans:
        return set()
    start, end = min(s for s, _ in spans.values()), max(e for _, e in spans.values())
    covered: dict[str, timedelta] = {}
    for row in _rows(session, "rules/coverage", {"start": start, "end": max(start, end)}):
        if row["covered"] and row["cluster"] in spans:
            first, last = spans[row["cluster"]]
            part = min(row["ended_at"], last) - max(row["started_at"], first)
            known = covered.get(row["cluster"], timedelta(0))
            covered[row["cluster"]] = known + max(part, timedelta(0))
    return {
        name
        for name, (first, last) in spans.items()
        if first < last and last >= window.end and covered.get(name, timedelta(0)) >= last - first
    }


def is_seen(labels: Mapping[str, str], seen: Collection[str], clusters: Collection[str]) -> bool:
    """Whether all is seen of what has these labels: of its cluster, or of all where it names none."""
    if name := labels.get("cluster"):
        return name in seen
    return bool(clusters) and set(clusters) <= set(seen)


def _coverage(clusters: Sequence[_Cluster], ledger: Sequence[Mapping[str, Any]]) -> Coverage:
    """Put the clusters together: the least covered one speaks for all."""
    known = any(cluster.spans or cluster.ledger.get("snapshots") for cluster in clusters)
    least = min(clusters, key=lambda cluster: cluster.covered, default=None)
    moments = [row["last_snapshot_at"] for row in ledger if row["last_snapshot_at"]]
    return Coverage(
        share=least.covered / least.window.length if least and known else None,
        covered=least.covered if least and known else timedelta(0),
        snapshots=sum(row["snapshots"] for row in ledger),
        failed=sum(row["failed"] for row in ledger),
        gaps=tuple(gap for cluster in clusters for gap in cluster.gaps),
        last_snapshot_at=max(moments, default=None),
        only=tuple((cluster.name, cluster.only) for cluster in clusters if cluster.only),
    )


def _rows(session: Session, name: str, bounds: Mapping[str, object]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = session.run(statement(name).text, bounds).to_pylist()
    return rows
