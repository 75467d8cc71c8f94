"""The forms of a webhook: signed by Standard Webhooks, as a CloudEvent, as Alertmanager would send it."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from etl.alerts.model import Finding
from tests.lib.digests import HOSTILE, MORNING, QUIET, crowded, strange
from tests.lib.loopback import Answer, LoopbackServer, Request
from tests.lib.sending import sender, webhook

WHSEC = "whsec_" + base64.b64encode(b"a secret of twenty-four b").decode()


class Hook:
    """Keeps what it gets; answers what it is told first."""

    def __init__(self, *answers: Answer) -> None:
        """Answer with ``answers`` in turn, then with 200."""
        self.answers = list(answers)
        self.requests: list[Request] = []

    def respond(self, request: Request) -> Answer:
        """Answer one request."""
        self.requests.append(request)
        return self.answers.pop(0) if self.answers else Answer(200)


def posted(folder: Path, digest: object, **more: Any) -> Request:
    """Send a digest and return the one request."""
    hook = Hook()
    with LoopbackServer(hook.respond) as server:
        made = sender(folder, webhook(server.url, **more))
        made.now = datetime.now(UTC)
        assert made.send(digest).failures == ()  # type: ignore[arg-type]
    (request,) = hook.requests
    return request


@pytest.mark.parametrize("form", ["digest", "cloudevents", "alertmanager"])
def test_the_vendors_library_verifies_the_signature(tmp_path: Path, form: str) -> None:
    """What is signed is the body as it was sent; a body that was changed is not taken."""
    request = posted(tmp_path, strange(HOSTILE), format=form, signing_secret=WHSEC)
    headers = dict(request.headers)
    assert json.loads(request.body) == Verifier(WHSEC).verify(request.body, headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(WHSEC).verify(request.body + b" ", headers)


def test_the_id_is_the_same_over_all_attempts_and_the_signature_is_not(tmp_path: Path) -> None:
    """A receiver that was down can tell the repeat, and takes its signature as new."""
    hook = Hook(Answer(503), Answer(200))
    with LoopbackServer(hook.respond) as server:
        made = sender(tmp_path, webhook(server.url, format="cloudevents", signing_secret=WHSEC))
        assert made.send(QUIET).delivered == ("hook",)
    first, second = hook.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert json.loads(first.body)["id"] == second.headers["webhook-id"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


def test_a_secret_that_is_none_waits_to_be_mended(tmp_path: Path) -> None:
    """A signing secret that is not base64 is our own mistake: nothing is sent, and it is not shown."""
    hook = Hook()
    with LoopbackServer(hook.respond) as server:
        made = sender(tmp_path, webhook(server.url, signing_secret="whsec_not!base64"))  # noqa: S106 - of nobody
        failure = made.send(QUIET).failures[0]
    assert (failure.dead, hook.requests) == (False, [])
    assert "not!base64" not in failure.detail


def test_a_cloud_event_has_its_attributes(tmp_path: Path) -> None:
    """Structured form, version 1.0, the digest as its data, never more than 64 KiB."""
    request = posted(tmp_path, crowded(400), format="cloudevents", max_bytes=1_000_000)
    event = json.loads(request.body)
    assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert {key: event[key] for key in event if key not in {"id", "data"}} == {
        "specversion": "1.0",
        "source": "/eventlake/prod",
        "type": "io.eventlake.digest",
        "time": "2026-11-23T01:00:00Z",
        "datacontenttype": "application/json",
    }
    assert event["data"]["counts"]["critical"] == 400
    assert 30_000 < len(request.body) <= 64 * 1024


def test_a_bridge_for_alertmanager_gets_what_alertmanager_sends(tmp_path: Path) -> None:
    """Version 4: alerts that fire and those that are over, with what they have in common."""
    over = Finding("Gone", "info", {"cluster": "prod", "a b/c": "x"}, 0, state="resolved")
    digest = replace(MORNING, still=MORNING.findings[1:2], resolved=(over,))
    body = json.loads(posted(tmp_path, digest, format="alertmanager").body)
    assert (body["version"], body["status"], body["truncatedAlerts"]) == ("4", "firing", 0)
    assert body["commonLabels"] == {"cluster": "prod"}
    assert [(a["status"], a["labels"]["alertname"]) for a in body["alerts"]] == [
        ("firing", "NodeOOM"),
        ("firing", "ProbeFailures"),
        ("firing", "CrashLooping"),
        ("firing", "ProbeFailures"),
        ("resolved", "Gone"),
    ]
    assert body["alerts"][4]["labels"]["a_b_c"] == "x"
    assert body["alerts"][0]["startsAt"] == "2026-11-22T01:00:00Z"
    assert body["alerts"][4]["endsAt"] == "2026-11-23T01:00:00Z"
    only_over = replace(QUIET, resolved=(over,))
    assert json.loads(posted(tmp_path / "2", only_over, format="alertmanager").body)["status"] == (
        "resolved"
    )


def test_what_does_not_fit_is_counted(tmp_path: Path) -> None:
    """A bridge with a small body gets the worst alerts, and the number of the others."""
    body = json.loads(posted(tmp_path, crowded(200), format="alertmanager", max_bytes=30_000).body)
    assert len(body["alerts"]) + body["truncatedAlerts"] == 600
    assert {a["labels"]["severity"] for a in body["alerts"][:10]} == {"critical"}
