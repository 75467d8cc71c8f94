"""The rules that eventlake brings: what each finds, and the trap that it does not fall into."""

from __future__ import annotations

import pytest

from etl.alerts import rules
from etl.alerts.model import Finding
from etl.config.settings import Settings
from tests.lib import tables
from tests.lib.asking import NOW, asked, default_rule, session_over, short

HEAD = "namespace | reason | type | object_kind | object_name | host | component | occurrences | message"
COMBINED = "(combined from similar events): "


def found(name: str, *rows: str) -> tuple[Finding, ...]:
    """Return what a default rule finds in rows that all happened in the window."""
    lines = [f"{HEAD} | last_seen", *(f"{row} | 2026-11-22 20:00" for row in rows)]
    return asked([default_rule(name)], session_over(tables.events("\n".join(lines)))).findings


def test_each_has_its_texts() -> None:
    """Every rule has texts in both languages, and tells the cluster."""
    brought = rules.compile_rules(Settings(), now=NOW)
    assert len(brought) >= 25
    for rule in brought:
        assert set(rule.annotations) == {
            "summary",
            "summary_zh",
            "description",
            "description_zh",
        }
        assert "cluster" in rule.by


def test_a_description_is_one_for_all_findings() -> None:
    """Descriptions hold no template, so that a digest shows them once for each rule."""
    for rule in rules.compile_rules(Settings(), now=NOW):
        for key in ("description", "description_zh"):
            assert "{" not in rule.annotations[key], rule.name


def test_node_not_ready_is_normal() -> None:
    """The kubelet's and the node controller's events about the node are both of type Normal."""
    findings = found(
        "NodeNotReady",
        "default | NodeNotReady | Normal | Node | n1 | n1 | kubelet         | 2 | Node n1 status is now: NodeNotReady",
        "default | NodeNotReady | Normal | Node | n2 | -  | node-controller | 1 | Node n2 status is now: NodeNotReady",
    )
    assert short(findings) == [("prod", "n1", 2), ("prod", "n2", 1)]
    assert findings[0].severity == "critical"
    assert findings[0].summary == "n1 became not ready 2 times"


def test_node_not_ready_leaves_out_the_pods_of_the_node() -> None:
    """The same reason as a Warning about each Pod of the node is not another node."""
    assert not found(
        "NodeNotReady",
        "shop | NodeNotReady | Warning | Pod | web-1 | - | node-controller | 50 | Node is not ready",
        "default | NodeReady | Normal | Node | n1 | n1 | kubelet | 3 | Node n1 status is now: NodeReady",
    )


@pytest.mark.parametrize(
    "message",
    [
        "Back-off restarting failed container",
        "Back-off restarting failed container app in pod web-1_shop(4f1d)",
        f"{COMBINED}Back-off restarting failed container app in pod web-1_shop(4f1d)",
        "back-off restarting failed container",
    ],
)
def test_crash_loop(message: str) -> None:
    """The back-off of a restart is found in old and new words, also combined."""
    row = f"shop | BackOff | Warning | Pod | web-1 | n1 | kubelet | 10 | {message}"
    assert short(found("CrashLooping", row)) == [("prod", "shop", "web-1", 10)]


def test_crash_loop_is_not_an_image_pull() -> None:
    """BackOff of an image, and nine attempts until a database is there, are no crash loop."""
    assert not found(
        "CrashLooping",
        "shop | BackOff | Normal  | Pod | web-1 | n1 | kubelet | 500 | Back-off pulling image nginx:1.99",
        "shop | BackOff | Warning | Pod | web-2 | n1 | kubelet | 9 | Back-off restarting failed container",
    )


