"""Dumps to decoded events: what ``kubectl get events -o json|yaml`` and bundles leave behind.

Reads single files, whole folders and standard input, each also gzipped; what their
text may look like is in ``documents``. Events come in chunks, so that the memory for
columns stays bounded.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from etl.errors import InputError
from etl.source import decode, documents
from etl.source.decode import Decoded
from etl.source.documents import Item

# Events per chunk, as in a page of the API: bounds memory, long enough for columns to pay.
CHUNK = 5000
_SUFFIXES = (".json", ".jsonl", ".ndjson", ".yaml", ".yml")
_GZIP_MAGIC = b"\x1f\x8b"
STDIN = "-"


@dataclass(slots=True)
class Reading:
    """What reading a set of paths came to; complete when the chunks are exhausted."""

    files: int = 0
    without_events: list[str] = field(default_factory=list)
    other_objects: int = 0
    share: float | None = None
    """How much of the bytes of all files was handed out, 0 to 1; null where a pipe has no size."""


def chunks(paths: Sequence[str], reading: Reading, stdin: BinaryIO) -> Iterator[Decoded]:
    """Yield the events of all ``paths`` in chunks and note in ``reading`` what was found.

    A named file that cannot be read or holds no events raises ``InputError``. Bundles are
    full of other things, so in a folder a file without events is noted, and one that
    cannot be read is one unreadable item.
    """
    files = list(_files(paths))
    sizes = [file.size for file in files]
    total = sum(size or 0 for size in sizes) if None not in sizes else 0
    before = 0
    for file in files:
        data = stdin.read() if file.path is None else _bytes(file.path)
        for chunk, share in _file(file.name, data, reading, named=file.named):
            if total:
                reading.share = (before + (file.size or 0) * share) / total
            yield chunk
        before += file.size or 0


@dataclass(frozen=True, slots=True)
class _File:
    """A file to read, or standard input (no path); ``size`` in bytes, null for a pipe."""

    name: str
    path: Path | None
    named: bool
    size: int | None


def _files(paths: Sequence[str]) -> Iterator[_File]:
    for path in paths:
        if not path:
            message = "an empty path was given; is a variable of your script not set?"
            raise InputError(message)
        if path == STDIN:
            yield _File(STDIN, None, named=True, size=None)
            continue
        place = Path(path)
        if place.is_dir():
            for file in sorted(p for p in place.rglob("*") if p.is_file() and _is_dump(p)):
                yield _File(str(file), file, named=False, size=_size(file))
        else:
            yield _File(path, place, named=True, size=_size(place))


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        # Reading it says what is wrong.
        return None


def _is_dump(path: Path) -> bool:
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(_SUFFIXES)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"cannot read {path}: {error.strerror or error}"
        raise InputError(message) from error


def _file(
    name: str, data: bytes, reading: Reading, *, named: bool
) -> Iterator[tuple[Decoded, float]]:
    """Yield the events of one file, and which share of it they end at; a named file without events is refused."""
    reading.files += 1
    events = 0
    try:
        text = _unzipped(name, data)
        for chunk, read in _chunked(documents.found(name, text), reading):
            events += len(chunk.events)
            yield chunk, min(1.0, read / len(text))
    except InputError as error:
        if named:
            raise
        yield Decoded(unreadable=[str(error)]), 1.0
        return
    if not events:
        if named:
            message = (
                f"{name} holds no events; expected the output of kubectl get events -o json or yaml"
            )
            raise InputError(message)
        reading.without_events.append(name)


def _unzipped(name: str, data: bytes) -> bytes:
    if not data.startswith(_GZIP_MAGIC):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        message = f"{name} is damaged: {error}"
        raise InputError(message) from error


def _chunked(found: Iterator[Item], reading: Reading) -> Iterator[tuple[Decoded, int]]:
    """Yield events in chunks, and how many bytes of text the items took so far: those of YAML do not tell."""
    decoded, seen, read = Decoded(), 0, 0
    for place, item in found:
        if item is None:
            reading.other_objects += 1
            continue
        if isinstance(item, dict):
            decode.add_plain(decoded, item, place)
        else:
            read += len(item)
            decode.add_item(decoded, item, place)
        seen += 1
        if seen == CHUNK:
            yield decoded, read
            decoded, seen = Decoded(), 0
    if seen:
        yield decoded, read
