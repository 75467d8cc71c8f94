"""Documents of the lake to the same with secrets masked: messages on their way, dead letters, alerts, silences.

They quote events, so they hold what events held. Each is JSON, and each text in it is masked
by itself, so that it stays a document. A page that is attached to a mail is packed: one that
matches is taken off.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import html
import zlib
from collections.abc import Iterator

import msgspec

from etl.lake import records
from etl.lake.files import Files
from etl.lake.masks import Masks

# The folders of the lake with documents that may quote events.
TREES = ("alerts", "forward", "outbox", "silences", "switches")
_POSITIONS = "forward"
# How gzip begins once it is base64.
_PACKED = "H4sI"


def matching(files: Files, masks: Masks) -> Iterator[str]:
    """Yield the paths of documents that hold what matches."""
    for path in _paths(files):
        if _masked(files, path, masks) is not None:
            yield path


def redact(files: Files, masks: Masks) -> Iterator[str]:
    """Mask every document that matches; yield its path when it is written.

    A message that is delivered meanwhile may be there again: its receipt counts, and the next run
    removes it.
    """
    for path in _paths(files):
        if (data := _masked(files, path, masks)) is not None:
            files.write(path, data)
            yield path


def _paths(files: Files) -> Iterator[str]:
    for tree in TREES:
        for path in files.list(tree):
            # A position holds names of parts and uids, which tell states apart.
            if tree != _POSITIONS or not records.number(path):
                yield path


def _masked(files: Files, path: str, masks: Masks) -> bytes | None:
    """Return a document masked; null where nothing matches, and where it is gone."""
    try:
        data = files.read(path)
    except FileNotFoundError:
        return None
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Damaged: nobody reads it, and no byte of it may stay if it matches.
        text = data.decode("utf-8", "replace")
        masked = masks.text(text)
        return None if masked == text else masked.encode()
    masked_document = _texts(document, masks)
    return None if masked_document == document else msgspec.json.encode(masked_document)


def _texts(value: object, masks: Masks) -> object:
    if isinstance(value, str):
        return _text(value, masks)
    if isinstance(value, dict):
        return {key: _texts(item, masks) for key, item in value.items()}
    return [_texts(item, masks) for item in value] if isinstance(value, list) else value


def _text(text: str, masks: Masks) -> str:
    if text.startswith(_PACKED):
        try:
            page = gzip.decompress(base64.b64decode(text, validate=True)).decode("utf-8", "replace")
        except (binascii.Error, OSError, EOFError, zlib.error):
            # It only begins like one.
            return masks.text(text)
        plain = html.unescape(page)
        return text if masks.text(page) == page and masks.text(plain) == plain else ""
    return masks.text(text)
