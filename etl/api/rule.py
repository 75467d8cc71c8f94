"""A rule over a span of history: what it measured at each evaluation, and what other thresholds would have said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa

from etl.alerts import history
from etl.alerts.rules import Rule
from etl.config.settings import Settings
from etl.lake.query import Session
from etl.reports import coverage
from etl.reports.frame import frame
from etl.schema import TIME
from etl.timespan import Window

_LISTED = pa.schema(
    [
        pa.field("name", pa.string()),
        pa.field("severity", pa.string()),
        pa.field("threshold", pa.string()),
        pa.field("by", pa.list_(pa.string())),
        pa.field("enabled", pa.bool_()),
    ]
)
_EVALUATED = pa.schema(
    [
        pa.field("at", TIME),
        pa.field("findings", pa.int64()),
        pa.field("greatest", pa.float64()),
        pa.field("covered_share", pa.float64()),
    ]
)


class RuleHistory:
    """What one rule measured, as if a digest had been made every ``span`` up to the end of a window.

    ``measured`` has a row per evaluation and group: ``at``, the rule's labels, ``value``,
    ``baseline`` (what was usual; missing where there is too little history) and ``fired``. A value of
    0 is a group that occurred before, and not in the 24 hours.
    """

    def __init__(
        self, rule: Rule, session: Session, window: Window, *, settings: Settings, zone: ZoneInfo
    ) -> None:
        """Ask the rule about every window of a digest's length that ends in ``window``."""
        self._rule, self._zone = rule, zone
        self._windows = history.evaluations(window)
        self._rows = history.values(rule, session, self._windows, digest=settings.digest)
        self._proof = coverage.coverage(session, window=window, timezone=zone)
        self.measured: pd.DataFrame = frame(self._rows, zone)

    def __repr__(self) -> str:
        """Say which rule, and how often it was evaluated."""
        return f"<rule {self.name} {self.threshold}, {len(self._windows)} evaluations>"

    @property
    def name(self) -> str:
        """The rule's name."""
        return self._rule.name

    @property
    def threshold(self) -> str:
        """What makes a value a finding, such as ``>= 10``."""
        return str(self._rule.threshold)

    @property
    def evaluations(self) -> pd.DataFrame:
        """A row per evaluation, quiet ones too: ``at``, ``findings``, the ``greatest`` value, ``covered_share``.

        No finding at a covered share of zero is not a quiet day: nobody looked.
        """
        found = self._rows.to_pylist()
        rows = [
            {
                "at": window.end,
                "findings": sum(row["fired"] for row in found if row["at"] == window.end),
                "greatest": max(
                    (row["value"] for row in found if row["at"] == window.end), default=None
                ),
                "covered_share": self._share(window),
            }
            for window in self._windows
        ]
        return frame(pa.Table.from_pylist(rows, _EVALUATED), self._zone)

    def firings(self, thresholds: Sequence[float] = ()) -> pd.DataFrame:
        """Return how often the rule would have fired at each threshold, its own among them.

        A row has the ``threshold``, whether it is the ``current`` one, the ``evaluations``, how many of them
        ``fired``, the ``findings`` in all, and the ``most_at_once``. Without ``thresholds`` they are
        steps of 1, 2 and 5 up to the greatest value.
        """
        rows = history.firings(self._rule, self._rows, self._windows, thresholds)
        return frame(rows, self._zone)

    def _share(self, window: Window) -> float:
        """Return which part of ``window`` is proven of the least covered cluster."""
        shares = [
            sum((_overlap(span, window) for span in one.spans), timedelta(0)) / window.length
            for one in self._proof
        ]
        return min(shares, default=0.0)


def listed(rules: Iterable[Rule]) -> pa.Table:
    """Return a row per rule: what it is called, what makes a finding of it, and whether it is asked."""
    rows = [
        {
            "name": rule.name,
            "severity": rule.severity,
            "threshold": str(rule.threshold),
            "by": list(rule.by),
            "enabled": rule.enabled,
        }
        for rule in rules
    ]
    return pa.Table.from_pylist(rows, _LISTED)


def _overlap(span: coverage.Span, window: Window) -> timedelta:
    if span.state != "covered":
        return timedelta(0)
    return max(min(span.end, window.end) - max(span.start, window.start), timedelta(0))
