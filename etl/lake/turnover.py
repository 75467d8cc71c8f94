"""The states of two lists in a row to what vanished in between, and what of it too early.

An event object that is not written again is listed for at least the TTL. One that is
gone earlier was deleted, with its namespace for example, or the TTL is shorter than
configured. What vanished in between also bounds how long an event lives: it went some
time before it was missed (event semantics, section 5, checks I5 and I7).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from etl import schema

# Namespaces that are named; a cluster that is torn down has no room in a ledger row.
_NAMED = 50
# What two clocks may differ by: an event that is older by less proves nothing.
_SKEW = timedelta(seconds=10)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Turnover:
    """What of the list before is not in this one."""

    vanished: int = 0
    early: int = 0
    """Those written less than the TTL before this list was received."""
    namespaces: dict[str, int] = field(default_factory=dict)
    """``early`` by namespace: the greatest ones, the most first."""
    age: timedelta | None = None
    """Median time from the last write of what vanished to the list that missed it."""


def turnover(before: pa.Table, now: pa.Table, *, received_at: datetime, ttl: timedelta) -> Turnover:
    """Compare two tables of ``schema.STATE_SCHEMA``; what has no ``written_at`` counts as vanished only."""
    # Nearly all stay as they are: numbers are compared first, and text of what is left.
    moved = before.filter(
        pc.invert(pc.is_in(before["resource_version"], now["resource_version"].combine_chunks()))
    )
    if moved.num_rows == 0:
        return Turnover()
    gone = moved.filter(pc.invert(pc.is_in(moved["uid"], now["uid"].combine_chunks())))
    if gone.num_rows == 0:
        return Turnover()
    age = pc.subtract(pa.scalar(received_at, schema.TIME), gone["written_at"]).cast(pa.int64())
    early = gone.filter(pc.fill_null(pc.less(age, ttl // _MICROSECOND), False))  # noqa: FBT003 -- the value to fill in
    counted = pc.value_counts(early["namespace"]).to_pylist()
    most = sorted(counted, key=lambda one: (-one["counts"], one["values"] or ""))[:_NAMED]
    (median,) = pc.quantile(age, 0.5).to_pylist()
    return Turnover(
        vanished=gone.num_rows,
        early=early.num_rows,
        namespaces={one["values"] or "": one["counts"] for one in most},
        age=None if median is None else timedelta(microseconds=median),
    )


def late_births(born: pa.Table, before: pa.Table, *, since: datetime) -> int:
    """Count the event objects of ``born`` (uid, created_at) that the list ``before``, sent at ``since``, should have held."""
    old = born.filter(pc.less(born["created_at"], pa.scalar(since - _SKEW, schema.TIME)))
    if old.num_rows == 0:
        return 0
    missed = pc.invert(pc.is_in(old["uid"], before["uid"].combine_chunks()))
    return len(pc.unique(old.filter(missed)["uid"]))
