"""Message patterns: what falls together, what must not, and how few remain of real messages."""

from __future__ import annotations

import hashlib
import re

import pytest

from etl import schema
from etl.statements import statement
from tests.lib import fixtures
from tests.lib.rollups import patterns, rolled_up
from tests.lib.tables import observations

IMAGE = "registry.example:5000/team/web"
UUID = "0f6b8526-3587-433e-91fd-1d10ead72f88"


@pytest.mark.parametrize(
    ("message", "pattern"),
    [
        (
            f"Back-off restarting failed container app in pod web-5d8f9c7b6-x7k2p_shop({UUID})",
            "Back-off restarting failed container * in pod *(*)",
        ),
        (
            'Successfully pulled image "nginx:1.27" in 1.82s (1.82s including waiting). Image size: 2224358 bytes.',
            "Successfully pulled image * in * (* including waiting). Image size: * bytes.",
        ),
        (
            "0/6 nodes are available: 3 Insufficient cpu, 2 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }.",
            "* nodes are available: * Insufficient cpu, * node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }.",
        ),
        (
            'Readiness probe failed: Get "http://10.42.0.76:8080/ready?x=1": dial tcp 10.42.0.76:8080: connect: connection refused',
            "Readiness probe failed: Get *: dial tcp *: connect: connection refused",
        ),
        (
            "Liveness probe failed: HTTP probe failed with statuscode: 503",
            "Liveness probe failed: HTTP probe failed with statuscode: 503",
        ),
        (
            f'failed to resolve reference "{IMAGE}:v1": {IMAGE}:v1: not found',
            "failed to resolve reference *: *: not found",
        ),
        (
            "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[data kube-api-access-x7k2p]: timed out",
            "Unable to attach or mount volumes: unmounted volumes=*, unattached volumes=*: timed out",
        ),
        ("Memory cgroup out of memory: Killed process 4711 (java)", "Memory cgroup out of memory: Killed process * (java)"),
        ("(combined from similar events): Created job hello-1616546160", "Created job *"),
        ("dial tcp [fe80::1%eth0]:443: i/o timeout", "dial tcp [*%eth0]:*: i/o timeout"),
        ("cgroup v1 is old, x509 and sha256 and ext4 and IPv6 stay", "cgroup v1 is old, x509 and sha256 and ext4 and IPv6 stay"),
        ("", ""),
        (None, None),
    ],
)  # fmt: skip
def test_what_varies_is_a_star(message: str | None, pattern: str | None) -> None:
    """Ids, names, addresses, numbers and sizes go; words, taints, resources and codes stay."""
    assert patterns([message]) == [pattern]


