"""The fake API server answers as the recorded one did: the same bytes for all 18 exchanges.

Each recording is asked of the fake, in the state the real server was in, and of
the replay; then come the things that the recordings do not hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.lib.accounts import Account
from tests.lib.apiserver import ApiServer
from tests.lib.events import event, series_event
from tests.lib.plain_client import Reply, ask, fetch
from tests.lib.replay import Exchange, ReplayServer, recording, recordings

LISTED = 102213
AT = datetime(2026, 11, 23, 8, tzinfo=UTC)
DEMO = "/api/v1/namespaces/demo/events"
_UNCOMPARED = {"Date", "Transfer-Encoding", "Content-Length"}
# The one recording whose client was put into another flow than ours; its uids say nothing more.
_FLOW = {"X-Kubernetes-Pf-Flowschema-Uid", "X-Kubernetes-Pf-Prioritylevel-Uid"}


def _recorded_items() -> list[dict[str, Any]]:
    """The core/v1 objects that were stored when the recording began: ten of them, in two namespaces."""
    pages = ("01", "02", "03", "06")
    return [item for page in pages for item in recording(page)["response"]["body"]["items"]]


def _changed(server: ApiServer) -> None:
    """Write what the recorded watch saw: a count, a new event, a deletion."""
    patched, added, _ = (line["object"] for line in recording("14")["response"]["lines"])
    server.store.advance(LISTED + 1)
    server.now = datetime(2026, 11, 23, 8, 21, 14, tzinfo=UTC)
    server.patch("web-1.18ea9dff04c13ce1", count=2, lastTimestamp=patched["lastTimestamp"])
    server.add({k: v for k, v in added.items() if k not in {"kind", "apiVersion"}})
    server.delete("web-2.18ea9dff04c13ce2")


@pytest.fixture
def recorded(request: pytest.FixtureRequest) -> Iterator[ApiServer]:
    """A fake in the state that the exchange named by the test's parameter was recorded in."""
    name: str = request.getfixturevalue("name")
    with ApiServer(watch_limit=0.1) as server:
        server.load(_recorded_items(), resource_version=LISTED)
        if name.startswith("13"):
            server.store.advance(LISTED + 1)
        if name[:2] in {"14", "15", "16", "17"}:
            _changed(server)
        if name[:2] in {"15", "16", "17"}:
            server.store.advance(102219)
            server.compact()
        if name.startswith("09"):
            server.allow(server.token, Account("system:serviceaccount:demo:reader", frozenset()))
        if name.startswith("08"):
            server.revoke(server.token)
        yield server


def _sent(exchange: Exchange, url: str, token: str) -> Reply:
    """Send the recorded request, with ``token`` in place of the blanked one."""
    wanted = exchange["request"]
    headers = {**wanted.get("headers", {}), "Authorization": f"Bearer {token}"}
    body = None
    if wanted["method"] == "POST":
        body = b'{"metadata": {"name": "web-1.18ea9dff04c13ce1"}, "reason": "BackOff"}'
    return fetch(url, wanted["path"], method=wanted["method"], headers=headers, body=body)


def _same(reply: Reply, exchange: Exchange) -> None:
    """Hold status, body, framing and headers of ``reply`` against the recorded response."""
    response = exchange["response"]
    assert reply.status == response["status"]
    if "lines" in response:
        assert reply.lines() == response["lines"]
    else:
        assert reply.json() == response["body"]
        assert list(reply.json()) == list(response["body"])
    for framing in ("Content-Length", "Transfer-Encoding"):
        assert reply.headers.get(framing) == response["headers"].get(framing)
    assert set(reply.headers) - _UNCOMPARED == set(response["headers"]) - _UNCOMPARED
    for header in set(reply.headers) - _UNCOMPARED - _FLOW:
        assert reply.headers[header] == response["headers"][header]


@pytest.mark.parametrize("name", recordings())
def test_fake_answers_as_recorded(name: str, recorded: ApiServer) -> None:
    """Status, headers, framing and body equal the recording, continue tokens and revisions included."""
    exchange = recording(name)
    _same(_sent(exchange, recorded.url, recorded.token), exchange)


@pytest.mark.parametrize("name", recordings())
def test_replay_answers_as_recorded(name: str) -> None:
    """The replay sends a recorded exchange verbatim."""
    exchange = recording(name)
    with ReplayServer(name) as server:
        _same(_sent(exchange, server.url, "any"), exchange)


