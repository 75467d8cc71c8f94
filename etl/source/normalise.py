"""Event structs to rows: one Arrow table of the lake's schema, whole columns at a time.

Implements the normalisation of docs/lake.md. A value per event in Python would cost
more than decoding did, so structs become columns of text first and everything after
that is arithmetic on columns. Empty text is null, because the API omits what is empty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from etl import schema
from etl.source import states as states_
from etl.source.decode import Decoded
from etl.source.objects import NULL_WORD, EventObject, EventSource, Reference
from etl.source.states import States, true

_NOTHING = Reference()
_NO_SOURCE = EventSource()
# A typed null: an untyped None makes pyarrow 26 import pandas to look at it.
_NO_TEXT = pa.scalar(None, pa.string())
_EMPTY, _NULL_WORD = pa.scalar("", pa.string()), pa.scalar(NULL_WORD, pa.string())
# More per second of its life than any recorder can produce: a count is a stranger's claim.
_PLAUSIBLE_PER_SECOND = 1000
_SECOND = 1_000_000  # in the unit of schema.TIME
_UID_DIGITS = 32


class Normaliser:
    """Turns decoded events into rows; ``states`` are the columns that ``rows`` has too."""

    def __init__(self, decoded: Decoded, *, cluster: str, observed_at: datetime) -> None:
        """Take the events of one page or document, collected from ``cluster`` at ``observed_at`` (UTC)."""
        self._events = decoded.events
        self._cluster = cluster
        self._observed_at = observed_at
        self._states = states_.read(self._events, observed_at)
        self._malformed = decoded.malformed | self._states.malformed
        self._uid, self._made_uid = self._read_uids()

    def states(self) -> pa.Table:
        """Return the key columns of all events, in order, as ``schema.STATE_SCHEMA``."""
        return states_.table(self._uid, states_.namespaces(self._events), self._states)

    def rows(self, snapshot_id: str) -> pa.Table:
        """Return the rows of ``schema.SCHEMA``, in order."""
        count = len(self._events)
        if count == 0:
            return schema.SCHEMA.empty_table()
        seen: States = self._states
        columns: dict[str, Any] = _texts(self._events) | {
            "uid": self._uid,
            "resource_version": seen.resource_version,
            "n": seen.n,
            "raw_count": seen.raw_count,
            "series_count": seen.series_count,
            "first_seen": seen.first_seen,
            "last_seen": seen.last_seen,
            "created_at": seen.created,
            "event_time": seen.event,
            "written_at": seen.written,
            "first_timestamp": seen.first,
            "last_timestamp": seen.last,
            "series_last_seen": seen.series,
            "flags": self._flags(),
            "observed_at": _repeated(self._observed_at, count, schema.TIME),
            "snapshot_id": _repeated(snapshot_id, count, pa.string()),
        }
        return pa.Table.from_arrays(
            [columns[name] for name in schema.SCHEMA.names], schema=schema.SCHEMA
        )

    def _read_uids(self) -> tuple[pa.Array, pa.Array]:
        uids = [e.metadata.uid for e in self._events]
        missing = [not uid or uid == NULL_WORD for uid in uids]
        if any(missing):
            first = self._states.first_seen.to_pylist()
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
            _said(about.kind),
            about.name,
            _said(about.uid),
        )
        digest = hashlib.sha256("\0".join(part or "" for part in lineage).encode()).hexdigest()
        return f"x-{digest[:_UID_DIGITS]}"

    def _flags(self) -> pa.Array:
        """Return the list of flags of each event, null where nothing is odd (nearly always)."""
        seen, count = self._states, len(self._events)
        life = pc.coalesce(pc.cast(pc.subtract(seen.last_seen, seen.first_seen), pa.int64()), 0)
        most = pc.divide(pc.max_element_wise(life, _SECOND), _SECOND // _PLAUSIBLE_PER_SECOND)
        marks = {
            "count_invalid": _invalid_counts(seen),
            "implausible": pc.greater(seen.n, most),
            "malformed": pa.array([i in self._malformed for i in range(count)], pa.bool_())
            if self._malformed
            else None,
            "no_time": seen.timeless,
            "no_uid": self._made_uid,
            "time_clamped": seen.clamped,
        }
        found = {k: m for k, m in marks.items() if m is not None and pc.any(m).as_py()}
        if not found:
            return pa.nulls(count, pa.list_(pa.string()))
        flags: list[list[str] | None] = [None] * count
        for name, mask in found.items():
            for position in pc.indices_nonzero(mask).to_pylist():
                flags[position] = [*(flags[position] or []), name]
        return pa.array(flags, pa.list_(pa.string()))


def _said(word: str | None) -> str | None:
    return None if word == NULL_WORD else word


def _invalid_counts(seen: States) -> pa.Array:
    """Return where a count was said and n is 1 because none of them is positive."""
    said = pc.or_(
        pc.is_valid(seen.series_count),
        # Zero beside an eventTime is what core/v1 shows where nothing was counted yet.
        pc.or_(
            true(pc.less(seen.raw_count, 0)),
            pc.and_(true(pc.equal(seen.raw_count, 0)), pc.is_null(seen.event)),
        ),
    )
    counted = pc.or_(
        true(pc.greater_equal(seen.series_count, 1)), true(pc.greater_equal(seen.raw_count, 1))
    )
    return pc.and_not(said, counted)


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
    return _without(texts, _EMPTY)


def _words(texts: list[str | None]) -> pa.Array:
    """Return a text column in which empty and the word null are null."""
    return _without(texts, _EMPTY, _NULL_WORD)


def _without(texts: list[str | None], *absent: pa.Scalar) -> pa.Array:
    """Return a text column in which the ``absent`` words are null; most pages hold none of them."""
    if not any(texts):
        return pa.nulls(len(texts), pa.string())
    column = pa.array(texts, pa.string())
    for word in absent:
        if pc.index(column, word).as_py() >= 0:
            column = pc.if_else(pc.equal(column, word), _NO_TEXT, column)
    return column


def _maps(maps: list[dict[str, str] | None]) -> pa.Array:
    kind = pa.map_(pa.string(), pa.string())
    if not any(maps):
        return pa.nulls(len(maps), kind)
    return pa.array([sorted(m.items()) if m else None for m in maps], kind)


def _repeated(value: object, count: int, kind: pa.DataType) -> pa.Array:
    return pa.repeat(pa.scalar(value, kind), count)
