"""The reports crash_loops, evictions_and_oom and node_conditions over drawn tables."""

from __future__ import annotations

from tests.lib.reports import answer, expect, lake, window

DAY = window("2026-11-22 00:00", "2026-11-23 00:00")


def test_crash_loops_tell_restarts_from_pulls() -> None:
    """Only back-offs of restarts count; starts are those of the same containers of the same pods, all of them."""
    session = lake(
        """
        last_seen        | type    | reason  | object_kind | namespace | workload_kind | workload | object_name | object_field_path    | occurrences | message
        2026-11-21 23:59 | Warning | BackOff | Pod         | shop      | Deployment    | web      | web-1       | spec.containers{app} | 50          | Back-off restarting failed container
        2026-11-22 08:00 | Warning | BackOff | Pod         | shop      | Deployment    | web      | web-1       | spec.containers{app} | 7           | Back-off restarting failed container app in pod web-1
        2026-11-22 09:00 | Warning | BackOff | Pod         | shop      | Deployment    | web      | web-1       | spec.containers{app} | 5           | (combined from similar events): Back-off restarting failed container app in pod web-1
        2026-11-22 08:10 | Warning | BackOff | Pod         | shop      | Deployment    | web      | web-3       | spec.containers{app} | 2           | Back-off restarting failed container app in pod web-3
        2026-11-22 08:20 | Warning | BackOff | Pod         | shop      | Deployment    | web      | web-3       | spec.containers{log} | 3           | Back-off restarting failed container log in pod web-3
        2026-11-22 08:00 | Normal  | BackOff | Pod         | shop      | Deployment    | web      | web-1       | spec.containers{app} | 90          | Back-off pulling image "app:1"
        2026-11-22 07:00 | Normal  | Started | Pod         | shop      | Deployment    | web      | web-1       | spec.containers{app} | 4           | Container started
        2026-11-22 07:00 | Normal  | Started | Pod         | shop      | Deployment    | web      | web-3       | spec.containers{app} | 1           | Container started
        2026-11-22 07:00 | Normal  | Started | Pod         | shop      | Deployment    | web      | web-1       | spec.containers{log} | 1           | Container started
        2026-11-22 07:00 | Normal  | Started | Pod         | shop      | Deployment    | web      | web-2       | spec.containers{app} | 1           | Container started
        2026-11-22 08:30 | Warning | BackOff | Pod         | pay       | Pod           | api-1    | api-1       | -                    | 1           | Back-off restarting failed container
        2026-11-22 08:30 | Warning | BackOff | Pod         | pay       | Pod           | api-2    | api-2       | -                    | 0           | Back-off restarting failed container
        2026-11-22 08:30 | Warning | BackOff | Job         | pay       | Job           | nightly  | nightly     | -                    | 9           | Back-off restarting failed container
        """
    )
    columns, rows = expect(
        """
        namespace | workload_kind | workload | container | back_offs | starts | pods | first_event      | last_event       | example_pod
        shop      | Deployment    | web      | app       | 14        | 5      | 2    | 2026-11-22 08:00 | 2026-11-22 09:00 | web-1
        shop      | Deployment    | web      | log       | 3         | 0      | 1    | 2026-11-22 08:20 | 2026-11-22 08:20 | web-3
        pay       | Pod           | api-1    | -         | 1         | 0      | 1    | 2026-11-22 08:30 | 2026-11-22 08:30 | api-1
        """
    )
    assert answer("crash_loops", session, DAY, columns=columns) == rows
    assert answer("crash_loops", session, DAY, columns=columns, limit="1") == rows[:1]
    first = answer("crash_loops", session, DAY, columns="example")[0]
    assert str(first["example"]).startswith("(combined")


