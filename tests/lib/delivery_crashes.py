"""A digest to four targets by a process that dies somewhere, and by the runs after it that do not.

``Targets`` listens in the test's process and keeps every message by turn; the rest runs in
a driver of tests.lib.processes, which may fork because it has no threads.
"""

from __future__ import annotations

import json
import os
import signal
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx  # noqa: F401 - imported once for all children

from etl.config.receivers import Receiver
from etl.wire import http, trust
from tests.lib.crashes import Crash
from tests.lib.digests import MORNING
from tests.lib.loopback import Answer, Request
from tests.lib.processes import done
from tests.lib.sending import Sender, chat, sender, webhook

# Made once for all children: reading the authorities takes longer than a delivery.
trust.context({})

_TAKEN = {
    "wecom": Answer(200, b'{"errcode":0,"errmsg":"ok"}'),
    "hook": Answer(200),
    "slack": Answer(200, b"ok"),
}
_BUSY = Answer(200, b'{"errcode":-1,"errmsg":"busy"}')
_MARK = b"ossible repeat"


@dataclass
class Targets:
    """What arrived, by turn and target; where ``busy``, the robot is so at first."""

    busy: bool = False
    messages: dict[tuple[str, str], list[bytes]] = field(default_factory=lambda: defaultdict(list))
    _refused: set[str] = field(default_factory=set)

    def respond(self, request: Request) -> Answer:
        """Take one message."""
        _, kind, turn, *_ = request.path.split("/")
        if self.busy and kind == "wecom" and turn not in self._refused:
            self._refused.add(turn)
            return _BUSY
        self.messages[turn, kind].append(request.body)
        return _TAKEN[kind]

    def repeats(self, turn: str) -> int:
        """Assert that the turn's four messages arrived; return how many came twice, all of them marked."""
        twice = 0
        for kind, wanted in (("wecom", 2), ("hook", 1), ("slack", 1)):
            bodies = self.messages[turn, kind]
            firsts = {json.dumps(_unmarked(body)) for body in bodies}
            marked = [body for body in bodies if _is_marked(body)]
            assert len(firsts) == wanted, (turn, kind, bodies)
            # A message that was in flight may not have left at all: then its mark is all that came.
            assert len(bodies) - wanted <= len(marked) <= 1, (turn, kind, bodies)
            twice += len(bodies) - wanted
        return twice


def died(folder: str, base: str, turn: str, point: int, request: int) -> bool:
    """Let a process die before its call ``point``, or around ``request``; deliver the rest. Whether it died."""
    lake = _fresh(folder, turn)
    ended = done(_deliver, lake, base, turn, request, crash=Crash(lake, point))
    made = _sender(lake, base, turn)
    # The run after it makes the digest again, and later ones see to what was left.
    made.send(MORNING)
    for _ in range(2):
        made.send_pending()
    assert made.files.list("outbox/pending") == []
    assert made.files.list("outbox/dead") == []
    return ended.killed


def calls(folder: str, base: str, turn: str) -> int:
    """Return how many calls a delivery makes that nothing interrupts."""
    lake = _fresh(folder, turn)
    return len(done(_deliver, lake, base, turn, 0, crash=Crash(lake)).calls)


def _fresh(folder: str, turn: str) -> str:
    lake = Path(folder) / turn
    lake.mkdir()
    # A kill leaves what was written in the kernel's memory; only a power cut asks the disk.
    os.fsync = _unsynced
    return str(lake)


def _unsynced(fd: object) -> None:
    del fd


def _deliver(lake: str, base: str, turn: str, request: int) -> None:
    if request:
        http.send = _dying(http.send, abs(request), after=request > 0)
    _sender(lake, base, turn).send(MORNING)


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
        chat("wecom", f"{base}/wecom/{turn}"),
        webhook(f"{base}/hook/{turn}"),
        chat("slack", f"{base}/slack/{turn}"),
    ]
    return sender(Path(lake), *receivers)


def _is_marked(body: bytes) -> bool:
    return _MARK in body or b'"possible_repeat":true' in body


def _unmarked(body: bytes) -> object:
    """Return what a message says, without what marks a repeat."""
    message = json.loads(body)
    if "msgtype" in message:
        text = message[message["msgtype"]]["content"]
        return message["msgtype"], text.partition("clear answer.\n\n")[2] or text
    if "blocks" in message:
        return [b for b in message["blocks"] if _MARK.decode() not in b["text"]["text"]]
    return message["counts"]
