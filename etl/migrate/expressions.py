"""Expressions and formats of Go: which of them Go takes, and its dates in our words."""

from __future__ import annotations

import re

# Go writes a date as its reference time; these are the parts that an index may have here.
_GO = {"2006": "%Y", "06": "%y", "01": "%m", "02": "%d", "15": "%H"}
_JODA = {"YYYY": "%Y", "yyyy": "%Y", "yy": "%y", "YY": "%y", "MM": "%m", "dd": "%d", "HH": "%H"}
_JODA |= {"xxxx": "%G", "ww": "%V"}
_GO_WORDS = re.compile(r"2006|January|Jan|Mon|MST|\d\d|\d|PM|[^\dA-Za-z]+|[A-Za-z]+")
_JODA_WORDS = re.compile(r"'(?P<quoted>[^']*)'|(?P<word>([A-Za-z])\3*)|(?P<rest>[^A-Za-z']+)")
# Matches no text at all.
NEVER = r"[^\s\S]"


def is_re2(expression: str) -> bool:
    """Whether RE2 takes ``expression``, as Go's ``regexp`` does."""
    # Arrow has RE2; only who migrates rules pays for it.
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    try:
        pc.match_substring_regex(pa.array([""]), expression)
    except pa.ArrowInvalid:
        # That is the answer; what is wrong with it nobody asks.
        return False
    return True


def go_index(pattern: str) -> str | None:
    """Return an index with Go's dates (``events-{2006-01-02}``) in our words; null where we have none for it."""
    opened, closed = pattern.find("{"), pattern.rfind("}")
    if opened < 0 or closed < opened:
        return pattern
    inner = pattern[opened + 1 : closed]
    parts = []
    for word in _GO_WORDS.findall(inner):
        if word in _GO:
            parts.append(_GO[word])
        elif re.fullmatch(r"[.\-_]+", word):
            parts.append(word)
        else:
            return None
    return f"{pattern[:opened]}{{date:{''.join(parts)}}}{pattern[closed + 1 :]}"


def joda_index(pattern: str) -> str | None:
    """Return an index of Logstash (``events-%{+YYYY.MM}``) in our words; null where we have none for it."""
    found = re.fullmatch(r"(?P<before>[^%{}]*)%\{\+(?P<date>[^}]+)\}(?P<after>[^%{}]*)", pattern)
    if found is None:
        return None if "%{" in pattern else pattern
    parts = []
    for word in _JODA_WORDS.finditer(found["date"]):
        if word["word"]:
            if word["word"] not in _JODA:
                return None
            parts.append(_JODA[word["word"]])
        else:
            parts.append(word["quoted"] or word["rest"] or "")
    return f"{found['before']}{{date:{''.join(parts)}}}{found['after']}"
