"""The reports daily_summary and coverage over drawn tables."""

from __future__ import annotations

from tests.lib.reports import answer, expect, lake, window

DAY = window("2026-11-22 00:00", "2026-11-23 00:00")


def test_counts_states_occurrences_and_what_they_touch() -> None:
    """Occurrences are summed, and objects, namespaces and nodes are counted once each."""
    session = lake(
        """
        last_seen        | type    | occurrences | namespace | object_kind | object_name | component | host
        2026-11-22 08:00 | Warning | 5           | shop      | Pod         | web-1       | kubelet   | node-1
        2026-11-22 09:00 | Warning | 2           | shop      | Pod         | web-1       | kubelet   | node-1
        2026-11-22 10:00 | Normal  | 1           | pay       | Pod         | web-1       | kubelet   | node-2
        2026-11-22 11:00 | Normal  | 1           | default   | Node        | node-3      | node-controller | -
        2026-11-22 12:00 | Normal  | 1           | shop      | Job         | web-1       | job-controller  | master-1
        """
    )
    columns, rows = expect(
        """
        cluster | states | occurrences | warnings | objects | namespaces | nodes | first_event      | last_event
        prod    | 5      | 10          | 7        | 4       | 3          | 3     | 2026-11-22 08:00 | 2026-11-22 12:00
        """
    )
    assert answer("daily_summary", session, DAY, columns=columns) == rows


def test_window_is_half_open() -> None:
    """A state at the start belongs to the window, one at the end to the next."""
    session = lake(
        """
        last_seen           | occurrences
        2026-11-21 23:59:59 | 1
        2026-11-22 00:00:00 | 10
        2026-11-22 23:59:59 | 100
        2026-11-23 00:00:00 | 1000
        """
    )
    columns, rows = expect(
        """
        occurrences | previous_occurrences
        110         | 1
        """
    )
    assert answer("daily_summary", session, DAY, columns=columns) == rows


def test_states_without_occurrences_are_states() -> None:
    """A state that adds no occurrence counts as a state and touches its object."""
    session = lake(
        """
        last_seen        | type    | occurrences | namespace | object_name
        2026-11-22 08:00 | Warning | 0           | shop      | web-1
        """
    )
    columns, rows = expect(
        """
        states | occurrences | warnings | objects | namespaces
        1      | 0           | 0        | 1       | 1
        """
    )
    assert answer("daily_summary", session, DAY, columns=columns) == rows


def test_an_event_without_a_namespace_is_an_object_of_no_namespace() -> None:
    """A null namespace is no namespace, but its object counts."""
    session = lake(
        """
        last_seen        | namespace | object_kind | object_name
        2026-11-22 08:00 | -         | Pod         | a
        2026-11-22 09:00 | -         | Pod         | b
        2026-11-22 09:00 | shop      | Pod         | b
        """
    )
    columns, rows = expect("objects | namespaces\n3 | 1")
    assert answer("daily_summary", session, DAY, columns=columns) == rows


def test_compares_with_the_window_before_per_cluster() -> None:
    """Each cluster is set beside its own window before, of the same length."""
    session = lake(
        """
        cluster | last_seen        | type    | occurrences
        eu      | 2026-11-22 08:00 | Warning | 4
        eu      | 2026-11-21 08:00 | Warning | 9
        eu      | 2026-11-21 09:00 | Normal  | 2
        eu      | 2026-11-20 23:59 | Normal  | 500
        us      | 2026-11-21 08:00 | Normal  | 3
        """
    )
    columns, rows = expect(
        """
        cluster | occurrences | warnings | previous_occurrences | previous_warnings
        eu      | 4           | 4        | 11                   | 9
        us      | 0           | 0        | 3                    | 0
        """
    )
    assert answer("daily_summary", session, DAY, columns=columns) == rows


