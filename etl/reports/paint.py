"""Colours, names and the last step of a drawing: Vega-Lite to SVG that takes its colours from the page.

Nothing is fetched: vl-convert brings Vega and measures text with fonts of its own. Vega
knows one colour per mark, a page has two (light and dark), so marks are drawn in stand-in
colours that are then replaced by CSS variables of page.css; one drawing serves both, and
prints. Texts in a drawing are one harmless line each, and Vega escapes them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from etl.reports.catalogue import Chart, Language
from etl.reports.cells import NOTHING, plain
from etl.reports.words import told
from etl.timespan import Window

if TYPE_CHECKING:
    import altair as alt

INK, MUTED, RULE, CARD = "var(--ink)", "var(--muted)", "var(--rule)", "var(--card)"
# Okabe and Ito's orange and blue stay apart in every kind of colour blindness.
BY_TYPE: Mapping[str | None, str] = {"Warning": "var(--warning)", "Normal": "var(--normal)"}
SERIES = tuple(f"var(--series-{number})" for number in range(1, 9))
OTHERS = "var(--series-others)"
# From nothing to the most.
HEAT = tuple(f"var(--heat-{number})" for number in range(7))
_HATCHES = {"gap": "url(#hatch-gap)", "unknown": "url(#hatch-unknown)"}
_PAINTS = (*BY_TYPE.values(), *SERIES, OTHERS, *HEAT, INK, MUTED, RULE, CARD, *_HATCHES.values())
_NAME_CHARACTERS = 80
_PADDING = {"left": 2, "right": 6, "top": 6, "bottom": 4}


@dataclass(frozen=True, slots=True)
class Frame:
    """What a drawing is drawn into, and for whom."""

    window: Window
    zone: ZoneInfo
    language: Language
    width: int


def stand_in(paint: str) -> str:
    """Return the colour that Vega draws for ``paint``, one of the variables above."""
    return f"#0101{_PAINTS.index(paint):02x}"


def hatch(state: str) -> str:
    """Return the paint of a span that is not proven."""
    return _HATCHES[state]


def paints(chart: Chart, series: Iterable[str | None]) -> dict[str | None, str]:
    """Return a colour for each series, in the order in which they are stacked.

    Types have a colour each, and warnings stand next to the axis, where lengths compare
    best; anything else takes the colours by rank, and what comes after them is one grey.
    """
    found = list(dict.fromkeys(series))
    if not chart.color:
        drawn = chart.x if chart.kind == "bar" else chart.y
        return dict.fromkeys(found, BY_TYPE["Warning"] if drawn == "warnings" else SERIES[0])
    fixed: Mapping[str | None, str] = {"(others)": OTHERS}
    if chart.color == "type":
        fixed = BY_TYPE
        found.sort(key=lambda name: (name != "Warning", name != "Normal", name or ""))
    free = iter(SERIES[2:] if chart.color == "type" else SERIES)
    return {name: fixed.get(name) or next(free, OTHERS) for name in found}


def named(text: object, *, column: str, language: Language) -> str:
    """Return the name of a category or series as one harmless, short line."""
    if text is None:
        return NOTHING
    return plain(str(told(text, column, language)), _NAME_CHARACTERS)


def epoch(at: datetime) -> int:
    """Return milliseconds since 1970, which Vega's numbers hold exactly."""
    return round(at.timestamp() * 1000)


def amounts(
    rows: Sequence[Mapping[str, Any]], *, by: str, color: str, of: str
) -> dict[Any, dict[str | None, int | float]]:
    """Sum the column ``of`` per value of ``by`` and ``color``, in the order of the rows.

    Series beyond the colours are one, (others): a type or a namespace is a stranger's
    word, and a thousand of them would be a thousand marks per bucket.
    """
    totals: dict[str | None, int | float] = {}
    for row in rows:
        series = row[color] if color else None
        totals[series] = totals.get(series, 0) + _length(row[of])
    free = sorted(set(totals) - {*BY_TYPE, "(others)"}, key=lambda name: -totals[name])
    beyond = set(free[len(SERIES) :])
    sums: dict[Any, dict[str | None, int | float]] = {}
    for row in rows:
        series = row[color] if color else None
        series = "(others)" if series in beyond else series
        parts = sums.setdefault(row[by], {})
        parts[series] = parts.get(series, 0) + _length(row[of])
    return sums


def configured(drawn: alt.LayerChart | alt.Chart) -> alt.LayerChart | alt.Chart:
    """Return the drawing with fonts, spaces and colours that all have."""
    made: alt.LayerChart | alt.Chart = drawn.configure(
        font="sans-serif",
        padding=_PADDING,
        view={"stroke": None},
        axis={
            "labelColor": stand_in(MUTED),
            "gridColor": stand_in(RULE),
            "domainColor": stand_in(RULE),
            "tickColor": stand_in(RULE),
            "labelFontSize": 11.5,
            "labelPadding": 6,
        },
        axisY={"domain": False, "ticks": False},
    )
    return made


def to_svg(drawn: alt.LayerChart | alt.Chart) -> str:
    """Draw, and hand the colours over to the page's style sheet."""
    import vl_convert  # noqa: PLC0415 -- starts a JavaScript engine; only a page draws

    # Held against the schema of Vega-Lite by tests, and configured in one call, each of which
    # copies the rows: drawings are most of a page's time.
    spec = configured(drawn).to_dict(validate=False)
    spec["background"] = None
    svg: str = vl_convert.vegalite_to_svg(spec)
    for paint in _PAINTS:
        svg = svg.replace(f'"{stand_in(paint)}"', f'"{paint}"')
    return svg.replace(' font-family="sans-serif"', "")


def _length(amount: float | None) -> float:
    """Return what is drawn of an amount: nothing for null, for what is no number, and below zero."""
    return amount if amount is not None and math.isfinite(amount) and amount > 0 else 0
