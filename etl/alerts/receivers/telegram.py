"""Sends the digest to a Telegram chat by a bot, as HTML.

Delivered is what is answered by ``"ok": true``. The limit counts characters without tags; with
them there are more, so counting all of them is safe.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import ClassVar

from etl.alerts.markups import Telegram as Dialect
from etl.alerts.receivers import answers
from etl.alerts.receivers.chat import Chat, Draft
from etl.config.receivers import TelegramConfig
from etl.wire import secrets
from etl.wire.http import Answer
from etl.wire.outcome import Outcome


class Telegram(Chat[TelegramConfig]):
    """A chat."""

    kind: ClassVar[str] = "telegram"
    dialect = Dialect()

    def payload(self, draft: Draft) -> dict[str, object]:
        """Return a message; it makes no sound unless something is critical."""
        topic = self.config.message_thread_id
        return {
            "chat_id": self.config.chat_id,
            "text": self.dialect.paragraph.join(draft.blocks),
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
            "disable_notification": not draft.calls,
            **({"message_thread_id": topic} if topic else {}),
        }

    def size(self, payload: dict[str, object]) -> int:
        """Return the characters of the text, as Telegram counts them: an emoji is two."""
        return len(str(payload["text"]).encode("utf-16-le", "replace")) // 2

    def url(self, now: datetime) -> str:
        """Return the method of the API that sends."""
        del now
        return f"{self.config.api_url.rstrip('/')}/bot{self._token}/sendMessage"

    def address(self) -> str:
        """Return the chat: limits are counted for each."""
        return f"{self._token} {self.config.chat_id}"

    def read(self, answer: Answer, now: datetime) -> Outcome:
        """Judge by ``ok``."""
        return answers.by_key(answer, self.facts, "ok", now=now)

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
