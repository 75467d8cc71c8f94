"""The embedded sample: real event lists of public clusters, moved in time so that they end just before ``now``.

Turns the files of ``sample/`` (one list each, its items as they were published) into
documents that import like any dump, so that every report, rule and digest has
something true to show without a cluster. ``sample/manifest.json`` names the origin
of each list, ``sample/NOTICE.md`` the licences.

The rule of shift: the anchor is ``now`` rounded down to five minutes. Each list was
collected at a known time and is placed a fixed span ``before`` the anchor, so all its
times move by one constant, ``anchor - before - collected_at``, a whole number of
seconds. Only the times that the API defines move (creation, first, last, event,
series and managedFields); texts and names that happen to hold a time do not, nor
does anything else. Where lists come from one cluster and share objects, they keep
their real distance.

The same anchor gives the same bytes, so importing twice within five minutes adds
nothing. Later the story as a whole has moved, and would be counted again: a lake that
already holds it is asked for its newest list, and ``lists(collected_at + LEAD)`` is
what it holds.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import msgspec

from etl.timespan import Duration

# How far ``now`` is rounded down: coarse enough that a command repeated at once finds
# the same sample, fine enough that the newest list ends less than ten minutes ago.
GRID = timedelta(minutes=5)
# How long before the anchor the newest list was collected: before ``now``, never at it,
# because windows are half-open.
LEAD = timedelta(minutes=1)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# core/v1 and events.k8s.io/v1 together; metadata, series and managedFields hold the others.
_ITEM_TIMES = (
    "eventTime",
    "firstTimestamp",
    "lastTimestamp",
    "deprecatedFirstTimestamp",
    "deprecatedLastTimestamp",
)


@dataclass(frozen=True, slots=True)
class SampleList:
    """One list of the sample after the shift: ``document`` is an EventList in JSON."""

    cluster: str
    name: str
    collected_at: datetime
    document: bytes


class Origin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a list was published: ``revision`` is a commit or a blob of the repository."""

    repository: str
    revision: str
    path: str
    licence: str


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One list as shipped.

    ``collected_at`` is the original time, ``collected_by`` how it is known, ``before``
    the placement; ``sha256`` is taken over the items as JSON with sorted keys.
    """

    name: str
    cluster: str
    origin: Origin
    collected_at: datetime
    collected_by: str
    before: str
    items: int
    sha256: str

    @property
    def file(self) -> str:
        """Name of the file that holds the list."""
        return f"{self.name}.json.gz"

    @property
    def placement(self) -> timedelta:
        """How long before the anchor the list is placed."""
        return Duration.parse(self.before)


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the sample holds: ``lists`` in the order in which they were collected after the shift."""

    rule: str
    changes: str
    lists: tuple[Entry, ...]


def lists(now: datetime) -> Iterator[SampleList]:
    """Yield the sample as it stands before ``now``, oldest list first; ``ValueError`` for a naive ``now``."""
    start = anchor(now)
    for entry in manifest().lists:
        collected_at = start - entry.placement
        document = shifted(original(entry), collected_at - entry.collected_at)
        yield SampleList(entry.cluster, entry.name, collected_at, document)


def anchor(now: datetime) -> datetime:
    """Return ``now`` in UTC, rounded down to five minutes; ``ValueError`` if it names no timezone."""
    if now.tzinfo is None:
        message = "the sample needs a time with a timezone"
        raise ValueError(message)
    moment = now.astimezone(UTC)
    return moment - (moment - _EPOCH) % GRID


def manifest() -> Manifest:
    """Return what the sample holds, with the origin of each list."""
    return msgspec.json.decode((_folder() / "manifest.json").read_bytes(), type=Manifest)


def original(entry: Entry) -> bytes:
    """Return the list of ``entry`` with the times of its origin."""
    return gzip.decompress((_folder() / entry.file).read_bytes())


def shifted(document: bytes, by: timedelta) -> bytes:
    """Return the list ``document`` with every time of its items moved ``by`` whole seconds."""
    decoded = msgspec.json.decode(document)
    for item in decoded["items"]:
        _shift_item(item, by)
    return msgspec.json.encode(decoded)


def _folder() -> Traversable:
    return files("etl") / "source" / "sample"


def _shift_item(item: dict[str, Any], by: timedelta) -> None:
    for field in _ITEM_TIMES:
        _shift_field(item, field, by)
    _shift_field(item["metadata"], "creationTimestamp", by)
    for entry in item["metadata"].get("managedFields", ()):
        _shift_field(entry, "time", by)
    if series := item.get("series"):
        _shift_field(series, "lastObservedTime", by)


def _shift_field(holder: dict[str, Any], field: str, by: timedelta) -> None:
    if (text := holder.get(field)) is not None:
        holder[field] = _moved(text, by)


def _moved(text: str, by: timedelta) -> str:
    """Move an RFC 3339 time in UTC; the fraction stays digit by digit, as ``by`` has none."""
    seconds, dot, fraction = text.removesuffix("Z").partition(".")
    moment = datetime.fromisoformat(seconds).replace(tzinfo=UTC) + by
    return f"{moment:%Y-%m-%dT%H:%M:%S}{dot}{fraction}Z"
