"""Paths to the files that are there, also those in archives and in archives within archives.

A file is handed on with a way to open it; what nobody opens is passed over as fast as its
archive allows. An archive on standard input is kept in a temporary file, because what a bundle
tells of itself is wanted before its events.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO, cast

from etl.errors import HostileArchiveError, InputError, quoted
from etl.source import archives, bundles, packed
from etl.source.allowance import Allowance
from etl.source.streams import BUFFER, joined

STDIN = "-"
# An archive within an archive that is not longer stays in memory.
_SPOOLED = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class File:
    """A file of the file system, or standard input: its name, its path below its root, its bytes (null: unknown)."""

    name: str
    path: str
    open: Callable[[], io.BufferedIOBase]
    size: int | None


@dataclass(frozen=True, slots=True)
class Root:
    """A path that was named; of a folder, all its files."""

    name: str
    files: tuple[File, ...]
    is_folder: bool = False
    once: bool = False
    """Whether it can be read only once, as standard input."""
    kept: IO[bytes] | io.BufferedIOBase | None = None
    """What has to be closed in the end: a pipe, or the file that its archive is kept in."""

    def close(self) -> None:
        """Close what is kept."""
        if self.kept is not None:
            self.kept.close()


@dataclass(frozen=True, slots=True)
class Leaf:
    """A file that is no archive: what a person calls it, where it lies below its root.

    ``open`` raises ``InputError``, as ``trouble`` would if it cannot even be reached; ``named``
    says that somebody asked for this file and no other.
    """

    name: str
    path: str
    named: bool
    open: Callable[[], io.BufferedIOBase]


@dataclass(slots=True)
class Position:
    """How far the outermost files are read: bytes of those before, and the one that is open."""

    before: int = 0
    file: io.BufferedIOBase | None = None

    @property
    def bytes(self) -> int:
        """Bytes of the files as they lie there, packed or not."""
        if self.file is None or self.file.closed or not self.file.seekable():
            return self.before
        return self.before + self.file.tell()

    def close(self) -> None:
        """Close the file that is open."""
        if self.file is not None:
            self.file.close()
        self.file = None


def roots(paths: Sequence[str], stdin: BinaryIO) -> Iterator[Root]:
    """Yield what ``paths`` name; raises ``InputError`` for an empty one."""
    for path in paths:
        if not path:
            message = "an empty path was given; is a variable of your script not set?"
            raise InputError(message)
        if path == STDIN:
            yield _pipe(STDIN, stdin)
        elif Path(path).is_fifo():
            # Such as the shell's <(kubectl get events -o json).
            yield _pipe(path, _opened(Path(path)))
        elif Path(path).is_dir():
            files = (_file(str(p), p.relative_to(path).as_posix(), p) for p in _below(Path(path)))
            # What is no file, such as a pipe, could be waited for without an end.
            there = tuple(file for file in files if file.size is not None)
            yield Root(path, there, is_folder=True)
        else:
            yield Root(path, (_file(path, "", Path(path)),))


def leaves(root: Root, allowance: Allowance, position: Position) -> Iterator[Leaf]:
    """Yield the files of ``root``, in order of their names or of their archive.

    Each has to be read before the next one is asked for. Raises ``InputError`` if a file that
    was named cannot be read, and ``HostileArchiveError`` for any archive that is built to harm.
    """
    for file in root.files:
        opened = partial(_at, file, position)
        try:
            if root.is_folder and not bundles.is_archive(file.path):
                content = partial(_content, file.name, opened, allowance)
                yield Leaf(file.name, file.path, named=False, open=content)
            elif root.is_folder:
                yield from _inner(file.name, file.path, opened, allowance)
            else:
                yield from _within(file.name, "", opened(), allowance)
        finally:
            position.close()
        position.before += file.size or 0


def _within(
    name: str, path: str, stream: io.BufferedIOBase, allowance: Allowance, depth: int = 0
) -> Iterator[Leaf]:
    """Yield the file that was named, or those in the archive that it is."""
    content, kind = packed.opened(name, stream, allowance)
    if kind == "document":
        yield Leaf(name, path, named=not depth, open=lambda: content)
        return
    allowance.enter(name, depth + 1)
    for entry in _entries(kind, name, content, allowance):
        place = f"{name}: {quoted(entry.name)}"
        inner = f"{path}/{entry.name}" if path else entry.name
        if bundles.is_archive(entry.name):
            yield from _inner(place, inner, entry.open, allowance, depth + 1)
        else:
            content_ = partial(_content, place, entry.open, allowance)
            yield Leaf(place, inner, named=False, open=content_)


def _inner(
    name: str,
    path: str,
    opened: Callable[[], io.BufferedIOBase],
    allowance: Allowance,
    depth: int = 0,
) -> Iterator[Leaf]:
    """Yield the files of an archive that nobody named: if it cannot be read, itself, which says why when opened."""
    try:
        yield from _within(name, path, opened(), allowance, max(depth, 1))
    except HostileArchiveError:
        raise
    except InputError as error:
        yield Leaf(name, path, named=False, open=partial(_raise, error))


def _entries(
    kind: packed.Kind, name: str, stream: io.BufferedIOBase, allowance: Allowance
) -> Iterator[archives.Entry]:
    if kind == "tar":
        yield from archives.tar_entries(name, stream, allowance)
        return
    # A zip tells at its end what it holds.
    with _spooled(name, stream, allowance) as file:
        yield from archives.zip_entries(name, file, allowance)


@contextmanager
def _spooled(name: str, stream: io.BufferedIOBase, allowance: Allowance) -> Iterator[BinaryIO]:
    """Keep ``stream`` where it can be sought in: in memory while it is short, else in a temporary file."""
    with tempfile.SpooledTemporaryFile(_SPOOLED) as file:
        with packed.damaged(name):
            while block := stream.read(BUFFER):
                allowance.read(name, len(block))
                file.write(block)
        file.seek(0)
        yield cast("BinaryIO", file)


def _content(
    name: str, opened: Callable[[], io.BufferedIOBase], allowance: Allowance
) -> io.BufferedIOBase:
    """Open a file below its packing; raises ``InputError`` if it is an archive that is not called one."""
    content, kind = packed.opened(name, opened(), allowance)
    if kind != "document":
        raise InputError(f"{name} is an archive that is not called one; name it to import it")
    return content


def _raise(error: InputError) -> io.BufferedIOBase:
    raise error


def _at(file: File, position: Position) -> io.BufferedIOBase:
    position.file = file.open()
    return position.file


def _file(name: str, path: str, place: Path) -> File:
    return File(name, path, partial(_opened, place), _size(place))


def _below(folder: Path) -> Iterator[Path]:
    """Yield all that lies below, sorted; raises ``InputError`` for a folder that cannot be looked into."""
    found = []
    for parent, _folders, names in os.walk(folder, onerror=_refuse):
        found += [Path(parent, name) for name in names]
    return iter(sorted(found))


def _refuse(error: OSError) -> None:
    message = f"cannot read {error.filename}: {error.strerror or error}"
    raise InputError(message) from error


def _pipe(name: str, stream: BinaryIO | io.BufferedIOBase) -> Root:
    """Keep an archive in a temporary file, which lives as long as the root does; anything else is read once."""
    head = stream.read(packed.HEAD)
    rest = joined(head, cast("io.BufferedIOBase", stream))
    if not packed.is_packed(head):
        once = File(name, "", lambda: rest, None)
        return Root(name, (once,), once=True, kept=None if name == STDIN else stream)
    kept = tempfile.TemporaryFile()  # noqa: SIM115 -- the root closes it
    shutil.copyfileobj(rest, kept, BUFFER)
    file = File(name, "", partial(_again, kept), kept.tell())
    return Root(name, (file,), kept=kept)


def _again(file: IO[bytes]) -> io.BufferedIOBase:
    file.seek(0)
    return joined(b"", cast("io.BufferedIOBase", file))


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        # Opening it says what is wrong.
        return None


def _opened(path: Path) -> io.BufferedIOBase:
    try:
        return path.open("rb")
    except OSError as error:
        message = f"cannot read {path}: {error.strerror or error}"
        raise InputError(message) from error
