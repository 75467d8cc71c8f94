"""What a snapshot of a living cluster leaves in the lake: states once, a row of the ledger, a cache."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.lib import faults
from tests.lib.accounts import Account
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import (
    NOW,
    contents,
    ledger,
    parts,
    rows,
    temporaries,
)
from tests.lib.events import event, series_event
from tests.lib.loopback import Answer
from tests.lib.snapshots import filled, listed

MINUTES = timedelta(minutes=1)


KEYS = "select object_name, n, last_seen from observations order by all"


@pytest.fixture
def kubeconfig(apiserver: ApiServer, tmp_path: Path) -> Path:
    """A kubeconfig of the fake, whose cluster is called ``fake``."""
    return apiserver.kubeconfig(tmp_path / "kubeconfig")


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake that is not there yet."""
    return tmp_path / "lake"


def test_all_pages_come_from_one_revision(
    apiserver: ApiServer, kubeconfig: Path, lake: Path
) -> None:
    """Pages are asked for by the token of the one before, and the ledger says what was listed."""
    filled(apiserver, 7)
    apiserver.add(series_event("web-007", at=NOW, count=12))
    listed(lake, kubeconfig, "--page-size", 3)
    queries = [request.query for request in apiserver.requests]
    assert [query["limit"] for query in queries] == ["3"] * 3
    assert ["continue" in query for query in queries] == [False, True, True]
    (row,) = ledger(lake)
    told = {name: row[name] for name in ("kind", "status", "pages", "items", "rows_added")}
    assert told == {"kind": "list", "status": "complete", "pages": 3, "items": 8, "rows_added": 8}
    assert (row["retries"], row["unreadable"], row["error"], row["scope"]) == (0, 0, None, None)
    assert (row["remaining_items"], row["ttl_seconds"]) == (5, 3600)
    assert row["list_resource_version"] == apiserver.store.resource_version
    assert row["bytes_received"] == sum(request.bytes for request in apiserver.requests)
    assert row["server_date"] == apiserver.now
    assert row["started_at"] <= row["sent_at"] <= row["received_at"] <= row["finished_at"]
    assert row["collected_at"] == row["sent_at"]
    assert max(o["n"] for o in rows(lake, KEYS)) == 12


def test_compressed_bytes_are_counted_as_they_travelled(
    apiserver: ApiServer, kubeconfig: Path, lake: Path
) -> None:
    """The ledger's bytes are those of the wire, where large pages are compressed."""
    filled(apiserver, 300)
    listed(lake, kubeconfig)
    (request,) = apiserver.requests
    assert request.headers["accept-encoding"] == "gzip"
    (row,) = ledger(lake)
    assert row["bytes_received"] == request.bytes < 300 * 200


def test_namespaces_are_listed_one_by_one(
    apiserver: ApiServer, kubeconfig: Path, lake: Path
) -> None:
    """An account with Roles in two namespaces lists these, and the ledger says that it was these."""
    for namespace in ("shop", "db", "secret"):
        filled(apiserver, 3, namespace=namespace)
    apiserver.allow(
        apiserver.token,
        Account("jane", frozenset({"list"}), frozenset({"shop", "db"})),
    )
    options = ("-n", "shop", "-n", "db", "-n", "shop", "--page-size", 2)
    listed(lake, kubeconfig, *options)
    assert [request.path for request in apiserver.requests] == [
        *["/api/v1/namespaces/shop/events"] * 2,
        *["/api/v1/namespaces/db/events"] * 2,
    ]
    (row,) = ledger(lake)
    assert (row["scope"], row["items"], row["pages"]) == (["shop", "db"], 6, 4)
    # What one namespace's first page says of the rest is not about the whole.
    assert row["remaining_items"] is None
    listed(lake, kubeconfig, *options, now=NOW + MINUTES)
    assert [row["rows_added"] for row in ledger(lake)] == [6, 0]


def test_unchanged_cluster_writes_no_part(
    apiserver: ApiServer, kubeconfig: Path, lake: Path
) -> None:
    """A second snapshot of the same events leaves parts and cache as they were; a row says that it ran."""
    filled(apiserver, 5)
    listed(lake, kubeconfig)
    before = {path: path.stat().st_ino for path in [*parts(lake), *lake.glob("live/*/*.parquet")]}
    done = listed(lake, kubeconfig, now=NOW + MINUTES)
    assert {
        path: path.stat().st_ino for path in [*parts(lake), *lake.glob("live/*/*.parquet")]
    } == before
    assert len(before) == 2
    assert [(row["items"], row["rows_added"]) for row in ledger(lake)] == [(5, 5), (5, 0)]
    assert "5 events listed, 0 new states" in done.err


def test_grown_counts_write_one_part(apiserver: ApiServer, kubeconfig: Path, lake: Path) -> None:
    """What grew is written, once and alone; the view shows both states of it."""
    filled(apiserver, 5)
    listed(lake, kubeconfig)
    apiserver.now = NOW + MINUTES
    apiserver.patch("shop/" + apiserver.store.at().events[2]["metadata"]["name"], count=4)
    listed(lake, kubeconfig, now=NOW + 2 * MINUTES)
    assert [row["rows_added"] for row in ledger(lake)] == [5, 1]
    assert len(parts(lake)) == 2
    found = rows(lake, "select n, occurrences from events where object_name = 'web-002' order by n")
    assert found == [{"n": 1, "occurrences": 1}, {"n": 4, "occurrences": 3}]


