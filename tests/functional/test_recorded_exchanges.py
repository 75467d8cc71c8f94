"""What a real API server 1.36 said, replayed to our client: paging, refusals, compaction, both API groups."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from etl import ingest
from etl.config.settings import Source
from etl.errors import ClusterError
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.source import decode, live
from etl.source.listing import Lister
from etl.source.live import Answer, Cluster
from etl.source.paging import Page
from tests.lib.api_answers import encoded
from tests.lib.commandline import NOW, Waits, eventlake, rows
from tests.lib.kubeconfigs import write_kubeconfig
from tests.lib.replay import ReplayServer, recording, recordings

# The one that is no GET; it is replayed to a plain client with the other seventeen beside the fake.
_POSTED = "18_duplicate_create_409"
_OURS = ("snapshot_id", "observed_at")
STATES = "select * from observations order by uid, n"


@pytest.fixture
def cluster(tmp_path: Path) -> Callable[[str], Cluster]:
    """Return what connects our client to a URL."""

    def connected(url: str) -> Cluster:
        return live.connect(_source(tmp_path, url), {})

    return connected


def _source(tmp_path: Path, url: str, **settings: Any) -> Source:
    path = write_kubeconfig(
        tmp_path / "kubeconfig",
        url=url,
        token="any",  # noqa: S106 -- the replay does not look at it
        certificate=None,
        context="replay",
    )
    known = {"kubeconfig": str(path), "namespaces": ["demo"], "page_size": 3, "retries": 1}
    return Source(**{**known, **settings})


def _lister(tmp_path: Path, server: ReplayServer, **settings: Any) -> Lister:
    source = _source(tmp_path, server.url, **settings)
    return Lister(live.connect(source, {}), source, lambda: NOW, Waits())


def _got(name: str, server: ReplayServer, cluster: Callable[[str], Cluster]) -> Answer:
    """Ask our client for a recorded request."""
    target = urlsplit(recording(name)["request"]["path"])
    return cluster(server.url).get(target.path, dict(parse_qsl(target.query)))


@pytest.mark.parametrize("name", [name for name in recordings() if name != _POSTED])
def test_client_receives_what_was_recorded(name: str, cluster: Callable[[str], Cluster]) -> None:
    """Status, body and the bytes that travelled are those of the recording."""
    response = recording(name)["response"]
    with ReplayServer(name) as server:
        answer = _got(name, server, cluster)
        assert answer.received_bytes == server.requests[0].bytes
    assert answer.status == response["status"]
    lines = response.get("lines") or [response["body"]]
    if name != "12_version":
        assert answer.body == b"".join(map(encoded, lines))
    assert (
        json.loads(answer.body.splitlines()[0] if "lines" in response else answer.body) == lines[0]
    )
    # The recorder left the Date out; the fake's is looked at in the tests of snapshots.
    assert answer.date is None


def test_recordings_are_all_asked_for() -> None:
    """Seventeen of the eighteen are GETs, so that a renamed file does not drop out unseen."""
    assert len(recordings()) == 18
    assert [n for n in recordings() if recording(n)["request"]["method"] != "GET"] == [_POSTED]


def test_pages_are_one_list(tmp_path: Path) -> None:
    """Three recorded pages are eight states of one revision, and the ledger says so."""
    lake = tmp_path / "lake"
    with ReplayServer("01", "02", "03") as server:
        lister = _lister(tmp_path, server)
        entry = ingest.take_snapshot(
            Lake(LocalFiles(lake)), "prod", lister, ingest.Run(NOW, "1", lambda: NOW)
        )
    assert (entry.status, entry.pages, entry.items, entry.rows_added) == ("complete", 3, 8, 8)
    assert (entry.list_resource_version, entry.remaining_items) == (102213, 5)
    assert entry.oldest_written_at == datetime(2026, 11, 23, 8, 21, 13, tzinfo=UTC)
    recorded = {
        item["metadata"]["uid"]: item
        for page in ("01", "02", "03")
        for item in recording(page)["response"]["body"]["items"]
    }
    stored = rows(lake, STATES)
    assert {row["uid"] for row in stored} == set(recorded)
    for row in stored:
        item = recorded[row["uid"]]
        series = item.get("series") or {}
        assert row["n"] == (series.get("count") or item.get("count") or 1)
        assert (row["message"], row["reason"]) == (item["message"], item["reason"])
        assert row["resource_version"] == int(item["metadata"]["resourceVersion"])
        assert row["flags"] is None


def test_both_api_groups_are_the_same_states(tmp_path: Path) -> None:
    """The list of events.k8s.io/v1, imported, adds nothing to the core/v1 list of the same moment."""
    lake = tmp_path / "lake"
    with ReplayServer("01", "02", "03") as server:
        run = ingest.Run(NOW, "1", lambda: NOW)
        ingest.take_snapshot(Lake(LocalFiles(lake)), "prod", _lister(tmp_path, server), run)
    listed = rows(lake, STATES)
    dump = tmp_path / "events.json"
    dump.write_bytes(encoded(recording("04")["response"]["body"]))
    for target in (lake, tmp_path / "other"):
        done = eventlake("--lake", target, "--cluster", "prod", "import", dump)
        assert done.code == 0, done.err
    assert rows(lake, STATES) == listed
    imported = rows(tmp_path / "other", STATES)
    for row in (*listed, *imported):
        for name in _OURS:
            del row[name]
    assert imported == listed


@pytest.mark.parametrize(
    ("name", "count"),
    [("05", 1), ("06", 1), ("07", 0)],
)
def test_single_pages_are_decoded_whole(
    name: str, count: int, cluster: Callable[[str], Cluster]
) -> None:
    """A series through core/v1, an event about a node, and an empty namespace hold nothing odd."""
    with ReplayServer(name) as server:
        body = _got(name, server, cluster).body
    decoded = decode.page(body)
    assert (len(decoded.events), decoded.unreadable, decoded.malformed) == (count, [], set())
    assert decode.header(body).metadata.continue_ is None


def test_refused_credentials(tmp_path: Path) -> None:
    """The recorded 401 is answered by reading the credentials again, once."""
    with ReplayServer("08") as server:
        lister = _lister(tmp_path, server, namespaces=[], page_size=1)
        with pytest.raises(ClusterError, match="does not accept the credentials"):
            list(lister.pages())
        assert [request.status for request in server.requests] == [401, 401]


def test_missing_permission(tmp_path: Path) -> None:
    """The recorded 403, after a 401, is told with the account's name as the server gave it."""
    with ReplayServer("08", "09") as server:
        lister = _lister(tmp_path, server, namespaces=[], page_size=1)
        with pytest.raises(ClusterError, match="system:serviceaccount:demo:reader"):
            list(lister.pages())
        assert [request.status for request in server.requests] == [401, 403]