def test_a_window_before_of_which_nothing_is_known_is_null_and_not_zero() -> None:
    """Zero before is only said where snapshots covered some of the window before."""
    events = """
        cluster | last_seen
        eu      | 2026-11-22 08:00
        us      | 2026-11-22 08:00
        """
    coverage = """
        cluster | started_at       | ended_at         | covered
        eu      | 2026-11-21 12:00 | 2026-11-23 00:00 | T
        us      | 2026-11-22 00:00 | 2026-11-23 00:00 | T
        """
    columns, rows = expect(
        """
        cluster | previous_occurrences | previous_warnings | previous_covered_share
        eu      | 0                    | 0                 | 0.5
        us      | -                    | -                 | 0
        """
    )
    assert answer("daily_summary", lake(events, coverage), DAY, columns=columns) == rows


def test_a_cluster_without_events_is_shown_with_its_coverage() -> None:
    """A cluster that was snapshotted and silent has a row of zeros and its covered share."""
    coverage = """
        cluster | started_at       | ended_at         | covered | cause
        quiet   | 2026-11-20 00:00 | 2026-11-22 06:00 | T       | -
        quiet   | 2026-11-22 06:00 | 2026-11-22 12:00 | F       | no run
        quiet   | 2026-11-22 12:00 | 2026-11-22 18:00 | T       | -
        later   | 2026-11-23 00:00 | 2026-11-24 00:00 | T       | -
        """
    columns, rows = expect(
        """
        cluster | states | occurrences | objects | first_event | covered_share | previous_covered_share
        quiet   | 0      | 0           | 0       | -           | 0.5           | 1
        """
    )
    assert (
        answer("daily_summary", lake("cluster | last_seen", coverage), DAY, columns=columns) == rows
    )


def test_coverage_tiles_the_window() -> None:
    """Spans are cut at the window, and both ends beyond the snapshots are unknown."""
    coverage = """
        cluster | started_at       | ended_at         | covered | cause
        prod    | 2026-11-22 02:00 | 2026-11-22 08:00 | T       | -
        prod    | 2026-11-22 08:00 | 2026-11-22 09:30 | F       | failed run
        prod    | 2026-11-22 09:30 | 2026-11-22 23:00 | T       | -
        """
    columns, rows = expect(
        """
        cluster | started_at       | ended_at         | state   | cause                     | length_seconds
        prod    | 2026-11-22 00:00 | 2026-11-22 02:00 | unknown | before the first snapshot | 7200
        prod    | 2026-11-22 02:00 | 2026-11-22 08:00 | covered | -                         | 21600
        prod    | 2026-11-22 08:00 | 2026-11-22 09:30 | gap     | failed run                | 5400
        prod    | 2026-11-22 09:30 | 2026-11-22 23:00 | covered | -                         | 48600
        prod    | 2026-11-22 23:00 | 2026-11-23 00:00 | unknown | after the last snapshot   | 3600
        """
    )
    assert answer("coverage", lake("cluster | last_seen", coverage), DAY, columns=columns) == rows


def test_coverage_of_a_window_inside_one_span() -> None:
    """A window that lies inside a covered span is one covered row."""
    coverage = """
        cluster | started_at       | ended_at         | covered
        prod    | 2026-11-20 00:00 | 2026-11-30 00:00 | T
        """
    columns, rows = expect(
        """
        started_at       | ended_at         | state
        2026-11-22 00:00 | 2026-11-23 00:00 | covered
        """
    )
    assert answer("coverage", lake("cluster | last_seen", coverage), DAY, columns=columns) == rows


def test_imported_events_prove_no_coverage() -> None:
    """A cluster that is known by its events alone is unknown for the whole window."""
    events = """
        cluster | last_seen
        bundle  | 2026-11-22 08:00
        before  | 2026-11-21 08:00
        """
    columns, rows = expect(
        """
        cluster | started_at       | ended_at         | state   | cause
        bundle  | 2026-11-22 00:00 | 2026-11-23 00:00 | unknown | no snapshot
        """
    )
    assert answer("coverage", lake(events), DAY, columns=columns) == rows
