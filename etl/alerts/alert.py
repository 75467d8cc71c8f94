"""The alert: a finding with memory, and the record of one evaluation that remembers all of them.

A record is the whole state after an evaluation, so the newest one is all that the next
needs, and every older one is history.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from etl.alerts.model import Finding, Kind, Language, Severity

State = Literal["inactive", "pending", "firing", "no_data", "error", "resolved", "expired"]
"""inactive: over before it was told; pending: not often enough yet; no_data and error: what it was
before stands, because the cluster was not covered or the rule could not be asked; expired: that lasted
too long, or the cluster is gone, so it is closed and nobody knows whether it is over."""
Stayed = Literal["", "silenced", "inhibited", "limited", "paused"]
"""Why an alert that fires is not told: a silence, another alert, its rule's limit, the pause of urgent messages."""
Said = Literal["", "new", "again", "still", "resolved", "expired"]


class Words(msgspec.Struct, frozen=True, omit_defaults=True):
    """An alert's texts in one language; they quote events and are untrusted."""

    summary: str = ""
    description: str = ""
    runbook_url: str = ""


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One alert after one evaluation; moments are ends of evaluated windows, UTC."""

    fingerprint: str
    alert: str
    severity: Severity
    labels: dict[str, str]
    state: State
    was: State = "inactive"
    """The state after the evaluation before."""
    stands: Literal["", "pending", "firing"] = ""
    """What no_data and error hold."""
    unknown_since: datetime | None = None
    """Since when nobody can know whether it is so; null if the last evaluation could."""
    runs: int = 0
    """In how many evaluations in a row it was found; those that could not know count neither way."""
    since: datetime
    """When it was first found."""
    seen_at: datetime
    """When it was last found."""
    fired_at: datetime | None = None
    """When it began to fire."""
    told_at: datetime | None = None
    """When it was last told in full; null if nobody heard of it since it fired or was held back."""
    stayed: Stayed = ""
    stayed_before: Stayed = ""
    said: Said = ""
    value: float = 0
    baseline: float | None = None
    last_seen: datetime | None = None
    words: dict[Language, Words] = {}
    urgent: bool = False
    """Whether evaluations after snapshots have told it: what opens and closes alerts hears of it from them."""
    whole: bool = False
    """Whether it stands for its rule, of which there is no alert: error, no_data, or inactive behind them."""

    @property
    def standing(self) -> str:
        """Return pending, firing or resolved, also of one of which nothing can be known now."""
        return self.stands or self.state

    @property
    def fires(self) -> bool:
        """Whether it fires, as far as anybody knows."""
        return self.standing == "firing"

    def finding(self, language: Language) -> Finding:
        """Return the alert as digests show it."""
        words = self.words.get(language) or next(iter(self.words.values()), Words())
        return Finding(
            alert=self.alert,
            severity=self.severity,
            labels=dict(self.labels),
            value=self.value,
            baseline=self.baseline,
            summary=words.summary,
            description=words.description,
            runbook_url=words.runbook_url,
            last_seen=self.last_seen,
            fingerprint=self.fingerprint,
            fired_at=self.fired_at,
            state=self.state,
            urgent=self.urgent,
            unknown_since=self.unknown_since,
        )


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What one evaluation left: its window, how far it knew each cluster, and all alerts."""

    version: Literal[1] = 1
    kind: Kind
    scope: str
    """The cluster that was asked alone; empty for all."""
    number: int
    start: datetime
    end: datetime
    evaluated_at: datetime
    since: dict[str, datetime] = {}
    until: dict[str, datetime] = {}
    spoke: bool = True
    """Whether the evaluation had something to send."""
    spoke_at: datetime | None = None
    """When an evaluation of this kind last had something to send."""
    alerts: list[Alert] = []
    cut: dict[str, int] = {}

    @property
    def changed(self) -> bool:
        """Whether this evaluation decided anything that the one before had not."""
        return any(
            one.state != one.was or one.stayed != one.stayed_before or one.said in _DECISIONS
            for one in self.alerts
        )


_DECISIONS = {"new", "again", "resolved", "expired"}


def fingerprint(alert: str, labels: Mapping[str, str]) -> str:
    """Return what names an alert over time: its rule and its labels."""
    text = json.dumps([alert, sorted(labels.items())], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