@pytest.mark.parametrize(
    ("reason", "kind", "message"),
    [
        ("BackOff", "Normal", 'Back-off pulling image "nginx:1.99"'),
        ("BackOff", "Normal", 'Back-off pulling image "nginx:1.99": ErrImagePull: not found'),
        ("Failed", "Warning", 'Failed to pull image "nginx:1.99": rpc error: code = NotFound'),
        ("Failed", "Warning", f'{COMBINED}Failed to pull image "nginx:1.99": not found'),
        ("Failed", "Warning", 'Failed to inspect image "nginx:1.99": rpc error'),
        ("InspectFailed", "Warning", 'Failed to apply default image tag "NGINX": bad reference'),
        (
            "ErrImageNeverPull",
            "Warning",
            'Container image "nginx:1.99" is not present with pull policy of Never',
        ),
    ],
)
def test_image_pull(reason: str, kind: str, message: str) -> None:
    """Every way in which an image does not come is found, whatever its type."""
    row = f"shop | {reason} | {kind} | Pod | web-1 | n1 | kubelet | 5 | {message}"
    (finding,) = found("ImagePullFailing", row)
    assert finding.value == 5
    assert message in finding.summary


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("BackOff", "Back-off restarting failed container"),
        ("Failed", "Error: ImagePullBackOff"),
        ("Failed", "Error: ErrImagePull"),
        ("Failed", 'Error: secret "db" not found'),
        ("Failed", "Error: failed to start container: exec: not found"),
        ("Failed", "error making pod data directories: mkdir: no space left on device"),
        ("Pulled", "Successfully pulled image"),
    ],
)
def test_image_pull_splits_failed_by_its_text(reason: str, message: str) -> None:
    """The other meanings of Failed are not images; what repeats another event is not counted twice."""
    assert not found(
        "ImagePullFailing",
        f"shop | {reason} | Warning | Pod | web-1 | n1 | kubelet | 99 | {message}",
    )


def test_unschedulable() -> None:
    """A pod that finds no node is found; one that waited for an autoscaler is not."""
    findings = found(
        "PodsUnschedulable",
        "shop | FailedScheduling | Warning | Pod | web-1 | s-1 | default-scheduler | 5 | 0/3 nodes are available",
        "shop | FailedScheduling | Warning | Pod | web-2 | s-1 | default-scheduler | 3 | 0/3 nodes are available",
        "shop | NotTriggerScaleUp | Normal | Pod | web-3 | - | cluster-autoscaler | 90 | no node group fits",
    )
    assert short(findings) == [("prod", "shop", "web-1", 5)]


def test_probes() -> None:
    """Liveness and readiness count together, startup probes not at all."""
    findings = found(
        "ProbesFailing",
        "shop | Unhealthy | Warning | Pod | web-1 | n1 | kubelet | 30 | Readiness probe failed: timeout",
        "shop | Unhealthy | Warning | Pod | web-1 | n1 | kubelet | 30 | Liveness probe failed: timeout",
        "shop | Unhealthy | Warning | Pod | web-2 | n1 | kubelet | 59 | Readiness probe failed: timeout",
        "shop | Unhealthy | Warning | Pod | web-3 | n1 | kubelet | 999 | Startup probe failed: timeout",
        f"shop | Unhealthy | Warning | Pod | web-3 | n1 | kubelet | 999 | {COMBINED}Startup probe failed: timeout",
    )
    assert short(findings) == [("prod", "shop", "web-1", 60)]


def test_volumes() -> None:
    """Mounts and attachments of one pod count together; a volume that moves stays below."""
    findings = found(
        "VolumesFailing",
        "shop | FailedMount        | Warning | Pod | db-0 | n1 | kubelet | 6 | MountVolume.SetUp failed for volume x",
        "shop | FailedAttachVolume | Warning | Pod | db-0 | -  | attachdetach-controller | 4 | Multi-Attach error",
        "shop | FailedAttachVolume | Warning | Pod | db-1 | -  | attachdetach-controller | 9 | Multi-Attach error",
        "shop | SuccessfulAttachVolume | Normal | Pod | db-2 | - | attachdetach-controller | 50 | attached",
    )
    assert short(findings) == [("prod", "shop", "db-0", 10)]


