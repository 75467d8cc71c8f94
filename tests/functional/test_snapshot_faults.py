"""Trouble between a snapshot and its cluster: what is survived, what is not, and what is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from etl import intake
from etl.errors import ClusterError
from etl.lake import append
from etl.timespan import Duration
from tests.lib import faults
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import (
    NOW,
    Waits,
    contents,
    ledger,
    parts,
    staged,
)
from tests.lib.faults import Fault
from tests.lib.loopback import Answer
from tests.lib.snapshots import failed, filled, snapshot, taken

MINUTE = timedelta(minutes=1)


# What a server or the way to it can do to an answer, and what is said when it goes on.
PASSING: dict[str, tuple[Fault, str]] = {
    "429": (faults.too_many_requests(None), "the server answered 429"),
    "500": (faults.failing(500), "the server answered 500 InternalError"),
    "502": (faults.failing(502), "the server answered 502"),
    "503": (faults.failing(503), "the server answered 503 ServiceUnavailable"),
    "504": (faults.failing(504), "the server answered 504 Timeout"),
    "reset": (faults.reset(), "the answer broke off"),
    "reset in the body": (faults.reset(after=3000), "the answer broke off"),
    "closed": (faults.closed(), "the answer broke off"),
    "truncated": (faults.truncated(after=100), "the answer broke off"),
    "chunks cut": (faults.chunks_cut(after=3000), "the answer broke off"),
    "garbage gzip": (faults.broken_gzip(), "the answer broke off"),
    "login page": (faults.proxy_page(), "the answer is not an EventList"),
    "half of the JSON": (faults.broken_json(), "the answer is not an EventList"),
    "text that is no Unicode": (
        lambda answer: replace(answer, body=b'{"kind":"\xff\xfe","items":[]}'),
        "the answer is not an EventList",
    ),
    "another kind": (
        lambda answer: replace(answer, body=b'{"kind":"PodList","items":[]}'),
        "the answer is not an EventList",
    ),
}


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """A fake with eight events of the namespace shop: three pages of three."""
    with ApiServer() as fake:
        filled(fake, 8)
        yield fake


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake that is not there yet."""
    return tmp_path / "lake"


@pytest.mark.parametrize("trouble", PASSING)
def test_trouble_that_passes_is_waited_for(trouble: str, server: ApiServer, lake: Path) -> None:
    """Twice the same trouble on one page: both times a longer wait, then the whole list."""
    fault, said = PASSING[trouble]
    server.faults.add(fault, page=2, times=2)
    waits = Waits()
    done = snapshot(server, lake, waits=waits)
    assert done.code == 0, done.err
    assert done.err.count(said) == 2
    (row,) = ledger(lake)
    assert (row["status"], row["items"], row["retries"], row["pages"]) == ("complete", 8, 2, 3)
    assert sum(pq.read_metadata(path).num_rows for path in parts(lake)) == 8
    first, second = waits.seconds
    assert 0.5 <= first <= 1 <= second <= 2


@pytest.mark.parametrize("trouble", PASSING)
def test_trouble_that_stays_ends_the_snapshot(trouble: str, server: ApiServer, lake: Path) -> None:
    """After the configured retries the run fails in one sentence, and the lake has what it had."""
    fault, said = PASSING[trouble]
    snapshot(server, lake)
    before = contents(lake)
    server.patch("shop/" + server.store.at().events[0]["metadata"]["name"], count=2)
    server.faults.add(fault, page=2, times=None)
    done = snapshot(server, lake, retries=2, now=NOW + MINUTE)
    sentence = failed(done, lake)
    assert sentence.startswith(said)
    assert sentence.endswith("gave up after 3 tries")
    row = ledger(lake)[-1]
    assert (row["retries"], row["pages"]) == (2, 1)
    after = contents(lake)
    assert {path: after[path] for path in before} == before
    assert {path.split("/")[0] for path in set(after) - set(before)} == {"snapshots"}