@pytest.mark.parametrize("damage", [None, b"", b"PAR1 but not really", "truncated"])
def test_live_cache_is_only_a_cache(
    damage: bytes | str | None, apiserver: ApiServer, kubeconfig: Path, lake: Path
) -> None:
    """Lost, emptied, overwritten or cut: the next snapshot writes the same states as with it."""
    filled(apiserver, 4)
    listed(lake, kubeconfig)
    (cache,) = lake.glob("live/*/*.parquet")
    if damage is None:
        cache.unlink()
    else:
        cache.write_bytes(cache.read_bytes()[:-20] if isinstance(damage, str) else damage)
    apiserver.patch("shop/" + apiserver.store.at().events[0]["metadata"]["name"], count=2)
    listed(lake, kubeconfig, now=NOW + MINUTES)
    listed(lake, kubeconfig, now=NOW + 2 * MINUTES)
    assert [row["rows_added"] for row in ledger(lake)] == [4, 1, 0]
    assert len(rows(lake, KEYS)) == 5
    assert temporaries(lake) == []


def test_event_created_again_continues_its_count(
    apiserver: ApiServer, kubeconfig: Path, lake: Path
) -> None:
    """An expired event that comes back with another uid counts what happened since, not all again."""
    first = apiserver.add(event("web-0", at=NOW, count=5, first=NOW - 10 * MINUTES))
    listed(lake, kubeconfig)
    apiserver.expire(NOW + 61 * MINUTES)
    listed(lake, kubeconfig, now=NOW + 61 * MINUTES)
    again = apiserver.add(event("web-0", at=apiserver.now, count=7, first=NOW - 10 * MINUTES))
    assert again["metadata"]["name"] == first["metadata"]["name"]
    assert again["metadata"]["uid"] != first["metadata"]["uid"]
    listed(lake, kubeconfig, now=NOW + 62 * MINUTES)
    assert [row["items"] for row in ledger(lake)] == [1, 0, 1]
    found = rows(lake, "select n, occurrences from events order by n")
    assert found == [{"n": 5, "occurrences": 5}, {"n": 7, "occurrences": 2}]


@pytest.mark.parametrize("cached", [False, True])
def test_odd_item_costs_itself(
    apiserver: ApiServer, kubeconfig: Path, lake: Path, *, cached: bool
) -> None:
    """What cannot be read is counted and named, on stderr and in the ledger; the others are stored."""
    if cached:
        listed(lake, kubeconfig)
    filled(apiserver, 5)
    apiserver.faults.add(faults.odd_item(0, count="two", message=7), page=1)
    apiserver.faults.add(faults.altered_items(lambda items: items.insert(1, "no event")), page=2)
    done = listed(lake, kubeconfig, "--page-size", 3, now=NOW + MINUTES)
    row = ledger(lake)[-1]
    assert (row["status"], row["items"], row["rows_added"], row["unreadable"]) == (
        "complete",
        6,
        5,
        1,
    )
    assert row["unreadable_names"] == ["page 2, item 1"]
    assert (
        "warning: not in the lake, because it cannot be read: page 2, item 1 (1 in all)" in done.err
    )
    found = rows(lake, "select object_name, n, message, flags from observations order by 1")
    assert len(found) == 5
    assert (found[0]["message"], found[0]["flags"]) == ("7", ["malformed"])


def test_empty_cluster_is_a_complete_snapshot(
    apiserver: ApiServer, kubeconfig: Path, lake: Path
) -> None:
    """No events is an answer: a complete row with 0 items, and no part."""
    listed(lake, kubeconfig)
    listed(lake, kubeconfig, now=NOW + MINUTES)
    assert [(row["status"], row["items"], row["pages"]) for row in ledger(lake)] == [
        ("complete", 0, 1)
    ] * 2
    assert parts(lake) == []
    assert rows(lake, "select * from observations order by all") == []
    filled(apiserver, 2)
    listed(lake, kubeconfig, now=NOW + 2 * MINUTES)
    apiserver.expire(NOW + 90 * MINUTES)
    listed(lake, kubeconfig, now=NOW + 90 * MINUTES)
    assert [row["items"] for row in ledger(lake)] == [0, 0, 2, 0]
    assert len(rows(lake, KEYS)) == 2


@pytest.mark.parametrize("date", ["yesterday", "Mon, 23 Nov 2026 25:00:00 GMT", None])
def test_server_without_a_clock(
    date: str | None, apiserver: ApiServer, kubeconfig: Path, lake: Path
) -> None:
    """A Date that is missing or no date is no reason to fail; neither is a version that is no number."""

    def odd(answer: Answer) -> Answer:
        headers = {k: v for k, v in answer.headers.items() if k != "Date"}
        body = b'{"kind":"EventList","metadata":{"resourceVersion":"v1"},"items":null}'
        return Answer(200, body, headers | ({"Date": date} if date else {}))

    apiserver.faults.add(odd)
    listed(lake, kubeconfig)
    (row,) = ledger(lake)
    assert (row["status"], row["items"]) == ("complete", 0)
    assert (row["server_date"], row["list_resource_version"]) == (None, None)


def test_states_of_two_days_are_two_parts(
    apiserver: ApiServer, kubeconfig: Path, lake: Path
) -> None:
    """Each state lies in the partition of its own day, whatever day the snapshot is of."""
    apiserver.add(event("early", at=NOW - timedelta(hours=9)))
    apiserver.add(event("late", at=NOW))
    listed(lake, kubeconfig)
    assert sorted(path.parent.name for path in parts(lake)) == [
        "date=2026-11-22",
        "date=2026-11-23",
    ]


def test_snapshot_writes_nothing_else(apiserver: ApiServer, kubeconfig: Path, lake: Path) -> None:
    """A snapshot leaves a marker, a part, a cache of the list and which list that was, and a ledger row: what docs/lake.md lists."""
    filled(apiserver, 1)
    listed(lake, kubeconfig)
    assert sorted(Path(path).parts[0] for path in contents(lake)) == [
        "_lake.json",
        "live",
        "live",
        "parts",
        "snapshots",
    ]
