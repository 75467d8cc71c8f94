"""Snapshots that take only what changed: what they leave in the lake, and when a full LIST is taken instead."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from etl.timespan import Duration
from tests.lib import faults
from tests.lib.accounts import Account
from tests.lib.api_answers import encoded, failure
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import ledger, parts, rows
from tests.lib.events import event
from tests.lib.faults import Fault
from tests.lib.loopback import Answer
from tests.lib.snapshots import snapshot, taken
from tests.lib.watches import STREAMS, followed, later, meanwhile

STATES = """
select name, n, last_seen, resource_version, occurrences, deleted_early
from events order by name, n, last_seen
"""
TTL = Duration(minutes=15)
COVERED = "select covered, started_at, ended_at from coverage order by all"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """A fake with six events, web-0 to web-5, whose watches end soon."""
    with ApiServer(watch_limit=STREAMS) as started:
        for number in range(6):
            _write(started, f"web-{number}")
        yield started


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake that is not there yet."""
    return tmp_path / "lake"


def _write(server: ApiServer, name: str, *, namespace: str = "shop") -> None:
    server.add(event(name, at=server.now, metadata={"name": name}, namespace=namespace))


def _again(server: ApiServer, name: str, count: int) -> None:
    server.patch(name, count=count, lastTimestamp=f"{server.now:%Y-%m-%dT%H:%M:%SZ}")


def _queries(server: ApiServer) -> list[str]:
    """What was asked for since the last call: watches, lists of one event, and pages."""
    asked = [
        "watch" if "watch" in one.query else "one" if one.query.get("limit") == "1" else "page"
        for one in server.requests
    ]
    server.requests.clear()
    return asked


def test_only_changes_travel(server: ApiServer, lake: Path) -> None:
    """New and changed states are added, what is gone is noted, and nothing else is asked for or written."""
    followed(server, lake)
    later(server, minutes=2)
    _queries(server)
    _again(server, "web-0", 5)
    _again(server, "web-0", 7)
    _write(server, "api")
    server.delete("web-1")
    entry = followed(server, lake)
    assert _queries(server) == ["one", "watch"]
    assert (entry.kind, entry.status, entry.items, entry.rows_added) == ("watch", "complete", 4, 4)
    assert (entry.watch_refused, entry.compared) == (None, "cache")
    assert (entry.vanished, entry.vanished_early, entry.early_namespaces) == (1, 1, {"shop": 1})
    first, second = ledger(lake)
    assert (second["previous_id"], second["watched_since"]) == (
        first["snapshot_id"],
        first["sent_at"],
    )
    assert second["list_resource_version"] == server.store.resource_version
    counted = "select name, max(n) as n, sum(occurrences)::int as all, count(*) as states from events group by name order by name"
    found = {row["name"]: (row["n"], row["all"], row["states"]) for row in rows(lake, counted)}
    assert found == {
        "api": (1, 1, 1),
        "web-0": (7, 7, 3),
        **{f"web-{number}": (1, 1, 1) for number in range(1, 6)},
    }


def test_an_unchanged_cluster_costs_a_list_of_one_event(server: ApiServer, lake: Path) -> None:
    """Nothing changed: nothing is written but the ledger's row, and the time is covered."""
    followed(server, lake)
    later(server, minutes=2)
    before = parts(lake)
    entry = followed(server, lake)
    assert (entry.kind, entry.items, entry.rows_added, entry.parts) == ("watch", 0, 0, ())
    assert parts(lake) == before
    (span,) = rows(lake, COVERED)
    assert (span["covered"], span["ended_at"]) == (True, server.now)


def test_deletions_are_told_from_expiries(server: ApiServer, lake: Path) -> None:
    """What went before its TTL was deleted; what went after it expired; what lives has no time; counts stay."""
    server.store.ttl = TTL
    followed(server, lake, ttl=TTL)
    for turn in range(5):
        later(server, minutes=4)
        _write(server, f"tick-{turn}")
        if turn == 1:
            server.delete("web-0")
        followed(server, lake, ttl=TTL)
    found = {
        row["name"]: (row["deleted_at"], row["deleted_early"])
        for row in rows(lake, "select name, deleted_at, deleted_early from events")
    }
    assert found["web-0"] == (datetime(2026, 11, 23, 8, 8, 1, tzinfo=UTC), True)
    assert {found[f"web-{number}"] for number in range(1, 6)} == {
        (datetime(2026, 11, 23, 8, 16, 1, tzinfo=UTC), False)
    }
    assert {found[f"tick-{turn}"] for turn in range(1, 5)} == {(None, None)}
    (counted,) = rows(lake, "select sum(occurrences)::int as n from events")
    assert counted["n"] == 11
    assert [row["vanished_early"] for row in ledger(lake)] == [None, 0, 1, 0, 0, 0]


