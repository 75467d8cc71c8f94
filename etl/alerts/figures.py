"""Numbers, changes and times as people read them, in the words of one language."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from etl.alerts.model import Digest
from etl.alerts.words import Words

# Within a tenth of the mean nothing happened; from twice on, a factor says more than a percentage.
_ALIKE = 0.1
_FACTOR_FROM = 2.0
_SMALL = 100
_DAY = timedelta(days=1)


def number(value: float) -> str:
    """Write ``value`` with thousands separators, whole if it is whole or large."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "-∞" if value < 0 else "NaN"
    if float(value).is_integer() or abs(value) >= _SMALL:
        return f"{value:,.0f}"
    return f"{value:,.2g}" if abs(value) < 1 else f"{value:,.1f}".removesuffix(".0")


def change(value: float, baseline: float | None, words: Words) -> str:
    """Say what ``value`` is beside its baseline: "12× the usual 3.4"; empty without a baseline."""
    if baseline is None or not math.isfinite(baseline) or not math.isfinite(value):
        return ""
    usual = number(baseline)
    if baseline <= 0 or value <= 0:
        return words.as_usual if value == baseline else words.usually.format(baseline=usual)
    ratio = value / baseline
    if abs(ratio - 1) <= _ALIKE:
        return words.as_usual
    if ratio >= _FACTOR_FROM:
        return words.times_usual.format(times=_factor(ratio), baseline=usual)
    return words.percent_usual.format(percent=_percent(ratio), baseline=usual)


def short_change(value: float, baseline: float, words: Words) -> str:
    """Say the same in a cell of a table that holds both numbers already."""
    if baseline <= 0 or value <= 0:
        return words.as_usual if value == baseline else words.new if value > 0 else words.gone
    ratio = value / baseline
    return f"{_factor(ratio)}×" if ratio >= _FACTOR_FROM else _percent(ratio)


def _factor(ratio: float) -> str:
    return number(round(ratio) if ratio >= 10 else round(ratio, 1))  # noqa: PLR2004 - 12×, but 3.4×


def _percent(ratio: float) -> str:
    return f"{(ratio - 1) * 100:+.0f}%"


def share(part: float, *, complete: bool) -> str:
    """Write a share as a percentage that never rounds up to the whole."""
    if complete:
        return "100%"
    return f"{min(99.9, math.floor(part * 1000) / 10):.1f}%".replace(".0%", "%")


def length(span: timedelta) -> str:
    """Write a length in hours and minutes, as plans name it: 24h, 3h20m; days from two on."""
    minutes = round(span.total_seconds() / 60)
    if minutes == 0:
        return f"{round(span.total_seconds())}s"
    hours, minutes = divmod(minutes, 60)
    days = ""
    if hours >= 48:  # noqa: PLR2004 - two days
        days, hours = f"{hours // 24}d", hours % 24
    return f"{days}{f'{hours}h' if hours else ''}{f'{minutes}m' if minutes else ''}"


class Clock:
    """Times in the digest's timezone, as short as its window allows."""

    def __init__(self, digest: Digest, words: Words) -> None:
        """Show times by the forms of ``words``."""
        self._window = digest.window
        self._zone = ZoneInfo(digest.timezone)
        self._name = digest.timezone
        self._words = words

    def moment(self, moment: datetime) -> str:
        """Write day and time: ``22 Nov 09:00``."""
        local = moment.astimezone(self._zone)
        months = self._words.months
        return self._words.moment.format(
            day=local.day,
            month=months[local.month - 1] if months else local.month,
            clock=f"{local:%H:%M}",
        )

    def within(self, moment: datetime) -> str:
        """Write a moment of the window: the time alone where the window holds it only once."""
        inside = self._window.start <= moment <= self._window.end
        if inside and self._window.length <= _DAY:
            return f"{moment.astimezone(self._zone):%H:%M}"
        return self.moment(moment)

    def span(self, start: datetime, end: datetime) -> str:
        """Write a span of the window, or a longer one with its days."""
        if self._window.start <= start and end <= self._window.end:
            return f"{self.within(start)}–{self.within(end)}"
        return f"{self.moment(start)} – {self.moment(end)}"

    def window(self) -> str:
        """Write the window with its days and the name of the timezone."""
        window = self._window
        return f"{self.moment(window.start)} – {self.moment(window.end)} {self._name}"
