"""Mails against a real mail server: what arrives, who is refused, and what is kept for whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from etl.alerts import deliver
from etl.config.receivers import EmailConfig, Receiver
from etl.timespan import Duration
from tests.lib import certificates, mailserver
from tests.lib.digests import HOSTILE_100K, MORNING, QUIET, crowded, strange
from tests.lib.mailserver import PASSWORD, USER, MailServer
from tests.lib.sending import Sender, sender

PAGE = b"<!DOCTYPE html><title>page</title>" + b"<p>event</p>" * 5000


def mail(port: int, **more: Any) -> Receiver:
    """Return a receiver behind a mail server on loopback."""
    given = {
        "username": USER,
        "password": PASSWORD,
        "to": ["li@example.com", "na@example.com"],
        "timeout": Duration(seconds=5),
        **more,
    }
    config = EmailConfig(
        host="localhost",
        port=port,
        sender="K8s <k8s@example.com>",
        allow_private=True,
        **given,
    )
    return Receiver(name="mail", email_configs=[config])


def made(folder: Path, receiver: Receiver) -> Sender:
    """Return a sender that trusts the authority of the tests."""
    authorities = folder / "ca.pem"
    certificates.authority().cert_pem.write_to_path(str(authorities))
    return sender(folder / "lake", receiver, SSL_CERT_FILE=str(authorities))


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_mail_has_text_html_and_the_page(tmp_path: Path, tls: str) -> None:
    """One mail to all, encrypted and logged in, with an id of its own and the page attached."""
    server = MailServer()
    with mailserver.serving(server, tls=tls) as port:
        run = made(tmp_path, mail(port, tls=tls))
        run.page = lambda: PAGE
        assert run.send(MORNING).failures == ()
    ((recipients, message),) = server.taken
    assert recipients == ["li@example.com", "na@example.com"]
    assert message["Subject"] == "[eventlake] prod: 1 critical, 2 warning"
    assert message["From"] == "K8s <k8s@example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    name = Path(run.files.list("outbox/delivered")[0]).stem
    assert message["Message-ID"] == f"<{name}@example.com>"
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text
    assert html
    assert "12 OOM kills on node-a" in text.get_content()
    assert "<table" in html.get_content()
    (page,) = message.iter_attachments()
    assert page.get_filename() == "eventlake.html"
    assert page.get_content().encode().rstrip() == PAGE


def test_the_worst_text_is_shown_as_it_is(tmp_path: Path) -> None:
    """Markup of strangers is text in the mail, and no header can be added by it."""
    server = MailServer()
    with mailserver.serving(server) as port:
        assert made(tmp_path, mail(port)).send(strange(HOSTILE_100K)).failures == ()
    ((_, message),) = server.taken
    html = message.get_body(("html",))
    assert html
    assert "<at id" not in html.get_content()
    assert "<img" not in html.get_content()
    assert "\n" not in message["Subject"]
    assert len(html.get_content().encode()) < 102_000


def test_whom_the_server_refuses_for_now_gets_it_later(tmp_path: Path) -> None:
    """A partial refusal is a failure for those alone; the others have theirs and get it once."""
    server = MailServer(recipients={"na@example.com": ["451 greylisted"] * 6})
    with mailserver.serving(server) as port:
        run = made(tmp_path, mail(port))
        failure = run.send(QUIET).failures[0]
        assert not failure.dead
        assert "na@example.com: SMTP 451 greylisted" in failure.detail
        assert run.send_pending().delivered == ("mail",)
    assert [to for to, _ in server.taken] == [["li@example.com"], ["na@example.com"]]
    assert len({message["Message-ID"] for _, message in server.taken}) == 1


def test_whom_the_server_does_not_know_is_named_in_the_health(tmp_path: Path) -> None:
    """An unknown recipient is a dead letter; who is known got the mail."""
    server = MailServer(recipients={"na@example.com": ["550 no such user"]})
    with mailserver.serving(server) as port:
        run = made(tmp_path, mail(port))
        failure = run.send(QUIET).failures[0]
    assert failure.dead
    assert [to for to, _ in server.taken] == [["li@example.com"]]
    assert "na@example.com: SMTP 550 no such user" in deliver.health(run.files, run.now)[0]


@pytest.mark.parametrize(
    ("answer", "pauses", "dead"),
    [("452 try later", [1], 0), ("550 spam", [], 1), ("552 too large", [], 0)],
)
def test_each_refusal_of_a_mail_ends_as_it_should(
    tmp_path: Path, answer: str, pauses: list[float], dead: int
) -> None:
    """Temporary: again; for good: dead; too large: again at once, without the page."""
    server = MailServer(data=[answer])
    with mailserver.serving(server) as port:
        run = made(tmp_path, mail(port))
        run.page = lambda: PAGE
        run.send(crowded(30))
        assert run.pauses == pauses
        assert len(run.files.list("outbox/dead")) == dead
    attachments = [len(list(message.iter_attachments())) for _, message in server.taken]
    assert attachments == ([] if dead else [0 if "552" in answer else 1])


def test_a_server_says_how_large_a_mail_may_be(tmp_path: Path) -> None:
    """The size is announced, so that a large mail is refused before it travels, and goes without its page."""
    server = MailServer()
    with mailserver.serving(server, size=30_000) as port:
        run = made(tmp_path, mail(port))
        run.page = lambda: PAGE
        assert run.send(QUIET).delivered == ("mail",)
    assert [len(list(message.iter_attachments())) for _, message in server.taken] == [0]


def test_a_wrong_password_is_not_shown(tmp_path: Path) -> None:
    """The server's refusal is, and nothing was sent."""
    server, wrong = MailServer(), "wr0ng-password-of-li"
    with mailserver.serving(server) as port:
        run = made(tmp_path, mail(port, password=wrong))
        failure = run.send(QUIET).failures[0]
    assert "SMTP 535" in failure.detail
    assert wrong not in failure.detail
    assert server.taken == []


def test_without_encryption_nothing_is_sent(tmp_path: Path) -> None:
    """A server that offers no STARTTLS, or a certificate that nobody signed, gets no mail."""
    server = MailServer()
    with mailserver.serving(server, tls="none") as port:
        failure = made(tmp_path, mail(port)).send(QUIET).failures[0]
        assert "STARTTLS" in failure.detail
    with mailserver.serving(server, tls="tls") as port:
        stranger = sender(tmp_path / "other", mail(port, tls="tls"))
        assert "certificate verify failed" in stranger.send(QUIET).failures[0].detail
    assert server.taken == []


def test_a_plain_server_of_your_own_is_possible(tmp_path: Path) -> None:
    """With tls: none and nobody to log in, and only where private addresses are allowed."""
    server = MailServer()
    with mailserver.serving(server, tls="none") as port:
        plain = {"tls": "none", "username": "", "password": ""}
        assert made(tmp_path, mail(port, **plain)).send(QUIET).delivered == ("mail",)
        public = sender(tmp_path / "other", mail(port, **plain))
        config = public.receivers[0].email_configs[0]
        config = msgspec.structs.replace(config, allow_private=False)
        public.receivers[:] = [Receiver(name="mail", email_configs=[config])]
        assert "allow_private" in public.send(QUIET).failures[0].detail
    assert len(server.taken) == 1