def test_a_later_change_proves_that_all_has_come(server: ApiServer, lake: Path) -> None:
    """What is written while the answers travel ends the stream at once; the next watch begins behind it."""
    followed(server, lake)
    later(server, minutes=2)
    _again(server, "web-0", 2)
    server.faults.add(meanwhile(lambda: _write(server, "late")))
    entry = followed(server, lake, timeout=Duration(seconds=70))
    assert (entry.kind, entry.items) == ("watch", 2)
    assert (entry.list_resource_version or 0) < server.store.resource_version
    later(server, minutes=2)
    entry = followed(server, lake)
    assert (entry.kind, entry.rows_added) == ("watch", 0)


def test_a_batch_that_the_stream_cut_is_completed(server: ApiServer, lake: Path) -> None:
    """Expiries share one version: where a stream ends among them, the rest is asked for by the same version."""
    followed(server, lake, ttl=TTL)
    later(server, minutes=2)
    server.store.ttl = timedelta(minutes=2)
    server.expire()
    server.faults.add(_first_lines, skip=1)
    _queries(server)
    entry = followed(server, lake, ttl=Duration(minutes=2))
    assert (entry.kind, entry.items, entry.vanished, entry.vanished_early) == ("watch", 6, 6, 0)
    assert _queries(server) == ["one", "watch", "watch"]
    (one,) = rows(lake, "select count(*) as n from events where deleted_at is not null")
    assert one["n"] == 6


def _first_lines(answer: Answer) -> Answer:
    assert not isinstance(answer.body, bytes)
    return replace(answer, body=itertools.islice(answer.body, 3))


def _garbage(answer: Answer) -> Answer:
    return replace(answer, body=iter([b"<html>\n"]))


def _not_ours(answer: Answer) -> Answer:
    return replace(answer, body=iter([encoded({"type": "ADDED", "object": {"kind": "Event"}})]))


def _gone(_answer: Answer) -> Answer:
    return Answer(410, encoded(failure(410, "Expired", "too old resource version")))


def _ended_in_a_line(answer: Answer) -> Answer:
    return replace(answer, body=iter([b'{"type":"ADDED","object":{"ki']))


@pytest.mark.parametrize(
    ("fault", "skip", "reason"),
    [
        (faults.reset(500), 1, "broke off"),
        (faults.reset(), 1, "broke off"),
        (faults.chunks_cut(700), 1, "broke off"),
        (faults.closed(), 1, "broke off"),
        (faults.closed(), 0, "broke off"),
        (_garbage, 1, "cannot be read"),
        (_not_ours, 1, "cannot be read"),
        (_ended_in_a_line, 1, "in the middle of a line"),
        (_gone, 1, "410"),
        (faults.failing(503), 0, "503"),
        (faults.failing(503), 1, "503"),
        (faults.too_many_requests(), 1, "429"),
        (faults.without_headers("Date"), 0, None),
    ],
    ids=[
        *("reset", "reset-at-once", "cut", "closed", "closed-before", "garbage", "not-ours"),
        *("half-line", "gone", "probe-503", "watch-503", "throttled", "no-date"),
    ],
)
def test_any_doubt_is_a_full_list(
    server: ApiServer, lake: Path, fault: Fault, skip: int, reason: str | None
) -> None:
    """A watch that is refused, breaks off or says nonsense costs nothing but the LIST of the same run."""
    followed(server, lake)
    later(server, minutes=2)
    _again(server, "web-0", 3)
    server.delete("web-5")
    # What cannot be read in protobuf is asked for once more in JSON.
    twice = fault in {_garbage, _not_ours, _ended_in_a_line}
    server.faults.add(fault, skip=skip, times=2 if twice else 1)
    entry = followed(server, lake)
    if reason is None:
        assert (entry.kind, entry.watch_refused) == ("watch", None)
    else:
        assert (entry.kind, entry.status, entry.items) == ("list", "complete", 5)
        assert reason in (entry.watch_refused or "")
    assert rows(lake, "select max(n) as n from events") == [{"n": 3}]
    later(server, minutes=2)
    assert followed(server, lake).kind == "watch"


