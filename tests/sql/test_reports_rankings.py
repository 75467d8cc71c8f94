"""The reports top_reasons, warnings_by_namespace and noisiest_objects over drawn tables."""

from __future__ import annotations

from tests.lib.reports import answer, expect, lake, window

DAY = window("2026-11-22 00:00", "2026-11-23 00:00")
EDGES = """
    last_seen           | type    | reason  | occurrences | namespace | object_kind | object_name
    2026-11-21 23:59:59 | Warning | Before  | 100         | before    | Pod         | before
    2026-11-22 00:00:00 | Warning | First   | 2           | first     | Pod         | first
    2026-11-22 23:59:59 | Warning | Last    | 1           | last      | Pod         | last
    2026-11-23 00:00:00 | Warning | After   | 100         | after     | Pod         | after
    """


def test_rankings_hold_what_lies_in_the_half_open_window() -> None:
    """The first moment counts, the end does not."""
    session = lake(EDGES)
    for name, column in (
        ("top_reasons", "reason"),
        ("warnings_by_namespace", "namespace"),
        ("noisiest_objects", "object_name"),
    ):
        found = [str(row[column]).lower() for row in answer(name, session, DAY)]
        assert found == ["first", "last"], name


def test_top_reasons_by_reason_type_and_component() -> None:
    """Occurrences are summed per reason, type and component, with their share and reach."""
    session = lake(
        """
        cluster | last_seen        | type    | reason    | component | occurrences | namespace | object_kind | object_name
        eu      | 2026-11-22 08:00 | Warning | Unhealthy | kubelet   | 4           | shop      | Pod         | web-1
        eu      | 2026-11-22 09:00 | Warning | Unhealthy | kubelet   | 2           | shop      | Pod         | web-1
        us      | 2026-11-22 07:00 | Warning | Unhealthy | kubelet   | 2           | shop      | Pod         | web-1
        eu      | 2026-11-22 08:00 | Normal  | Created   | kubelet   | 1           | shop      | Pod         | web-1
        eu      | 2026-11-22 08:00 | Normal  | Created   | argo      | 1           | -         | App         | x
        """
    )
    columns, rows = expect(
        """
        reason    | type    | component | occurrences | share | objects | namespaces | last_event       | meaning
        Unhealthy | Warning | kubelet   | 8           | 0.8   | 2       | 1          | 2026-11-22 09:00 | liveness/readiness/startup probe failed
        Created   | Normal  | argo      | 1           | 0.1   | 1       | 0          | 2026-11-22 08:00 | -
        Created   | Normal  | kubelet   | 1           | 0.1   | 1       | 1          | 2026-11-22 08:00 | container created
        """
    )
    assert answer("top_reasons", session, DAY, columns=columns) == rows


def test_meaning_is_told_only_where_there_is_one() -> None:
    """One word with two meanings has none; the type decides, and any scheduler is the scheduler."""
    session = lake(
        """
        last_seen        | type    | reason           | component           | occurrences
        2026-11-22 08:00 | Warning | Failed           | kubelet             | 6
        2026-11-22 08:00 | Warning | BackOff          | kubelet             | 5
        2026-11-22 08:00 | Normal  | BackOff          | kubelet             | 4
        2026-11-22 08:00 | Warning | FailedScheduling | my-scheduler        | 3
        2026-11-22 08:00 | Normal  | SuccessfulCreate | job-controller      | 2
        2026-11-22 08:00 | -       | -                | -                   | 1
        """
    )
    columns, rows = expect(
        """
        reason           | type    | occurrences | meaning
        Failed           | Warning | 6           | -
        BackOff          | Warning | 5           | restart back-off (CrashLoopBackOff)
        BackOff          | Normal  | 4           | image-pull back-off (ImagePullBackOff)
        FailedScheduling | Warning | 3           | no node fits; note truncated 1024B
        SuccessfulCreate | Normal  | 2           | pod created
        -                | -       | 1           | -
        """
    )
    assert answer("top_reasons", session, DAY, columns=columns) == rows


def test_top_reasons_ties_go_by_name_and_nothing_is_left_out() -> None:
    """Equal counts are ordered by their words, null last, and the limit cuts after ordering."""
    session = lake(
        """
        last_seen        | reason | type    | occurrences
        2026-11-22 08:00 | -      | Normal  | 1
        2026-11-22 08:00 | b      | Warning | 1
        2026-11-22 08:00 | b      | Normal  | 1
        2026-11-22 08:00 | a      | Normal  | 1
        2026-11-22 08:00 | none   | Normal  | 0
        """
    )
    columns, rows = expect(
        """
        reason | type    | share
        a      | Normal  | 0.25
        b      | Normal  | 0.25
        b      | Warning | 0.25
        -      | Normal  | 0.25
        """
    )
    assert answer("top_reasons", session, DAY, columns=columns) == rows
    assert answer("top_reasons", session, DAY, columns=columns, limit="2") == rows[:2]


