"""The report noisiest_workloads over drawn tables."""

from __future__ import annotations

from tests.lib.reports import answer, expect, lake, window

DAY = window("2026-11-22 00:00", "2026-11-23 00:00")


def test_objects_are_summed_by_what_stands_behind_them() -> None:
    """Pods of one Deployment are one row, with its main reason; equal names of two kinds are two."""
    session = lake(
        """
        last_seen        | type    | reason    | namespace | object_kind | object_name | workload | workload_kind | workload_by | occurrences
        2026-11-22 08:00 | Warning | Unhealthy | shop      | Pod         | web-1-a     | web      | Deployment    | events      | 4
        2026-11-22 09:00 | Warning | Unhealthy | shop      | Pod         | web-1-b     | web      | Deployment    | events      | 3
        2026-11-22 09:00 | Normal  | Created   | shop      | Pod         | web-1-b     | web      | Deployment    | name        | 1
        2026-11-22 07:00 | Normal  | Scaling   | shop      | Deployment  | web         | web      | Deployment    | self        | 0
        2026-11-22 08:00 | Normal  | Created   | shop      | Pod         | web-0       | web      | StatefulSet   | events      | 1
        2026-11-22 08:00 | Normal  | Created   | pay       | Pod         | alone       | alone    | Pod           | self        | 1
        2026-11-22 08:00 | Normal  | Created   | pay       | Pod         | silent      | silent   | Pod           | self        | 0
        2026-11-23 00:00 | Normal  | Created   | pay       | Pod         | after       | after    | Pod           | self        | 9
        """
    )
    columns, rows = expect(
        """
        namespace | workload_kind | workload | occurrences | warnings | share | objects | reasons | top_reason | workload_by | last_event
        shop      | Deployment    | web      | 8           | 7        | 0.8   | 3       | 2       | Unhealthy  | name        | 2026-11-22 09:00
        pay       | Pod           | alone    | 1           | 0        | 0.1   | 1       | 1       | Created    | self        | 2026-11-22 08:00
        shop      | StatefulSet   | web      | 1           | 0        | 0.1   | 1       | 1       | Created    | events      | 2026-11-22 08:00
        """
    )
    assert answer("noisiest_workloads", session, DAY, columns=columns) == rows
    assert answer("noisiest_workloads", session, DAY, columns=columns, limit="1") == rows[:1]


def test_nothing_is_lost_for_having_no_workload() -> None:
    """What stands behind nothing is a row of its own; ties of reasons go by name."""
    session = lake(
        """
        last_seen        | reason | namespace | object_kind | object_name | occurrences
        2026-11-22 08:00 | z      | shop      | -           | -           | 2
        2026-11-22 08:00 | y      | shop      | -           | -           | 2
        2026-11-22 08:00 | -      | shop      | -           | -           | 2
        """
    )
    columns, rows = expect(
        """
        workload | occurrences | reasons | top_reason
        -        | 6           | 3       | y
        """
    )
    assert answer("noisiest_workloads", session, DAY, columns=columns) == rows


def test_a_silent_window_has_no_workloads() -> None:
    """No event, no row."""
    assert answer("noisiest_workloads", lake("cluster"), DAY) == []