def test_a_stream_that_is_no_protobuf_is_asked_for_in_json(server: ApiServer, lake: Path) -> None:
    """The same run watches in JSON, which every server writes."""
    followed(server, lake)
    later(server, minutes=2)
    _again(server, "web-0", 3)
    server.faults.add(_garbage, skip=1)
    _queries(server)
    assert followed(server, lake).kind == "watch"
    accepted = [one.headers["accept"] for one in server.requests]
    assert accepted[1:] == [
        "application/vnd.kubernetes.protobuf, application/json",
        "application/json",
    ]
    assert rows(lake, "select max(n) as n from events") == [{"n": 3}]


def test_a_compacted_version_is_a_full_list(server: ApiServer, lake: Path) -> None:
    """The server says 410 inside a stream that it answered with 200; the run lists, and the next one watches again."""
    followed(server, lake)
    later(server, minutes=6)
    _write(server, "api")
    server.compact()
    _queries(server)
    entry = followed(server, lake)
    assert _queries(server) == ["one", "watch", "page", "page", "page"]
    assert (entry.kind, entry.items) == ("list", 7)
    assert "410" in (entry.watch_refused or "")
    later(server, minutes=2)
    assert followed(server, lake).kind == "watch"


def _silent() -> Iterator[bytes]:
    time.sleep(STREAMS)
    yield b""


def test_a_count_that_differs_is_a_full_list(server: ApiServer, lake: Path) -> None:
    """The server tells how many events it has: where the changes come to another number, something was missed."""
    followed(server, lake)
    later(server, minutes=2)
    server.delete("web-5")
    server.faults.add(lambda answer: replace(answer, body=_silent()), skip=1)
    entry = followed(server, lake)
    assert (entry.kind, entry.items) == ("list", 5)
    assert "come to 6 events, and the server has 5" in (entry.watch_refused or "")


