"""Types of options that several commands take: moments, durations, windows of time."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import click

from etl import timespan
from etl.config.sense import SIZE_WRITTEN
from etl.timespan import Duration, Window, parse_moment, parse_zone


class _Moment(click.ParamType[datetime]):
    """A time with its offset, or a date; what names no offset is UTC."""

    name = "time"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read the option's text."""
        if isinstance(value, datetime):
            return value
        try:
            return parse_moment(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _LocalMoment(click.ParamType[datetime]):
    """A time or a date; what names no offset stays naive, for ``window`` to read it in its timezone."""

    name = "time"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read the option's text."""
        if isinstance(value, datetime):
            return value
        try:
            # Refuses what is no time, in the words that all options have.
            parse_moment(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return datetime.fromisoformat(value)


class _Span(click.ParamType[timedelta]):
    """A duration such as 24h."""

    name = "duration"

    def convert(
        self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Read the option's text."""
        if isinstance(value, timedelta):
            return value
        try:
            return Duration.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Day(click.ParamType[date]):
    """A calendar day such as 2026-11-23."""

    name = "day"

    def convert(
        self, value: str | date, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        """Read the option's text."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day; write it like 2026-11-23", param, ctx)


class _Size(click.ParamType[str]):
    """An amount of memory such as 512MB or 4GB."""

    name = "size"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Look at the option's text."""
        if not SIZE_WRITTEN.fullmatch(value):
            self.fail(f"{value!r} is not a size; write it like 512MB or 4GB", param, ctx)
        return value


MOMENT, LOCAL_MOMENT, SPAN, DAY, SIZE = _Moment(), _LocalMoment(), _Span(), _Day(), _Size()


def window(
    *,
    now: datetime,
    zone: ZoneInfo,
    default: timedelta,
    day: date | None = None,
    since: timedelta | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Window:
    """Return the window that the options ask for; raises ``click.UsageError`` where they contradict."""
    try:
        return timespan.asked(
            now=now, zone=zone, default=default, day=day, since=since, start=start, end=end
        )
    except (ValueError, OverflowError) as error:
        raise click.UsageError(str(error)) from error


def zone_of(option: str | None, setting: str) -> ZoneInfo:
    """Return the timezone of the option, else of the settings; raises ``click.UsageError``."""
    try:
        return parse_zone(option or setting)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


JITTER = click.option(
    "--jitter",
    type=SPAN,
    default=timedelta(0),
    metavar="SPAN",
    help="Wait by chance up to so long first, so that many jobs do not start at one moment.",
)
