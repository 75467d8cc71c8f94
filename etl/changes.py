"""What a watch showed to what the lake gets: new states, deletions beside the states they end, and what lives now.

Of a state that was deleted the lake gets a copy that says by when, and whether that was
before its TTL was over. No stream tells when something was deleted: what was written
later bounds it, by the server's clock, and the time at which the stream was drained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from etl import schema
from etl.lake.live import Live
from etl.lake.turnover import Turnover
from etl.reading import Read, Reader
from etl.source import watching
from etl.source.watching import Change, DoubtError, Drained

# Two servers of one cluster stamp their writes by clocks that differ.
_SKEW = timedelta(seconds=10)
# Times of managedFields and the Date header are whole seconds, cut off.
_SECOND = timedelta(seconds=1)
_NAMED = 50


@dataclass(slots=True)
class Taken:
    """Rows of ``schema.SCHEMA`` for the lake, and the states of ``schema.STATE_SCHEMA`` that live now."""

    rows: pa.Table
    """States that the newest snapshot did not hold, and those that ended."""
    strangers: pa.Table
    """States that ended and that it did not hold either: the lake may know them."""
    living: pa.Table
    items: int = 0
    """Changes that were not seen before."""
    turnover: Turnover = field(default_factory=Turnover)


class Taking:
    """Applies drained streams, one namespace after the other, to the states of the newest snapshot."""

    def __init__(
        self, known: Live, *, cluster: str, snapshot_id: str, observed_at: datetime, ttl: timedelta
    ) -> None:
        """Begin with what lived then, ``known``."""
        given = {"cluster": cluster, "snapshot_id": snapshot_id, "observed_at": observed_at}
        self._comparing = Reader(known, **given)  # type: ignore[arg-type]  # of the types that it takes
        self._reading = Reader(None, **given)  # type: ignore[arg-type]  # as above
        self._living = known.states
        self._ttl = ttl
        self._rows: list[pa.Table] = []
        self._strangers: list[pa.Table] = []
        self._ended: list[pa.Table] = []
        self._items = 0

    def take(self, drained: Drained, *, seen: int) -> None:
        """Apply what changed; deletions up to the version ``seen`` were applied before.

        Raises ``DoubtError`` if a change cannot be read, or if the server has another number of
        events than what lives now.
        """
        written = [change for change in drained.changes if not change.deleted]
        deleted = [change for change in drained.changes if change.deleted]
        self._count(drained)
        # A stream begins with the version at which the one before ended, which may be one of a batch.
        self._items += sum(change.version > seen for change in drained.changes)
        states = schema.STATE_SCHEMA.empty_table()
        if written:
            read = self._read(self._comparing, written)
            states = read.states
            self._rows.append(read.rows)
        before = pa.concat_tables([self._living, states])
        if deleted:
            self._end(drained, before, deleted, states, seen=seen)
        if drained.changes:
            self._living = _newest(
                before, [c.uid for c in written], without=[c.uid for c in deleted]
            )

    def taken(self) -> Taken:
        """Return what all streams came to."""
        nothing = schema.SCHEMA.empty_table()
        return Taken(
            rows=pa.concat_tables([nothing, *self._rows]),
            strangers=pa.concat_tables([nothing, *self._strangers]),
            living=self._living,
            items=self._items,
            turnover=_turnover(pa.concat_tables([nothing, *self._ended])),
        )

    def _read(self, reader: Reader, changes: Sequence[Change]) -> Read:
        try:
            read = reader.read(watching.as_page(list(changes)))
        except msgspec.MsgspecError as error:
            raise DoubtError("a change cannot be decoded") from error
        if read.unreadable:
            raise DoubtError("a change cannot be read")
        return read

    def _count(self, drained: Drained) -> None:
        """Compare what must live at the version of "now" with the number of events that the server had."""
        if drained.events is None:
            raise DoubtError("the server does not tell how many events it has")
        living = self._living
        if drained.namespace is not None:
            living = living.filter(pc.equal(living["namespace"], drained.namespace))
        until_now = [change for change in drained.changes if change.version <= drained.version]
        written = {change.uid for change in until_now if not change.deleted}
        deleted = {change.uid for change in until_now if change.deleted}
        touched = pa.array(sorted(written | deleted), pa.string())
        there = set(living.filter(pc.is_in(living["uid"], touched))["uid"].to_pylist())
        count = living.num_rows - len(there) + len((there | written) - deleted)
        if count != drained.events:
            raise DoubtError(
                f"the changes come to {count:,} events, and the server has {drained.events:,}"
            )

    def _end(
        self,
        drained: Drained,
        before: pa.Table,
        deleted: Sequence[Change],
        states: pa.Table,
        *,
        seen: int,
    ) -> None:
        """Note by when states ended."""
        rows = self._read(self._reading, deleted).rows
        times = _by_when(drained, deleted, states)
        ended = pa.array(times, schema.TIME)
        age = pc.subtract(ended, rows["written_at"].combine_chunks())
        limit = pa.scalar(self._ttl - _SKEW, age.type)
        versions, known = _versions(rows, before)
        rows = _replaced(
            rows,
            resource_version=versions,
            deleted_at=ended,
            deleted_early=pc.less(age, limit),
        )
        self._rows.append(rows.filter(known))
        new = pc.and_(known, pa.array([c.version > seen for c in deleted], pa.bool_()))
        self._ended.append(rows.filter(new))
        stranger = pa.array(
            [not k and c.version > seen for k, c in zip(known.to_pylist(), deleted, strict=True)],
            pa.bool_(),
        )
        self._strangers.append(rows.filter(stranger))


def _by_when(
    drained: Drained, deleted: Sequence[Change], states: pa.Table
) -> list[datetime | None]:
    """Return by when each was deleted: before the next write that the stream shows, at the latest when it was drained."""
    now = drained.server_date or drained.received_at
    ended = (drained.ended_at or drained.received_at) - drained.received_at + now + _SECOND
    writes = sorted(
        (version, at)
        for version, at in zip(
            states["resource_version"].to_pylist(), states["written_at"].to_pylist(), strict=True
        )
        if version is not None and at is not None
    )
    found: dict[int, datetime] = {}
    bound = ended
    for change in sorted(deleted, key=lambda change: -change.version):
        while writes and writes[-1][0] > change.version:
            bound = min(bound, writes.pop()[1] + _SECOND)
        if change.version <= drained.version:
            bound = min(bound, now + _SECOND)
        found[change.version] = bound
    return [found[change.version] for change in deleted]


def _versions(rows: pa.Table, before: pa.Table) -> tuple[pa.Array, pa.Array]:
    """Return of deleted states the version of the state where it is known, else of its deletion; and whether the event is."""
    mine = before.filter(pc.is_in(before["uid"], rows["uid"].combine_chunks()))
    versions = {
        (state["uid"], state["n"], state["last_seen"]): state["resource_version"]
        for state in sorted(mine.to_pylist(), key=lambda state: state["resource_version"] or 0)
    }
    keys = rows.select(["uid", "n", "last_seen", "resource_version"]).to_pylist()
    found = [versions.get((k["uid"], k["n"], k["last_seen"]), k["resource_version"]) for k in keys]
    known = pc.is_in(rows["uid"], mine["uid"].combine_chunks()).combine_chunks()
    return pa.array(found, pa.int64()), known


def _newest(states: pa.Table, written: Sequence[str], *, without: Sequence[str]) -> pa.Table:
    """Return the states without those that were deleted, and of those that were written the newest."""
    gone = pa.array(sorted(set(without)), pa.string())
    states = states.filter(pc.invert(pc.is_in(states["uid"], gone)))
    touched = pc.is_in(states["uid"], pa.array(sorted(set(written)), pa.string()))
    moved = states.filter(touched).sort_by("resource_version")
    # Of equal ones the last stands: the order of versions.
    last = {uid: place for place, uid in enumerate(moved["uid"].to_pylist())}
    moved = moved.take(pa.array(sorted(last.values()), pa.int64()))
    return pa.concat_tables([states.filter(pc.invert(touched)), moved])


def _turnover(ended: pa.Table) -> Turnover:
    """Return how many went, how many of them before their time, and how old they became."""
    if ended.num_rows == 0:
        return Turnover()
    early = ended.filter(pc.fill_null(ended["deleted_early"], False))  # noqa: FBT003 -- the value to fill in
    counted = pc.value_counts(early["namespace"]).to_pylist()
    most = sorted(counted, key=lambda one: (-one["counts"], one["values"] or ""))[:_NAMED]
    age = pc.subtract(ended["deleted_at"], ended["written_at"]).cast(pa.int64())
    (median,) = pc.quantile(age, 0.5).to_pylist()
    return Turnover(
        vanished=ended.num_rows,
        early=early.num_rows,
        namespaces={one["values"] or "": one["counts"] for one in most},
        age=None if median is None else timedelta(microseconds=median),
    )


def _replaced(rows: pa.Table, **columns: pa.Array) -> pa.Table:
    for name, values in columns.items():
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, rows.schema.field(name), values)
    return rows
