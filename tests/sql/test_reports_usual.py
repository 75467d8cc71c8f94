"""The reports movers and hour_by_weekday over drawn tables."""

from __future__ import annotations

from tests.lib.reports import answer, expect, lake, table, window

DAY = window("2026-11-22 00:00", "2026-11-23 00:00")
WEEK = """
    cluster | started_at       | ended_at         | covered
    prod    | 2026-11-15 00:00 | 2026-11-23 00:00 | T
    """


def test_movers_are_far_from_the_mean_of_the_known_days() -> None:
    """Up or down by the factor, one of the two at least the floor, the greatest change first."""
    session = lake(
        """
        last_seen        | observed_at      | namespace | reason  | occurrences
        2026-11-16 08:00 | 2026-11-16 08:10 | shop      | Up      | 35
        2026-11-22 08:00 | 2026-11-22 08:10 | shop      | Up      | 20
        2026-11-18 08:00 | 2026-11-18 08:10 | shop      | Down    | 280
        2026-11-22 08:00 | 2026-11-22 08:10 | shop      | Down    | 2
        2026-11-18 08:00 | 2026-11-18 08:10 | shop      | Same    | 700
        2026-11-22 08:00 | 2026-11-22 08:10 | shop      | Same    | 120
        2026-11-22 08:00 | 2026-11-22 08:10 | pay       | New     | 10
        2026-11-22 08:00 | 2026-11-22 08:10 | pay       | Few     | 9
        2026-11-14 23:59 | 2026-11-14 23:59 | pay       | Few     | 9000
        """,
        WEEK,
    )
    columns, rows = expect(
        """
        namespace | reason | occurrences | usual | change | known_days
        shop      | Down   | 2           | 40    | -38    | 7
        shop      | Up     | 20          | 5     | 15     | 7
        pay       | New    | 10          | 0     | 10     | 7
        """
    )
    assert answer("movers", session, DAY, columns=columns) == rows
    assert answer("movers", session, DAY, columns=columns, limit="1") == rows[:1]
    assert answer("movers", session, DAY, columns=columns, floor="30") == rows[:1]
    assert answer("movers", session, DAY, columns=columns, factor="5") == [rows[0], rows[2]]


def test_a_day_that_nobody_saw_is_no_quiet_day() -> None:
    """The mean is that of the days that are known: proven by snapshots, or with something observed."""
    session = lake(
        """
        cluster | last_seen        | observed_at      | namespace | reason | occurrences
        seen    | 2026-11-21 08:00 | 2026-11-21 08:10 | shop      | Up     | 8
        seen    | 2026-11-22 08:00 | 2026-11-22 08:10 | shop      | Up     | 12
        dump    | 2026-11-19 08:00 | 2026-11-19 08:10 | shop      | Up     | 3
        dump    | 2026-11-20 08:00 | 2026-11-20 08:10 | shop      | Up     | 3
        dump    | 2026-11-21 08:00 | 2026-11-21 08:10 | shop      | Up     | 3
        dump    | 2026-11-22 08:00 | 2026-11-22 08:10 | shop      | Up     | 12
        """,
        """
        cluster | started_at       | ended_at         | covered
        seen    | 2026-11-18 12:00 | 2026-11-23 00:00 | T
        """,
    )
    columns, rows = expect(
        """
        cluster | occurrences | usual | known_days
        seen    | 12          | 2     | 4
        dump    | 12          | 3     | 3
        """
    )
    assert answer("movers", session, DAY, columns=columns) == rows


def test_without_history_nothing_moved() -> None:
    """A cluster with fewer known days than asked for is compared with nothing."""
    session = lake(
        """
        last_seen        | observed_at      | reason | occurrences
        2026-11-20 08:00 | 2026-11-20 08:10 | Up     | 1
        2026-11-22 08:00 | 2026-11-22 08:10 | Up     | 100
        """
    )
    assert answer("movers", session, DAY) == []
    found = answer("movers", session, DAY, columns="occurrences | known_days", known="1")
    assert found == [{"occurrences": "100", "known_days": "1"}]


