"""Text to moments and spans: durations, instants, days and half-open windows, all UTC.

Nothing here asks the clock: ``now`` is read once, by ``cli`` or ``api``, and passed in.
"""

from __future__ import annotations

import re
import time as clocks
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_EXACT_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_DAY = timedelta(days=1)


class Duration(timedelta):
    """A length of time written as Prometheus writes it: ``90s``, ``10m``, ``1h30m``, ``7d``."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``text``; raises ``ValueError`` that names the accepted forms."""
        position, seconds = 0, 0.0
        for match in _DURATION.finditer(text):
            if match.start() != position:
                break
            number, unit = match.groups()
            seconds += float(number) * (0.001 if unit == "ms" else _UNITS[unit])
            position = match.end()
        message = f"{text!r} is not a duration; write it like 90s, 10m, 1h30m or 7d"
        if position == 0 or position != len(text):
            raise ValueError(message)
        try:
            return cls(seconds=seconds)
        except OverflowError as error:
            raise ValueError(message) from error

    def __str__(self) -> str:
        """Write the duration back as ``parse`` reads it: all units, to the millisecond."""
        rest = round(self / timedelta(milliseconds=1))
        parts: list[str] = []
        for unit, size in _EXACT_UNITS:
            count, rest = divmod(rest, size)
            if count:
                parts.append(f"{count}{unit}")
        return "".join(parts) or "0s"


def going_on(started: datetime) -> Callable[[], datetime]:
    """Return a clock that goes on from ``started`` as time passes."""
    origin = clocks.monotonic()
    return lambda: started + timedelta(seconds=clocks.monotonic() - origin)


def brief(span: timedelta) -> str:
    """Write ``span`` in at most two units: ``45s``, ``10m``, ``1h30m``, ``6d4h``; a negative one with a minus."""
    seconds = round(span.total_seconds())
    if seconds < 0:
        return "-" + brief(-span)
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
        elif parts:
            break
    return "".join(parts[:2]) or "0s"


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of time: ``start`` belongs to it, ``end`` does not; both UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse naive datetimes and a window that ends before it starts (``ValueError``)."""
        if self.start.tzinfo is None or self.end.tzinfo is None:
            message = "a window needs times with a timezone"
            raise ValueError(message)
        if self.end < self.start:
            message = (
                f"the window ends ({rfc3339(self.end)}) before it starts ({rfc3339(self.start)})"
            )
            raise ValueError(message)

    @property
    def length(self) -> timedelta:
        """The time between start and end."""
        return self.end - self.start


def rfc3339(moment: datetime) -> str:
    """Write an aware ``moment`` as RFC 3339 UTC with ``Z``; fractions only where there are some."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_moment(text: str, zone: ZoneInfo | None = None) -> datetime:
    """Read an RFC 3339 instant or a date; what names no offset is taken in ``zone`` (default UTC).

    Raises ``ValueError`` that names the accepted forms.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone or UTC)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        message = f"{text!r} is not a time; write it like 2026-11-23T08:00:00Z or 2026-11-23"
        raise ValueError(message) from error


def parse_zone(name: str) -> ZoneInfo:
    """Return the IANA timezone ``name``; raises ``ValueError`` for an unknown one."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"{name!r} is not an IANA timezone; write it like Asia/Shanghai or UTC"
        raise ValueError(message) from error


def day_window(day: date, zone: ZoneInfo) -> Window:
    """Return the calendar ``day`` of ``zone`` as a window: 23 or 25 hours long where clocks change."""
    start = datetime.combine(day, time.min, tzinfo=zone)
    end = datetime.combine(day + _DAY, time.min, tzinfo=zone)
    return Window(start.astimezone(UTC), end.astimezone(UTC))


def asked(
    *,
    now: datetime,
    zone: ZoneInfo,
    default: timedelta,
    day: date | None = None,
    since: timedelta | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Window:
    """Return the window that somebody asks for, the ``default`` before ``now`` if they say nothing.

    A day is cut in ``zone``, and a time without an offset is meant in it. Raises
    ``ValueError`` where the wishes contradict each other or end before they start.
    """
    if sum((day is not None, since is not None, start is not None)) > 1 or (
        end is not None and start is None
    ):
        message = "give one of day, since, or start with an optional end"
        raise ValueError(message)
    if day is not None:
        return day_window(day, zone)
    if start is not None:
        return Window(_aware(start, zone), now if end is None else _aware(end, zone))
    return Window(now - (default if since is None else since), now)


def _aware(moment: datetime, zone: ZoneInfo) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
