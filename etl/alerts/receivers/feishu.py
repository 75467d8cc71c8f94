"""Sends the digest to a Feishu or Lark group robot as a card, signed where the robot wants it.

Feishu answers 200 to nearly everything and puts the truth into ``code`` (older robots into
``StatusCode``). Cards of version 2.0 refuse properties that they do not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from etl.alerts.markups import Lookalikes
from etl.alerts.model import Severity
from etl.alerts.receivers.chat import Draft, HookChat
from etl.config.receivers import FeishuConfig
from etl.wire import budget, secrets, signing

_COLOURS: dict[Severity | None, str] = {
    "critical": "red",
    "warning": "orange",
    "info": "blue",
    None: "green",
}
# What ``signed`` adds to the body: two keys, ten digits and 44 characters.
_SIGNATURE_BYTES = 90


class Feishu(HookChat[FeishuConfig]):
    """A group robot."""

    kind: ClassVar[str] = "feishu"
    dialect = Lookalikes()

    def payload(self, draft: Draft) -> dict[str, object]:
        """Return a card: a coloured head and one element per block."""
        blocks = list(draft.blocks)
        if self.config.keyword and self.config.keyword not in "".join(blocks):
            blocks.insert(0, self.config.keyword)
        if draft.calls and self.config.mentions:
            blocks.append(" ".join(f"<at id={name}></at>" for name in self.config.mentions))
        card = {
            "schema": "2.0",
            "header": {
                "title": {"tag": "plain_text", "content": draft.title},
                "template": _COLOURS[draft.severity],
            },
            "body": {"elements": [{"tag": "markdown", "content": block} for block in blocks]},
        }
        return {"msg_type": "interactive", "card": card}

    def size(self, payload: dict[str, object]) -> int:
        """Return the bytes of the request, which its signature adds to."""
        return len(budget.encode(payload)) + _SIGNATURE_BYTES

    def signed(self, payload: object, now: datetime) -> object:
        """Add timestamp and sign to the body where there is a secret."""
        secret = secrets.value(
            text=self.config.secret,
            file=self.config.secret_file,
            environ=self.outside.environ,
        )
        if not secret or not isinstance(payload, Mapping):
            return payload
        stamp, sign = signing.feishu(secret, now)
        return {"timestamp": stamp, "sign": sign, **payload}
