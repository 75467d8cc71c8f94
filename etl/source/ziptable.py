"""The table at the end of a zip, looked at before ``zipfile`` reads it into memory whole."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Sequence
from typing import BinaryIO

from etl.errors import HostileArchiveError
from etl.source.allowance import Allowance

# The end of a zip tells the size of its table; where that does not fit, a longer end before it does.
_END, _LONG_END, _LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_END_SIZE, _LONGEST_COMMENT = 22, 65535
_LOCATOR_SIZE, _LONG_END_SIZE = 20, 56
_SIZE_AT, _LONG_SIZE_AT, _PLACE_AT = 12, 40, 8
_DOES_NOT_FIT = 0xFFFFFFFF
# Bytes of the table that an entry takes on average: 46, its name, and times of Unix.
_ROW = 400
_LOCAL_HEADER = 30


def check_size(name: str, file: BinaryIO, allowance: Allowance) -> None:
    """Raise ``HostileArchiveError`` if the table is longer than that of as many entries as are allowed."""
    size = _table_size(file)
    if size > allowance.limits.max_entries * _ROW:
        raise HostileArchiveError(
            f"{name} is refused: its table of {size:,} bytes is that of more than"
            f" {allowance.limits.max_entries:,} entries (imports.max_entries)"
        )


def check_apart(name: str, members: Sequence[zipfile.ZipInfo], table: int) -> None:
    """Raise ``HostileArchiveError`` if two entries share bytes: a way to many times the size of the file.

    ``table`` is the place where the table begins, which no entry may reach.
    """
    end = 0
    ordered = sorted(members, key=lambda member: member.header_offset)
    for member in ordered:
        if member.header_offset < end:
            raise HostileArchiveError(f"{name} is refused: entries lie over each other")
        end = (
            member.header_offset + _LOCAL_HEADER + len(member.orig_filename) + member.compress_size
        )
    if end > table:
        raise HostileArchiveError(f"{name} is refused: entries reach into its table")


def _table_size(file: BinaryIO) -> int:
    """Return the bytes that the table claims; 0 where there is no end, which ``zipfile`` says."""
    length = file.seek(0, io.SEEK_END)
    start = max(0, length - _END_SIZE - _LONGEST_COMMENT - _LOCATOR_SIZE)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_SIZE:
        return 0
    (size,) = struct.unpack_from("<L", tail, at + _SIZE_AT)
    locator = at - _LOCATOR_SIZE
    if locator < 0 or tail[locator : locator + len(_LOCATOR)] != _LOCATOR:
        return int(size)
    (place,) = struct.unpack_from("<Q", tail, locator + _PLACE_AT)
    file.seek(min(place, length))
    long_end = file.read(_LONG_END_SIZE)
    if len(long_end) < _LONG_END_SIZE or not long_end.startswith(_LONG_END):
        return int(size)
    (long_size,) = struct.unpack_from("<Q", long_end, _LONG_SIZE_AT)
    return max(int(long_size), 0 if size == _DOES_NOT_FIT else int(size))
