"""Rows to a heat map: a cell per pair of categories, the darker the more, hatched where nobody looked.

The darkness goes by the square root of the amount: with equal steps one busy hour would
leave all others the same pale colour. The legend says where each step begins.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from etl.reports.catalogue import Chart
from etl.reports.cells import shown
from etl.reports.paint import CARD, HEAT, Frame, hatch, named, stand_in
from etl.reports.words import label

if TYPE_CHECKING:
    import altair as alt

_ROW_HEIGHT = 30
_TEXT_CHARACTERS = 60
# Every label fits a wide drawing, every third a narrow one.
_NARROW, _NARROW_STEP = 600, 3


def heatmap(
    chart: Chart, table: pa.Table, frame: Frame
) -> tuple[alt.Chart, tuple[tuple[str, str], ...]]:
    """Return the map and its legend: the least amount of each step, and its paint."""
    import altair as alt  # noqa: PLC0415 -- heavy; only a page draws

    rows = table.to_pylist()
    top = max((_amount(row[chart.color]) for row in rows), default=0)
    across, down = _places(rows, chart.x), _places(rows, chart.y)
    cells = [
        {
            "x": across[row[chart.x]],
            "y": down[row[chart.y]],
            "paint": stand_in(_paint(chart, row, top)),
            "told": _told(chart, row, frame),
        }
        for row in rows
    ]
    step = _NARROW_STEP if frame.width < _NARROW else 1
    drawn: Any = (
        alt.Chart(alt.InlineData(values=cells))
        .mark_rect(cornerRadius=2, stroke=stand_in(CARD), strokeWidth=2)
        .encode(
            x=alt.X("x:O", axis=_axis(chart.x, across, frame, step=step)),
            y=alt.Y("y:O", axis=_axis(chart.y, down, frame, step=1)),
            color=alt.Color("paint:N", scale=None),
            description=alt.Description("told:N"),
        )
        .properties(width=frame.width - 60, height=max(1, len(down)) * _ROW_HEIGHT)
    )
    return drawn, _legend(chart, top, frame)


def _places(rows: Sequence[Mapping[str, Any]], column: str) -> dict[Any, int]:
    """Return the place of each category: by size where they compare, null last."""
    found = {row[column] for row in rows}
    ordered = sorted(found - {None}) + ([None] if None in found else [])
    return {category: place for place, category in enumerate(ordered)}


def _axis(column: str, places: Mapping[Any, int], frame: Frame, *, step: int) -> alt.Axis:
    import altair as alt  # noqa: PLC0415 -- heavy; only a page draws

    names = {
        str(place): named(category, column=column, language=frame.language)
        for category, place in places.items()
    }
    return alt.Axis(
        title=None,
        values=[place for place in places.values() if place % step == 0],
        # An object of names, so that a name is data for Vega and never an expression.
        labelExpr=f"{json.dumps(names)}[datum.value]",
        labelAngle=0,
        domain=False,
        ticks=False,
    )


def _paint(chart: Chart, row: Mapping[str, Any], top: float) -> str:
    if chart.mark and not _amount(row[chart.mark]):
        return hatch("unknown")
    amount = _amount(row[chart.color])
    if not amount:
        return HEAT[0]
    return HEAT[max(1, math.ceil(math.sqrt(amount / top) * (len(HEAT) - 1)))]


def _legend(chart: Chart, top: float, frame: Frame) -> tuple[tuple[str, str], ...]:
    steps = [top * (step / (len(HEAT) - 1)) ** 2 for step in range(len(HEAT) - 1)]
    texts = ["0", *(f"> {_number(chart.color, least, frame)}" for least in steps)]
    found = list(zip(texts, HEAT, strict=True)) if top else []
    if chart.mark:
        found.append((named("unknown", column="state", language=frame.language), hatch("unknown")))
    return tuple(found)


def _told(chart: Chart, row: Mapping[str, Any], frame: Frame) -> str:
    place = (named(row[c], column=c, language=frame.language) for c in (chart.y, chart.x))
    amount = f"{label(chart.color, frame.language)} {_number(chart.color, row[chart.color], frame)}"
    return f"{', '.join(place)}: {amount}"


def _number(column: str, amount: object, frame: Frame) -> str:
    return shown(amount, column=column, zone=frame.zone, limit=_TEXT_CHARACTERS)


def _amount(number: float | None) -> float:
    """Return what is drawn of a number: nothing for null, for what is no number, and below zero."""
    return number if number is not None and math.isfinite(number) and number > 0 else 0
