"""Sends the digest to a Telegram chat by a bot, as HTML.

Delivered is what is answered by ``"ok": true``. The limit counts characters without tags; with
them there are more, so counting all of them is safe.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import ClassVar

from etl.alerts import render
from etl.alerts.markups import Telegram as Dialect
from etl.alerts.model import Digest
from etl.alerts.receivers.chat import CHART, Chat, Draft
from etl.alerts.receivers.target import Part, text_of
from etl.config.receivers import TelegramConfig
from etl.wire import answers, http, multipart, secrets
from etl.wire.http import Answer
from etl.wire.outcome import Outcome


class Telegram(Chat[TelegramConfig]):
    """A chat."""

    kind: ClassVar[str] = "telegram"
    dialect = Dialect()

    def payload(self, draft: Draft) -> dict[str, object]:
        """Return a message; it makes no sound unless something is critical."""
        return {
            **self._silent(),
            "text": self.dialect.paragraph.join(draft.blocks),
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
            "disable_notification": not draft.calls,
        }

    def prepare(self, digest: Digest, *, step: int = 0) -> list[Part]:
        """Return the digest, and the chart as a photo of its own: a caption has no room for a digest."""
        parts = super().prepare(digest, step=step)
        if chart := self.outside.chart_for(digest, wanted=self.draws, step=step):
            photo = {**self._silent(), "photo": base64.b64encode(chart.once).decode("ascii")}
            again = {**photo, "caption": render.repeat_mark(digest)}
            parts.append(Part(photo, again, about="chart"))
        return parts

    @property
    def draws(self) -> bool:
        """Whether a chart is wanted."""
        return self.config.chart

    def size(self, payload: dict[str, object]) -> int:
        """Return the characters of the text, as Telegram counts them: an emoji is two."""
        return len(str(payload["text"]).encode("utf-16-le", "replace")) // 2

    def request(self, payload: object) -> http.Request:
        """Return a message, or a photo as the form that takes files."""
        if not (photo := text_of(payload, "photo")):
            return super().request(payload)
        assert isinstance(payload, Mapping)  # noqa: S101 - of ``prepare``
        fields = {
            name: value if isinstance(value, str) else str(value).lower()
            for name, value in payload.items()
            if name != "photo"
        }
        return multipart.request(fields, "photo", CHART, base64.b64decode(photo))

    def url(self, payload: object, now: datetime) -> str:
        """Return the method of the API that sends."""
        del now
        method = "sendPhoto" if text_of(payload, "photo") else "sendMessage"
        return f"{self.config.api_url.rstrip('/')}/bot{self._token}/{method}"

    def address(self) -> str:
        """Return the chat: limits are counted for each."""
        return f"{self._token} {self.config.chat_id}"

    def read(self, answer: Answer, now: datetime) -> Outcome:
        """Judge by ``ok``."""
        return answers.by_key(answer, self.facts, "ok", now=now)

    def _silent(self) -> dict[str, object]:
        """Return where every message goes, without a sound."""
        topic = self.config.message_thread_id
        return {
            "chat_id": self.config.chat_id,
            "disable_notification": True,
            **({"message_thread_id": topic} if topic else {}),
        }

    @cached_property
    def _token(self) -> str:
        found = secrets.value(
            text=self.config.bot_token,
            file=self.config.bot_token_file,
            environ=self.outside.environ,
        )
        if not found:
            raise secrets.SecretError("no token: set bot_token_file, or bot_token")
        return found
