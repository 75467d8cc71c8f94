"""A report and a window to rows: binds the window and converts what a caller set by text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import Protocol
from zoneinfo import ZoneInfo

import pyarrow as pa

from etl.errors import UsageError, quoted
from etl.reports.catalogue import Parameter, Report
from etl.reports.check import check
from etl.timespan import Duration, Window, brief

# The smallest of these that cuts a window into at most 60 buckets is taken; each is at
# most 2.5 times the one before, so there are at least 24 of them (from 24 minutes on).
_WIDTHS = (
    *(timedelta(minutes=m) for m in (1, 2, 5, 10, 15, 30)),
    *(timedelta(hours=h) for h in (1, 2, 3, 6, 12)),
    *(timedelta(days=d) for d in (1, 2, 4, 7, 14, 28, 70, 140, 350)),
)
_MOST_BUCKETS = 60
# More than this is a list of events and not a course of time; it also bounds the work.
_MOST_BUCKETS_ASKED = 5000
_DAY = timedelta(days=1)
_NONE: Mapping[str, str] = {}


class Queryable(Protocol):
    """What runs a statement: a session of the lake."""

    def run(self, text: str, parameters: Mapping[str, object], /) -> pa.Table:
        """Rows of ``text`` with ``parameters`` bound by name."""

    def parameters(self, text: str, /) -> set[str]:
        """Names that ``text`` binds."""


def run(
    report: Report,
    session: Queryable,
    *,
    window: Window,
    timezone: ZoneInfo,
    extra: Mapping[str, str] = _NONE,
) -> pa.Table:
    """Return the rows of ``report`` over ``window``; days and hours are cut in ``timezone``.

    ``extra`` sets parameters by text, as the command line does. Raises ``UsageError`` for
    one that the report does not take or whose text is not of its kind, ``ConfigError`` if
    the report's header and its statement disagree, and ``QueryError`` from the lake.
    """
    check([report], session)
    return session.run(report.text, values(report, window=window, timezone=timezone, extra=extra))


def values(
    report: Report, *, window: Window, timezone: ZoneInfo, extra: Mapping[str, str] = _NONE
) -> dict[str, object]:
    """Return what ``run`` binds: a typed value for each parameter of ``report``."""
    _refuse_unknown(report, extra)
    bound: dict[str, object] = {
        "start": window.start,
        "end": window.end,
        "timezone": timezone.key,
    }
    for parameter in report.extra:
        text = extra.get(parameter.name, parameter.default)
        if text is None:
            raise UsageError(
                f"the report {report.name} needs a value for {parameter.name}: {parameter.name}=…"
            )
        bound[parameter.name] = _value(parameter, text, report=report.name, window=window)
    return bound


def bucket_width(length: timedelta) -> timedelta:
    """Return the width that cuts ``length`` into 24 to 60 buckets; a minute at least."""
    for width in _WIDTHS:
        if length <= width * _MOST_BUCKETS:
            return width
    return _WIDTHS[-1]


def _refuse_unknown(report: Report, extra: Mapping[str, str]) -> None:
    taken = [parameter.name for parameter in report.extra]
    for name in extra:
        if name in taken:
            continue
        near = get_close_matches(name, taken, n=1)
        offer = f"did you mean {near[0]}?" if near else f"it takes {', '.join(taken) or 'none'}"
        raise UsageError(f"the report {report.name} has no parameter {quoted(name, 60)!r}; {offer}")


def _value(parameter: Parameter, text: str, *, report: str, window: Window) -> object:
    try:
        if parameter.name == "bucket":
            return _bucket(text, window)
        if parameter.name == "limit":
            return _limit(text)
        return _like(parameter.default, text)
    except ValueError as error:
        raise UsageError(f"{report}: {parameter.name}: {error}") from error


def _bucket(text: str, window: Window) -> timedelta:
    if text == "auto":
        return bucket_width(window.length)
    # A plain timedelta: DuckDB binds it as an INTERVAL, a subclass it does not know.
    width = timedelta(seconds=Duration.parse(text).total_seconds())
    if width % timedelta(seconds=1):
        raise ValueError(f"{text!r} is not whole seconds")
    if width > _DAY and width % _DAY:
        raise ValueError(f"{brief(width)} is longer than a day and not whole days")
    if width <= timedelta(0) or window.length / width > _MOST_BUCKETS_ASKED:
        raise ValueError(
            f"{text!r} cuts {brief(window.length)} into more than {_MOST_BUCKETS_ASKED} buckets"
        )
    return width


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) == 0:
        raise ValueError(f"{quoted(text, 40)!r} is not a whole number above 0")
    return int(text)


def _like(default: str | None, text: str) -> object:
    """Convert ``text`` to what ``default`` is: a whole number, a number, or else text."""
    for kind, meaning in ((int, "a whole number"), (float, "a number")):
        try:
            kind(default or "")
        except ValueError:
            continue
        try:
            return kind(text)
        except ValueError as error:
            raise ValueError(f"{quoted(text, 40)!r} is not {meaning}") from error
    return text