def test_staged_parts_are_discarded(
    server: ApiServer, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What earlier pages had written to disk is gone when a later one cannot be had."""
    monkeypatch.setattr(append, "HELD_BYTES", 1)
    monkeypatch.setattr(intake, "PAGES_READ_AHEAD", 0)

    def look(answer: Answer) -> Answer:
        assert staged(lake)
        return faults.failing(500)(answer)

    server.faults.add(look, page=3, times=None)
    failed(snapshot(server, lake), lake)
    assert parts(lake) == []
    assert list(lake.glob("live/**/*.parquet")) == []


@pytest.mark.parametrize(
    ("said", "waited"), [(7, 7.0), ("0", 0.0), (3600, 60.0), ("9" * 30, 60.0), (" 5 ", 5.0)]
)
def test_retry_after_is_obeyed(
    said: int | str, waited: float, server: ApiServer, lake: Path
) -> None:
    """The server's own pause is kept, up to a minute."""
    server.faults.add(faults.too_many_requests(said), times=1)
    server.faults.add(faults.failing(503, retry_after=said), page=2)
    waits = Waits()
    assert snapshot(server, lake, waits=waits).code == 0
    assert waits.seconds == [waited, waited]


@pytest.mark.parametrize("said", ["Mon, 23 Nov 2026 08:00:03 GMT", "²", "-1", "soon"])
def test_retry_after_that_is_no_number_is_passed_over(
    said: str, server: ApiServer, lake: Path
) -> None:
    """Anything but seconds is as if nothing had been said: our own backoff applies."""
    server.faults.add(faults.too_many_requests(said))
    waits = Waits()
    assert snapshot(server, lake, waits=waits).code == 0
    (waited,) = waits.seconds
    assert 0.5 <= waited <= 1


def test_hanging_page_is_asked_for_in_half(server: ApiServer, lake: Path) -> None:
    """A page that does not come in time is asked for again with half the size, and so are the next."""
    filled(server, 600, namespace="db")
    server.faults.add(faults.hang(seconds=60), page=1)
    server.faults.add(faults.failing(504), page=2)
    entry = taken(server, lake, timeout=Duration(seconds=0.5), page_size=520)
    assert [int(r.query["limit"]) for r in server.requests] == [520, 260, 260, 250, 250]
    assert (entry.items, entry.pages, entry.retries) == (608, 3, 2)


def test_small_pages_are_not_made_larger(server: ApiServer, lake: Path) -> None:
    """Below the size that any server can answer, the configured size stays."""
    server.faults.add(faults.failing(504), times=2)
    assert snapshot(server, lake).code == 0
    assert {request.query["limit"] for request in server.requests} == {"3"}


LATE = {"timeout": Duration(seconds=0.2), "retries": 1}


def test_hang_that_stays_is_given_up(server: ApiServer, lake: Path) -> None:
    """A server that never answers costs its timeout as often as configured, and then the run fails."""
    server.faults.add(faults.hang(seconds=60), times=None)
    with pytest.raises(ClusterError, match="a page took longer than 200ms; gave up after 2 tries"):
        taken(server, lake, **LATE)
    assert [row["status"] for row in ledger(lake)] == ["failed"]


@pytest.mark.parametrize("events", [1, 5])
def test_dripping_answer_is_as_late_as_a_silent_one(events: int, lake: Path) -> None:
    """Bytes that keep coming do not stretch the timeout, whether their number was announced or not."""
    with ApiServer() as server:
        filled(server, events)
        server.faults.add(faults.dripping(piece=4, pause=0.02), times=None)
        with pytest.raises(ClusterError, match="a page took longer than 200ms; gave up"):
            taken(server, lake, **LATE)
        assert max(request.bytes for request in server.requests) < 400


def test_other_refusals_are_told_in_the_servers_words(server: ApiServer, lake: Path) -> None:
    """A status that nothing is known to help against is passed on at once."""
    server.faults.add(lambda answer: replace(answer, status=404, body=b"404 page not found\n"))
    assert failed(snapshot(server, lake), lake) == (
        "the server refused the list (404): 404 page not found"
    )
    server.faults.add(lambda answer: replace(answer, status=302, body=b""))
    assert "(302)" in failed(snapshot(server, lake, now=NOW + MINUTE), lake)


@pytest.mark.parametrize("body", [b'{"kind":"EventList"}', b'{"kind":"List","items":{"a":1}}'])
def test_list_without_items_is_not_an_empty_one(body: bytes, server: ApiServer, lake: Path) -> None:
    """An answer that holds no list of items is never taken for a quiet cluster."""
    server.faults.add(lambda answer: replace(answer, body=body), times=None)
    assert "cannot be decoded" in failed(snapshot(server, lake), lake)
