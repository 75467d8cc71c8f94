"""Sends the digest to a Microsoft Teams workflow as an Adaptive Card.

A workflow takes every card with 202 and may fail to post it later, unseen: so a message is
accepted at best, and cards keep to version 1.2, which all clients read.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from etl.alerts.markups import Lookalikes
from etl.alerts.model import Severity
from etl.alerts.receivers.chat import Draft, HookChat
from etl.config.receivers import TeamsConfig
from etl.wire import answers
from etl.wire.http import Answer
from etl.wire.outcome import Outcome

_SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
_CARD = "application/vnd.microsoft.card.adaptive"
# Names, because hex values are refused.
_COLOURS: dict[Severity | None, str] = {
    "critical": "attention",
    "warning": "warning",
    "info": "accent",
    None: "good",
}


class Teams(HookChat[TeamsConfig]):
    """A workflow."""

    kind: ClassVar[str] = "teams"
    dialect = Lookalikes()

    def payload(self, draft: Draft) -> dict[str, object]:
        """Return one card: the title, then a text block per line, as Teams runs lines together."""
        title = {
            # A text block is Markdown, also in a title.
            **_text(self.dialect.text(draft.title)),
            "size": "medium",
            "weight": "bolder",
            "color": _COLOURS[draft.severity],
        }
        body: list[dict[str, object]] = [title]
        for block in draft.blocks:
            first, *others = [line for line in block.split("\n") if line]
            body.append({**_text(first), "spacing": "medium"})
            body += [{**_text(line), "spacing": "none"} for line in others]
        microsoft: dict[str, object] = {"width": "full"}
        if draft.calls and self.config.mentions:
            body.append(_text(" ".join(f"<at>{name}</at>" for name in self.config.mentions)))
            microsoft["entities"] = [_mention(*person) for person in self.config.mentions.items()]
        card = {
            "$schema": _SCHEMA,
            "type": "AdaptiveCard",
            "version": "1.2",
            "body": body,
            "msteams": microsoft,
        }
        return {
            "type": "message",
            "attachments": [{"contentType": _CARD, "contentUrl": None, "content": card}],
        }

    def read(self, answer: Answer, now: datetime) -> Outcome:
        """Judge by the status: more is not said."""
        return answers.by_status(answer, self.facts, now=now)


def _text(text: str) -> dict[str, object]:
    return {"type": "TextBlock", "text": text, "wrap": True}


def _mention(name: str, identity: str) -> dict[str, object]:
    return {
        "type": "mention",
        "text": f"<at>{name}</at>",
        "mentioned": {"id": identity, "name": name},
    }
