"""Opens an incident in PagerDuty for each alert, and resolves it when the alert is over.

An alert is one incident however often it is sent, because its fingerprint is the
``dedup_key``. A storm of alerts does not become a storm of pages: beyond ``max_alerts`` one
event stands for the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from etl.alerts import alertform
from etl.alerts.model import Digest, Finding
from etl.alerts.receivers.target import Outside, Part
from etl.config.receivers import PagerdutyConfig
from etl.timespan import rfc3339
from etl.wire import answers, budget, escaping, http, secrets
from etl.wire.facts import FACTS
from etl.wire.outcome import Outcome

_SUMMARY_CHARACTERS = 1024
_VALUE_CHARACTERS = 500
_JSON = {"Content-Type": "application/json"}


class Pagerduty:
    """A service with an Events API v2 integration."""

    kind: ClassVar[str] = "pagerduty"
    spacing: ClassVar[timedelta] = FACTS["pagerduty"].spacing

    def __init__(self, config: PagerdutyConfig, outside: Outside) -> None:
        """Speak to the service whose key ``config`` names."""
        self._config = config
        self._outside = outside

    @property
    def patience(self) -> timedelta:
        """The configured timeout."""
        return self._config.timeout

    def prepare(self, digest: Digest, *, step: int = 0) -> list[Part]:
        """Return an event per alert that is new, told again, or over; none on a quiet day."""
        del step
        over = {alertform.name(finding): finding for finding in alertform.closed(digest)}
        new = [finding for finding in digest.findings if not finding.urgent]
        firing = list({alertform.name(finding): finding for finding in new}.values())
        limit = self._config.max_alerts
        parts = [_part(_resolve(finding)) for finding in over.values()]
        parts += [_part(_trigger(finding, digest)) for finding in firing[:limit]]
        if rest := firing[limit:]:
            parts.append(_part(_more(rest, digest)))
        return parts

    def send(self, payload: object, *, delivery_id: str, repeat: bool, now: datetime) -> Outcome:
        """Post one event; the key joins it here, so that the outbox has none."""
        del delivery_id, repeat
        assert isinstance(payload, dict)  # noqa: S101 - of ``prepare``
        answer = http.send(
            http.Request("POST", budget.encode({"routing_key": self._key(), **payload}), _JSON),
            self._config.api_url,
            http.Guard(
                allow_http=self._config.allow_http,
                allow_private=self._config.allow_private,
                timeout=self._config.timeout,
            ),
            environ=self._outside.environ,
        )
        return answers.by_status(answer, FACTS[self.kind], now=now)

    def preview(self, digest: Digest) -> str:
        """Return a line per event."""
        return "\n".join(
            f"{event['event_action']} {event['dedup_key']} {_said(event)}".rstrip()
            for event in (part.payload for part in self.prepare(digest))
            if isinstance(event, dict)
        )

    def address(self) -> str:
        """Return the key: its limit is one for all."""
        return self._key()

    def _key(self) -> str:
        found = secrets.value(
            text=self._config.routing_key,
            file=self._config.routing_key_file,
            environ=self._outside.environ,
        )
        if not found:
            raise secrets.SecretError("no key: set routing_key_file, or routing_key")
        return found


def _part(event: dict[str, object]) -> Part:
    # The same event again changes nothing, so a repeat needs no mark.
    return Part(event, event, about=f"{event['event_action']} {event['dedup_key']}")


def _resolve(finding: Finding) -> dict[str, object]:
    return {"event_action": "resolve", "dedup_key": alertform.name(finding)}


def _trigger(finding: Finding, digest: Digest) -> dict[str, object]:
    labels = alertform.labels(finding)
    details = {**labels, **alertform.texts(finding)}
    pages = {"runbook": finding.runbook_url, "report": digest.link}
    links = [
        {"href": safe, "text": text} for text, page in pages.items() if (safe := escaping.url(page))
    ]
    return {
        "event_action": "trigger",
        "dedup_key": alertform.name(finding),
        "payload": {
            # Of a text without a single character that is shown nothing is left, and both are mandatory.
            "summary": escaping.one_line(finding.summary, _SUMMARY_CHARACTERS - 1)
            or labels["alertname"],
            "source": labels.get("cluster") or _source(digest),
            "severity": finding.severity,
            "timestamp": rfc3339(alertform.started(finding, digest)),
            "class": labels["alertname"],
            "group": labels.get("namespace", ""),
            "custom_details": {
                name: escaping.one_line(text, _VALUE_CHARACTERS) for name, text in details.items()
            },
        },
        **({"links": links} if links else {}),
    }


def _more(rest: Sequence[Finding], digest: Digest) -> dict[str, object]:
    """Return the event that stands for all alerts beyond the limit."""
    names = ", ".join(dict.fromkeys(finding.alert for finding in rest))
    summary = escaping.one_line(f"{len(rest)} more alerts: {names}", _SUMMARY_CHARACTERS - 1)
    source = _source(digest)
    return {
        "event_action": "trigger",
        "dedup_key": escaping.one_line(f"eventlake more alerts {source}", 250),
        "payload": {"summary": summary, "source": source, "severity": rest[0].severity},
    }


def _source(digest: Digest) -> str:
    """Return the clusters on one line; it must not be empty."""
    return escaping.one_line(",".join(digest.clusters), _VALUE_CHARACTERS) or "eventlake"


def _said(event: dict[str, object]) -> str:
    payload = event.get("payload")
    return str(payload["summary"]) if isinstance(payload, dict) else ""
