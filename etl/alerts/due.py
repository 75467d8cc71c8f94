"""When a digest is due, and which window it is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from etl.config.sense import clock
from etl.config.settings import Settings
from etl.timespan import Window, parse_zone

_DAY = timedelta(days=1)
# After a longer pause the digest tells of the last week; the reports have the rest.
_LONGEST = timedelta(days=7)
_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def due(settings: Settings, now: datetime, last_window_end: datetime | None) -> Window | None:
    """Return the window of the digest that is due at ``now``; null if it was made already.

    It ends at the newest configured time of day that has passed, in the configured timezone,
    and starts where the digest before ended, so that no event is in two or in none: after a
    weekend without digests it is three days long. The first one is 24 hours long.
    """
    end = _newest_end(settings, now)
    if last_window_end is None:
        return Window(end - _DAY, end)
    if last_window_end >= end:
        return None
    return Window(max(last_window_end.astimezone(UTC), end - _LONGEST), end)


def _newest_end(settings: Settings, now: datetime) -> datetime:
    """Return the newest moment up to ``now`` at which a digest was due.

    A time of day that the clocks skip in spring is taken an hour later, one that comes twice
    in autumn the first time: a digest is due once on every day.
    """
    zone, at = parse_zone(settings.timezone), clock(settings.digest.at)
    today = now.astimezone(zone).date()
    wanted = settings.digest.weekdays or _NAMES
    # Today's may lie ahead, so the same weekday of the week before is the last candidate.
    for back in range(8):
        day = today - back * _DAY
        end = datetime.combine(day, at, tzinfo=zone).astimezone(UTC)
        if end <= now and _NAMES[day.weekday()] in wanted:
            return end
    message = f"no day of the week is one of {wanted}"
    raise AssertionError(message)
