"""Forwarding to an HTTP address: one request for each observation, over real sockets."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from etl.config.forwarding import HttpTarget, Target
from etl.forward.layout import Layout
from etl.forward.sending import Message, Receipt
from etl.forward.targets.http import HttpSender
from etl.log import redact
from etl.wire import answers, http
from etl.wire.outcome import Kind
from tests.lib.digests import NOW
from tests.lib.forwarded import OLD, row
from tests.lib.loopback import Answer, Delivery, LoopbackServer, Request

ENVIRON = {"KEY": "k3y-of-nobody", "URL_PATH": "s3cret-path-of-nobody-0123456789"}
Respond = Callable[[Request], Answer]


class Address:
    """An address that notes what it gets and answers by the event's message."""

    def __init__(self, **answers: Answer) -> None:
        """Answer 200 to all but the messages named."""
        self.heard: list[Request] = []
        self._answers = answers

    def take(self, request: Request) -> Answer:
        """Note a request."""
        self.heard.append(request)
        return self._answers.get(json.loads(request.body)["message"], Answer(200))

    @property
    def messages(self) -> list[str]:
        """What came, in order."""
        return [json.loads(request.body)["message"] for request in self.heard]


def sent(respond: Respond, batch: Sequence[Message], **settings: Any) -> tuple[Receipt, int]:
    """Send ``batch`` to a server; return the receipt, and how many connections were made."""
    connections: set[object] = set()
    with LoopbackServer(respond) as server:
        accept = server._server.get_request  # noqa: SLF001 - the one place that sees connections

        def counted() -> tuple[Any, Any]:
            made = accept()
            connections.add(made[1])
            return made

        server._server.get_request = counted  # type: ignore[method-assign] # noqa: SLF001
        given = {"url": f"{server.url}/in", "allow_http": True, "allow_private": True, **settings}
        sender = HttpSender(HttpTarget(**given), ENVIRON, NOW)
        receipt = sender.send(batch)
        sender.close()
    return receipt, len(connections)


def batch(*texts: str, **settings: Any) -> list[Message]:
    """Return a message for each text."""
    layout = Layout(Target(name="it", **settings))
    return [layout.message(row(OLD, uid=text, message=text)) for text in texts]


def test_each_observation_is_one_request_on_one_connection() -> None:
    """They come in order, as JSON under the name of the observation, and a connection is kept."""
    address = Address()
    messages = batch(*"abcdefgh")
    assert sent(address.take, messages) == (Receipt(8), 1)
    assert address.messages == list("abcdefgh")
    first = address.heard[0]
    assert (first.method, first.path) == ("POST", "/in")
    assert first.headers["content-type"] == "application/json; charset=utf-8"
    assert [r.headers["webhook-id"] for r in address.heard] == [m.id for m in messages]
    assert json.loads(first.body)["clusterName"] == "prod"


def test_headers_are_templates_in_which_no_event_reads_the_environment() -> None:
    """Values come from the event and from the environment; what a stranger wrote stays text, in one line."""
    address = Address()
    hostile = "${KEY} {{ 1 }}\r\nX-Evil: 1 中"
    receipt, _ = sent(
        address.take,
        batch(hostile),
        method="PUT",
        headers={
            "X-Key": "Key ${KEY}$$",
            "X-Message": "{{ event.message }}",
            "content-TYPE": "application/x-ndjson",
        },
    )
    assert receipt == Receipt(1)
    (request,) = address.heard
    assert request.method == "PUT"
    assert request.headers["x-key"] == "Key k3y-of-nobody$"
    assert request.headers["x-message"] == "${KEY} {{ 1 }}  X-Evil: 1 ?"
    assert request.headers["content-type"] == "application/x-ndjson"
    assert "x-evil" not in request.headers


@pytest.mark.parametrize(
    ("said", "settled", "refused", "failure", "wait"),
    [
        ({"errcode": 0, "errmsg": "ok"}, 3, 0, "", None),
        ({"errcode": 93000, "errmsg": "invalid webhook url"}, 1, 0, "errcode 93000: invalid", None),
        ({"errcode": 45009, "errmsg": "api freq out of limit"}, 1, 0, "errcode 45009", 25),
        ({"errcode": 45002, "errmsg": "content size"}, 3, 1, "", None),
        ({"ok": False, "error": "channel_not_found"}, 1, 0, "ok is false: channel_not", None),
        ({"code": 200, "msg": "success"}, 3, 0, "", None),
        ({"ok": True}, 3, 0, "", None),
    ],
)
def test_a_200_that_says_no_is_no_delivery(
    said: dict[str, Any], settled: int, refused: int, failure: str, wait: int | None
) -> None:
    """Robots answer 200 to everything: what their body refuses is not counted as sent, and comes again."""
    address = Address(b=Answer(200, json.dumps(said).encode()))
    receipt, _ = sent(address.take, batch("a", "b", "c"))
    assert (receipt.settled, len(receipt.refused)) == (settled, refused)
    assert receipt.failure.startswith(failure)
    assert bool(receipt.failure) is bool(failure)
    assert receipt.wait == (timedelta(seconds=wait) if wait else None)


