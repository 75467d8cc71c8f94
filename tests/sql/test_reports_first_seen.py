"""The report first_seen_reasons over drawn tables."""

from __future__ import annotations

from tests.lib.reports import answer, expect, lake, window

DAY = window("2026-11-22 00:00", "2026-11-23 00:00")


def test_a_reason_that_was_there_before_is_not_new() -> None:
    """What the lake holds before the window, however long ago, makes a reason known."""
    session = lake(
        """
        last_seen           | type    | reason  | component                   | object_kind | occurrences | namespace | object_name | message
        2026-01-05 08:00    | Warning | BackOff | kubelet                     | Pod         | 1           | shop      | web-1       | -
        2026-11-21 23:59:59 | Normal  | Created | kubelet                     | Pod         | 1           | shop      | web-1       | -
        2026-11-22 08:00    | Warning | BackOff | kubelet                     | Pod         | 9           | shop      | web-1       | -
        2026-11-22 08:00    | Normal  | Created | kubelet                     | Pod         | 9           | shop      | web-1       | -
        2026-11-22 09:00    | Warning | ClaimLost | persistentvolume-controller | PersistentVolumeClaim | 2 | shop  | data-0      | later
        2026-11-22 08:00    | Warning | ClaimLost | persistentvolume-controller | PersistentVolumeClaim | 1 | pay   | data-1      | first
        """
    )
    columns, rows = expect(
        """
        cluster | reason    | object_kind           | type    | component                   | first_event      | occurrences | objects | namespaces | meaning                 | example | history_from
        prod    | ClaimLost | PersistentVolumeClaim | Warning | persistentvolume-controller | 2026-11-22 08:00 | 3           | 2       | 2          | bound PV gone: data lost | first  | 2026-01-05
        """
    )
    assert answer("first_seen_reasons", session, DAY, columns=columns) == rows


def test_a_known_reason_on_another_kind_or_cluster_is_new() -> None:
    """A reason is known per cluster and kind of object."""
    session = lake(
        """
        cluster | last_seen        | reason | type   | object_kind
        eu      | 2026-11-01 08:00 | Failed | Normal | Pod
        us      | 2026-11-01 08:00 | Other  | Normal | Pod
        eu      | 2026-11-22 08:00 | Failed | Normal | Pod
        eu      | 2026-11-22 08:00 | Failed | Normal | Job
        us      | 2026-11-22 08:00 | Failed | Normal | Pod
        """
    )
    columns, rows = expect(
        """
        cluster | reason | object_kind | history_from
        eu      | Failed | Job         | 2026-11-01
        us      | Failed | Pod         | 2026-11-01
        """
    )
    assert answer("first_seen_reasons", session, DAY, columns=columns) == rows


def test_the_window_is_half_open() -> None:
    """The first moment of the window is new, the end belongs to the next window."""
    session = lake(
        """
        last_seen        | reason | type   | object_kind
        2026-11-22 00:00 | first  | Normal | Pod
        2026-11-23 00:00 | after  | Normal | Pod
        """
    )
    columns, rows = expect("reason | history_from\nfirst | 2026-11-22")
    assert answer("first_seen_reasons", session, DAY, columns=columns) == rows


def test_a_state_without_occurrences_makes_a_reason_known() -> None:
    """A state that added nothing was seen all the same."""
    session = lake(
        """
        last_seen        | reason | object_kind | occurrences
        2026-11-21 08:00 | known  | Pod         | 0
        2026-11-22 08:00 | known  | Pod         | 5
        2026-11-22 08:00 | fresh  | Pod         | 0
        """
    )
    columns, rows = expect("reason | occurrences\nfresh | 0")
    assert answer("first_seen_reasons", session, DAY, columns=columns) == rows


def test_missing_reasons_and_kinds_are_values_like_others() -> None:
    """A null reason is known if there was a null reason, on a null kind likewise."""
    session = lake(
        """
        last_seen        | reason | object_kind
        2026-11-21 08:00 | -      | Pod
        2026-11-22 08:00 | -      | Pod
        2026-11-22 08:00 | -      | -
        """
    )
    columns, rows = expect("reason | object_kind | occurrences\n- | - | 1")
    assert answer("first_seen_reasons", session, DAY, columns=columns) == rows


def test_warnings_come_first_then_the_most_frequent_and_ties_go_by_name() -> None:
    """The order does not depend on the order of the rows, and the limit cuts after it."""
    session = lake(
        """
        last_seen        | uid | reason | type    | object_kind | occurrences | message
        2026-11-22 08:00 | 4   | d      | Normal  | Pod         | 9           | -
        2026-11-22 08:00 | 3   | c      | Warning | Pod         | 1           | -
        2026-11-22 08:00 | 2   | b      | Warning | Pod         | 2           | two
        2026-11-22 08:00 | 1   | b      | Warning | Pod         | 2           | one
        2026-11-22 08:00 | 0   | a      | Warning | Pod         | 1           | -
        """
    )
    columns, rows = expect(
        """
        reason | type    | occurrences | example
        b      | Warning | 4           | one
        a      | Warning | 1           | -
        c      | Warning | 1           | -
        d      | Normal  | 9           | -
        """
    )
    assert answer("first_seen_reasons", session, DAY, columns=columns) == rows
    assert answer("first_seen_reasons", session, DAY, columns=columns, limit="2") == rows[:2]
