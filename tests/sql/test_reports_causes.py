"""The reports failed_scheduling, image_pull_failures, volume_failures and probe_failures over drawn tables."""

from __future__ import annotations

import pytest

from tests.lib.reports import answer, expect, lake, window

DAY = window("2026-11-22 00:00", "2026-11-23 00:00")


def test_scheduling_is_split_by_cause() -> None:
    """A message counts for each cause that it lists, with its nodes; preemption is another matter."""
    session = lake(
        """
        last_seen        | reason           | object_kind | namespace | object_name | occurrences | message
        2026-11-22 08:00 | FailedScheduling | Pod         | shop      | web-1       | 4           | 0/5 nodes are available: 3 Insufficient cpu, 2 node(s) had untolerated taint {dedicated: gpu}. preemption: 0/5 nodes are available: 5 No preemption victims found for incoming pod.
        2026-11-22 09:00 | FailedScheduling | Pod         | pay       | api-1       | 2           | 0/9 nodes are available: 9 Insufficient cpu.
        2026-11-22 08:00 | FailedScheduling | Pod         | pay       | api-2       | 1           | 0/3 nodes are available: 1 node(s) had taint {a: b}, that the pod didn't tolerate, 2 Insufficient cpu.
        2026-11-22 08:00 | FailedScheduling | Pod         | pay       | api-3       | 1           | No nodes are available that match all of the predicates: Insufficient memory (2), NodeNotReady (1).
        2026-11-22 08:00 | FailedScheduling | Pod         | pay       | api-4       | 1           | 0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.
        2026-11-22 08:00 | FailedScheduling | Pod         | pay       | api-5       | 1           | skip schedule deleting pod: pay/api-5
        2026-11-22 08:01 | FailedScheduling | Pod         | pay       | api-6       | 1           | skip schedule deleting pod: pay/api-6
        2026-11-22 08:00 | FailedScheduling | Pod         | pay       | api-7       | 1           | -
        2026-11-22 08:00 | FailedScheduling | Pod         | pay       | api-8       | 0           | 0/9 nodes are available: 9 Silence.
        2026-11-22 08:00 | Scheduled        | Pod         | pay       | api-1       | 9           | Successfully assigned
        """
    )
    columns, rows = expect(
        """
        cause                                             | occurrences | pods | namespaces | most_nodes | last_event
        Insufficient cpu                                  | 7           | 3    | 2          | 9          | 2026-11-22 09:00
        node(s) had untolerated taint {dedicated: gpu}    | 4           | 1    | 1          | 2          | 2026-11-22 08:00
        skip schedule deleting pod: *                     | 2           | 2    | 1          | -          | 2026-11-22 08:01
        Insufficient memory                               | 1           | 1    | 1          | 2          | 2026-11-22 08:00
        NodeNotReady                                      | 1           | 1    | 1          | 1          | 2026-11-22 08:00
        node(s) had taint {a: b}                          | 1           | 1    | 1          | 1          | 2026-11-22 08:00
        pod has unbound immediate PersistentVolumeClaims  | 1           | 1    | 1          | -          | 2026-11-22 08:00
        -                                                 | 1           | 1    | 1          | -          | 2026-11-22 08:00
        """
    )
    assert answer("failed_scheduling", session, DAY, columns=columns) == rows
    assert answer("failed_scheduling", session, DAY, columns=columns, limit="2") == rows[:2]