def test_warnings_by_namespace_with_the_main_reason() -> None:
    """Only warnings count, per cluster and namespace, and the greatest reason is named."""
    session = lake(
        """
        cluster | last_seen        | type    | reason    | occurrences | namespace | object_kind | object_name
        eu      | 2026-11-22 08:00 | Warning | Unhealthy | 4           | shop      | Pod         | web-1
        eu      | 2026-11-22 09:00 | Warning | BackOff   | 2           | shop      | Pod         | web-1
        eu      | 2026-11-22 09:30 | Warning | BackOff   | 1           | shop      | Pod         | web-2
        eu      | 2026-11-22 10:00 | Normal  | Created   | 90          | shop      | Pod         | web-3
        us      | 2026-11-22 07:00 | Warning | BackOff   | 2           | shop      | Pod         | web-1
        us      | 2026-11-22 07:00 | Warning | BackOff   | 1           | -         | Pod         | web-1
        """
    )
    columns, rows = expect(
        """
        cluster | namespace | warnings | share | objects | reasons | top_reason | top_reason_warnings | last_event
        eu      | shop      | 7        | 0.7   | 2       | 2       | Unhealthy  | 4                   | 2026-11-22 09:30
        us      | shop      | 2        | 0.2   | 1       | 1       | BackOff    | 2                   | 2026-11-22 07:00
        us      | -         | 1        | 0.1   | 1       | 1       | BackOff    | 1                   | 2026-11-22 07:00
        """
    )
    assert answer("warnings_by_namespace", session, DAY, columns=columns) == rows


def test_warnings_by_namespace_ties_and_zeros() -> None:
    """Ties go by name, for reasons too; a warning that added nothing is no warning."""
    session = lake(
        """
        last_seen        | type    | reason | occurrences | namespace | object_name
        2026-11-22 08:00 | Warning | z      | 2           | b         | x
        2026-11-22 08:00 | Warning | y      | 2           | b         | x
        2026-11-22 08:00 | Warning | x      | 0           | b         | unheard
        2026-11-22 08:00 | Warning | y      | 4           | a         | x
        2026-11-22 08:00 | Warning | y      | 0           | silent    | x
        """
    )
    columns, rows = expect(
        """
        namespace | warnings | objects | reasons | top_reason
        a         | 4        | 1       | 1       | y
        b         | 4        | 1       | 2       | y
        """
    )
    assert answer("warnings_by_namespace", session, DAY, columns=columns) == rows
    assert answer("warnings_by_namespace", session, DAY, columns=columns, limit="1") == rows[:1]


def test_noisiest_objects_with_what_they_say() -> None:
    """An object's occurrences over all reasons, and the newest message of its greatest reason."""
    session = lake(
        """
        cluster | last_seen        | type    | reason    | occurrences | namespace | object_kind | object_name | message
        eu      | 2026-11-22 08:00 | Warning | Unhealthy | 4           | shop      | Pod         | web-1       | old
        eu      | 2026-11-22 09:00 | Warning | Unhealthy | 1           | shop      | Pod         | web-1       | new
        eu      | 2026-11-22 10:00 | Normal  | Pulled    | 2           | shop      | Pod         | web-1       | pulled
        eu      | 2026-11-22 08:00 | Normal  | Created   | 2           | shop      | Job         | web-1       | created
        us      | 2026-11-22 08:00 | Normal  | Created   | 1           | shop      | Pod         | web-1       | -
        """
    )
    columns, rows = expect(
        """
        cluster | namespace | object_kind | object_name | occurrences | warnings | share | reasons | top_reason | first_event      | last_event       | example
        eu      | shop      | Pod         | web-1       | 7           | 5        | 0.7   | 2       | Unhealthy  | 2026-11-22 08:00 | 2026-11-22 10:00 | new
        eu      | shop      | Job         | web-1       | 2           | 0        | 0.2   | 1       | Created    | 2026-11-22 08:00 | 2026-11-22 08:00 | created
        us      | shop      | Pod         | web-1       | 1           | 0        | 0.1   | 1       | Created    | 2026-11-22 08:00 | 2026-11-22 08:00 | -
        """
    )
    assert answer("noisiest_objects", session, DAY, columns=columns) == rows


def test_noisiest_objects_ties_nulls_and_zeros() -> None:
    """Ties go by name, for reasons and messages too; nothing is lost for having no name."""
    session = lake(
        """
        last_seen        | reason | occurrences | namespace | object_kind | object_name | message
        2026-11-22 08:00 | -      | 1           | -         | -           | -           | nameless
        2026-11-22 08:00 | y      | 1           | n         | Pod         | b           | second
        2026-11-22 08:00 | y      | 1           | n         | Pod         | b           | first
        2026-11-22 08:00 | z      | 2           | n         | Pod         | b           | never
        2026-11-22 08:00 | y      | 4           | n         | Pod         | a           | a
        2026-11-22 08:00 | y      | 0           | n         | Pod         | silent      | silent
        """
    )
    columns, rows = expect(
        """
        object_name | occurrences | top_reason | example
        a           | 4           | y          | a
        b           | 4           | y          | first
        -           | 1           | -          | nameless
        """
    )
    assert answer("noisiest_objects", session, DAY, columns=columns) == rows
    assert answer("noisiest_objects", session, DAY, columns=columns, limit="1") == rows[:1]


def test_rankings_of_a_silent_window_are_empty() -> None:
    """No event, no row."""
    session = lake("cluster | last_seen")
    for name in ("top_reasons", "warnings_by_namespace", "noisiest_objects"):
        assert answer(name, session, DAY) == []
