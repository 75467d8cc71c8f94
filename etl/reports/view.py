"""What the page shows, as plain values for its template: cells, sections, figures, strips.

All texts here are still plain: the template escapes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pyarrow as pa

from etl.reports.catalogue import Language
from etl.reports.cells import is_number, moment, percent, plain, shown
from etl.reports.coverage import ClusterCoverage, sentence, unproven
from etl.reports.words import label, say, told, value
from etl.timespan import rfc3339

# A cell shows this much of a text, its title more; nobody reads 1.5 MB in a table.
_CELL_CHARACTERS = 160
_TITLE_CHARACTERS = 1000
# What an event said stands below its row, on lines of their own, and what it means with it.
_SAID = frozenset({"example", "message"})
_MEANT = "meaning"
_TAGGED = frozenset({"type", "state"})
_FIGURES = ("occurrences", "warnings", "objects", "namespaces", "nodes", "states")
_COMPARED = {"occurrences": "previous_occurrences", "warnings": "previous_warnings"}
# Below this a window was not seen well enough to say more or less than in another.
_COMPARABLE_SHARE = 0.95
_STRIP_WIDTH = 1000


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column; ``look`` is its class in page.css."""

    column: str
    label: str
    look: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as shown; ``raw`` is what it is sorted by, if that is not its text."""

    text: str
    look: str
    raw: str | None = None
    number: bool = False
    title: str = ""
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One record: its cells side by side, and the sentences below them."""

    cells: tuple[Cell, ...]
    below: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure of the window and how it compares."""

    name: str
    label: str
    value: int
    text: str
    change: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A span of a strip, in thousandths of the window."""

    state: Literal["covered", "gap", "unknown"]
    x: float
    width: float
    told: str


@dataclass(frozen=True, slots=True)
class Strip:
    """The coverage of one cluster as a strip of time."""

    cluster: str
    sentence: str
    pieces: tuple[Piece, ...]


def heads(table: pa.Table, language: Language) -> list[Head]:
    """Return the heads of ``table``'s columns, without those that stand below a row."""
    return [
        Head(field.name, plain(label(field.name, language), _CELL_CHARACTERS), _look(field))
        for field in table.schema
        if field.name not in _below(table)
    ]


def rows(table: pa.Table, *, zone: ZoneInfo, language: Language) -> list[Row]:
    """Return the rows of ``table`` as they are shown."""
    below = _below(table)
    found: list[Row] = []
    columns = [
        [_cell(item, field, zone=zone, language=language) for item in items.to_pylist()]
        for field, items in zip(table.schema, table.columns, strict=True)
    ]
    for cells in zip(*columns, strict=True):
        named = list(zip(table.column_names, cells, strict=True))
        found.append(
            Row(
                tuple(cell for name, cell in named if name not in below),
                tuple(cell for name, cell in named if name in below and cell.raw != ""),
            )
        )
    return found


def tiles(summary: pa.Table, language: Language) -> list[Tile]:
    """Return the figures over all clusters, from the rows of the daily summary."""
    clusters = summary.to_pylist()
    return [
        Tile(
            name=name,
            label=label(name, language),
            value=sum(row[name] for row in clusters),
            text=f"{sum(row[name] for row in clusters):,}",
            change=_change(name, clusters, language),
        )
        for name in _FIGURES
        if clusters
    ]


def strips(
    clusters: Sequence[ClusterCoverage], *, zone: ZoneInfo, language: Language
) -> list[Strip]:
    """Return a strip for each cluster."""
    return [
        Strip(
            plain(cluster.cluster, _CELL_CHARACTERS),
            sentence(cluster, timezone=zone, language=language),
            tuple(_pieces(cluster, zone=zone, language=language)),
        )
        for cluster in clusters
    ]


def _below(table: pa.Table) -> set[str]:
    names = set(table.column_names)
    return names & {*_SAID, _MEANT} if names & _SAID else set()


def _look(field: pa.Field) -> str:
    if is_number(field.type):
        return "number"
    if pa.types.is_temporal(field.type):
        return "time"
    special = {_MEANT: "text long meant", "object_name": "text object"}
    return special.get(field.name, "text long" if field.name in _SAID else "text")


def _cell(item: object, field: pa.Field, *, zone: ZoneInfo, language: Language) -> Cell:
    look = _look(field)
    if item is None:
        text = shown(None, column=field.name, zone=zone, limit=1)
        return Cell(text, f"{look} nothing", raw="")
    said = told(item, field.name, language)
    text = shown(said, column=field.name, zone=zone, limit=_CELL_CHARACTERS, seconds=False)
    whole = plain(said, _TITLE_CHARACTERS) if isinstance(said, str) else ""
    raw: str | None = None
    if isinstance(item, datetime):
        raw = whole = rfc3339(item) if item.tzinfo else item.isoformat()
    elif isinstance(item, timedelta):
        raw = repr(item.total_seconds())
    elif isinstance(item, int | float | Decimal) or said != item:
        # What is said in the reader's words is still sorted by what it is.
        raw = str(item)
    return Cell(
        text,
        look,
        raw=raw,
        number=is_number(field.type),
        title=whole if whole != text else "",
        tag=text if field.name == "type" else str(item) if field.name in _TAGGED else "",
    )


def _change(name: str, clusters: Sequence[dict[str, Any]], language: Language) -> str:
    """Say how a figure compares with the window before, or why it does not."""
    if name not in _COMPARED:
        return ""
    before = [row[_COMPARED[name]] for row in clusters]
    if any(number is None for number in before):
        return say("nothing to compare", language)
    shares = [row[of] for row in clusters for of in ("covered_share", "previous_covered_share")]
    if any(share is None or share < _COMPARABLE_SHARE for share in shares):
        return say("not compared", language)
    now, then = sum(row[name] for row in clusters), sum(before)
    if now == then:
        return say("same", language)
    if not then:
        return say("from none", language)
    change = say(
        "more" if now > then else "less", language, percent=percent(abs(now - then) / then)
    )
    return say("than before", language, change=change)


def _pieces(cluster: ClusterCoverage, *, zone: ZoneInfo, language: Language) -> list[Piece]:
    """Return what is covered as the ground, and what is not as pieces on it."""
    found = []
    if cluster.level != "unknown":
        found.append(Piece("covered", 0, _STRIP_WIDTH, value("covered", "state", language)))
    for span in unproven(cluster.spans, cluster.window):
        told = [f"{moment(span.start, zone)} – {moment(span.end, zone)}"]
        told.append(value(span.state, "state", language))
        told.append(value(plain(span.cause, _CELL_CHARACTERS), "cause", language))
        offset = (span.start - cluster.window.start) / cluster.window.length
        found.append(
            Piece(
                span.state,
                x=round(offset * _STRIP_WIDTH, 2),
                width=round(span.length / cluster.window.length * _STRIP_WIDTH, 2),
                told=say("comma", language).join(told),
            )
        )
    return found
