"""Snapshots that do not even begin: no credentials, no permission, no connection, no cluster; and what is said."""

from __future__ import annotations

import base64
import re
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
import yaml
from kubernetes.config import incluster_config

from tests.lib.accounts import Account
from tests.lib.api_answers import unauthorized
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import (
    NOW,
    Waits,
    eventlake,
    ledger,
    parts,
    rows,
)
from tests.lib.loopback import Answer
from tests.lib.snapshots import failed, filled, snapshot

MINUTE = timedelta(minutes=1)


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


def test_wrong_authority_is_refused_at_once(tmp_path: Path, lake: Path) -> None:
    """A server that the kubeconfig's authority does not vouch for is not asked again."""
    with ApiServer(tls=True) as server:
        path = server.kubeconfig(tmp_path / "kubeconfig")
        content = yaml.safe_load(path.read_text("utf-8"))
        stranger = base64.b64encode(trustme.CA().cert_pem.bytes()).decode()
        content["clusters"][0]["cluster"]["certificate-authority-data"] = stranger
        path.write_text(yaml.safe_dump(content), "utf-8")
        done = eventlake("--lake", lake, "snapshot", "--kubeconfig", path)
        assert server.requests == []
    assert done.code == 3
    assert done.sentence.startswith(f"TLS with {server.url} fails: certificate verify failed")
    assert "certificate-authority" in done.sentence
    (row,) = ledger(lake)
    assert (row["status"], row["retries"], row["error"]) == ("failed", 0, done.sentence)


def test_failing_exec_plugin_says_why(tmp_path: Path, lake: Path) -> None:
    """What the plugin said is the message and the ledger's reason; nobody is asked without credentials."""
    with ApiServer() as server:
        path = server.kubeconfig(tmp_path / "kubeconfig", exec_plugin=True)
        (tmp_path / "credential-plugin").write_text("#!/bin/sh\necho log in first >&2\nexit 1\n")
        done = eventlake("--lake", lake, "snapshot", "--kubeconfig", path)
        assert server.requests == []
    assert done.code == 3
    assert (
        done.sentence
        == f"the kubeconfig {path} cannot be used: exec: process returned 1. log in first"
    )
    assert [row["error"] for row in ledger(lake)] == [done.sentence]


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


@pytest.mark.parametrize("names", [("shop", "db"), ("db", "shop")])
def test_a_forbidden_namespace_costs_itself_only(
    names: tuple[str, ...], server: ApiServer, lake: Path
) -> None:
    """What may be listed is stored and proven; the refused namespace has a failed row, and the run fails."""
    server.allow(server.token, Account("jane", frozenset({"list"}), frozenset({"shop"})))
    done = snapshot(server, lake, "-n", names[0], "-n", names[1])
    assert done.code == 3
    assert "in namespace db" in done.sentence
    assert "the other namespaces were read" in done.sentence
    whole, refused = ledger(lake)
    assert (whole["status"], whole["scope"], whole["items"]) == ("complete", ["shop"], 8)
    assert whole["sent_at"] is not None
    assert (refused["status"], refused["scope"], refused["sent_at"]) == ("failed", ["db"], None)
    assert "in namespace db" in refused["error"]
    assert len(parts(lake)) == 1


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


def test_proxy_that_is_not_there(lake: Path, server: ApiServer) -> None:
    """A proxy that cannot be reached is named beside the cluster behind it."""
    with socket.create_server(("127.0.0.1", 0)) as taken_port:
        port = taken_port.getsockname()[1]
    path = server.kubeconfig(lake.with_name("kubeconfig"))
    content = yaml.safe_load(path.read_text("utf-8"))
    content["clusters"][0]["cluster"]["proxy-url"] = f"http://127.0.0.1:{port}"
    path.write_text(yaml.safe_dump(content), "utf-8")
    sentence = failed(snapshot(server, lake, retries=0), lake)
    assert sentence.startswith(f"no connection to {server.url}: ")
    assert "proxy" in sentence


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


def test_context_without_a_kubeconfig(lake: Path) -> None:
    """A context that is asked for is never replaced by the cluster that the pod runs in."""
    environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}
    done = eventlake("--lake", lake, "snapshot", "--context", "prod", environ=environ)
    assert (done.code, done.sentence) == (
        3,
        "the context prod needs a kubeconfig, and there is none",
    )


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
