"""The primitive types of Kafka's protocol, read from bytes and written to them.

https://kafka.apache.org/protocol.html#protocol_types; only what stands in requests without
flexible fields, and in the two places where every client uses them: the header and the answer of
ApiVersions 3.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

_T = TypeVar("_T")


class Reader:
    """What is left of a request."""

    def __init__(self, data: bytes) -> None:
        """Begin at its first byte."""
        self._data = data
        self._at = 0

    def _number(self, form: str) -> int:
        (found,) = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return int(found)

    def int8(self) -> int:
        """INT8 or BOOLEAN."""
        return self._number(">b")

    def int16(self) -> int:
        """INT16."""
        return self._number(">h")

    def int32(self) -> int:
        """INT32."""
        return self._number(">i")

    def int64(self) -> int:
        """INT64."""
        return self._number(">q")

    def take(self, length: int) -> bytes:
        """So many bytes; none where the length says null."""
        if length < 0:
            return b""
        found = self._data[self._at : self._at + length]
        assert len(found) == length, "a request ends before its fields"
        self._at += length
        return found

    def text(self) -> str:
        """STRING or NULLABLE_STRING."""
        return self.take(self.int16()).decode()

    def block(self) -> bytes:
        """BYTES or RECORDS."""
        return self.take(self.int32())

    def array(self, item: Callable[[], _T]) -> list[_T]:
        """ARRAY; null is empty."""
        return [item() for _ in range(self.int32())]

    def rest(self) -> bytes:
        """Whatever is left."""
        return self.take(len(self._data) - self._at)


def int8(value: int) -> bytes:
    """INT8 or BOOLEAN."""
    return struct.pack(">b", value)


def int16(value: int) -> bytes:
    """INT16."""
    return struct.pack(">h", value)


def int32(value: int) -> bytes:
    """INT32."""
    return struct.pack(">i", value)


def int64(value: int) -> bytes:
    """INT64."""
    return struct.pack(">q", value)


def text(value: str | None) -> bytes:
    """STRING, or null."""
    if value is None:
        return int16(-1)
    return int16(len(value.encode())) + value.encode()


def block(value: bytes) -> bytes:
    """BYTES or RECORDS."""
    return int32(len(value)) + value


def array(items: Sequence[Any], item: Callable[[Any], bytes]) -> bytes:
    """ARRAY."""
    return int32(len(items)) + b"".join(map(item, items))


def compact_array(items: Sequence[Any], item: Callable[[Any], bytes]) -> bytes:
    """COMPACT_ARRAY of fewer than 127 items, each with no tagged fields behind it."""
    return bytes([len(items) + 1]) + b"".join(item(one) + b"\0" for one in items)
