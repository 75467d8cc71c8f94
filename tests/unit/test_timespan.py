"""Durations, moments, days and windows: what is read, what is refused, and how it is written."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.timespan import Duration, Window, brief, day_window, parse_moment, parse_zone, rfc3339

DURATIONS = (
    ("90s", timedelta(seconds=90)),
    ("10m", timedelta(minutes=10)),
    ("1h30m", timedelta(hours=1, minutes=30)),
    ("7d", timedelta(days=7)),
    ("2w", timedelta(weeks=2)),
    ("250ms", timedelta(milliseconds=250)),
    ("1.5h", timedelta(minutes=90)),
    ("0s", timedelta(0)),
    ("1d2h3m4s5ms", timedelta(days=1, hours=2, minutes=3, seconds=4, milliseconds=5)),
)


@pytest.mark.parametrize(("text", "length"), DURATIONS)
def test_a_duration_is_read_as_prometheus_writes_it(text: str, length: timedelta) -> None:
    """Numbers with units, joined without space, add up."""
    assert Duration.parse(text) == length


@pytest.mark.parametrize(
    "text", ["", "5", "h", "1 h", "1h ", "-5m", "1y", "1h30", "x1h", "1h,30m", "1M", "99999999999d"]
)
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    """Anything else, a span beyond Python's calendar included, is a ValueError that shows how to write it."""
    with pytest.raises(ValueError, match="write it like 90s, 10m, 1h30m or 7d"):
        Duration.parse(text)


@given(st.integers(0, 10**12))
def test_a_duration_is_written_as_it_is_read(milliseconds: int) -> None:
    """Text of a duration reads back to the same duration, however many units it takes."""
    length = Duration(milliseconds=milliseconds)
    assert Duration.parse(str(length)) == length


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(milliseconds=400), "0s"),
        (timedelta(seconds=45), "45s"),
        (timedelta(minutes=10), "10m"),
        (timedelta(hours=1, minutes=30), "1h30m"),
        (timedelta(days=6, hours=4, minutes=59), "6d4h"),
        (timedelta(days=1, minutes=5), "1d"),
        (timedelta(seconds=59.7), "1m"),
        (timedelta(seconds=-90), "-1m30s"),
    ],
)
def test_a_span_is_shown_in_two_units(span: timedelta, text: str) -> None:
    """People read at most two neighbouring units, rounded to seconds."""
    assert brief(span) == text


def test_a_window_knows_its_length() -> None:
    """A window is as long as the time from its start to its end, and may be empty."""
    start = datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert Window(start, start + timedelta(hours=2)).length == timedelta(hours=2)
    assert Window(start, start).length == timedelta(0)


def test_a_window_wants_times_with_a_zone() -> None:
    """A naive time could be anybody's, so neither end may be one."""
    aware, naive = datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24)  # noqa: DTZ001
    for start, end in ((aware, naive), (naive, aware)):
        with pytest.raises(ValueError, match="timezone"):
            Window(start, end)


def test_a_window_does_not_end_before_it_starts() -> None:
    """Ends in the wrong order are refused, with both times in the message."""
    start = datetime(2026, 11, 23, tzinfo=UTC)
    with pytest.raises(ValueError, match=r"2026-11-22T00:00:00Z.*2026-11-23T00:00:00Z"):
        Window(start, start - timedelta(days=1))


def test_a_moment_is_written_in_utc() -> None:
    """RFC 3339 with Z, whatever the zone was, and with a fraction only where there is one."""
    shanghai = timezone(timedelta(hours=8))
    assert rfc3339(datetime(2026, 11, 23, 8, tzinfo=shanghai)) == "2026-11-23T00:00:00Z"
    assert rfc3339(datetime(2026, 11, 23, 8, 0, 0, 5, tzinfo=UTC)) == "2026-11-23T08:00:00.000005Z"


@pytest.mark.parametrize(
    ("text", "zone", "moment"),
    [
        ("2026-11-23T08:00:00Z", None, datetime(2026, 11, 23, 8, tzinfo=UTC)),
        ("2026-11-23T08:00:00+08:00", None, datetime(2026, 11, 23, 0, tzinfo=UTC)),
        ("2026-11-23 08:00", None, datetime(2026, 11, 23, 8, tzinfo=UTC)),
        ("2026-11-23", None, datetime(2026, 11, 23, tzinfo=UTC)),
        ("2026-11-23", ZoneInfo("Asia/Shanghai"), datetime(2026, 11, 22, 16, tzinfo=UTC)),
        ("2026-11-23T08:00:00Z", ZoneInfo("Asia/Shanghai"), datetime(2026, 11, 23, 8, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_with_or_without_its_offset(
    text: str, zone: ZoneInfo | None, moment: datetime
) -> None:
    """An offset in the text wins; without one the zone decides, and without a zone it is UTC."""
    assert parse_moment(text, zone) == moment


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-13-01", "0001-01-01T00:00:00+08:00", "9999-12-31T23:00:00-05:00"],
)
def test_what_is_no_moment_is_refused_with_an_example(text: str) -> None:
    """Anything else, a time that falls out of the calendar in UTC included, is a ValueError."""
    with pytest.raises(ValueError, match="write it like 2026-11-23T08:00:00Z"):
        parse_moment(text)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "Europe", "../zoneinfo/UTC", "/etc/passwd"])
def test_an_unknown_zone_is_refused_with_an_example(name: str) -> None:
    """A name that is no IANA zone, or a path, is a ValueError."""
    with pytest.raises(ValueError, match="write it like Asia/Shanghai or UTC"):
        parse_zone(name)


def test_a_known_zone_is_found() -> None:
    """An IANA name gives its zone."""
    assert parse_zone("Asia/Shanghai").key == "Asia/Shanghai"


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)]
)
def test_a_day_is_as_long_as_its_clocks_say(day: date, hours: int) -> None:
    """Where clocks change, a calendar day has 23 or 25 hours, and the next one starts where it ends."""
    zone = ZoneInfo("Europe/Berlin")
    window = day_window(day, zone)
    assert window.length == timedelta(hours=hours)
    assert window.end == day_window(day + timedelta(days=1), zone).start
    assert window.start.astimezone(zone).date() == day
