"""Texts of RFC 3339 to times of the lake; what is none is null, and its position odd."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from etl import schema
from etl.source.objects import NULL_WORD, ManagedField

# Go's zero time, which some writers print instead of null.
_ZERO_TIME = datetime(1, 1, 1, tzinfo=UTC)
# The end of Python's calendar; Arrow's goes on, and a report could not show what lies there.
_LAST_TIME = datetime.max.replace(tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# As servers write whole seconds, UTC: of two such texts the greater is the later.
SECONDS_FORM = len("2026-11-23T08:00:00Z")


def moments(texts: pa.Array, odd: set[int]) -> pa.Array:
    """Read a column of texts as ``schema.TIME``; the positions of unreadable ones are added to ``odd``."""
    if texts.null_count == len(texts):
        return pa.nulls(len(texts), schema.TIME)
    try:
        read = pc.cast(texts, schema.TIME)
    except pa.ArrowInvalid:
        # Empty text, the word null, nine digits of a second, or nonsense.
        return _one_by_one(texts.to_pylist(), odd)
    ends = pc.min_max(read.cast(pa.int64())).as_py()
    if ends["min"] <= _micros(_ZERO_TIME) or ends["max"] > _micros(_LAST_TIME):
        return _one_by_one(texts.to_pylist(), odd)
    return read


def newest(fields: list[ManagedField] | None) -> str | None:
    """Return the newest time of managedFields, as text."""
    if not fields:
        return None
    if len(fields) == 1:
        return fields[0].time
    times = [f.time for f in fields if f.time and f.time != NULL_WORD]
    if all(len(time) == SECONDS_FORM for time in times):
        return max(times, default=None)
    return max(times, key=lambda time: _moment(time) or _ZERO_TIME)


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
