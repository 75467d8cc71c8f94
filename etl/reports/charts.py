"""A report's rows to the drawing that its header asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pyarrow as pa

from etl.errors import UsageError
from etl.reports.bars import bars
from etl.reports.catalogue import Chart, Language
from etl.reports.course import course
from etl.reports.coverage import Span
from etl.reports.heatmap import heatmap
from etl.reports.paint import Frame, hatch, named, to_svg
from etl.timespan import Window


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart as SVG that takes its colours from the page; ``legend`` are its series and colours."""

    svg: str
    legend: tuple[tuple[str, str], ...] = ()


def draw(
    chart: Chart,
    table: pa.Table,
    *,
    window: Window,
    timezone: ZoneInfo,
    language: Language,
    width: int,
    unproven: Sequence[Span] = (),
) -> Drawing:
    """Return ``table`` drawn as ``chart`` asks, ``width`` pixels wide.

    ``unproven`` are the spans of the window that a chart over time marks, so that a gap
    is never taken for a quiet time. Raises ``UsageError`` for a column that is not there
    or not of its kind.
    """
    _check(chart, table)
    frame = Frame(window, timezone, language, width)
    if chart.kind == "heatmap":
        cells, steps = heatmap(chart, table, frame)
        return Drawing(to_svg(cells), steps)
    if chart.kind == "bar":
        drawn, colours = bars(chart, table, frame)
        marked: tuple[tuple[str, str], ...] = ()
    else:
        drawn, colours = course(chart, table, frame, unproven=unproven)
        states = sorted({span.state for span in unproven})
        marked = tuple((named(s, column="state", language=language), hatch(s)) for s in states)
    series = tuple(
        (named(name, column=chart.color, language=language), paint)
        for name, paint in colours.items()
        if chart.color
    )
    return Drawing(to_svg(drawn), series + marked)


def _check(chart: Chart, table: pa.Table) -> None:
    for column in filter(None, (chart.x, chart.y, chart.color, chart.mark)):
        if column not in table.column_names:
            there = ", ".join(table.column_names)
            raise UsageError(f"the chart draws {column}, but the rows have {there}")
    for amount in filter(None, (chart.amount, chart.mark)):
        kind = table.schema.field(amount).type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            raise UsageError(f"the chart draws {amount} as an amount, but it is {kind}")
    if chart.kind in {"columns", "stacked_area"} and not _is_time(table.schema.field(chart.x).type):
        raise UsageError(f"the chart draws {chart.x} as time, but it has no timezone")


def _is_time(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) and kind.tz is not None
