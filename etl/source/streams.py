"""Bytes that were read already and the stream they came from, as one stream again."""

from __future__ import annotations

import io

BUFFER = 1024 * 1024


def joined(head: bytes, rest: io.BufferedIOBase) -> io.BufferedReader:
    """Return the stream that begins with ``head`` and goes on with ``rest``."""
    return io.BufferedReader(_Joined(head, rest), BUFFER)


class _Joined(io.RawIOBase):
    """Gives out the head, then what the rest gives."""

    def __init__(self, head: bytes, rest: io.BufferedIOBase) -> None:
        super().__init__()
        self._head = memoryview(head)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # the stub's Buffer
        data = self._head[: len(buffer)] if self._head else self._rest.read(len(buffer))
        self._head = self._head[len(data) :] if self._head else self._head
        buffer[: len(data)] = data
        return len(data)
