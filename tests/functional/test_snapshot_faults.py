"""Trouble between a snapshot and its cluster: what is survived, what is not, and what is left behind."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.config import incluster_config

from etl import ingest
from etl.config.settings import Source
from etl.errors import ClusterError
from etl.lake import append
from etl.lake.files import LocalFiles
from etl.lake.layout import Lake
from etl.lake.ledger import Entry
from etl.source import live
from etl.source.listing import Lister
from etl.timespan import Duration
from tests.lib import faults
from tests.lib.accounts import Account
from tests.lib.api_answers import unauthorized
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import (
    NOW,
    Done,
    Waits,
    contents,
    eventlake,
    ledger,
    parts,
    rows,
    temporaries,
)
from tests.lib.events import event
from tests.lib.faults import Fault
from tests.lib.loopback import Answer

MINUTE = timedelta(minutes=1)
KEYS = "select namespace, object_name, n from observations order by all"
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


def filled(server: ApiServer, count: int, *, namespace: str = "shop") -> None:
    """Write ``count`` events, about 1 kB each."""
    for number in range(count):
        server.add(event(f"web-{number:03d}", at=server.now, namespace=namespace))


def snapshot(
    server: ApiServer,
    lake: Path,
    *options: object,
    waits: Callable[[float], None] | None = None,
    now: datetime = NOW,
    **source: object,
) -> Done:
    """Take a snapshot in pages of three, with settings of the section ``source``."""
    kubeconfig = lake.with_name("kubeconfig")
    if not kubeconfig.exists():
        server.kubeconfig(kubeconfig)
    config = lake.with_name("eventlake.yaml")
    settings = {"kubeconfig": str(kubeconfig), "page_size": 3, **source}
    config.write_text(yaml.safe_dump({"source": settings}), "utf-8")
    return eventlake("--lake", lake, "--config", config, "snapshot", *options, sleep=waits, now=now)


def failed(done: Done, lake: Path) -> str:
    """Expect a failure of the cluster that the ledger's newest row tells, and nothing half-written."""
    assert done.code == 3, done.err
    row = ledger(lake)[-1]
    assert (row["status"], row["error"], row["items"]) == ("failed", done.sentence, None)
    assert temporaries(lake) == []
    return done.sentence


def ticking() -> Callable[[], datetime]:
    """A clock that goes on by a second each time it is read."""
    seconds = iter(range(1_000_000))
    return lambda: NOW + timedelta(seconds=next(seconds))


def taken(server: ApiServer, lake: Path, *namespaces: str, **settings: Any) -> Entry:
    """Take a snapshot by a ticking clock, in pages of three, without the command line."""
    kubeconfig = server.kubeconfig(lake.with_name("kubeconfig"))
    source = Source(
        kubeconfig=str(kubeconfig), namespaces=list(namespaces), **{"page_size": 3, **settings}
    )
    lister = Lister(live.connect(source, {}), source, ticking(), Waits())
    run = ingest.Run(NOW, f"{len(ledger(lake)):08x}", ticking())
    return ingest.take_snapshot(Lake(LocalFiles(lake)), "fake", lister, run)


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
    assert len(rows(lake, KEYS)) == 8
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
    staged: list[Path] = []

    def look(answer: Answer) -> Answer:
        while not staged:
            staged.extend(temporaries(lake))
        return faults.failing(500)(answer)

    server.faults.add(look, page=3, times=None)
    failed(snapshot(server, lake), lake)
    assert staged
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


def test_refused_credentials_are_read_again(server: ApiServer, lake: Path) -> None:
    """A 401 once: the kubeconfig is read anew, and a token that was renewed meanwhile is taken."""
    kubeconfig = server.kubeconfig(lake.with_name("kubeconfig"), token="stale")  # noqa: S106 -- a test's

    def renewed(_: Answer) -> Answer:
        server.kubeconfig(kubeconfig)
        return unauthorized()

    server.faults.add(renewed)
    assert snapshot(server, lake).code == 0
    assert [request.status for request in server.requests] == [401, 200, 200, 200]
    assert [(row["items"], row["status"]) for row in ledger(lake)] == [(8, "complete")]


