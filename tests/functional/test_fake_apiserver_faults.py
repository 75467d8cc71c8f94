"""Every fault that a test can order does what it says, on a real connection, plain and over TLS."""

from __future__ import annotations

import gzip
import json
import threading
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import IncompleteRead, RemoteDisconnected
from typing import Any

import pytest

from tests.lib import faults
from tests.lib.apiserver import ApiServer
from tests.lib.events import event
from tests.lib.loopback import Answer, LoopbackServer
from tests.lib.plain_client import ask, fetch

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)
EVENTS = "/api/v1/events"
GZIP = {"Accept-Encoding": "gzip"}
# The wire carries RST in both cases; Python's TLS layer shows one in mid-body as an early end.
RESET = {"http": (ConnectionResetError,), "https": (ConnectionResetError, IncompleteRead)}


@pytest.fixture(params=["http", "https"])
def server(request: pytest.FixtureRequest) -> Iterator[ApiServer]:
    """A fake with ten events, over HTTP and over TLS."""
    with ApiServer(tls=request.param == "https") as fake:
        for number in range(10):
            fake.add(event(f"web-{number}", at=AT))
        yield fake


def _whole(server: ApiServer) -> None:
    """The server is well again: the fault is used up and did no damage."""
    assert len(ask(server, EVENTS).json()["items"]) == 10


@pytest.mark.parametrize("retry_after", [3, "Mon, 23 Nov 2026 08:00:03 GMT", None])
def test_too_many_requests(retry_after: int | str | None, server: ApiServer) -> None:
    """429 comes as text, with Retry-After as ordered and the headers of the flow that was full."""
    server.faults.add(faults.too_many_requests(retry_after), times=2)
    replies = [ask(server, EVENTS) for _ in range(2)]
    assert [reply.status for reply in replies] == [429, 429]
    assert replies[0].headers.get("Retry-After") == (str(retry_after) if retry_after else None)
    assert "X-Kubernetes-Pf-Flowschema-Uid" in replies[0].headers
    assert replies[0].body == b"Too many requests, please try again later.\n"
    _whole(server)


@pytest.mark.parametrize("status", [500, 503, 504])
def test_failure_is_a_status(status: int, server: ApiServer) -> None:
    """A failing API server answers with a Status of the code, and Retry-After if ordered."""
    server.faults.add(faults.failing(status, retry_after=2))
    reply = ask(server, EVENTS)
    assert (reply.status, reply.json()["code"], reply.headers["Retry-After"]) == (
        status,
        status,
        "2",
    )
    _whole(server)


def test_bad_gateway_is_a_page(server: ApiServer) -> None:
    """A proxy in front of a dead API server answers 502 with HTML."""
    server.faults.add(faults.failing(502))
    reply = ask(server, EVENTS)
    assert (reply.status, reply.headers["Content-Type"]) == (502, "text/html")
    assert b"502 Bad Gateway" in reply.body
    _whole(server)


def test_proxy_page_with_success(server: ApiServer) -> None:
    """A login portal answers 200 with HTML."""
    server.faults.add(faults.proxy_page())
    reply = ask(server, EVENTS)
    assert reply.status == 200
    assert reply.body.startswith(b"<html>")
    _whole(server)


def test_hang_runs_into_the_clients_timeout(server: ApiServer) -> None:
    """A hanging server sends nothing; its stop does not wait for the hang's end."""
    server.faults.add(faults.hang(seconds=600))
    with pytest.raises(TimeoutError):
        ask(server, EVENTS, timeout=0.1)
    _whole(server)


@pytest.mark.parametrize("after", [None, 0, 1000])
def test_reset(after: int | None, server: ApiServer) -> None:
    """A reset connection is an error to the client, before the first byte and in mid-body alike."""
    server.faults.add(faults.reset(after))
    with pytest.raises(RESET[server.url.partition(":")[0]]):
        ask(server, EVENTS)
    _whole(server)


def test_closed_without_an_answer(server: ApiServer) -> None:
    """A server that goes down closes the connection where an answer was due."""
    server.faults.add(faults.closed())
    with pytest.raises(RemoteDisconnected):
        ask(server, EVENTS)
    _whole(server)


def test_truncated_body(server: ApiServer) -> None:
    """Fewer bytes come than Content-Length announced."""
    server.faults.add(faults.truncated(after=100))
    with pytest.raises(IncompleteRead) as caught:
        ask(server, EVENTS)
    assert len(caught.value.partial) == 100
    assert server.requests[-1].bytes == 100
    _whole(server)


def test_chunks_cut(server: ApiServer) -> None:
    """The chunks end without the empty one that says that they are all."""
    server.faults.add(faults.chunks_cut(after=5000))
    with pytest.raises(IncompleteRead) as caught:
        ask(server, EVENTS)
    assert len(caught.value.partial) == 5000
    _whole(server)


