"""Events as an API server writes them in protobuf: frames of a watch, by the numbers of ``generated.proto``.

The other side of ``etl.source.protobuf``, written apart from it. Go's generated code writes every
field that is no pointer, also an empty one, and a time that is not set as an empty message.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tests.lib.event_store import Event

CONTENT_TYPE = "application/vnd.kubernetes.protobuf"


def frame(kind: str, event: Event) -> bytes:
    """Return one change, its object being an Event or a Status, as a frame of a stream."""
    body = _status(event) if event.get("kind") == "Status" else _event(event)
    meta = _text(1, "v1") + _text(2, "Status" if event.get("kind") == "Status" else "Event")
    unknown = b"k8s\0" + _bytes(1, meta) + _bytes(2, body) + _text(3, "") + _text(4, "")
    watched = _text(1, kind) + _bytes(2, _bytes(1, unknown))
    return len(watched).to_bytes(4, "big") + watched


def _event(event: Event) -> bytes:
    texts = {3: "reason", 4: "message", 9: "type", 12: "action"}
    texts |= {14: "reportingComponent", 15: "reportingInstance"}
    parts = {number: _text(number, event.get(name) or "") for number, name in texts.items()}
    source = event.get("source") or {}
    parts[1] = _bytes(1, _meta(event["metadata"]))
    parts[2] = _bytes(2, _reference(event["involvedObject"]))
    parts[5] = _bytes(
        5, _text(1, source.get("component") or "") + _text(2, source.get("host") or "")
    )
    parts[6] = _bytes(6, _moment(event.get("firstTimestamp")))
    parts[7] = _bytes(7, _moment(event.get("lastTimestamp")))
    parts[8] = _number(8, event.get("count") or 0)
    parts[10] = _bytes(10, _moment(event.get("eventTime")))
    if series := event.get("series"):
        last = _moment(series.get("lastObservedTime"))
        parts[11] = _bytes(11, _number(1, series.get("count") or 0) + _bytes(2, last))
    if related := event.get("related"):
        parts[13] = _bytes(13, _reference(related))
    return b"".join(parts[number] for number in sorted(parts))


def _meta(meta: dict[str, Any]) -> bytes:
    names = {1: "name", 2: "generateName", 3: "namespace", 4: "selfLink", 5: "uid"}
    head = b"".join(_text(number, meta.get(name) or "") for number, name in names.items())
    head += _text(6, meta["resourceVersion"]) + _number(7, 0)
    head += _bytes(8, _moment(meta.get("creationTimestamp")))
    for number, name in ((11, "labels"), (12, "annotations")):
        for key, value in sorted((meta.get(name) or {}).items()):
            head += _bytes(number, _text(1, key) + _text(2, value))
    for entry in meta.get("managedFields") or []:
        fields = json.dumps(entry["fieldsV1"], separators=(",", ":")).encode()
        head += _bytes(
            17,
            _text(1, entry["manager"])
            + _text(2, entry["operation"])
            + _text(3, entry["apiVersion"])
            + _bytes(4, _moment(entry["time"]))
            + _text(6, entry["fieldsType"])
            + _bytes(7, _bytes(1, fields))
            + _text(8, ""),
        )
    return head


def _reference(about: dict[str, Any]) -> bytes:
    names = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
    return b"".join(_text(number, about.get(name) or "") for number, name in enumerate(names, 1))


def _status(status: Event) -> bytes:
    meta = _text(1, "") + _text(2, "") + _text(3, "")
    said = _text(2, status["status"]) + _text(3, status["message"]) + _text(4, status["reason"])
    return _bytes(1, meta) + said + _number(6, status["code"])


def _moment(text: str | None) -> bytes:
    if not text:
        return b""
    at = datetime.fromisoformat(text).astimezone(UTC)
    return _number(1, int(at.timestamp())) + _number(2, at.microsecond * 1000)


def _text(number: int, text: str) -> bytes:
    return _bytes(number, text.encode())


def _bytes(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value % (1 << 64))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
