"""Events of a cluster that does not exist, as the API shows them: the same for the same seed.

Turns a number into that many event objects in etcd's order, mostly kubelet-shaped,
about 1.17 kB of JSON each with managedFields. Each has any number
of states, as lists ten minutes apart would see them: the same uid and name, with a
count and a last occurrence that grow.

Measured on lists of real clusters (tests/data/events): 1,127 bytes and 120 gzipped
(level 1) an event, messages of 66 characters, 3 events a pod. This generator: 1,177,
131, 86 and 4.5.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

# The moment of the first state's LIST; two more states, ten minutes apart, stay in the same day.
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
INTERVAL = timedelta(minutes=10)
TTL = timedelta(hours=1)
FIRST_REVISION = 900_000_000
# A state's revisions lie in the hour before its list, a thousand writes a second.
_REVISIONS_A_STATE = 4_000_000
_DAY = 86_400
_REVISIONS_A_DAY = _DAY * 1000
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_NODES = 60
_NAMESPACES = (
    "argocd",
    "batch-jobs",
    "checkout",
    "data-pipeline",
    "identity",
    "ingress-nginx",
    "inventory",
    "kube-system",
    "logging",
    "ml-training",
    "monitoring",
    "payments",
    "search",
    "shop-frontend",
    "staging",
    "team-a-dev",
)
_APPS = (
    "api-gateway",
    "auth-server",
    "billing-worker",
    "cart",
    "catalog-indexer",
    "event-router",
    "feature-store",
    "image-resizer",
    "kafka-consumer",
    "mailer",
    "order-service",
    "recommender",
    "redis-cache",
    "report-builder",
    "session-store",
    "web",
)
_KUBELET = "kubelet"
_SCHEDULER = "default-scheduler"


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of event: its share, what its fields say, and whether it recurs on one object."""

    weight: int
    component: str
    type: str
    reason: str
    repeats: Literal["once", "often"]
    message: str


@dataclass(frozen=True, slots=True)
class Made:
    """One event object, all states: its identity, its first state, and how it grows."""

    kind: Kind
    namespace: str
    name: str
    uid: str
    pod: str
    pod_uid: str
    container: str
    node: str
    message: str
    revision: int
    first: int
    last: int
    count: int
    growth: int


# Shares as a busy cluster shows them: pod starts, probes that fail, crash loops, image pulls, scheduling.
KINDS = (
    Kind(16, _KUBELET, "Normal", "Pulled", "once", 'Container image "{image}" already present on machine and can be accessed by the pod'),
    Kind(13, _KUBELET, "Normal", "Created", "once", "Container created"),
    Kind(13, _KUBELET, "Normal", "Started", "once", "Container started"),
    Kind(6, _KUBELET, "Normal", "Killing", "once", "Stopping container {container}"),
    Kind(5, _KUBELET, "Normal", "Pulling", "once", 'Pulling image "{image}"'),
    Kind(5, _KUBELET, "Normal", "Pulled", "once", 'Successfully pulled image "{image}" in {seconds}s ({seconds}s including waiting). Image size: {size} bytes.'),
    Kind(11, _KUBELET, "Warning", "Unhealthy", "often", 'Readiness probe failed: Get "http://10.{a}.{b}.{c}:8080/healthz/ready": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'),
    Kind(4, _KUBELET, "Warning", "Unhealthy", "often", "Liveness probe failed: HTTP probe failed with statuscode: 503"),
    Kind(7, _KUBELET, "Warning", "BackOff", "often", "Back-off restarting failed container {container} in pod {pod}_{namespace}({pod_uid})"),
    Kind(3, _KUBELET, "Normal", "BackOff", "often", 'Back-off pulling image "{image}"'),
    Kind(2, _KUBELET, "Warning", "Failed", "often", "Error: ImagePullBackOff"),
    Kind(2, _KUBELET, "Warning", "Failed", "often", 'Failed to pull image "{image}": rpc error: code = NotFound desc = failed to pull and unpack image "{image}": failed to resolve reference "{image}": {image}: not found'),
    Kind(3, _KUBELET, "Warning", "FailedMount", "often", 'MountVolume.SetUp failed for volume "kube-api-access-{suffix}" : failed to sync configmap cache: timed out waiting for the condition'),
    Kind(1, _KUBELET, "Warning", "FailedCreatePodSandBox", "often", 'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "{hash}": plugin type="calico" failed (add): error getting ClusterInformation: connection is unauthorized: Unauthorized'),
    Kind(1, _KUBELET, "Warning", "DNSConfigForming", "often", "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 10.{a}.0.10 10.{b}.0.10 10.{c}.0.10"),
    Kind(5, _SCHEDULER, "Normal", "Scheduled", "once", "Successfully assigned {namespace}/{pod} to {node}"),
    Kind(3, _SCHEDULER, "Warning", "FailedScheduling", "often", "0/{nodes} nodes are available: {a} Insufficient cpu, {b} node(s) had untolerated taint {{node-role.kubernetes.io/control-plane: }}. preemption: 0/{nodes} nodes are available: {a} No preemption victims found for incoming pod."),
)  # fmt: skip
_WEIGHTS = [kind.weight for kind in KINDS]
_FIELDS = (
    '"f:count":{},"f:firstTimestamp":{},"f:involvedObject":{},"f:lastTimestamp":{},"f:message":{},'
    '"f:reason":{},"f:reportingComponent":{},"f:reportingInstance":{},'
    '"f:source":{"f:component":{},"f:host":{}},"f:type":{}'
)
_NEW_FIELDS = (
    '"f:action":{},"f:eventTime":{},"f:note":{},"f:reason":{},"f:regarding":{},'
    '"f:reportingController":{},"f:reportingInstance":{},%s"f:type":{}'
)
_SERIES_FIELD = '"f:series":{".":{},"f:count":{},"f:lastObservedTime":{}},'


