"""Lists that a compaction overtakes: the rest goes on at a newer version, or the list starts again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.lib import faults
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import (
    NOW,
    parts,
    rows,
)
from tests.lib.events import event
from tests.lib.loopback import Answer
from tests.lib.snapshots import failed, filled, snapshot, taken

KEYS = "select namespace, object_name, n from observations order by all"


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


def test_compaction_makes_the_list_inconsistent(server: ApiServer, lake: Path) -> None:
    """After a 410 the list goes on with the token that came with it, and is received when it ends."""
    consistent = taken(server, lake.with_name("other"))

    def overtaken(answer: Answer) -> Answer:
        # The next page's token is of a revision that is gone when it is used.
        server.add(event("web-999", at=server.now))
        server.compact()
        return answer

    server.faults.add(overtaken, page=1)
    entry = taken(server, lake)
    assert [request.status for request in server.requests][3:] == [200, 410, 200, 200]
    assert (entry.status, entry.items, entry.pages, entry.retries) == ("inconsistent", 9, 3, 1)
    assert len(rows(lake, KEYS)) == 9
    # Our clock is read before and after each request: a consistent list was received with page 1.
    assert (consistent.sent_at, consistent.received_at) == (NOW, NOW + timedelta(seconds=1))
    assert entry.sent_at == NOW
    assert entry.received_at == NOW + timedelta(seconds=6)


def test_expired_list_without_a_token_starts_again(server: ApiServer, lake: Path) -> None:
    """A 410 without a token begins the list anew: complete, received then, and nothing twice."""
    server.faults.add(faults.expired_without_token(), page=3)
    entry = taken(server, lake)
    assert [r.query.get("continue", "") != "" for r in server.requests] == [
        *(False, True, True),
        *(False, True, True),
    ]
    assert (entry.status, entry.items, entry.rows_added) == ("complete", 8, 8)
    assert (entry.pages, entry.retries) == (5, 1)
    assert entry.sent_at == NOW + timedelta(seconds=5)
    assert len(rows(lake, KEYS)) == 8
    assert taken(server, lake).rows_added == 0


def test_list_that_starts_again_is_consistent_again(server: ApiServer, lake: Path) -> None:
    """What was inconsistent before the new beginning does not mark the list that was listed anew."""

    def overtaken(answer: Answer) -> Answer:
        server.compact()
        return answer

    server.faults.add(overtaken, page=1)
    server.faults.add(faults.expired_without_token(), page=3)
    entry = taken(server, lake)
    assert (entry.status, entry.items, entry.rows_added) == ("complete", 8, 8)


def test_restart_with_a_cache_adds_nothing_twice(server: ApiServer, lake: Path) -> None:
    """A list that begins anew beside a live cache still writes each new state once."""
    taken(server, lake)
    for item in server.store.at().events:
        server.patch(item["metadata"]["uid"], count=5)
    server.faults.add(faults.expired_without_token(), page=3)
    entry = taken(server, lake)
    assert (entry.items, entry.rows_added) == (8, 8)
    found = rows(lake, "select n, count(*) as states from observations group by n order by n")
    assert found == [{"n": 1, "states": 8}, {"n": 5, "states": 8}]


def test_restart_of_one_namespace_leaves_the_others(server: ApiServer, lake: Path) -> None:
    """Of several namespaces only the expired one is listed anew; the whole is as old as the first."""
    filled(server, 7, namespace="db")
    server.faults.add(faults.expired_without_token(), page=2, path="*/db/*")
    entry = taken(server, lake, "shop", "db")
    assert (entry.status, entry.items, entry.rows_added) == ("complete", 15, 15)
    assert entry.scope == ("shop", "db")
    assert entry.sent_at == NOW
    assert entry.received_at is not None
    assert entry.received_at > NOW + timedelta(seconds=9)
    assert taken(server, lake, "shop", "db").rows_added == 0


def test_list_that_expires_twice_is_given_up(server: ApiServer, lake: Path) -> None:
    """The second 410 without a token ends the run, with advice."""
    server.faults.add(faults.expired_without_token(), page=2, times=2)
    sentence = failed(snapshot(server, lake), lake)
    assert "expired twice (410)" in sentence
    assert "source.page_size" in sentence
    assert parts(lake) == []
