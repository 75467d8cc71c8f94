"""What a bundle itself tells of its cluster and of the time it was collected, and where it says so.

Only what a tool wrote down counts: a time with its zone, a name or a UID of the cluster. The
name of a file or folder is none of it, because whoever collected a bundle had a zone that the
name does not tell, and files are renamed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import yaml

# A list of all namespaces of a large cluster is 4 MB; a fact is never longer.
LONGEST_FACT = 8 * 1024 * 1024
# A collection takes minutes; what is longer apart are two of them.
_LONGEST_COLLECTION = timedelta(hours=12)
# What names of clusters are made of: ARNs of EKS hold colons and slashes.
_NAME = re.compile(r"[\w.:/@-]{1,253}")
# Go prints a time as 2020-05-05 15:44:52.123456789 +0200 CEST m=+0.123.
_GO_TIME = re.compile(rb"^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)? ([+-]\d{4})", re.MULTILINE)
_CREATED = re.compile(rb"^bundlecreatedat: *[\"']?([0-9T:.Z+-]+)", re.MULTILINE | re.IGNORECASE)
# sonobuoy's log of the moments in which it listed the resources of a namespace.
_QUERIED = re.compile(rb'^time="([0-9T:.Z+-]+)".*Running (?:ns query|cluster quer)', re.MULTILINE)
# What the clusters of kubernetes-event-exporter call themselves in each event.
_CLUSTER_NAME = re.compile(rb'"clusterName" *: *"([^"\\]{1,253})"')


@dataclass(frozen=True, slots=True)
class Fact:
    """What one file tells: a cluster's name with its rank, the better the less, or moments; null for nothing."""

    place: str
    cluster: str | None = None
    rank: int = 0
    moments: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Provenance:
    """What all facts come to; each with the places that say so."""

    cluster: str | None = None
    cluster_place: str = ""
    clusters: tuple[str, ...] = ()
    """All clusters, where there is more than one."""
    began: datetime | None = None
    ended: datetime | None = None
    time_place: str = ""


Reader: TypeAlias = Callable[[str, bytes], list[Fact]]


def reader(path: str) -> Reader | None:
    """Return what reads the fact in the file ``path`` of a bundle, from its place and text; null if it tells none."""
    return next((read for mark, read in _FACTS if mark.search(path)), None)


def names_in(block: bytes) -> set[str]:
    """Return the names of clusters that events of kubernetes-event-exporter say."""
    if b'"clusterName"' not in block:
        return set()
    return {found.decode("utf-8", "replace") for found in _CLUSTER_NAME.findall(block)}


def exported(place: str, text: bytes) -> list[Fact]:
    """Read what events of kubernetes-event-exporter say of their cluster."""
    return [Fact(place, cluster=name, rank=3) for name in names_in(text) if _NAME.fullmatch(name)]


def together(all_told: Sequence[Provenance]) -> Provenance:
    """Return what several paths tell as one: a cluster that all name, the time in which all were collected."""
    if len(all_told) == 1:
        return all_told[0]
    clusters = {name for told in all_told for name in (told.cluster, *told.clusters) if name}
    named = all(told.cluster for told in all_told) and len(clusters) == 1
    begun = [told.began for told in all_told if told.began]
    ended = [told.ended for told in all_told if told.ended]
    timed = len(begun) == len(all_told) and max(ended) - min(begun) <= _LONGEST_COLLECTION
    return Provenance(
        cluster=all_told[0].cluster if named else None,
        cluster_place=all_told[0].cluster_place if named else "",
        clusters=tuple(sorted(clusters)) if len(clusters) > 1 else (),
        began=min(begun) if timed else None,
        ended=max(ended) if timed else None,
        time_place=all_told[0].time_place if timed else "",
    )


def provenance(facts: Iterable[Fact]) -> Provenance:
    """Weigh the ``facts`` of one bundle: the better name wins, two as good ones are two clusters."""
    facts = list(facts)
    named = [fact for fact in facts if fact.cluster]
    best = min((fact.rank for fact in named), default=0)
    clusters = {fact.cluster: fact.place for fact in named if fact.rank == best and fact.cluster}
    told = next(iter(clusters)) if len(clusters) == 1 else None
    moments = sorted((m, fact.place) for fact in facts for m in fact.moments)
    within = bool(moments) and moments[-1][0] - moments[0][0] <= _LONGEST_COLLECTION
    return Provenance(
        cluster=told,
        cluster_place=clusters[told] if told else "",
        clusters=tuple(sorted(clusters)) if len(clusters) > 1 else (),
        began=moments[0][0] if within else None,
        ended=moments[-1][0] if within else None,
        time_place=moments[0][1] if within else "",
    )


def _gathered(place: str, text: bytes) -> list[Fact]:
    """must-gather and inspect write when they begin and when they end."""
    found = (day + b"T" + time + zone for day, time, zone in _GO_TIME.findall(text))
    return [Fact(place, moments=_moments(found))]


def _created(place: str, text: bytes) -> list[Fact]:
    return [Fact(place, moments=_moments(_CREATED.findall(text)))]


def _queried(place: str, text: bytes) -> list[Fact]:
    return [Fact(place, moments=_moments(_QUERIED.findall(text)))]


def _infrastructure(place: str, text: bytes) -> list[Fact]:
    """OpenShift's own name of the cluster: the one in the names of its machines."""
    for item in _objects(text):
        status = item.get("status")
        name = status.get("infrastructureName") if isinstance(status, dict) else None
        if isinstance(name, str) and _NAME.fullmatch(name):
            return [Fact(place, cluster=name, rank=1)]
    return []


def _kube_system(place: str, text: bytes) -> list[Fact]:
    """The UID of kube-system stands for a cluster that has no name of its own."""
    for item in _objects(text):
        meta = item.get("metadata")
        if isinstance(meta, dict) and meta.get("name") == "kube-system":
            uid = meta.get("uid")
            if isinstance(uid, str) and _NAME.fullmatch(uid):
                return [Fact(place, cluster=uid, rank=2)]
    return []


_FACTS: tuple[tuple[re.Pattern[str], Reader], ...] = (
    (re.compile(r"(^|/)timestamp$"), _gathered),
    (re.compile(r"(^|/)metadata\.yaml$"), _created),
    (re.compile(r"(^|/)meta/run\.log$"), _queried),
    (
        re.compile(r"config\.openshift\.io/infrastructures(/cluster)?\.(yaml|json)$"),
        _infrastructure,
    ),
    (
        re.compile(
            r"(^|/)(core/namespaces/kube-system\.yaml|namespaces/kube-system/kube-system\.yaml"
            r"|cluster-resources/namespaces\.json|resources/cluster/(Namespaces|core_v1_namespaces)\.json"
            r"|yamls/cluster/(v1|kubernetes)/namespaces\.yaml)$"
        ),
        _kube_system,
    ),
)


def _moments(texts: Iterable[bytes]) -> tuple[datetime, ...]:
    """Read the times that say their zone; others say nothing."""
    read = []
    for text in texts:
        try:
            moment = datetime.fromisoformat(text.decode())
        except ValueError:
            continue
        if moment.tzinfo is not None:
            read.append(moment.astimezone(UTC))
    return tuple(read)


def _objects(text: bytes) -> list[dict[str, Any]]:
    """Return the objects of a list, or the one object, of JSON or YAML; none where it is neither."""
    try:
        plain = yaml.load(text, yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        # A fact that cannot be read is not told; the events do not depend on it.
        return []
    listed = plain.get("items", [plain]) if isinstance(plain, dict) else plain
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
