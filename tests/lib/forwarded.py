"""Rows of the lake as forwarding gets them, and what becomes of them in a target's layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from etl import schema
from etl.config.forwarding import StdoutTarget, Target
from etl.forward.documents import Row, encoded, rows_of
from etl.forward.layout import Layout
from etl.forward.sending import Message

AT = datetime(2026, 11, 23, 8, 0, 1, 123456, tzinfo=UTC)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
# What a kubelet writes, in core/v1.
OLD: dict[str, Any] = {
    "cluster": "prod",
    "uid": "0b5c",
    "resource_version": 42,
    "name": "web-0.17f",
    "namespace": "shop",
    "type": "Warning",
    "reason": "BackOff",
    "message": 'Back-off restarting failed container "app"',
    "component": "kubelet",
    "host": "node-1",
    "object_kind": "Pod",
    "object_namespace": "shop",
    "object_name": "web-0",
    "object_uid": "77aa",
    "object_api_version": "v1",
    "object_field_path": "spec.containers{app}",
    "n": 3,
    "raw_count": 3,
    "first_seen": AT.replace(hour=7),
    "last_seen": AT,
    "created_at": AT.replace(hour=7),
    "first_timestamp": AT.replace(hour=7),
    "last_timestamp": AT,
    "observed_at": AT,
    "snapshot_id": "s",
}
# What a scheduler writes, in events.k8s.io/v1: no count, no times but its own.
NEW: dict[str, Any] = {
    "cluster": "prod",
    "uid": "1c6d",
    "namespace": "shop",
    "type": "Warning",
    "reason": "FailedScheduling",
    "message": "0/3 nodes are available.",
    "action": "Scheduling",
    "component": "default-scheduler",
    "host": "default-scheduler-cp-1",
    "reporting_component": "default-scheduler",
    "reporting_instance": "default-scheduler-cp-1",
    "object_kind": "Pod",
    "object_name": "web-1",
    "n": 7,
    "series_count": 7,
    "event_time": AT,
    "series_last_seen": AT,
    "last_seen": AT,
    "observed_at": AT,
    "snapshot_id": "s",
}


def table(*rows: dict[str, Any]) -> pa.Table:
    """Return rows of ``observations``; what one does not name is null."""
    return pa.Table.from_pylist(list(rows), schema=schema.FULL_SCHEMA)


def row(given: dict[str, Any], **changed: Any) -> Row:
    """Return one row as Python has it."""
    return next(rows_of(table({**given, **changed})))


def target(layout: object = None) -> Target:
    """Return a target with ``layout``."""
    return Target(name="it", layout=layout, stdout=StdoutTarget())


def body(given: Row, layout: object = None) -> bytes:
    """Return what ``layout`` makes of a row."""
    return Layout(target(layout)).message(given).body


def message(
    uid: str,
    n: int = 1,
    *,
    at: datetime | None = None,
    document: Mapping[str, object] | None = None,
    text: bytes | None = None,
) -> Message:
    """Return the ``n``-th state of the event ``uid``, a minute after the one before it; with another body where one is given."""
    seen = at or NOON + timedelta(minutes=n)
    whole = row(OLD, uid=uid, n=n, raw_count=n, last_seen=seen, last_timestamp=seen)
    made = Layout(target()).message(whole)
    if document is not None:
        text = encoded(document)
    return made if text is None else replace(made, body=text)
