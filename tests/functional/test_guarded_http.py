"""Requests to receivers over real sockets: where they go, what comes back, and what each answer means."""

from __future__ import annotations

import socket
import time
from datetime import timedelta
from pathlib import Path

import pytest

from etl.wire import http
from etl.wire.http import Guard, Request
from etl.wire.outcome import Kind, Outcome, TransportError
from tests.lib import loopback
from tests.lib.certificates import authority
from tests.lib.digests import NOW, moment
from tests.lib.loopback import Delivery, LoopbackServer

OPEN = Guard(allow_http=True, allow_private=True, timeout=timedelta(seconds=5))
HASTY = Guard(allow_http=True, allow_private=True, timeout=timedelta(seconds=0.3))
STRICT = Guard(allow_http=False, allow_private=False, timeout=timedelta(seconds=5))
REQUEST = Request("POST", b"{}", {"Content-Type": "application/json"})


def answering(answer: loopback.Answer) -> LoopbackServer:
    """Return a server that always gives one answer."""
    return LoopbackServer(lambda _: answer)


def failed(url: str, guard: Guard, environ: dict[str, str] | None = None) -> Outcome:
    """Return the outcome of a request that gets no answer."""
    with pytest.raises(TransportError) as caught:
        http.send(REQUEST, url, guard, environ=environ or {})
    return caught.value.outcome


def test_a_request_arrives_as_it_was_made() -> None:
    """Method, path, query, headers and body reach the receiver; the answer comes back."""
    with LoopbackServer(lambda r: loopback.Answer(200, r.body, {"X-Seen": r.method})) as server:
        made = http.send(
            Request("PUT", "中".encode(), {"X-Env": "prod"}),
            f"{server.url}/a/b?key=1",
            OPEN,
            environ={},
        )
    assert (made.status, made.body, made.headers["x-seen"]) == (200, "中".encode(), "PUT")
    assert server.requests[0].path == "/a/b"
    assert server.requests[0].query == {"key": "1"}
    assert server.requests[0].headers["x-env"] == "prod"
    assert server.requests[0].headers["host"] == f"127.0.0.1:{server.port}"


def test_userinfo_becomes_basic_auth() -> None:
    """Credentials in the address are sent as a header, not in the request line."""
    with answering(loopback.Answer(200)) as server:
        http.send(REQUEST, server.url.replace("//", "//li:pass@") + "/x", OPEN, environ={})
    assert server.requests[0].headers["authorization"] == "Basic bGk6cGFzcw=="


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (200, {}, Kind.OK),
        (204, {}, Kind.OK),
        (202, {}, Kind.ACCEPTED),
        (302, {"Location": "http://127.0.0.1:1/"}, Kind.PERMANENT),
        (307, {"Location": "http://127.0.0.1:1/"}, Kind.PERMANENT),
        (400, {}, Kind.PERMANENT),
        (404, {}, Kind.PERMANENT),
        (408, {}, Kind.TRANSIENT),
        (410, {}, Kind.PERMANENT),
        (413, {}, Kind.TOO_LARGE),
        (429, {}, Kind.TRANSIENT),
        (429, {"Retry-After": "7"}, Kind.RETRY_AFTER),
        (500, {}, Kind.TRANSIENT),
        (503, {}, Kind.TRANSIENT),
        (503, {"Retry-After": "7"}, Kind.RETRY_AFTER),
    ],
)
def test_statuses_are_classed(status: int, headers: dict[str, str], kind: Kind) -> None:
    """Each status has one meaning; a redirect is a mistake in the address and is never followed."""
    with answering(loopback.Answer(status, b"" if status == 204 else b"why", headers)) as server:
        answer = http.send(REQUEST, server.url, OPEN, environ={})
    made = http.judge(answer, now=NOW)
    assert made.kind is kind
    assert made.status == status
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("Mon, 23 Nov 2026 01:06:00 GMT", 60),
        ("Mon, 23 Nov 2026 01:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("9" * 30, 999_999_999),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: int | None) -> None:
    """Both forms are read, a past date is no pause, nonsense counts as absent."""
    made = http.retry_after({"retry-after": value}, now=moment("2026-11-23T01:05"))
    assert made == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x",
        "https://localhost/x",
        "https://10.1.2.3/x",
        "https://192.168.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://100.100.100.200/latest/meta-data",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://[64:ff9b::7f00:1]/x",
        "https://[fe80::1]/x",
        "https://[fd00:ec2::254]/x",
        "https://0.0.0.0/x",
        "https://2130706433/x",
        "https://224.0.0.1/x",
    ],
)
def test_addresses_that_are_not_public_are_refused(url: str) -> None:
    """Loopback, private, link-local and metadata addresses need allow_private, however written."""
    made = failed(url, STRICT)
    assert made.kind is Kind.PERMANENT
    assert "allow_private" in made.detail


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://hooks.example/x", "allow_http"),
        ("ftp://hooks.example/x", "https://"),
        ("hooks.example", "https://"),
        ("https://", "https://"),
        ("https://exa mple/\x00", "not a URL"),
        ("https://a.example:99999999/x", "https://"),
    ],
)
def test_odd_addresses_are_refused_with_advice(url: str, said: str) -> None:
    """Plain http needs allow_http; what is no https address is said to be none."""
    made = failed(url, STRICT)
    assert made.kind is Kind.PERMANENT
    assert said in made.detail


