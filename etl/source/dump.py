"""Dumps to decoded events: what ``kubectl get events -o json|yaml`` and bundles leave behind.

Reads EventList and List of both API groups, bare lists, single events, JSON lines,
lines of a watch, YAML with several documents, each also gzipped, single files, whole
folders and standard input. Events come in chunks, so that a dump of any size fits.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import yaml

from etl.errors import InputError, quoted
from etl.source import decode
from etl.source.decode import Decoded

# Events per chunk, as in a page of the API: bounds memory, long enough for columns to pay.
CHUNK = 5000
_SUFFIXES = (".json", ".jsonl", ".ndjson", ".yaml", ".yml")
_YAML = (".yaml", ".yml")
_GZIP_MAGIC = b"\x1f\x8b"
STDIN = "-"


class _YamlLoader(yaml.CSafeLoader):
    """YAML whose timestamps stay text, as the API wrote them."""


_YamlLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


class _Envelope(msgspec.Struct, frozen=True):
    """The outermost object of a JSON document; items and object stay undecoded."""

    kind: str | None = None
    items: list[msgspec.Raw] | None = None
    type: str | None = None
    object: msgspec.Raw = msgspec.Raw()
    involvedObject: msgspec.Raw = msgspec.Raw()  # noqa: N815 -- the API's spelling
    regarding: msgspec.Raw = msgspec.Raw()


@dataclass(slots=True)
class Reading:
    """What reading a set of paths came to; complete when the chunks are exhausted."""

    files: int = 0
    without_events: list[str] = field(default_factory=list)
    other_objects: int = 0


def chunks(paths: Sequence[str], reading: Reading, stdin: BinaryIO) -> Iterator[Decoded]:
    """Yield the events of all ``paths`` in chunks and note in ``reading`` what was found.

    A named file that cannot be read or holds no events raises ``InputError``; in a
    folder such a file is noted, because bundles are full of other things.
    """
    for path in paths:
        if path == STDIN:
            yield from _file(STDIN, stdin.read(), reading, named=True)
            continue
        place = Path(path)
        if place.is_dir():
            for file in sorted(p for p in place.rglob("*") if p.is_file() and _is_dump(p)):
                yield from _file(str(file), _bytes(file), reading, named=False)
        else:
            yield from _file(path, _bytes(place), reading, named=True)


def _is_dump(path: Path) -> bool:
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(_SUFFIXES)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"cannot read {path}: {error.strerror or error}"
        raise InputError(message) from error


def _file(name: str, data: bytes, reading: Reading, *, named: bool) -> Iterator[Decoded]:
    """Yield the events of one file; a file without events is refused if the user named it."""
    reading.files += 1
    found = False
    try:
        for chunk in _chunked(_documents(name, _unzipped(name, data), reading)):
            found = found or bool(chunk.events)
            yield chunk
    except InputError:
        if named:
            raise
        found = False
    if not found:
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


def _chunked(
    found: Iterator[tuple[str, msgspec.Raw | bytes | dict[str, Any]]],
) -> Iterator[Decoded]:
    decoded, seen = Decoded(), 0
    for place, item in found:
        if isinstance(item, dict):
            decode.add_plain(decoded, item, place)
        else:
            decode.add_item(decoded, item, place)
        seen += 1
        if seen == CHUNK:
            yield decoded
            decoded, seen = Decoded(), 0
    if seen:
        yield decoded


_Found = Iterator[tuple[str, "msgspec.Raw | bytes | dict[str, Any]"]]


def _documents(name: str, data: bytes, reading: Reading) -> _Found:
    """Yield (place, event) of every event object in the text, whatever its envelope."""
    text = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not text:
        return
    if name.lower().removesuffix(".gz").endswith(_YAML) or text[:1] not in b"[{":
        yield from _yaml_documents(name, text, reading)
        return
    try:
        if text[:1] == b"[":
            yield from _items(name, msgspec.json.decode(text, type=list[msgspec.Raw]), reading)
        else:
            yield from _enveloped(name, msgspec.json.decode(text, type=_Envelope), text, reading)
    except msgspec.MsgspecError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2 or not lines[0].rstrip().endswith((b"}", b"]")):  # noqa: PLR2004
            message = f"{name} is not valid JSON: {quoted(str(error), 120)}"
            raise InputError(message) from error
        yield from _json_lines(name, lines, reading)


def _json_lines(name: str, lines: list[bytes], reading: Reading) -> _Found:
    """Yield the events of JSON lines; a broken line is one unreadable item, not the end."""
    broken = 0
    for number, line in enumerate(lines, 1):
        place = f"{name}:{number}"
        try:
            yield from _enveloped(place, msgspec.json.decode(line, type=_Envelope), line, reading)
        except msgspec.MsgspecError as error:
            broken += 1
            if broken == len(lines):
                message = f"{name} is neither JSON nor JSON lines: {quoted(str(error), 120)}"
                raise InputError(message) from error
            yield place, line


def _enveloped(place: str, envelope: _Envelope, text: bytes, reading: Reading) -> _Found:
    if envelope.items is not None:
        if envelope.kind == "EventList":
            for position, raw in enumerate(envelope.items):
                yield f"{place} item {position}", raw
        else:
            yield from _items(place, envelope.items, reading)
    elif envelope.type is not None and bytes(envelope.object):
        yield from _items(place, [envelope.object], reading)
    elif _is_event(envelope):
        yield place, text
    else:
        reading.other_objects += 1


def _items(place: str, raws: list[msgspec.Raw], reading: Reading) -> _Found:
    """Yield those items of a mixed or bare list that are events."""
    for position, raw in enumerate(raws):
        try:
            envelope = msgspec.json.decode(raw, type=_Envelope)
        except msgspec.ValidationError:
            # Not an object, or fields of other types: an event only if it says so itself.
            plain = json.loads(bytes(raw))
            if isinstance(plain, dict) and _plain_is_event(plain):
                yield f"{place} item {position}", plain
                continue
            reading.other_objects += 1
            continue
        if _is_event(envelope):
            yield f"{place} item {position}", raw
        else:
            reading.other_objects += 1


def _is_event(envelope: _Envelope) -> bool:
    about = bytes(envelope.involvedObject) or bytes(envelope.regarding)
    return envelope.kind == "Event" or (envelope.kind is None and bool(about))


def _plain_is_event(plain: dict[str, Any]) -> bool:
    kind = plain.get("kind")
    return kind == "Event" or (kind is None and ("involvedObject" in plain or "regarding" in plain))


def _yaml_documents(name: str, text: bytes, reading: Reading) -> _Found:
    try:
        for number, document in enumerate(yaml.load_all(text, _YamlLoader)):  # noqa: S506 -- a safe loader
            place = name if number == 0 else f"{name} document {number}"
            listed = document.get("items") if isinstance(document, dict) else document
            whole = isinstance(document, dict) and document.get("kind") == "EventList"
            for position, item in enumerate(listed if isinstance(listed, list) else [document]):
                if isinstance(item, dict) and (whole or _plain_is_event(item)):
                    yield f"{place} item {position}", item
                else:
                    reading.other_objects += 1
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        message = f"{name} is neither JSON nor YAML: {quoted(str(error), 160)}"
        raise InputError(message) from error