def test_an_account_that_may_not_watch_is_told_once(
    server: ApiServer, lake: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the verb watch full lists go on, with one warning a run that says which verb on which resource."""
    server.accounts[server.token] = Account("eventlake", verbs=frozenset({"list"}))
    followed(server, lake)
    later(server, minutes=2)
    caplog.clear()
    entry = followed(server, lake)
    assert (entry.kind, entry.status, entry.items) == ("list", "complete", 6)
    (warning,) = [r.message for r in caplog.records if r.levelname == "WARNING"]
    assert "resources [events], verbs [list, watch]" in warning
    assert "source.watch.enabled: false" in warning


def _lose_the_cache(_server: ApiServer, lake: Path) -> None:
    for path in lake.glob("live/**/*.parquet"):
        path.unlink()


def _lose_a_part(_server: ApiServer, lake: Path) -> None:
    parts(lake)[0].unlink()


def _restore(server: ApiServer, _lake: Path) -> None:
    server.store.resource_version -= 3


def _wait(server: ApiServer, _lake: Path) -> None:
    later(server, minutes=9)


@pytest.mark.parametrize(
    ("trouble", "items", "reason"),
    [
        (_lose_the_cache, 6, "no live cache"),
        (_lose_a_part, 6, "no live cache"),
        (_restore, 3, "went back"),
        (_wait, 6, "too old"),
    ],
    ids=["cache", "part", "restored", "old"],
)
def test_what_there_is_nothing_to_go_on_from_for_is_a_full_list(
    server: ApiServer,
    lake: Path,
    trouble: Callable[[ApiServer, Path], None],
    items: int,
    reason: str,
) -> None:
    """A lost cache or part, a restored cluster, a snapshot that is too old: the run lists."""
    followed(server, lake)
    later(server, minutes=2)
    trouble(server, lake)
    entry = followed(server, lake)
    assert (entry.kind, entry.items) == ("list", items)
    assert reason in (entry.watch_refused or "")
    assert len(rows(lake, STATES)) == 6


def test_every_so_many_snapshots_one_is_a_full_list(server: ApiServer, lake: Path) -> None:
    """Of three snapshots one lists after it watched, which proves the watches; after it the count begins anew."""
    kinds = []
    for turn in range(8):
        kinds.append(followed(server, lake, list_every=3).kind)
        later(server, minutes=2)
        _write(server, f"tick-{turn}")
        server.delete(f"tick-{turn}")
    assert kinds == ["list", "watch", "watch", "list", "watch", "watch", "list", "watch"]
    told = [(row["kind"], row["items"], row["rows_added"]) for row in ledger(lake)]
    # What came and went is in each, and only in each, of the watches.
    watched, listed = ("watch", 2, 2), ("list", 6, 0)
    assert told[1:] == [*(3 * [watched]), listed, *(3 * [watched]), listed, watched]
    assert {row["watch_refused"] for row in ledger(lake)[1:]} == {None}
    assert [row["checks"] for row in ledger(lake) if row["kind"] == "list"] == 3 * [[]]


def test_namespaces_are_watched_one_by_one(server: ApiServer, lake: Path) -> None:
    """An account with Roles alone watches each namespace; other namespaces than before are listed first."""
    server.accounts[server.token] = Account(
        "eventlake", namespaces=frozenset({"shop", "pay", "new"})
    )
    _write(server, "pay-0", namespace="pay")
    followed(server, lake, "shop", "pay")
    later(server, minutes=2)
    _again(server, "pay-0", 4)
    server.delete("web-0")
    _write(server, "elsewhere", namespace="other")
    entry = followed(server, lake, "shop", "pay")
    assert (entry.kind, entry.scope, entry.items) == ("watch", ("shop", "pay"), 2)
    later(server, minutes=2)
    _again(server, "pay-0", 6)
    entry = followed(server, lake, "shop", "pay")
    assert (entry.kind, entry.rows_added) == ("watch", 1)
    later(server, minutes=2)
    entry = followed(server, lake, "shop", "pay", "new")
    assert (entry.kind, entry.items) == ("list", 6)
    assert "other namespaces" in (entry.watch_refused or "")
    states = rows(lake, "select name, n from events where namespace = 'pay' order by n")
    assert [row["n"] for row in states] == [1, 4, 6]


def test_it_is_a_setting(server: ApiServer, lake: Path) -> None:
    """``source.watch`` turns it on for the command, which says what it did; without it nothing is watched."""
    watch = {"enabled": True, "quiet": "50ms"}
    assert snapshot(server, lake, now=server.now).code == 0
    later(server, minutes=2)
    _write(server, "api")
    done = snapshot(server, lake, now=server.now, interval="2m", watch=watch)
    assert (done.code, ledger(lake)[-1]["kind"]) == (0, "watch"), done.err
    assert "1 changes watched, 1 new states" in done.err
    later(server, minutes=2)
    snapshot(server, lake, now=server.now)
    assert ledger(lake)[-1]["kind"] == "list"
    refused = snapshot(server, lake, now=server.now, watch=watch)
    assert refused.code == 2
    assert "source.watch.enabled: is of no use with an interval of 10m" in refused.err


def test_a_watch_holds_what_a_list_holds(server: ApiServer, tmp_path: Path) -> None:
    """Beside lists at the same times, the views hold the same final states and counts, and no fewer states."""
    watched, listed = tmp_path / "a" / "lake", tmp_path / "b" / "lake"
    for folder in (watched, listed):
        folder.parent.mkdir()
    for turn in range(7):
        _again(server, f"web-{turn % 5}", turn + 2)
        _again(server, "web-5", 2 * turn + 2)
        _again(server, "web-5", 2 * turn + 3)
        followed(server, watched, list_every=5)
        taken(server, listed)
        later(server, minutes=3)
    ours, theirs = rows(watched, STATES), rows(listed, STATES)
    keys = [(row["name"], row["n"], row["last_seen"]) for row in ours]
    assert {(row["name"], row["n"], row["last_seen"]) for row in theirs} < set(keys)
    for query in (
        "select name, sum(occurrences)::int as n from events group by name order by name",
        "select name, n, last_seen, resource_version from latest order by name",
    ):
        assert rows(watched, query) == rows(listed, query)
