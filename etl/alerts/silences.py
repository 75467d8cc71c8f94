"""Silences: what is not told for a time, and why. From the configuration, and from files in the lake.

    silences/<id>.json      one silence that ``eventlake silence add`` made

Each ends by itself. What it held back is counted in every digest, and what still fires when
it has run out is told as new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from etl.alerts.alert import Alert
from etl.alerts.label_matchers import Matchers, labels_of
from etl.alerts.model import Silenced
from etl.config.settings import Settings
from etl.errors import UsageError
from etl.lake import records
from etl.lake.files import Files
from etl.timespan import Window, rfc3339

ROOT = "silences"
# Ended silences are shown for a month, then they are deleted.
KEPT = timedelta(days=30)


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """One silence: what it holds back, from when to when, by whom and why."""

    id: str
    matchers: list[str]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str
    created_at: datetime

    def holds(self, at: datetime) -> bool:
        """Whether it is in force at a moment."""
        return self.starts_at <= at < self.ends_at

    def covers(self, alert: Alert) -> bool:
        """Whether it is about an alert."""
        labels = labels_of(alert.alert, alert.severity, alert.labels)
        return Matchers.parse(self.matchers).match(labels)


@dataclass(frozen=True, slots=True)
class Silences:
    """The silences in force at one moment."""

    all: tuple[Silence, ...]

    def hold(self, alert: Alert) -> bool:
        """Whether any of them is about ``alert``."""
        return any(silence.covers(alert) for silence in self.all)

    def counted(self, alerts: Sequence[Alert]) -> tuple[Silenced, ...]:
        """Return each silence with the alerts that it held back; one that two hold counts with the first."""
        counts = dict.fromkeys((silence.id for silence in self.all), 0)
        for alert in alerts:
            if alert.stayed == "silenced":
                first = next((s.id for s in self.all if s.covers(alert)), None)
                if first is not None:
                    counts[first] += 1
        return tuple(
            Silenced(
                matchers=str(Matchers.parse(silence.matchers)),
                until=silence.ends_at,
                comment=silence.comment,
                created_by=silence.created_by,
                alerts=counts[silence.id],
            )
            for silence in self.all
        )


def in_force(settings: Settings, files: Files, at: datetime) -> Silences:
    """Return the silences of the configuration and of the lake that hold at ``at``, the older ones first."""
    known = [*configured(settings), *stored(files)]
    holding = [silence for silence in known if silence.holds(at)]
    return Silences(tuple(sorted(holding, key=lambda s: (s.created_at, s.id))))


def configured(settings: Settings) -> list[Silence]:
    """Return the silences of the configuration."""
    return [
        _made(
            one.matchers,
            Window(one.starts_at or _ever(one.ends_at), one.ends_at),
            one.created_by,
            one.comment,
            created_at=one.starts_at or _ever(one.ends_at),
        )
        for one in settings.silences
        if one.ends_at is not None and (one.starts_at is None or one.starts_at < one.ends_at)
    ]


def stored(files: Files) -> list[Silence]:
    """Return the silences of the lake, ended ones too; a damaged file holds nothing back."""
    found = [_read(files, path) for path in files.list(ROOT)]
    return sorted((s for s in found if s), key=lambda silence: (silence.created_at, silence.id))


def add(
    files: Files,
    matchers: Sequence[str],
    window: Window,
    *,
    created_by: str,
    comment: str,
    now: datetime,
) -> Silence:
    """Write a silence; raises ``UsageError`` for what is no matcher, and ``LakeError``."""
    try:
        texts = [str(matcher) for matcher in Matchers.parse(matchers).all]
    except ValueError as error:
        raise UsageError(str(error)) from error
    silence = _made(texts, window, created_by, comment, created_at=now)
    files.write(f"{ROOT}/{silence.id}.json", msgspec.json.encode(silence))
    return silence


def expire(files: Files, name: str, now: datetime) -> Silence:
    """End a silence now; raises ``UsageError`` if the lake has none of this name that has not ended."""
    found = [s for s in stored(files) if s.id.startswith(name) and s.ends_at > now]
    if len(found) != 1:
        what = "is the beginning of several silences" if found else "is no silence of this lake"
        message = f"{name!r} {what}; eventlake silence list shows them"
        raise UsageError(message)
    ended = msgspec.structs.replace(found[0], ends_at=max(now, found[0].starts_at))
    files.write(f"{ROOT}/{ended.id}.json", msgspec.json.encode(ended))
    return ended


def prune(files: Files, now: datetime) -> None:
    """Delete what ended long ago."""
    for silence in stored(files):
        if now - silence.ends_at > KEPT:
            files.delete(f"{ROOT}/{silence.id}.json")


def _made(
    matchers: Sequence[str], window: Window, created_by: str, comment: str, *, created_at: datetime
) -> Silence:
    text = "|".join([*matchers, rfc3339(window.start), rfc3339(created_at), comment])
    return Silence(
        id=hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12],
        matchers=list(matchers),
        starts_at=window.start,
        ends_at=window.end,
        created_by=created_by,
        comment=comment,
        created_at=created_at,
    )


def _ever(ends_at: datetime) -> datetime:
    """Return a beginning for a silence that names none."""
    return datetime(1970, 1, 1, tzinfo=ends_at.tzinfo)


def _read(files: Files, path: str) -> Silence | None:
    # What nobody can read must not keep anybody quiet.
    found = records.read(files, path, Silence)
    try:
        Matchers.parse(found.matchers if found else [])
    except ValueError:
        # The same of what holds no matchers.
        return None
    return found
