"""The lake's views to the story of an object: what happened to it and around it, and what is not known.

The lines come folded and in order from ``sql/incident/timeline.sql``. Here they get their
phases, and between them stand the gaps that the ledger does not cover: nothing told over
a gap is not a quiet time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from etl.incident.kinds import Reference
from etl.incident.phases import SEQUENCE, phase
from etl.lake.query import Session
from etl.reports import coverage
from etl.statements import statement
from etl.timespan import Window

# Repeats of more than this apart are two episodes, not one that lasted.
QUIET = timedelta(minutes=30)
# How far back controllers' own events are looked for, that name owners and volumes.
_FACTS = timedelta(days=31)
# The nearest first: what an object is, if it is several.
_RELATIONS = ["subject", "owner", "part", "volume", "node", "autoscaler"]
_SCENERY = {"node", "volume"}
_FEW = 3
# What happened to these so long before may be the cause of the story.
_BEFORE = timedelta(minutes=10)
# A gap that ended so shortly before the first line may hide the beginning.
_NEAR = timedelta(hours=1)
# Times are cut to the second: less than one is no gap but the edge of a window.
_SHORTEST = timedelta(seconds=1)
_WORKLOADS = {
    *("deployment", "statefulset", "daemonset", "replicaset", "job", "cronjob"),
    "replicationcontroller",
}
# As kinds are written where no event of the object itself shows it.
_WRITTEN = {
    "cronjob": "CronJob",
    "daemonset": "DaemonSet",
    "persistentvolume": "PersistentVolume",
    "persistentvolumeclaim": "PersistentVolumeClaim",
    "replicaset": "ReplicaSet",
    "replicationcontroller": "ReplicationController",
    "statefulset": "StatefulSet",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where events about the object lie; ``last_seen`` is the newest of them."""

    cluster: str
    namespace: str
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class Subject:
    """The object that the story is about; ``namespace`` is empty for a Node and its like."""

    kind: str
    name: str
    place: Place

    @property
    def namespaced(self) -> bool:
        """Whether it lies in a namespace."""
        return self.kind.lower() not in {"node", "namespace", "persistentvolume"}


@dataclass(frozen=True, slots=True)
class Line:
    """An episode: the same thing said, ``occurrences`` times from ``started_at`` to ``ended_at``.

    ``objects`` is how many objects it was said of, ``n`` the greatest count and
    ``first_seen`` its start: where they go beyond the occurrences, the rest happened
    before, at a time that nobody knows.
    """

    started_at: datetime
    ended_at: datetime
    relation: str
    object_kind: str
    namespace: str
    object_name: str
    objects: int
    container: str
    type: str
    reason: str
    message: str
    occurrences: int
    n: int
    first_seen: datetime | None

    @property
    def phase(self) -> str:
        """What it means, in a word."""
        return phase(self.reason, self.message)


@dataclass(frozen=True, slots=True)
class Story:
    """The lines in order, the window that they are from, and what the ledger proves of it."""

    subject: Subject
    window: Window
    lines: tuple[Line, ...]
    proof: coverage.ClusterCoverage | None

    @property
    def gaps(self) -> list[coverage.Span]:
        """The parts of the window in which something of the story may have been missed.

        What ended long before its first line is told by the line of coverage alone.
        """
        spans = self.proof.spans if self.proof else ()
        begun = self.lines[0].started_at - _NEAR if self.lines else self.window.start
        return [
            span
            for span in spans
            if span.state == "gap" and span.end > begun and span.length >= _SHORTEST
        ]

    @property
    def own(self) -> list[Line]:
        """The lines of the object itself, with those of its owners and parts where it has few phases."""
        own = [line for line in self.lines if line.relation == "subject"]
        if len({line.phase for line in own}) > _FEW:
            return own
        return [line for line in self.lines if line.relation not in _SCENERY]

    @property
    def around(self) -> dict[str, list[str]]:
        """The other objects of the story by their relation, as ``Kind name``, each once."""
        found: dict[str, list[str]] = {}
        for line in self.lines:
            about = f"{line.object_kind} {line.object_name}"
            names = found.setdefault(line.relation, [])
            if line.relation != "subject" and about not in names:
                names.append(about)
        return {relation: found[relation] for relation in _RELATIONS if found.get(relation)}


def places(
    session: Session, about: Reference, *, window: Window, namespace: str | None
) -> list[Place]:
    """Return where events about an object lie, the newest first; at most 20."""
    rows = session.run(
        statement("incident/whereabouts").text,
        {
            "kinds": list(about.kinds),
            "name": about.name,
            "namespace": None if about.kind == "namespace" else namespace,
            "within": about.kind == "namespace",
            "hosts": about.kind == "node",
            "owns": about.kind in _WORKLOADS,
            "start": window.start,
            "end": window.end,
        },
    ).to_pylist()
    return [Place(row["cluster"], row["namespace"] or "", row["last_seen"]) for row in rows]


def tell(
    session: Session, about: Reference, place: Place, *, window: Window, timezone: ZoneInfo
) -> Story:
    """Return the story of the object at ``place`` over ``window``."""
    kind = _WRITTEN.get(about.kind, about.kind.capitalize())
    subject = Subject(kind, about.name, place)
    rows = session.run(
        statement("incident/timeline").text,
        {
            "kind": about.kind,
            "kind_shown": kind,
            "name": about.name,
            "cluster": place.cluster,
            "namespace": place.namespace if subject.namespaced else None,
            "start": window.start,
            "end": window.end,
            "facts_start": max(window.start - _FACTS, _earliest(window)),
            "quiet": QUIET,
            "relations": _RELATIONS,
            "sequence": SEQUENCE,
        },
    ).to_pylist()
    known = coverage.coverage(session, window=window, timezone=timezone)
    return Story(
        subject,
        window,
        tuple(_of_the_story([Line(**{k: _text(v) for k, v in row.items()}) for row in rows])),
        next((one for one in known if one.cluster == place.cluster), None),
    )


def _of_the_story(lines: Sequence[Line]) -> Sequence[Line]:
    """Leave out what a node or a volume went through before the story began: it is another one."""
    begun = min((one.started_at for one in lines if one.relation not in _SCENERY), default=None)
    if begun is None:
        return lines
    return [one for one in lines if one.relation not in _SCENERY or one.ended_at >= begun - _BEFORE]


def _text(value: object) -> Any:  # noqa: ANN401 -- of a column
    return "" if value is None else value


def _earliest(window: Window) -> datetime:
    return datetime.min.replace(tzinfo=window.start.tzinfo) + _FACTS
