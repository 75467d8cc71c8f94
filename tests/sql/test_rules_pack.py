"""The other rules that eventlake brings, one drawn event that each finds beside those that it must not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from etl.alerts import rules
from etl.alerts.model import Finding
from etl.config.settings import Settings
from tests.lib import tables
from tests.lib.asking import NOW, WINDOW, asked, daily_snapshots, session_over, short

HEAD = "alert | namespace | reason | type | object_kind | object_name | host | component | occurrences | message"
# In the column alert: the one rule that finds the row, or a dash for a trap that none falls into.
EVENTS = """
    ContainersNotStarting   | shop    | Failed                          | Warning | Pod                     | a     | n1 | kubelet                   | 3  | Error: secret "db" not found
    -                       | shop    | Failed                          | Warning | Pod                     | b     | n1 | kubelet                   | 90 | Error: ErrImagePull
    SandboxesFailing        | shop    | FailedCreatePodSandBox          | Warning | Pod                     | a     | n1 | kubelet                   | 5  | Failed to create pod sandbox: no address
    PodsRejected            | shop    | OutOfcpu                        | Warning | Pod                     | a     | n1 | kubelet                   | 1  | Pod was rejected
    PodsNotStopping         | shop    | FailedKillPod                   | Warning | Pod                     | a     | n1 | kubelet                   | 5  | error killing pod
    NodeRebooted            | default | Rebooted                        | Warning | Node                    | n1    | n1 | kubelet                   | 1  | Node n1 has been rebooted
    KubeletRestarting       | default | Starting                        | Normal  | Node                    | n1    | n1 | kubelet                   | 3  | Starting kubelet.
    -                       | default | Starting                        | Normal  | Node                    | n2    | n2 | kube-proxy                | 90 | -
    NodeCleanupFailing      | default | ImageGCFailed                   | Warning | Node                    | n1    | n1 | kubelet                   | 3  | failed to get imageFs info
    PodsEvictedByTaint      | shop    | TaintManagerEviction            | Normal  | Pod                     | a     | -  | taint-eviction-controller | 5  | Marking for deletion Pod shop/a
    -                       | cart    | TaintManagerEviction            | Normal  | Pod                     | a     | -  | taint-eviction-controller | 90 | Cancelling deletion of Pod cart/a
    PodsPreempted           | shop    | Preempted                       | Normal  | Pod                     | a     | -  | default-scheduler         | 1  | Preempted by pod b
    JobsFailing             | shop    | DeadlineExceeded                | Warning | Job                     | a     | -  | job-controller            | 1  | Job was active longer than specified deadline
    -                       | shop    | DeadlineExceeded                | Normal  | Pod                     | a     | n1 | kubelet                   | 90 | Pod was active on the node longer than the specified deadline
    CronJobsMissed          | shop    | MissSchedule                    | Warning | CronJob                 | a     | -  | cronjob-controller        | 1  | Missed scheduled time to start a job
    CronJobsBroken          | shop    | UnknownTimeZone                 | Warning | CronJob                 | a     | -  | cronjob-controller        | 1  | invalid timeZone
    CronJobsOverlapping     | shop    | JobAlreadyActive                | Normal  | CronJob                 | a     | -  | cronjob-controller        | 3  | Not starting job because prior execution is running
    AutoscalersBlind        | shop    | FailedGetResourceMetric         | Warning | HorizontalPodAutoscaler | a     | -  | horizontal-pod-autoscaler | 20 | failed to get cpu utilization
    AutoscalersBroken       | shop    | AmbiguousSelector               | Warning | HorizontalPodAutoscaler | a     | -  | horizontal-pod-autoscaler | 3  | pods by selector are controlled by multiple HPAs
    ClaimsNotBound          | shop    | FailedBinding                   | Normal  | PersistentVolumeClaim   | a     | -  | persistentvolume-controller | 5 | no persistent volumes available for this claim and no storage class is set
    -                       | shop    | WaitForFirstConsumer            | Normal  | PersistentVolumeClaim   | b     | -  | persistentvolume-controller | 90 | waiting for first consumer to be created before binding
    ClaimsLost              | shop    | ClaimLost                       | Warning | PersistentVolumeClaim   | a     | -  | persistentvolume-controller | 1 | Bound claim has lost its PersistentVolume
    VolumesNotResized       | shop    | VolumeResizeFailed              | Warning | PersistentVolumeClaim   | a     | -  | external-resizer          | 3  | resize volume failed
    VolumesNotDeleted       | default | VolumeFailedDelete              | Warning | PersistentVolume        | pv-1  | -  | persistentvolume-controller | 3 | volume is in use
    DaemonPodsFailing       | shop    | FailedDaemonPod                 | Warning | DaemonSet               | a     | -  | daemonset-controller      | 3  | Found failed daemon pod shop/a-1 on node n1
    LoadBalancersFailing    | shop    | SyncLoadBalancerFailed          | Warning | Service                 | a     | -  | service-controller        | 3  | Error syncing load balancer
    AddressesExhausted      | default | CIDRNotAvailable                | Normal  | Node                    | n1    | -  | cidrAllocator             | 1  | Node n1 status is now: CIDRNotAvailable
    DisruptionBudgetsBroken | shop    | UnmanagedPods                   | Warning | PodDisruptionBudget     | a     | -  | controllermanager         | 3  | Pods selected by this PodDisruptionBudget
    PullSecretsMissing      | shop    | FailedToRetrieveImagePullSecret | Warning | Pod                     | a     | n1 | kubelet                   | 20 | Unable to retrieve some image pull secrets
    LeadersChanging         | kube    | LeaderElection                  | Normal  | Lease                   | sched | -  | default-scheduler         | 10 | cp-1_x became leader
    -                       | kube    | LeaderElection                  | Normal  | Lease                   | other | -  | default-scheduler         | 90 | cp-1_x stopped leading
