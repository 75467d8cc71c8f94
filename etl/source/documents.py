"""Text of a dump to its event objects, whatever their envelope.

EventList and List of both API groups, bare lists, single events, lines or documents of
a watch, JSON lines, JSON documents one after another, and YAML with several documents.
An item is handed on undecoded where it can be; what is no event is handed on as null.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec
import yaml

from etl.errors import InputError, quoted
from etl.source import lenient

# Where it stands in its file, and JSON or plain data of an event; null for anything else.
Item: TypeAlias = tuple[str, "msgspec.Raw | bytes | dict[str, Any] | None"]

_YAML = (".yaml", ".yml")
_BLANK = b"\xef\xbb\xbf \t\r\n"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ARCHIVES = ((0, b"PK\x03\x04"), (257, b"ustar"))
# Documents one after another: each starts a line, while what stands inside is indented.
_NEXT_DOCUMENT = re.compile(rb"\r?\n(?=\{)")
_REFUSED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _YamlLoader(yaml.CSafeLoader):
    """YAML whose timestamps stay text, as the API wrote them, and for which = is no keyword."""


_YamlLoader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if not tag.endswith((":timestamp", ":value"))]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


class _Envelope(msgspec.Struct, frozen=True):
    """The outermost object of a JSON document: nothing in it is decoded, so that nothing can be odd."""

    kind: msgspec.Raw = msgspec.Raw()
    items: msgspec.Raw = msgspec.Raw()
    type: msgspec.Raw = msgspec.Raw()
    object: msgspec.Raw = msgspec.Raw()
    involvedObject: msgspec.Raw = msgspec.Raw()  # noqa: N815 -- the API's spelling
    regarding: msgspec.Raw = msgspec.Raw()


_envelope = msgspec.json.Decoder(_Envelope)
_list = msgspec.json.Decoder(list[msgspec.Raw])


def found(name: str, data: bytes) -> Iterator[Item]:
    """Yield what stands in the file ``name``; raises ``InputError`` if it cannot be read at all."""
    if any(data.startswith(magic, at) for at, magic in _ARCHIVES):
        message = f"{name} is an archive; unpack it and import the folder"
        raise InputError(message)
    if data.startswith(_UTF16):  # as PowerShell redirects
        data = data.decode("utf-16", "replace").encode()
    text = data.lstrip(_BLANK)
    if not text:
        return
    if text[:1] not in b"[{":
        try:
            yield from _yaml(name, text)
        except InputError as error:
            # Lines of JSON whose first one lost its head look like this.
            yield from _pieces(name, text, error)
        return
    try:
        whole = _document(name, text)
    except ValueError as error:
        trouble = InputError(f"{name} is not valid JSON: {quoted(str(error), 120)}")
    else:
        yield from whole
        return
    try:
        yield from _pieces(name, text, trouble)
    except InputError:
        if not name.lower().removesuffix(".gz").endswith(_YAML):
            raise
        yield from _yaml(name, text)


def _document(place: str, text: bytes) -> list[Item]:
    """Return what one JSON document holds; raises ``ValueError`` if it is none."""
    try:
        return _opened(place, text)
    except _REFUSED:
        repaired = lenient.repaired(text)
    try:
        return _opened(place, repaired)
    except _REFUSED as error:
        raise ValueError(str(error)) from error


def _opened(place: str, text: bytes) -> list[Item]:
    if text[:1] == b"[":
        return _items(place, _list.decode(text))
    envelope = _envelope.decode(text)
    if bytes(envelope.items)[:1] == b"[":
        raws = _list.decode(envelope.items)
        if bytes(envelope.kind) == b'"EventList"':
            return [(f"{place} item {position}", raw) for position, raw in enumerate(raws)]
        return _items(place, raws)
    if bytes(envelope.type)[:1] == b'"' and bytes(envelope.object)[:1] == b"{":
        # A bookmark looks like an event and tells only a resourceVersion.
        bookmark = bytes(envelope.type) == b'"BOOKMARK"'
        return [(place, envelope.object if not bookmark and _is_event(envelope.object) else None)]
    return [(place, text if _is_event(text) else None)]


def _items(place: str, raws: list[msgspec.Raw]) -> list[Item]:
    """Return those items of a mixed or bare list that are events."""
    return [
        (f"{place} item {position}", raw if _is_event(raw) else None)
        for position, raw in enumerate(raws)
    ]


def _is_event(raw: msgspec.Raw | bytes) -> bool:
    try:
        envelope = _envelope.decode(raw)
    except msgspec.ValidationError:
        return False
    about = bytes(envelope.involvedObject) or bytes(envelope.regarding)
    kind = bytes(envelope.kind)
    return kind == b'"Event"' or (kind in {b"", b"null"} and bool(about))


def _pieces(name: str, text: bytes, trouble: InputError) -> Iterator[Item]:
    """Yield the events of JSON lines or documents one after another; a broken one is one unreadable item.

    Raises ``trouble`` if not one of them can be read.
    """
    line, readable, broken = 1, False, []
    for piece in _NEXT_DOCUMENT.split(text):
        place = f"{name}:{line}"
        line += piece.count(b"\n") + 1
        try:
            items = _document(place, piece.strip())
        except ValueError:
            # A whole line with broken ones below it, or broken from its start.
            broken.append((place, piece))
            try:
                items = _document(place, piece.splitlines()[0].strip())
            except (ValueError, IndexError):
                continue
        yield from items
        readable = True
    if not readable:
        raise trouble
    yield from broken


def _yaml(name: str, text: bytes) -> Iterator[Item]:
    try:
        for number, document in enumerate(yaml.load_all(text, _YamlLoader)):
            place = name if number == 0 else f"{name} document {number}"
            listed = document.get("items") if isinstance(document, dict) else document
            whole = isinstance(document, dict) and document.get("kind") == "EventList"
            for position, item in enumerate(listed if isinstance(listed, list) else [document]):
                event = isinstance(item, dict) and (whole or _plain_is_event(item))
                yield f"{place} item {position}", item if event else None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        message = f"{name} is neither JSON nor YAML: {quoted(str(error), 160)}"
        raise InputError(message) from error


def _plain_is_event(plain: dict[str, Any]) -> bool:
    kind = plain.get("kind")
    return kind == "Event" or (kind is None and ("involvedObject" in plain or "regarding" in plain))