SAME = [
    ("Created container api", "Created container web"),
    ("Created container: api", "Created container: web"),
    ("Created pod: web-0", "Created pod: web"),
    ("Successfully assigned shop/a to n1", "Successfully assigned pay/b-5d8f9c7b6-x7k2p to ip-10-0-9-206.compute.internal"),
    ('Pulling image "nginx"', f'Pulling image "{IMAGE}@sha256:{"ab" * 32}"'),
    ("Node minikube status is now: NodeReady", "Node ip-10-0-9-16.ec2.internal status is now: NodeReady"),
    ("Scaled up replica set web-5d8f9c7b6 to 3", "Scaled up replica set api-6775dbd89c to 12"),
    ("Container app failed liveness probe, will be restarted", "Container db failed liveness probe, will be restarted"),
    ('MountVolume.SetUp failed for volume "a" : configmap "x" not found', 'MountVolume.SetUp failed for volume "kube-api-access-2gzrd" : configmap "y" not found'),
    ("nameserver line is: 10.1.0.10", "nameserver line is: 10.1.0.10 10.2.0.10 fd00::53"),
    ("Started at 2026-11-23T08:00:00Z", "Started at 2026-11-24T18:01:59.123+01:00"),
    ("hostPath type check failed: /var/lib/a is not a directory", "hostPath type check failed: /srv/b/c is not a directory"),
    ("skip schedule deleting pod: shop/web", "skip schedule deleting pod: pay/api-0"),
    ("exceeded quota: requested: cpu=100m, used: cpu=2, limited: cpu=2", "exceeded quota: requested: cpu=4, used: cpu=1500m, limited: cpu=8"),
]  # fmt: skip
APART = [
    ("Readiness probe failed: HTTP probe failed with statuscode: 503", "Readiness probe failed: HTTP probe failed with statuscode: 404"),
    ("Readiness probe failed: HTTP probe failed with statuscode: 503", "Liveness probe failed: HTTP probe failed with statuscode: 503"),
    ("command terminated with exit code 137", "command terminated with exit code 1"),
    ("rpc error: code = 14 desc = down", "rpc error: code = 4 desc = down"),
    ("unexpected status code 401 Unauthorized", "unexpected status code 429 Too Many Requests"),
    ("0/6 nodes are available: 6 Insufficient cpu.", "0/6 nodes are available: 6 Insufficient memory."),
    ("0/6 nodes are available: 6 Insufficient cpu.", "0/6 nodes are available: 6 Insufficient nvidia.com/gpu."),
    ("1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }", "1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }"),
    ('configmap "a" not found', 'secret "a" not found'),
    ("Error: ErrImagePull", "Error: ImagePullBackOff"),
    ("Node n1 status is now: NodeReady", "Node n1 status is now: NodeNotReady"),
    ("Job completed", "Job failed"),
    ("Created container web", "Started container web"),
    ("Created pod: web-0", "Deleted pod: web-0"),
    ("x509: certificate has expired", "x509: certificate signed by unknown authority"),
    ("Scaled up replica set web-5d8f9c7b6 to 3", "Scaled down replica set web-5d8f9c7b6 to 3"),
    ('failed to "KillContainer" for "app" with KillContainerError', 'failed to "KillPodSandbox" for "app" with KillPodSandboxError'),
    ("no match for platform in manifest: linux/amd64", "no match for platform in manifest: linux/arm64"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_messages_of_one_cause_fall_together(one: str, other: str) -> None:
    """Messages that differ in what varies have one pattern."""
    first, second = patterns([one, other])
    assert first == second


@pytest.mark.parametrize(("one", "other"), APART)
def test_messages_of_two_causes_stay_apart(one: str, other: str) -> None:
    """Messages that say different things have two patterns, however alike they look."""
    first, second = patterns([one, other])
    assert first != second


def _messages(source: str) -> tuple[int, list[str | None]]:
    items = fixtures.items(fixtures.json_files(source))
    return len(items), sorted({(item.get("message") or item.get("note") or "") for item in items})


LARGE = [source for source in fixtures.SOURCES if _messages(source)[0] > 500]


def test_there_are_large_sources() -> None:
    """The measure below is taken of something."""
    assert len(LARGE) == 2


@pytest.mark.parametrize("source", LARGE)
def test_few_patterns_remain_of_a_real_cluster(source: str) -> None:
    """Of the distinct messages of a cluster with more than 500 events at most 15 % are left as patterns."""
    _events, messages = _messages(source)
    assert len(set(patterns(messages))) <= 0.15 * len(messages)


@pytest.mark.parametrize("source", fixtures.SOURCES)
def test_a_pattern_of_a_real_message_is_its_own(source: str) -> None:
    """Masking what is masked changes nothing."""
    once = patterns(_messages(source)[1])
    assert patterns(once) == once


def test_a_long_message_is_told_by_its_beginning() -> None:
    """A message of a megabyte has a pattern of at most a thousand characters."""
    (pattern,) = patterns(["x " * 500_000])
    assert pattern == "x " * 500


def test_the_version_is_that_of_the_schema() -> None:
    """The view says what the schema promises of newly sealed days."""
    (row,) = rolled_up(observations("uid | last_seen\n1 | 2026-11-23 08:00"))
    assert row["pattern_version"] == schema.PATTERN_VERSION


# Days that are sealed keep what was told when they were sealed, so other rules need another number.
RULES = {1: "4bcc39"}


def test_other_rules_have_another_version() -> None:
    """Who changes a rule raises PATTERN_VERSION and writes down its sum, so that sealed days are told anew."""
    rules = ("macros/message_pattern", "lake/claims", "lake/owners", "lake/rolled_up")
    code = "\n".join(re.sub(r"--.*", "", statement(name).text) for name in rules)
    found = hashlib.sha256(" ".join(code.split()).encode()).hexdigest()[:6]
    assert RULES[schema.PATTERN_VERSION] == found
