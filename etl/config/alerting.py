"""What can be set of rules: what is asked, what is held back, and what is told at once.

The words are Prometheus' and Alertmanager's where they fit.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from etl.config.section import Section
from etl.timespan import Duration


class Match(Section, frozen=True):
    """What a declarative rule counts: all given columns must match.

    A value is a text (equal), a list (any of them); ``!text`` negates, ``=~regex``
    matches the whole value by RE2, ``!~regex`` negates that.
    """

    type: str | list[str] | None = None
    """Normal or Warning; rarely what you want, because it is not a severity."""
    reason: str | list[str] | None = None
    """The event's reason."""
    namespace: str | list[str] | None = None
    """Namespace of the event."""
    kind: str | list[str] | None = None
    """Kind of the object (``object_kind``)."""
    name: str | list[str] | None = None
    """Name of the object (``object_name``)."""
    node: str | list[str] | None = None
    """The Node that the event is about, else the reporter's host: the node for a kubelet."""
    component: str | list[str] | None = None
    """Who reported, such as kubelet."""
    message: str | list[str] | None = None
    """The text of the event."""


class RuleBaseline(Section, frozen=True):
    """What a declarative rule compares with the days before: a storm, a fall, or what was never there.

    What is usual is the mean or the median of the baseline's known days, for a span as long as the
    window. Where fewer days are known nothing is a finding.
    """

    ratio: str = ""
    """Comparison of ``value`` divided by what is usual, such as ``>= 3`` or ``<= 0.5``."""
    usual: str = ""
    """Comparison of what is usual itself: ``== 0`` is first seen, ``>= 50`` leaves out what was rare."""
    floor: float = 1
    """What ``ratio`` divides by at least, so that three where 0.1 is usual is no storm."""
    method: Literal["mean", "median"] = "mean"
    """How the days are put together; one day of storm moves a mean and hardly a median."""
    span: Duration | None = None
    """How far back it reaches; null: ``digest.baseline``."""
    min_days: int | None = None
    """Days of history below which nothing is compared; null: ``digest.min_baseline_days``."""


class Rule(Section, frozen=True):
    """One question whose answers are findings: a match with a threshold, or one SELECT."""

    alert: str
    """The rule's name, unique, in CamelCase."""
    match: Match | None = None
    """Declarative form: what to count."""
    expr: str = ""
    """SQL form: one SELECT with a ``value`` column; $start, $end and $base are bound."""
    by: list[str] = []
    """Labels of a finding: cluster, namespace, reason, type, kind, name, node, component; for SQL, its columns."""
    threshold: str = "> 0"
    """Comparison of ``value``: one of >, >=, <, <=, ==, != and a number."""
    baseline: RuleBaseline | None = None
    """What else has to hold beside the threshold, of what is usual; for ``match``."""
    for_: str = msgspec.field(default="1 run", name="for")
    """In how many evaluations in a row it has to be over its threshold before it is told, such as ``2 runs``."""
    keep_firing_for: Duration = Duration(0)
    """How long an alert is still said to fire after it was last over its threshold."""
    window: Duration | None = None
    """The span before the evaluation that is counted; null: what was learned since the evaluation before."""
    urgent: bool = False
    """Whether ``run`` asks it after each snapshot too, and tells at once."""
    limit: int = 50
    """Findings kept, the greatest values first; what is cut is counted."""
    enabled: bool = True
    """Switch; a switched-off rule is counted in the digest."""
    labels: dict[str, str] = {}
    """Labels put on every finding; ``severity`` is critical, warning or info."""
    annotations: dict[str, str] = {}
    """summary, description, runbook_url, also summary_zh and description_zh: Jinja leaves over ``value``, ``baseline``, ``labels`` and ``columns``."""


class RuleGroup(Section, frozen=True):
    """Rules that share labels."""

    name: str
    """The group's name, unique."""
    labels: dict[str, str] = {}
    """Labels put on every finding of the group; a rule's own win."""
    rules: list[Rule] = []
    """The group's rules."""


class RuleOverride(Section, frozen=True):
    """A switch on a rule that is defined elsewhere, such as a default one."""

    enabled: bool | None = None
    """Whether the rule is evaluated."""
    until: datetime | None = None
    """When the override ends by itself."""
    threshold: str | None = None
    """Another threshold."""
    severity: Literal["critical", "warning", "info"] | None = None
    """Another severity."""
    comment: str = ""
    """Why; shown in the digest."""


class Silence(Section, frozen=True):
    """Alerts that are not told for a time. They are evaluated, remembered and counted all the same."""

    matchers: list[str]
    """Conditions on labels that must all hold, such as ``namespace=~"dev-.*"``; ``alertname`` is the rule, ``severity`` its severity."""
    starts_at: datetime | None = None
    """When it begins; null: it always did."""
    ends_at: datetime | None = None
    """When it ends by itself. It has to."""
    created_by: str = ""
    """Who asked for it; shown in the digest."""
    comment: str = ""
    """Why; shown in the digest."""


class InhibitRule(Section, frozen=True):
    """Alerts that are not told while another one fires that stands for them."""

    source_matchers: list[str]
    """Conditions on the labels of the alert that stands for others."""
    target_matchers: list[str]
    """Conditions on the labels of those that are held back."""
    equal: list[str] = []
    """Labels that must be the same on both; one that both lack is the same."""


class Urgent(Section, frozen=True):
    """What is told at once, after a snapshot: rules with ``urgent: true``."""

    pause: Duration = Duration(minutes=30)
    """How long after one urgent message the next one may follow; what comes between waits and is told then."""
    longest: Duration = Duration(hours=6)
    """How far back an evaluation looks after runs that failed; the digest tells what is older."""
