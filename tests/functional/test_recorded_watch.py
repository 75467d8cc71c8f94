"""Fourteen minutes of a real API server, taken by incremental snapshots: the stream that was recorded, at its versions."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from etl.timespan import Duration
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import ledger, rows
from tests.lib.watches import STREAMS, followed

RECORDED = Path(__file__).parents[1] / "data" / "recorded"
TTL = Duration(minutes=2)


def _snapshots() -> list[dict[str, Any]]:
    lines = (RECORDED / "snapshots.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _changes() -> Iterator[dict[str, Any]]:
    with gzip.open(RECORDED / "watch.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _applied(server: ApiServer, change: dict[str, Any]) -> None:
    """Let the fake's store do what the real one did, at the same version."""
    item = change["object"]
    version = int(item["metadata"]["resourceVersion"])
    if change["type"] == "DELETED":
        server.store.delete(item["metadata"]["uid"], revision=version)
    else:
        server.load([item], resource_version=version)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of thirty snapshots, of which every sixth is a LIST, at the times and versions of the recorded lists."""
    folder = tmp_path_factory.mktemp("recorded") / "lake"
    first = json.loads(gzip.decompress((RECORDED / "snapshot-000.json.gz").read_bytes()))
    changes = list(_changes())
    with ApiServer(ttl=TTL, watch_limit=STREAMS) as server:
        server.load(first["items"], resource_version=int(first["metadata"]["resourceVersion"]))
        for one in _snapshots():
            version = int(one["resourceVersion"])
            while changes and int(changes[0]["object"]["metadata"]["resourceVersion"]) <= version:
                _applied(server, changes.pop(0))
            server.store.advance(version)
            server.now = datetime.fromisoformat(one["started"])
            assert len(server.store.at().keys) == one["items"]
            followed(server, folder, list_every=6, ttl=TTL, page_size=60)
    return folder


def test_the_changes_come_to_what_was_listed(lake: Path) -> None:
    """Every watch stands: after it as many events live as the real server listed at that version."""
    kinds = [row["kind"] for row in ledger(lake)]
    assert kinds == ["list"] + 4 * [*(6 * ["watch"]), "list"] + 5 * ["watch"]
    refused = [row["watch_refused"] for row in ledger(lake)[1:]]
    assert set(refused) == {None}
    assert {row["late_births"] for row in ledger(lake)} <= {None, 0}


def test_every_stored_version_is_in_the_lake(lake: Path) -> None:
    """Up to the last snapshot no version is missing, those included that no list ever showed, and each counts once."""
    until = int(_snapshots()[-1]["resourceVersion"])
    states: dict[tuple[str, str], int] = {}
    for change in _changes():
        one = change["object"]
        version = int(one["metadata"]["resourceVersion"])
        if change["type"] != "DELETED" and version <= until:
            # Of writes that move neither count nor time the newest stands for all.
            times = (one.get("series"), one.get("count"), one["lastTimestamp"], one["eventTime"])
            states[(one["metadata"]["uid"], json.dumps(times))] = version
    wanted = {(uid, version) for (uid, _), version in states.items()}
    found = {
        (row["uid"], row["resource_version"])
        for row in rows(lake, "select uid, resource_version from observations")
    }
    assert wanted < found
    # One object was there before the stream began.
    assert len(found) == len(wanted) + 1
    (counted,) = rows(lake, "select sum(occurrences)::int as n from events")
    assert counted["n"] == 1374


def test_the_wiped_namespace_is_told_from_expiries(lake: Path) -> None:
    """What was deleted before its time is marked, and nothing that expired is; all else that went lived its TTL."""
    until = int(_snapshots()[-1]["resourceVersion"])
    early: set[str] = set()
    expired: set[str] = set()
    for change in _changes():
        meta = change["object"]["metadata"]
        if change["type"] != "DELETED" or int(meta["resourceVersion"]) > until:
            continue
        written = max(
            (entry["time"] for entry in meta.get("managedFields", [])),
            default=meta["creationTimestamp"],
        )
        age = datetime.fromisoformat(change["received"]) - datetime.fromisoformat(written)
        (expired if age >= TTL else early).add(meta["uid"])
    found = {
        row["uid"]: row["deleted_early"]
        for row in rows(
            lake, "select uid, deleted_early from observations where deleted_at is not null"
        )
    }
    known = {uid for uid, told in found.items() if told is not None}
    assert early
    assert {uid for uid in known if found[uid]} <= early
    assert len({uid for uid in known if found[uid]}) >= len(early) * 3 // 4
    assert expired & known <= {uid for uid in known if not found[uid]}


def test_deletions_have_a_time(lake: Path) -> None:
    """By when an event was gone is told to the second or two where others are written, never earlier than it was."""
    until = int(_snapshots()[-1]["resourceVersion"])
    gone = {
        change["object"]["metadata"]["uid"]: datetime.fromisoformat(change["received"])
        for change in _changes()
        if change["type"] == "DELETED"
        and int(change["object"]["metadata"]["resourceVersion"]) <= until
    }
    listed = [datetime.fromisoformat(row["started"]) for row in _snapshots()]
    late = []
    for row in rows(lake, "select uid, deleted_at from observations where deleted_at is not null"):
        assert row["deleted_at"] >= gone[row["uid"]] - timedelta(seconds=1)
        late.append(row["deleted_at"] - gone[row["uid"]])
    assert len(late) > len(gone) // 2
    assert sorted(late)[len(late) // 2] <= timedelta(seconds=3)
    assert max(late) <= listed[1] - listed[0] + timedelta(seconds=3)
