"""Event structs to rows: one Arrow table of the lake's schema, whole columns at a time.

Implements the normalisation of docs/lake.md. A value per event in Python would cost
more than decoding did, so structs become columns of text first and everything after
that is arithmetic on columns. Empty text is null, because the API omits what is empty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from etl import schema
from etl.source.decode import NULL_WORD, Decoded, EventObject, EventSource, Reference, Series

_NOTHING = Reference()
_NO_SOURCE = EventSource()
_NO_SERIES = Series()
# Go's zero time, which some writers print instead of null.
_ZERO_TIME = pa.scalar(datetime(1, 1, 1, tzinfo=UTC), schema.TIME)
# Typed nulls: an untyped None makes pyarrow 26 import pandas to look at it.
_NO_TIME, _NO_TEXT = pa.scalar(None, schema.TIME), pa.scalar(None, pa.string())
_SLACK = pa.scalar(timedelta(days=1), pa.duration("us"))
# More per second of its life than any recorder can produce: a count is a stranger's claim.
_PLAUSIBLE_PER_SECOND = 1000


@dataclass(frozen=True, slots=True)
class _Times:
    first: pa.Array
    last: pa.Array
    event: pa.Array
    series: pa.Array
    created: pa.Array
    written: pa.Array


class Normaliser:
    """Turns decoded events into rows; columns shared by ``states`` and ``rows`` are computed once."""

    def __init__(self, decoded: Decoded, *, cluster: str, observed_at: datetime) -> None:
        """Take the events of one page or document, collected from ``cluster`` at ``observed_at`` (UTC)."""
        self._events = decoded.events
        self._cluster = cluster
        self._observed_at = observed_at
        self._malformed = set(decoded.malformed)
        self._times = self._read_times()
        self._series = _integers([(e.series or _NO_SERIES).count for e in self._events])
        self._raw_count = _integers(
            [e.deprecatedCount if e.count is None else e.count for e in self._events]
        )
        self._n = pc.if_else(
            _true(pc.greater_equal(self._series, 1)),
            self._series,
            pc.if_else(_true(pc.greater_equal(self._raw_count, 1)), self._raw_count, 1),
        )
        self._first_seen = pc.coalesce(self._times.first, self._times.event, self._times.created)
        self._last_seen, self._clamped, self._timeless = self._read_last_seen()
        self._resource_version = self._read_versions()
        self._uid, self._made_uid = self._read_uids()

    def states(self) -> pa.Table:
        """Return the key columns of all events, in order, as ``schema.STATE_SCHEMA``."""
        columns = [self._uid, self._n, self._last_seen, self._resource_version, self._times.written]
        return pa.Table.from_arrays(columns, schema=schema.STATE_SCHEMA)

    def rows(self, snapshot_id: str, wanted: pa.Array | None = None) -> pa.Table:
        """Return the rows of ``schema.SCHEMA``; ``wanted`` (int64 positions) picks and orders some of them."""
        if wanted is not None and len(wanted) == 0:
            return schema.SCHEMA.empty_table()
        events = self._events
        if wanted is not None and len(wanted) < len(events):
            events = [events[position] for position in wanted.to_pylist()]
        pick = None if wanted is None else wanted
        columns = _texts(events)
        times = self._times
        shared: dict[str, Any] = {
            "uid": self._uid,
            "resource_version": self._resource_version,
            "n": self._n,
            "raw_count": self._raw_count,
            "series_count": self._series,
            "first_seen": self._first_seen,
            "last_seen": self._last_seen,
            "created_at": times.created,
            "event_time": times.event,
            "written_at": times.written,
            "first_timestamp": times.first,
            "last_timestamp": times.last,
            "series_last_seen": times.series,
            "flags": self._flags(),
        }
        columns |= {k: v if pick is None else v.take(pick) for k, v in shared.items()}
        count = len(events)
        columns["observed_at"] = _repeated(self._observed_at, count, schema.TIME)
        columns["snapshot_id"] = _repeated(snapshot_id, count, pa.string())
        return pa.Table.from_arrays(
            [columns[name] for name in schema.SCHEMA.names], schema=schema.SCHEMA
        )

    def _read_times(self) -> _Times:
        events = self._events
        first, last, created, series, written = [], [], [], [], []
        for e in events:
            first.append(e.firstTimestamp or e.deprecatedFirstTimestamp)
            last.append(e.lastTimestamp or e.deprecatedLastTimestamp)
            meta = e.metadata
            created.append(meta.creationTimestamp)
            series.append(None if e.series is None else e.series.lastObservedTime)
            fields = meta.managedFields
            if not fields:
                written.append(None)
            elif len(fields) == 1:
                written.append(fields[0].time)
            else:
                written.append(max((f.time for f in fields if f.time), default=None))
        return _Times(
            first=self._moments(first),
            last=self._moments(last),
            event=self._moments([e.eventTime for e in events]),
            series=self._moments(series),
            created=self._moments(created),
            written=self._moments(written),
        )

    def _moments(self, texts: list[str | None]) -> pa.Array:
        """Read RFC 3339 texts; what cannot be read is null and marks its event malformed."""
        column = pa.array(texts, pa.string())
        try:
            moments = pc.cast(column, schema.TIME)
        except pa.ArrowInvalid:
            # Empty text, the word null, nine digits of a second, or nonsense: one by one.
            parsed = [_moment(text) for text in texts]
            for position, (text, moment) in enumerate(zip(texts, parsed, strict=True)):
                if moment is None and text and text != NULL_WORD:
                    self._malformed.add(position)
            moments = pa.array(parsed, schema.TIME)
        if moments.null_count == len(moments):
            return moments
        return pc.if_else(pc.equal(moments, _ZERO_TIME), _NO_TIME, moments)

    def _read_last_seen(self) -> tuple[pa.Array, pa.Array, pa.Array]:
        """Return last_seen, where it was clamped, and where there was no time at all."""
        times = self._times
        said = pc.coalesce(times.series, times.last, times.event, times.first, times.created)
        # Not bounded by written_at: API servers of 2021 and before leave the managedFields'
        # time at the creation while patches raise the count (seen in k3s 1.20, Harvester).
        collected = pa.scalar(self._observed_at, schema.TIME)
        too_late = _true(pc.greater(said, pc.add(collected, _SLACK)))
        too_early = _true(pc.less(said, pc.subtract(times.created, _SLACK)))
        clamped = pc.or_(too_late, too_early)
        timeless = pc.is_null(said)
        kept = pc.if_else(clamped, pc.coalesce(times.created, collected), said)
        return pc.coalesce(kept, collected), clamped, timeless

    def _read_versions(self) -> pa.Array:
        texts = [e.metadata.resourceVersion or None for e in self._events]
        try:
            return pc.cast(pa.array(texts, pa.string()), pa.int64())
        except pa.ArrowInvalid:
            numbers = [
                int(t) if t and t.isascii() and t.isdigit() and len(t) < 19 else None for t in texts
            ]
            self._malformed |= {
                i
                for i, (t, v) in enumerate(zip(texts, numbers, strict=True))
                if v is None and t and t != NULL_WORD
            }
            return pa.array(numbers, pa.int64())

    def _read_uids(self) -> tuple[pa.Array, pa.Array]:
        uids = [e.metadata.uid for e in self._events]
        missing = [not uid or uid == NULL_WORD for uid in uids]
        if any(missing):
            first = self._first_seen.to_pylist()
            uids = [
                self._lineage_uid(e, first[i]) if missing[i] else e.metadata.uid
                for i, e in enumerate(self._events)
            ]
        return pa.array(uids, pa.string()), pa.array(missing, pa.bool_())

    def _lineage_uid(self, event: EventObject, first: datetime | None) -> str:
        about = event.involvedObject or event.regarding or _NOTHING
        meta = event.metadata
        second = first.replace(microsecond=0).isoformat() if first else ""
        lineage = (
            self._cluster,
            meta.namespace,
            meta.name,
            second,
            event.type,
            event.reason,
            about.kind,
            about.name,
            about.uid,
        )
        digest = hashlib.sha256("\0".join(part or "" for part in lineage).encode()).hexdigest()
        return f"x-{digest[:32]}"

    def _flags(self) -> pa.Array:
        """Return the list of flags of each event, null where nothing is odd (nearly always)."""
        invalid = _true(pc.less(self._raw_count, 0))
        zero = pc.and_(_true(pc.equal(self._raw_count, 0)), pc.is_null(self._times.event))
        life = pc.cast(pc.subtract(self._last_seen, self._first_seen), pa.int64())
        seconds = pc.max_element_wise(pc.divide(pc.coalesce(life, 0), 1_000_000), 1)
        implausible = pc.greater(pc.divide(self._n, _PLAUSIBLE_PER_SECOND), seconds)
        malformed = pa.array([i in self._malformed for i in range(len(self._events))], pa.bool_())
        marks = {
            "count_invalid": pc.and_(pc.or_(invalid, zero), pc.is_null(self._series)),
            "implausible": implausible,
            "malformed": malformed,
            "no_time": self._timeless,
            "no_uid": self._made_uid,
            "time_clamped": self._clamped,
        }
        flags: list[list[str] | None] = [None] * len(self._events)
        for name, mask in marks.items():
            for position in pc.indices_nonzero(mask).to_pylist():
                flags[position] = [*(flags[position] or []), name]
        return pa.array(flags, pa.list_(pa.string()))


def _texts(events: Sequence[EventObject]) -> dict[str, pa.Array]:
    """Return the columns of text, labels and annotations of ``events``."""
    about = [e.involvedObject or e.regarding or _NOTHING for e in events]
    related = [e.related or _NOTHING for e in events]
    source = [e.source or e.deprecatedSource or _NO_SOURCE for e in events]
    meta = [e.metadata for e in events]
    reporter = _words([e.reportingComponent or e.reportingController for e in events])
    instance = _words([e.reportingInstance for e in events])
    return {
        "name": _plain([m.name for m in meta]),
        "namespace": _plain([m.namespace for m in meta]),
        "type": _plain([e.type for e in events]),
        "reason": _plain([e.reason for e in events]),
        "message": _plain([e.message or e.note for e in events]),
        "action": _words([e.action for e in events]),
        "component": pc.coalesce(_words([s.component for s in source]), reporter),
        "host": pc.coalesce(_words([s.host for s in source]), instance),
        "reporting_component": reporter,
        "reporting_instance": instance,
        "object_kind": _words([r.kind for r in about]),
        "object_namespace": _words([r.namespace for r in about]),
        "object_name": _plain([r.name for r in about]),
        "object_uid": _words([r.uid for r in about]),
        "object_api_version": _words([r.apiVersion for r in about]),
        "object_field_path": _words([r.fieldPath for r in about]),
        "related_kind": _words([r.kind for r in related]),
        "related_namespace": _words([r.namespace for r in related]),
        "related_name": _plain([r.name for r in related]),
        "labels": _maps([m.labels for m in meta]),
        "annotations": _maps([m.annotations for m in meta]),
    }


def _plain(texts: list[str | None]) -> pa.Array:
    """Return a text column in which empty is null."""
    column = pa.array(texts, pa.string())
    empty = _true(pc.equal(column, ""))
    return pc.if_else(empty, _NO_TEXT, column) if pc.any(empty).as_py() else column


def _words(texts: list[str | None]) -> pa.Array:
    """Return a text column in which empty and the word null are null."""
    column = _plain(texts)
    nulls = _true(pc.equal(column, NULL_WORD))
    return pc.if_else(nulls, _NO_TEXT, column) if pc.any(nulls).as_py() else column


def _maps(maps: list[dict[str, str] | None]) -> pa.Array:
    kind = pa.map_(pa.string(), pa.string())
    if not any(maps):
        return pa.nulls(len(maps), kind)
    return pa.array([sorted(m.items()) if m else None for m in maps], kind)


def _integers(numbers: list[int | None]) -> pa.Array:
    return pa.array(numbers, pa.int64())


def _true(mask: pa.Array) -> pa.Array:
    """Return ``mask`` with false for null."""
    return pc.fill_null(mask, False)  # noqa: FBT003 -- the value to fill in


def _repeated(value: object, count: int, kind: pa.DataType) -> pa.Array:
    return pa.repeat(pa.scalar(value, kind), count)


def _moment(text: str | None) -> datetime | None:
    if not text or text == NULL_WORD:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        return None
