"""Sends the digest to a Discord channel by a webhook, as embeds.

Without ``wait=true`` Discord answers well before it has saved the message, and says nothing
if it cannot; with it the answer is the message. Mentions work only if they are allowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import ClassVar

from etl.alerts.markups import Discord as Dialect
from etl.alerts.model import Severity
from etl.alerts.receivers import answers
from etl.alerts.receivers.chat import Draft, HookChat
from etl.config.receivers import DiscordConfig
from etl.wire.budget import shorten
from etl.wire.http import Answer
from etl.wire.outcome import Outcome

_TITLE_CHARACTERS = 256
_DESCRIPTION_CHARACTERS = 4096
_EMBEDS = 10
_ROLE = "&"
_COLOURS: dict[Severity | None, int] = {
    "critical": 0xB42318,
    "warning": 0xDC6803,
    "info": 0x175CD3,
    None: 0x067647,
}


class Discord(HookChat[DiscordConfig]):
    """A channel."""

    kind: ClassVar[str] = "discord"
    dialect = Dialect()

    def payload(self, draft: Draft) -> dict[str, object]:
        """Return embeds, and a content that mentions people."""
        descriptions = list(_packed(draft.blocks, self.dialect.paragraph))
        colour = _COLOURS[draft.severity]
        embeds: list[dict[str, object]] = [
            {"description": d, "color": colour} for d in descriptions
        ]
        embeds[0]["title"] = self.dialect.text(shorten(draft.title, _TITLE_CHARACTERS // 2))
        people = self.config.mentions if draft.calls else []
        allowed = {
            "parse": [],
            "users": [name for name in people if not name.startswith(_ROLE)],
            "roles": [name.removeprefix(_ROLE) for name in people if name.startswith(_ROLE)],
        }
        called = {"content": " ".join(f"<@{name}>" for name in people)} if people else {}
        return {**called, "embeds": embeds, "allowed_mentions": allowed}

    def takes(self, draft: Draft) -> bool:
        """Whether every block fits into an embed, and the embeds into a message."""
        descriptions = list(_packed(draft.blocks, self.dialect.paragraph))
        longest = max(map(_characters, descriptions))
        return longest <= _DESCRIPTION_CHARACTERS and len(descriptions) <= _EMBEDS

    def size(self, payload: dict[str, object]) -> int:
        """Return the characters of all embeds."""
        embeds = payload["embeds"]
        assert isinstance(embeds, list)  # noqa: S101 - of ``payload``
        return sum(_characters(e["description"]) + _characters(e.get("title", "")) for e in embeds)

    def url(self, now: datetime) -> str:
        """Return the address, asking for the message as it was saved."""
        plain = super().url(now)
        return f"{plain}{'&' if '?' in plain else '?'}wait=true"

    def read(self, answer: Answer, now: datetime) -> Outcome:
        """Judge by the number of the message."""
        return answers.by_key(answer, self.facts, "id", now=now)


def _packed(blocks: Sequence[str], between: str) -> Iterator[str]:
    """Join blocks as long as an embed takes them."""
    text = ""
    for block in blocks:
        joined = f"{text}{between}{block}" if text else block
        if text and _characters(joined) > _DESCRIPTION_CHARACTERS:
            yield text
            joined = block
        text = joined
    yield text


def _characters(text: str) -> int:
    """Count as JavaScript does, where an emoji is two: the greater of the two ways to count."""
    return len(text.encode("utf-16-le", "replace")) // 2
