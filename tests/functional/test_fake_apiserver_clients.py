"""What clients of the fake API server see over time: watches, clocks, expiry, kept connections, the official client."""

from __future__ import annotations

import gzip
import importlib
import json
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.lib.apiserver import ApiServer
from tests.lib.events import event, series_event
from tests.lib.plain_client import ask
from tests.lib.replay import ReplayServer

# Partly typed, and then not as it behaves; here it is only a client that somebody else wrote.
kubernetes: Any = importlib.import_module("kubernetes")
AT = datetime(2026, 11, 23, 8, tzinfo=UTC)


def test_watch_shows_writes_as_they_come_and_ends_with_its_server() -> None:
    """A watch from no revision shows what is there, then each write; a stop ends it."""
    with ApiServer() as server:
        server.add(event("a", at=AT))
        connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
        headers = {"Authorization": f"Bearer {server.token}"}
        connection.request("GET", "/apis/events.k8s.io/v1/events?watch=true", headers=headers)
        response = connection.getresponse()
        before = json.loads(response.readline())
        server.add(series_event("b", at=AT, count=3))
        after = json.loads(response.readline())
    connection.close()
    assert (before["type"], before["object"]["deprecatedCount"]) == ("ADDED", 1)
    assert (after["type"], after["object"]["series"]["count"]) == ("ADDED", 3)


def test_watch_follows_its_selector() -> None:
    """An event that begins to match is ADDED, one that stops is DELETED, others are not shown."""
    with ApiServer(watch_limit=0.1) as server:
        stored = server.add(event("a", at=AT))["metadata"]
        since = stored["resourceVersion"]
        server.patch(stored["uid"], reason="Killing")
        server.add(event("b", at=AT))
        server.patch(stored["uid"], reason="BackOff")
        seen = [
            ask(server, f"/api/v1/events?watch=1&fieldSelector={s}&resourceVersion={since}").lines()
            for s in (f"involvedObject.name%3Da,reason%3D{r}" for r in ("BackOff", "Killing"))
        ]
    assert [[line["type"] for line in lines] for lines in seen] == [
        ["DELETED", "ADDED"],
        ["ADDED", "DELETED"],
    ]


def test_large_answers_are_gzipped_only_where_accepted(apiserver: ApiServer) -> None:
    """Above 128 KiB a client that accepts gzip gets it, one that does not gets the same JSON plain."""
    for number in range(200):
        apiserver.add(event(f"web-{number}", at=AT))
    accept = {"Accept-Encoding": "gzip"}
    plain, packed = (
        ask(apiserver, "/api/v1/events"),
        ask(apiserver, "/api/v1/events", headers=accept),
    )
    small = ask(apiserver, "/api/v1/events?limit=10", headers=accept)
    assert len(plain.body) > 128 * 1024
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert "Content-Encoding" not in small.headers
    assert [served.bytes for served in apiserver.requests[:2]] == [
        len(plain.body),
        len(packed.body),
    ]


def test_clock_log_and_metadata(apiserver: ApiServer) -> None:
    """Date, creation and write times follow the server's clock; the log tells what was asked."""
    stored = apiserver.add(event(at=AT))
    apiserver.now = AT + timedelta(minutes=5)
    patched = apiserver.patch(stored["metadata"]["uid"], count=2)
    unchanged = apiserver.patch(stored["metadata"]["uid"], count=2)
    reply = ask(apiserver, "/api/v1/events?limit=7", headers={"X-Trace": "t"})
    assert reply.headers["Date"] == "Mon, 23 Nov 2026 08:05:00 GMT"
    assert patched["metadata"]["creationTimestamp"] == "2026-11-23T08:00:00Z"
    assert patched["metadata"]["managedFields"][0]["time"] == "2026-11-23T08:05:00Z"
    assert unchanged == patched
    assert (
        int(patched["metadata"]["resourceVersion"])
        == int(stored["metadata"]["resourceVersion"]) + 1
    )
    (served,) = apiserver.requests
    assert (served.path, served.query, served.status) == ("/api/v1/events", {"limit": "7"}, 200)
    assert served.headers["x-trace"] == "t"


def test_events_expire_a_ttl_after_their_last_write(apiserver: ApiServer) -> None:
    """A patch renews an event's life; what was not written for a TTL goes."""
    old, kept = apiserver.add(event("a", at=AT)), apiserver.add(event("b", at=AT))
    apiserver.now = AT + timedelta(minutes=30)
    apiserver.patch(kept["metadata"]["name"], count=2)
    assert apiserver.expire(AT + timedelta(hours=1)) == 1
    (left,) = ask(apiserver, "/api/v1/events").json()["items"]
    assert left["metadata"]["uid"] == kept["metadata"]["uid"]
    again = apiserver.add(event("a", at=AT, count=2))
    assert again["metadata"]["name"] == old["metadata"]["name"]
    assert again["metadata"]["uid"] != old["metadata"]["uid"]


def test_connection_is_kept_alive(apiserver: ApiServer) -> None:
    """One connection serves many requests."""
    connection = HTTPConnection("127.0.0.1", apiserver.port, timeout=20)
    statuses = []
    for _ in range(3):
        connection.request(
            "GET", "/version", headers={"Authorization": f"Bearer {apiserver.token}"}
        )
        response = connection.getresponse()
        statuses.append((response.status, len(response.read())))
    connection.close()
    assert statuses == [(200, 363)] * 3


@pytest.mark.parametrize("exec_plugin", [False, True])
def test_official_client_reads_through_the_kubeconfig(*, exec_plugin: bool, tmp_path: Path) -> None:
    """The Kubernetes client, given the written kubeconfig, trusts the server and is let in."""
    with ApiServer(tls=True) as server:
        for number in range(3):
            server.add(event(f"web-{number}", at=AT))
        path = server.kubeconfig(tmp_path / "kubeconfig", exec_plugin=exec_plugin)
        client = kubernetes.config.new_client_from_config(str(path), context="fake")
        with client:
            events = kubernetes.client.CoreV1Api(client).list_namespaced_event("shop", limit=2)
    assert len(events.items) == 2
    assert events.metadata.remaining_item_count == 1


def test_official_client_reads_as_a_pod(tmp_path: Path) -> None:
    """The Kubernetes client finds its way by what a pod finds mounted."""
    with ApiServer(tls=True) as server:
        folder = server.service_account(tmp_path / "serviceaccount")
        settings = kubernetes.client.Configuration()
        kubernetes.config.incluster_config.InClusterConfigLoader(
            token_filename=str(folder / "token"),
            cert_filename=str(folder / "ca.crt"),
            environ={
                "KUBERNETES_SERVICE_HOST": "127.0.0.1",
                "KUBERNETES_SERVICE_PORT": str(server.port),
            },
        ).load_and_set(settings)
        with kubernetes.client.ApiClient(settings) as client:
            assert kubernetes.client.VersionApi(client).get_code().minor == "36"


def test_official_client_pages_through_the_replay() -> None:
    """The recorded pages, replayed, are a list to the Kubernetes client."""
    with ReplayServer("01", "02", "03") as server:
        settings = kubernetes.client.Configuration(host=server.url)
        with kubernetes.client.ApiClient(settings) as client:
            api = kubernetes.client.CoreV1Api(client)
            first = api.list_namespaced_event("demo", limit=3)
            token = client.sanitize_for_serialization(first)["metadata"]["continue"]
            second = api.list_namespaced_event("demo", limit=3, _continue=token)
    assert [len(page.items) for page in (first, second)] == [3, 3]