def test_pulls_are_told_by_image() -> None:
    """Attempts and waits of one image stand in one row; what repeats them in short is not counted."""
    session = lake(
        """
        last_seen        | type    | reason  | component | host | object_kind | namespace | object_name | occurrences | message
        2026-11-22 08:00 | Warning | Failed  | kubelet   | n1   | Pod         | shop      | web-1       | 3           | Failed to pull image "app:1": rpc error: code = NotFound desc = app:1: not found
        2026-11-22 08:00 | Warning | Failed  | kubelet   | n1   | Pod         | shop      | web-1       | 3           | Error: ErrImagePull
        2026-11-22 08:01 | Warning | Failed  | kubelet   | n2   | Pod         | shop      | web-2       | 1           | Failed to pull image "app:1": dial tcp 10.0.0.1:443: i/o timeout
        2026-11-22 09:00 | Normal  | BackOff | kubelet   | n2   | Pod         | shop      | web-2       | 9           | Back-off pulling image "app:1"
        2026-11-22 09:00 | Warning | BackOff | kubelet   | n2   | Pod         | shop      | web-2       | 9           | Back-off restarting failed container
        2026-11-22 09:00 | Normal  | BackOff | kubelet   | n2   | Pod         | pay       | api-1       | 2           | Back-off pulling image "api:2"
        2026-11-22 09:00 | Warning | Failed  | kubelet   | n2   | Pod         | pay       | api-1       | 2           | Error: failed to start container "x"
        """
    )
    columns, rows = expect(
        """
        image | cause     | failures | back_offs | pods | namespaces | nodes | causes | first_event      | last_event
        app:1 | not there | 4        | 9         | 2    | 1          | 2     | 2      | 2026-11-22 08:00 | 2026-11-22 09:00
        api:2 | -         | 0        | 2         | 1    | 1          | 1     | 0      | 2026-11-22 09:00 | 2026-11-22 09:00
        """
    )
    assert answer("image_pull_failures", session, DAY, columns=columns) == rows
    (first, _second) = answer("image_pull_failures", session, DAY, columns="example")
    assert first["example"] == 'Failed to pull image "app:1": dial tcp 10.0.0.1:443: i/o timeout'


@pytest.mark.parametrize(
    ("reason", "message", "cause"),
    [
        (
            "Failed",
            "pull access denied for ngnix, repository does not exist or may require login",
            "not there or not allowed",
        ),
        ("Failed", "failed to authorize: 401 Unauthorized", "not allowed"),
        ("Failed", "manifest unknown: manifest unknown", "not there"),
        ("Failed", "429 Too Many Requests - toomanyrequests: limit reached", "rate limit"),
        ("Failed", "dial tcp: lookup nohost.example: no such host", "name not resolved"),
        ("Failed", "x509: certificate signed by unknown authority", "certificate"),
        ("Failed", "dial tcp 10.0.0.1:443: connect: connection refused", "registry not reached"),
        ("Failed", "write /var/lib: no space left on device", "no space left"),
        ("Failed", "no match for platform in manifest", "wrong platform"),
        ("Failed", "something else", "other"),
        ("ErrImageNeverPull", "", "never pulled"),
        ("InspectFailed", "", "invalid name"),
    ],
)
def test_the_cause_of_a_failed_pull(reason: str, message: str, cause: str) -> None:
    """What registries and runtimes say is put into a dozen causes."""
    drawn = f"""
        last_seen        | reason   | object_kind | object_name | message
        2026-11-22 08:00 | {reason} | Pod         | web-1       | Failed to pull image "app:1": {message}
        """
    found = answer("image_pull_failures", lake(drawn), DAY, columns="image | cause")
    assert found == [{"image": "app:1", "cause": cause}]


