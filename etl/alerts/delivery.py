"""What the outbox keeps of one delivery: what it is about, the message, its attempts, and how it ended."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from etl.alerts.model import Kind as DigestKind
from etl.timespan import Window, rfc3339
from etl.wire import budget
from etl.wire.outcome import Kind


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the outbox."""


class About(Stored, frozen=True, kw_only=True):
    """One message, on its way or arrived: where it goes, and what it is about."""

    id: str
    receiver: str
    place: str
    part: int
    clusters: list[str]
    start: datetime
    end: datetime
    created_at: datetime
    content_sha256: str
    kind: DigestKind = "digest"


class Entry(About, frozen=True, kw_only=True):
    """One message on its way, with what is sent."""

    payload: Any
    repeat: Any


class Attempt(Stored, frozen=True, kw_only=True):
    """One attempt; without ``outcome`` it is under way until ``claimed_until``, and unknown after."""

    id: str
    number: int
    started_at: datetime
    claimed_until: datetime
    repeat: bool
    finished_at: datetime | None = None
    outcome: str = ""
    status: int | None = None
    code: str = ""
    detail: str = ""
    retry_at: datetime | None = None

    @property
    def unclear(self) -> bool:
        """Whether the message may have arrived without anybody knowing."""
        return self.outcome in {"", Kind.UNKNOWN}


class Receipt(About, frozen=True, kw_only=True):
    """A message that arrived; ``skipped`` is one that the settings asked not to send."""

    delivered_at: datetime
    outcome: str
    status: int | None = None
    code: str = ""
    attempts: int = 0


class Dead(Stored, frozen=True, kw_only=True):
    """A message that was given up; it can be read here, and sent by hand."""

    entry: Entry
    died_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What a delivery is about: the clusters and the window of one digest, or of an urgent message."""

    clusters: Sequence[str]
    window: Window
    kind: DigestKind = "digest"

    def id(self, receiver: str, place: str, part: int | str) -> str:
        """Return the name of the delivery to one target; content plays no part in it."""
        names = ",".join(sorted(self.clusters))
        moments = (rfc3339(self.window.start), rfc3339(self.window.end))
        key = "|".join((names, self.kind, *moments, receiver, place, str(part)))
        return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:32]


def content_hash(payload: object) -> str:
    """Return the fingerprint that tells two contents of one delivery apart."""
    return hashlib.sha256(budget.encode(payload)).hexdigest()
