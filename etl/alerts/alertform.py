"""Findings to alerts as Alertmanager writes them: for its own API, and for bridges that read its webhook.

What an alert is, is its set of labels: so names are made valid and values cut, always in the
same way, or each run would open another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from etl.alerts.alert import fingerprint
from etl.alerts.model import Digest, Finding
from etl.timespan import rfc3339
from etl.wire.escaping import one_line

_NOT_IN_NAME = re.compile(r"[^a-zA-Z0-9_]")
_LABEL_CHARACTERS = 200
# What Alertmanager's Go writes for a time that is not set.
_NO_TIME = "0001-01-01T00:00:00Z"


def name(finding: Finding) -> str:
    """Return what names the alert over time, also where nothing is remembered of it."""
    return finding.fingerprint or fingerprint(finding.alert, finding.labels)


def labels(finding: Finding) -> dict[str, str]:
    """Return the labels that name the alert: the finding's own, its rule and its severity."""
    named = {
        _name(name): one_line(value, _LABEL_CHARACTERS) for name, value in finding.labels.items()
    }
    given = {name: value for name, value in named.items() if value}
    return {**given, "alertname": one_line(finding.alert), "severity": finding.severity}


def texts(finding: Finding) -> dict[str, str]:
    """Return the texts, and the value beside its baseline."""
    given = {
        "summary": finding.summary,
        "description": finding.description,
        "runbook_url": finding.runbook_url,
        "value": f"{finding.value:g}",
        "baseline": "" if finding.baseline is None else f"{finding.baseline:g}",
    }
    return {name: text for name, text in given.items() if text}


def webhook(digest: Digest, receiver: str, shown: Iterable[Finding]) -> dict[str, Any]:
    """Return the body of Alertmanager's webhook, version 4, with the alerts in ``shown``."""
    alerts = [_alert(finding, digest) for finding in shown]
    total = len(every(digest))
    return {
        "version": "4",
        "groupKey": f"{{}}:{{clusters={','.join(digest.clusters)!r}}}",
        "truncatedAlerts": total - len(alerts),
        "status": "firing" if total > len(closed(digest)) else "resolved",
        "receiver": receiver,
        "groupLabels": {},
        "commonLabels": _common([alert["labels"] for alert in alerts]),
        "commonAnnotations": _common([alert["annotations"] for alert in alerts]),
        "externalURL": digest.link,
        "alerts": alerts,
    }


def held(digest: Digest) -> tuple[Finding, ...]:
    """Return what is open for a target that holds alerts.

    What urgent messages opened is sent again by digests, too, or it would be forgotten; of what they
    have closed since, a digest that counts a whole day says nothing.
    """
    own = (one for one in (*digest.findings, *digest.still) if not one.urgent)
    return (*own, *digest.urgent)


def closed(digest: Digest) -> tuple[Finding, ...]:
    """Return what is over for a target that holds alerts."""
    return tuple(one for one in digest.resolved if not one.urgent)


def every(digest: Digest) -> tuple[Finding, ...]:
    """Return all alerts of a digest for targets that hold them, those that are over last."""
    return (*held(digest), *closed(digest))


def started(finding: Finding, digest: Digest) -> datetime:
    """Return since when the alert fires, as far as that is known."""
    return finding.fired_at or digest.window.start


def _alert(finding: Finding, digest: Digest) -> dict[str, Any]:
    over = finding.state == "resolved"
    return {
        "status": "resolved" if over else "firing",
        "labels": labels(finding),
        "annotations": texts(finding),
        "startsAt": rfc3339(started(finding, digest)),
        "endsAt": rfc3339(digest.window.end) if over else _NO_TIME,
        "generatorURL": digest.link,
        "fingerprint": name(finding),
    }


def _common(all_of: list[Mapping[str, str]]) -> dict[str, str]:
    """Return the pairs that every mapping has."""
    if not all_of:
        return {}
    first, *others = all_of
    return {k: v for k, v in first.items() if all(other.get(k) == v for other in others)}


def _name(name: str) -> str:
    made = _NOT_IN_NAME.sub("_", name)[:_LABEL_CHARACTERS]
    return made if made[:1].isalpha() or made[:1] == "_" else f"_{made}"