def test_volumes_are_told_by_reason_and_cause() -> None:
    """Objects and volumes are counted once each, whatever was said how often."""
    session = lake(
        """
        last_seen        | type    | reason        | object_kind           | namespace | object_name | occurrences | message
        2026-11-22 08:00 | Warning | FailedMount   | Pod                   | shop      | web-1       | 3           | MountVolume.SetUp failed for volume "html" : configmap "web" not found
        2026-11-22 09:00 | Warning | FailedMount   | Pod                   | shop      | web-2       | 2           | MountVolume.SetUp failed for volume "html" : configmap "web" not found
        2026-11-22 08:00 | Warning | FailedMount   | Pod                   | shop      | web-1       | 4           | Unable to attach or mount volumes: unmounted volumes=[html], unattached volumes=[html]: timed out waiting for the condition
        2026-11-22 08:00 | Normal  | FailedBinding | PersistentVolumeClaim | shop      | data-0      | 1           | no persistent volumes available for this claim and no storage class is set
        2026-11-22 08:00 | Warning | FailedMount   | Pod                   | shop      | web-9       | 0           | nothing
        2026-11-22 08:00 | Normal  | Created       | Pod                   | shop      | web-1       | 3           | Container created
        """
    )
    columns, rows = expect(
        """
        namespace | reason        | cause               | occurrences | objects | volumes | last_event
        shop      | FailedMount   | configmap not there | 5           | 2       | 1       | 2026-11-22 09:00
        shop      | FailedMount   | timed out           | 4           | 1       | 1       | 2026-11-22 08:00
        shop      | FailedBinding | no volume to bind   | 1           | 1       | 0       | 2026-11-22 08:00
        """
    )
    assert answer("volume_failures", session, DAY, columns=columns) == rows


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ('Multi-Attach error for volume "pvc-1" Volume is already used', "attached elsewhere"),
        ('secret "tls" not found', "secret not there"),
        ('persistentvolumeclaim "data" not found', "claim not there"),
        ('storageclass.storage.k8s.io "fast" not found', "storage class not there"),
        ("driver name x not found in the list of registered CSI drivers", "driver not there"),
        ("failed to sync secret cache: timed out waiting", "kubelet not in sync"),
        ('object "shop"/"tls" not registered', "kubelet not in sync"),
        ("hostPath type check failed: /x is not a directory", "host path not there"),
        ("rpc error: code = DeadlineExceeded desc = context deadline exceeded", "timed out"),
        ("rpc error: code = ResourceExhausted desc = quota reached", "no room"),
        ("mount.nfs: access denied by server", "not allowed"),
        ("mount failed: exit status 32", "mount command failed"),
        ("who knows", "other"),
    ],
)
def test_the_cause_of_a_volume_failure(message: str, cause: str) -> None:
    """What kubelets and drivers say is put into a dozen causes."""
    drawn = f"""
        last_seen        | reason      | object_kind | object_name | message
        2026-11-22 08:00 | FailedMount | Pod         | web-1       | {message}
        """
    found = answer("volume_failures", lake(drawn), DAY, columns="cause")
    assert found == [{"cause": cause}]