def test_evictions_say_what_was_wanting() -> None:
    """The resource is what the text names; the node is the kubelet's, or the object itself."""
    session = lake(
        """
        last_seen        | type    | reason               | component                 | host | object_kind | namespace | object_name | occurrences | message
        2026-11-22 08:00 | Warning | Evicted              | kubelet                   | n1   | Pod         | shop      | web-1       | 1           | The node was low on resource: memory. Threshold quantity: 100Mi
        2026-11-22 08:01 | Warning | Evicted              | kubelet                   | n1   | Pod         | pay       | api-1       | 2           | The node was low on resource: memory. Threshold quantity: 99Mi
        2026-11-22 08:02 | Warning | Evicted              | kubelet                   | n1   | Pod         | pay       | api-2       | 1           | Pod ephemeral local storage usage exceeds the total limit of containers 1Gi.
        2026-11-22 08:03 | Warning | Evicted              | kubelet                   | n2   | Pod         | pay       | api-3       | 1           | The node had condition: [DiskPressure].
        2026-11-22 08:00 | Warning | EvictionThresholdMet | kubelet                   | n1   | Node        | default   | n1          | 1           | Attempting to reclaim memory
        2026-11-22 08:00 | Warning | SystemOOM            | kubelet                   | n1   | Node        | default   | n1          | 1           | System OOM encountered, victim process: java, pid: 7
        2026-11-22 08:00 | Normal  | TaintManagerEviction | taint-eviction-controller | -    | Pod         | shop      | web-2       | 1           | Marking for deletion Pod shop/web-2
        2026-11-22 08:00 | Normal  | Preempted            | default-scheduler         | m1   | Pod         | shop      | web-3       | 0           | Preempted by pod 7 on node n1
        2026-11-22 08:00 | Normal  | Killing              | kubelet                   | n1   | Pod         | shop      | web-3       | 9           | Stopping container
        """
    )
    columns, rows = expect(
        """
        node | reason               | resource          | occurrences | objects | namespaces | last_event
        n1   | Evicted              | memory            | 3           | 2       | 2          | 2026-11-22 08:01
        n1   | Evicted              | ephemeral-storage | 1           | 1       | 1          | 2026-11-22 08:02
        n1   | EvictionThresholdMet | memory            | 1           | 1       | 1          | 2026-11-22 08:00
        n1   | SystemOOM            | memory            | 1           | 1       | 1          | 2026-11-22 08:00
        n2   | Evicted              | ephemeral-storage | 1           | 1       | 1          | 2026-11-22 08:03
        -    | TaintManagerEviction | -                 | 1           | 1       | 1          | 2026-11-22 08:00
        """
    )
    assert answer("evictions_and_oom", session, DAY, columns=columns) == rows
    examples = answer("evictions_and_oom", session, DAY, columns="example", limit="1")
    assert examples == [
        {"example": "The node was low on resource: memory. Threshold quantity: 99Mi"}
    ]


def test_node_conditions_are_normal_events_of_nodes() -> None:
    """Bad and well are told by the reason, two reporters of one change count once, and pods do not count."""
    session = lake(
        """
        last_seen        | type    | reason                | component       | object_kind | object_name | occurrences
        2026-11-22 08:00 | Normal  | NodeNotReady          | kubelet         | Node        | n1          | 2
        2026-11-22 08:01 | Normal  | NodeNotReady          | node-controller | Node        | n1          | 3
        2026-11-22 08:05 | Normal  | NodeReady             | kubelet         | Node        | n1          | 2
        2026-11-22 08:01 | Warning | NodeNotReady          | node-controller | Pod         | web-1       | 40
        2026-11-22 09:00 | Normal  | NodeHasDiskPressure   | kubelet         | Node        | n2          | 1
        2026-11-22 08:00 | Normal  | NodeHasNoDiskPressure | kubelet         | Node        | n2          | 9
        2026-11-22 07:00 | Normal  | Starting              | kubelet         | Node        | n2          | 1
        2026-11-22 07:00 | Normal  | Starting              | kube-proxy      | Node        | n3          | 1
        2026-11-22 07:00 | Normal  | NodeReady             | kubelet         | Node        | n3          | 1
        2026-11-22 07:30 | Warning | Rebooted              | kubelet         | Node        | n2          | 1
        """
    )
    columns, rows = expect(
        """
        node | condition      | state | occurrences | recoveries | first_event      | last_event       | last_reason
        n2   | DiskPressure   | bad   | 1           | 9          | 2026-11-22 09:00 | 2026-11-22 09:00 | NodeHasDiskPressure
        n1   | Ready          | well  | 3           | 2          | 2026-11-22 08:00 | 2026-11-22 08:05 | NodeReady
        n2   | KubeletStarted | -     | 1           | 0          | 2026-11-22 07:00 | 2026-11-22 07:00 | Starting
        n2   | Rebooted       | -     | 1           | 0          | 2026-11-22 07:30 | 2026-11-22 07:30 | Rebooted
        """
    )
    assert answer("node_conditions", session, DAY, columns=columns) == rows


def test_at_the_same_moment_a_node_is_not_called_well() -> None:
    """Where bad and well were said in the same second, the worse of the two stands."""
    session = lake(
        """
        last_seen        | reason       | object_kind | object_name
        2026-11-22 08:00 | NodeNotReady | Node        | n1
        2026-11-22 08:00 | NodeReady    | Node        | n1
        """
    )
    assert answer("node_conditions", session, DAY, columns="state") == [{"state": "bad"}]


def test_a_window_without_trouble_has_no_rows() -> None:
    """No trouble, no row; the edges of the window are half-open."""
    session = lake(
        """
        last_seen           | reason       | object_kind | object_name | message
        2026-11-21 23:59:59 | NodeNotReady | Node        | n1          | -
        2026-11-23 00:00:00 | Evicted      | Pod         | web-1       | -
        2026-11-22 08:00:00 | Created      | Pod         | web-1       | -
        2026-11-23 00:00:00 | BackOff      | Pod         | web-1       | Back-off restarting failed container
        """
    )
    for name in ("crash_loops", "evictions_and_oom", "node_conditions"):
        assert answer(name, session, DAY) == []
