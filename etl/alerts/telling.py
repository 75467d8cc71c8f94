"""Alerts after an evaluation to what is told of each: new, again, still, resolved, or why not.

Nothing is dropped without a word: what stays unsaid is counted with its reason, and is told
as new once the reason is gone. So a silence that ran out alerts again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from etl.alerts.alert import Alert, Said, Stayed
from etl.alerts.model import SEVERITIES


@dataclass(frozen=True, slots=True)
class Manners:
    """What decides whether an alert is told.

    ``limits`` are how many alerts of a rule are listed, by its name. ``may_speak`` is false
    while urgent messages pause: then nothing is told, and nothing is forgotten. ``tells_expired``
    is false for them, too: that nothing is known of an alert for days is no news of the hour.
    """

    at: datetime
    repeat_interval: timedelta
    silenced: Callable[[Alert], bool]
    inhibited: Callable[[Alert], bool]
    limits: Mapping[str, int]
    may_speak: bool = True
    tells_expired: bool = True


def told(alerts: Iterable[Alert], manners: Manners) -> list[Alert]:
    """Return the alerts, each with what is said of it; of each rule the greatest values come first."""
    room = dict(manners.limits)
    answers = []
    for alert in sorted(alerts, key=_rank):
        held = _held(alert, manners)
        if not held and alert.fires:
            left = room.get(alert.alert, 1)
            room[alert.alert] = left - 1
            held = "" if left > 0 else "limited"
        answers.append(_told(alert, held, manners))
    return answers


def _held(alert: Alert, manners: Manners) -> Stayed:
    if alert.standing in {"pending", "inactive"}:
        return ""
    if manners.silenced(alert):
        return "silenced"
    return "inhibited" if manners.inhibited(alert) else ""


def _told(alert: Alert, held: Stayed, manners: Manners) -> Alert:  # noqa: PLR0911 -- as the table of ``state``
    if held in {"silenced", "inhibited"}:
        # Whoever heard of it heard of it before it was held back: it is news again afterwards.
        return msgspec.structs.replace(alert, stayed=held, told_at=None)
    if held:
        return msgspec.structs.replace(alert, stayed=held)
    if alert.standing in {"pending", "inactive"}:
        return alert
    if (
        not manners.may_speak
        and alert.state != "expired"
        and (alert.state == "resolved" or alert.told_at is None)
    ):
        owed = alert.told_at is not None or alert.state != "resolved"
        return msgspec.structs.replace(alert, stayed="paused" if owed else "")
    if alert.state == "expired":
        return _said(alert, "expired" if alert.told_at and manners.tells_expired else "")
    if alert.state == "resolved":
        return _said(alert, "resolved" if alert.told_at else "")
    if alert.told_at is None:
        # Where nobody can know whether it still is, it is told when it is found again.
        return alert if alert.stands else _said(alert, "new", told_at=manners.at)
    if (
        manners.may_speak
        and not alert.stands
        and manners.at - alert.told_at >= manners.repeat_interval
    ):
        return _said(alert, "again", told_at=manners.at)
    return _said(alert, "still")


def _said(alert: Alert, said: Said, *, told_at: datetime | None = None) -> Alert:
    return msgspec.structs.replace(alert, said=said, told_at=told_at or alert.told_at)


def _rank(alert: Alert) -> tuple[int, str, float, list[tuple[str, str]]]:
    labels = sorted(alert.labels.items())
    return (SEVERITIES.index(alert.severity), alert.alert, -alert.value, labels)