def test_bad_token_is_not_asked_for_again(tmp_path: Path) -> None:
    """The recorded 400 to a token is an error, in the server's words; no other list takes its place."""
    with ReplayServer("10") as server:
        lister = _lister(tmp_path, server, namespaces=[], page_size=1)
        answer = live.connect(lister.source, {}).get(
            "/api/v1/events", {"limit": 1, "continue": "garbage"}
        )
    assert answer.status == 400
    assert "invalid continue token" in json.loads(answer.body)["message"]


def test_metadata_only_is_no_list_of_events(tmp_path: Path) -> None:
    """A list of PartialObjectMetadata, which an intermediary might ask for, is never taken for events."""
    with ReplayServer("13") as server:
        lister = _lister(tmp_path, server, page_size=2)
        with pytest.raises(ClusterError, match="kind 'PartialObjectMetadataList'"):
            list(lister.pages("demo"))


def test_compaction_is_survived_by_the_recorded_token(tmp_path: Path) -> None:
    """The 410 of the second page brings a token, which leads to the recorded, inconsistent rest."""
    pages: list[Page] = []
    with ReplayServer("01", "15", "16") as server:
        lister = _lister(tmp_path, server)
        # What comes behind the rest was not recorded, so the replay ends the list with a 404.
        with pytest.raises(ClusterError, match="not recorded"):
            pages.extend(lister.pages("demo"))
        assert [request.status for request in server.requests] == [200, 410, 200, 404]
    assert [len(decode.page(page.body).events) for page in pages] == [3, 3]
    assert lister.listing.inconsistent
    assert (lister.listing.resource_version, lister.listing.pages) == (102213, 2)
    assert lister.listing.notes == ["the list outlived a compaction and goes on at a newer version"]
