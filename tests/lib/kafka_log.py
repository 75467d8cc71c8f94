"""Partitions of a topic on disk, each a file of record batches, with the rules of idempotent producers.

A batch is appended by one write and kept as it came, but for its offset, which its checksum
leaves out. What is known of producers is read from the file when it is opened: a producer id's
batches must come in sequence, one that was taken already is acknowledged again and not
appended (a broker remembers the last five), and an older epoch is refused.
https://kafka.apache.org/documentation/#recordbatch
"""

from __future__ import annotations

import os
import struct
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

TOO_LARGE, OUT_OF_ORDER, OLD_EPOCH, UNKNOWN_PRODUCER, INVALID = 10, 45, 47, 59, 87
# baseOffset, batchLength, partitionLeaderEpoch, magic, crc, attributes, lastOffsetDelta,
# baseTimestamp, maxTimestamp, producerId, producerEpoch, baseSequence, recordsCount.
_HEADER = struct.Struct(">qiibIhiqqqhii")
_BEFORE_LENGTH = 12
_REMEMBERED = 5


@dataclass(slots=True)
class _Producer:
    epoch: int
    last: int = -1
    """Sequence number of its newest record here."""
    taken: deque[tuple[int, int, int]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    """First and last sequence number and offset of its newest batches."""


class Partition:
    """One partition; what it holds outlives the process."""

    def __init__(self, path: Path, largest: int) -> None:
        """Open the file, and cut off what a kill left half written."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        self._largest = largest
        self._producers: dict[int, _Producer] = {}
        self._places: list[tuple[int, int, int]] = []
        """First offset, place in the file and length of each batch."""
        self.end = 0
        held, at = path.read_bytes(), 0
        while at + _HEADER.size <= len(held):
            length = struct.unpack_from(">i", held, at + 8)[0] + _BEFORE_LENGTH
            if at + length > len(held):
                break
            self._note(held[at : at + length], at)
            at += length
        os.ftruncate(self._file, at)

    def append(self, batch: bytes) -> tuple[int, int]:
        """Take one batch; return the error of the protocol, 0 for none, and its offset."""
        if len(batch) > self._largest:
            return TOO_LARGE, -1
        if len(batch) < _HEADER.size or len(batch) != _length(batch):
            return INVALID, -1
        pid, epoch, first, count = _HEADER.unpack_from(batch)[9:]
        if pid >= 0:
            known = self._producers.get(pid)
            if known is not None and epoch < known.epoch:
                return OLD_EPOCH, -1
            if known is None or epoch > known.epoch:
                if first:
                    return (OUT_OF_ORDER if known else UNKNOWN_PRODUCER), -1
            else:
                for begin, end, offset in known.taken:
                    if (begin, end) == (first, first + count - 1):
                        return 0, offset
                if first != known.last + 1:
                    return OUT_OF_ORDER, -1
        offset = self.end
        placed = struct.pack(">q", offset) + batch[8:]
        at = os.lseek(self._file, 0, os.SEEK_END)
        assert os.write(self._file, placed) == len(placed)
        self._note(placed, at)
        return 0, offset

    def read(self, offset: int, limit: int) -> bytes:
        """Return the batches from that of ``offset`` on, up to ``limit`` bytes but one at least."""
        found = b""
        for first, at, length in self._places:
            count = self._count(at)
            if first + count > offset:
                if found and len(found) + length > limit:
                    break
                found += os.pread(self._file, length, at)
        return found

    def _count(self, at: int) -> int:
        header = _HEADER.unpack(os.pread(self._file, _HEADER.size, at))
        return int(header[6]) + 1

    def _note(self, batch: bytes, at: int) -> None:
        header = _HEADER.unpack_from(batch)
        offset, last, pid, epoch, first = header[0], header[6], *header[9:12]
        self._places.append((offset, at, len(batch)))
        self.end = offset + last + 1
        if pid < 0:
            return
        known = self._producers.get(pid)
        if known is None or epoch > known.epoch:
            known = self._producers[pid] = _Producer(epoch)
        known.last = first + last
        known.taken.append((first, first + last, offset))


def _length(batch: bytes) -> int:
    return int(struct.unpack_from(">i", batch, 8)[0]) + _BEFORE_LENGTH
