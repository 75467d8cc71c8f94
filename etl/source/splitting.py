"""Text without an end to pieces of bounded size, each of whole documents or items.

A list of gigabytes is never in memory: it is cut between two items. Where that is, is guessed
from how its items begin and then proven: what stands before the cut is a list for a parser of
JSON, which nothing is that was cut within an item, or within a text that looks like one.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import msgspec

from etl.errors import InputError
from etl.source import lenient

# A piece: long enough that looking for its end costs nothing, short enough for any machine.
BLOCK = 4 * 1024 * 1024
# A document of its own, or an item: a request to the API ends at 3 MB.
LONGEST = 64 * 1024 * 1024
_TRIES = 40
# What indentation puts between two items at most, in bytes.
_BLANKS = 256
_ITEM_START = re.compile(rb'\s*(\{\s*"[^"\\]*")')
_NEXT_ITEM = re.compile(rb",\s*(?=\{)")
_LIST_START = re.compile(rb'"(?:items|hits|result|values)"\s*:\s*\[(?=\s*\{)', re.IGNORECASE)
_NEXT_DOCUMENT = b"\n{"
_DOCUMENT_END = re.compile(rb"\n\}\s*\n[{=]")
# kubectl cluster-info dump writes the logs of all containers between its lists.
_LOG_START = b"==== START logs"
_LOG_BEGINS = re.compile(rb"^==== START logs", re.MULTILINE)
_LOG = re.compile(rb"^==== START logs.*?^==== END logs[^\n]*\n", re.MULTILINE | re.DOTALL)
_items = msgspec.json.Decoder(list[msgspec.Raw])
_REFUSED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def is_one_list(head: bytes) -> bool:
    """Whether a long JSON text that begins with ``head`` is one list, and not documents one after another."""
    if head[:1] == b"[":
        return b"\n[" not in head or _is_json(head.split(b"\n", 1)[0]) is False
    start = _LIST_START.search(head)
    if start is None or _DOCUMENT_END.search(head):
        return False
    return not _is_json(head.split(b"\n", 1)[0])


def lists(name: str, head: bytes, stream: io.BufferedIOBase) -> Iterator[list[msgspec.Raw] | bytes]:
    """Yield the items of one long list, ``head`` and what follows it, some at a time.

    Where other documents follow the list, what was read of them comes last, as bytes. Raises
    ``InputError`` at the end if the list has none, so that it was cut off.
    """
    start = _LIST_START.search(head)
    rest = head[1:] if head[:1] == b"[" or start is None else head[start.end() :]
    while block := stream.read(BLOCK):
        if ends := _DOCUMENT_END.search(rest):
            yield from _last(name, rest[: ends.start()])
            yield rest[ends.end() - 1 :]
            return
        found = _cut(rest)
        if found is None and len(rest) > LONGEST:
            raise InputError(f"{name} is not valid JSON: no item of its list ends within 64 MB")
        if found is not None:
            items, end = found
            yield items
            rest = rest[end:]
        rest += block
    ends = _DOCUMENT_END.search(rest)
    yield from _last(name, rest[: ends.start()] if ends else rest)
    if ends:
        yield rest[ends.end() - 1 :]


def without_logs(text: bytes) -> bytes:
    """Return a whole ``text`` without the logs that stand between documents."""
    return _LOG.sub(b"", text + b"\n") if _LOG_START in text else text


def documents(name: str, head: bytes, stream: io.BufferedIOBase) -> Iterator[bytes]:
    """Yield texts of whole lines or documents, ``head`` and what follows it.

    Raises ``InputError`` if a document is too long to be read.
    """
    rest = head
    while block := stream.read(BLOCK):
        text = _LOG.sub(b"", rest) if _LOG_START in rest else rest
        log = _LOG_BEGINS.search(text) if _LOG_START in text else None
        whole, log_text = (text[: log.start()], text[log.start() :]) if log else (text, b"")
        found = whole.rfind(_NEXT_DOCUMENT)
        end = found + 1 or (len(whole) if log_text else 0)
        if end:
            yield whole[:found] if found >= 0 else whole
        elif len(whole) > LONGEST:
            raise InputError(
                f"{name} holds a document of more than 64 MB, which is no list of events"
            )
        if len(log_text) > BLOCK:
            # Of a log only that it goes on is kept, and the line that may be its last.
            log_text = _LOG_START + log_text[log_text.rfind(b"\n") :]
        rest = whole[end:] + log_text
        rest += block
    yield without_logs(rest)


def _cut(text: bytes) -> tuple[list[msgspec.Raw], int] | None:
    """Return the items up to the last one that certainly ends in ``text``, and where the next one begins."""
    candidates = _candidates(text)
    for end, following in candidates:
        items = _decoded(b"[" + text[:end] + b"]")
        if items is not None:
            return items, following
    # Something in an item is not as JSON wants it: the likeliest place is as good as it gets.
    for end, following in candidates[:2]:
        try:
            return _items.decode(lenient.repaired(b"[" + text[:end] + b"]")), following
        except (ValueError, *_REFUSED):
            continue
    return None


def _candidates(text: bytes) -> list[tuple[int, int]]:
    """Return places between items, the likeliest first: where an item ends, and where the next begins."""
    found: list[tuple[int, int]] = []
    start = _ITEM_START.match(text)
    at = len(text) if start else 0
    while start and len(found) < _TRIES and (at := text.rfind(start[1], 1, at)) > 0:
        near = max(0, at - _BLANKS)
        before = text[near:at].rstrip()
        if before.endswith(b","):
            found.append((near + len(before) - 1, at))
    tail = max(0, len(text) - BLOCK // 16)
    others = [(m.start(), m.end()) for m in _NEXT_ITEM.finditer(text, tail)]
    return found + [place for place in reversed(others[-_TRIES:]) if place not in found]


def _last(name: str, text: bytes) -> Iterator[list[msgspec.Raw]]:
    """Yield the items up to the list's end; what stands after it is the rest of its envelope."""
    at = len(text)
    for _ in range(_TRIES):
        at = text.rfind(b"]", 0, at)
        if at < 0:
            break
        items = _decoded(b"[" + text[:at] + b"]")
        if items is not None:
            yield items
            return
    try:
        end = text.rindex(b"]")
        yield _items.decode(lenient.repaired(b"[" + text[:end] + b"]"))
    except (ValueError, *_REFUSED) as error:
        found = _cut(text)
        if found is not None:
            yield found[0]
        raise InputError(f"{name} is not valid JSON: its list has no end") from error


def _decoded(text: bytes) -> list[msgspec.Raw] | None:
    try:
        return _items.decode(text)
    except _REFUSED:
        return None


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except _REFUSED:
        return False
    return True
