"""Tools that get single alerts: PagerDuty against a strict counterpart, Alertmanager against a real one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from etl.alerts import deliver
from etl.alerts.model import Digest, Finding
from etl.alerts.receivers import placed
from etl.alerts.receivers.target import Outside
from etl.alerts.receivers.trial import tried
from etl.alerts.specimen import specimen
from etl.config.receivers import AlertmanagerConfig, PagerdutyConfig, Receiver
from etl.timespan import Window
from etl.wire.outcome import Kind
from tests.lib import alertmanager
from tests.lib.digests import HOSTILE, MORNING, QUIET, WINDOW, crowded, strange
from tests.lib.loopback import Answer, LoopbackServer, Request
from tests.lib.sending import sender

KEY = "R0UTING0KEY0OF0NOBODY0123456789A"
OVER = Finding("NodeOOM", "critical", {"cluster": "prod", "node": "node-a"}, 0, state="resolved")


class PagerDuty:
    """The Events API v2: checks what is documented, counts 120 a minute, and knows open incidents."""

    def __init__(self, clock: Callable[[], float] = lambda: 0.0) -> None:
        """Know no incident."""
        self.open: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.answers: list[Answer] = []
        self._clock, self._times = clock, list[float]()

    def respond(self, request: Request) -> Answer:
        """Answer one event."""
        if self.answers:
            return self.answers.pop(0)
        event = json.loads(request.body)
        if wrong := self._wrong(event, len(request.body)):
            body = {
                "status": "invalid event",
                "message": "Event object is invalid",
                "errors": [wrong],
            }
            return Answer(400, json.dumps(body).encode())
        self._times.append(self._clock())
        if sum(t > self._clock() - 60 for t in self._times) > 120:
            return Answer(429)
        self.events.append(event)
        if event["event_action"] == "resolve":
            self.open.pop(event["dedup_key"], None)
        else:
            self.open[event["dedup_key"]] = event["payload"]
        return Answer(202, b'{"status":"success","message":"Event processed"}')

    def _wrong(self, event: dict[str, Any], size: int) -> str:
        if event["routing_key"] != KEY or size > 512 * 1024:
            return "routing_key or size"
        if not 0 < len(event["dedup_key"]) <= 255:
            return "dedup_key"
        if event["event_action"] == "resolve":
            return ""
        payload = event["payload"]
        if not 0 < len(payload["summary"]) <= 1024 or not payload["source"]:
            return "summary or source"
        return "" if payload["severity"] in {"critical", "error", "warning", "info"} else "severity"


def pagerduty(url: str, **more: Any) -> Receiver:
    """Return a receiver with a service on loopback."""
    config = PagerdutyConfig(
        routing_key=KEY, api_url=url, allow_http=True, allow_private=True, **more
    )
    return Receiver(name="oncall", pagerduty_configs=[config])


def later(digest: Digest, days: int = 1) -> Digest:
    """Return the digest of another day."""
    shift = timedelta(days=days)
    return replace(digest, window=Window(WINDOW.start + shift, WINDOW.end + shift))


def test_an_alert_is_one_incident_until_it_is_over(tmp_path: Path) -> None:
    """Told again it is the same incident; over, it is resolved; a quiet day sends nothing, and is done."""
    fake = PagerDuty()
    with LoopbackServer(fake.respond) as server:
        made = sender(tmp_path, pagerduty(server.url))
        assert made.send(MORNING).delivered == ("oncall",) * 3
        assert len(fake.open) == 3
        assert made.send(MORNING).delivered == ()
        made.send(later(MORNING))
        assert len(fake.open) == 3
        made.send(later(replace(QUIET, resolved=(OVER,)), 2))
        made.send(later(QUIET, 3))
        window = later(QUIET, 3).window
        assert deliver.was_delivered(made.files, made.settings, window, ("prod",))
    assert [event["event_action"] for event in fake.events] == ["trigger"] * 6 + ["resolve"]
    first = fake.events[0]["payload"]
    assert first["summary"] == "12 OOM kills on node-a"
    assert (first["source"], first["severity"], first["class"]) == ("prod", "critical", "NodeOOM")
    assert {link["text"] for link in fake.events[0]["links"]} == {"runbook", "report"}


def crowd(rows: int) -> Digest:
    """Return a digest with ``rows`` alerts of each severity, all of them different."""
    digest = crowded(rows)
    numbered = [
        replace(finding, labels={**finding.labels, "n": str(number)})
        for number, finding in enumerate(digest.findings)
    ]
    return replace(digest, findings=tuple(numbered))


def test_a_storm_of_alerts_is_no_storm_of_pages(tmp_path: Path) -> None:
    """Beyond the limit one event stands for the rest, and the pace stays below PagerDuty's."""
    made = sender(tmp_path)
    fake = PagerDuty(clock=lambda: sum(made.pauses))
    with LoopbackServer(fake.respond) as server:
        made.receivers.append(pagerduty(server.url, max_alerts=10))
        assert len(made.send(crowd(100)).delivered) == 11
    assert "290 more alerts: Rule" in fake.events[-1]["payload"]["summary"]
    assert fake.events[-1]["payload"]["severity"] == "critical"