"""


def found(text: str) -> list[Finding]:
    """Ask all rules of the pack about drawn rows that all happened in the window."""
    rows = tables.drawn(f"{HEAD}\n{text}")
    lines = [" | ".join([*HEAD.split(" | ")[1:], "last_seen"])]
    lines += [
        " | ".join(
            [cell or "-" for name, cell in row.items() if name != "alert"] + ["2026-11-22 20:00"]
        )
        for row in rows
    ]
    pack = rules.compile_rules(Settings(), now=NOW)
    return list(asked(pack, session_over(tables.events("\n".join(lines)))).findings)


def test_each_rule_finds_its_event_and_no_trap() -> None:
    """Every drawn event is found by the rule beside it and by no other, the traps by none."""
    wanted = sorted(row["alert"] for row in tables.drawn(f"{HEAD}\n{EVENTS}") if row["alert"])
    assert sorted(finding.alert for finding in found(EVENTS)) == wanted


def test_below_its_threshold_none_fires() -> None:
    """One occurrence less is what every cluster has now and then."""
    less = []
    for line in EVENTS.strip().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        cells[8] = str(int(cells[8]) - 1)
        less.append(" | ".join(cells))
    assert found("\n".join(less)) == []


def test_every_rule_of_the_pack_is_tried() -> None:
    """Those of the first eight have their own tests beside this table."""
    drawn = {row["alert"] for row in tables.drawn(f"{HEAD}\n{EVENTS}")}
    names = [rule.name for rule in rules.compile_rules(Settings(), now=NOW)]
    assert set(names[8:]) - drawn == {"ListsMissing"}


@pytest.mark.parametrize(("hours", "alerts"), [(2, []), (4, [("prod", 240.0)])])
def test_a_cluster_that_nobody_lists_is_missed(
    hours: int, alerts: list[tuple[object, ...]]
) -> None:
    """It has no events; the ledger says that it was listed, and when the last time was."""
    before = WINDOW.end + timedelta(hours=1) - timedelta(hours=hours)
    session = session_over(snapshots=tables.snapshots(daily_snapshots(3, before=before)))
    (rule,) = [r for r in rules.compile_rules(Settings(), now=NOW) if r.name == "ListsMissing"]
    assert short(asked([rule], session).findings) == alerts
