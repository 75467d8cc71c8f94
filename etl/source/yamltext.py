"""YAML to plain data, item by item: the list of a large must-gather would take gigabytes as one.

A long list of objects, as kubectl and oc write it, is cut before its items by the column that
they begin in, which no other line of an item can share. What is short is read whole.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import yaml

from etl.errors import InputError, quoted

# Parsed text takes fifty times its size.
_PIECE = 512 * 1024
_LONGEST = 16 * 1024 * 1024
_MIB = 1024 * 1024
_ITEMS = re.compile(rb"^items:[ \t]*\r?\n(?P<indent> *)(?=- )", re.MULTILINE)
_NO_YAML = (yaml.YAMLError, ValueError, RecursionError)


class _Loader(yaml.CSafeLoader):
    """YAML whose timestamps stay text, as the API wrote them, and for which = is no keyword."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if not tag.endswith((":timestamp", ":value"))]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def values(name: str, stream: io.BufferedIOBase) -> Iterator[tuple[str, Any]]:
    """Yield each document, and each item of long lists, with its place.

    Raises ``InputError`` for what is no YAML. An item of a long list that is none is handed on
    as bytes.
    """
    pieces = _Pieces(name)
    while line := stream.readline(_LONGEST):
        yield from pieces.take(line)
    yield from pieces.end()


class _Pieces:
    """Collects lines to documents, or to some items of a long list."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._document = 0
        self._item = 0
        self._lines: list[bytes] = []
        self._size = 0
        self._indent: bytes | None = None
        self._after_list = False

    def take(self, line: bytes) -> Iterator[tuple[str, Any]]:
        """Take a line, and yield what it ends."""
        if line.startswith(b"---") and not line[3:4].strip():
            yield from self.end()
            self._document += 1
            self._add(line)
        elif self._indent is not None:
            yield from self._in_list(line, self._indent)
        elif not self._after_list:
            self._add(line)
            if self._size >= _PIECE:
                yield from self._begin_list()

    def end(self) -> Iterator[tuple[str, Any]]:
        """Yield what is left of the document."""
        if self._indent is not None:
            yield from self._items(self._indent)
        elif self._size:
            place = f"{self._name} document {self._document}" if self._document else self._name
            try:
                for document in yaml.load_all(self._text(), _Loader):
                    yield place, document
            except _NO_YAML as error:
                message = f"{self._name} is neither JSON nor YAML: {quoted(str(error), 160)}"
                raise InputError(message) from error
        self._after_list, self._indent = False, None

    def _begin_list(self) -> Iterator[tuple[str, Any]]:
        """Go on item by item where a long document turns out to be a list."""
        text = b"".join(self._lines)
        begins = _ITEMS.search(text)
        if begins is None:
            if self._size >= _LONGEST:
                raise self._too_long("a document")
            return
        self._text()
        self._indent, self._item = begins["indent"], 0
        for line in text[begins.start("indent") :].splitlines(keepends=True):
            yield from self.take(line)

    def _in_list(self, line: bytes, indent: bytes) -> Iterator[tuple[str, Any]]:
        if line.startswith(indent + b"- "):
            if self._size >= _PIECE:
                yield from self._items(indent)
        elif line.strip() and not line.startswith((b" ", b"\t", b"#")):
            # A key of the envelope: what follows it tells nothing of events.
            yield from self._items(indent)
            self._indent, self._after_list = None, True
            return
        self._add(line)
        if self._size >= _LONGEST:
            raise self._too_long("an item")

    def _items(self, indent: bytes) -> Iterator[tuple[str, Any]]:
        text = self._text()
        try:
            items = yaml.load(text, _Loader)  # noqa: S506 -- the safe loader, but for times
        except _NO_YAML:
            # One of them is broken, which costs itself and not the others.
            singly = re.split(rb"^(?=" + indent + rb"- )", text, flags=re.MULTILINE)
            items = [_item(one) for one in singly if one.strip()]
        for item in items or ():
            yield f"{self._name} item {self._item}", item
            self._item += 1

    def _add(self, line: bytes) -> None:
        self._lines.append(line)
        self._size += len(line)

    def _text(self) -> bytes:
        """Return what is collected, and collect anew."""
        text = b"".join(self._lines)
        self._lines, self._size = [], 0
        return text

    def _too_long(self, what: str) -> InputError:
        return InputError(f"{self._name} holds {what} of YAML of more than {_LONGEST // _MIB} MiB")


def _item(text: bytes) -> object:
    """Return the one item in ``text``; the text itself if it is broken."""
    try:
        (item,) = yaml.load(text, _Loader)  # noqa: S506 -- the safe loader, but for times
    except (*_NO_YAML, TypeError):
        return text
    return item
