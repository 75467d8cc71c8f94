"""A rule and a span of history to what it would have measured: one question for each window of a digest.

A threshold is chosen by what a rule's values were, not guessed. Nothing is remembered or
sent, and a rule that is switched off is measured all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pyarrow as pa

from etl.alerts.asking import measure
from etl.alerts.baseline import measured
from etl.alerts.rules import Rule
from etl.alerts.threshold import Threshold
from etl.config import settings as config
from etl.lake.query import Session
from etl.schema import TIME
from etl.timespan import Window

# What a digest looks at, and what thresholds are for.
SPAN = timedelta(hours=24)
# Steps between which people choose.
_STEPS = (1, 2, 5)
# More rows than this are no choice any more.
_DECADES = 12
_FIRINGS = pa.schema(
    [
        pa.field("threshold", pa.string()),
        pa.field("current", pa.bool_()),
        pa.field("evaluations", pa.int64()),
        pa.field("fired", pa.int64()),
        pa.field("findings", pa.int64()),
        pa.field("most_at_once", pa.int64()),
    ]
)


def evaluations(window: Window) -> list[Window]:
    """Return the windows of digests one after another up to the end of ``window``, oldest first.

    They are whole ones: a threshold is for all of a digest's window.
    """
    return [
        Window(window.end - (back + 1) * SPAN, window.end - back * SPAN)
        for back in reversed(range(window.length // SPAN))
    ]


def values(
    rule: Rule, session: Session, windows: Sequence[Window], *, digest: config.Digest
) -> pa.Table:
    """Return what ``rule`` measured in each of ``windows``: a row per group that had a value.

    Columns: ``at`` (the end of the window), the rule's ``by``, ``value``, ``baseline`` (null where
    there is too little history) and ``fired``. Raises ``QueryError`` from the lake.
    """
    labels = [pa.field(name, pa.string()) for name in rule.by]
    columns = pa.schema(
        [
            pa.field("at", TIME),
            *labels,
            pa.field("value", pa.float64()),
            pa.field("baseline", pa.float64()),
            pa.field("fired", pa.bool_()),
        ]
    )
    found = [
        {
            **row.labels,
            "at": window.end,
            "value": row.value,
            "baseline": row.baseline,
            "fired": rule.met(row.value, row.baseline),
        }
        for window in windows
        for row in measure(
            rule,
            session,
            window=window,
            baseline=measured(
                session, window, span=digest.baseline, minimum=digest.min_baseline_days
            ),
        )
    ]
    return pa.Table.from_pylist(found, columns)


def firings(
    rule: Rule, measured_values: pa.Table, windows: Sequence[Window], numbers: Sequence[float] = ()
) -> pa.Table:
    """Return how often ``rule`` would have fired at each of the thresholds, in their order.

    ``numbers`` stand in the place of the rule's own, which is always among them; without any
    they are steps of 1, 2 and 5 up to the greatest value. A row counts the ``evaluations``, those
    that ``fired``, the ``findings`` of all of them, and how many were the ``most_at_once``.
    """
    found = measured_values.select(["at", "value", "baseline"]).to_pylist()
    own = rule.threshold.number
    greatest = max((row["value"] for row in found), default=0)
    chosen = sorted({own, *map(float, numbers or _steps(greatest))})
    rows = []
    for number in chosen:
        threshold = Threshold(rule.threshold.operator, number)
        tried = replace(rule, threshold=threshold)
        counts = dict.fromkeys((window.end for window in windows), 0)
        for row in found:
            counts[row["at"]] += tried.met(row["value"], row["baseline"])
        rows.append(
            {
                "threshold": str(threshold),
                "current": number == own,
                "evaluations": len(windows),
                "fired": sum(count > 0 for count in counts.values()),
                "findings": sum(counts.values()),
                "most_at_once": max(counts.values(), default=0),
            }
        )
    return pa.Table.from_pylist(rows, _FIRINGS)


def _steps(most: float) -> Iterator[float]:
    for decade in range(_DECADES):
        for step in _STEPS:
            if (number := step * 10**decade) <= most:
                yield number
