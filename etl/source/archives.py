"""Archives to the files that they hold, one after the other: tar as a stream, zip from a file.

Nothing is unpacked to a disk and no link is followed, so no archive can write anywhere or
show a file of this machine. One that tries is refused whole all the same: names that lead out
of it, links that do, devices, entries that lie over each other, and sizes without an end.
"""

from __future__ import annotations

import io
import posixpath
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Self, cast

from etl.errors import HostileArchiveError, InputError, quoted
from etl.source import packed, ziptable
from etl.source.allowance import Allowance, Packed, Unpacked

# A name or an extended header is read into memory whole: no path of any system is longer.
_LONGEST_HEADER = 1024 * 1024
_LONGEST_NAME = 200  # characters of a stranger's name in a message
_BUFFER = 512 * 1024
_LONG_HEADERS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in an archive; ``open`` gives its bytes, in a tar only before the next entry is asked for."""

    name: str
    open: Callable[[], io.BufferedIOBase]


def tar_entries(name: str, stream: io.BufferedIOBase, allowance: Allowance) -> Iterator[Entry]:
    """Yield the files of a tar; raises ``HostileArchiveError``, and ``InputError`` if it is damaged."""
    trouble: list[str] = []
    with (
        packed.damaged(name),
        tarfile.open(
            fileobj=stream, mode="r|", tarinfo=_headers(name, trouble), bufsize=_BUFFER
        ) as tar,
    ):
        for member in tar:
            tar.members = []  # type: ignore[attr-defined]  # it would keep all of them; not in the stub
            allowance.entry(name)
            _check_path(name, member.name, member.name)
            if member.issym() or member.islnk():
                # A hard link names its target from the archive's root, a symbolic one from where it lies.
                start = "" if member.islnk() else posixpath.dirname(member.name)
                _check_path(name, member.name, member.linkname, start)
            elif member.isdev():
                raise _hostile(name, member.name, "is a device")
            elif member.isfile():
                # What a sparse one claims is not there.
                allowance.claim(name, member.size)
                yield Entry(_clean(member.name), partial(_extracted, name, tar, member))
    if trouble:
        # tarfile takes a header that it cannot read for the end.
        raise InputError(f"{name} is damaged: {trouble[0]}")


def zip_entries(name: str, file: BinaryIO, allowance: Allowance) -> Iterator[Entry]:
    """Yield the files of a zip that can be sought in; raises as ``tar_entries`` does."""
    with packed.damaged(name):
        ziptable.check_size(name, file, allowance)
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            ziptable.check_apart(name, members, archive.start_dir)
            for member in members:
                allowance.entry(name)
                _check_path(name, member.filename, member.filename)
                kind = stat.S_IFMT(member.external_attr >> 16)
                if kind == stat.S_IFLNK:
                    with _unzipped(name, archive, member, allowance) as content:
                        target = content.read(_LONGEST_HEADER).decode("utf-8", "replace")
                    _check_path(name, member.filename, target, posixpath.dirname(member.filename))
                elif kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
                    raise _hostile(name, member.filename, "is a device")
                elif not member.is_dir():
                    allowance.claim(name, member.file_size)
                    allowance.ratio(name, member.file_size, member.compress_size)
                    opened = partial(_unzipped, name, archive, member, allowance)
                    yield Entry(_clean(member.filename), opened)


def _headers(name: str, trouble: list[str]) -> type[tarfile.TarInfo]:
    """Return how the headers of one tar are read: ``trouble`` tells of one that is no header."""

    class Header(tarfile.TarInfo):
        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
            try:
                header = super().frombuf(buf, encoding, errors)
            except (tarfile.EmptyHeaderError, tarfile.EOFHeaderError):  # type: ignore[attr-defined]  # not in the stub
                raise
            except tarfile.HeaderError as error:
                trouble.append(quoted(str(error), _LONGEST_NAME))
                raise
            if header.size < 0 or (header.type in _LONG_HEADERS and header.size > _LONGEST_HEADER):
                raise _hostile(name, header.name, f"claims {header.size:,} bytes for a name")
            return header

    return Header


def _extracted(name: str, tar: tarfile.TarFile, member: tarfile.TarInfo) -> io.BufferedIOBase:
    with packed.damaged(name):
        file = tar.extractfile(member)
    if file is None:
        raise InputError(f"{name} is damaged: {quoted(member.name, _LONGEST_NAME)} has no content")
    return cast("io.BufferedIOBase", file)


def _unzipped(
    name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo, allowance: Allowance
) -> io.BufferedIOBase:
    if member.flag_bits & _ENCRYPTED:
        raise InputError(f"{name} is encrypted; unpack it and import the folder")
    with packed.damaged(name):
        content = archive.open(member)
    source = Packed(io.BytesIO())
    source.count = member.compress_size
    return io.BufferedReader(
        Unpacked(name, cast("io.BufferedIOBase", content), source, allowance), _BUFFER
    )


def _check_path(name: str, entry: str, path: str, start: str = "") -> None:
    """Raise ``HostileArchiveError`` if ``path``, seen from the folder ``start`` of the archive, leads out of it."""
    flat = path.replace("\\", "/")
    whole = posixpath.normpath(posixpath.join(start.replace("\\", "/"), flat))
    if flat.startswith("/") or flat[1:2] == ":" or whole == ".." or whole.startswith("../"):
        raise _hostile(name, entry, f"leads out of it, to {quoted(path, _LONGEST_NAME)}")
    if "\0" in path:
        raise _hostile(name, entry, "has a name with a zero byte")


def _clean(path: str) -> str:
    return posixpath.normpath(path.replace("\\", "/"))


def _hostile(name: str, entry: str, why: str) -> HostileArchiveError:
    return HostileArchiveError(f"{name} is refused: {quoted(entry, _LONGEST_NAME)} {why}")
