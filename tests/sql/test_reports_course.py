"""The reports volume_by_type and reason_over_time over drawn tables."""

from __future__ import annotations

from tests.lib.reports import answer, expect, lake, window

DAY = window("2026-11-22 00:00", "2026-11-23 00:00")


def test_volume_is_zero_filled() -> None:
    """Each bucket has a row for each type, of zero where nothing happened."""
    session = lake(
        """
        last_seen        | type    | occurrences
        2026-11-22 08:00 | Warning | 5
        2026-11-22 15:59 | Warning | 2
        2026-11-22 08:00 | Normal  | 0
        """
    )
    columns, rows = expect(
        """
        bucket           | type    | occurrences | states | covered_share
        2026-11-22 00:00 | Normal  | 0           | 0      | -
        2026-11-22 00:00 | Warning | 0           | 0      | -
        2026-11-22 08:00 | Normal  | 0           | 1      | -
        2026-11-22 08:00 | Warning | 7           | 2      | -
        2026-11-22 16:00 | Normal  | 0           | 0      | -
        2026-11-22 16:00 | Warning | 0           | 0      | -
        """
    )
    assert answer("volume_by_type", session, DAY, columns=columns, bucket="8h") == rows


def test_volume_shows_every_type_that_is_there() -> None:
    """A type that no writer should use has rows of its own, a missing one too."""
    session = lake(
        """
        last_seen        | type
        2026-11-22 08:00 | Error
        2026-11-22 08:00 | -
        """
    )
    columns, rows = expect(
        """
        type    | occurrences
        Error   | 1
        Normal  | 0
        Warning | 0
        -       | 1
        """
    )
    assert answer("volume_by_type", session, DAY, columns=columns, bucket="1d") == rows


def test_buckets_are_half_open_and_cut_by_the_window() -> None:
    """The first bucket starts at its round time, and only the window's events are in it."""
    session = lake(
        """
        last_seen           | type   | occurrences
        2026-11-22 08:29:59 | Normal | 1
        2026-11-22 08:30:00 | Normal | 10
        2026-11-22 08:59:59 | Normal | 100
        2026-11-22 09:00:00 | Normal | 1000
        2026-11-22 09:29:59 | Normal | 10000
        2026-11-22 09:30:00 | Normal | 100000
        """
    )
    span = window("2026-11-22 08:30", "2026-11-22 09:30")
    columns, rows = expect(
        """
        bucket           | type    | occurrences
        2026-11-22 08:00 | Normal  | 110
        2026-11-22 08:00 | Warning | 0
        2026-11-22 09:00 | Normal  | 11000
        2026-11-22 09:00 | Warning | 0
        """
    )
    assert answer("volume_by_type", session, span, columns=columns, bucket="1h") == rows


def test_a_day_is_the_readers_day() -> None:
    """A bucket of a day starts at midnight in Shanghai, at 16:00 UTC of the day before."""
    session = lake(
        """
        last_seen        | type    | occurrences
        2026-11-21 16:00 | Warning | 1
        2026-11-22 15:59 | Warning | 10
        2026-11-22 16:00 | Warning | 100
        """
    )
    span = window("2026-11-21 16:00", "2026-11-23 16:00")
    columns, rows = expect(
        """
        bucket           | type    | occurrences
        2026-11-21 16:00 | Normal  | 0
        2026-11-21 16:00 | Warning | 11
        2026-11-22 16:00 | Normal  | 0
        2026-11-22 16:00 | Warning | 100
        """
    )
    found = answer(
        "volume_by_type", session, span, columns=columns, timezone="Asia/Shanghai", bucket="1d"
    )
    assert found == rows


def test_a_day_on_which_clocks_change_is_one_bucket() -> None:
    """In Berlin 25 October 2026 has 25 hours and 29 March 2026 has 23, in one bucket each."""
    autumn = lake(
        """
        last_seen        | type    | occurrences
        2026-10-24 21:59 | Warning | 1
        2026-10-24 22:00 | Warning | 10
        2026-10-25 22:59 | Warning | 100
        2026-10-25 23:00 | Warning | 1000
        """
    )
    columns, rows = expect(
        """
        bucket           | type    | occurrences
        2026-10-23 22:00 | Normal  | 0
        2026-10-23 22:00 | Warning | 1
        2026-10-24 22:00 | Normal  | 0
        2026-10-24 22:00 | Warning | 110
        2026-10-25 23:00 | Normal  | 0
        2026-10-25 23:00 | Warning | 1000
        """
    )
    span = window("2026-10-23 22:00", "2026-10-26 23:00")
    found = answer(
        "volume_by_type", autumn, span, columns=columns, timezone="Europe/Berlin", bucket="1d"
    )
    assert found == rows
    spring = lake(
        """
        last_seen        | type    | occurrences
        2026-03-29 21:59 | Warning | 1
        2026-03-29 22:00 | Warning | 10
        """
    )
    columns, rows = expect(
        """
        bucket           | type    | occurrences
        2026-03-28 23:00 | Normal  | 0
        2026-03-28 23:00 | Warning | 1
        2026-03-29 22:00 | Normal  | 0
        2026-03-29 22:00 | Warning | 10
        """
    )
    span = window("2026-03-28 23:00", "2026-03-30 22:00")
    found = answer(
        "volume_by_type", spring, span, columns=columns, timezone="Europe/Berlin", bucket="1d"
    )
    assert found == rows


