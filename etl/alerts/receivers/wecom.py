"""Sends the digest to a WeCom group robot as Markdown, and calls people when something is critical.

WeCom answers HTTP 200 to everything and puts the truth into ``errcode`` of the body: a
message counts as delivered only where that says 0. Content may have 4096 bytes of UTF-8
(text messages 2048), and a robot 20 messages a minute. Only a ``text`` message can mention
people, so a second, short one does that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import ClassVar

from etl.alerts import render
from etl.alerts.dialects import WecomV1, WecomV2
from etl.alerts.model import Digest
from etl.alerts.receivers.target import Outside, Part, budget_at
from etl.config.settings import WecomConfig
from etl.errors import quoted
from etl.log import redact
from etl.wire import budget, http, secrets
from etl.wire.outcome import Kind, Outcome

MARKDOWN_BYTES = 4096
TEXT_BYTES = 2048
# Messages are counted over a minute; some way into the next one there is room again, and within
# the time that a run gives to one target.
_ROOM_AGAIN = timedelta(seconds=25)
# https://developer.work.weixin.qq.com/document/path/90313: to be judged by the code, never by the
# text. What is not listed asks for a change of the message or of the robot: permanent.
_KINDS = {
    0: Kind.OK,
    -1: Kind.TRANSIENT,  # busy
    45002: Kind.TOO_LARGE,  # content size
    40058: Kind.TOO_LARGE,  # invalid parameter, in practice "content exceed max length 4096"
    45009: Kind.RETRY_AFTER,  # messages per minute
    45011: Kind.RETRY_AFTER,  # too frequent
    45033: Kind.RETRY_AFTER,  # too many at once
}


class Wecom:
    """A group robot."""

    kind: ClassVar[str] = "wecom"
    # 20 messages a minute for each robot.
    spacing: ClassVar[timedelta] = timedelta(seconds=3.1)

    def __init__(self, config: WecomConfig, outside: Outside) -> None:
        """Speak to the robot that ``config`` names."""
        self._config = config
        self._outside = outside
        self._dialect = WecomV2() if config.format == "markdown_v2" else WecomV1()

    @property
    def patience(self) -> timedelta:
        """The configured timeout."""
        return self._config.timeout

    def prepare(self, digest: Digest, *, step: int = 0) -> list[Part]:
        """Return the digest, and a text message that mentions people if something is critical."""
        content = self._content(digest, step)
        name = self._config.format
        parts = [
            Part(*(_message(name, text) for text in (content, render.marked(content, digest)))),
        ]
        if self._config.mentioned_mobiles and digest.counted("critical"):
            calls = {"mentioned_mobile_list": list(self._config.mentioned_mobiles)}
            line = budget.cut(
                render.mention(digest, self._dialect),
                TEXT_BYTES - budget.size(render.marked("", digest)),
            )
            parts.append(
                Part(
                    *(
                        _message("text", text, **calls)
                        for text in (line, render.marked(line, digest))
                    )
                )
            )
        return parts

    def send(self, payload: object, *, delivery_id: str, repeat: bool, now: datetime) -> Outcome:
        """Post the message and read the code in the answer."""
        del delivery_id, repeat
        headers = {"Content-Type": "application/json; charset=utf-8"}
        answer = http.send(
            http.Request("POST", budget.encode(payload), headers),
            self._url,
            http.Guard(
                allow_http=self._config.allow_http,
                allow_private=self._config.allow_private,
                timeout=self._config.timeout,
            ),
            environ=self._outside.environ,
        )
        judged = http.judge(answer, now=now)
        return _read(answer) if judged.delivered else judged

    def preview(self, digest: Digest) -> str:
        """Return the content, and below it the line that calls people."""
        parts = [self._content(digest, 0)]
        if self._config.mentioned_mobiles and digest.counted("critical"):
            parts.append(
                f"[@ {len(self._config.mentioned_mobiles)}] {render.mention(digest, self._dialect)}"
            )
        return "\n\n".join(parts)

    def address(self) -> str:
        """Return the robot's address: its limit is one for all digests that go there."""
        return self._url

    @cached_property
    def _url(self) -> str:
        return secrets.address(
            url=self._config.url, url_file=self._config.url_file, environ=self._outside.environ
        )

    def _content(self, digest: Digest, step: int) -> str:
        """Return the largest rendering that fits even with the mark of a repeat above it."""
        limit = budget_at(MARKDOWN_BYTES, step)
        return render.text(
            digest,
            self._dialect,
            fits=lambda text: budget.size(render.marked(text, digest)) <= limit,
        )


def _message(kind: str, content: str, **more: object) -> dict[str, object]:
    return {"msgtype": kind, kind: {"content": content, **more}}


def _read(answer: http.Answer) -> Outcome:
    """Translate the body of a 200."""
    try:
        body = json.loads(answer.body)
    except ValueError:
        # A login page of a proxy is a 200 too.
        body = None
    code = body.get("errcode") if isinstance(body, Mapping) else None
    if not isinstance(code, int):
        detail = f"HTTP {answer.status} without errcode: {answer.text()}"
        return Outcome(Kind.UNKNOWN, detail, answer.status)
    kind = _KINDS.get(code, Kind.PERMANENT)
    detail = f"errcode {code}: {quoted(redact(str(body.get('errmsg', ''))))}" if code else ""
    wait = _ROOM_AGAIN if kind is Kind.RETRY_AFTER else None
    return Outcome(kind, detail, answer.status, str(code), wait)
