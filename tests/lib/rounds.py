"""Evaluations drawn run by run: what was found and seen, and what became of the alerts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from etl.alerts.alert import Alert, Record
from etl.alerts.evaluate import Evaluation
from etl.alerts.learned import BY_TIME
from etl.alerts.model import Finding
from etl.alerts.remember import Customs, Occasion, remembered
from etl.alerts.rules import Rule
from etl.alerts.threshold import Threshold
from etl.timespan import Window

DAY = timedelta(days=1)
FIRST = datetime(2026, 11, 1, 9, tzinfo=UTC)


def rule(name: str = "R", **changes: object) -> Rule:
    """Return a rule of which only what the memory asks for matters."""
    said: dict[str, object] = {
        "name": name,
        "kind": "match",
        "statement": "",
        "parameters": {},
        "by": ("cluster", "name"),
        "threshold": Threshold(">", 0),
        "limit": 50,
        "severity": "warning",
        "labels": {},
        "annotations": {},
        "group": "g",
        "origin": "f",
        **changes,
    }
    return Rule(**said)  # type: ignore[arg-type]  # drawn


def finding(
    name: str = "web-0", *, alert: str = "R", value: float = 1, cluster: str = "prod"
) -> Finding:
    """Return a finding about one object."""
    return Finding(alert, "warning", {"cluster": cluster, "name": name}, value)


@dataclass
class Days:
    """A memory that lives through evaluations, one a day."""

    rules: list[Rule] = field(default_factory=lambda: [rule()])
    repeat_interval: timedelta = timedelta(days=3)
    pause: timedelta = timedelta(0)
    expire_after: timedelta = timedelta.max
    gone: frozenset[str] = frozenset()
    kind: str = "digest"
    apart: timedelta = DAY
    record: Record | None = None
    day: int = 0

    def run(
        self,
        *findings: Finding,
        covered: bool | set[str] = True,
        failed: bool = False,
        silenced: bool = False,
        inhibited: bool = False,
        clusters: tuple[str, ...] = ("prod",),
    ) -> list[Alert]:
        """Evaluate the next window and return the alerts after it."""
        self.day += 1
        end = FIRST + self.day * self.apart
        evaluation = Evaluation(
            findings=findings,
            worded={"en": findings},
            failed={one.name: "broken" for one in self.rules} if failed else {},
        )
        self.record = remembered(
            self.record,
            self.day,
            evaluation,
            self.rules,
            Occasion(
                self.kind,  # type: ignore[arg-type]
                "",
                Window(end - self.apart, end),
                BY_TIME,
                end,
                gone=self.gone,
            ),
            covered=covered if isinstance(covered, set) else set(clusters) if covered else set(),
            clusters=clusters,
            customs=Customs(
                repeat_interval=self.repeat_interval,
                silenced=lambda _alert: silenced,
                inhibited=lambda _alert, _firing: inhibited,
                pause=self.pause,
                expire_after=self.expire_after,
            ),
        )
        return [alert for alert in self.record.alerts if not alert.whole]

    @property
    def states(self) -> dict[str, tuple[str, str]]:
        """State and state before of each rule that has no alert."""
        alerts = self.record.alerts if self.record else []
        return {one.alert: (one.state, one.was) for one in alerts if one.whole}