def test_the_hour_that_comes_twice_is_two_buckets() -> None:
    """When clocks go back, the two hours that are called 02:00 stay apart."""
    session = lake(
        """
        last_seen        | type   | occurrences
        2026-10-25 00:30 | Normal | 1
        2026-10-25 01:30 | Normal | 10
        """
    )
    columns, rows = expect(
        """
        bucket           | type    | occurrences
        2026-10-25 00:00 | Normal  | 1
        2026-10-25 00:00 | Warning | 0
        2026-10-25 01:00 | Normal  | 10
        2026-10-25 01:00 | Warning | 0
        """
    )
    span = window("2026-10-25 00:00", "2026-10-25 02:00")
    found = answer(
        "volume_by_type", session, span, columns=columns, timezone="Europe/Berlin", bucket="1h"
    )
    assert found == rows


def test_hours_start_at_the_readers_midnight() -> None:
    """Buckets of hours are cut from midnight in Kolkata, half an hour off those of UTC."""
    columns, rows = expect(
        """
        bucket           | type
        2026-11-22 06:30 | Normal
        2026-11-22 06:30 | Warning
        2026-11-22 12:30 | Normal
        2026-11-22 12:30 | Warning
        """
    )
    span = window("2026-11-22 07:00", "2026-11-22 18:30")
    found = answer(
        "volume_by_type",
        lake("cluster | last_seen"),
        span,
        columns=columns,
        timezone="Asia/Kolkata",
        bucket="6h",
    )
    assert found == rows


def test_zero_is_told_from_not_seen() -> None:
    """covered_share is the proven part of a bucket, of the cluster that was seen least."""
    coverage = """
        cluster | started_at       | ended_at         | covered | cause
        eu      | 2026-11-21 00:00 | 2026-11-22 12:00 | T       | -
        eu      | 2026-11-22 12:00 | 2026-11-22 14:00 | F       | no run
        eu      | 2026-11-22 14:00 | 2026-11-22 16:00 | T       | -
        us      | 2026-11-21 00:00 | 2026-11-22 22:00 | T       | -
        """
    columns, rows = expect(
        """
        bucket           | type    | covered_share
        2026-11-22 00:00 | Normal  | 1
        2026-11-22 00:00 | Warning | 1
        2026-11-22 08:00 | Normal  | 0.75
        2026-11-22 08:00 | Warning | 0.75
        2026-11-22 16:00 | Normal  | 0
        2026-11-22 16:00 | Warning | 0
        """
    )
    session = lake("cluster | last_seen", coverage)
    assert answer("volume_by_type", session, DAY, columns=columns, bucket="8h") == rows


def test_a_window_without_length_has_no_buckets() -> None:
    """Nothing is asked, so nothing is answered."""
    empty = window("2026-11-22 08:00", "2026-11-22 08:00")
    session = lake("last_seen\n2026-11-22 08:00")
    assert answer("volume_by_type", session, empty) == []
    assert answer("reason_over_time", session, empty) == []


def test_one_reason_by_namespace() -> None:
    """Only the reason asked for counts, in the order of its namespaces, zero-filled."""
    session = lake(
        """
        last_seen        | reason    | occurrences | namespace | object_name
        2026-11-22 01:00 | Unhealthy | 2           | shop      | web-1
        2026-11-22 01:10 | Unhealthy | 2           | shop      | web-2
        2026-11-22 13:00 | Unhealthy | 9           | pay       | api-1
        2026-11-22 13:00 | Unhealthy | 0           | pay       | api-2
        2026-11-22 13:00 | BackOff   | 50          | pay       | api-1
        """
    )
    columns, rows = expect(
        """
        bucket           | namespace | occurrences | objects
        2026-11-22 00:00 | pay       | 0           | 0
        2026-11-22 00:00 | shop      | 4           | 2
        2026-11-22 12:00 | pay       | 9           | 2
        2026-11-22 12:00 | shop      | 0           | 0
        """
    )
    assert answer("reason_over_time", session, DAY, columns=columns, bucket="12h") == rows


def test_another_reason_can_be_asked_for() -> None:
    """The parameter reason chooses what is counted."""
    session = lake(
        """
        last_seen        | reason  | namespace
        2026-11-22 13:00 | BackOff | pay
        """
    )
    columns, rows = expect("namespace | occurrences\npay | 1")
    found = answer("reason_over_time", session, DAY, columns=columns, bucket="1d", reason="BackOff")
    assert found == rows


def test_namespaces_beyond_the_limit_are_one_row() -> None:
    """The namespaces with most occurrences stay, by name where they tie; the rest is (others)."""
    session = lake(
        """
        last_seen        | reason    | occurrences | namespace | object_name
        2026-11-22 01:00 | Unhealthy | 5           | d         | x
        2026-11-22 01:00 | Unhealthy | 5           | b         | x
        2026-11-22 01:00 | Unhealthy | 5           | c         | x
        2026-11-22 01:00 | Unhealthy | 7           | -         | x
        2026-11-22 02:00 | Unhealthy | 1           | e         | y
        """
    )
    columns, rows = expect(
        """
        namespace | occurrences | objects
        -         | 7           | 1
        b         | 5           | 1
        (others)  | 11          | 3
        """
    )
    found = answer("reason_over_time", session, DAY, columns=columns, bucket="1d", limit="2")
    assert found == rows


def test_a_reason_that_did_not_occur_is_a_row_of_zero_per_bucket() -> None:
    """Silence is told bucket by bucket, with what is known of each."""
    coverage = """
        cluster | started_at       | ended_at         | covered
        prod    | 2026-11-22 00:00 | 2026-11-22 12:00 | T
        """
    columns, rows = expect(
        """
        bucket           | namespace | occurrences | objects | covered_share
        2026-11-22 00:00 | -         | 0           | 0       | 1
        2026-11-22 12:00 | -         | 0           | 0       | 0
        """
    )
    session = lake("cluster | last_seen", coverage)
    assert answer("reason_over_time", session, DAY, columns=columns, bucket="12h") == rows
