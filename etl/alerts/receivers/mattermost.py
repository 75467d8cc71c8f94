"""Sends the digest to a Mattermost channel by an incoming webhook, as Markdown with tables."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from etl.alerts.dialects import Markdown
from etl.alerts.receivers.chat import Draft, HookChat
from etl.config.receivers import MattermostConfig
from etl.wire import answers
from etl.wire.http import Answer
from etl.wire.outcome import Outcome


class Mattermost(HookChat[MattermostConfig]):
    """A channel."""

    kind: ClassVar[str] = "mattermost"
    dialect = Markdown()

    def payload(self, draft: Draft) -> dict[str, object]:
        """Return a message."""
        blocks = list(draft.blocks)
        if draft.calls and self.config.mentions:
            blocks.append(" ".join(f"@{name}" for name in self.config.mentions))
        channel = {"channel": self.config.channel} if self.config.channel else {}
        return {**channel, "text": self.dialect.paragraph.join(blocks)}

    def size(self, payload: dict[str, object]) -> int:
        """Return the characters of the text."""
        return len(str(payload["text"]))

    def read(self, answer: Answer, now: datetime) -> Outcome:
        """Judge by the word ``ok``."""
        return answers.by_word(answer, self.facts, now=now)
