"""Drawings: what is drawn, in which order, where time is cut, and what is not proven."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from etl.errors import UsageError
from etl.reports.bars import bars
from etl.reports.catalogue import Chart
from etl.reports.charts import Drawing, draw
from etl.reports.course import course, ticks
from etl.reports.coverage import Span
from etl.reports.heatmap import heatmap
from etl.reports.paint import Frame, configured
from etl.timespan import Window
from tests.lib.reports import DAY, window

BERLIN = ZoneInfo("Europe/Berlin")
TIME = pa.timestamp("us", tz="UTC")


def _draw(
    chart: Chart, table: pa.Table, *, span: Window = DAY, unproven: tuple[Span, ...] = ()
) -> Drawing:
    return draw(
        chart,
        table,
        window=span,
        timezone=BERLIN,
        language="en",
        width=800,
        unproven=unproven,
    )


def _told(drawing: Drawing) -> list[str]:
    """What the marks say, in the order in which they are drawn."""
    return [unescape(text) for text in re.findall(r'path aria-label="([^"]+)"', drawing.svg)]


def _course(*rows: tuple[int, str | None, int]) -> pa.Table:
    return pa.table(
        {
            "bucket": pa.array([DAY.start + timedelta(hours=row[0]) for row in rows], TIME),
            "type": pa.array([row[1] for row in rows], pa.string()),
            "occurrences": pa.array([row[2] for row in rows], pa.int64()),
        }
    )


COURSE = Chart("columns", "bucket", "occurrences", "type")


def test_bars_are_ranked_and_told() -> None:
    """The greatest sum comes first, equal sums keep the report's order, and the limit cuts."""
    table = pa.table(
        {
            "reason": ["a", "b", "c", "a", None],
            "type": ["Normal", "Warning", "Normal", "Warning", "Normal"],
            "occurrences": [1, 1500, 2, 1, 2],
        }
    )
    drawing = _draw(Chart("bar", "occurrences", "reason", "type", 3), table)
    assert _told(drawing) == ["b, Warning: 1,500", "a, Warning: 1", "a, Normal: 1", "c, Normal: 2"]
    assert drawing.legend == (("Warning", "var(--warning)"), ("Normal", "var(--normal)"))
    assert ">1,500<" in drawing.svg


def test_columns_are_stacked_with_warnings_at_the_axis() -> None:
    """A bucket tells its span in the reader's time; nothing is no mark; other types come on top."""
    table = _course((0, "Normal", 5), (0, "Warning", 2), (12, "Error", 1), (12, "Warning", 0))
    drawing = _draw(COURSE, table)
    assert _told(drawing) == [
        "2026-11-22 01:00 – 2026-11-22 13:00, Warning: 2",
        "2026-11-22 01:00 – 2026-11-22 13:00, Normal: 5",
        "2026-11-22 13:00 – 2026-11-23 01:00, Error: 1",
    ]
    assert [name for name, _ in drawing.legend] == ["Warning", "Normal", "Error"]


def test_an_area_holds_its_level_for_a_bucket() -> None:
    """A stacked area steps and does not slant."""
    table = _course((0, "Normal", 5), (6, "Normal", 0), (12, "Normal", 9))
    drawing = _draw(Chart("stacked_area", "bucket", "occurrences", "type"), table)
    area = re.search(r'<path[^>]+ d="([^"]+)" fill="var\(--normal\)"', drawing.svg)
    assert area
    assert "C" not in area[1]
    assert drawing.legend == (("Normal", "var(--normal)"),)


def test_what_is_not_proven_is_hatched_and_told() -> None:
    """Gaps and unknown ends are bands with their cause, named in the legend."""
    gap = Span(DAY.start, DAY.start + timedelta(hours=2), "gap", "no run")
    end = Span(DAY.end - timedelta(hours=1), DAY.end, "unknown", "after the last snapshot")
    drawing = _draw(COURSE, _course((0, "Normal", 5)), unproven=(gap, end))
    assert _told(drawing)[:2] == [
        "2026-11-22 01:00 – 2026-11-22 03:00, gap: no run",
        "2026-11-23 00:00 – 2026-11-23 01:00, unknown: after the last snapshot",
    ]
    assert drawing.legend[1:] == (("gap", "url(#hatch-gap)"), ("unknown", "url(#hatch-unknown)"))
    assert drawing.svg.count('fill="url(#hatch-gap)"') == 1


