"""How far work is, in words: share, count, rate and remaining time, and when a log hears of it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from etl.progress import Logged, Pace, Turns


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        """Begin at midnight."""
        self.now = datetime(2026, 11, 23, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def go(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    """A clock of the test's own."""
    return Clock()


@pytest.mark.parametrize(
    ("seconds", "share", "count", "sentence"),
    [
        (10, 0.25, 5000, "import: 25%, 5,000 events, 500/s, 30s left"),
        (5400, 0.9, 1_234_567, "import: 90%, 1,234,567 events, 229/s, 10m left"),
        (10, None, 5000, "import: 5,000 events, 500/s"),
        # Too early for a rate, and too little for an end.
        (0.5, 0.25, 5000, "import: 25%, 5,000 events"),
        (10, 0.001, 10, "import: 0%, 10 events, 1/s"),
        (10, 0.0, 0, "import: 0%, 0 events"),
        (10, 1.0, 5000, "import: 100%, 5,000 events, 500/s, 0s left"),
    ],
)
def test_words(
    seconds: float, share: float | None, count: int, sentence: str, clock: Clock
) -> None:
    """What is known is said, what is not is left out."""
    pace = Pace("import", "events", clock)
    clock.go(seconds)
    pace(share, count)
    assert pace.sentence == sentence


def test_work_that_counts_nothing(clock: Clock) -> None:
    """A statement has a share and an end; before it is known there is only that it is at work."""
    pace = Pace("statement", "", clock)
    clock.go(10)
    assert pace.sentence == "statement: at work"
    pace(0.5, 0)
    assert pace.sentence == "statement: 50%, 10s left"


def test_a_share_never_falls(clock: Clock) -> None:
    """An estimate that was too high waits until it is true, and nothing is done more than once."""
    pace = Pace("seal", "states", clock)
    pace(0.6, 1)
    pace(0.4, 2)
    assert pace.share == 0.6
    pace(1.7, 3)
    assert pace.share == 1.0


def test_a_log_hears_of_it_every_ten_seconds(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Short work says nothing; long work a line for every ten seconds in which something was done."""
    with caplog.at_level(logging.INFO, "etl"):
        logging.getLogger("etl").propagate = True
        tell = Logged("import", "events", clock)
        for step in range(1, 26):
            clock.go(1)
            tell(step / 50, step * 100)
        clock.go(30)
        tell(0.6, 3000)
    assert caplog.messages == [
        "import: 20%, 1,000 events, 100/s, 40s left",
        "import: 40%, 2,000 events, 100/s, 30s left",
        "import: 60%, 3,000 events, 55/s, 37s left",
    ]


def test_pieces_that_take_turns(clock: Clock) -> None:
    """The share of all of them goes on evenly, and the title says which one it is."""
    pace = Pace("report", "", clock)
    turns = Turns(pace, "report", 4)
    turns.begin("top_reasons")
    turns(0.5)
    assert (pace.title, pace.share) == ("report 1 of 4: top_reasons", 0.125)
    turns.begin("movers")
    assert (pace.title, pace.share) == ("report 2 of 4: movers", 0.25)
    Turns(pace, "report", 1).begin("coverage")
    assert pace.title == "report coverage"
