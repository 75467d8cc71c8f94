"""One mail to one server: where it may go, how it is encrypted, and whom the server refused.

The steps are taken one by one, because it matters where they fail: before the text was
sent nobody has the mail, and after it nobody can know. A server may take a mail for some
recipients only; that is no error of the connection, so they are returned.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from etl.errors import quoted
from etl.log import redact
from etl.wire import reach, trust
from etl.wire.outcome import Kind, Outcome, TransportError

_TEMPORARY = range(400, 500)
_DONE = range(200, 300)
_GO_ON = 354
# Message size exceeds the limit: RFC 1870, and RFC 5321 for a full mailbox, which is one too.
_TOO_LARGE = 552


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server, and how it is spoken to; without ``user`` nobody logs in."""

    host: str
    port: int
    tls: Literal["starttls", "tls", "none"]
    user: str
    password: str
    allow_private: bool
    timeout: timedelta


@dataclass(frozen=True, slots=True)
class Refused:
    """A recipient that the server did not take, and why."""

    recipient: str
    code: int
    reason: str

    @property
    def temporary(self) -> bool:
        """Whether the server may take it later, as a full mailbox or a greylist says."""
        return self.code in _TEMPORARY


def send(
    message: bytes,
    *,
    sender: str,
    recipients: Sequence[str],
    server: Server,
    environ: Mapping[str, str],
) -> list[Refused]:
    """Send ``message``; return whom it was refused for. Raises ``TransportError`` if nobody got it."""
    host = server.host.encode("idna") if not server.host.isascii() else server.host.encode()
    addresses = reach.checked(host, server.port, allow_private=server.allow_private)
    stage = _Stage()
    try:
        with _connected(server, addresses, environ) as smtp:
            return _sent(smtp, message, sender=sender, recipients=recipients, stage=stage)
    except smtplib.SMTPResponseException as error:
        raise TransportError(_answered(error.smtp_code, error.smtp_error)) from None
    except (smtplib.SMTPException, OSError) as error:
        # Without the cause: an error of smtplib may hold what was sent, the login included.
        detail = f"{server.host}: {type(error).__name__} {quoted(redact(str(error)), 200)}"
        kind = Kind.UNKNOWN if stage.text_sent else Kind.TRANSIENT
        if isinstance(error, smtplib.SMTPNotSupportedError):
            kind = Kind.PERMANENT
        raise TransportError(Outcome(kind, detail.strip())) from None


@dataclass(slots=True)
class _Stage:
    """How far the conversation got."""

    text_sent: bool = False


class _Plain(smtplib.SMTP):
    """Connects to a checked address, while the name stays that of the server."""

    address = ""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        del host
        return socket.create_connection((self.address, port), timeout)


class _Encrypted(_Plain):
    """The same, encrypted from the first byte."""

    context: ssl.SSLContext

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = super()._get_socket(host, port, timeout)
        return self.context.wrap_socket(plain, server_hostname=host)


def _connected(
    server: Server, addresses: Sequence[str], environ: Mapping[str, str]
) -> smtplib.SMTP:
    """Connect, encrypt and log in; the next address is tried while nobody answers."""
    for number, address in enumerate(addresses, start=1):
        kind = _Encrypted if server.tls == "tls" else _Plain
        made = type(kind.__name__, (kind,), {"address": address, "context": trust.context(environ)})
        try:
            smtp: smtplib.SMTP = made(
                server.host, server.port, timeout=server.timeout.total_seconds()
            )
        except OSError:
            # smtplib's own errors are of this class, too; the last one tells.
            if number == len(addresses):
                raise
            continue
        try:
            smtp.ehlo_or_helo_if_needed()
            if server.tls == "starttls":
                # Refused where the server offers none: a mail in the clear is not what was asked for.
                smtp.starttls(context=trust.context(environ))
            if server.user:
                smtp.login(server.user, server.password)
        except BaseException:
            smtp.close()
            raise
        return smtp
    raise AssertionError  # addresses is never empty


def _sent(
    smtp: smtplib.SMTP,
    message: bytes,
    *,
    sender: str,
    recipients: Sequence[str],
    stage: _Stage,
) -> list[Refused]:
    size = [f"SIZE={len(message)}"] if smtp.has_extn("size") else []
    code, reason = smtp.mail(sender, size)
    _expect(code, reason)
    refused = []
    for recipient in recipients:
        code, reason = smtp.rcpt(recipient)
        if code not in _DONE:
            refused.append(Refused(recipient, code, _text(reason)))
    if len(refused) == len(recipients):
        smtp.rset()
        return refused
    code, reason = smtp.docmd("DATA")
    if code != _GO_ON:
        _expect(code if code not in _DONE else 0, reason)
    # From here on a silence may mean that it was taken.
    stage.text_sent = True
    smtp.send(_quoted(message) + b".\r\n")
    code, reason = smtp.getreply()
    _expect(code, reason)
    return refused


def _quoted(message: bytes) -> bytes:
    """Return the text with CRLF at its end and its leading dots doubled, as SMTP wants them."""
    lines = message.replace(b"\r\n", b"\n").split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    return b"".join((b"." if line[:1] == b"." else b"") + line + b"\r\n" for line in lines)


def _expect(code: int, reason: bytes) -> None:
    if code not in _DONE:
        raise TransportError(_answered(code, reason))


def _answered(code: int, reason: bytes | str) -> Outcome:
    """Translate a refusal of the whole mail: only 4xx asks to come again."""
    detail = f"SMTP {code}: {_text(reason)}"
    if code == _TOO_LARGE:
        return Outcome(Kind.TOO_LARGE, detail, status=code)
    kind = Kind.TRANSIENT if code in _TEMPORARY else Kind.PERMANENT
    return Outcome(kind, detail, status=code)


def _text(reason: bytes | str) -> str:
    text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
    return quoted(redact(text), 200)