def test_series_beyond_the_colours_are_one() -> None:
    """A thousand types are eight and the others, and none is lost from the sum."""
    table = _course(*((0, f"type-{n:04}", n + 1) for n in range(1000)))
    drawing = _draw(COURSE, table)
    told = _told(drawing)
    assert len(told) == 9
    assert sum(int(text.rpartition(" ")[2].replace(",", "")) for text in told) == 500_500
    assert any("(others)" in text for text in told)


def _heat(*rows: tuple[int, int, float, float]) -> pa.Table:
    names = ("weekday", "hour", "per_hour", "proven_hours")
    return pa.table(
        {name: [row[at] for row in rows] for at, name in enumerate(names)}
        if rows
        else {name: pa.array([], pa.int64()) for name in names}
    )


HEAT = Chart("heatmap", "hour", "weekday", "per_hour", mark="proven_hours")


def test_a_heat_map_is_darker_where_more_happens() -> None:
    """Each cell tells its place and amount; steps go by the square root, and the legend says where they begin."""
    drawing = _draw(HEAT, _heat((1, 8, 36.0, 4.0), (1, 9, 1.0, 4.0), (7, 8, 0.0, 4.0)))
    assert _told(drawing) == ["Mon, 8: Per hour 36", "Mon, 9: Per hour 1", "Sun, 8: Per hour 0"]
    assert re.findall(r'fill="var\(--heat-(\d)\)"', drawing.svg) == ["6", "1", "0"]
    assert drawing.legend[:3] == (
        ("0", "var(--heat-0)"),
        ("> 0", "var(--heat-1)"),
        ("> 1", "var(--heat-2)"),
    )
    assert ">Mon<" in drawing.svg
    assert ">Sun<" in drawing.svg


def test_an_hour_that_nobody_saw_is_hatched() -> None:
    """Where nothing is proven the cell says neither much nor little, also where something is known."""
    drawing = _draw(HEAT, _heat((1, 8, 36.0, 4.0), (1, 9, 1.0, 0.0)))
    assert drawing.svg.count('fill="url(#hatch-unknown)"') == 1
    assert drawing.legend[-1] == ("unknown", "url(#hatch-unknown)")


def test_a_mark_stands_where_its_column_says() -> None:
    """A bar has a line across at what is usual, summed as the bar is, its number under the mouse, and none at zero."""
    table = pa.table({"reason": ["Up", "Up", "New"], "now": [20, 10, 5], "usual": [2.5, 2.0, 0.0]})
    drawing = _draw(Chart("bar", "now", "reason", mark="usual"), table)
    assert _told(drawing) == ["Up: 30", "New: 5", "Up, Usual: 4.50"]


def test_drawings_are_vega_lite() -> None:
    """What is drawn fits the schema of Vega-Lite, which is not looked at again for each page."""
    frame = Frame(DAY, BERLIN, "en", 800)
    rows = _course((0, "Normal", 5), (0, "Warning", 2), (12, "Error", 1))
    gap = (Span(DAY.start, DAY.start + timedelta(hours=1), "gap"),)
    area = replace(COURSE, kind="stacked_area")
    ranking = Chart("bar", "occurrences", "type", "type", 3, mark="occurrences")
    drawings: list[Any] = [
        *(course(chart, rows, frame, unproven=gap)[0] for chart in (COURSE, area)),
        bars(ranking, rows, frame)[0],
        heatmap(HEAT, _heat((1, 8, 36.0, 4.0), (1, 9, 1.0, 0.0)), frame)[0],
    ]
    for drawn in drawings:
        assert configured(drawn).to_dict(validate=True)["config"]["font"] == "sans-serif"


