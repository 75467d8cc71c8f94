"""Rows to ranked bars: one row per category, the greatest first, its name left and its number right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from etl.reports.catalogue import Chart
from etl.reports.cells import shown
from etl.reports.paint import INK, MUTED, Frame, amounts, named, paints, stand_in
from etl.reports.words import label

if TYPE_CHECKING:
    import altair as alt

_ROW_HEIGHT = 26
# Room for the names at the left, and for a bar's number at its right, in pixels.
_WIDEST_GUTTER = 250
_NUMBER_ROOM = 72
# The reader's font can be wider than the one that Vega measures with.
_FONT_RESERVE = 0.84
_NUMBER_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class _Ranked:
    """What is drawn: a box per category and series, a line of text per category, and a mark."""

    boxes: list[dict[str, Any]]
    texts: list[dict[str, Any]]
    marks: list[dict[str, Any]]


def bars(
    chart: Chart, table: pa.Table, frame: Frame
) -> tuple[alt.LayerChart, dict[str | None, str]]:
    """Return the bars and the paint of each series in them."""
    import altair as alt  # noqa: PLC0415 -- heavy; only a page draws

    rows = table.to_pylist()
    sums = amounts(rows, by=chart.y, color=chart.color, of=chart.x)
    marks = amounts(rows, by=chart.y, color="", of=chart.mark) if chart.mark else {}
    # Sorting is stable: where sums are equal, the order of the report stays.
    top = sorted(sums.items(), key=lambda item: -sum(item[1].values()))[: chart.limit]
    colours = paints(chart, (series for _, parts in top for series in parts))
    ranked = _ranked(chart, top, colours, frame)
    ranked.marks.extend(_marks(chart, [category for category, _parts in top], marks, frame))
    gutter = min(_WIDEST_GUTTER, frame.width * 2 // 5)
    longest = max((place["to"] for place in (*ranked.texts, *ranked.marks)), default=0) or 1
    x = alt.Scale(domain=[0, longest], range=[gutter, frame.width - _NUMBER_ROOM], nice=False)
    y = alt.Y("place:O", axis=None, scale=alt.Scale(paddingInner=0.42, paddingOuter=0.2))
    boxes = (
        alt.Chart(alt.InlineData(values=ranked.boxes))
        .mark_bar(cornerRadius=2)
        .encode(
            x=alt.X("from:Q", scale=x, axis=None),
            x2=alt.X2("to:Q"),
            y=y,
            color=alt.Color("paint:N", scale=None),
            description=alt.Description("told:N"),
        )
    )
    texts = alt.Chart(alt.InlineData(values=ranked.texts)).encode(y=y)
    names = texts.mark_text(
        align="right",
        baseline="middle",
        limit=round((gutter - 10) * _FONT_RESERVE),
        fontSize=12.5,
        color=stand_in(INK),
    ).encode(x=alt.value(gutter - 10), text=alt.Text("name:N"))
    numbers = texts.mark_text(
        align="left", baseline="middle", dx=7, fontSize=12, color=stand_in(MUTED)
    ).encode(x=alt.X("to:Q", scale=x, axis=None), text=alt.Text("number:N"))
    lines = (
        alt.Chart(alt.InlineData(values=ranked.marks))
        .mark_tick(thickness=3, size=_ROW_HEIGHT, color=stand_in(INK))
        .encode(x=alt.X("to:Q", scale=x, axis=None), y=y, description=alt.Description("told:N"))
    )
    height = max(1, len(top)) * _ROW_HEIGHT
    drawn: Any = alt.layer(boxes, names, numbers, lines).properties(
        width=frame.width, height=height
    )
    return drawn, colours


def _marks(
    chart: Chart,
    categories: Sequence[Any],
    sums: Mapping[Any, Mapping[str | None, int | float]],
    frame: Frame,
) -> list[dict[str, Any]]:
    """Return the place of the mark of each category, such as what is usual there; none at zero."""
    found = []
    for place, category in enumerate(categories):
        amount = sum(sums.get(category, {}).values())
        if not amount:
            continue
        number = shown(amount, column=chart.mark, zone=frame.zone, limit=_NUMBER_CHARACTERS)
        name = named(category, column=chart.y, language=frame.language)
        told = f"{name}, {label(chart.mark, frame.language)}: {number}"
        found.append({"place": place, "to": amount, "told": told})
    return found


def _ranked(
    chart: Chart,
    top: Sequence[tuple[Any, dict[str | None, int | float]]],
    colours: dict[str | None, str],
    frame: Frame,
) -> _Ranked:
    order = list(colours)
    found = _Ranked([], [], [])
    for place, (category, parts) in enumerate(top):
        name = named(category, column=chart.y, language=frame.language)
        start: float = 0
        for series in sorted(parts, key=order.index):
            told = [name]
            if chart.color:
                told.append(named(series, column=chart.color, language=frame.language))
            found.boxes.append(
                {
                    "place": place,
                    "from": start,
                    "to": start + parts[series],
                    "paint": stand_in(colours[series]),
                    "told": f"{', '.join(told)}: {parts[series]:,}",
                }
            )
            start += parts[series]
        found.texts.append({"place": place, "name": name, "to": start, "number": f"{start:,}"})
    return found
