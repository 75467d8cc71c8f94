"""How far a long piece of work is, for whoever waits: what is told by the work becomes a line of words.

The work calls a ``Tell`` now and then and knows nothing about who listens. On a terminal that
is a bar (``etl.commands.bar``), elsewhere a message every ten seconds: a log is not for
looking at a number that moves.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TypeAlias

from etl.timespan import brief

# The share of the work that is done, 0 to 1, or null where nobody knows how much there is; and
# how many things that were, in all.
Tell: TypeAlias = Callable[[float | None, int], None]

EVERY = timedelta(seconds=10)
# A rate over less, or an end told from less of the work, is a guess.
_MEASURED = timedelta(seconds=1)
_KNOWN_SHARE = 0.01
_log = logging.getLogger(__name__)


def untold(_share: float | None, _count: int) -> None:
    """Tell nobody."""


class Pace:
    """One piece of work as it goes on: its share, count, rate and remaining time; itself a ``Tell``."""

    def __init__(self, title: str, unit: str, clock: Callable[[], datetime]) -> None:
        """Begin now; ``unit`` is the plural of what is counted, empty if nothing is."""
        self.title = title
        self.share: float | None = None
        self.count = 0
        self._unit = unit
        self._clock = clock
        self._begun = clock()

    def __call__(self, share: float | None, count: int) -> None:
        """Note how far it is; a share never falls, also where an estimate did."""
        self.share = None if share is None else max(self.share or 0.0, min(share, 1.0))
        self.count = count

    @property
    def passed(self) -> timedelta:
        """The time since it began."""
        return self._clock() - self._begun

    @property
    def counted(self) -> str:
        """Such as ``12,345 events``; empty where nothing is counted."""
        return f"{self.count:,} {self._unit}" if self._unit else ""

    @property
    def rate(self) -> str:
        """Such as ``1,234/s``; empty where nothing is counted, or too early to say."""
        if not self._unit or not self.count or self.passed < _MEASURED:
            return ""
        return f"{self.count / self.passed.total_seconds():,.0f}/s"

    @property
    def left(self) -> str:
        """Such as ``1m30s left``; empty where nobody can know."""
        if not self.share or self.share < _KNOWN_SHARE or self.passed < _MEASURED:
            return ""
        return f"{brief(self.passed * (1 - self.share) / self.share)} left"

    @property
    def sentence(self) -> str:
        """All of it as a line of a log."""
        share = "" if self.share is None else f"{self.share:.0%}"
        known = [part for part in (share, self.counted, self.rate, self.left) if part]
        return f"{self.title}: {', '.join(known) or 'at work'}"


class Logged(Pace):
    """Work that says in the log how far it is, at most every ten seconds."""

    def __init__(self, title: str, unit: str, clock: Callable[[], datetime]) -> None:
        """Begin now; the first line comes after ten seconds, so that short work says nothing."""
        super().__init__(title, unit, clock)
        self._said = timedelta()

    def __call__(self, share: float | None, count: int) -> None:
        """Note how far it is, and say so when it is time."""
        super().__call__(share, count)
        if self.passed - self._said >= EVERY:
            self._said = self.passed
            _log.info("%s", self.sentence)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let others write meanwhile: a log has room for all."""
        yield


class Turns:
    """Pieces of work that take turns: how far all of them are, told from how far the one in turn is."""

    def __init__(self, pace: Pace, what: str, total: int) -> None:
        """Tell ``pace`` of ``total`` pieces; ``what`` is what one of them is called."""
        self._pace = pace
        self._what = what
        self._total = total
        self._turn = 0

    def begin(self, name: str) -> None:
        """Begin with the next piece."""
        self._turn += 1
        self._pace.title = (
            f"{self._what} {self._turn} of {self._total}: {name}"
            if self._total > 1
            else f"{self._what} {name}"
        )
        self(0.0)

    def __call__(self, share: float) -> None:
        """Tell how much of the piece in turn is done, 0 to 1."""
        done = max(0, self._turn - 1)
        self._pace((done + share) / self._total, done)