@pytest.mark.parametrize(
    ("answer", "delivered", "dead"),
    [
        (Answer(400, b'{"status":"invalid event"}'), 2, 1),
        (Answer(429), 3, 0),
        (Answer(500), 3, 0),
    ],
)
def test_each_refusal_of_an_event_ends_as_it_should(
    tmp_path: Path, answer: Answer, delivered: int, dead: int
) -> None:
    """400 is never tried again and stops no other alert; 429 and 5xx are."""
    fake = PagerDuty()
    fake.answers = [answer]
    with LoopbackServer(fake.respond) as server:
        made = sender(tmp_path, pagerduty(server.url))
        assert len(made.send(MORNING).delivered) == delivered
    assert len(made.files.list("outbox/dead")) == dead
    assert KEY not in "".join(made.files.read(p).decode() for p in made.files.list("outbox"))


def test_the_worst_text_makes_valid_events(tmp_path: Path) -> None:
    """Hostile labels and summaries are capped and plain, and links are addresses."""
    fake = PagerDuty()
    with LoopbackServer(fake.respond) as server:
        assert sender(tmp_path, pagerduty(server.url)).send(strange(HOSTILE)).failures == ()
    assert "\x1b" not in json.dumps(fake.events, ensure_ascii=False)
    assert all(
        link["href"].startswith("https://")
        for event in fake.events
        for link in event.get("links", [])
    )


def test_a_test_leaves_no_incident(tmp_path: Path) -> None:
    """``receivers test`` opens an incident that says it is a test, and resolves it."""
    fake = PagerDuty()
    with LoopbackServer(fake.respond) as server:
        made = sender(tmp_path, pagerduty(server.url))
        (item,) = placed(made.settings, Outside({}, made.stream))
        digest = specimen(made.now)
        outcomes = list(tried(item, digest, now=made.now, sleep=made.pauses.append))
    assert [outcome.kind for outcome in outcomes] == [Kind.ACCEPTED, Kind.ACCEPTED]
    assert "this is a test" in fake.events[0]["payload"]["summary"]
    assert fake.open == {}


def to_alertmanager(url: str) -> Receiver:
    """Return a receiver with an Alertmanager on loopback."""
    config = AlertmanagerConfig(url=url, allow_http=True, allow_private=True)
    return Receiver(name="am", alertmanager_configs=[config])


@alertmanager.needed
def test_a_real_alertmanager_holds_what_fires_and_ends_what_is_over(tmp_path: Path) -> None:
    """Alerts stay active for a day and its grace, are notified once however often they come, and are resolved."""
    with alertmanager.running(tmp_path) as server:
        made = sender(tmp_path / "lake", to_alertmanager(server.url))
        made.now = datetime.now(UTC)
        began = made.now - timedelta(hours=30)
        fires = replace(MORNING.findings[0], fired_at=began)
        today = replace(MORNING, findings=(fires,))
        assert made.send(today).delivered == ("am",)
        server.wait(1)
        alert = server.alerts()["NodeOOM"]
        assert alert["labels"]["severity"] == "critical"
        assert alert["status"]["state"] == "active"
        ends = datetime.fromisoformat(alert["endsAt"])
        assert timedelta(hours=25) < ends - made.now < timedelta(hours=27)
        # It goes on: nobody is told again, but Alertmanager is.
        made.send(later(replace(QUIET, still=(fires,))))
        over = replace(fires, state="resolved", value=0)
        made.send(later(replace(QUIET, resolved=(over,)), 2))
        server.wait(2)
        assert server.alerts() == {}
    assert [note["status"] for note in server.notified] == ["firing", "resolved"]


@alertmanager.needed
def test_a_real_alertmanager_takes_the_worst_labels(tmp_path: Path) -> None:
    """Names that it would refuse are made valid, so that no batch is taken by halves; a storm is one request."""
    with alertmanager.running(tmp_path) as server:
        made = sender(tmp_path / "lake", to_alertmanager(server.url))
        made.now = datetime.now(UTC)
        assert made.send(strange(HOSTILE)).delivered == ("am",)
        assert made.send(later(crowd(300))).delivered == ("am",)
        assert len(server.alerts()) >= 7