def test_pressure() -> None:
    """Evictions go by the kubelet's node, node events by the node, whatever their type."""
    findings = found(
        "NodeUnderPressure",
        "shop | Evicted | Warning | Pod | web-1 | n1 | kubelet | 3 | The node was low on resource: memory",
        "default | NodeHasDiskPressure | Normal | Node | n2 | n2 | kubelet | 2 | NodeHasDiskPressure",
        "default | SystemOOM | Warning | Node | n2 | n2 | kubelet | 1 | System OOM encountered, victim process: java, pid: 7",
        "default | OOMKilling | Warning | Node | n3 | n3 | kernel-monitor | 1 | Killed process 7 (java)",
        "default | NodeHasSufficientMemory | Normal | Node | n4 | n4 | kubelet | 40 | NodeHasSufficientMemory",
        "default | NodeHasNoDiskPressure | Normal | Node | n4 | n4 | kubelet | 40 | NodeHasNoDiskPressure",
        "default | TaintManagerEviction | Normal | Pod | web-2 | - | taint-eviction-controller | 9 | Marking for deletion",
    )
    assert short(findings) == [
        ("prod", "n1", "Evicted", 3),
        ("prod", "n2", "NodeHasDiskPressure", 2),
        ("prod", "n2", "SystemOOM", 1),
        ("prod", "n3", "OOMKilling", 1),
    ]


def test_pressure_says_what_it_cannot_see() -> None:
    """A container that is killed at its own limit has no event, and the rule's text says so."""
    rule = default_rule("NodeUnderPressure")
    assert "has no event at all" in rule.annotations["description"]
    assert "没有任何事件" in rule.annotations["description_zh"]


def test_not_created() -> None:
    """Every controller that cannot create pods is found, by its own object."""
    findings = found(
        "PodsNotCreated",
        'shop | FailedCreate | Warning | ReplicaSet | web-6d | - | replicaset-controller | 8 | pods "web-6d-" is forbidden: exceeded quota',
        "shop | FailedCreate | Warning | StatefulSet | db | - | statefulset-controller | 3 | create Pod db-0 failed",
        "shop | FailedCreate | Warning | DaemonSet | log | - | daemonset-controller | 2 | is forbidden",
        "shop | FailedCreate | Warning | Widget | w | - | widget-operator | 70 | no colour left",
    )
    assert short(findings) == [
        ("prod", "shop", "ReplicaSet", "web-6d", 8),
        ("prod", "shop", "StatefulSet", "db", 3),
    ]


def test_quiet_cluster_has_no_findings() -> None:
    """What a healthy cluster writes all day is no finding of any rule."""
    lines = [
        f"{HEAD} | last_seen",
        "shop | Scheduled | Normal | Pod | web-1 | s | default-scheduler | 900 | assigned | 2026-11-22 20:00",
        "shop | Pulled | Normal | Pod | web-1 | n1 | kubelet | 900 | Container image present | 2026-11-22 20:00",
        "shop | Started | Normal | Pod | web-1 | n1 | kubelet | 900 | Started container | 2026-11-22 20:00",
        "shop | Killing | Normal | Pod | web-1 | n1 | kubelet | 900 | Stopping container | 2026-11-22 20:00",
        "shop | ScalingReplicaSet | Normal | Deployment | web | - | deployment-controller | 90 | Scaled up | 2026-11-22 20:00",
        "default | Starting | Normal | Node | n1 | n1 | kubelet | 1 | Starting kubelet. | 2026-11-22 20:00",
        "default | NodeReady | Normal | Node | n1 | n1 | kubelet | 1 | NodeReady | 2026-11-22 20:00",
    ]
    brought = rules.compile_rules(Settings(), now=NOW)
    evaluation = asked(brought, session_over(tables.events("\n".join(lines))))
    assert not evaluation.findings
    assert not evaluation.health
