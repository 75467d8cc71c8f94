"""What events say to rows: one Arrow table of the lake's schema, whole columns at a time.

Implements the normalisation of docs/lake.md. A value per event in Python would cost
more than decoding did, so it is arithmetic on columns. Empty text is null, because the
API omits what is empty.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from etl import schema
from etl.source import states as states_
from etl.source.columns import EventColumns
from etl.source.objects import NULL_WORD
from etl.source.states import EMPTY, States, true, without

_NULL_WORD = pa.scalar(NULL_WORD, pa.string())
# More per second of its life than any recorder can produce: a count is a stranger's claim.
_PLAUSIBLE_PER_SECOND = 1000
_SECOND = 1_000_000  # in the unit of schema.TIME
_UID_DIGITS = 32
# Columns that are free text, where the word null means itself.
_ANY_TEXT = frozenset(
    {"name", "namespace", "type", "reason", "message", "object_name", "related_name"}
)
_TEXTS = (
    *_ANY_TEXT,
    *("action", "reporting_component", "reporting_instance"),
    *("object_kind", "object_namespace", "object_uid", "object_api_version", "object_field_path"),
    *("related_kind", "related_namespace"),
)
_AROUND = ("object_labels", "namespace_labels", "owner_kind", "owner_name")
_LINEAGE = (
    *("namespace", "name", "type", "reason"),
    *("object_kind", "object_name", "object_uid"),
)


class Normaliser:
    """Turns decoded events into rows; ``states`` are the columns that ``rows`` has too."""

    def __init__(self, said: EventColumns, *, cluster: str, observed_at: datetime) -> None:
        """Take the events of one page or document, collected from ``cluster`` at ``observed_at`` (UTC)."""
        self._count = len(said)
        self._cluster = cluster
        self._observed_at = observed_at
        self._states = states_.read(said.states, observed_at)
        self._texts = _texts(said.texts)
        self._malformed = said.malformed | self._states.malformed
        self._uid, self._made_uid = self._read_uids(_words(said.states.uid))

    def states(self) -> pa.Table:
        """Return the key columns of all events, in order, as ``schema.STATE_SCHEMA``."""
        return states_.table(self._uid, self._states)

    def rows(self, snapshot_id: str) -> pa.Table:
        """Return the rows of ``schema.SCHEMA``, in order."""
        count = self._count
        if count == 0:
            return schema.SCHEMA.empty_table()
        seen: States = self._states
        columns: dict[str, Any] = self._texts | {
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
            # What lists show is there.
            "deleted_at": pa.nulls(count, schema.TIME),
            "deleted_early": pa.nulls(count, pa.bool_()),
            # What an event says nothing of.
            **{name: pa.nulls(count, schema.SCHEMA.field(name).type) for name in _AROUND},
        }
        return pa.Table.from_arrays(
            [columns[name] for name in schema.SCHEMA.names], schema=schema.SCHEMA
        )

    def _read_uids(self, uids: pa.Array) -> tuple[pa.Array, pa.Array]:
        missing = pc.is_null(uids)
        if uids.null_count == 0:
            return uids, missing
        made = uids.to_pylist()
        for position in pc.indices_nonzero(missing).to_pylist():
            made[position] = self._lineage_uid(position)
        return pa.array(made, pa.string()), missing

    def _lineage_uid(self, position: int) -> str:
        namespace, name, *rest = (self._texts[part][position].as_py() for part in _LINEAGE)
        first: datetime | None = self._states.first_seen[position].as_py()
        second = first.replace(microsecond=0).isoformat() if first else ""
        lineage = (self._cluster, namespace, name, second, *rest)
        digest = hashlib.sha256("\0".join(part or "" for part in lineage).encode()).hexdigest()
        return f"x-{digest[:_UID_DIGITS]}"

    def _flags(self) -> pa.Array:
        """Return the list of flags of each event, null where nothing is odd (nearly always)."""
        seen, count = self._states, self._count
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


def _texts(said: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """Return the columns of text, labels and annotations."""
    texts = {name: (_plain if name in _ANY_TEXT else _words)(said[name]) for name in _TEXTS}
    reporter, instance = texts["reporting_component"], texts["reporting_instance"]
    return texts | {
        "component": pc.coalesce(_words(said["source_component"]), reporter),
        "host": pc.coalesce(_words(said["source_host"]), instance),
        "labels": said["labels"],
        "annotations": said["annotations"],
    }


def _plain(texts: pa.Array) -> pa.Array:
    """Return a text column in which empty is null."""
    return without(texts, EMPTY)


def _words(texts: pa.Array) -> pa.Array:
    """Return a text column in which empty and the word null are null."""
    return without(texts, EMPTY, _NULL_WORD)


def _repeated(value: object, count: int, kind: pa.DataType) -> pa.Array:
    return pa.repeat(pa.scalar(value, kind), count)
