"""A window to the parts of its digest that no rule asks for: totals, first-seen reasons, movers, noisiest objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from etl.alerts.baseline import Baseline
from etl.alerts.learned import Learned
from etl.alerts.model import Coverage, FirstSeen, Mover, Noisy, Totals
from etl.errors import quoted
from etl.lake.query import Session
from etl.statements import statement
from etl.timespan import Window

# ElastAlert's window for new terms. Asked further back, a lake of years would be read each day;
# a reason that comes back after a month is news.
FIRST_SEEN_REACH = timedelta(days=30)
# Below fifty a day "three times as many" is chance; both sides have the floor (alerts on a spike
# need a floor for the reference and for the current value).
MOVER_FLOOR, MOVER_FACTOR = 50, 3
MOVERS, NOISIEST = 10, 10
_EXAMPLE = 200


@dataclass(frozen=True, slots=True)
class Asked:
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


def totals(rows: Sequence[Mapping[str, Any]], baseline: Baseline) -> Totals:
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


def seen_before(session: Session, baseline: Baseline, learned: Learned) -> set[tuple[str, ...]]:
    """Return (cluster, reason, kind of object) of all that is not new."""
    if not (clusters := list(baseline.clusters)):
        return set()
    start = baseline.window.start
    bounds = {
        "reach": min(start - FIRST_SEEN_REACH, baseline.start),
        "start": start,
        "end": baseline.window.end,
        "clusters": clusters,
        "known": [learned.since.get(cluster) for cluster in clusters],
    }
    rows = session.run(statement("rules/seen_before").text, bounds).to_pylist()
    return {(row["cluster"], row["reason"], row["object_kind"]) for row in rows}


def first_seen(asked: Asked, before: set[tuple[str, ...]]) -> tuple[FirstSeen, ...]:
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


def movers(asked: Asked, coverage: Coverage, first_seen: Iterable[FirstSeen]) -> tuple[Mover, ...]:
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


def noisiest(asked: Asked) -> tuple[Noisy, ...]:
    """List the objects with the most occurrences."""
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