def test_broken_json(server: ApiServer) -> None:
    """A well framed body ends in mid-object."""
    server.faults.add(faults.broken_json())
    with pytest.raises(json.JSONDecodeError):
        ask(server, EVENTS).json()
    _whole(server)


def test_broken_gzip(server: ApiServer) -> None:
    """A body said to be gzip cannot be decompressed to the end."""
    server.faults.add(faults.broken_gzip())
    reply = ask(server, EVENTS, headers=GZIP)
    assert reply.headers["Content-Encoding"] == "gzip"
    with pytest.raises((zlib.error, gzip.BadGzipFile, EOFError)):
        gzip.decompress(reply.body)
    _whole(server)


def test_odd_item(server: ApiServer) -> None:
    """Fields of an item can be anything that JSON can say, and a list can hold anything."""
    server.faults.add(faults.odd_item(2, count="two", metadata__name=None))
    server.faults.add(faults.altered_items(lambda items: items.insert(0, 7)))
    first, second = (ask(server, EVENTS).json()["items"] for _ in range(2))
    assert (first[2]["count"], first[2]["metadata"]["name"], first[3]["count"]) == ("two", None, 1)
    assert (second[0], len(second)) == (7, 11)
    _whole(server)


def test_expired_without_token(server: ApiServer) -> None:
    """A 410 can come without a token to go on with."""
    server.faults.add(faults.expired_without_token(), page=2)
    first = ask(server, f"{EVENTS}?limit=4").json()["metadata"]
    reply = ask(server, f"{EVENTS}?limit=4&continue={first['continue']}")
    assert (reply.status, reply.json()["metadata"]) == (410, {})
    _whole(server)


def test_dripping(server: ApiServer) -> None:
    """A slow answer is whole in the end, and a client with a shorter patience than the whole gets it."""
    server.faults.add(faults.dripping(piece=4000, pause=0.01))
    assert len(ask(server, EVENTS).json()["items"]) == 10


def test_missing_header(server: ApiServer) -> None:
    """A header can be left out, such as the Date that tells the server's clock."""
    server.faults.add(faults.without_headers("Date"))
    assert "Date" not in ask(server, EVENTS).headers
    assert "Date" in ask(server, EVENTS).headers


def test_faults_choose_their_requests(server: ApiServer) -> None:
    """A fault waits for its page and path, lets ``skip`` pass, and lasts for ``times``."""
    server.faults.add(faults.failing(503), page=3, times=2)
    server.faults.add(faults.failing(504), path="*/namespaces/shop/*", skip=1, times=None)
    shop = [ask(server, "/api/v1/namespaces/shop/events").status for _ in range(3)]
    token = ""
    statuses: list[int] = []
    while len(statuses) < 5:
        reply = ask(server, f"{EVENTS}?limit=4" + (f"&continue={token}" if token else ""))
        statuses.append(reply.status)
        if reply.status == 200:
            token = reply.json()["metadata"].get("continue", "")
    server.faults.clear()
    assert shop == [200, 504, 504]
    assert statuses == [200, 200, 503, 503, 200]
    assert ask(server, "/api/v1/namespaces/shop/events").status == 200


def test_page_is_known_after_a_compaction(server: ApiServer) -> None:
    """A page that is asked for with the token of a 410 keeps its number."""
    token = ask(server, f"{EVENTS}?limit=4").json()["metadata"]["continue"]
    server.compact()
    token = ask(server, f"{EVENTS}?limit=4&continue={token}").json()["metadata"]["continue"]
    server.faults.add(faults.failing(503), page=2)
    assert ask(server, f"{EVENTS}?limit=4&continue={token}").status == 503


def test_watch_breaks(server: ApiServer) -> None:
    """A watch can be broken off in mid-line."""
    server.faults.add(faults.reset(after=10))
    with pytest.raises(RESET[server.url.partition(":")[0]]):
        ask(server, f"{EVENTS}?watch=1&timeoutSeconds=1")
    server.faults.add(faults.chunks_cut(after=10))
    with pytest.raises(IncompleteRead):
        ask(server, f"{EVENTS}?watch=1&timeoutSeconds=1")


def test_watch_is_refused(server: ApiServer) -> None:
    """A watch can be answered with an error, as any request."""
    server.faults.add(faults.too_many_requests())
    assert ask(server, f"{EVENTS}?watch=1&timeoutSeconds=1").status == 429


def test_threads_get_their_own_answers(server: ApiServer) -> None:
    """Requests of several threads at once are all answered, and each fault strikes once."""
    server.faults.add(faults.failing(503), times=3)
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(ask(server, EVENTS).status))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 5 + [503] * 3


def test_defect_of_the_fake_fails_the_test() -> None:
    """An exception inside the server is raised when it stops, so that no test passes by it."""

    def broken(_: Any) -> Answer:
        message = "a defect"
        raise ValueError(message)

    server = LoopbackServer(broken).start()
    with pytest.raises(RemoteDisconnected):
        fetch(server.url, "/")
    with pytest.raises(ValueError, match="a defect"):
        server.stop()
