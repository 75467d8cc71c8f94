"""Rows by bucket to a course of time: stacked columns or areas, with what is not proven marked.

Vega knows UTC and the machine's timezone only. So times go in as numbers, and the marks
of the axis are computed here in the reader's timezone, also where its clocks change.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from etl.reports.catalogue import Chart
from etl.reports.cells import moment
from etl.reports.coverage import Span
from etl.reports.paint import CARD, Frame, amounts, epoch, hatch, named, paints, stand_in
from etl.timespan import day_window

if TYPE_CHECKING:
    import altair as alt

_HEIGHT = 220
# From here on numbers at the axis are written 12k.
_LONG_NUMBER = 10_000
# A mark of the axis takes this many pixels, less on a narrow drawing.
_TICK_ROOM, _NARROW_TICK_ROOM, _NARROW = 90, 64, 600
_STEPS = (
    *(timedelta(minutes=m) for m in (1, 5, 10, 15, 30)),
    *(timedelta(hours=h) for h in (1, 2, 3, 6, 12)),
    *(timedelta(days=d) for d in (1, 2, 4, 7, 14, 28, 56, 112, 365)),
)
_DAY = timedelta(days=1)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def course(
    chart: Chart, table: pa.Table, frame: Frame, *, unproven: Sequence[Span]
) -> tuple[alt.LayerChart, dict[str | None, str]]:
    """Return the course and the paint of each series in it."""
    import altair as alt  # noqa: PLC0415 -- heavy; only a page draws

    sums = amounts(table.to_pylist(), by=chart.x, color=chart.color, of=chart.y)
    colours = paints(chart, (series for parts in sums.values() for series in parts))
    boxes = _boxes(chart, sums, colours, frame)
    domain = [epoch(frame.window.start), epoch(frame.window.end)]
    x = alt.X(
        "from:Q", scale=alt.Scale(domain=domain, nice=False, zero=False), axis=_time_axis(frame)
    )
    y = _amounts_axis(max((box["high"] for box in boxes), default=0) or 1)
    paint = alt.Color("paint:N", scale=None)
    base = alt.Chart(alt.InlineData(values=boxes))
    if chart.kind == "stacked_area":
        # A level that holds for its bucket: a slanting line would invent what lies between.
        marks = base.mark_area(interpolate="step-after").encode(
            x=x, y=y, y2=alt.Y2("high:Q"), color=paint, detail=alt.Detail("place:N")
        )
    else:
        marks = base.mark_rect(stroke=stand_in(CARD), strokeWidth=1).encode(
            x=x,
            x2=alt.X2("to:Q"),
            y=y,
            y2=alt.Y2("high:Q"),
            color=paint,
            description=alt.Description("told:N"),
        )
    bands = (
        alt.Chart(alt.InlineData(values=_bands(unproven, frame)))
        .mark_rect()
        .encode(x=x, x2=alt.X2("to:Q"), color=paint, description=alt.Description("told:N"))
    )
    drawn: Any = alt.layer(bands, marks).properties(width=frame.width, height=_HEIGHT)
    return drawn, colours


def ticks(frame: Frame) -> dict[int, str]:
    """Return the marks of the time axis by their place: round local times, a date at midnight."""
    room = frame.width // (_TICK_ROOM if frame.width >= _NARROW else _NARROW_TICK_ROOM)
    step = next((s for s in _STEPS if frame.window.length / s <= max(2, room)), _STEPS[-1])
    found: dict[int, str] = {}
    day = frame.window.start.astimezone(frame.zone).date()
    while (local := day_window(day, frame.zone)).start < frame.window.end:
        at = local.start
        while at < local.end:
            if frame.window.start <= at < frame.window.end:
                found[epoch(at)] = _tick(at, frame)
            at += step
        day += max(_DAY, step)
    return found


def _time_axis(frame: Frame) -> alt.Axis:
    import altair as alt  # noqa: PLC0415 -- heavy; only a page draws

    marks = ticks(frame)
    # The expression holds numbers and our own words, nothing of an event.
    texts = json.dumps({str(at): text for at, text in marks.items()})
    return alt.Axis(
        title=None,
        values=list(marks),
        labelExpr=f"{texts}[datum.value]",
        grid=False,
        labelFlush=True,
        labelOverlap=True,
    )


def _amounts_axis(top: float) -> alt.Y:
    import altair as alt  # noqa: PLC0415 -- heavy; only a page draws

    form = "~s" if top >= _LONG_NUMBER else ",d"
    axis = alt.Axis(title=None, format=form, tickCount=4, tickMinStep=1)
    return alt.Y("low:Q", scale=alt.Scale(domain=[0, top], nice=4), axis=axis)


def _tick(at: datetime, frame: Frame) -> str:
    local = at.astimezone(frame.zone)
    if local.hour or local.minute:
        return f"{local:%H:%M}"
    if frame.language == "zh":
        return f"{local.month}月{local.day}日"
    return f"{local.day} {_MONTHS[local.month - 1]}"


def _boxes(
    chart: Chart,
    sums: dict[Any, dict[str | None, int | float]],
    colours: dict[str | None, str],
    frame: Frame,
) -> list[dict[str, Any]]:
    """Return a box per bucket and series, put on those before it, clipped to the window."""
    # A report of one's own may hold buckets that the axis does not have.
    starts = sorted(start for start in sums if start is not None and start < frame.window.end)
    ends = dict(zip(starts, [*starts[1:], frame.window.end], strict=False))
    boxes = []
    for start in starts:
        low: float = 0
        when = f"{moment(start, frame.zone)} – {moment(ends[start], frame.zone)}"
        for place, (series, paint) in enumerate(colours.items()):
            amount = sums[start].get(series, 0)
            told = [when]
            if chart.color:
                told.append(named(series, column=chart.color, language=frame.language))
            # An area needs its zeros; a column of nothing is no mark.
            if amount or chart.kind == "stacked_area":
                boxes.append(
                    {
                        "place": place,
                        "from": epoch(max(start, frame.window.start)),
                        "to": epoch(ends[start]),
                        "low": low,
                        "high": low + amount,
                        "paint": stand_in(paint),
                        "told": f"{', '.join(told)}: {amount:,}",
                    }
                )
            low += amount
    return boxes


def _bands(unproven: Sequence[Span], frame: Frame) -> list[dict[str, Any]]:
    bands = []
    for span in unproven:
        state = named(span.state, column="state", language=frame.language)
        cause = named(span.cause, column="cause", language=frame.language)
        when = f"{moment(span.start, frame.zone)} – {moment(span.end, frame.zone)}"
        bands.append(
            {
                "from": epoch(span.start),
                "to": epoch(span.end),
                "paint": stand_in(hatch(span.state)),
                "told": f"{when}, {state}: {cause}",
            }
        )
    return bands