def test_the_checked_address_is_the_one_that_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is resolved once: the connection goes to what was checked, the name stays in Host."""
    asked: list[str] = []

    def resolve(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    with answering(loopback.Answer(200)) as server:
        monkeypatch.setattr(socket, "getaddrinfo", _once_for("hook.invalid", resolve))
        http.send(REQUEST, f"http://hook.invalid:{server.port}/x", OPEN, environ={})
    assert asked == ["hook.invalid"]
    assert server.requests[0].headers["host"] == f"hook.invalid:{server.port}"


def test_a_kept_connection_is_checked_anew_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line asks one address on one connection; after a minute its name is looked up again, and must still be allowed."""
    asked: list[str] = []

    def resolve(_: str, port: int, **__: object) -> list[tuple[object, ...]]:
        asked.append("127.0.0.1")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    with answering(loopback.Answer(200)) as server:
        monkeypatch.setattr(socket, "getaddrinfo", _once_for("hook.invalid", resolve))
        line = http.Line(f"http://hook.invalid:{server.port}/x", OPEN, {})
        assert [line.send(REQUEST).status for _ in range(3)] == [200, 200, 200]
        assert len(asked) == 1
        monkeypatch.setattr(time, "monotonic", _later(61))
        assert line.send(REQUEST).status == 200
        assert len(asked) == 2
        line.close()
    assert len(server.requests) == 4


def _later(seconds: float) -> object:
    real = time.monotonic
    return lambda: real() + seconds


def _once_for(name: str, resolve: object) -> object:
    real = socket.getaddrinfo

    def chosen(host: str | bytes, *args: object, **kwargs: object) -> object:
        known = host in {name, name.encode()}
        return resolve(name, *args, **kwargs) if known else real(host, *args, **kwargs)  # type: ignore[operator, arg-type]

    return chosen


def test_one_private_address_among_public_ones_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that also points inside is not asked at all."""

    def resolve(_: str, port: int, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, 1, 6, "", (ip, port)) for ip in ("93.184.216.34", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", _once_for("hook.invalid", resolve))
    assert "allow_private" in failed("https://hook.invalid/x", STRICT).detail


def test_a_second_address_is_tried_when_the_first_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where IPv6 leads nowhere, IPv4 gets the message, once."""

    def resolve(_: str, port: int, **__: object) -> list[tuple[object, ...]]:
        return [(0, 1, 6, "", (ip, port)) for ip in ("::1", "127.0.0.1")]

    with answering(loopback.Answer(200)) as server:
        monkeypatch.setattr(socket, "getaddrinfo", _once_for("hook.invalid", resolve))
        http.send(REQUEST, f"http://hook.invalid:{server.port}/x", OPEN, environ={})
    assert len(server.requests) == 1