def test_token_that_expires_between_pages_is_renewed(
    tmp_path: Path, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a pod the token is read again when the server does not take the old one any more."""
    folder = tmp_path / "serviceaccount"
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(folder / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(folder / "ca.crt"))
    with ApiServer(tls=True) as server:
        server.service_account(folder)
        filled(server, 6)

        def rotated(_: Answer) -> Answer:
            server.allow("rotated", server.accounts[server.token])
            server.revoke(server.token)
            (folder / "token").write_text("rotated\n", "utf-8")
            return unauthorized()

        server.faults.add(rotated, page=2)
        environ = {
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(server.port),
        }
        options = ("--lake", lake, "--cluster", "prod", "snapshot", "--page-size", 3)
        done = eventlake(*options, environ=environ)
        assert done.code == 0, done.err
        assert [request.status for request in server.requests] == [200, 401, 200]
    assert [row["items"] for row in ledger(lake)] == [6]


def test_credentials_refused_twice_end_the_snapshot(server: ApiServer, lake: Path) -> None:
    """A 401 that stays is told with what to do about it."""
    server.revoke(server.token)
    sentence = failed(snapshot(server, lake), lake)
    assert "(401)" in sentence
    assert "kubeconfig" in sentence
    assert [request.status for request in server.requests] == [401, 401]


@pytest.mark.parametrize(
    ("options", "parts_of_it"),
    [
        ((), ["in all namespaces", "ClusterRole", "source.namespaces", "at the cluster scope"]),
        (("-n", "db"), ["in namespace db", "a Role with", 'in the namespace "db"']),
    ],
)
def test_missing_permission_is_named(
    options: tuple[str, ...], parts_of_it: list[str], server: ApiServer, lake: Path
) -> None:
    """A 403 says which verb on which resource is missing where, at once, and what would grant it."""
    server.allow(server.token, Account("jane", frozenset({"get"})))
    sentence = failed(snapshot(server, lake, *options), lake)
    for part in [*parts_of_it, "list events", "(403)", "resources [events]", "verbs [list]"]:
        assert part in sentence
    assert len(server.requests) == 1
    assert ledger(lake)[0]["scope"] == (list(options[1:]) or None)


def test_one_forbidden_namespace_fails_the_whole(server: ApiServer, lake: Path) -> None:
    """A list of several namespaces is complete or failed: nothing of the allowed one is stored."""
    server.allow(server.token, Account("jane", frozenset({"list"}), frozenset({"shop"})))
    sentence = failed(snapshot(server, lake, "-n", "shop", "-n", "db"), lake)
    assert "in namespace db" in sentence
    assert parts(lake) == []


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


def test_connection_refused(lake: Path, server: ApiServer) -> None:
    """A port where nobody listens is tried a few times, and then named."""
    with socket.create_server(("127.0.0.1", 0)) as taken_port:
        port = taken_port.getsockname()[1]
    path = server.kubeconfig(lake.with_name("kubeconfig"))
    path.write_text(path.read_text("utf-8").replace(str(server.port), str(port)), "utf-8")
    waits = Waits()
    sentence = failed(snapshot(server, lake, waits=waits), lake)
    assert sentence.startswith(f"no connection to http://127.0.0.1:{port}: ")
    assert "Connection refused; gave up after 4 tries" in sentence
    assert len(waits.seconds) == 3
    row = ledger(lake)[0]
    assert (row["sent_at"], row["retries"]) == (None, 3)


def test_unknown_host(lake: Path, server: ApiServer) -> None:
    """A name that does not resolve is named."""
    path = server.kubeconfig(lake.with_name("kubeconfig"))
    path.write_text(path.read_text("utf-8").replace("127.0.0.1", "no-such-host.invalid"), "utf-8")
    sentence = failed(snapshot(server, lake, retries=0), lake)
    assert sentence.startswith("no connection to http://no-such-host.invalid:")
    assert "not known" in sentence or "resolution" in sentence


def test_plain_http_where_tls_was_meant(lake: Path, server: ApiServer) -> None:
    """TLS to a port that does not speak it fails at once."""
    path = server.kubeconfig(lake.with_name("kubeconfig"))
    path.write_text(path.read_text("utf-8").replace("http:", "https:"), "utf-8")
    sentence = failed(snapshot(server, lake), lake)
    assert re.match(r"TLS with https://127\.0\.0\.1:\d+ fails: \w", sentence)


def test_no_cluster_at_all(lake: Path) -> None:
    """Without kubeconfig and pod the command says what it looked for, and what works without."""
    done = eventlake("--lake", lake, "snapshot", environ={"HOME": "/nonexistent"})
    assert done.code == 3
    for word in ("--kubeconfig", "KUBECONFIG", "~/.kube/config", "run --sample"):
        assert word in done.sentence
    assert not lake.exists()


def test_named_cluster_without_a_kubeconfig_is_in_the_ledger(lake: Path) -> None:
    """Where the cluster's name is known, a run that finds no kubeconfig is a failed run, not no run."""
    environ = {"EVENTLAKE_CLUSTER": "prod"}
    failed(eventlake("--lake", lake, "snapshot", environ=environ), lake)
    assert rows(lake, "select cluster, status from snapshots order by 1") == [
        {"cluster": "prod", "status": "failed"}
    ]


BROKEN: dict[str, tuple[bytes, str]] = {
    "yaml": (b"clusters: [\n", "while parsing"),
    "empty": (b"", "is empty"),
    "not utf-8": (b"\xff\xfe\x00", "codec can't decode"),
    "a text": (b"hello\n", "it is not built like one"),
    "a list": (b"- a\n", "it is not built like one"),
    "null context": (b"contexts: [null]\ncurrent-context: x\n", "it is not built like one"),
    "no contexts": (b"apiVersion: v1\nkind: Config\ncurrent-context: x\n", "name x in"),
    "no context": (b"apiVersion: v1\nkind: Config\n", "current-context"),
}


@pytest.mark.parametrize("way", BROKEN)
def test_broken_kubeconfig(way: str, lake: Path) -> None:
    """Whatever is wrong with a kubeconfig is one sentence that names the file."""
    path = lake.with_name("kubeconfig")
    content, said = BROKEN[way]
    path.write_bytes(content)
    done = eventlake("--lake", lake, "--cluster", "prod", "snapshot", "--kubeconfig", path)
    assert failed(done, lake).startswith(f"the kubeconfig {path} cannot be used: ")
    assert said in done.sentence


def test_authority_that_is_no_certificate(lake: Path, server: ApiServer) -> None:
    """certificate-authority-data that is no Base64, or no certificate, is named."""
    path = server.kubeconfig(lake.with_name("kubeconfig"))
    content = yaml.safe_load(path.read_text("utf-8").replace("http:", "https:"))
    for number, (data, said) in enumerate([("A", "cannot be used"), ("YWJj", "TLS with")]):
        content["clusters"][0]["cluster"]["certificate-authority-data"] = data
        path.write_text(yaml.safe_dump(content), "utf-8")
        assert said in failed(snapshot(server, lake, now=NOW + number * MINUTE), lake)


def test_unknown_context(lake: Path, server: ApiServer) -> None:
    """A context that the kubeconfig does not hold is named with the file."""
    done = snapshot(server, lake, "--context", "elsewhere")
    assert done.code == 3
    assert f"the kubeconfig {lake.with_name('kubeconfig')}, context elsewhere" in done.sentence
    assert "name elsewhere" in done.sentence


@pytest.mark.parametrize("by", ["option", "environment", "configuration"])
def test_missing_kubeconfig(by: str, lake: Path) -> None:
    """A kubeconfig that is named and is not there is named again, whoever named it."""
    config = lake.with_name("eventlake.yaml")
    config.write_text("source: {kubeconfig: /no/such/file}\n", "utf-8")
    options: list[object] = ["--lake", lake]
    if by == "configuration":
        options += ["--config", config]
    options += ["snapshot", *(["--kubeconfig", "/no/such/file"] if by == "option" else [])]
    environ = {"KUBECONFIG": "/no/such/file"} if by == "environment" else {}
    done = eventlake(*options, environ=environ)
    assert done.code == 3
    assert "/no/such/file" in done.sentence
