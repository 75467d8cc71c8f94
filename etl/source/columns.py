"""Event structs to columns of what they say: text and counts as the API gave them, one entry an event.

What normalisation works on, whoever read the page: this module for structs, and
``tabular`` for pages that need none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from etl.source.decode import Decoded
from etl.source.moments import newest
from etl.source.objects import EventObject, EventSource, Reference, StateObject

_NOTHING = Reference()
_NO_SOURCE = EventSource()


@dataclass(frozen=True, slots=True)
class StateColumns:
    """What tells the states of events: text (``pa.string``), but for the two counts (``pa.int64``)."""

    uid: pa.Array
    namespace: pa.Array
    resource_version: pa.Array
    created: pa.Array
    written: pa.Array
    """The newest time of managedFields."""
    first: pa.Array
    last: pa.Array
    event: pa.Array
    series: pa.Array
    series_count: pa.Array
    raw_count: pa.Array


@dataclass(frozen=True, slots=True)
class EventColumns:
    """Whole events: their states, and by name the other columns of the lake's schema that are text.

    ``texts`` has ``source_component`` and ``source_host`` for what the source says, which is
    but the first choice of ``component`` and ``host``; ``labels`` and ``annotations`` are
    maps. ``malformed`` holds the positions of events that were read leniently.
    """

    states: StateColumns
    texts: dict[str, pa.Array]
    malformed: frozenset[int] = frozenset()

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.states.uid)


def of_states(events: Sequence[EventObject] | Sequence[StateObject]) -> StateColumns:
    """Return the columns that tell the states of ``events``."""
    meta = [e.metadata for e in events]
    series = [e.series for e in events]
    return StateColumns(
        uid=_column([m.uid for m in meta]),
        namespace=_column([m.namespace for m in meta]),
        resource_version=_column([m.resourceVersion for m in meta]),
        created=_column([m.creationTimestamp for m in meta]),
        written=_column([newest(m.managedFields) for m in meta]),
        first=_column([e.firstTimestamp or e.deprecatedFirstTimestamp for e in events]),
        last=_column([e.lastTimestamp or e.deprecatedLastTimestamp for e in events]),
        event=_column([e.eventTime for e in events]),
        series=_column([None if s is None else s.lastObservedTime for s in series]),
        series_count=pa.array([None if s is None else s.count for s in series], pa.int64()),
        raw_count=pa.array(
            [e.deprecatedCount if e.count is None else e.count for e in events], pa.int64()
        ),
    )


def of_events(decoded: Decoded) -> EventColumns:
    """Return the columns of whole events."""
    events = decoded.events
    about = [e.involvedObject or e.regarding or _NOTHING for e in events]
    related = [e.related or _NOTHING for e in events]
    source = [e.source or e.deprecatedSource or _NO_SOURCE for e in events]
    meta = [e.metadata for e in events]
    texts = {
        "name": [m.name for m in meta],
        "namespace": [m.namespace for m in meta],
        "type": [e.type for e in events],
        "reason": [e.reason for e in events],
        "message": [e.message or e.note for e in events],
        "action": [e.action for e in events],
        "source_component": [s.component for s in source],
        "source_host": [s.host for s in source],
        "reporting_component": [e.reportingComponent or e.reportingController for e in events],
        "reporting_instance": [e.reportingInstance for e in events],
        "object_kind": [r.kind for r in about],
        "object_namespace": [r.namespace for r in about],
        "object_name": [r.name for r in about],
        "object_uid": [r.uid for r in about],
        "object_api_version": [r.apiVersion for r in about],
        "object_field_path": [r.fieldPath for r in about],
        "related_kind": [r.kind for r in related],
        "related_namespace": [r.namespace for r in related],
        "related_name": [r.name for r in related],
    }
    columns = {name: _column(column) for name, column in texts.items()}
    columns["labels"] = maps([m.labels for m in meta])
    columns["annotations"] = maps([m.annotations for m in meta])
    return EventColumns(of_states(events), columns, frozenset(decoded.malformed))


def maps(values: Sequence[dict[str, str] | None]) -> pa.Array:
    """Return a column of maps, sorted by key; an empty one is null."""
    kind = pa.map_(pa.string(), pa.string())
    if not any(values):
        return pa.nulls(len(values), kind)
    return pa.array([sorted(m.items()) if m else None for m in values], kind)


def _column(texts: list[str | None]) -> pa.Array:
    return pa.array(texts, pa.string())
