"""Text of a dump to its event objects, whatever their envelope.

EventList and List of both API groups, bare lists, single events, lines or documents of
a watch, JSON lines, JSON documents one after another, exports of log systems, and YAML with
several documents. An item is handed on undecoded where it can be; what is no event is handed
on as null. What is short is read whole, what is long in pieces (``splitting``, ``yamltext``).
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import msgspec

from etl.errors import InputError, quoted
from etl.source import lenient, spellings, splitting, yamltext
from etl.source.streams import joined

# Where it stands in its file, and JSON or plain data of an event; null for anything else.
Item: TypeAlias = tuple[str, "msgspec.Raw | bytes | dict[str, Any] | None"]

_YAML = (".yaml", ".yml")
_BLANK = b"\xef\xbb\xbf \t\r\n"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
# Documents one after another: each starts a line, while what stands inside is indented.
# Begins with one letter, so that expressions look for it as fast as memchr does; \r is stripped with all space.
_NEXT_DOCUMENT = re.compile(rb"\n(?=\{)")
_REFUSED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
# Read whole: a list of 7,000 events, which with all that is made of it takes 60 MB.
_WHOLE = 8 * 1024 * 1024
# Of what is broken, as much as shows that it is.
_BROKEN = 1000


class _Envelope(msgspec.Struct, frozen=True):
    """The outermost object of a JSON document: nothing in it is decoded, so that nothing can be odd."""

    kind: msgspec.Raw = msgspec.Raw()
    metadata: msgspec.Raw = msgspec.Raw()
    items: msgspec.Raw = msgspec.Raw()
    type: msgspec.Raw = msgspec.Raw()
    object: msgspec.Raw = msgspec.Raw()
    involvedObject: msgspec.Raw = msgspec.Raw()  # noqa: N815 -- the API's spelling
    regarding: msgspec.Raw = msgspec.Raw()


_EVENT_KINDS = frozenset({b'"Event"', b"null", b""})
_envelope = msgspec.json.Decoder(_Envelope)
_list = msgspec.json.Decoder(list[msgspec.Raw])


def found(name: str, stream: io.BufferedIOBase) -> Iterator[Item]:
    """Yield what stands in the file ``name``; raises ``InputError`` if it cannot be read at all."""
    head = stream.read(_WHOLE)
    if head.startswith(_UTF16):  # as PowerShell redirects
        whole = joined(head, stream)
        stream = codecs.EncodedFile(whole, "utf-8", "utf-16", "replace")  # type: ignore[assignment]  # it reads as one
        head = stream.read(_WHOLE)
    text = head.lstrip(_BLANK)
    if not text:
        return
    if text[:1] not in b"[{":
        yield from _other(name, text, stream)
    elif len(head) < _WHOLE:
        yield from _short(name, text)
    elif splitting.is_one_list(text):
        yield from _long_list(name, text, stream)
    else:
        yield from _pieces(name, splitting.documents(name, text, stream), _no_json(name))


def _long_list(name: str, text: bytes, stream: io.BufferedIOBase) -> Iterator[Item]:
    position = 0
    for piece in splitting.lists(name, text, stream):
        if isinstance(piece, bytes):
            yield from _pieces(name, splitting.documents(name, piece, stream), _no_json(name))
        else:
            yield from _items(name, piece, position)
            position += len(piece)


def _no_json(name: str) -> InputError:
    return InputError(f"{name} is not valid JSON")


def _short(name: str, text: bytes) -> Iterator[Item]:
    """Yield the events of a text that is in memory whole."""
    try:
        whole = _document(name, text)
    except ValueError as error:
        trouble = InputError(f"{name} is not valid JSON: {quoted(str(error), 120)}")
    else:
        yield from whole
        return
    try:
        yield from _pieces(name, [splitting.without_logs(text)], trouble)
    except InputError:
        if not name.lower().removesuffix(".gz").endswith(_YAML):
            raise
        yield from _yaml(name, io.BytesIO(text))


def _other(name: str, text: bytes, stream: io.BufferedIOBase) -> Iterator[Item]:
    """Yield the events of a text that is YAML, or lines of which the first is no JSON."""
    first = text.split(b"\n", 1)[0].rstrip()
    if b'{"' in first and first.endswith(b"}"):
        yield from _log(name, joined(text, stream))
        return
    try:
        yield from _yaml(name, joined(text, stream))
    except InputError as error:
        # Lines of JSON whose first one lost its head look like this.
        yield from _pieces(name, [text], error)


def _log(name: str, stream: io.BufferedIOBase) -> Iterator[Item]:
    """Yield the events in lines that begin with a time or the like, as container runtimes write them."""
    number = 0
    while line := stream.readline(splitting.LONGEST):
        number += 1
        place, start = f"{name}:{number}", line.find(b"{")
        try:
            yield from _document(place, line[start:].strip()) if start >= 0 else [(place, None)]
        except ValueError:
            # Words with braces in a log are none of ours, an event that was cut off is.
            yield place, line[:_BROKEN] if spellings.might_hold(line) else None


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
        return list(_items(place, _list.decode(text)))
    envelope = _envelope.decode(text)
    if bytes(envelope.items)[:1] == b"[":
        listed = bytes(envelope.kind) == b'"EventList"'
        return list(_items(place, _list.decode(envelope.items), listed=listed))
    if bytes(envelope.type)[:1] == b'"' and bytes(envelope.object)[:1] == b"{":
        # A bookmark looks like an event and tells only a resourceVersion.
        bookmark = bytes(envelope.type) == b'"BOOKMARK"'
        return [(place, None)] if bookmark else list(_events(place, envelope.object))
    return list(_events(place, text))


def _items(
    name: str, raws: list[msgspec.Raw], first: int = 0, *, listed: bool = False
) -> Iterator[Item]:
    """Yield those items of a list that are events; ``listed`` says that all of them claim to be."""
    for position, raw in enumerate(raws, first):
        yield from _events(f"{name} item {position}", raw, listed=listed)


def _events(place: str, raw: msgspec.Raw | bytes, *, listed: bool = False) -> Iterator[Item]:
    """Yield the event that ``raw`` is, in whatever spelling, or the events within it; null if there are none."""
    try:
        envelope = _envelope.decode(raw)
    except msgspec.ValidationError:
        envelope = _Envelope()
    kind = bytes(envelope.kind)
    about = bytes(envelope.involvedObject) or bytes(envelope.regarding)
    if about and kind in _EVENT_KINDS and bytes(envelope.metadata):
        yield place, raw
        return
    text = bytes(raw)
    if spellings.might_hold(text):
        found = False
        for event in spellings.events(lenient.plain_json(text)):
            yield place, event
            found = True
        if found:
            return
    yield place, raw if listed or kind == b'"Event"' or (about and kind in _EVENT_KINDS) else None


def _pieces(name: str, texts: Iterable[bytes], trouble: InputError) -> Iterator[Item]:
    """Yield the events of JSON lines or documents one after another; a broken one is one unreadable item.

    Raises ``trouble`` if not one of them can be read.
    """
    line, readable, broken = 1, False, []
    for piece in (piece for text in texts for piece in _NEXT_DOCUMENT.split(text)):
        place = f"{name}:{line}"
        line += piece.count(b"\n") + 1
        if not piece.strip():
            continue
        try:
            items = _document(place, piece.strip())
        except ValueError:
            # A whole line with broken ones below it, or broken from its start.
            broken.append((place, piece[:_BROKEN]))
            try:
                items = _document(place, piece.splitlines()[0].strip())
            except (ValueError, IndexError):
                continue
        yield from items
        readable = True
    if not readable:
        raise trouble
    yield from broken


def _yaml(name: str, stream: io.BufferedIOBase) -> Iterator[Item]:
    for place, value in yamltext.values(name, stream):
        if isinstance(value, bytes):
            yield place, value
            continue
        items = value.get("items") if isinstance(value, dict) else value
        if not isinstance(items, list):
            yield from _plain(place, value, listed=False)
            continue
        whole = isinstance(value, dict) and value.get("kind") == "EventList"
        for position, item in enumerate(items):
            yield from _plain(f"{place} item {position}", item, listed=whole)


def _plain(place: str, plain: object, *, listed: bool) -> Iterator[Item]:
    """Yield the event that ``plain`` is, in whatever spelling, or the events within it; null if there are none."""
    if isinstance(plain, dict) and _is_event(plain):
        yield place, plain
        return
    found = False
    for event in spellings.events(plain):
        yield place, event
        found = True
    if not found:
        claims = isinstance(plain, dict) and (listed or plain.get("kind") == "Event")
        yield place, plain if claims and isinstance(plain, dict) else None


def _is_event(plain: dict[str, Any]) -> bool:
    about = plain.get("involvedObject") or plain.get("regarding")
    return bool(about) and "metadata" in plain and plain.get("kind") in {None, "Event"}
