"""What the bench measures with: generated events look like recorded ones, and prepared pages like the API's."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.generate_events import events, list_revision, rendered
from bench.prepared_server import PreparedServer
from tests.lib.apiserver import ApiServer
from tests.lib.plain_client import ask, fetch
from tests.lib.replay import recording

COUNT = 120
LIMIT = 50


@pytest.fixture(scope="module")
def prepared() -> Iterator[PreparedServer]:
    """A server process with 120 events in pages of 50."""
    with PreparedServer(events=COUNT, page_size=LIMIT) as server:
        yield server


def _decoded(state: int = 0, *, seed: int = 1, count: int = COUNT) -> list[dict[str, Any]]:
    return [json.loads(item) for item in rendered(count, seed=seed, state=state)]


def _shape(value: object) -> object:
    """The keys of an object, all the way down, with every value left out."""
    if isinstance(value, dict):
        return {name: _shape(below) for name, below in value.items()}
    return [_shape(below) for below in value] if isinstance(value, list) else None


def test_events_are_the_same_for_the_same_seed() -> None:
    """Two runs give the same bytes; another seed gives other events."""
    assert list(rendered(COUNT)) == list(rendered(COUNT))
    assert set(rendered(COUNT)).isdisjoint(rendered(COUNT, seed=2))


def test_events_come_in_the_order_of_etcd() -> None:
    """The order is that of namespace/name, and no key and no uid comes twice."""
    items = [item["metadata"] for item in _decoded()]
    keys = [f"{item['namespace']}/{item['name']}" for item in items]
    assert keys == sorted(set(keys))
    assert len({item["uid"] for item in items}) == COUNT


def test_no_revision_comes_twice() -> None:
    """Two objects of one etcd never have the same resourceVersion, however many were written in a second."""
    revisions = [event.revision for event in events(20_000)]
    assert len(set(revisions)) == len(revisions)
    assert max(revisions) < list_revision()


def test_another_day_is_the_same_but_for_its_times() -> None:
    """Events of days ago have the same names and counts, and their times and revisions are earlier."""
    today = _decoded()
    before = [json.loads(item) for item in rendered(COUNT, days_ago=2)]
    for now, then in zip(today, before, strict=True):
        assert (then["metadata"]["name"], then.get("count")) == (
            now["metadata"]["name"],
            now.get("count"),
        )
        assert then["metadata"]["creationTimestamp"] < now["metadata"]["creationTimestamp"]
        revisions = (int(e["metadata"]["resourceVersion"]) for e in (then, now))
        assert next(revisions) < next(revisions)


def test_events_have_the_recorded_shape() -> None:
    """Both recorders' events have exactly the fields of recorded ones, managedFields included."""
    series, counted, *_ = recording("01")["response"]["body"]["items"]
    # A writer may leave it out, and the one that was recorded did.
    series["involvedObject"]["resourceVersion"] = ""
    shapes = [_shape(item) for item in _decoded(state=1)]
    for recorded in (series, counted):
        assert _shape(recorded) in shapes
    assert all(shape in (_shape(series), _shape(counted)) for shape in shapes)


def test_size_is_that_of_real_events() -> None:
    """An event is about 1.17 kB of JSON, of which gzip leaves about 130 bytes."""
    items = list(rendered(2000))
    assert 1150 < sum(map(len, items)) / len(items) < 1200
    assert 110 < len(gzip.compress(b",".join(items), 1)) / len(items) < 150


def test_states_grow() -> None:
    """A later state of an event has the same identity, a greater count, time and revision."""
    states = [_decoded(state) for state in range(3)]
    for versions in zip(*states, strict=True):
        counts = [v.get("count") or v.get("series", {}).get("count", 1) for v in versions]
        times = [v["metadata"]["managedFields"][0]["time"] for v in versions]
        revisions = [int(v["metadata"]["resourceVersion"]) for v in versions]
        assert len({(v["metadata"]["uid"], v["metadata"]["name"]) for v in versions}) == 1
        for grown in (counts, times, revisions):
            assert grown == sorted(set(grown))
        assert all(r < list_revision(state=s) for s, r in enumerate(revisions))


def test_pages_equal_those_of_the_fake(prepared: PreparedServer) -> None:
    """The prepared LIST is, page by page, what the fake API server shows of the same events."""
    prepared.show(1)
    with ApiServer() as server:
        server.load(_decoded(1), resource_version=list_revision(state=1))
        token, pages = "", 0
        while pages == 0 or token:
            target = f"/api/v1/events?limit={LIMIT}" + (f"&continue={token}" if token else "")
            shown = ask(server, target).json()
            assert fetch(prepared.url, target).json() == shown
            token, pages = shown["metadata"].get("continue", ""), pages + 1
    assert pages == prepared.sizes().pages == 3


def test_prepared_pages_are_gzipped_where_accepted(prepared: PreparedServer) -> None:
    """A client that accepts gzip gets the prepared bytes; one that does not gets the same JSON."""
    target = f"/api/v1/events?limit={LIMIT}"
    packed = fetch(prepared.url, target, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Transfer-Encoding"] == "chunked"
    assert gzip.decompress(packed.body) == fetch(prepared.url, target).body


def test_states_are_switched(prepared: PreparedServer) -> None:
    """The server shows one state at a time, and a token of the other one is refused."""
    prepared.show(0)
    first = fetch(prepared.url, f"/api/v1/events?limit={LIMIT}").json()["metadata"]
    sizes = prepared.show(2)
    onward = f"/api/v1/events?limit={LIMIT}&continue={first['continue']}"
    second = fetch(prepared.url, f"/api/v1/events?limit={LIMIT}").json()["metadata"]
    assert int(second["resourceVersion"]) > int(first["resourceVersion"])
    assert fetch(prepared.url, onward).status == 410
    assert sizes.events == COUNT
    assert sizes.json_bytes > sizes.gzip_bytes > 0


def test_other_requests_are_refused(prepared: PreparedServer, tmp_path: Path) -> None:
    """Another limit than the prepared one is an error, not another list; /version answers."""
    assert fetch(prepared.url, "/api/v1/events?limit=7").status == 400
    assert fetch(prepared.url, "/api/v1/pods").status == 404
    assert fetch(prepared.url, "/version").json()["minor"] == "36"
    assert prepared.url in prepared.kubeconfig(tmp_path / "config").read_text(encoding="utf-8")


def test_server_that_cannot_start_says_so() -> None:
    """A child that ends before it is ready is an error."""
    with (
        pytest.raises(RuntimeError, match="ended with code"),
        PreparedServer(events=1, page_size=-1),
    ):
        pass
