"""Sends the digest by mail: as text and as HTML, with the page attached.

The mail's id is that of the delivery, so a repeat is the same mail to a mail program. What a
server takes for some recipients only is sent again, or given up, for the others alone.
"""

from __future__ import annotations

import base64
import binascii
import gzip
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import ClassVar

from etl.alerts import render
from etl.alerts.dialects import Dialect, Plain
from etl.alerts.markups import Html
from etl.alerts.model import Digest
from etl.alerts.receivers.chat import CHART
from etl.alerts.receivers.target import Outside, Part, budget_at, text_of
from etl.config.receivers import EmailConfig
from etl.wire import escaping, secrets, smtp
from etl.wire.budget import size
from etl.wire.outcome import Kind, Outcome

# Beyond 102 KB some mail programs hide the end of a mail.
_BODY_BYTES = 90_000
# Grown by a third on its way; ten megabytes are what most servers take.
_PAGE_BYTES = 7_000_000
_COLUMNS = 78
_END = "</body></html>"
_CID = "chart@eventlake"
_IMAGE = (
    f'<p><img src="cid:{_CID}" alt="Events over time" width="720" style="max-width:100%"></p>\n'
)
_STYLE = "font:14px/1.45 -apple-system,'Segoe UI',Roboto,sans-serif;color:#222;max-width:60em"


class Mail:
    """Recipients behind one mail server."""

    kind: ClassVar[str] = "email"
    spacing: ClassVar[timedelta] = timedelta(0)

    def __init__(self, config: EmailConfig, outside: Outside) -> None:
        """Speak to the server that ``config`` names."""
        self._config = config
        self._outside = outside

    @property
    def patience(self) -> timedelta:
        """The configured timeout, for each step of the conversation with the server."""
        return self._config.timeout * 4

    def prepare(self, digest: Digest, *, step: int = 0) -> list[Part]:
        """Return one mail; after a refusal for its size it has no page and no chart."""
        once = self._payload(digest, step, repeat=False)
        chart = self._outside.chart_for(digest, wanted=self._config.chart, step=step)
        once |= {"chart": base64.b64encode(chart.once).decode("ascii") if chart else ""}
        again = self._payload(digest, step, repeat=True)
        return [Part(once, {**again, "page": once["page"], "chart": once["chart"]})]

    def send(self, payload: object, *, delivery_id: str, repeat: bool, now: datetime) -> Outcome:
        """Send the mail to whom it is still owed."""
        del repeat
        assert isinstance(payload, Mapping)  # noqa: S101 - of ``prepare``
        config = self._config
        recipients = [str(recipient) for recipient in payload["to"]]
        refused = smtp.send(
            self._message(payload, delivery_id, now),
            sender=parseaddr(config.sender)[1],
            recipients=recipients,
            server=smtp.Server(
                host=config.host,
                port=config.port,
                tls=config.tls,
                user=secrets.expand(config.username, self._outside.environ),
                password=self._password(),
                allow_private=config.allow_private,
                timeout=config.timeout,
            ),
            environ=self._outside.environ,
        )
        return _judged(refused)

    def preview(self, digest: Digest) -> str:
        """Return subject and text."""
        return f"Subject: {self._subject(digest)}\n\n{_text(digest, Plain(_COLUMNS), _BODY_BYTES)}"

    def address(self) -> str:
        """Return the server."""
        return f"{self._config.host}:{self._config.port}"

    def _payload(self, digest: Digest, step: int, *, repeat: bool) -> dict[str, object]:
        limit = budget_at(_BODY_BYTES, step)
        html = _text(digest, Html(), limit, repeat=repeat)
        return {
            "to": list(self._config.to),
            "subject": self._subject(digest),
            "text": _text(digest, Plain(_COLUMNS), limit, repeat=repeat),
            "html": f'<!DOCTYPE html><html><body style="{_STYLE}">\n{html}\n{_END}',
            "page": "" if step or not self._config.attach_page else self._page(),
        }

    def _subject(self, digest: Digest) -> str:
        return escaping.one_line(f"{self._config.subject_prefix}{render.title(digest)}")

    def _page(self) -> str:
        """Return the page packed; empty where there is none, or none that a server takes."""
        page = self._outside.page()
        if page is None or len(page) > _PAGE_BYTES:
            return ""
        return base64.b64encode(gzip.compress(page, mtime=0)).decode("ascii")

    def _password(self) -> str:
        return secrets.value(
            text=self._config.password,
            file=self._config.password_file,
            environ=self._outside.environ,
        )

    def _message(self, payload: Mapping[str, object], delivery_id: str, now: datetime) -> bytes:
        message = EmailMessage()
        name, sender = parseaddr(self._config.sender)
        message["Subject"] = text_of(payload, "subject")
        message["From"] = Address(name or "eventlake", addr_spec=sender)
        message["To"] = ", ".join(self._config.to)
        message["Date"] = format_datetime(now)
        message["Message-ID"] = f"<{delivery_id}@{sender.rpartition('@')[2]}>"
        # Nobody's holiday notice answers a machine.
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message.set_content(text_of(payload, "text"), cte="quoted-printable")
        chart = _decoded(text_of(payload, "chart"))
        html = text_of(payload, "html")
        if chart:
            html = html.replace(_END, f"{_IMAGE}{_END}")
        message.add_alternative(html, subtype="html", cte="quoted-printable")
        if chart:
            # Beside the HTML that shows it: so no program lists it as an attachment.
            beside = message.get_body(("html",))
            assert isinstance(beside, EmailMessage)  # noqa: S101 - made above
            beside.add_related(
                chart, "image", "png", cid=f"<{_CID}>", filename=CHART, disposition="inline"
            )
        if page := _unpacked(text_of(payload, "page")):
            message.add_attachment(page, maintype="text", subtype="html", filename="eventlake.html")
        return message.as_bytes()


def _text(digest: Digest, dialect: Dialect, limit: int, *, repeat: bool = False) -> str:
    mark = dialect.line(render.repeat_mark(digest))
    (blocks,) = render.parts(
        digest,
        dialect,
        fits=lambda blocks: size(dialect.paragraph.join([mark, *blocks])) <= limit,
    )
    return dialect.paragraph.join([mark, *blocks] if repeat else blocks)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error:
        # A damaged attachment must not keep the mail back.
        return b""


def _unpacked(page: str) -> bytes:
    try:
        return gzip.decompress(base64.b64decode(page)) if page else b""
    except (binascii.Error, OSError, EOFError):
        # A damaged attachment must not keep the mail back.
        return b""


def _judged(refused: list[smtp.Refused]) -> Outcome:
    """Translate whom the server refused; the mail is still owed to them alone."""
    if not refused:
        return Outcome(Kind.OK)
    again = [one for one in refused if one.temporary]
    shown = "; ".join(f"{one.recipient}: SMTP {one.code} {one.reason}" for one in refused)
    return Outcome(
        Kind.TRANSIENT if again else Kind.PERMANENT,
        f"refused for {shown}",
        status=refused[0].code,
        owed=tuple(one.recipient for one in refused),
    )
