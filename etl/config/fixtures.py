"""Tests of rules as a file: drawn events, evaluation by evaluation, and what should come of them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from etl.config.section import Section
from etl.timespan import Duration


class Event(Section, frozen=True):
    """Events of one object: what a rule can match, how many, and how long before the evaluation."""

    reason: str
    """The reason."""
    type: str = "Warning"
    """Normal or Warning."""
    cluster: str = "prod"
    """The cluster."""
    namespace: str = "default"
    """The namespace."""
    kind: str = "Pod"
    """Kind of the object."""
    name: str = "test"
    """Name of the object."""
    node: str = ""
    """The reporter's host."""
    component: str = ""
    """Who reported."""
    message: str = ""
    """The text."""
    count: int = 1
    """How often it occurred."""
    ago: Duration = Duration(hours=1)
    """How long before the end of the window it was last seen."""


class Expected(Section, frozen=True):
    """An alert that should be there after an evaluation."""

    alert: str
    """The rule's name."""
    labels: dict[str, str] = {}
    """Labels that it has, among others."""
    state: Literal["pending", "firing", "no_data", "error", "resolved", "expired"] = "firing"
    """What it is."""
    value: float | None = None
    """Its value; null: any."""
    summary: str | None = None
    """Its text; null: any."""


class Evaluation(Section, frozen=True):
    """One evaluation, a day after the one before."""

    events: list[Event] = []
    """What happened in its window; earlier evaluations' events are its baseline."""
    covered: bool = True
    """Whether all of the window was seen."""
    alerts: list[Expected] = []
    """All alerts that should be there, and no other."""


class Test(Section, frozen=True):
    """A story of some rules."""

    name: str
    """What it shows."""
    rules: list[str] = []
    """The rules that are asked, by name; empty means all."""
    at: datetime = msgspec.field(
        default_factory=lambda: datetime.fromisoformat("2026-01-01T09:00:00+00:00")
    )
    """End of the first window."""
    evaluations: list[Evaluation] = []
    """What happens, day by day."""


class Tests(Section, frozen=True):
    """The whole file."""

    tests: list[Test] = []
    """The tests."""
