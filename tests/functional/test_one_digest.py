"""The story that drives users away from others: three bursts around an outage of ours, and one digest that has all of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from tests.functional.test_chats import KINDS
from tests.functional.test_paging import KEY, PagerDuty
from tests.lib import chats, mailserver, robot
from tests.lib.apiserver import ApiServer
from tests.lib.chats import Chat
from tests.lib.commandline import rows
from tests.lib.event_store import stamp
from tests.lib.events import event
from tests.lib.loopback import Answer, LoopbackServer, Request
from tests.lib.mailserver import MailServer
from tests.lib.mornings import DAY, Mornings

# What broke the body of every message of another tool.
HOSTILE = 'say "hi" \\ and\nanother line'
HOUR = timedelta(hours=1)


class World:
    """One receiver of each kind, each as strict as its vendor."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        """Start them all."""
        self.chats: dict[str, Chat] = {kind: make() for kind, make in KINDS.items()}
        self.robot, self.pager, self.mails = robot.Robot(), PagerDuty(), MailServer()
        self.alerts: list[dict[str, Any]] = []
        self.folder = folder
        self.receivers: list[dict[str, Any]] = [
            {"name": "files", "file_configs": [{"folder": str(folder)}]}
        ]
        for kind, fake in self.chats.items():
            server, url = chats.serving(fake)
            stack.enter_context(server)
            self._add(kind, **_settings(kind, url))
        server, url = robot.serving(self.robot)
        stack.enter_context(server)
        self._add("wecom", url=url)
        pager = stack.enter_context(LoopbackServer(self.pager.respond))
        self._add("pagerduty", routing_key=KEY, api_url=pager.url)
        holder = stack.enter_context(LoopbackServer(self._hold))
        self._add("alertmanager", url=holder.url)
        port = stack.enter_context(mailserver.serving(self.mails, tls="none"))
        mail = {"host": "127.0.0.1", "port": port, "tls": "none", "allow_private": True}
        addresses = {"sender": "k8s@example.com", "to": ["li@example.com"]}
        self.receivers.append({"name": "mail", "email_configs": [{**mail, **addresses}]})

    def texts(self) -> Iterator[tuple[str, list[str]]]:
        """Yield what people read, by kind, message by message."""
        for kind, fake in self.chats.items():
            yield kind, [fake.text(message) for message in fake.messages]
        yield "wecom", self.robot.contents()
        bodies = [mail.get_body(("plain",)) for _, mail in self.mails.taken]
        yield "mail", [" ".join(body.get_content().split()) for body in bodies if body]

    def check(self, job: Mornings) -> None:
        """Assert that each has one digest that says all of it."""
        (digest,) = job.taken
        assert {one["labels"]["name"] for one in digest["findings"]} == {
            f"{name}-{number:03d}" for name in ("before", "down", "after") for number in range(100)
        }
        assert [one["value"] for one in digest["findings"]] == [5] * 300
        assert digest["totals"]["occurrences"] == 1500
        assert digest["coverage"]["complete"]
        for kind, texts in self.texts():
            # One message, whatever happened, that says how much it was.
            assert len(texts) == 1, kind
            assert "300 warning" in texts[0], kind
            assert "1,500 occurrences" in texts[0], kind
        assert len(self.pager.open) == 26
        assert (
            len({json.dumps(alert["labels"]) for alert in self.alerts}) == len(self.alerts) == 300
        )
        (written,) = self.folder.iterdir()
        assert len(json.loads(written.read_text("utf-8"))["findings"]) == 300
        assert job.lake.joinpath("outbox", "dead").exists() is False

    def _add(self, kind: str, **settings: Any) -> None:
        given = {**settings, "allow_http": True, "allow_private": True}
        self.receivers.append({"name": kind, f"{kind}_configs": [given]})

    def _hold(self, request: Request) -> Answer:
        self.alerts += json.loads(request.body)
        return Answer(200)


def _settings(kind: str, url: str) -> dict[str, Any]:
    if kind == "telegram":
        return {"api_url": url, "bot_token": chats.Telegram.KEY, "chat_id": "-1001234567890"}
    return {"url": url, **({"secret": chats.SECRET} if kind in {"dingtalk", "feishu"} else {})}


def test_an_outage_of_ours_loses_nothing(
    tmp_path: Path, apiserver: ApiServer, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """300 incidents with 1,500 occurrences before, in and after it: one digest for each receiver, with all of them."""
    with ExitStack() as stack:
        world = World(stack, tmp_path / "digests")
        job = Mornings(tmp_path, apiserver, httpserver, world.receivers, allow_inline_secrets=True)
        start = apiserver.now = job.now
        job("snapshot")
        uids: list[str] = []

        def burst(name: str, hours: float, writes: int = 5) -> None:
            """Let a hundred objects fail, each written ``writes`` times."""
            began = start + hours * HOUR
            for number in range(100):
                apiserver.now = began
                made = apiserver.add(event(f"{name}-{number:03d}", at=began, message=HOSTILE))
                uids.append(made["metadata"]["uid"])
                again(uids[-1], began, range(2, writes + 1))

        def again(uid: str, at: datetime, counts: range) -> None:
            for count in counts:
                apiserver.now = at + count * timedelta(seconds=1)
                apiserver.patch(uid, count=count, lastTimestamp=stamp(apiserver.now))

        burst("before", 2, writes=3)
        job.now = apiserver.now = start + 3 * HOUR
        job("snapshot")
        # Nobody looks: what was known goes on, and another hundred begin.
        for uid in uids:
            again(uid, start + 4 * HOUR, range(4, 6))
        burst("down", 8)
        burst("after", 20)
        job.now = apiserver.now = start + DAY
        monkeypatch.setattr(chats, "NOW", job.now)
        for _ in range(3):
            job("run")
        world.check(job)
    stored = rows(job.lake, "select count(distinct uid) as n, sum(occurrences) as all from events")
    assert [int(value) for value in stored[0].values()] == [300, 1500]
