"""Targets of forwarding to what waits for each, since when, and how its newest run went. Nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from etl.checkup.checked import Checked, fail, ok, warn
from etl.config.settings import Settings
from etl.errors import DeliveryError, LakeError
from etl.forward import dead
from etl.forward.forwarder import state
from etl.forward.looking import backlog
from etl.lake.layout import Lake
from etl.timespan import brief, rfc3339

# Runs that may go by before what waits is told as trouble: one may have begun just now.
_PATIENCE = 3


def examined(lake: Lake, settings: Settings, *, now: datetime) -> Iterator[Checked]:
    """Yield a line for each target, and one more for what it refused."""
    for target in settings.forward.targets:
        subject = f"target {target.name}"
        try:
            yield _of(lake, settings, target.name, now)
            count = dead.count(lake.files).get(target.name, 0)
        except LakeError as error:
            yield fail(subject, str(error), "see the lake", code=LakeError.exit_code)
            continue
        if count:
            detail = f"{count:,} observations were refused for good"
            advice = "eventlake forward --dead-letters says why, --retry-dead-letters sends again"
            yield warn(f"{subject}, dead letters", detail, advice)


def _of(lake: Lake, settings: Settings, name: str, now: datetime) -> Checked:
    subject = f"target {name}"
    known, found = state(lake.files, name), backlog(lake, name)
    waits = "nothing waits"
    if found.parts:
        since = f" since {rfc3339(found.oldest)}" if found.oldest else ""
        waits = f"{found.parts:,} parts of {len(found.days):,} days wait{since}"
    if known and known.failing_since:
        detail = f"failing since {rfc3339(known.failing_since)}: {known.failure}; {waits}"
        return fail(subject, detail, "see docs/forwarding.md", code=DeliveryError.exit_code)
    if found.begun is None:
        return ok(subject, "not begun: it begins with what is new at its first run")
    late = _PATIENCE * settings.source.interval
    if found.oldest and now - found.oldest > late:
        advice = f"nothing should wait for {brief(late)}: raise forward.timeout, or run eventlake forward"
        return warn(subject, waits, advice)
    return ok(subject, waits)
