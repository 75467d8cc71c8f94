"""Sends the digest by apprise, an extra, to whatever has no receiver of its own here.

Apprise judges most targets by their HTTP status alone, so that a refusal inside a 200 counts as
sent: what it took is accepted, never delivered. It makes its own requests, past our guard on
addresses, and knows neither Retry-After nor a limit in bytes.
"""

from __future__ import annotations

import importlib
import logging
from datetime import datetime, timedelta
from functools import cached_property
from typing import ClassVar

from etl.alerts import render
from etl.alerts.dialects import Dialect, Markdown, Plain
from etl.alerts.markups import Html
from etl.alerts.model import Digest
from etl.alerts.receivers.target import Outside, Part, budget_at, text_of
from etl.config.receivers import AppriseConfig
from etl.wire import escaping, secrets
from etl.wire.outcome import Kind, Outcome

_PATIENCE = timedelta(minutes=2)
# Until the image has the extra; until then the digest waits.
_NOT_THERE = timedelta(minutes=5)
_DIALECTS: dict[str, Dialect] = {"text": Plain(), "markdown": Markdown(), "html": Html()}


class Longtail:
    """Whatever an address of apprise names."""

    kind: ClassVar[str] = "apprise"
    spacing: ClassVar[timedelta] = timedelta(seconds=3.1)
    patience = _PATIENCE

    def __init__(self, config: AppriseConfig, outside: Outside) -> None:
        """Speak to what ``config`` names."""
        self._config = config
        self._outside = outside

    def prepare(self, digest: Digest, *, step: int = 0) -> list[Part]:
        """Return one message of at most so many characters."""
        limit = budget_at(self._config.max_characters, step)
        dialect = _DIALECTS[self._config.format]
        mark = dialect.line(render.repeat_mark(digest))
        (blocks,) = render.parts(
            digest,
            dialect,
            fits=lambda blocks: len(dialect.paragraph.join([mark, *blocks])) <= limit,
        )
        title = escaping.wecom(escaping.one_line(render.title(digest)))
        once = {"title": title, "body": dialect.paragraph.join(blocks)}
        return [Part(once, {**once, "body": dialect.paragraph.join([mark, *blocks])})]

    def send(self, payload: object, *, delivery_id: str, repeat: bool, now: datetime) -> Outcome:
        """Hand the message to apprise, which says yes or no."""
        del delivery_id, repeat, now
        try:
            apprise = importlib.import_module("apprise")
        except ImportError:
            detail = "apprise is not installed: install eventlake[apprise]"
            return Outcome(Kind.RETRY_AFTER, detail, wait=_NOT_THERE)
        # Its log names addresses.
        logging.getLogger("apprise").disabled = True
        sender = apprise.Apprise()
        if not sender.add(self._url):
            return Outcome(Kind.PERMANENT, "apprise does not know this kind of address")
        taken = sender.notify(
            body=text_of(payload, "body"),
            title=text_of(payload, "title"),
            body_format=self._config.format,
        )
        if taken:
            return Outcome(Kind.ACCEPTED)
        return Outcome(Kind.TRANSIENT, "apprise says that it was not sent, and not why")

    def preview(self, digest: Digest) -> str:
        """Return title and body."""
        payload = self.prepare(digest)[0].payload
        return f"{text_of(payload, 'title')}\n\n{text_of(payload, 'body')}"

    def address(self) -> str:
        """Return the address."""
        return self._url

    @cached_property
    def _url(self) -> str:
        return secrets.address(
            url=self._config.url, url_file=self._config.url_file, environ=self._outside.environ
        )
