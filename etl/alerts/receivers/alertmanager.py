"""Hands the alerts that fire, and those that are over, to a Prometheus Alertmanager.

Alertmanager forgets what nobody sends again, so each digest sends all that fires, told anew
or not, and says until when it is sure: the next digest, and some grace. What is over ends now. The
set of labels names an alert, so the same alert twice is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import ClassVar

from etl.alerts import alertform
from etl.alerts.model import Digest, Finding
from etl.alerts.receivers.target import Outside, Part
from etl.config.receivers import AlertmanagerConfig
from etl.timespan import brief, rfc3339
from etl.wire import answers, budget, escaping, http, secrets
from etl.wire.facts import FACTS
from etl.wire.http import judge
from etl.wire.outcome import Kind, Outcome

WATCHDOG = "EventlakeWatchdog"
_PATH = "/api/v2/alerts"
_MOMENT = timedelta(seconds=1)


class Alertmanager:
    """A server with the API v2."""

    kind: ClassVar[str] = "alertmanager"
    spacing: ClassVar[timedelta] = timedelta(0)

    def __init__(self, config: AlertmanagerConfig, outside: Outside) -> None:
        """Speak to the server that ``config`` names."""
        self._config = config
        self._outside = outside

    @property
    def patience(self) -> timedelta:
        """The configured timeout."""
        return self._config.timeout

    def prepare(self, digest: Digest, *, step: int = 0) -> list[Part]:
        """Return all alerts at once; nothing where there is none."""
        del step
        firing = [_alert(f, digest) for f in alertform.held(digest)]
        over = [_alert(f, digest) for f in alertform.closed(digest)]
        if not firing and not over:
            return []
        payload = {"firing": firing, "resolved": over}
        return [Part(payload, payload)]

    def send(self, payload: object, *, delivery_id: str, repeat: bool, now: datetime) -> Outcome:
        """Post the alerts with the moments at which they end."""
        del delivery_id, repeat
        assert isinstance(payload, Mapping)  # noqa: S101 - of ``prepare``
        sure = rfc3339(now + self._config.ends_after)
        alerts = [{**alert, "endsAt": sure} for alert in payload["firing"]]
        alerts += [_ended(alert, now) for alert in payload["resolved"]]
        return self._posted(alerts, now)

    def bark(self, cluster: str, now: datetime) -> Outcome | None:
        """Send the alert that always fires, until a while from ``now``; null where none is wanted."""
        if not self._config.watchdog:
            return None
        length = brief(self._config.watchdog)
        alert = {
            # Not the name of Prometheus' own: a route to a dead man's switch would take one for the other.
            "labels": {"alertname": WATCHDOG, "cluster": cluster, "severity": "none"},
            "annotations": {
                "summary": f"eventlake watches {cluster or 'its clusters'}",
                "description": f"This alert always fires. It ends when no run of eventlake went well for {length}.",
            },
            "startsAt": rfc3339(now),
            "endsAt": rfc3339(now + self._config.watchdog),
        }
        return self._posted([alert], now)

    def _posted(self, alerts: Sequence[Mapping[str, object]], now: datetime) -> Outcome:
        headers = {"Content-Type": "application/json"}
        if token := self._token():
            headers["Authorization"] = f"Bearer {token}"
        answer = http.send(
            http.Request("POST", budget.encode(alerts), headers),
            f"{self._url.rstrip('/')}{_PATH}",
            http.Guard(
                allow_http=self._config.allow_http,
                allow_private=self._config.allow_private,
                timeout=self._config.timeout,
            ),
            environ=self._outside.environ,
        )
        if judge(answer, now=now).delivered:
            return Outcome(Kind.OK, status=answer.status)
        return answers.refused(answer, FACTS[self.kind], now=now)

    def preview(self, digest: Digest) -> str:
        """Return a line per alert."""
        lines = [
            f"{finding.state} {labels}"
            for finding in alertform.every(digest)
            if (labels := " ".join(f'{k}="{v}"' for k, v in alertform.labels(finding).items()))
        ]
        return "\n".join(lines)

    def address(self) -> str:
        """Return the address."""
        return self._url

    def _token(self) -> str:
        return secrets.value(
            text=self._config.bearer_token,
            file=self._config.bearer_token_file,
            environ=self._outside.environ,
        )

    @cached_property
    def _url(self) -> str:
        return secrets.address(
            url=self._config.url, url_file=self._config.url_file, environ=self._outside.environ
        )


def _alert(finding: Finding, digest: Digest) -> dict[str, object]:
    return {
        "labels": alertform.labels(finding),
        "annotations": {
            name: escaping.clean(text) for name, text in alertform.texts(finding).items()
        },
        "startsAt": rfc3339(alertform.started(finding, digest)),
        "generatorURL": escaping.url(digest.link),
    }


def _ended(alert: Mapping[str, object], now: datetime) -> dict[str, object]:
    """End an alert now; it has to have begun before."""
    begun = min(datetime.fromisoformat(str(alert["startsAt"])), now - _MOMENT)
    return {**alert, "startsAt": rfc3339(begun), "endsAt": rfc3339(now)}
