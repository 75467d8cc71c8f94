"""No secret of any receiver is in a log, an error, the outbox or the health of the next digest, whatever fails."""

from __future__ import annotations

import base64
import logging
from pathlib import Path

import msgspec
import pytest

from etl import log
from etl.alerts import deliver
from etl.alerts.receivers import placed
from etl.alerts.receivers.explain import explained
from etl.alerts.receivers.target import Chart, Outside
from etl.alerts.receivers.trial import tried
from etl.config.receivers import AlertmanagerConfig, EmailConfig, PagerdutyConfig, Receiver
from etl.config.settings import Settings
from tests.functional.test_chats import KINDS
from tests.lib import chats, mailserver
from tests.lib.digests import MORNING
from tests.lib.loopback import Answer, Delivery, LoopbackServer, Request
from tests.lib.mailserver import MailServer
from tests.lib.robot import KEY
from tests.lib.sending import chat, sender, webhook

TOKEN = "tok-5e6f7a8b9c0d1e2f"  # noqa: S105 - of nobody
ROUTING = "R0UTING0KEY0OF0NOBODY0123456789A"
WHSEC = "whsec_" + base64.b64encode(b"a secret of twenty-four b").decode()


def echo(request: Request) -> Answer:
    """Refuse, repeating all that was sent, as some proxies do."""
    return Answer(400, f"{request.target} {request.headers}".encode() + request.body)


def silent(_request: Request) -> Answer:
    """Take the request and end the connection."""
    return Answer(200, delivery=Delivery(silent=True, end="close"))


def receivers(base: str) -> tuple[list[Receiver], list[str]]:
    """Return every kind of receiver that has a secret, all at one server, and the secrets."""
    drawn = {"chart": True}
    made = [
        chat(kind, fake().address(base), **(drawn if kind in {"discord", "telegram"} else {}))
        for kind, fake in KINDS.items()
    ]
    made.append(chat("wecom", f"{base}/cgi-bin/webhook/send?key={KEY}", **drawn))
    pager = PagerdutyConfig(
        routing_key=ROUTING, api_url=f"{base}/v2", allow_http=True, allow_private=True
    )
    made.append(Receiver(name="oncall", pagerduty_configs=[pager]))
    alerts = AlertmanagerConfig(
        url=base,
        bearer_token="${T}-am",  # noqa: S106 - of nobody
        allow_http=True,
        allow_private=True,
    )
    made.append(Receiver(name="alerts", alertmanager_configs=[alerts]))
    made.append(
        webhook(
            f"{base}/hook/{TOKEN}x",
            headers={"Authorization": "Bearer ${T}"},
            payload={"key": "${T}"},
            signing_secret=WHSEC,
        )
    )
    found = [
        KEY,
        ROUTING,
        TOKEN,
        WHSEC,
        WHSEC[6:],
        chats.SECRET,
        chats.Dingtalk.KEY,
        chats.Telegram.KEY,
    ]
    parts = [part for fake in KINDS.values() for part in fake.PATH.split("/")]
    return made, [*found, *(part for part in parts if len(part) > 15)]


@pytest.mark.parametrize("answer", [echo, silent])
def test_no_secret_of_a_chat_is_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, answer: object
) -> None:
    """A counterpart that repeats everything, and one that says nothing, bring no secret to light."""
    log.configure()
    logging.getLogger(log.ROOT).propagate = True
    caplog.set_level(logging.DEBUG)
    with LoopbackServer(answer) as server:  # type: ignore[arg-type]
        given, secrets = receivers(server.url)
        made = sender(tmp_path, *given, T=TOKEN)
        made.chart = Chart(b"\x89PNG once", b"\x89PNG again")
        outside = Outside({"T": TOKEN}, made.stream, chart=made.chart)
        first, later = made.send(MORNING), made.send_pending()
        told = [
            explained(item.target.kind, outcome)
            for item in placed(Settings(receivers=given), outside)
            for outcome in tried(item, MORNING, now=made.now, sleep=made.pauses.append)
        ]
    assert {failure.target for failure in first.failures} == {one.name for one in given}
    written = [
        caplog.text,
        made.stream.getvalue(),
        str(first.error()),
        str(later.error()),
        *told,
        *deliver.health(made.files, made.now),
        *(made.files.read(path).decode() for path in made.files.list("outbox")),
    ]
    assert len("".join(written)) > 10_000
    for secret in secrets:
        assert len(secret) > 15
        for text in written:
            assert secret not in text


def test_no_password_of_a_mail_server_is_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the password nor what it becomes on the wire."""
    log.configure()
    logging.getLogger(log.ROOT).propagate = True
    caplog.set_level(logging.DEBUG)
    config = EmailConfig(
        host="localhost",
        sender="a@example.com",
        to=["b@example.com"],
        username="somebody-else",
        password=TOKEN,
        tls="tls",
        allow_private=True,
    )
    with mailserver.serving(MailServer(), tls="none") as port:
        config = msgspec.structs.replace(config, port=port)
        made = sender(tmp_path, Receiver(name="mail", email_configs=[config]))
        delivery = made.send(MORNING)
    outbox = [made.files.read(path).decode() for path in made.files.list("outbox")]
    written = "".join([caplog.text, str(delivery.error()), *outbox])
    for secret in (TOKEN, base64.b64encode(TOKEN.encode()).decode().rstrip("=")):
        assert secret not in written
