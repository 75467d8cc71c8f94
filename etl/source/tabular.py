"""A page of the live API to columns without a Python object per event, on every processor.

Arrow's JSON reader holds no interpreter lock and costs two thirds of structs and their
taking apart, so that two threads read a list in a third of the time. It is for pages as
an API server writes them; whatever is odd about a page makes the answer null, and
``decode`` and ``columns``, which are lenient and name each odd item, read it instead.
"""

from __future__ import annotations

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from etl.source import decode
from etl.source.columns import EventColumns, StateColumns, maps
from etl.source.moments import SECONDS_FORM


def _text(*names: str) -> list[pa.Field]:
    return [pa.field(name, pa.string()) for name in names]


# Only whether it is there: the reader knows no maps, and hardly any event has one.
_SOMETHING = pa.struct([])
_MANAGED = pa.list_(pa.struct(_text("time")))
_METADATA = pa.struct(
    [
        *_text("name", "namespace", "uid", "resourceVersion", "creationTimestamp"),
        pa.field("managedFields", _MANAGED),
        pa.field("labels", _SOMETHING),
        pa.field("annotations", _SOMETHING),
    ]
)
_ABOUT = pa.struct(_text("kind", "namespace", "name", "uid", "apiVersion", "fieldPath"))
_RELATED = pa.struct(_text("kind", "namespace", "name"))
_SERIES = pa.struct([pa.field("count", pa.int64()), *_text("lastObservedTime")])
_SOURCE = pa.struct(_text("component", "host"))
_ITEM = pa.struct(
    [
        pa.field("metadata", _METADATA),
        pa.field("involvedObject", _ABOUT),
        pa.field("related", _RELATED),
        pa.field("source", _SOURCE),
        pa.field("series", _SERIES),
        pa.field("count", pa.int64()),
        *_text("reason", "message", "type", "action"),
        *_text("firstTimestamp", "lastTimestamp", "eventTime"),
        *_text("reportingComponent", "reportingInstance"),
    ]
)
_PARSING = pj.ParseOptions(
    explicit_schema=pa.schema([pa.field("items", pa.list_(_ITEM))]),
    unexpected_field_behavior="ignore",
)


class _OddPageError(Exception):
    """The page is not as an API server writes it, or says what this reader does not know."""


def page(body: bytes) -> EventColumns | None:
    """Read an EventList of core/v1, or return null if it must be read with more care, or is none."""
    try:
        return _columns(_parsed(body), body)
    except (_OddPageError, pa.ArrowInvalid, UnicodeDecodeError, msgspec.MsgspecError):
        # The careful reader says what it is.
        return None


def _parsed(body: bytes) -> pa.StructArray:
    """Return the items as objects of ``_ITEM``."""
    if not body.startswith(b"{"):
        # A page that is the word null would be the end of the process (pyarrow 26).
        raise _OddPageError
    # The reader takes lines for rows: a page is one line, and read in one piece.
    reading = pj.ReadOptions(use_threads=False, block_size=len(body) + 1)
    table = pj.read_json(pa.BufferReader(body), read_options=reading, parse_options=_PARSING)
    if table.num_rows != 1:
        raise _OddPageError
    if not body.isascii():
        # Broken text passes the reader, and would be read by nobody afterwards.
        table.validate(full=True)
    items: pa.StructArray = table["items"].combine_chunks().flatten()
    if len(items) == 0 or items.null_count:
        raise _OddPageError
    return items


def _columns(items: pa.StructArray, body: bytes) -> EventColumns:
    meta, about, related = (_of(items, n) for n in ("metadata", "involvedObject", "related"))
    if meta.null_count or about.null_count:
        # No event object, or one of the other API group, which calls half of its fields otherwise.
        raise _OddPageError
    source, series = _of(items, "source"), _of(items, "series")
    texts = {
        "name": _of(meta, "name"),
        "namespace": _of(meta, "namespace"),
        "type": _of(items, "type"),
        "reason": _of(items, "reason"),
        "message": _of(items, "message"),
        "action": _of(items, "action"),
        "source_component": _of(source, "component"),
        "source_host": _of(source, "host"),
        "reporting_component": _of(items, "reportingComponent"),
        "reporting_instance": _of(items, "reportingInstance"),
        "object_kind": _of(about, "kind"),
        "object_namespace": _of(about, "namespace"),
        "object_name": _of(about, "name"),
        "object_uid": _of(about, "uid"),
        "object_api_version": _of(about, "apiVersion"),
        "object_field_path": _of(about, "fieldPath"),
        "related_kind": _of(related, "kind"),
        "related_namespace": _of(related, "namespace"),
        "related_name": _of(related, "name"),
        **_maps(meta, body),
    }
    states = StateColumns(
        uid=_of(meta, "uid"),
        namespace=_of(meta, "namespace"),
        resource_version=_of(meta, "resourceVersion"),
        created=_of(meta, "creationTimestamp"),
        written=_newest(_of(meta, "managedFields")),
        first=_of(items, "firstTimestamp"),
        last=_of(items, "lastTimestamp"),
        event=_of(items, "eventTime"),
        series=_of(series, "lastObservedTime"),
        series_count=_of(series, "count"),
        raw_count=_of(items, "count"),
    )
    return EventColumns(states, texts)


def _of(parent: pa.StructArray, name: str) -> pa.Array:
    """Return a field of each object, null where there is no object."""
    return pc.struct_field(parent, name)


def _maps(meta: pa.StructArray, body: bytes) -> dict[str, pa.Array]:
    """Return labels and annotations; of the few items that have some, structs are made."""
    there = {name: pc.is_valid(_of(meta, name)) for name in ("labels", "annotations")}
    positions = pc.indices_nonzero(pc.or_(*there.values())).to_pylist()
    if not positions:
        return {name: maps([None] * len(meta)) for name in there}
    found = decode.chosen(decode.raws(body), positions)
    if found.malformed or found.unreadable:
        raise _OddPageError
    columns = {}
    for name in there:
        values: list[dict[str, str] | None] = [None] * len(meta)
        for position, event in zip(positions, found.events, strict=True):
            values[position] = getattr(event.metadata, name)
        columns[name] = maps(values)
    return columns


def _newest(fields: pa.ListArray) -> pa.Array:
    """Return the newest time of each event's managedFields, as text."""
    most = pc.max(pc.list_value_length(fields)).as_py() or 0
    if most == 0:
        return pa.nulls(len(fields), pa.string())
    times = _of(fields.flatten(), "time")
    if most == 1 and len(times) == len(fields):
        return times
    lengths = pc.min_max(pc.binary_length(times)).as_py()
    if times.null_count or lengths["min"] != SECONDS_FORM or lengths["max"] != SECONDS_FORM:
        # Text compares as time does only where servers write it, UTC to the second.
        raise _OddPageError
    slots = [pc.list_slice(fields, i, i + 1, return_fixed_size_list=True) for i in range(most)]
    # Not ``flatten``, which leaves out events that have none.
    return pc.max_element_wise(*(_of(slot.values, "time") for slot in slots))