def rendered(count: int, *, seed: int = 1, state: int = 0, days_ago: int = 0) -> Iterator[bytes]:
    """Yield ``count`` event objects as JSON in etcd's order, each in its ``state`` (0 is the first)."""
    for made in events(count, seed=seed):
        yield as_json(_earlier(made, days_ago) if days_ago else made, state=state)


def events(count: int, *, seed: int = 1) -> Iterator[Made]:
    """Yield ``count`` event objects in etcd's order: by namespace, then by name."""
    share, rest = divmod(count, len(_NAMESPACES))
    for position, namespace in enumerate(_NAMESPACES):
        # A generator of its own for each namespace: one of another size changes no other.
        chance = random.Random(f"{seed} {namespace}")  # noqa: S311 (test data has to be repeatable)
        revisions = _Revisions(position)
        wanted = share + (position < rest)
        made: list[Made] = []
        while len(made) < wanted:
            made += _of_one_pod(chance, namespace, revisions)
        yield from sorted(made[:wanted], key=lambda event: event.name)


def list_revision(*, state: int = 0) -> int:
    """Return the resourceVersion of a list in ``state``: above that of every event in it."""
    return FIRST_REVISION + state * _REVISIONS_A_STATE


def _earlier(made: Made, days: int) -> Made:
    """The same event, some days before; another seed makes it another one."""
    return replace(
        made,
        first=made.first - days * _DAY,
        last=made.last - days * _DAY,
        revision=made.revision - days * _REVISIONS_A_DAY,
    )


class _Revisions:
    """The resourceVersions of one namespace: etcd gives none twice, and none to two namespaces."""

    def __init__(self, position: int) -> None:
        self._position = position
        self._taken: set[int] = set()

    def near(self, wanted: int) -> int:
        """Return the next one that is free, at ``wanted`` or shortly before."""
        step = len(_NAMESPACES)
        revision = wanted - wanted % step + self._position
        while revision in self._taken:
            revision -= step
        self._taken.add(revision)
        return revision


def as_json(made: Made, *, state: int = 0) -> bytes:
    """Write one state as the API server does; later states have a greater count, time and revision."""
    count = made.count + state * made.growth
    # Never on the same second as another state of the same event, and before the state's LIST.
    last = made.last + state * int(INTERVAL.total_seconds())
    series = made.kind.component == _SCHEDULER
    fields = _NEW_FIELDS % (_SERIES_FIELD if count > 1 else "") if series else _FIELDS
    head = (
        f'{{"metadata":{{"name":"{made.name}","namespace":"{made.namespace}","uid":"{made.uid}",'
        f'"resourceVersion":"{made.revision + state * _REVISIONS_A_STATE}",'
        f'"creationTimestamp":"{_stamp(made.first)}","managedFields":[{{'
        f'"manager":"{"kube-scheduler" if series else _KUBELET}","operation":"Update",'
        f'"apiVersion":"{"events.k8s.io/v1" if series else "v1"}","time":"{_stamp(last)}",'
        f'"fieldsType":"FieldsV1","fieldsV1":{{{fields}}}}}]}},'
        f'"involvedObject":{{"kind":"Pod","namespace":"{made.namespace}","name":"{made.pod}",'
        f'"uid":"{made.pod_uid}","apiVersion":"v1","resourceVersion":"{made.revision - 9}"'
    )
    what = f'"reason":"{made.kind.reason}","message":{json.dumps(made.message)},'
    tail = _series(made, count, last) if series else _counted(made, count, last)
    return (head + (tail % what)).encode()


