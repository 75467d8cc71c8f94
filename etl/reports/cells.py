"""A value to the short text that a reader sees: numbers, shares, lengths, times, foreign text.

What a column means is told by its name, so that machine formats stay plain numbers:
``share`` and ``*_share`` are parts of one, ``*_seconds`` is a length of time, ``*_bytes`` a
size in memory. Times are
shown in the reader's timezone without an offset; whoever shows them names the zone.
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa

from etl.timespan import brief

NOTHING = "–"
# Sequences that a terminal obeys: CSI, OSC (up to its end), and two-character escapes.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[@-Z\\-_]?"
)
_SMALLEST_PERCENT = 0.1
_UNIT = 1000
_FEW_SECONDS = 10
_LARGE, _SMALL = 1000, 0.1
# A message can hold 1.5 MB: what lies beyond this many times the limit is never looked at.
_LOOKED_AT = 8


def plain(text: str, limit: int) -> str:
    """Return foreign ``text`` as one harmless line of at most ``limit`` characters.

    Terminal sequences, control and direction characters go; runs of space become one.
    """
    flat = _ESCAPES.sub("", text[: _LOOKED_AT * limit])
    flat = "".join(c if c.isprintable() else _replacement(c) for c in flat)
    flat = " ".join(flat.split())
    cut = len(flat) > limit or len(text) > _LOOKED_AT * limit
    return flat[: limit - 1].rstrip() + "…" if cut else flat


def shown(value: object, *, column: str, zone: ZoneInfo, limit: int, seconds: bool = True) -> str:
    """Return ``value`` of the column named ``column`` as a reader sees it."""
    match value:
        case None:
            text = NOTHING
        case bool():
            text = "yes" if value else "no"
        case int() | float() | Decimal():
            text = _number(value, column)
        case datetime():
            text = moment(value, zone, seconds=seconds and column != "bucket")
        case date():
            text = value.isoformat()
        case timedelta():
            text = brief(value)
        case list():
            text = plain(", ".join(map(str, value)), limit)
        case _:
            text = plain(str(value), limit)
    return text


def moment(value: datetime, zone: ZoneInfo, *, seconds: bool = False) -> str:
    """Return ``value`` in ``zone``, to the minute or the second; a naive one stays as it is."""
    local = value.astimezone(zone) if value.tzinfo else value
    return local.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def percent(share: float) -> str:
    """Return a part of one as per cent, which is 0% and 100% only where it is exactly that."""
    if math.isnan(share):
        return NOTHING
    hundredths = share * 100
    if hundredths in (0, 100):
        return f"{hundredths:.0f}%"
    if 0 < hundredths < _SMALLEST_PERCENT:
        return f"<{_SMALLEST_PERCENT}%"
    return f"{min(hundredths, 99.9) if share < 1 else hundredths:.1f}%"


def size(count: float) -> str:
    """Return a number of bytes in the unit in which it has few digits: 912 B, 1.2 kB, 34.0 MB."""
    if abs(count) < _UNIT:
        return f"{count:.0f} B"
    for unit in ("kB", "MB", "GB"):
        count /= _UNIT
        if abs(count) < _UNIT:
            return f"{count:.1f} {unit}"
    return f"{count / _UNIT:,.1f} TB"


def is_number(kind: pa.DataType) -> bool:
    """Whether values of ``kind`` are compared by size and stand at the right of their column."""
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_duration(kind)
    )


def _replacement(character: str) -> str:
    """A space for what separates (line ends, tabs, other controls), nothing for what only steers."""
    return " " if character.isspace() or ord(character) < ord(" ") else ""


def _number(value: float | Decimal, column: str) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return NOTHING
    if column == "share" or column.endswith("_share"):
        return percent(float(value))
    if column.endswith("_seconds"):
        # A tenth matters as long as there are few seconds.
        return (
            f"{value:.1f}s" if 0 < value < _FEW_SECONDS else brief(timedelta(seconds=float(value)))
        )
    if column.endswith("_bytes"):
        return size(float(value))
    return _amount(float(value) if value != int(value) else int(value))


def _amount(value: float) -> str:
    """Of a large number nobody reads the hundredths, of a small one they are not enough."""
    if abs(value) >= _LARGE or round(value, 2) == round(value) != 0 or value == 0:
        return f"{round(value):,}"
    return f"{value:.2g}" if abs(value) < _SMALL else f"{value:.2f}"