def test_a_shorter_window_is_compared_with_a_shorter_span() -> None:
    """The mean is that of a span as long as the window."""
    session = lake(
        """
        last_seen        | observed_at      | reason | occurrences
        2026-11-20 08:00 | 2026-11-20 08:10 | Up     | 336
        2026-11-22 08:00 | 2026-11-22 08:10 | Up     | 10
        """,
        WEEK,
    )
    span = window("2026-11-22 08:00", "2026-11-22 09:00")
    found = answer("movers", session, span, columns="occurrences | usual")
    assert found == [{"occurrences": "10", "usual": "2"}]


def test_hours_of_weekdays_are_the_readers() -> None:
    """08:15 in Kolkata on a Monday is 02:45 UTC; every hour of the week has a row."""
    session = lake(
        """
        last_seen        | type    | occurrences
        2026-11-16 02:45 | Warning | 6
        2026-11-16 03:29 | Normal  | 2
        2026-11-16 03:30 | Normal  | 1
        2026-11-22 20:00 | Normal  | 5
        """
    )
    span = window("2026-11-16 00:00", "2026-11-23 00:00")
    columns, rows = expect(
        """
        weekday | hour | occurrences | warnings | hours | per_hour
        1       | 1    | 5           | 0        | 1     | 5
        1       | 8    | 8           | 6        | 1     | 8
        1       | 9    | 1           | 0        | 1     | 1
        """
    )
    found = answer(
        "hour_by_weekday", session, span, columns=columns, timezone="Asia/Kolkata", days="7"
    )
    assert len(found) == 168
    assert [row for row in found if row["occurrences"] != "0"] == rows


def test_hours_look_back_farther_than_a_short_window() -> None:
    """The mean of an hour is over all its weeks, and what lies before them is not counted."""
    session = lake(
        """
        last_seen        | occurrences
        2026-10-25 08:00 | 1000
        2026-10-26 08:00 | 4
        2026-11-16 08:00 | 8
        2026-11-23 08:00 | 1000
        """
    )
    columns, rows = expect(
        """
        weekday | hour | occurrences | hours | per_hour
        1       | 8    | 12          | 4     | 3
        """
    )
    found = answer("hour_by_weekday", session, DAY, columns=columns)
    assert [row for row in found if row["occurrences"] != "0"] == rows


def test_the_hour_that_comes_twice_counts_twice_and_a_skipped_one_never() -> None:
    """On the Sundays of Berlin in four weeks 02:00 is there five times in autumn, and three in spring."""
    columns = "weekday | hour | hours"
    for end, hours in (("2026-11-01 23:00", "5"), ("2026-03-29 22:00", "3")):
        span = window("2026-01-01 00:00" if end < "2026-04" else "2026-10-05 00:00", end)
        span = window(f"{span.end.date()} 00:00", end)
        found = answer(
            "hour_by_weekday",
            lake("cluster"),
            span,
            columns=columns,
            timezone="Europe/Berlin",
            days="28",
        )
        assert {"weekday": "7", "hour": "2", "hours": hours} in found


def test_an_hour_that_was_not_seen_is_told_from_a_quiet_one() -> None:
    """proven_hours is the proven time of the least covered cluster; it is null where none is known."""
    coverage = """
        cluster | started_at       | ended_at         | covered
        eu      | 2026-11-16 00:00 | 2026-11-16 08:15 | T
        us      | 2026-11-16 00:00 | 2026-11-23 00:00 | T
        """
    span = window("2026-11-16 00:00", "2026-11-23 00:00")
    found = table(
        "hour_by_weekday", lake("cluster", coverage), span, extra={"days": "7"}
    ).to_pylist()
    assert [row["proven_hours"] for row in found[:10]] == [1, 1, 1, 1, 1, 1, 1, 1, 0.25, 0]
    unknown = table("hour_by_weekday", lake("cluster"), span, extra={"days": "7"})
    assert set(unknown["proven_hours"].to_pylist()) == {None}
