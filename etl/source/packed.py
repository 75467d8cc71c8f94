"""A file of any compression to the bytes that it packs: gzip and zstandard, also one around the other.

Known by their first bytes and not by their names. What comes out is a stream that is counted
against the allowance while it is read; no more of it than a block is ever in memory.
"""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

import pyarrow as pa
from isal import igzip, igzip_lib

from etl.errors import HostileArchiveError, InputError, quoted
from etl.source.allowance import Allowance, Packed, Unpacked
from etl.source.streams import BUFFER, joined

Kind: TypeAlias = Literal["tar", "zip", "document"]

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_ZIPS = (b"PK\x03\x04", b"PK\x05\x06")
_TAR_MAGIC, _TAR_MAGIC_AT = b"ustar", 257
HEAD = 512
_NOT_READ = {b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"7z\xbc\xaf\x27\x1c": "7-Zip", b"Rar!": "RAR"}
# A must-gather may be .tar.gz packed again by whoever sent it; more layers are made to harm.
_LAYERS = 3
_DAMAGED = (
    OSError,
    EOFError,
    zlib.error,
    tarfile.TarError,
    igzip_lib.IsalError,
    # A zip that is damaged, or packed in an odd way.
    zipfile.BadZipFile,
    NotImplementedError,
    struct.error,
)


def opened(
    name: str, stream: io.BufferedIOBase, allowance: Allowance
) -> tuple[io.BufferedIOBase, Kind]:
    """Return the stream below all compression, and what it is; raises ``InputError`` if it is damaged."""
    for layer in range(_LAYERS + 1):
        with damaged(name):
            head = stream.read(HEAD)
        stream = joined(head, stream)
        if not head.startswith((_GZIP, _ZSTD)):
            break
        if layer == _LAYERS:
            raise HostileArchiveError(
                f"{name} is refused: it is compressed more than {_LAYERS} times"
            )
        packed = Packed(stream)
        source = io.BufferedReader(packed, BUFFER)
        inner = (
            igzip.IGzipFile(fileobj=source, mode="rb")  # type: ignore[no-untyped-call]  # the stub forgets it
            if head.startswith(_GZIP)
            else pa.CompressedInputStream(pa.PythonFile(source, mode="r"), "zstd")
        )
        stream = io.BufferedReader(Unpacked(name, inner, packed, allowance), BUFFER)
    return stream, _kind(name, head)


def is_packed(head: bytes) -> bool:
    """Whether the first ``HEAD`` bytes of a file are those of an archive, or of anything compressed."""
    return head.startswith((_GZIP, _ZSTD, *_ZIPS)) or head[_TAR_MAGIC_AT:].startswith(_TAR_MAGIC)


@contextmanager
def damaged(name: str) -> Iterator[None]:
    """Say of whatever a damaged file raises meanwhile which file it is: ``InputError``."""
    try:
        yield
    except _DAMAGED as error:  # type: ignore[misc]  # the stub of isal calls its error an instance
        raise InputError(f"{name} is damaged: {quoted(str(error), 160)}") from error


def _kind(name: str, head: bytes) -> Kind:
    if head.startswith(_ZIPS):
        return "zip"
    if head[_TAR_MAGIC_AT:].startswith(_TAR_MAGIC):
        return "tar"
    for magic, format_ in _NOT_READ.items():
        if head.startswith(magic):
            raise InputError(
                f"{name} is packed with {format_}, which is not read; unpack it, or pack it with gzip, zstd or zip"
            )
    return "document"
