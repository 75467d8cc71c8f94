"""Sends the digest to a WeCom group robot as Markdown, and calls people when something is critical.

WeCom answers HTTP 200 to everything and puts the truth into ``errcode`` of the body. Only a
``text`` message can mention people, so a second, short one does that. A chart is a message, too.
"""

from __future__ import annotations

import base64
import hashlib
from typing import ClassVar

from etl.alerts import render
from etl.alerts.dialects import WecomV1, WecomV2
from etl.alerts.model import Digest
from etl.alerts.receivers.chat import Draft, HookChat
from etl.alerts.receivers.target import Outside, Part, text_of
from etl.config.receivers import WecomConfig
from etl.wire import budget

TEXT_BYTES = 2048


class Wecom(HookChat[WecomConfig]):
    """A group robot."""

    kind: ClassVar[str] = "wecom"

    def __init__(self, config: WecomConfig, outside: Outside) -> None:
        """Speak to the robot that ``config`` names."""
        super().__init__(config, outside)
        self.dialect = WecomV2() if config.format == "markdown_v2" else WecomV1()

    def prepare(self, digest: Digest, *, step: int = 0) -> list[Part]:
        """Return the digest, and a text message that mentions people if something is critical."""
        parts = super().prepare(digest, step=step)
        if self._calls(digest):
            room = TEXT_BYTES - budget.size(render.marked("", digest))
            line = budget.cut(render.mention(digest, self.dialect), room)
            parts.append(Part(self._call(line), self._call(render.marked(line, digest))))
        if chart := self.outside.chart_for(digest, wanted=self.draws, step=step):
            parts.append(Part(_image(chart.once), _image(chart.repeat), about="chart"))
        return parts

    @property
    def draws(self) -> bool:
        """Whether a chart is wanted."""
        return self.config.chart

    def payload(self, draft: Draft) -> dict[str, object]:
        """Return a Markdown message."""
        name = self.config.format
        return {"msgtype": name, name: {"content": self.dialect.paragraph.join(draft.blocks)}}

    def size(self, payload: dict[str, object]) -> int:
        """Return the bytes of the content: only they count."""
        return budget.size(text_of(payload, self.config.format, "content"))

    def preview(self, digest: Digest) -> str:
        """Return the content, and below it the line that calls people."""
        shown = super().preview(digest)
        if (count := self._calls(digest)) == 0:
            return shown
        return f"{shown}\n\n[@ {count}] {render.mention(digest, self.dialect)}"

    def _calls(self, digest: Digest) -> int:
        """Return how many are to be called."""
        if not digest.counted("critical"):
            return 0
        return len(self.config.mentioned_mobiles) + len(self.config.mentioned_users)

    def _call(self, text: str) -> dict[str, object]:
        lists = {
            "mentioned_list": list(self.config.mentioned_users),
            "mentioned_mobile_list": list(self.config.mentioned_mobiles),
        }
        called = {name: people for name, people in lists.items() if people}
        return {"msgtype": "text", "text": {"content": text, **called}}


def _image(png: bytes) -> dict[str, object]:
    """Return a message that is a picture; its hash is of the picture's bytes, not of the text."""
    digest = hashlib.md5(png, usedforsecurity=False).hexdigest()
    return {
        "msgtype": "image",
        "image": {"base64": base64.b64encode(png).decode("ascii"), "md5": digest},
    }
