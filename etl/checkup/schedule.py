"""The interval of runs beside the TTL of events: as configured, and as the ledger has seen both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from etl.checkup.checked import Checked, fail, ok, warn
from etl.config.settings import Source
from etl.errors import UsageError
from etl.lake.query import Session
from etl.statements import statement
from etl.timespan import brief

_WEEK = timedelta(days=7)
# Jobs start late and minutes are coarse; beyond it the schedule is another one.
_OFF = 1.5


def configured(source: Source) -> Iterator[Checked]:
    """Yield whether the two settings leave room for a run that fails."""
    told = f"a run every {source.interval}, events live {source.ttl}"
    subject = "source.interval beside source.ttl"
    if source.interval >= source.ttl:
        advice = "run more often: each pause between two runs is a gap"
        yield fail(subject, told, advice, code=UsageError.exit_code)
    elif source.interval > source.ttl / 2:
        yield warn(subject, told, "run more often: one failed run is a gap")
    else:
        yield ok(subject, told)


def seen(opened: Session, cluster: str, source: Source, *, now: datetime) -> Iterator[Checked]:
    """Yield what the ledger of the last seven days says of ``cluster``."""
    bounds = {"start": now - _WEEK, "end": now}
    newest = _row(opened, "metrics/newest", {}, cluster)
    if newest is None or newest["sent_at"] is None:
        yield warn("newest snapshot", "there is none yet", "run: eventlake snapshot")
    else:
        yield _fresh(now - newest["sent_at"], source)
    if apart := _row(opened, "checks/schedule", bounds, cluster):
        yield _apart(timedelta(seconds=apart["interval_seconds"]), source)
    if lived := _row(opened, "checks/lifetime", bounds, cluster):
        yield from _lived(lived, source)


def _row(
    opened: Session, name: str, bounds: Mapping[str, object], cluster: str
) -> dict[str, Any] | None:
    rows = opened.run(statement(name).text, bounds).to_pylist()
    return next((row for row in rows if row["cluster"] == cluster), None)


def _fresh(age: timedelta, source: Source) -> Checked:
    detail = f"{brief(age)} ago"
    if age > source.ttl / 2:
        return warn("newest snapshot", detail, "see that the job runs: events that expire are lost")
    return ok("newest snapshot", detail)


def _apart(interval: timedelta, source: Source) -> Checked:
    detail = f"{brief(interval)} between runs, source.interval is {source.interval}"
    if source.interval / _OFF <= interval <= source.interval * _OFF:
        return ok("interval as seen", detail)
    advice = "set source.interval to what the schedule really is: checks rest on it"
    return warn("interval as seen", detail, advice)


def _lived(row: Mapping[str, Any], source: Source) -> Iterator[Checked]:
    least = timedelta(seconds=row["at_least_seconds"] or 0)
    most = row["at_most_seconds"]
    seen_most = f", at most {brief(timedelta(seconds=most))}" if most else ""
    detail = f"events live at least {brief(least)}{seen_most}; source.ttl is {source.ttl}"
    if row["too_short"]:
        advice = "set source.ttl to the cluster's --event-ttl: coverage promises more than is true"
        yield warn("TTL as seen", detail, advice)
    elif least > source.ttl * _OFF:
        advice = (
            "set source.ttl to the cluster's --event-ttl: coverage sees gaps where there are none"
        )
        yield warn("TTL as seen", detail, advice)
    else:
        yield ok("TTL as seen", detail)
