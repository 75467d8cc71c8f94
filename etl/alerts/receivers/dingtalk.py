"""Sends the digest to a DingTalk group robot as Markdown, signed where the robot wants it.

DingTalk answers 200 to everything and puts the truth into ``errcode``. Who sends more than 20
messages a minute is shut out for ten. A mention takes effect only if the text names it, too.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from urllib.parse import urlencode

from etl.alerts.markups import Dingtalk as Dialect
from etl.alerts.receivers.chat import Draft, HookChat
from etl.config.receivers import DingtalkConfig
from etl.wire import secrets, signing
from etl.wire.budget import shorten

# What a phone shows of a message before it is opened.
_TITLE_CHARACTERS = 60
_EVERYBODY = "@all"


class Dingtalk(HookChat[DingtalkConfig]):
    """A group robot."""

    kind: ClassVar[str] = "dingtalk"
    dialect = Dialect()

    def payload(self, draft: Draft) -> dict[str, object]:
        """Return a Markdown message; the title is mandatory."""
        blocks = list(draft.blocks)
        if self.config.keyword and self.config.keyword not in "".join(blocks):
            blocks.insert(0, self.config.keyword)
        title = self.dialect.text(shorten(draft.title, _TITLE_CHARACTERS))
        people = self.config.mentioned_mobiles if draft.calls else []
        if people:
            blocks.append(" ".join(f"@{mobile.lstrip('@')}" for mobile in people))
        called = {
            "atMobiles": [mobile for mobile in people if mobile != _EVERYBODY],
            "isAtAll": _EVERYBODY in people,
        }
        text = self.dialect.paragraph.join(blocks)
        return {
            "msgtype": "markdown",
            "markdown": {"title": title, "text": text},
            **({"at": called} if people else {}),
        }

    def url(self, payload: object, now: datetime) -> str:
        """Return the address, with timestamp and sign where there is a secret."""
        del payload
        secret = secrets.value(
            text=self.config.secret,
            file=self.config.secret_file,
            environ=self.outside.environ,
        )
        if not secret:
            return self._url
        stamp, sign = signing.dingtalk(secret, now)
        joint = "&" if "?" in self._url else "?"
        # Encoded once, here: encoded twice it is refused as 310000, sign not match.
        return f"{self._url}{joint}{urlencode({'timestamp': stamp, 'sign': sign})}"
