"""The workload behind an object: what controllers said, else what names tell, else nothing."""

from __future__ import annotations

import pytest

from tests.lib.rollups import rolled_up, workloads
from tests.lib.tables import observations

MADE = """
uid | last_seen        | namespace | reason            | object_kind | object_name    | message
1   | 2026-11-23 08:00 | shop      | ScalingReplicaSet | Deployment  | web            | Scaled up replica set web-5d8f9c7b6 to 3 from 1
2   | 2026-11-23 08:00 | shop      | SuccessfulCreate  | ReplicaSet  | web-5d8f9c7b6  | Created pod: web-5d8f9c7b6-x7k2p
3   | 2026-11-23 08:00 | shop      | SuccessfulCreate  | CronJob     | nightly        | Created job nightly-x
4   | 2026-11-23 08:00 | shop      | SuccessfulCreate  | Job         | nightly-x      | Created pod: nightly-x-0-8sd9d
5   | 2026-11-23 08:00 | shop      | SuccessfulCreate  | DaemonSet   | agent          | Created pod: agent-kz2lq
6   | 2026-11-23 08:00 | shop      | SuccessfulDelete  | ReplicaSet  | plain          | Deleted pod: plain-v8w9x
7   | 2026-11-23 08:00 | shop      | SuccessfulCreate  | StatefulSet | db             | create Pod db-0 in StatefulSet db successful
8   | 2026-11-23 08:00 | shop      | SuccessfulCreate  | StatefulSet | db             | create Claim data-db-0 Pod db-0 in StatefulSet db success
9   | 2026-11-23 08:00 | shop      | SuccessfulCreate  | Job         | many           | (combined from similar events): Created pod: many-t4t4t
10  | 2026-11-23 08:00 | shop      | ScalingReplicaSet | Rollout     | canary         | Scaled up ReplicaSet canary-6c8d9f7b5 (revision 4) from 0 to 2
11  | 2026-11-23 08:00 | shop      | SawCompletedJob   | CronJob     | hourly         | Saw completed job: hourly-run, status: Complete
12  | 2026-11-23 08:00 | shop      | DeploymentCreated | DeploymentConfig | router    | Created new replication controller "router-3" for version 3
"""


def _of(
    kind: str, name: str, *, namespace: str = "shop", day: str = "2026-11-23"
) -> tuple[str | None, ...]:
    """The workload of an object of which an event tells on a day, beside what MADE tells."""
    asked = f"ask | {day} 09:00 | {namespace} | BackOff | {kind} | {name} | -"
    return workloads(f"{MADE.rstrip()}\n{asked}")[-1]


@pytest.mark.parametrize(
    ("kind", "name", "workload"),
    [
        ("Pod", "web-5d8f9c7b6-x7k2p", ("web", "Deployment", "events")),
        ("ReplicaSet", "web-5d8f9c7b6", ("web", "Deployment", "events")),
        ("Pod", "nightly-x-0-8sd9d", ("nightly", "CronJob", "events")),
        ("Job", "nightly-x", ("nightly", "CronJob", "events")),
        ("Job", "hourly-run", ("hourly", "CronJob", "events")),
        ("Pod", "agent-kz2lq", ("agent", "DaemonSet", "events")),
        ("Pod", "plain-v8w9x", ("plain", "ReplicaSet", "events")),
        ("Pod", "db-0", ("db", "StatefulSet", "events")),
        ("PersistentVolumeClaim", "data-db-0", ("db", "StatefulSet", "events")),
        ("Pod", "many-t4t4t", ("many", "Job", "events")),
        ("ReplicaSet", "canary-6c8d9f7b5", ("canary", "Rollout", "events")),
        ("ReplicationController", "router-3", ("router", "DeploymentConfig", "events")),
    ],
)
def test_what_a_controller_said_is_the_workload(
    kind: str, name: str, workload: tuple[str, ...]
) -> None:
    """Whoever made an object, and whoever made that, is found by their own words, whatever the name looks like."""
    assert _of(kind, name) == workload


def test_a_replica_set_that_nobody_scaled_is_read_by_its_name() -> None:
    """The pod's ReplicaSet is told by events, the Deployment only by the hash: the weaker way is said."""
    told = """
    uid | last_seen        | namespace | reason           | object_kind | object_name    | message
    1   | 2026-11-23 08:00 | shop      | SuccessfulCreate | ReplicaSet  | web-5d8f9c7b6  | Created pod: web-5d8f9c7b6-x7k2p
    2   | 2026-11-23 08:00 | shop      | BackOff          | Pod         | web-5d8f9c7b6-x7k2p | -
    """
    assert workloads(told) == [("web", "Deployment", "name")] * 2


@pytest.mark.parametrize(
    ("day", "way"), [("2026-11-22", "name"), ("2026-11-24", "events"), ("2026-11-25", "name")]
)
def test_events_of_the_day_and_of_the_day_before_tell(day: str, way: str) -> None:
    """An observation is looked at together with those of its day and of the day before, and with no others."""
    assert _of("Pod", "web-5d8f9c7b6-x7k2p", day=day) == ("web", "Deployment", way)