def test_probes_are_told_by_kind_and_cause() -> None:
    """Pods and workloads are counted once each, and the workload with most of the failures is named."""
    session = lake(
        """
        last_seen        | reason    | object_kind | namespace | object_name | workload | occurrences | message
        2026-11-22 08:00 | Unhealthy | Pod         | shop      | web-1       | web      | 3           | Readiness probe failed: HTTP probe failed with statuscode: 503
        2026-11-22 09:00 | Unhealthy | Pod         | shop      | web-2       | web      | 2           | Readiness probe failed: HTTP probe failed with statuscode: 500
        2026-11-22 08:00 | Unhealthy | Pod         | pay       | api-1       | api      | 4           | Readiness probe failed: HTTP probe failed with statuscode: 500
        2026-11-22 08:00 | Unhealthy | Pod         | pay       | api-1       | api      | 6           | Liveness probe failed: HTTP probe failed with statuscode: 500
        2026-11-22 08:00 | Unhealthy | Pod         | pay       | db-0        | db       | 1           | Startup probe failed: psql: could not connect
        2026-11-22 08:00 | Unhealthy | Pod         | pay       | db-1        | db       | 1           | -
        2026-11-22 08:00 | Unhealthy | Pod         | pay       | db-2        | db       | 0           | Startup probe failed: nothing
        2026-11-22 08:00 | Unhealthy | Node        | default   | n1          | -        | 8           | Readiness probe failed: of another writer
        2026-11-22 08:00 | Killing   | Pod         | pay       | api-1       | api      | 2           | Container api failed liveness probe, will be restarted
        """
    )
    columns, rows = expect(
        """
        probe     | cause          | occurrences | pods | workloads | top_workload | first_event      | last_event
        readiness | HTTP 5xx       | 9           | 3    | 2         | web          | 2026-11-22 08:00 | 2026-11-22 09:00
        liveness  | HTTP 5xx       | 6           | 1    | 1         | api          | 2026-11-22 08:00 | 2026-11-22 08:00
        startup   | command failed | 1           | 1    | 1         | db           | 2026-11-22 08:00 | 2026-11-22 08:00
        -         | other          | 1           | 1    | 1         | db           | 2026-11-22 08:00 | 2026-11-22 08:00
        """
    )
    assert answer("probe_failures", session, DAY, columns=columns) == rows
    assert answer("probe_failures", session, DAY, columns=columns, limit="2") == rows[:2]


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("failed: HTTP probe failed with statuscode: 404", "HTTP 4xx"),
        ("error: HTTP probe failed with statuscode: 503\\nbody: timeout", "HTTP 5xx"),
        (
            'failed: Get "http://10.0.0.1:80/": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
            "timed out",
        ),
        ("failed: dial tcp 10.0.0.1:80: i/o timeout", "timed out"),
        ('errored: rpc error: command "sh -c x" timed out', "timed out"),
        ("failed: timeout: health rpc did not complete within 1s", "timed out"),
        ("failed: dial tcp 10.0.0.1:82: connect: connection refused", "connection refused"),
        ('failed: Get "http://10.0.0.1:80/": EOF', "connection reset"),
        ("failed: read tcp: read: connection reset by peer", "connection reset"),
        ("failed: dial tcp: lookup db: no such host", "name not resolved"),
        ("failed: dial tcp 10.0.0.1:80: connect: no route to host", "host not reached"),
        ("failed: http: server gave HTTP response to HTTPS client", "wrong protocol"),
        (
            "failed: error: this server does not implement the grpc health protocol",
            "wrong protocol",
        ),
        ("failed: tls: failed to verify certificate: x509: expired", "certificate"),
        ('failed: service unhealthy (responded with "NOT_SERVING")', "not serving"),
        (
            'failed: OCI runtime exec failed: exec: "curl": executable file not found',
            "command not there",
        ),
        ("errored: rpc error: container not running (0a1b)", "container not running"),
        ("warning: Probe terminated redirects, Response body: moved", "redirected elsewhere"),
        ("failed: cat: /tmp/healthy: No such file or directory", "command failed"),
        ("failed:", "command failed"),
        ("errored: something else", "other"),
    ],
)
def test_the_cause_of_a_failed_probe(message: str, cause: str) -> None:
    """What probers, runtimes and commands say is put into a dozen causes."""
    drawn = f"""
        last_seen        | reason    | object_kind | object_name | message
        2026-11-22 08:00 | Unhealthy | Pod         | web-1       | Liveness probe {message}
        """
    found = answer("probe_failures", lake(drawn), DAY, columns="probe | cause")
    assert found == [{"probe": "liveness", "cause": cause}]


def test_a_window_without_failures_has_no_rows() -> None:
    """Nothing failed, no row; the window is half-open."""
    session = lake(
        """
        last_seen           | reason           | object_kind | message
        2026-11-21 23:59:59 | FailedScheduling | Pod         | 0/1 nodes are available: 1 Insufficient cpu.
        2026-11-23 00:00:00 | FailedMount      | Pod         | timed out
        2026-11-23 00:00:00 | InspectFailed    | Pod         | no name
        2026-11-23 00:00:00 | Unhealthy        | Pod         | Readiness probe failed:
        """
    )
    for name in ("failed_scheduling", "image_pull_failures", "volume_failures", "probe_failures"):
        assert answer(name, session, DAY) == []