def test_recordings_are_all_here() -> None:
    """Eighteen exchanges are compared, so that a lost file does not pass as success."""
    assert len(recordings()) == 18


def test_replay_answers_repeated_requests_in_order_and_names_what_it_lacks() -> None:
    """Two exchanges of one request come in turn, the last one stays; others get a 404 that names them."""
    with ReplayServer("08", "09") as server:
        target = recording("08")["request"]["path"]
        assert [fetch(server.url, target).status for _ in range(3)] == [401, 403, 403]
        assert b"GET /elsewhere" in fetch(server.url, "/elsewhere").body


def _filled(server: ApiServer, count: int, **fields: Any) -> None:
    for number in range(count):
        server.add(event(f"web-{number:04d}", at=AT, **fields))


def _names(reply: Reply) -> list[str]:
    return [item["involvedObject"]["name"] for item in reply.json()["items"]]


def _pages(server: ApiServer, target: str) -> list[Reply]:
    """Ask for all pages of a list."""
    replies = [ask(server, target)]
    while token := replies[-1].json()["metadata"].get("continue"):
        replies.append(ask(server, f"{target}&continue={token}"))
    return replies


def test_all_pages_come_from_one_revision(apiserver: ApiServer) -> None:
    """What is written, changed or deleted while a client pages is not seen on the later pages."""
    _filled(apiserver, 5)
    first = ask(apiserver, "/api/v1/events?limit=2")
    apiserver.add(event("web-0002-new", at=AT))
    apiserver.delete(apiserver.store.at().events[-1]["metadata"]["uid"])
    apiserver.patch(apiserver.store.at().events[-1]["metadata"]["uid"], count=9)
    token = first.json()["metadata"]["continue"]
    rest = ask(apiserver, f"/api/v1/events?limit=3&continue={token}")
    assert first.json()["metadata"]["remainingItemCount"] == 3
    assert rest.json()["metadata"] == {
        "resourceVersion": first.json()["metadata"]["resourceVersion"]
    }
    assert _names(first) + _names(rest) == [f"web-{n:04d}" for n in range(5)]
    assert [item["count"] for item in rest.json()["items"]] == [1, 1, 1]


def test_list_of_all_namespaces_is_in_key_order(apiserver: ApiServer) -> None:
    """The order is that of namespace/name, and a namespace's list holds its own events only."""
    for namespace in ("shop", "db", "shop-2"):
        _filled(apiserver, 2, namespace=namespace)
    listed = [i["metadata"]["namespace"] for i in ask(apiserver, "/api/v1/events").json()["items"]]
    assert listed == ["db", "db", "shop-2", "shop-2", "shop", "shop"]
    assert len(ask(apiserver, "/api/v1/namespaces/shop/events?limit=9").json()["items"]) == 2


def test_compaction_ends_a_token_once(apiserver: ApiServer) -> None:
    """After a compaction the token gets 410 with a new one, which goes on at the latest revision."""
    _filled(apiserver, 4)
    first = ask(apiserver, "/api/v1/events?limit=2").json()["metadata"]
    apiserver.compact()
    expired = ask(apiserver, f"/api/v1/events?limit=2&continue={first['continue']}")
    assert (expired.status, expired.json()["reason"]) == (410, "Expired")
    onward = expired.json()["metadata"]["continue"]
    rest = ask(apiserver, f"/api/v1/events?limit=2&continue={onward}")
    assert _names(rest) == ["web-0002", "web-0003"]
    assert int(rest.json()["metadata"]["resourceVersion"]) > int(first["resourceVersion"])
    exact = ask(apiserver, f"/api/v1/events?limit=2&resourceVersion={first['resourceVersion']}")
    assert exact.json()["message"] == "The resourceVersion for the provided list is too old."


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("involvedObject.name=web-0", ["web-0"]),
        ("involvedObject.kind=Pod,reason!=BackOff", ["web-1"]),
        ("type==Normal", []),
        ("source=default-scheduler", ["web-1"]),
        ("metadata.namespace=shop,reportingComponent=kubelet", ["web-0"]),
    ],
)
def test_field_selector(selector: str, expected: list[str], apiserver: ApiServer) -> None:
    """A field selector leaves what matches all its terms, and no remaining count is told."""
    apiserver.add(event("web-0", at=AT))
    apiserver.add(series_event("web-1", at=AT))
    reply = ask(apiserver, f"/api/v1/events?limit=1&fieldSelector={selector}")
    assert _names(reply) == expected
    assert "remainingItemCount" not in reply.json()["metadata"]


