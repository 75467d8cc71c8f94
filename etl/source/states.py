"""Event structs to what tells their state: uid, count, times, version, as whole columns.

The part of normalisation that every listed event goes through, whether the lake knows
its state already or not, so it costs little: text becomes columns at once, and what no
event of a page has costs nothing. The rules are in docs/lake.md, "Normalisation".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from etl import schema
from etl.source.decode import NULL_WORD, EventObject, ManagedField, StateObject

# Go's zero time, which some writers print instead of null.
_ZERO_TIME = pa.scalar(datetime(1, 1, 1, tzinfo=UTC), schema.TIME)
# A typed null: an untyped None makes pyarrow 26 import pandas to look at it.
_NO_TIME = pa.scalar(None, schema.TIME)
_SLACK = pa.scalar(timedelta(days=1), pa.duration("us"))
_LONGEST_VERSION = 18  # digits that surely fit 64 bits


@dataclass(frozen=True, slots=True)
class States:
    """Columns of equal length, one entry an event; ``malformed`` are positions of odd ones."""

    first: pa.Array
    last: pa.Array
    event: pa.Array
    series: pa.Array
    created: pa.Array
    written: pa.Array
    series_count: pa.Array
    raw_count: pa.Array
    n: pa.Array
    first_seen: pa.Array
    last_seen: pa.Array
    clamped: pa.Array
    timeless: pa.Array
    resource_version: pa.Array
    malformed: frozenset[int]


def read(events: Sequence[EventObject] | Sequence[StateObject], observed_at: datetime) -> States:
    """Return the columns of ``events``, collected at ``observed_at`` (UTC)."""
    odd: set[int] = set()
    first = _moments([e.firstTimestamp or e.deprecatedFirstTimestamp for e in events], odd)
    last = _moments([e.lastTimestamp or e.deprecatedLastTimestamp for e in events], odd)
    event = _moments([e.eventTime for e in events], odd)
    created = _moments([e.metadata.creationTimestamp for e in events], odd)
    written = _moments([_newest(e.metadata.managedFields) for e in events], odd)
    behind = [e.series for e in events]
    series = _moments([s and s.lastObservedTime for s in behind], odd)
    series_count = _integers([None if s is None else s.count for s in behind])
    raw_count = _integers([e.deprecatedCount if e.count is None else e.count for e in events])
    said = pc.coalesce(series, last, event, first, created)
    last_seen, clamped = _bounded(said, created, observed_at)
    return States(
        first=first,
        last=last,
        event=event,
        series=series,
        created=created,
        written=written,
        series_count=series_count,
        raw_count=raw_count,
        n=_count(series_count, raw_count),
        first_seen=pc.coalesce(first, event, created),
        last_seen=last_seen,
        clamped=clamped,
        timeless=pc.is_null(said),
        resource_version=_versions([e.metadata.resourceVersion for e in events], odd),
        malformed=frozenset(odd),
    )


def table(uid: pa.Array, states: States) -> pa.Table:
    """Return ``schema.STATE_SCHEMA`` of events whose uids are ``uid``."""
    columns = [uid, states.n, states.last_seen, states.resource_version, states.written]
    return pa.Table.from_arrays(columns, schema=schema.STATE_SCHEMA)


def true(mask: pa.Array) -> pa.Array:
    """Return ``mask`` with false for null."""
    return pc.fill_null(mask, False) if mask.null_count else mask  # noqa: FBT003 -- the value to fill in


def _newest(fields: list[ManagedField] | None) -> str | None:
    """Return the newest time: all are UTC to the second, so text compares as time does."""
    if not fields:
        return None
    if len(fields) == 1:
        return fields[0].time
    return max((f.time for f in fields if f.time), default=None)


def _moments(texts: list[str | None], odd: set[int]) -> pa.Array:
    """Read RFC 3339 texts; what cannot be read is null and its position odd."""
    if not any(texts):
        return pa.nulls(len(texts), schema.TIME)
    try:
        moments = pc.cast(pa.array(texts, pa.string()), schema.TIME)
    except pa.ArrowInvalid:
        # Empty text, the word null, nine digits of a second, or nonsense: one by one.
        parsed = [_moment(text) for text in texts]
        for position, (text, moment) in enumerate(zip(texts, parsed, strict=True)):
            if moment is None and text and text != NULL_WORD:
                odd.add(position)
        moments = pa.array(parsed, schema.TIME)
    zero = pc.equal(moments, _ZERO_TIME)
    return pc.if_else(zero, _NO_TIME, moments) if pc.any(zero).as_py() else moments


def _moment(text: str | None) -> datetime | None:
    if not text or text == NULL_WORD:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _bounded(said: pa.Array, created: pa.Array, observed_at: datetime) -> tuple[pa.Array, pa.Array]:
    """Return last_seen within a day of creation and collection, and where it was not.

    Not bounded by written_at: API servers of 2021 and before leave the managedFields'
    time at the creation while patches raise the count (seen in k3s 1.20 and Harvester).
    """
    collected = pa.scalar(observed_at, schema.TIME)
    too_late = true(pc.greater(said, pc.add(collected, _SLACK)))
    too_early = true(pc.less(said, pc.subtract(created, _SLACK)))
    clamped = pc.or_(too_late, too_early)
    if pc.any(clamped).as_py():
        said = pc.if_else(clamped, pc.coalesce(created, collected), said)
    return pc.coalesce(said, collected) if said.null_count else said, clamped


def _count(series_count: pa.Array, raw_count: pa.Array) -> pa.Array:
    """Return the normalised count: series.count, else count, else 1."""
    legacy = pc.if_else(true(pc.greater_equal(raw_count, 1)), raw_count, 1)
    if series_count.null_count == len(series_count):
        return legacy
    return pc.if_else(true(pc.greater_equal(series_count, 1)), series_count, legacy)


def _versions(texts: list[str | None], odd: set[int]) -> pa.Array:
    """Return resourceVersions as numbers; one that is none is null and its position odd."""
    try:
        return pc.cast(pa.array(texts, pa.string()), pa.int64())
    except pa.ArrowInvalid:
        numbers: list[int | None] = []
        for position, text in enumerate(texts):
            number = text and text.isascii() and text.isdigit() and len(text) <= _LONGEST_VERSION
            numbers.append(int(text) if text and number else None)
            if text and not number and text != NULL_WORD:
                odd.add(position)
        return pa.array(numbers, pa.int64())


def _integers(numbers: list[int | None]) -> pa.Array:
    return pa.array(numbers, pa.int64())