def test_a_robot_of_feishu_is_known_by_its_address() -> None:
    """Its word ``code`` means a status to others, so only its own answers are read by it."""
    answer = http.Answer(200, {}, b'{"code": 19001, "msg": "param invalid"}')
    assert answers.by_itself(answer, "open.feishu.cn", now=NOW).kind is Kind.PERMANENT
    page = http.Answer(200, {}, b"<html>sign in</html>")
    assert answers.by_itself(page, "open.feishu.cn", now=NOW).kind is Kind.UNKNOWN
    assert answers.by_itself(answer, "open.feishu.cn.example", now=NOW).kind is Kind.OK


def test_a_body_that_is_text() -> None:
    """``text`` is sent as plain text."""
    heard: list[Request] = []

    def take(request: Request) -> Answer:
        heard.append(request)
        return Answer(202)

    text = "{{ event.reason }}: {{ event.message }}"
    messages = batch("a\nb", http=HttpTarget(text=text))
    assert sent(take, messages, text=text)[0] == Receipt(1)
    assert heard[0].body == b"BackOff: a\nb"
    assert heard[0].headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_is_refused_for_itself_does_not_hold_the_rest(status: int) -> None:
    """A body that the address refuses is refused with its reason; what follows is delivered."""
    address = Address(b=Answer(status, b"no such field"))
    receipt, _ = sent(address.take, batch(*"abc"))
    assert receipt == Receipt(3, ((1, f"HTTP {status}: no such field"),))
    assert address.messages == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("answer", "failure", "wait"),
    [
        (Answer(503, b"busy", {"Retry-After": "7"}), "HTTP 503: busy", timedelta(seconds=7)),
        (Answer(429), "HTTP 429", None),
        (Answer(500), "HTTP 500", None),
        # The way is wrong, not the message: a key that ran out must not cost a day of events.
        (Answer(401, b"who?"), "HTTP 401: who?", None),
        (Answer(404), "HTTP 404", None),
        (Answer(302), "HTTP 302: redirects are not followed; set the final address", None),
    ],
    ids=["busy", "too many", "broken", "key", "path", "redirect"],
)
def test_what_may_succeed_later_is_not_given_up(
    answer: Answer, failure: str, wait: timedelta | None
) -> None:
    """Nothing after it is sent, so that the order is kept; what came before is settled."""
    address = Address(b=Answer(400), c=answer)
    messages = batch(*"abcd")
    receipt, _ = sent(address.take, messages)
    named = f"{failure} (webhook-id {messages[2].id})"
    assert receipt == Receipt(2, ((1, "HTTP 400"),), named, wait)
    assert address.messages == ["a", "b", "c"]


def test_a_connection_that_broke_is_made_anew() -> None:
    """A server that closes connections as it likes gets every message; one that never answers is a failure."""
    closing = Delivery(end="close")
    address = Address(**{text: Answer(200, delivery=closing) for text in "bd"})
    receipt, connections = sent(address.take, batch(*"abcde"))
    assert receipt == Receipt(5)
    assert connections == 3
    assert address.messages == list("abcde")
    silent = Address(b=Answer(200, delivery=Delivery(silent=True, end="close")))
    receipt, _ = sent(silent.take, batch(*"abc"))
    assert receipt.settled == 1
    assert "but no answer came" in receipt.failure
    # Once on the connection that was kept, once on a new one.
    assert silent.messages == ["a", "b", "b"]


def test_nobody_is_there() -> None:
    """A refused connection settles nothing, and its message shows no secret."""
    with LoopbackServer(lambda _: Answer(200)) as server:
        url = f"{server.url}/${{URL_PATH}}"
    target = HttpTarget(url=url, allow_http=True, allow_private=True)
    receipt = HttpSender(target, ENVIRON, NOW).send(batch("a"))
    assert receipt.settled == 0
    assert receipt.failure.startswith("cannot reach http://127.0.0.1")
    assert "s3cret" not in receipt.failure


def test_addresses_are_guarded() -> None:
    """A private address is refused unless that is said, before anything is sent."""
    address = Address()
    receipt, _ = sent(address.take, batch("a"), allow_private=False)
    assert receipt.settled == 0
    assert "allow_private" in receipt.failure
    assert not address.heard


def test_secrets_stay_secret(caplog: pytest.LogCaptureFixture) -> None:
    """An address and a key that a server repeats in its refusal are blanked."""

    def echo(request: Request) -> Answer:
        return Answer(400, f"{request.target} {request.headers}".encode())

    with caplog.at_level(logging.DEBUG), LoopbackServer(echo) as server:
        target = HttpTarget(
            url=f"{server.url}/${{URL_PATH}}",
            headers={"X-Key": "${KEY}"},
            allow_http=True,
            allow_private=True,
        )
        sender = HttpSender(target, ENVIRON, NOW)
        ((_, reason),) = sender.send(batch("a")).refused
        sender.close()
    told = reason + redact(caplog.text)
    assert "[redacted]" in reason
    assert not any(secret in told for secret in ENVIRON.values())


def test_a_header_that_fails_on_an_event_is_refused_with_it() -> None:
    """A template that one event breaks costs that event's request and no other."""
    address = Address()
    header = {"X-Part": "{{ event.message.split('/')[1] }}"}
    receipt, _ = sent(address.take, batch("a/b", "c", "d/e"), headers=header)
    assert receipt.settled == 3
    ((place, reason),) = receipt.refused
    assert place == 1
    assert reason.startswith("headers: the template")
    assert address.messages == ["a/b", "d/e"]
