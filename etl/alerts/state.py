"""One alert and one evaluation to the alert after it: the state machine.

    before     found     not found,    not found,     rule failed
                         all covered   a gap
    inactive   pending*  inactive      inactive       inactive
    pending    pending*  inactive      no_data        error
    firing     firing    resolved**    no_data        error
    no_data    as it stood before, in all four columns
    error      as it stood before, in all four columns
    resolved   pending*  inactive      inactive       inactive
    expired    pending*  inactive      inactive       inactive

*  firing once it was found in as many evaluations in a row as the rule asks for.
** firing for as long as the rule keeps it firing after it was last found.

So a gap resolves nothing, and being unable to ask resolves nothing. What nobody can know for
``expire_after``, and what is of a cluster that is gone, is ``expired``: closed, and not over. Both last for
one evaluation, which tells it; the next one forgets the alert. Only where urgent messages
pause it lasts until they go on, because somebody has to be told that it is over; and what
waits there to be told keeps firing until it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from etl.alerts.alert import Alert, State, Words
from etl.alerts.model import Finding, Language


@dataclass(frozen=True, slots=True)
class Asked:
    """What an evaluation says about one alert.

    ``found`` is the finding, null if it is not over its threshold; ``worded`` has its texts.
    ``covered``: all of the span was seen, in each cluster that the alert may be of. ``failed``:
    the rule could not be asked. ``gone``: its cluster is. ``at`` is the end of the window.
    """

    at: datetime
    found: Finding | None
    covered: bool
    failed: bool
    gone: bool = False
    expire_after: timedelta = timedelta.max
    runs: int = 1
    keep_firing_for: timedelta = timedelta(0)
    worded: tuple[tuple[Language, Words], ...] = ()


def stepped(  # noqa: PLR0911 -- a table, one return a cell
    before: Alert | None, asked: Asked, *, fingerprint: str
) -> Alert | None:
    """Return the alert after the evaluation; null where there was none and is none."""
    owed = before is not None and before.standing == "resolved" and before.stayed == "paused"
    if before is not None and before.standing in {"resolved", "inactive", "expired"} and not owed:
        # It was told, and what comes now is a new one.
        before = None
    if asked.found is not None and not asked.failed:
        return _found(before, asked, asked.found, fingerprint)
    if before is None:
        return None
    if owed:
        return _after(before, "resolved")
    if asked.gone or asked.failed or not asked.covered:
        return _unknown(before, asked)
    if before.standing == "pending":
        return _after(before, "inactive", runs=0)
    waits = before.stayed == "paused" and before.told_at is None
    if waits or asked.at - before.seen_at < asked.keep_firing_for:
        return _after(before, "firing", runs=0)
    return _after(before, "resolved", runs=0)


def _unknown(before: Alert, asked: Asked) -> Alert:
    """Hold what nobody can know, for so long."""
    held = "pending" if before.standing == "pending" else "firing"
    since = before.unknown_since or asked.at
    if asked.gone or asked.at - since >= asked.expire_after:
        # One that was never told leaves as it came.
        return _after(before, "expired" if held == "firing" else "inactive", unknown_since=since)
    state: State = "error" if asked.failed else "no_data"
    return _after(before, state, stands=held, unknown_since=since)


def _found(before: Alert | None, asked: Asked, found: Finding, fingerprint: str) -> Alert:
    runs = before.runs + 1 if before else 1
    fires = runs >= asked.runs or (before is not None and before.standing != "pending")
    fired_at = before.fired_at if before else None
    return Alert(
        fingerprint=fingerprint,
        alert=found.alert,
        severity=found.severity,
        labels=found.labels,
        state="firing" if fires else "pending",
        was=before.state if before else "inactive",
        runs=runs,
        since=before.since if before else asked.at,
        seen_at=asked.at,
        fired_at=(fired_at or asked.at) if fires else None,
        told_at=before.told_at if before else None,
        stayed_before=before.stayed if before else "",
        value=found.value,
        baseline=found.baseline,
        last_seen=found.last_seen,
        words=dict(asked.worded) or (before.words if before else {}),
    )


def _after(
    before: Alert,
    state: State,
    *,
    stands: str = "",
    runs: int | None = None,
    unknown_since: datetime | None = None,
) -> Alert:
    return msgspec.structs.replace(
        before,
        state=state,
        was=before.state,
        stands=stands,
        unknown_since=unknown_since,
        runs=before.runs if runs is None else runs,
        stayed="",
        stayed_before=before.stayed,
        said="",
    )
