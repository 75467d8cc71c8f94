"""Apprise, the extra: what it takes, what it refuses, and that its log keeps the address to itself."""

from __future__ import annotations

import importlib
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from etl import log
from etl.alerts.outbox import Outbox
from etl.config.receivers import AppriseConfig, Receiver
from tests.lib.digests import HOSTILE, MORNING, crowded, strange
from tests.lib.loopback import Answer, LoopbackServer, Request
from tests.lib.sending import sender

TOKEN = "tok-5e6f7a8b9c0d1e2f"  # noqa: S105 - of nobody


class Hook:
    """What apprise's json:// posts to."""

    def __init__(self, *answers: Answer) -> None:
        """Answer with ``answers`` in turn, then with 200."""
        self.answers = list(answers)
        self.bodies: list[dict[str, Any]] = []

    def respond(self, request: Request) -> Answer:
        """Answer one request."""
        self.bodies.append(json.loads(request.body))
        return self.answers.pop(0) if self.answers else Answer(200)


def phone(server: LoopbackServer, **more: Any) -> Receiver:
    """Return a receiver behind apprise."""
    url = server.url.replace("http://", "json://") + f"/{TOKEN}"
    return Receiver(name="phone", apprise_configs=[AppriseConfig(url=url, **more)])


@pytest.mark.parametrize("digest", [MORNING, crowded(100), strange(HOSTILE)])
def test_what_apprise_takes_is_accepted(tmp_path: Path, digest: Any) -> None:
    """One message within the characters that are set; its receipt says accepted, and no more."""
    hook = Hook()
    with LoopbackServer(hook.respond) as server:
        made = sender(tmp_path, phone(server, max_characters=1500))
        assert made.send(digest).delivered == ("phone",)
    (body,) = hook.bodies
    assert " critical" in body["title"]
    assert len(body["message"]) <= 1500
    assert [receipt.outcome for receipt in Outbox(made.files).receipts()] == ["accepted"]


def test_what_it_does_not_send_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A refusal by status is seen, and the address is in no log."""
    log.configure()
    logging.getLogger(log.ROOT).propagate = True
    caplog.set_level(logging.DEBUG)
    hook = Hook(Answer(500))
    with LoopbackServer(hook.respond) as server:
        made = sender(tmp_path, phone(server))
        assert made.send(MORNING).delivered == ("phone",)
    assert made.pauses[0] == 1
    assert TOKEN not in caplog.text.replace(server.url, "")


def test_an_address_that_it_does_not_know_is_given_up(tmp_path: Path) -> None:
    """A scheme of nobody is a mistake that no run mends."""
    receiver = Receiver(name="phone", apprise_configs=[AppriseConfig(url=f"nosuch://{TOKEN}")])
    made = sender(tmp_path, receiver)
    failure = made.send(MORNING).failures[0]
    assert failure.dead
    assert TOKEN not in failure.detail


def test_without_the_extra_the_digest_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image without apprise says what to install, and loses nothing."""

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    receiver = Receiver(name="phone", apprise_configs=[AppriseConfig(url="json://x")])
    failure = sender(tmp_path, receiver).send(MORNING).failures[0]
    assert (failure.dead, "install eventlake[apprise]" in failure.detail) == (False, True)
