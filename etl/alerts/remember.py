"""An evaluation and the one before to a record: every alert stepped, told or held back, and kept.

The record is written before anything is sent. A run that dies in between, or one that is
repeated, finds it under its window and says the same again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from etl.alerts import rulestates, state, telling
from etl.alerts.alert import Alert, Record, Words, fingerprint
from etl.alerts.coverage import is_seen
from etl.alerts.evaluate import Evaluation
from etl.alerts.learned import Learned
from etl.alerts.model import Finding, Kind, Language
from etl.alerts.rules import Rule
from etl.alerts.standing import UNKNOWN, Standing
from etl.timespan import Window


@dataclass(frozen=True, slots=True)
class Occasion:
    """Which evaluation it is: of what kind, of which cluster alone, about which window, made when.

    ``urgent`` is what evaluations after snapshots know, ``gone`` are clusters that nobody waits for.
    """

    kind: Kind
    scope: str
    window: Window
    learned: Learned
    now: datetime
    urgent: Standing = UNKNOWN
    gone: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Customs:
    """What holds an alert back, and when one is told again."""

    repeat_interval: timedelta
    silenced: Callable[[Alert], bool]
    inhibited: Callable[[Alert, Sequence[Alert]], bool]
    expire_after: timedelta = timedelta.max
    pause: timedelta = timedelta(0)
    """How long urgent messages pause after one."""


def remembered(
    before: Record | None,
    number: int,
    evaluation: Evaluation,
    rules: Iterable[Rule],
    occasion: Occasion,
    *,
    covered: Collection[str],
    clusters: Collection[str],
    customs: Customs,
) -> Record:
    """Return the record after ``before``.

    ``covered`` are the clusters of ``clusters`` all of whose span was seen.
    """
    asked = {rule.name: rule for rule in rules if rule.enabled}
    found = _found(evaluation)
    old = {
        alert.fingerprint: alert for alert in (before.alerts if before else []) if not alert.whole
    }
    alerts = []
    for name in sorted({*old, *found}):
        finding, words = found.get(name, (None, ()))
        rule = asked.get(finding.alert if finding else old[name].alert)
        if rule is None:
            # Its rule is switched off or gone: it is not asked, so nothing is said of it.
            continue
        labels = finding.labels if finding else old[name].labels
        gone = labels.get("cluster") in occasion.gone
        if gone and name not in old:
            continue
        step = state.Asked(
            at=occasion.window.end,
            found=None if gone else finding,
            gone=gone,
            expire_after=customs.expire_after,
            covered=is_seen(labels, covered, clusters),
            failed=rule.name in evaluation.failed,
            runs=rule.runs,
            keep_firing_for=rule.keep_firing_for,
            worded=tuple(words),
        )
        if (after := state.stepped(old.get(name), step, fingerprint=name)) is not None:
            ruled = _is_ruled(after, old.get(name), rule, occasion)
            alerts.append(msgspec.structs.replace(after, urgent=ruled))
    record = _told(before, number, alerts, asked, occasion, customs)
    states = rulestates.stepped(
        before.alerts if before else (),
        asked,
        at=occasion.window.end,
        failed=evaluation.failed,
        found={alert.alert for alert in alerts},
        seen=is_seen({}, covered, clusters),
    )
    return msgspec.structs.replace(record, alerts=[*record.alerts, *states])


def _told(
    before: Record | None,
    number: int,
    alerts: Sequence[Alert],
    asked: Mapping[str, Rule],
    occasion: Occasion,
    customs: Customs,
) -> Record:
    at, spoke_at = occasion.window.end, before.spoke_at if before else None
    firing = [alert for alert in alerts if alert.fires]
    manners = telling.Manners(
        at=at,
        repeat_interval=customs.repeat_interval,
        silenced=customs.silenced,
        inhibited=lambda alert: customs.inhibited(alert, firing),
        limits={name: rule.limit for name, rule in asked.items()},
        tells_expired=occasion.kind == "digest",
        may_speak=spoke_at is None or at - spoke_at >= customs.pause,
    )
    told = telling.told(alerts, manners)
    news = any(alert.said in {"new", "again", "resolved"} for alert in told)
    spoke = occasion.kind == "digest" or news
    cut: dict[str, int] = {}
    for alert in told:
        if alert.stayed == "limited":
            cut[alert.alert] = cut.get(alert.alert, 0) + 1
    return Record(
        kind=occasion.kind,
        scope=occasion.scope,
        number=number,
        start=occasion.window.start,
        end=at,
        evaluated_at=occasion.now,
        since=dict(occasion.learned.since),
        until=dict(occasion.learned.until),
        spoke=spoke,
        spoke_at=at if spoke else spoke_at,
        alerts=told,
        cut=cut,
    )


def _is_ruled(alert: Alert, before: Alert | None, rule: Rule, occasion: Occasion) -> bool:
    """Whether what opens and closes alerts hears of this one from another memory than this."""
    urgent = occasion.urgent
    if occasion.kind == "urgent":
        # Two jobs may know the same sum over clusters: it is over where it is over for both.
        return alert.state == "resolved" and urgent.holds(alert)
    return rule.urgent and urgent.rules(alert, before)


def _found(
    evaluation: Evaluation,
) -> dict[str, tuple[Finding, list[tuple[Language, Words]]]]:
    """Return the findings by fingerprint, each with its texts in all languages."""
    found: dict[str, tuple[Finding, list[tuple[Language, Words]]]] = {}
    for language, findings in evaluation.worded.items():
        for finding in findings:
            name = fingerprint(finding.alert, finding.labels)
            words = Words(finding.summary, finding.description, finding.runbook_url)
            found.setdefault(name, (finding, []))[1].append((language, words))
    for finding in evaluation.beyond:
        found.setdefault(fingerprint(finding.alert, finding.labels), (finding, []))
    return found
