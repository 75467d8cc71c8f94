"""A mail server on loopback (aiosmtpd): encryption, logins, and the refusals that it is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from tests.lib.certificates import server_context

USER = "eventlake"
PASSWORD = "pa55word-of-the-relay"  # noqa: S105 - of nobody


@dataclass
class MailServer:
    """What it refuses, and what it took."""

    recipients: dict[str, list[str]] = field(default_factory=dict)
    """Answers to a recipient, one a time, before it is taken."""
    data: list[str] = field(default_factory=list)
    """Answers to a text, one a time, before it is taken."""
    taken: list[tuple[list[str], EmailMessage]] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer RCPT."""
        del server, session, options
        if answers := self.recipients.get(address):
            return answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Session, envelope: Envelope
    ) -> str:
        """Answer DATA."""
        del server, session
        if self.data:
            return self.data.pop(0)
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.taken.append((list(envelope.rcpt_tos), message))
        return "250 OK"


def _login(server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> AuthResult:
    del server, session, envelope, mechanism
    right = isinstance(login, LoginPassword) and (login.login, login.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=right, handled=False)


class _AnyPort(Controller):
    """Listens on a port that is free, and calls itself there to see that it does."""

    def _trigger_server(self) -> None:
        listening: Any = self.server
        self.port = listening.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # of the library


@contextmanager
def serving(server: MailServer, *, tls: str = "starttls", size: int = 20_000_000) -> Iterator[int]:
    """Serve ``server`` and yield its port; logins are asked for where the line is encrypted."""
    context = server_context()
    more: dict[str, Any] = {"data_size_limit": size}
    if tls == "starttls":
        more |= {"tls_context": context, "require_starttls": True, "auth_required": True}
    if tls != "none":
        # The library does not see that a line is encrypted from its first byte.
        more |= {"authenticator": _login, "auth_require_tls": tls != "tls"}
    controller = _AnyPort(
        server,
        hostname="127.0.0.1",
        port=0,
        ssl_context=context if tls == "tls" else None,
        **more,
    )
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()
