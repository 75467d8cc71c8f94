"""When a digest is due: time of day, timezone, weekdays, clock changes, pauses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.alerts.digest import due
from etl.config.settings import Digest, Settings
from etl.timespan import Window


def at(text: str) -> datetime:
    """Read a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def settings(
    zone: str = "UTC", *, clock: str = "09:00", weekdays: list[str] | None = None
) -> Settings:
    """Return settings with a time of day."""
    return Settings(timezone=zone, digest=Digest(at=clock, weekdays=weekdays or []))  # type: ignore[arg-type]


def window(found: Window | None) -> tuple[str, str] | None:
    """Write a window shortly."""
    return (f"{found.start:%m-%d %H:%M}", f"{found.end:%m-%d %H:%M}") if found else None


@pytest.mark.parametrize(
    ("now", "last", "expected"),
    [
        ("2026-11-23 09:03", None, ("11-22 09:00", "11-23 09:00")),
        ("2026-11-23 09:00", None, ("11-22 09:00", "11-23 09:00")),
        ("2026-11-23 08:59", None, ("11-21 09:00", "11-22 09:00")),
        ("2026-11-23 09:03", "2026-11-22 09:00", ("11-22 09:00", "11-23 09:00")),
        ("2026-11-23 23:59", "2026-11-23 09:00", None),
        ("2026-11-23 08:59", "2026-11-22 09:00", None),
        ("2026-11-23 09:03", "2026-11-20 09:00", ("11-20 09:00", "11-23 09:00")),
        ("2026-11-23 09:03", "2026-11-01 09:00", ("11-16 09:00", "11-23 09:00")),
        ("2026-11-23 09:03", "2026-11-22 15:30", ("11-22 15:30", "11-23 09:00")),
        ("2026-11-23 09:03", "2026-11-24 00:00", None),
    ],
)
def test_window(now: str, last: str | None, expected: tuple[str, str] | None) -> None:
    """It ends at the newest nine o'clock and goes on where the last one ended, at most a week back."""
    assert window(due(settings(), at(now), at(last) if last else None)) == expected


def test_timezone() -> None:
    """Nine in Shanghai is one in UTC."""
    assert window(due(settings("Asia/Shanghai"), at("2026-11-23 01:00"), None)) == (
        "11-22 01:00",
        "11-23 01:00",
    )
    assert window(due(settings("Asia/Shanghai"), at("2026-11-23 00:59"), None)) == (
        "11-21 01:00",
        "11-22 01:00",
    )


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-23 09:03", ("11-20 09:00", "11-23 09:00")),  # a Monday
        ("2026-11-22 09:03", None),  # a Sunday: Friday's was made
        ("2026-11-24 09:03", ("11-20 09:00", "11-24 09:00")),
    ],
)
def test_weekdays(now: str, expected: tuple[str, str] | None) -> None:
    """On working days only: Monday's digest reaches back to Friday's."""
    working = settings(weekdays=["mon", "tue", "wed", "thu", "fri"])
    assert window(due(working, at(now), at("2026-11-20 09:00"))) == expected


def test_one_weekday() -> None:
    """A weekly digest just before its hour is still that of the week before."""
    weekly = settings(weekdays=["mon"])
    assert window(due(weekly, at("2026-11-23 08:59"), None)) == ("11-15 09:00", "11-16 09:00")
    assert window(due(weekly, at("2026-11-23 09:00"), at("2026-11-16 09:00"))) == (
        "11-16 09:00",
        "11-23 09:00",
    )


def test_weekday_is_that_of_the_timezone() -> None:
    """Monday morning in Auckland is still Sunday in UTC."""
    found = due(settings("Pacific/Auckland", weekdays=["mon"]), at("2026-11-22 20:30"), None)
    assert window(found) == ("11-21 20:00", "11-22 20:00")


@pytest.mark.parametrize(
    ("now", "last", "expected", "hours"),
    [
        # Clocks go forward on 29 March and back on 25 October 2026.
        ("2026-03-29 07:00", "2026-03-28 08:00", ("03-28 08:00", "03-29 07:00"), 23),
        ("2026-10-25 08:00", "2026-10-24 07:00", ("10-24 07:00", "10-25 08:00"), 25),
    ],
)
def test_clock_changes(now: str, last: str, expected: tuple[str, str], hours: int) -> None:
    """Nine o'clock stays nine o'clock: the day between is 23 or 25 hours long."""
    found = due(settings("Europe/Berlin"), at(now), at(last))
    assert window(found) == expected
    assert found
    assert found.length == timedelta(hours=hours)


def test_skipped_time_of_day() -> None:
    """Half past two does not exist on the day when clocks go forward: it is taken an hour later."""
    berlin = settings("Europe/Berlin", clock="02:30")
    assert window(due(berlin, at("2026-03-29 01:30"), None)) == ("03-28 01:30", "03-29 01:30")
    assert window(due(berlin, at("2026-03-29 01:29"), at("2026-03-28 01:30"))) is None


def test_repeated_time_of_day() -> None:
    """Half past two comes twice when clocks go back: the digest is due the first time, and once."""
    berlin = settings("Europe/Berlin", clock="02:30")
    found = due(berlin, at("2026-10-25 00:30"), at("2026-10-24 00:30"))
    assert window(found) == ("10-24 00:30", "10-25 00:30")
    assert due(berlin, at("2026-10-25 01:30"), at("2026-10-25 00:30")) is None


@given(
    hours=st.lists(st.integers(1, 100), min_size=1, max_size=40),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Shanghai", "America/St_Johns"]),
    clock=st.sampled_from(["00:00", "02:30", "09:00", "23:59"]),
)
def test_windows_follow_each_other(hours: list[int], zone: str, clock: str) -> None:
    """Whenever the job runs, windows are in order, end in the past and leave nothing out for a week."""
    now, last = at("2026-03-20 00:00"), None
    for step in hours:
        now += timedelta(hours=step)
        if found := due(settings(zone, clock=clock), now, last):
            assert found.start < found.end <= now
            assert last is None or found.start == last
            last = found.end
            assert due(settings(zone, clock=clock), now, last) is None
