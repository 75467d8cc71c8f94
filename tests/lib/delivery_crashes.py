"""A digest to targets that get several messages and pictures by a process that dies somewhere, and by the runs after it that do not.

``Targets`` listens in the test's process and keeps every message by turn; the rest runs in
a driver of tests.lib.processes, which may fork because it has no threads.
"""

from __future__ import annotations

import base64
import json
import os
import signal
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx  # noqa: F401 - imported once for all children

from etl.alerts.model import Kind
from etl.alerts.receivers.target import Chart
from etl.alerts.remembered import was_delivered
from etl.config.receivers import Receiver
from etl.wire import http, trust
from tests.lib.crashes import Crash
from tests.lib.digests import MORNING
from tests.lib.forms import fields
from tests.lib.loopback import Answer, Request
from tests.lib.processes import done
from tests.lib.sending import Sender, chat, sender, webhook

# Made once for all children: reading the authorities takes longer than a delivery.
trust.context({})

_TAKEN = {
    "wecom": Answer(200, b'{"errcode":0,"errmsg":"ok"}'),
    "hook": Answer(200),
    "discord": Answer(200, b'{"id":"1301234567890123456"}'),
    "telegram": Answer(200, b'{"ok":true,"result":{"message_id":7}}'),
}
# How many messages each target gets: WeCom a text, a call and a picture, Telegram a text and a photo; what is
# urgent has no picture.
_WANTED: dict[str, dict[str, int]] = {
    "digest": {"wecom": 3, "hook": 1, "discord": 1, "telegram": 2},
    "urgent": {"wecom": 2, "hook": 1, "discord": 1, "telegram": 1},
}
_BUSY = Answer(200, b'{"errcode":-1,"errmsg":"busy"}')
_PNG = b"\x89PNG\r\n\x1a\n"
_CHART = Chart(_PNG + b"once", _PNG + b"repeat")
_REPEATED = base64.b64encode(_CHART.repeat)
_MARK = "ossible repeat"


@dataclass
class Targets:
    """What arrived, by turn and target; where ``busy``, the robot is so at first."""

    kind: Kind = "digest"
    busy: bool = False
    messages: dict[tuple[str, str], list[Request]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _refused: set[str] = field(default_factory=set)

    @property
    def wanted(self) -> int:
        """How many messages all targets get."""
        return sum(_WANTED[self.kind].values())

    def respond(self, request: Request) -> Answer:
        """Take one message."""
        _, kind, turn, *_ = request.path.split("/")
        if self.busy and kind == "wecom" and turn not in self._refused:
            self._refused.add(turn)
            return _BUSY
        self.messages[turn, kind].append(request)
        return _TAKEN[kind]

    def repeats(self, turn: str) -> int:
        """Assert that all messages of the turn arrived; return how many came twice, all of them marked."""
        twice = 0
        for kind, wanted in _WANTED[self.kind].items():
            requests = self.messages[turn, kind]
            firsts = {_unmarked(request) for request in requests}
            marked = [request for request in requests if _is_marked(request)]
            assert len(firsts) == wanted, (turn, kind, requests)
            # A message that was in flight may not have left at all: then its mark is all that came.
            assert len(requests) - wanted <= len(marked) <= 1, (turn, kind, requests)
            twice += len(requests) - wanted
        return twice


def died(folder: str, base: str, kind: Kind, turn: str, point: int, request: int) -> bool:
    """Let a process die before its call ``point``, or around ``request``; deliver the rest. Whether it died."""
    lake = _fresh(folder, turn)
    ended = done(_deliver, lake, base, kind, turn, request, crash=Crash(lake, point))
    made = _sender(lake, base, turn)
    digest = replace(MORNING, kind=kind)
    # What a run asks that finds the same digest due: whether somebody misses it.
    if not was_delivered(made.files, made.settings, digest.window, digest.clusters, kind=kind):
        made.send(digest)
    for _ in range(2):
        made.send_pending()
    assert made.files.list("outbox/pending") == []
    assert made.files.list("outbox/dead") == []
    return ended.killed


def calls(folder: str, base: str, kind: Kind, turn: str) -> int:
    """Return how many calls a delivery makes that nothing interrupts."""
    lake = _fresh(folder, turn)
    return len(done(_deliver, lake, base, kind, turn, 0, crash=Crash(lake)).calls)


def _fresh(folder: str, turn: str) -> str:
    lake = Path(folder) / turn
    lake.mkdir()
    # A kill leaves what was written in the kernel's memory; only a power cut asks the disk.
    os.fsync = _unsynced
    return str(lake)


def _unsynced(fd: object) -> None:
    del fd


def _deliver(lake: str, base: str, kind: Kind, turn: str, request: int) -> None:
    if request:
        http.send = _dying(http.send, abs(request), after=request > 0)
    _sender(lake, base, turn).send(replace(MORNING, kind=kind))


def _dying(send: Callable[..., Any], number: int, *, after: bool) -> Callable[..., Any]:
    """Kill this process right before, or right after, request ``number``."""
    count = 0

    def sent(*arguments: Any, **named: Any) -> Any:
        nonlocal count
        count += 1
        if count == number and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = send(*arguments, **named)
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return sent


def _sender(lake: str, base: str, turn: str) -> Sender:
    receivers: list[Receiver] = [
        chat("wecom", f"{base}/wecom/{turn}", chart=True),
        webhook(f"{base}/hook/{turn}"),
        chat("discord", f"{base}/discord/{turn}", chart=True),
        chat("telegram", f"{base}/telegram/{turn}", chart=True),
    ]
    made = sender(Path(lake), *receivers)
    made.chart = _CHART
    return made


def _is_marked(request: Request) -> bool:
    marks = (_MARK.encode(), b'"possible_repeat":true', _REPEATED)
    return any(mark in request.body for mark in marks)


def _unmarked(request: Request) -> str:
    """Return what a message says, without what marks a repeat: for a picture that it is one."""
    if request.headers["content-type"].startswith("multipart/"):
        parts = fields(request)
        if "photo" in parts:
            return "a photo"
        message = json.loads(parts["payload_json"].text)
        assert parts["files[0]"].content == _CHART.once
    else:
        message = json.loads(request.body)
    if "msgtype" in message:
        kind = message["msgtype"]
        return kind if kind == "image" else f"{kind} {_tail(message[kind]['content'])}"
    if "embeds" in message:
        return "".join(_tail(embed["description"]) for embed in message["embeds"])
    return _tail(message["text"])


def _tail(text: str) -> str:
    """Return ``text`` without the line above it that marks a repeat, in whatever markup."""
    head, _, rest = text.partition("\n")
    return rest.strip() if _MARK in head else text
