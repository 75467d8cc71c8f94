"""What is wrong with a rule as it is written: its name, numbers, labels, and what it compares.

What it asks (``match`` or ``expr``) and its texts are tried in ``etl.alerts.trial``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta

from etl.alerts import usual
from etl.alerts.model import SEVERITIES
from etl.alerts.threshold import Threshold
from etl.config import alerting
from etl.config.shape import suggestion

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RUNS = re.compile(r"([1-9]\d{0,2})(?: runs?)?")
# Takes a key of the rule, empty for the rule itself, and what is wrong there.
Note = Callable[[str, str], None]


def check_names(rule: alerting.Rule, note: Note) -> None:
    """Note what is wrong with the name, the threshold, the limit and the columns of ``by``."""
    if not _NAME.fullmatch(rule.alert):
        note(
            "alert", f"{rule.alert!r} is not a name; use letters, digits and _, such as PodsPending"
        )
    if wrong := Threshold.mistake(rule.threshold):
        note("threshold", wrong)
    if not runs(rule.for_):
        note("for", f"{rule.for_!r} is no number of evaluations; write it like 2 runs")
    if rule.window is not None and rule.window <= timedelta(0):
        note("window", "is not a span of time; give more than 0s")
    if rule.limit < 1:
        note("limit", f"{rule.limit} is too small; give at least 1")
    if len(set(rule.by)) < len(rule.by):
        note("by", "names a column twice")


def check_baseline(rule: alerting.Rule, note: Note) -> None:
    """Note what is wrong with what a rule compares."""
    if rule.baseline is None:
        return
    if rule.expr:
        note("baseline", "is for match; a SELECT compares by itself, from $base on")
    if rule.urgent:
        note(
            "baseline",
            "cannot be urgent: after a snapshot nothing is compared with the days before",
        )
    for key, text in usual.mistakes(rule.baseline):
        note(f"baseline.{key}" if key else "baseline", text)


def check_labels(severity: str, labels: Mapping[str, str], by: list[str], note: Note) -> None:
    """Note what is wrong with the labels of a rule, those of its group among them."""
    if severity not in SEVERITIES:
        note(
            "labels.severity", f"{severity!r} is not a severity" + suggestion(severity, SEVERITIES)
        )
    for label in labels:
        if not _NAME.fullmatch(label):
            note(f"labels.{label}", "is not a label's name; use letters, digits and _")
        elif label in by:
            note(f"labels.{label}", "is a column of by already")


def runs(text: str) -> int:
    """Return how many evaluations ``2 runs`` names; 0 for what names none."""
    found = _RUNS.fullmatch(text.strip())
    return int(found[1]) if found else 0
