"""What events say of their state to the state itself: count, times, version, as whole columns.

The part of normalisation that every listed event goes through, whether the lake knows
its state already or not, so it costs little: text becomes columns at once, and what no
event of a page has costs nothing. The rules are in docs/lake.md, "Normalisation".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from etl import schema
from etl.source.columns import StateColumns
from etl.source.moments import moments
from etl.source.objects import NULL_WORD

# A typed null: an untyped None makes pyarrow 26 import pandas to look at it.
_NO_TEXT = pa.scalar(None, pa.string())
EMPTY = pa.scalar("", pa.string())
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
    namespace: pa.Array
    resource_version: pa.Array
    malformed: frozenset[int]


def read(said: StateColumns, observed_at: datetime) -> States:
    """Return the states of events that say ``said``, collected at ``observed_at`` (UTC)."""
    odd: set[int] = set()
    first, last, event = (moments(texts, odd) for texts in (said.first, said.last, said.event))
    created, written = moments(said.created, odd), moments(said.written, odd)
    series = moments(said.series, odd)
    newest = pc.coalesce(series, last, event, first, created)
    last_seen, clamped = _bounded(newest, created, observed_at)
    return States(
        first=first,
        last=last,
        event=event,
        series=series,
        created=created,
        written=written,
        series_count=said.series_count,
        raw_count=said.raw_count,
        n=_count(said.series_count, said.raw_count),
        first_seen=pc.coalesce(first, event, created),
        last_seen=last_seen,
        clamped=clamped,
        timeless=pc.is_null(newest),
        namespace=without(said.namespace, EMPTY),
        resource_version=_versions(said.resource_version, odd),
        malformed=frozenset(odd),
    )


def table(uid: pa.Array, states: States) -> pa.Table:
    """Return ``schema.STATE_SCHEMA`` of events with these uids."""
    columns = [
        uid,
        states.n,
        states.last_seen,
        states.resource_version,
        states.written,
        states.namespace,
    ]
    return pa.Table.from_arrays(columns, schema=schema.STATE_SCHEMA)


def without(column: pa.Array, *absent: pa.Scalar) -> pa.Array:
    """Return a text column in which the ``absent`` words are null; most pages hold none of them."""
    for word in absent:
        if column.null_count < len(column) and pc.index(column, word).as_py() >= 0:
            column = pc.if_else(pc.equal(column, word), _NO_TEXT, column)
    return column


def true(mask: pa.Array) -> pa.Array:
    """Return ``mask`` with false for null."""
    return pc.fill_null(mask, False) if mask.null_count else mask  # noqa: FBT003 -- the value to fill in


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


def _versions(column: pa.Array, odd: set[int]) -> pa.Array:
    """Return resourceVersions as numbers; one that is none is null and its position odd."""
    try:
        numbers = pc.cast(column, pa.int64())
    except pa.ArrowInvalid:
        pass
    else:
        # Arrow also reads signs and hexadecimal digits.
        if pc.all(pc.ascii_is_decimal(column)).as_py() is not False:
            return numbers
    read: list[int | None] = []
    for position, text in enumerate(column.to_pylist()):
        read.append(_version(text))
        if read[-1] is None and text and text != NULL_WORD:
            odd.add(position)
    return pa.array(read, pa.int64())


def _version(text: str | None) -> int | None:
    if not text or len(text) > _LONGEST_VERSION or not (text.isascii() and text.isdigit()):
        return None
    number = int(text)
    return number if number <= _LARGEST_VERSION else None
