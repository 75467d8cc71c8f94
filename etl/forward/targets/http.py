"""Observations to an address: one request for each, in order, on one connection.

``webhook-id`` names the observation and is the same in every repeat, so a receiver can
tell one. A body that the address refuses for itself (400, 409, 413, 422, 431) is refused;
whatever else goes wrong, a wrong key and a wrong path among it, is a failure of the way:
nothing is given up for it. Robots of chats answer 200 to everything, so what the body says counts too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from urllib.parse import urlsplit

from etl.config.forwarding import HttpTarget
from etl.forward.sending import Message, Receipt
from etl.wire import answers, headers, http, sealed, secrets, templates
from etl.wire.outcome import Kind, Outcome, TransportError

# About this body; the others are about who asks, where, and when.
_REFUSALS = {400, 409, 413, 422, 431}


class HttpSender:
    """An open way to one address."""

    def __init__(self, target: HttpTarget, environ: Mapping[str, str], now: datetime) -> None:
        """Read the address; ``now`` is what a date in ``Retry-After`` is compared with. Raises ``SecretError``."""
        self._target, self._environ, self._now = target, environ, now
        self._headers = sealed.Sealing(target.headers)
        url = secrets.address(url=target.url, url_file=target.url_file, environ=environ)
        guard = http.Guard(
            allow_http=target.allow_http,
            allow_private=target.allow_private,
            timeout=target.timeout,
        )
        self._line = http.Line(url, guard, environ)
        self._host = urlsplit(url).hostname or ""

    def send(self, batch: Sequence[Message]) -> Receipt:
        """Send one message after the other, until one can neither be delivered nor given up."""
        refused: list[tuple[int, str]] = []
        for place, message in enumerate(batch):
            try:
                outcome = self._sent(message)
            except templates.LeafError as error:
                # It fails on this event whenever it is tried; the others get their turn.
                refused.append((place, f"headers: {error}"))
                continue
            if outcome.status in _REFUSALS or outcome.kind is Kind.TOO_LARGE:
                refused.append((place, outcome.detail))
            elif not outcome.delivered:
                # The address may fail over this body alone: its log names it so.
                named = f" (webhook-id {message.id})" if outcome.status else ""
                return Receipt(place, tuple(refused), f"{outcome.detail}{named}", outcome.wait)
        return Receipt(len(batch), tuple(refused))

    def close(self) -> None:
        """Close the connection."""
        self._line.close()

    def _sent(self, message: Message) -> Outcome:
        given = self._rendered(message)
        # The name of a header means the same in any case; one that is set goes before ours.
        set_by_name = {name.lower() for name in given}
        own = {name: value for name, value in self._own.items() if name.lower() not in set_by_name}
        request = http.Request(
            self._target.method, message.body, {**own, **given, "webhook-id": message.id}
        )
        try:
            return answers.by_itself(self._line.send(request), self._host, now=self._now)
        except TransportError as error:
            return error.outcome

    def _rendered(self, message: Message) -> dict[str, str]:
        made = self._headers.rendered(lambda tree: templates.render_tree(tree, message.context))
        values = sealed.unseal(made, self._environ)
        assert isinstance(values, Mapping)  # noqa: S101 - of ``headers``
        return {name: headers.value(str(value)) for name, value in values.items()}

    @cached_property
    def _own(self) -> dict[str, str]:
        text = "text/plain" if self._target.text else "application/json"
        return {"Content-Type": f"{text}; charset=utf-8"}