def test_a_namespace_can_claim_its_own_objects_only() -> None:
    """The same name in another namespace is another pod: only its name is read."""
    assert _of("Pod", "agent-kz2lq", namespace="other") == ("agent", None, "name")


def test_of_two_that_claim_a_pod_the_later_one_has_it() -> None:
    """Which claim was read first changes nothing."""
    told = """
    uid | last_seen        | namespace | reason           | object_kind | object_name | message
    1   | 2026-11-23 08:00 | shop      | SuccessfulCreate | DaemonSet   | old         | Created pod: p-kz2lq
    2   | 2026-11-23 09:00 | shop      | SuccessfulCreate | DaemonSet   | new         | Created pod: p-kz2lq
    3   | 2026-11-23 08:30 | shop      | BackOff          | Pod         | p-kz2lq     | -
    """
    assert workloads(told)[-1] == ("new", "DaemonSet", "events")
    table = observations(told)
    turned = rolled_up(table.take([2, 1, 0]))
    assert next(r["workload"] for r in turned if r["uid"] == "3") == "new"


LONG = "a-deployment-with-a-name-of-fifty-characters-in-all"
JOB = "a-cron-job-with-the-longest-name-that-there-may-be-x"


@pytest.mark.parametrize(
    ("kind", "name", "workload"),
    [
        ("Pod", "web-5d8f9c7b6-x7k2p", ("web", "Deployment", "name")),
        ("Pod", "web-5d8f9c-x7k2p", ("web", "Deployment", "name")),
        ("Pod", "web-2-bdfk2497zz-x7k2p", ("web-2", "Deployment", "name")),
        ("ReplicaSet", "web-5d8f9c7b6", ("web", "Deployment", "name")),
        ("ReplicaSet", "web", ("web", "ReplicaSet", "self")),
        ("Pod", f"{LONG}-7d8f9cx7k2p", (LONG, "Deployment", "name")),
        ("Pod", f"{JOB}-28912x7k2p", (JOB, "CronJob", "name")),
        ("Pod", "backup-28912345-x7k2p", ("backup", "CronJob", "name")),
        ("Pod", "backup-1616544000-x7k2p", ("backup", "CronJob", "name")),
        ("Job", "backup-28912345", ("backup", "CronJob", "name")),
        ("Job", "backup-20261123", ("backup-20261123", "Job", "self")),
        ("Pod", "backup-20261123-x7k2p", ("backup-20261123", None, "name")),
        ("Pod", "db-0", ("db", "StatefulSet", "name")),
        ("Pod", "db-2-17", ("db-2", "StatefulSet", "name")),
        ("Pod", "web-001", ("web-001", "Pod", "self")),
        ("Pod", "agent-kz2lq", ("agent", None, "name")),
        ("Pod", "my-nginx", ("my-nginx", "Pod", "self")),
        ("Pod", "kz2lq", ("kz2lq", "Pod", "self")),
        ("Deployment", "web-5d8f9c7b6-x7k2p", ("web-5d8f9c7b6-x7k2p", "Deployment", "self")),
        ("StatefulSet", "db-0", ("db-0", "StatefulSet", "self")),
        ("Node", "node-1", (None, None, None)),
        ("PersistentVolumeClaim", "data-db-0", (None, None, None)),
    ],
)
def test_names_tell_by_the_rules_of_those_who_give_them(
    kind: str, name: str, workload: tuple[str | None, ...]
) -> None:
    """Hash, minute, ordinal and suffix are read; what matches no rule stays itself, what has no workload null."""
    head = "uid | last_seen | namespace | object_kind | object_name"
    assert workloads(f"{head}\n1 | 2026-11-23 08:00 | shop | {kind} | {name}") == [workload]


def test_the_pod_of_a_manifest_is_named_after_its_node() -> None:
    """A kubelet appends its node's name to a static pod's; a node's name that looks like an ordinal does not mislead."""
    told = """
    uid | last_seen        | namespace   | object_kind | object_name          | component       | host
    1   | 2026-11-23 08:00 | kube-system | Pod         | etcd-node-1          | kubelet         | node-1
    2   | 2026-11-23 08:00 | kube-system | Pod         | etcd-a.example       | kubelet         | a.example
    3   | 2026-11-23 08:00 | kube-system | Pod         | etcd-a.example       | node-controller | -
    """
    assert workloads(told) == [
        ("etcd", "StaticPod", "name"),
        ("etcd", "StaticPod", "name"),
        ("etcd-a.example", "Pod", "self"),
    ]


def test_an_observation_without_object_or_namespace_stays_one_row() -> None:
    """What events leave out makes no workload, no second row and no missing one."""
    told = """
    uid | last_seen        | namespace | object_kind | object_name
    1   | 2026-11-23 08:00 | -         | Pod         | web-5d8f9c7b6-x7k2p
    2   | 2026-11-23 08:00 | shop      | -           | web
    3   | 2026-11-23 08:00 | shop      | Pod         | -
    """
    assert workloads(told) == [("web", "Deployment", "name"), (None,) * 3, (None,) * 3]
