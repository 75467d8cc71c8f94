"""The words of alerting as types: finding, digest and its parts; plain data that every dialect renders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from etl.timespan import Window

Severity = Literal["critical", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")
Language = Literal["en", "zh"]
Kind = Literal["digest", "urgent"]
"""What a message is: the digest of a day, or what could not wait for it."""
Send = Literal["always", "on_change", "on_firing"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of a rule over its threshold.

    ``labels`` are the rule's ``by`` columns with their values plus the rule's own
    labels. ``baseline`` is the mean of ``value`` per span as long as the window over
    the baseline days, null where there is too little history. Texts are rendered and
    untrusted: they quote event text.
    """

    alert: str
    severity: Severity
    labels: dict[str, str]
    value: float
    baseline: float | None = None
    summary: str = ""
    description: str = ""
    runbook_url: str = ""
    last_seen: datetime | None = None
    fingerprint: str = ""
    fired_at: datetime | None = None
    """Since when it fires, where evaluations before this one are remembered."""
    state: str = "firing"
    """firing; no_data or error while nobody can know; resolved; expired where nobody could for too long."""
    unknown_since: datetime | None = None
    """Since when nobody can know."""
    urgent: bool = False
    """Whether urgent messages have told it, so that what opens and closes alerts hears of it from them alone."""


@dataclass(frozen=True, slots=True)
class Silenced:
    """A silence in force that holds alerts back: until when, why, by whom, and how many."""

    matchers: str
    until: datetime
    comment: str
    created_by: str
    alerts: int


@dataclass(frozen=True, slots=True)
class FirstSeen:
    """A reason that the lake had not seen on this kind of object before the window."""

    cluster: str
    reason: str
    object_kind: str
    type: str
    occurrences: int
    first_seen: datetime
    meaning: str = ""
    example: str = ""


@dataclass(frozen=True, slots=True)
class Mover:
    """A (cluster, namespace, reason) whose occurrences left its baseline, up or down."""

    cluster: str
    namespace: str
    reason: str
    value: int
    baseline: float


@dataclass(frozen=True, slots=True)
class Noisy:
    """An object that produced many occurrences in the window."""

    cluster: str
    namespace: str
    object_kind: str
    object_name: str
    occurrences: int
    top_reason: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A span for which nothing proves that all final states were seen."""

    cluster: str
    start: datetime
    end: datetime
    cause: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the ledger proves about the window.

    ``share`` is the covered part of the window, 0 to 1, of the least covered cluster;
    null where no snapshot of any cluster lies in reach of the window, so nothing is known.
    """

    share: float | None
    covered: timedelta
    snapshots: int
    failed: int
    gaps: tuple[Gap, ...] = ()
    last_snapshot_at: datetime | None = None
    only: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """The clusters of which not all was listed, each with the namespaces that were."""
    not_stored: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """The clusters of which not all is stored (``ingest.drop``), each with namespaces and reasons that are not."""

    @property
    def complete(self) -> bool:
        """Whether the whole window is proven: only then is silence quiet."""
        return self.share is not None and not self.gaps


@dataclass(frozen=True, slots=True)
class Totals:
    """The window in numbers, beside the same for the baseline where there is one."""

    occurrences: int
    warnings: int
    objects: int
    namespaces: int
    baseline_occurrences: float | None = None
    baseline_warnings: float | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A rule that was not evaluated, and why: it is counted, never silently absent."""

    alert: str
    comment: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """One message before any dialect: everything a receiver may show, most important first.

    ``findings`` are new or told again in full, ``still`` were told before and go on, ``resolved``
    are over and told once. Without memory, all that fires is in ``findings``. ``held`` are the
    switched-off rules, ``silences`` those that hold something back, ``inhibited`` counts alerts
    that another one stands for, ``cut`` findings beyond a rule's limit, by rule; ``health`` are lines about eventlake itself: failed snapshots, damaged files, rules
    whose SQL failed, receivers that did not answer.
    """

    clusters: tuple[str, ...]
    window: Window
    timezone: str
    language: Language
    coverage: Coverage
    totals: Totals
    findings: tuple[Finding, ...] = ()
    first_seen: tuple[FirstSeen, ...] = ()
    movers: tuple[Mover, ...] = ()
    noisiest: tuple[Noisy, ...] = ()
    held: tuple[Held, ...] = ()
    cut: dict[str, int] = field(default_factory=dict)
    health: tuple[str, ...] = ()
    link: str = ""
    still: tuple[Finding, ...] = ()
    resolved: tuple[Finding, ...] = ()
    expired: tuple[Finding, ...] = ()
    """Closed, though nobody knows whether it is over: nothing was known of it for too long, or its cluster is gone."""
    gone: tuple[str, ...] = ()
    """Clusters that somebody said are gone."""
    silences: tuple[Silenced, ...] = ()
    inhibited: int = 0
    paused: int = 0
    """Urgent alerts of the window that had to wait for the pause of urgent messages."""
    urgent: tuple[Finding, ...] = ()
    """What urgent messages have told and what fires still: for targets that forget what nobody sends again."""
    elsewhere: int = 0
    """Alerts that routes lead to other receivers, so that a share without any is not taken for a quiet day."""
    namespaces: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    """Labels of namespaces by cluster and namespace, for routes."""
    kind: Kind = "digest"
    whole: bool = True
    """Whether it is about everything; groups of one digest are not, and a chart beside each would be a storm."""
    remembers: bool = False
    """Whether evaluations before this one are remembered, so that new and old can be told apart."""

    @property
    def quiet(self) -> bool:
        """Whether nothing asks for attention: a quiet digest is one line, if coverage is complete."""
        firing = self.findings or self.still or self.resolved or self.expired
        return not (firing or self.first_seen or self.movers or self.health)

    @property
    def illustrated(self) -> bool:
        """Whether a chart may stand beside it: not where one line says it all, and not where it is urgent."""
        dull = self.quiet and self.coverage.complete
        return self.kind == "digest" and self.whole and not dull

    @property
    def silenced(self) -> int:
        """Number of alerts that silences hold back."""
        return sum(silence.alerts for silence in self.silences)

    def wanted(self, send: Send) -> bool:
        """Whether somebody who asked for digests by ``send`` gets this one; a gap is never kept quiet."""
        if send == "always" or not self.coverage.complete:
            return True
        if send == "on_firing":
            return not self.quiet
        told = self.findings or self.resolved or self.expired
        return bool(told or self.first_seen or self.health)

    def counted(self, severity: Severity) -> int:
        """Number of findings of ``severity``: what is new or told again, without what is still firing."""
        return sum(finding.severity == severity for finding in self.findings)