def _counted(made: Made, count: int, last: int) -> str:
    """The rest of an event of the older recorder; ``%s`` stands for reason and message."""
    return (
        f',"fieldPath":"spec.containers{{{made.container}}}"}},%s'
        f'"source":{{"component":"{_KUBELET}","host":"{made.node}"}},'
        f'"firstTimestamp":"{_stamp(made.first)}","lastTimestamp":"{_stamp(last)}",'
        f'"count":{count},"type":"{made.kind.type}","eventTime":null,'
        f'"reportingComponent":"{_KUBELET}","reportingInstance":"{made.node}"}}'
    )


def _series(made: Made, count: int, last: int) -> str:
    """The rest of an event of the newer recorder: a series from the second occurrence on."""
    micros = f".{made.revision % 1_000_000:06d}Z"
    repeated = (
        f'"series":{{"count":{count},"lastObservedTime":"{_stamp(last)[:-1]}{micros}"}},'
        if count > 1
        else ""
    )
    return (
        f'}},%s"source":{{}},"firstTimestamp":null,"lastTimestamp":null,"type":"{made.kind.type}",'
        f'"eventTime":"{_stamp(made.first)[:-1]}{micros}",{repeated}"action":"Scheduling",'
        f'"reportingComponent":"{_SCHEDULER}","reportingInstance":"{_SCHEDULER}-control-plane-1"}}'
    )


def _of_one_pod(chance: random.Random, namespace: str, revisions: _Revisions) -> list[Made]:
    """Make the events of one pod: a handful, over the hour before the first LIST."""
    app = chance.choice(_APPS)
    pod = f"{app}-{_text(chance, 9)}-{_text(chance, 5)}"
    facts = {
        "namespace": namespace,
        "pod": pod,
        "pod_uid": _uid(chance),
        "container": app,
        "node": f"worker-{chance.randrange(_NODES):02d}.acme.internal",
        "nodes": _NODES,
        "image": f"ghcr.io/acme/{app}:v1.{chance.randrange(40)}.{chance.randrange(12)}",
    }
    kinds = chance.choices(KINDS, _WEIGHTS, k=chance.randint(2, 7))
    return [_one(chance, kind, facts, revisions) for kind in kinds]


def _one(
    chance: random.Random, kind: Kind, facts: dict[str, object], revisions: _Revisions
) -> Made:
    ttl = int(TTL.total_seconds())
    last = int(NOW.timestamp()) - chance.randrange(1, ttl - 60)
    count = 1 + int(chance.expovariate(0.08)) if kind.repeats == "often" else 1
    first = last - (count - 1) * chance.randrange(5, 90)
    message = kind.message.format(
        **facts,
        a=chance.randrange(1, 60),
        b=chance.randrange(1, 250),
        c=chance.randrange(1, 250),
        seconds=f"{chance.uniform(0.2, 30):.3f}",
        size=chance.randrange(8_000_000, 900_000_000),
        suffix=_text(chance, 5),
        hash=f"{chance.getrandbits(256):064x}",
    )
    return Made(
        kind=kind,
        namespace=str(facts["namespace"]),
        name=f"{facts['pod']}.{first * 1_000_000_000 + chance.randrange(1_000_000_000):x}",
        uid=_uid(chance),
        pod=str(facts["pod"]),
        pod_uid=str(facts["pod_uid"]),
        container=str(facts["container"]),
        node=str(facts["node"]),
        message=message,
        # Grows with the time of the write, as a real one does.
        revision=revisions.near(
            FIRST_REVISION - (int(NOW.timestamp()) - last) * 1000 + chance.randrange(1000)
        ),
        first=first,
        last=last,
        count=count,
        growth=1 + int(chance.expovariate(0.2)),
    )


def _text(chance: random.Random, length: int) -> str:
    return "".join(chance.choices(_ALPHABET, k=length))


def _uid(chance: random.Random) -> str:
    digits = f"{chance.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