def test_tls_is_checked_against_the_name(tmp_path: Path) -> None:
    """SSL_CERT_FILE adds an authority; the certificate must still be the host's."""
    file = tmp_path / "ca.pem"
    authority().cert_pem.write_to_path(str(file))
    environ = {"SSL_CERT_FILE": str(file)}
    with LoopbackServer(lambda _: loopback.Answer(200), tls=True) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        assert http.send(REQUEST, url, OPEN, environ=environ).status == 200
        made = failed(url, OPEN)
    assert made.kind is Kind.TRANSIENT
    assert "CERTIFICATE_VERIFY_FAILED" in made.detail


def test_a_proxy_of_the_environment_is_used_and_can_be_exempted() -> None:
    """HTTP_PROXY gets the request by name; NO_PROXY leaves hosts, domains and networks out."""
    with answering(loopback.Answer(200, b"proxied")) as proxy:
        environ = {"HTTP_PROXY": proxy.url, "NO_PROXY": "127.0.0.0/8,.internal"}
        made = http.send(REQUEST, "http://hook.invalid/x", OPEN, environ=environ)
        assert made.body == b"proxied"
        assert proxy.requests[0].headers["host"] == "hook.invalid"
        with answering(loopback.Answer(200, b"direct")) as server:
            assert http.send(REQUEST, server.url, OPEN, environ=environ).body == b"direct"
    assert "cannot resolve" in failed("http://a.internal/x", OPEN, environ).detail


def test_a_proxy_does_not_open_literal_private_addresses() -> None:
    """What can be checked without resolving is checked behind a proxy too."""
    environ = {"https_proxy": "http://127.0.0.1:9"}
    for url in ("https://169.254.169.254/x", "https://localhost/x"):
        assert "allow_private" in failed(url, STRICT, environ).detail


def test_nobody_there_is_transient() -> None:
    """A refused connection and an unknown name are worth another try."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert failed(f"http://127.0.0.1:{port}/secret-path", OPEN).kind is Kind.TRANSIENT
    assert failed("http://no-such-host.invalid/x", OPEN).kind is Kind.TRANSIENT


@pytest.mark.parametrize(
    "delivery",
    [
        Delivery(silent=True, wait=3),
        Delivery(silent=True, end="close"),
        Delivery(silent=True, end="reset"),
        Delivery(cut=3, framing="length", end="close"),
    ],
)
def test_a_request_without_an_answer_is_unknown(delivery: Delivery) -> None:
    """It was sent, so it may have arrived: hang, disconnect, reset and a torn answer."""
    with answering(loopback.Answer(200, b'{"errcode":0}', delivery=delivery)) as server:
        made = failed(f"{server.url}/send?key=top-secret-key", HASTY)
    assert made.kind is Kind.UNKNOWN
    assert "top-secret-key" not in made.detail
    assert f"http://127.0.0.1:{server.port}/…" in made.detail


def test_a_flood_is_not_read() -> None:
    """Of a body without end 64 KB are taken; the status still counts."""
    flood = loopback.Answer(200, (b"x" * 65_536 for _ in range(50)))
    with answering(flood) as server:
        made = http.send(REQUEST, server.url, OPEN, environ={})
    assert len(made.body) == http.ANSWER_BYTES


def test_a_body_that_trickles_ends_at_the_deadline() -> None:
    """A status is an answer, whatever its body does afterwards."""
    drip = Delivery(piece=1, pause=0.05, framing="length")
    with answering(loopback.Answer(200, b"x" * 1000, delivery=drip)) as server:
        made = http.send(REQUEST, server.url, HASTY, environ={})
    assert made.status == 200
    assert len(made.body) < 1000
