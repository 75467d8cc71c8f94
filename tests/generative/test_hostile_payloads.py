"""The same ten thousand messages through all that is no chat: paging tools, webhooks in every form, mails, files, terminals."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import h11
import pytest

from etl.alerts.model import Digest
from etl.alerts.receivers import placed
from etl.alerts.receivers.target import Outside, Target
from etl.config.receivers import (
    AlertmanagerConfig,
    AppriseConfig,
    ConsoleConfig,
    EmailConfig,
    FileConfig,
    PagerdutyConfig,
    Receiver,
    WebhookConfig,
)
from etl.config.settings import Settings
from etl.wire import http, smtp
from etl.wire.outcome import Kind
from tests.functional.test_paging import KEY, PagerDuty
from tests.lib import alertmanager
from tests.lib.digests import NOW
from tests.lib.hostile import digests
from tests.lib.loopback import Request

# Control and direction characters, and line ends that are none for everybody.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_OURS = {"runbooks.example", "reports.example"}
_OPEN = {"allow_http": True, "allow_private": True}


def target(config: Any, stream: io.StringIO | None = None) -> Target:
    """Return a target of one configuration."""
    kind = type(config).__name__.removesuffix("Config").lower()
    receiver = Receiver(name="it", **{f"{kind}_configs": [config]})  # type: ignore[arg-type]
    (item,) = placed(Settings(receivers=[receiver]), Outside({}, stream or io.StringIO()))
    return item.target


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[http.Request]:
    """What would have gone over the wire, which would take a minute."""
    requests: list[http.Request] = []

    def take(request: http.Request, url: str, *_: object, **__: object) -> http.Answer:
        # As strict as the library that writes it: names and values of headers, the target.
        headers = [("Host", "h"), *request.headers.items()]
        h11.Request(method=request.method, target=url.partition("example")[2], headers=headers)
        requests.append(request)
        return http.Answer(200, {}, b"{}")

    monkeypatch.setattr(http, "send", take)
    return requests


def sending(speaker: Target, requests: list[http.Request]) -> Iterator[tuple[Digest, http.Request]]:
    """Send every digest as a first attempt and as a repeat; yield what went out."""
    for number, digest in enumerate(digests()):
        for part in speaker.prepare(digest):
            for payload, repeat in ((part.payload, False), (part.repeat, True)):
                # Through the outbox, as it is read back.
                kept = json.loads(json.dumps(payload).encode("utf-8", "replace"))
                speaker.send(kept, delivery_id=f"{number:032x}", repeat=repeat, now=NOW)
                yield digest, requests[-1]


def strings(tree: object) -> Iterator[str]:
    """Yield all texts of a document, its keys too."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield key
            yield from strings(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from strings(value)


def test_no_message_breaks_an_event_of_pagerduty(sent: list[http.Request]) -> None:
    """Every event is one that PagerDuty takes, one line each, and leads nowhere but to our pages."""
    fake = PagerDuty(clock=iter(range(0, 10**9, 60)).__next__)
    speaker = target(
        PagerdutyConfig(routing_key=KEY, api_url="https://pager.example/", max_alerts=2)
    )
    for _, request in sending(speaker, sent):
        answer = fake.respond(Request("POST", "/", {}, request.body))
        assert answer.status == 202, (answer.body, request.body)
    for event in fake.events:
        assert not any(_UNSEEN.search(text) or "\n" in text for text in strings(event))
        assert {link["href"].split("/")[2] for link in event.get("links", [])} <= _OURS
    assert len(fake.events) >= 2 * 3 * len(digests())


def test_no_message_breaks_an_alert(sent: list[http.Request]) -> None:
    """Every alert has labels that Alertmanager takes, whole texts, and a time that ends."""
    speaker = target(AlertmanagerConfig(url="https://am.example"))
    for _, request in sending(speaker, sent):
        for alert in json.loads(request.body):
            assert all(re.fullmatch(r"[a-zA-Z_]\w*", name) for name in alert["labels"])
            assert all(alert["labels"].values())
            assert alert["startsAt"] < alert["endsAt"]
            assert not any(_UNSEEN.search(text) for text in strings(alert))


@alertmanager.needed
def test_a_real_alertmanager_takes_all_of_them(tmp_path: Path) -> None:
    """One request with every alert: it takes none of a batch in which one is wrong without a word."""
    with alertmanager.running(tmp_path) as server:
        speaker = target(AlertmanagerConfig(url=server.url, **_OPEN))  # type: ignore[arg-type]
        parts = [speaker.prepare(digest)[0].payload for digest in digests()]
        firing = [alert for part in parts for alert in part["firing"]]  # type: ignore[index]
        payload = json.loads(json.dumps({"firing": firing, "resolved": []}))
        outcome = speaker.send(payload, delivery_id="x", repeat=False, now=datetime.now(UTC))
        assert outcome.kind is Kind.OK, outcome
        assert len(server.alerts()) > 200


FORMS: dict[str, dict[str, Any]] = {
    "digest": {"max_bytes": 8000},
    "cloudevents": {"format": "cloudevents", "max_bytes": 8000},
    "alertmanager": {"format": "alertmanager", "max_bytes": 8000},
    "payload": {
        "payload": {
            "{{ 7*7 }}": "{{ markdown }}",
            "text": "{{ title }}: {{ findings[0].summary if findings else '' }}",
            "rows": {"$json": "findings"},
        },
        "max_bytes": 8000,
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_no_message_breaks_a_webhook(sent: list[http.Request], form: str) -> None:
    """Every body is JSON within its budget, no text of an event is a template, and no header ends its line."""
    headers = {"X-Title": "{{ title }}", "X-First": "{{ findings[0].summary if findings else '' }}"}
    speaker = target(WebhookConfig(url="https://hook.example/", headers=headers, **FORMS[form]))
    for digest, request in sending(speaker, sent):
        assert len(request.body) <= 8000
        body = json.loads(request.body)
        assert not any(_UNSEEN.search(text) for text in strings(body))
        assert "49" not in request.headers["X-Title"] or "49" in "".join(digest.clusters)
        if form == "cloudevents":
            assert {"specversion", "id", "source", "type"} <= set(body)
            assert re.fullmatch(r"/eventlake/[!-~]*", body["source"])
        elif form == "alertmanager":
            assert body["version"] == "4"
            assert len(body["alerts"]) + body["truncatedAlerts"] == 3
        elif form == "payload":
            assert set(body) == {"{{ 7*7 }}", "text", "rows"}
            shown = {row["summary"] for row in body["rows"]}
            assert all(row["alert"] for row in body["rows"])
            assert len(shown) <= 3


class _Tags(HTMLParser):
    """The tags and addresses of a text of HTML."""

    def __init__(self, text: str) -> None:
        """Read ``text``."""
        super().__init__()
        self.tags: set[str] = set()
        self.links: set[str] = set()
        self.names: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}
        self.links |= {str(value) for name, value in attrs if name in {"href", "src"}}


_TAGS = {"html", "head", "meta", "title", "body", "h3", "p", "b", "a", "code", "br"} | {
    "table", "tr", "th", "td", "strong", "i", "em",
}  # fmt: skip


def _harmless(html: str) -> None:
    read = _Tags(html)
    assert read.tags <= _TAGS, read.tags
    assert read.names <= {"style", "href", "charset"}, read.names
    assert {link.split("/")[2] for link in read.links} <= _OURS


def test_no_message_breaks_a_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every mail has our headers and no others, lines that a server takes, and HTML with our tags alone."""
    mails: list[bytes] = []

    def take(message: bytes, **_: object) -> list[smtp.Refused]:
        mails.append(message)
        return []

    monkeypatch.setattr(smtp, "send", take)
    config = EmailConfig(host="h", sender="Kubernetes <k8s@example.com>", to=["li@example.com"])
    speaker = target(config)
    for number, digest in enumerate(digests()):
        (part,) = speaker.prepare(digest)
        kept = json.loads(json.dumps((part.payload, part.repeat)[number % 2]).encode())
        speaker.send(kept, delivery_id=f"{number:032x}", repeat=False, now=NOW)
    for mail in mails:
        message = message_from_bytes(mail, policy=policy.default)
        assert isinstance(message, EmailMessage)
        assert sorted(message.keys()) == sorted(
            ["Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted",
             "X-Auto-Response-Suppress", "MIME-Version", "Content-Type"]
        )  # fmt: skip
        assert not message.defects
        assert message["To"] == "li@example.com"
        # Folded before its first word where that is long; a reader of mails takes the space away.
        assert message["Subject"].strip().startswith("[eventlake] ")
        assert not _UNSEEN.search(message["Subject"])
        assert max(map(len, mail.split(b"\n"))) <= 998
        assert mail.isascii()
        text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
        assert text is not None
        assert html is not None
        assert not _UNSEEN.search(text.get_content())
        _harmless(html.get_content())
    assert len(mails) == len(digests())


@pytest.mark.parametrize("form", ["json", "markdown", "text", "html"])
def test_no_message_breaks_a_file(form: str, tmp_path: Path) -> None:
    """What is written is text without control characters, and as JSON or HTML it is whole and harmless."""
    speaker = target(FileConfig(folder=str(tmp_path), format=form))  # type: ignore[arg-type]
    for digest in digests():
        (part,) = speaker.prepare(digest)
        content = part.payload["content"]  # type: ignore[index]
        assert not _UNSEEN.search(content)
        if form == "json":
            assert not any(_UNSEEN.search(text) for text in strings(json.loads(content)))
        if form == "html":
            _harmless(content)


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_no_message_outgrows_what_apprise_is_handed(form: str) -> None:
    """Title and body fit, marked or not, hold nothing unseen, and as HTML are harmless."""
    speaker = target(AppriseConfig(url="ntfys://x/y", format=form, max_characters=1500))  # type: ignore[arg-type]
    for digest in digests():
        (part,) = speaker.prepare(digest)
        for payload in (part.payload, part.repeat):
            assert isinstance(payload, dict)
            assert len(payload["body"]) <= 1500
            assert not _UNSEEN.search(payload["title"] + payload["body"])
            if form == "html":
                _harmless(payload["body"])


def test_no_message_moves_a_terminal() -> None:
    """What is printed, marked or not, has no character that a terminal obeys."""
    stream = io.StringIO()
    speaker = target(ConsoleConfig(), stream)
    for digest in digests():
        (part,) = speaker.prepare(replace(digest, language="zh"))
        for payload in (part.payload, part.repeat):
            speaker.send(payload, delivery_id="x", repeat=False, now=NOW + timedelta(0))
    assert not _UNSEEN.search(stream.getvalue())
    assert len(stream.getvalue()) > 100_000
