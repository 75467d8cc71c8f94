"""Sends the digest to a Discord channel by a webhook, as embeds.

Without ``wait=true`` Discord answers well before it has saved the message, and says nothing
if it cannot; with it the answer is the message. Mentions work only if they are allowed.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from etl.alerts.markups import Discord as Dialect
from etl.alerts.model import Digest, Severity
from etl.alerts.receivers.chat import CHART, Draft, HookChat
from etl.alerts.receivers.target import Part, text_of
from etl.config.receivers import DiscordConfig
from etl.wire import answers, budget, http, multipart
from etl.wire.budget import shorten
from etl.wire.http import Answer
from etl.wire.outcome import Outcome

_TITLE_CHARACTERS = 256
_DESCRIPTION_CHARACTERS = 4096
_EMBEDS = 10
_ROLE = "&"
# Not of the vendor's document: it is taken out before the message is sent.
_PICTURE = "picture"
# Refused as it is, for its form or its size: nothing was posted, and the picture may be why.
_NOT_SO = {400, 413}
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

    def prepare(self, digest: Digest, *, step: int = 0) -> list[Part]:
        """Return the digest; the chart is the picture of its last embed, and so costs no message."""
        parts = super().prepare(digest, step=step)
        chart = self.outside.chart_for(digest, wanted=self.draws, step=step)
        if chart is None:
            return parts
        picture = base64.b64encode(chart.once).decode("ascii")
        last = Part(_drawn(parts[-1].payload, picture), _drawn(parts[-1].repeat, picture))
        return [*parts[:-1], last]

    @property
    def draws(self) -> bool:
        """Whether a chart is wanted."""
        return self.config.chart

    @property
    def patience(self) -> timedelta:
        """The configured timeout, for each of two requests where there is a picture."""
        return self.config.timeout * (2 if self.draws else 1)

    def send(self, payload: object, *, delivery_id: str, repeat: bool, now: datetime) -> Outcome:
        """Post the message; what is refused with its picture is posted without it."""
        outcome = super().send(payload, delivery_id=delivery_id, repeat=repeat, now=now)
        plain = _undrawn(payload)
        if plain is None or outcome.status not in _NOT_SO:
            return outcome
        return super().send(plain, delivery_id=delivery_id, repeat=repeat, now=now)

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

    def request(self, payload: object) -> http.Request:
        """Return the message, as the form that takes files where it has a picture."""
        if not (picture := text_of(payload, _PICTURE)):
            return super().request(payload)
        assert isinstance(payload, Mapping)  # noqa: S101 - of ``prepare``
        message = {name: value for name, value in payload.items() if name != _PICTURE}
        fields = {"payload_json": budget.encode(message).decode("utf-8")}
        return multipart.request(fields, "files[0]", CHART, base64.b64decode(picture))

    def url(self, payload: object, now: datetime) -> str:
        """Return the address, asking for the message as it was saved."""
        plain = super().url(payload, now)
        return f"{plain}{'&' if '?' in plain else '?'}wait=true"

    def read(self, answer: Answer, now: datetime) -> Outcome:
        """Judge by the number of the message."""
        return answers.by_key(answer, self.facts, "id", now=now)


def _drawn(payload: object, picture: str) -> dict[str, object]:
    """Return a message with a picture in its last embed."""
    assert isinstance(payload, dict)  # noqa: S101 - of ``payload``
    *first, last = payload["embeds"]
    shown = {**last, "image": {"url": f"attachment://{CHART}"}}
    return {**payload, "embeds": [*first, shown], _PICTURE: picture}


def _undrawn(payload: object) -> dict[str, object] | None:
    """Return the same message without its picture; null where it has none."""
    if not isinstance(payload, Mapping) or _PICTURE not in payload:
        return None
    embeds = [{k: v for k, v in embed.items() if k != "image"} for embed in payload["embeds"]]
    kept = {name: value for name, value in payload.items() if name != _PICTURE}
    return {**kept, "embeds": embeds}


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
