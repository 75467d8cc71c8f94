"""Rows of the lake to the table that ``kubectl events`` prints, and its names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from etl.reports.cells import plain
from etl.timespan import Window

_SECOND, _MINUTE, _HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
_DAY = timedelta(days=1)
_YEAR = 365 * _DAY
_PADDING = 3
# Rows whose widths are taken together; what comes after them widens columns, never narrows.
_LOOKED_AT = 2000
_UNKNOWN = "<unknown>"
_Cells = Sequence[str]


@dataclass(frozen=True, slots=True)
class Style:
    """What the table shows: ``limit`` characters of a message, 0 for all of it.

    Times are ages before ``now``, or moments in ``zone`` where there is one.
    """

    now: datetime
    wide: bool = False
    namespaces: bool = False
    clusters: bool = False
    heads: bool = True
    zone: ZoneInfo | None = None
    limit: int = 0


def lines(rows: Iterable[Mapping[str, Any]], style: Style) -> Iterator[str]:
    """Yield the lines of the table, head first; nothing without rows."""
    found = iter(rows)
    widths: list[int] = []
    first = True
    while some := [_cells(row, style) for row in islice(found, _LOOKED_AT)]:
        if first and style.heads:
            some.insert(0, _heads(style))
        first = False
        lengths = [max(map(len, column)) for column in zip(*some, strict=True)]
        widths = [max(pair) for pair in zip(widths or lengths, lengths, strict=True)]
        for cells in some:
            padded = [
                cell.ljust(width + _PADDING) for cell, width in zip(cells, widths, strict=True)
            ]
            yield "".join(padded).rstrip() + "\n"


def names(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield each event object as ``event/NAME``."""
    for row in rows:
        yield f"event/{harmless(row['name'] or '')}\n"


def age(span: timedelta) -> str:
    """Return a length of time as kubectl writes it: ``45s``, ``3m20s``, ``47m``, ``5h10m``, ``3d4h``, ``91d``."""
    if span < -_SECOND:
        return "<invalid>"
    seconds = max(0, int(span / _SECOND))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    steps = (
        (span < 2 * _MINUTE, f"{seconds}s", 0, ""),
        (span < 10 * _MINUTE, f"{minutes}m", seconds % 60, "s"),
        (span < 3 * _HOUR, f"{minutes}m", 0, ""),
        (span < 8 * _HOUR, f"{hours}h", minutes % 60, "m"),
        (span < 2 * _DAY, f"{hours}h", 0, ""),
        (span < 8 * _DAY, f"{days}d", hours % 24, "h"),
        (span < 2 * _YEAR, f"{days}d", 0, ""),
        (span < 8 * _YEAR, f"{days // 365}y", days % 365, "d"),
        (True, f"{days // 365}y", 0, ""),
    )
    _, text, rest, unit = next(step for step in steps if step[0])
    return f"{text}{rest}{unit}" if rest else text


def last_seen(row: Mapping[str, Any], style: Style) -> str:
    """Return when, and how often over which time: ``5m (x37 over 2h)``."""
    text = _when(row["last_seen"], style)
    if row["n"] > 1 and row["first_seen"] is not None:
        over = (
            f"since {_when(row['first_seen'], style)}"
            if style.zone
            else f"over {_when(row['first_seen'], style)}"
        )
        return f"{text} (x{row['n']} {over})"
    return text if row["n"] == 1 else f"{text} (x{row['n']})"


def everything(now: datetime) -> Window:
    """Return all of time: no event is older than the format, none younger than a day from ``now``."""
    # A recorder's clock may be ahead by a day before its time is replaced.
    return Window(datetime(1, 1, 2, tzinfo=now.tzinfo), now + 2 * _DAY)


def _heads(style: Style) -> _Cells:
    heads = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    if style.wide:
        heads[4:4] = ["SUBOBJECT", "SOURCE"]
        heads += ["FIRST SEEN", "COUNT", "NAME"]
    return [*_owners("CLUSTER", "NAMESPACE", style), *heads]


def _cells(row: Mapping[str, Any], style: Style) -> _Cells:
    about = "/".join(harmless(row[name] or "") for name in ("object_kind", "object_name"))
    cells = [
        last_seen(row, style),
        harmless(row["type"] or ""),
        harmless(row["reason"] or ""),
        about,
        harmless(row["message"] or "", style.limit),
    ]
    if style.wide:
        source = ", ".join(harmless(row[n]) for n in ("component", "host") if row[n])
        cells[4:4] = [harmless(row["object_field_path"] or ""), source]
        first = _when(row["first_seen"], style) if row["first_seen"] else _UNKNOWN
        cells += [first, str(row["n"]), harmless(row["name"] or "")]
    return [*_owners(harmless(row["cluster"]), harmless(row["namespace"] or ""), style), *cells]


def _owners(cluster: str, namespace: str, style: Style) -> list[str]:
    return [cluster] * style.clusters + [namespace] * style.namespaces


def _when(moment: datetime, style: Style) -> str:
    if style.zone:
        return f"{moment.astimezone(style.zone):%Y-%m-%d %H:%M:%S}"
    return age(style.now - moment)


def harmless(text: str, limit: int = 0) -> str:
    """Return foreign ``text`` as one line that no terminal obeys, shortened only beyond a ``limit``."""
    return plain(text, limit or len(text) + 1)
