"""A WeCom group robot on loopback that is as strict as the real one is said to be.

It answers HTTP 200 to everything and tells the truth in ``errcode``: wrong key, content
above its bytes, more than 20 messages a minute. The minute is the test's: ``clock`` says
what time it is.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.lib.loopback import Answer, LoopbackServer, Request

KEY = "693axxx6-7aoc-4bc4-97a0-0ec2sifa5aaa"
LIMITS = {"text": 2048, "markdown": 4096, "markdown_v2": 4096}
_PER_MINUTE = 20


@dataclass
class Robot:
    """The robot's rules and what it received."""

    clock: Callable[[], float] = lambda: 0.0
    messages: list[dict[str, Any]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    """Codes to answer before the rules apply, one a message."""

    def respond(self, request: Request) -> Answer:
        """Answer one message."""
        code, text = self._judge(request)
        body = json.dumps({"errcode": code, "errmsg": text}).encode()
        return Answer(200, body, {"Content-Type": "application/json"})

    def contents(self) -> list[str]:
        """Return the contents of the messages that were taken, without pictures."""
        texts = [m for m in self.messages if m["msgtype"] != "image"]
        return [message[message["msgtype"]]["content"] for message in texts]

    def _judge(self, request: Request) -> tuple[int, str]:
        if parse_qs(urlsplit(request.target).query).get("key") != [KEY]:
            return 93000, "invalid webhook url"
        if self.codes and (code := self.codes.pop(0)):
            return code, "as the test wants"
        if b"\\u" in request.body:
            return 40033, "invalid request, no \\uXXXX characters"
        message = json.loads(request.body.decode("utf-8"))
        kind = message["msgtype"]
        if kind == "image" and (wrong := _picture(message["image"])):
            return wrong
        content = message[kind].get("content", "")
        if kind != "image" and len(content.encode("utf-8")) > LIMITS[kind]:
            return 40058, f"{kind}.content exceed max length {LIMITS[kind]}"
        now = self.clock()
        self.times.append(now)
        if sum(time > now - 60 for time in self.times) > _PER_MINUTE:
            return 45009, "api freq out of limit"
        self.messages.append(message)
        return 0, "ok"


def _picture(image: dict[str, str]) -> tuple[int, str] | None:
    """Return what is wrong with a picture: base64 without line ends, the hash of its bytes, two megabytes."""
    content = base64.b64decode(image["base64"], validate=True)
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != image["md5"]:
        return 301019, "media md5 not match"
    if len(content) > 2 * 1024 * 1024:
        return 40009, "invalid image size"
    return None if content.startswith(b"\x89PNG\r\n") else (40137, "invalid image format")


def serving(robot: Robot, *, tls: bool = False) -> tuple[LoopbackServer, str]:
    """Return a server for ``robot``, not yet started, and the robot's address."""
    server = LoopbackServer(robot.respond, tls=tls)
    return server, f"{server.url}/cgi-bin/webhook/send?key={KEY}"
