"""What people write for a time to a window: texts as on the command line, or Python's and pandas' own types."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pandas as pd

from etl import timespan
from etl.errors import UsageError
from etl.timespan import Duration, Window, parse_moment

Span = str | timedelta
Day = str | date
Moment = str | date


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """A wish for a window of time: a day, a span before now, or a start with an optional end."""

    since: Span | None = None
    day: Day | None = None
    start: Moment | None = None
    end: Moment | None = None

    @property
    def said(self) -> bool:
        """Whether anything is wished."""
        return any(part is not None for part in (self.since, self.day, self.start, self.end))

    def window(self, *, now: datetime, zone: ZoneInfo, default: timedelta) -> Window:
        """Return the window, the ``default`` before ``now`` if nothing is wished; raises ``UsageError``."""
        try:
            return timespan.asked(
                now=now,
                zone=zone,
                default=default,
                day=None if self.day is None else _day(self.day),
                since=None if self.since is None else _span(self.since),
                start=None if self.start is None else _moment(self.start),
                end=None if self.end is None else _moment(self.end),
            )
        except (ValueError, OverflowError) as error:
            raise UsageError(str(error)) from error


def parameter(value: object) -> str:
    """Return a parameter of a report as the command line takes it."""
    if isinstance(value, timedelta):
        return str(Duration(seconds=value.total_seconds()))
    return str(value)


def utc(moment: datetime | str) -> datetime:
    """Return a moment in UTC; raises ``UsageError`` for one that names no timezone, and for what is no time."""
    try:
        found = _moment(moment)
    except ValueError as error:
        raise UsageError(f"now: {error}") from error
    if found.tzinfo is None:
        raise UsageError(f"now={found.isoformat()} names no timezone; add one, such as UTC")
    return found.astimezone(UTC)


def _span(said: Span) -> timedelta:
    if isinstance(said, str):
        return Duration.parse(said)
    # pandas has a timedelta of its own, with which our datetimes would become its timestamps.
    return timedelta(seconds=said.total_seconds())


def _day(said: Day) -> date:
    if isinstance(said, datetime):
        return said.date()
    if isinstance(said, date):
        return said
    try:
        return date.fromisoformat(said)
    except ValueError as error:
        raise ValueError(f"{said!r} is not a day; write it like 2026-11-23") from error


def _moment(said: Moment) -> datetime:
    """Return the moment; one that names no offset stays naive and is read in the lake's timezone."""
    if isinstance(said, datetime):
        return _plain(said)
    if isinstance(said, date):
        return datetime.combine(said, time.min)
    # Refuses what is no time, in the words that commands have.
    parse_moment(said)
    return datetime.fromisoformat(said)


def _plain(moment: datetime) -> datetime:
    return moment.to_pydatetime(warn=False) if isinstance(moment, pd.Timestamp) else moment