def test_selected_list_may_end_with_an_empty_page(apiserver: ApiServer) -> None:
    """With a selector the server cannot know that nothing more matches, as the real one cannot."""
    apiserver.add(event("web-0", at=AT))
    apiserver.add(event("web-1", at=AT, reason="Killing"))
    replies = _pages(apiserver, "/api/v1/events?limit=1&fieldSelector=reason%3DBackOff")
    assert [_names(reply) for reply in replies] == [["web-0"], []]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("fieldSelector=foo%3Dx", "field label not supported: foo"),
        ("fieldSelector=foo", "invalid selector: 'foo'; can't understand 'foo'"),
        ("continue=%21", "invalid continue token: continue key is not valid: illegal base64 data"),
        (
            "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NSwic3RhcnQiOiIuLi94In0",
            "invalid continue token: continue key is not valid: ../x",
        ),
        (
            "resourceVersion=7&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NSwic3RhcnQiOiJ4In0",
            "specifying resource version is not allowed when using continue",
        ),
        ("labelSelector=a%3Db", "the fake API server does not speak labelSelector"),
    ],
)
def test_bad_option_is_a_bad_request(query: str, message: str, apiserver: ApiServer) -> None:
    """An option that cannot be read gets 400 with the server's words."""
    reply = ask(apiserver, f"/api/v1/events?{query}")
    assert (reply.status, reply.json()["message"]) == (400, message)


def test_rbac_by_verb_namespace_and_group(apiserver: ApiServer) -> None:
    """An account reads what its role gives it; the refusal names verb, group and place."""
    apiserver.allow(
        "narrow", Account("jane", frozenset({"list"}), frozenset({"shop"}), frozenset({""}))
    )
    headers = {"Authorization": "Bearer narrow"}
    allowed = fetch(apiserver.url, "/api/v1/namespaces/shop/events", headers=headers)
    assert allowed.status == 200
    targets = (
        "/api/v1/namespaces/db/events",
        "/api/v1/namespaces/shop/events?watch=1",
        "/apis/events.k8s.io/v1/events",
        "/api/v1/namespaces/kube-system",
    )
    refused = [fetch(apiserver.url, target, headers=headers) for target in targets]
    assert {reply.status for reply in refused} == {403}
    assert [reply.json()["message"] for reply in refused] == [
        'events is forbidden: User "jane" cannot list resource "events" in API group "" in the namespace "db"',
        'events is forbidden: User "jane" cannot watch resource "events" in API group "" in the namespace "shop"',
        'events.events.k8s.io is forbidden: User "jane" cannot list resource "events" in API group "events.k8s.io" at the cluster scope',
        'namespaces "kube-system" is forbidden: User "jane" cannot get resource "namespaces" in API group "" in the namespace "kube-system"',
    ]


def test_other_requests_get_their_errors(apiserver: ApiServer) -> None:
    """No token, unknown paths, objects, forms and methods are refused as the real server refuses them."""
    stored = apiserver.add(event(at=AT))["metadata"]
    accept = {"Accept": "application/vnd.kubernetes.protobuf"}
    assert fetch(apiserver.url, "/api/v1/events").status == 401
    assert ask(apiserver, "/api/v1/services").status == 404
    assert ask(apiserver, "/api/v1/events", headers=accept).status == 406
    assert ask(apiserver, "/api/v1/events?watch=1&sendInitialEvents=true").status == 400
    assert ask(apiserver, f"/api/v1/namespaces/shop/events/{stored['name']}").json()["count"] == 1
    assert ask(apiserver, "/api/v1/namespaces/shop/events/no").json()["reason"] == "NotFound"
    assert ask(apiserver, "/api/v1/events", headers={}, method="DELETE").status == 403
    apiserver.allow(apiserver.token, Account("root", frozenset({"delete"})))
    assert ask(apiserver, "/api/v1/events", method="DELETE").status == 405


def test_namespace_tells_the_cluster(apiserver: ApiServer) -> None:
    """The uid of kube-system, by which clusters are told apart, can be read."""
    assert ask(apiserver, "/api/v1/namespaces/kube-system").json()["metadata"]["uid"]
