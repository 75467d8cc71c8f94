"""Sends the digest to a Slack channel by an incoming webhook, as blocks.

Delivered is what is answered by the word ``ok``. A section has at most 3,000 characters, a
message 50 blocks, and all of it together some 13,200 characters, which no document says.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

from etl.alerts.markups import Slack as Dialect
from etl.alerts.receivers.chat import Draft, HookChat
from etl.config.receivers import SlackConfig
from etl.wire import answers
from etl.wire.budget import shorten
from etl.wire.http import Answer
from etl.wire.outcome import Outcome

_BLOCKS = 50
_SECTION_CHARACTERS = 3000
_HEADER_CHARACTERS = 150
_GROUPS = {"channel", "here", "everyone"}


class Slack(HookChat[SlackConfig]):
    """A channel."""

    kind: ClassVar[str] = "slack"
    dialect = Dialect()

    def payload(self, draft: Draft) -> dict[str, object]:
        """Return blocks, and the title as the text that notifications show."""
        title = shorten(draft.title, _HEADER_CHARACTERS)
        sections = [piece for block in draft.blocks for piece in _pieces(block)]
        if draft.calls and self.config.mentions:
            sections.append(" ".join(map(_mention, self.config.mentions)))
        head = {"type": "header", "text": {"type": "plain_text", "text": title}}
        return {
            "text": self.dialect.text(title),
            "blocks": [head, *map(_section, sections)],
        }

    def takes(self, draft: Draft) -> bool:
        """Whether every line fits into a section, and the sections into a message."""
        longest = max(len(line) for block in draft.blocks for line in block.split("\n"))
        count = sum(1 for block in draft.blocks for _ in _pieces(block))
        return longest <= _SECTION_CHARACTERS and count <= _BLOCKS - 2

    def size(self, payload: dict[str, object]) -> int:
        """Return the characters of all blocks."""
        blocks = payload["blocks"]
        assert isinstance(blocks, list)  # noqa: S101 - of ``payload``
        return sum(len(block["text"]["text"]) for block in blocks)

    def read(self, answer: Answer, now: datetime) -> Outcome:
        """Judge by the word ``ok``."""
        return answers.by_word(answer, self.facts, now=now)


def _section(text: str) -> dict[str, object]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _pieces(block: str) -> Iterator[str]:
    """Cut a block between lines into pieces that a section takes."""
    piece = ""
    for line in block.split("\n"):
        if piece and len(piece) + 1 + len(line) > _SECTION_CHARACTERS:
            yield piece
            piece = line
        else:
            piece = f"{piece}\n{line}" if piece else line
    if piece.strip():
        yield piece


def _mention(name: str) -> str:
    if name in _GROUPS:
        return f"<!{name}>"
    return f"<!subteam^{name}>" if name.startswith("S") else f"<@{name}>"
