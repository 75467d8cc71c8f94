"""Observations to a file of JSON lines: appended, and on the disk before they count as settled.

The file is opened anew for each batch, so one that was moved away by a rotation begins
again. Who else appends waits: two forwarders never mix their lines. What a crash left of
a line is taken away before the next one is written; it was never settled, so it comes again.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Sequence
from pathlib import Path

from etl.config.forwarding import FileTarget
from etl.forward.sending import Message, Receipt

# A line is searched for its beginning in steps of this size.
_STEP = 64 * 1024
_BEGINNINGS = b'{["'


class FileSender:
    """An open way to one file."""

    def __init__(self, target: FileTarget) -> None:
        """Write to the file that ``target`` names; it is made with the first batch."""
        self._path = Path(target.path)

    def send(self, batch: Sequence[Message]) -> Receipt:
        """Append ``batch`` and wait until it is on the disk; all of it is settled, or nothing."""
        lines = b"".join(message.body + b"\n" for message in batch)
        try:
            made = not self._path.exists()
            # Unbuffered, so that nothing is written after a failure.
            with self._path.open("ab+", buffering=0) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                end = _ended(file.fileno())
                try:
                    _write(file.fileno(), lines)
                    os.fsync(file.fileno())
                except OSError:
                    # A full disk may have taken a part, which would stand there as half a line.
                    os.ftruncate(file.fileno(), end)
                    raise
            if made:
                _settle(self._path.parent)
        except OSError as error:
            return Receipt(0, failure=f"cannot write {self._path}: {error.strerror}")
        return Receipt(len(batch))

    def close(self) -> None:
        """Do nothing: no file is open between batches."""


def _ended(file: int) -> int:
    """Let the file end with a whole line and return its size."""
    size = os.fstat(file).st_size
    begin = _last_line(file, size)
    rest = os.pread(file, size - begin, begin)
    if not rest:
        return size
    if rest[:1] in {bytes([one]) for one in _BEGINNINGS} and not _is_json(rest):
        os.ftruncate(file, begin)
        return begin
    # A whole document, or no line of ours: only its end is missing.
    _write(file, b"\n")
    return size + 1


def _last_line(file: int, size: int) -> int:
    """Return where the text behind the last line end begins."""
    end = size
    while end:
        start = max(0, end - _STEP)
        found = os.pread(file, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        # What a crash cut off is no document.
        return False
    return True


def _write(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


def _settle(folder: Path) -> None:
    """Make the name of a new file last."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