def test_drawings_without_rows_are_drawings() -> None:
    """No bucket, no bar: an empty frame and no failure."""
    assert _draw(COURSE, _course()).svg.startswith("<svg")
    bars = Chart("bar", "occurrences", "type")
    assert _draw(bars, _course()).svg.startswith("<svg")
    assert _draw(HEAT, _heat()).svg.startswith("<svg")


def test_rows_that_cannot_be_drawn_do_not_stop_the_others() -> None:
    """Null, no number, less than nothing, and buckets out of the window are left out."""
    times = [DAY.start, DAY.start, DAY.start, None, DAY.end, DAY.start + timedelta(hours=1)]
    table = pa.table(
        {
            "bucket": pa.array(times, TIME),
            "amount": [None, float("nan"), -3.0, 5.0, 5.0, 1.5],
        }
    )
    drawing = _draw(Chart("columns", "bucket", "amount"), table)
    assert _told(drawing) == ["2026-11-22 02:00 – 2026-11-23 01:00: 1.5"]


@pytest.mark.parametrize(
    ("chart", "message"),
    [
        (Chart("bar", "missing", "type"), "the chart draws missing, but the rows have"),
        (Chart("bar", "type", "occurrences"), "draws type as an amount, but it is string"),
        (Chart("columns", "type", "occurrences"), "draws type as time"),
    ],
)
def test_a_chart_that_does_not_fit_its_rows_is_refused(chart: Chart, message: str) -> None:
    """A column that is not there or of the wrong kind is named."""
    with pytest.raises(UsageError, match=message):
        _draw(chart, _course((0, "Normal", 1)))


def test_a_drawing_is_well_formed_whatever_events_say() -> None:
    """Text of events cannot add an element, and has no control characters."""
    attack = "</text><script>alert(1)</script>\"'&]]>\x00\x1b[31m\u2028" + "#010100" * 3
    table = pa.table({"reason": [attack, "plain"], "type": [attack, "x"], "occurrences": [5, 1]})
    bars = _draw(Chart("bar", "occurrences", "reason", "type"), table)
    cells = _draw(Chart("heatmap", "reason", "type", "occurrences"), table)
    assert "var(--heat-6)" in cells.svg
    for drawing in (bars, cells):
        _assert_harmless(drawing)


def _assert_harmless(drawing: Drawing) -> None:
    root = ET.fromstring(drawing.svg)  # noqa: S314 -- our own drawing
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "g", "path", "text", "line", "rect", "defs", "clipPath"}
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", drawing.svg)
    assert 'id="' not in drawing.svg


def _ticks(span: Window, *, width: int = 1080, zone: ZoneInfo = BERLIN) -> dict[str, str]:
    frame = Frame(span, zone, "en", width)
    return {
        datetime.fromtimestamp(at / 1000, UTC).strftime("%m-%d %H:%M"): text
        for at, text in ticks(frame).items()
    }


def test_the_axis_has_round_times_of_the_reader() -> None:
    """A day from 08:50 has marks every two hours of Berlin, and the date at midnight."""
    found = _ticks(window("2026-11-22 07:50", "2026-11-23 07:50"))
    assert found["11-22 09:00"] == "10:00"
    assert found["11-22 23:00"] == "23 Nov"
    assert len(found) == 12


def test_the_axis_keeps_local_times_where_clocks_change() -> None:
    """On the day of 25 hours, marks after the change stand at the local hour again."""
    found = _ticks(window("2026-10-24 00:00", "2026-10-27 00:00"))
    assert found["10-24 22:00"] == "25 Oct"
    assert found["10-25 23:00"] == "26 Oct"
    assert found["10-26 11:00"] == "12:00"


def test_a_narrow_axis_has_fewer_marks_and_a_long_one_has_days() -> None:
    """Marks never crowd: a month is marked by days, a telephone gets few."""
    month = window("2026-10-01 00:00", "2026-11-01 00:00")
    assert set(_ticks(month).values()) >= {"1 Oct", "5 Oct"} or len(_ticks(month)) <= 12
    assert 2 <= len(_ticks(month, width=350)) <= 6
    assert all(" " in text for text in _ticks(month).values())
