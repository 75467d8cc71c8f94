"""Rows of the lake to the API's own objects: a v1 Event as kubectl prints it, and as event exporters send it.

What the API said stands where it stood. Not in it, because the lake keeps what it means
and not its text: ``managedFields`` (only its newest time), the resourceVersion of the
object that an event is about, and fields that were not what the API allows. A uid that
eventlake made is left out, and made again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from etl.timespan import rfc3339
from etl.wire import budget

Row = Mapping[str, Any]
"""One row of ``observations``: times with their zone, maps as pairs."""

_MADE_UID = "x-"
# JSON leaves these raw; a terminal obeys some, and U+2028 ends a line in some programs.
RAW_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029]")
# The same in UTF-8.
_RAW_BYTES = re.compile(rb"\x7f|\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]")
# Python objects of so many rows are there at once: about 20 MB.
_ROWS_AT_ONCE = 5_000


def rows_of(table: pa.Table) -> Iterator[Row]:
    """Yield the rows of a table of ``schema.FULL_SCHEMA``, which may lack ``date``."""
    for batch in table.to_batches(max_chunksize=_ROWS_AT_ONCE):
        yield from batch.to_pylist()


def event(row: Row) -> dict[str, Any]:
    """Return one row as the Event that the API would have shown."""
    found: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": _present(
            name=row["name"],
            namespace=row["namespace"],
            uid=None if row["uid"].startswith(_MADE_UID) else row["uid"],
            resourceVersion=_text(row["resource_version"]),
            creationTimestamp=_time(row["created_at"]),
            labels=dict(row["labels"] or ()),
            annotations=dict(row["annotations"] or ()),
        ),
        "involvedObject": _present(
            kind=row["object_kind"],
            namespace=row["object_namespace"],
            name=row["object_name"],
            uid=row["object_uid"],
            apiVersion=row["object_api_version"],
            fieldPath=row["object_field_path"],
        ),
        **_present(reason=row["reason"], message=row["message"], action=row["action"]),
        "source": _source(row),
        "firstTimestamp": _time(row["first_timestamp"]),
        "lastTimestamp": _time(row["last_timestamp"]),
        "type": row["type"] or "",
        "eventTime": _micro(row["event_time"]),
        "reportingComponent": row["reporting_component"] or "",
        "reportingInstance": row["reporting_instance"] or "",
    }
    if row["raw_count"] is not None:
        found["count"] = row["raw_count"]
    series = _present(count=row["series_count"], lastObservedTime=_micro(row["series_last_seen"]))
    if series:
        found["series"] = series
    related = _present(
        kind=row["related_kind"], namespace=row["related_namespace"], name=row["related_name"]
    )
    if related:
        found["related"] = related
    return found


def exported(row: Row) -> dict[str, Any]:
    """Return one row as kubernetes-event-exporter sends it without a layout: the Event, its cluster, and labels of its object.

    Source: EnhancedEvent in its pkg/kube/event.go.
    """
    found = event(row)
    if labels := dict(row["object_labels"] or ()):
        found["involvedObject"]["labels"] = labels
    found["clusterName"] = row["cluster"]
    return found


def encoded(document: object) -> bytes:
    """Return ``document`` as JSON in one line of UTF-8, in which nothing is left that ends a line or moves a cursor."""
    return _RAW_BYTES.sub(
        lambda found: b"\\u%04x" % ord(found[0].decode()), budget.encode(document)
    )


def _source(row: Row) -> dict[str, Any]:
    """Return who reported, but for writers that say it in ``reportingComponent`` alone."""
    newer = row["event_time"] is not None
    return _present(
        component=None
        if newer and row["component"] == row["reporting_component"]
        else row["component"],
        host=None if newer and row["host"] == row["reporting_instance"] else row["host"],
    )


def _present(**fields: object) -> dict[str, Any]:
    """Return the fields that hold something: the API leaves out what is empty."""
    return {name: value for name, value in fields.items() if value not in (None, "", {})}


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


def _micro(moment: datetime | None) -> str | None:
    """Write a time as the API's MicroTime: always six digits."""
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
