"""Texts and trees to bytes, and texts cut to a budget of bytes without breaking what a reader sees.

Receivers count bytes of UTF-8, people see characters that are several code points
(a flag, a family, a letter with its accent). A cut falls between such clusters; the
cheap part of the segmentation rules that matters for text of events is done here.
"""

from __future__ import annotations

import json
import unicodedata

TAIL = "…"
_JOINER = "\u200d"
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_TAGS = range(0xE0020, 0xE0080)
_REGIONAL = range(0x1F1E6, 0x1F200)
# No cluster of a real text is longer; a message of combining marks alone is cut anywhere.
_LONGEST_CLUSTER = 32


def encode(payload: object) -> bytes:
    """Return ``payload`` as one JSON document in UTF-8; lone surrogates become ``?``.

    Characters are written as they are: an escape takes twice the bytes for Chinese, and
    WeCom refuses escapes (errcode 40033). Raises ``ValueError`` or ``TypeError`` for what JSON
    has no word for, such as NaN.
    """
    text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def size(text: str) -> int:
    """Return the bytes of ``text`` in UTF-8."""
    return len(text.encode("utf-8", "replace"))


def cut(text: str, limit: int) -> str:
    """Return ``text`` in at most ``limit`` bytes, with an ellipsis where something is missing."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= limit:
        return text
    tail = TAIL if limit >= size(TAIL) else ""
    end = len(raw[: max(0, limit - size(tail))].decode("utf-8", "ignore"))
    return text[: boundary(text, end)] + tail


def shorten(text: str, characters: int) -> str:
    """Return ``text`` in at most ``characters`` code points, with an ellipsis where it was longer."""
    if len(text) <= characters:
        return text
    return text[: boundary(text, characters - 1)].rstrip() + TAIL


def boundary(text: str, end: int) -> int:
    """Return the greatest place up to ``end`` at which no cluster of ``text`` is torn apart."""
    for place in range(end, max(0, end - _LONGEST_CLUSTER), -1):
        if place >= len(text) or not _inside(text, place):
            return place
    return 0 if end <= _LONGEST_CLUSTER else end


def _inside(text: str, place: int) -> bool:
    """Whether a cut before ``text[place]`` would tear a cluster."""
    before, after = text[place - 1], text[place]
    if _JOINER in {before, after} or unicodedata.category(after) in {"Mn", "Me", "Mc"}:
        return True
    if ord(after) in _SKIN_TONES or ord(after) in _TAGS:
        return True
    if ord(before) in _REGIONAL and ord(after) in _REGIONAL:
        return _regional_run(text, place) % 2 == 1
    return False


def _regional_run(text: str, end: int) -> int:
    """Count the regional indicators right before ``end``: two of them make a flag."""
    count = 0
    while count < end and ord(text[end - 1 - count]) in _REGIONAL:
        count += 1
    return count
