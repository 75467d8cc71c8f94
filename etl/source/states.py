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
from etl.source.objects import NULL_WORD, EventObject, ManagedField, StateObject

# Go's zero time, which some writers print instead of null.
_ZERO_TIME = datetime(1, 1, 1, tzinfo=UTC)
# The end of Python's calendar; Arrow's goes on, and a report could not show what lies there.
_LAST_TIME = datetime.max.replace(tzinfo=UTC)
# A typed null: an untyped None makes pyarrow 26 import pandas to look at it.
_NO_TIME = pa.scalar(None, schema.TIME)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS_FORM = len("2026-11-23T08:00:00Z")
_SLACK = pa.scalar(timedelta(days=1), pa.duration("us"))
_LARGEST_VERSION = 2**63 - 1
_LONGEST_VERSION = 100  # characters: what is longer is no number that anybody counted


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
    series = _moments([None if s is None else s.lastObservedTime for s in behind], odd)
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


def table(uid: pa.Array, namespace: pa.Array, states: States) -> pa.Table:
    """Return ``schema.STATE_SCHEMA`` of events with these uids, in these namespaces."""
    columns = [
        uid,
        states.n,
        states.last_seen,
        states.resource_version,
        states.written,
        namespace,
    ]
    return pa.Table.from_arrays(columns, schema=schema.STATE_SCHEMA)


def namespaces(events: Sequence[EventObject] | Sequence[StateObject]) -> pa.Array:
    """Return who owns each of ``events``."""
    return pa.array([e.metadata.namespace or None for e in events], pa.string())


def true(mask: pa.Array) -> pa.Array:
    """Return ``mask`` with false for null."""
    return pc.fill_null(mask, False) if mask.null_count else mask  # noqa: FBT003 -- the value to fill in


def _newest(fields: list[ManagedField] | None) -> str | None:
    """Return the newest time, as text."""
    if not fields:
        return None
    if len(fields) == 1:
        return fields[0].time
    times = [f.time for f in fields if f.time and f.time != NULL_WORD]
    if all(len(time) == _SECONDS_FORM for time in times):
        # As servers write them, UTC to the second: text compares as time does.
        return max(times, default=None)
    return max(times, key=lambda time: _moment(time) or _ZERO_TIME)


def _moments(texts: list[str | None], odd: set[int]) -> pa.Array:
    """Read RFC 3339 texts; what cannot be read is null and its position odd."""
    if not any(texts):
        return pa.nulls(len(texts), schema.TIME)
    try:
        moments = pc.cast(pa.array(texts, pa.string()), schema.TIME)
    except pa.ArrowInvalid:
        # Empty text, the word null, nine digits of a second, or nonsense.
        return _one_by_one(texts, odd)
    ends = pc.min_max(moments.cast(pa.int64())).as_py()
    if ends["min"] <= _micros(_ZERO_TIME) or ends["max"] > _micros(_LAST_TIME):
        return _one_by_one(texts, odd)
    return moments


def _one_by_one(texts: list[str | None], odd: set[int]) -> pa.Array:
    parsed = [_moment(text) for text in texts]
    for position, (text, moment) in enumerate(zip(texts, parsed, strict=True)):
        if moment is None and text and text != NULL_WORD:
            odd.add(position)
    return pa.array([None if moment == _ZERO_TIME else moment for moment in parsed], schema.TIME)


def _moment(text: str | None) -> datetime | None:
    if not text or text == NULL_WORD:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _micros(moment: datetime) -> int:
    """Return ``moment`` as ``schema.TIME`` counts it."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


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
    column = pa.array(texts, pa.string())
    try:
        numbers = pc.cast(column, pa.int64())
    except pa.ArrowInvalid:
        pass
    else:
        # Arrow also reads signs and hexadecimal digits.
        if pc.all(pc.ascii_is_decimal(column)).as_py() is not False:
            return numbers
    read: list[int | None] = []
    for position, text in enumerate(texts):
        read.append(_version(text))
        if read[-1] is None and text and text != NULL_WORD:
            odd.add(position)
    return pa.array(read, pa.int64())


def _version(text: str | None) -> int | None:
    if not text or len(text) > _LONGEST_VERSION or not (text.isascii() and text.isdigit()):
        return None
    number = int(text)
    return number if number <= _LARGEST_VERSION else None


def _integers(numbers: list[int | None]) -> pa.Array:
    return pa.array(numbers, pa.int64())
