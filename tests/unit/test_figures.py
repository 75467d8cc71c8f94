"""Numbers, changes, shares, lengths and times as a digest writes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from etl.alerts import figures
from etl.alerts.words import CHINESE, ENGLISH
from etl.timespan import Window
from tests.lib.digests import QUIET, moment


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (12, "12"),
        (18432, "18,432"),
        (3.4, "3.4"),
        (0.04, "0.04"),
        (1234.56, "1,235"),
        (2.0, "2"),
        (float("inf"), "∞"),
        (float("nan"), "NaN"),
    ],
)
def test_numbers_are_as_exact_as_they_matter(value: float, shown: str) -> None:
    """Whole numbers stay whole, large ones lose their fraction, small ones keep two digits."""
    assert figures.number(value) == shown


@pytest.mark.parametrize(
    ("value", "baseline", "english", "chinese"),
    [
        (41, 3.4, "12× the usual 3.4", "平时 3.4 的 12 倍"),
        (7, 2, "3.5× the usual 2", "平时 2 的 3.5 倍"),
        (14.1, 10, "+41% against the usual 10", "较平时 10 +41%"),
        (3, 10, "-70% against the usual 10", "较平时 10 -70%"),
        (10.5, 10, "as usual", "与平时相当"),
        (5, 0, "usually 0", "平时 0"),
        (0, 66, "usually 66", "平时 66"),
        (0, 0, "as usual", "与平时相当"),
        (5, None, "", ""),
        (float("nan"), 3, "", ""),
    ],
)
def test_a_value_stands_beside_its_baseline(
    value: float, baseline: float | None, english: str, chinese: str
) -> None:
    """A factor from twice on, a percentage below, and no arithmetic with zero."""
    assert figures.change(value, baseline, ENGLISH) == english
    assert figures.change(value, baseline, CHINESE) == chinese


@pytest.mark.parametrize(
    ("part", "complete", "shown"),
    [(1.0, True, "100%"), (0.99999, False, "99.9%"), (1.0, False, "99.9%"), (0.5, False, "50%")],
)
def test_a_share_never_rounds_up_to_the_whole(part: float, *, complete: bool, shown: str) -> None:
    """Only complete coverage is 100%."""
    assert figures.share(part, complete=complete) == shown


@pytest.mark.parametrize(
    ("hours", "shown"),
    [
        (24, "24h"),
        (3 + 1 / 3, "3h20m"),
        (0.5, "30m"),
        (0.005, "18s"),
        (72.5, "3d30m"),
        (49, "2d1h"),
    ],
)
def test_lengths_are_hours_and_minutes(hours: float, shown: str) -> None:
    """A day is 24h, as people say "20 of 24h"; from two days on there are days."""
    assert figures.length(timedelta(hours=hours)) == shown


def test_times_are_as_short_as_the_window_allows() -> None:
    """Inside a day the time is enough; outside it, and in longer windows, the day is named."""
    clock = figures.Clock(QUIET, ENGLISH)
    assert clock.within(moment("2026-11-22T19:10")) == "03:10"
    assert clock.within(moment("2026-11-20T19:10")) == "21 Nov 03:10"
    long = replace(QUIET, window=Window(moment("2026-11-20T01:00"), QUIET.window.end))
    assert figures.Clock(long, CHINESE).within(moment("2026-11-22T19:10")) == "11月23日 03:10"
    assert clock.window() == "22 Nov 09:00 – 23 Nov 09:00 Asia/Shanghai"
