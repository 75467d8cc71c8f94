"""Snapshots of a living cluster: from a kubeconfig or a pod's account, over HTTP or TLS, into a real lake."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from kubernetes.config import incluster_config

from tests.lib import faults
from tests.lib.accounts import Account
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import (
    NOW,
    Done,
    contents,
    eventlake,
    ledger,
    parts,
    rows,
    temporaries,
)
from tests.lib.events import event, series_event

MINUTES = timedelta(minutes=1)
STATES = "select name, n, last_seen, message, namespace from observations order by all"
KEYS = "select object_name, n, last_seen from observations order by all"


@pytest.fixture
def kubeconfig(apiserver: ApiServer, tmp_path: Path) -> Path:
    """A kubeconfig of the fake, whose cluster is called ``fake``."""
    return apiserver.kubeconfig(tmp_path / "kubeconfig")


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake that is not there yet."""
    return tmp_path / "lake"


def snapshot(
    lake: Path,
    kubeconfig: Path,
    *options: object,
    now: datetime = NOW,
    cluster: tuple[str, ...] = (),
) -> Done:
    """Take a snapshot and expect it to succeed."""
    done = eventlake(
        "--lake", lake, *cluster, "snapshot", "--kubeconfig", kubeconfig, *options, now=now
    )
    assert done.code == 0, done.err
    return done


def filled(server: ApiServer, count: int, **fields: Any) -> None:
    """Write ``count`` events about web-000, web-001 and so on."""
    for number in range(count):
        server.add(event(f"web-{number:03d}", at=server.now, **fields))


def test_kubeconfig_by_option_environment_and_home(apiserver: ApiServer, tmp_path: Path) -> None:
    """The option wins over KUBECONFIG, which wins over the one at home; each names its cluster."""
    filled(apiserver, 1)
    home = tmp_path / "home" / ".kube"
    home.mkdir(parents=True)
    apiserver.kubeconfig(home / "config", context="at-home")
    named = apiserver.kubeconfig(tmp_path / "named", context="by-environment")
    given = apiserver.kubeconfig(tmp_path / "given", context="by-option")
    environ = {"HOME": str(home.parent), "EVENTLAKE_LAKE": str(tmp_path / "lake")}
    missing = f"{tmp_path / 'missing'}:{named}"
    ways: list[tuple[list[object], dict[str, str]]] = [
        ([], environ),
        ([], {**environ, "KUBECONFIG": missing}),
        (["--kubeconfig", given], {**environ, "KUBECONFIG": missing}),
    ]
    for options, world in ways:
        assert eventlake("snapshot", *options, environ=world).code == 0
    found = rows(tmp_path / "lake", "select cluster from snapshots order by 1")
    assert [row["cluster"] for row in found] == ["at-home", "by-environment", "by-option"]


def test_kubeconfigs_are_merged(tmp_path: Path) -> None:
    """KUBECONFIG may name several files, and --context chooses a context of any of them."""
    with ApiServer() as one, ApiServer() as two:
        filled(one, 1)
        filled(two, 2)
        paths = [
            one.kubeconfig(tmp_path / "one", context="one"),
            two.kubeconfig(tmp_path / "two", context="two"),
        ]
        environ = {"KUBECONFIG": ":".join(map(str, paths)), "EVENTLAKE_LAKE": str(tmp_path / "l")}
        assert eventlake("snapshot", "--context", "one", environ=environ).code == 0
        assert eventlake("snapshot", "--context", "two", environ=environ).code == 0
    found = rows(tmp_path / "l", "select cluster, items from snapshots order by 1")
    assert found == [{"cluster": "one", "items": 1}, {"cluster": "two", "items": 2}]


def test_context_is_enough_without_a_current_one(
    apiserver: ApiServer, kubeconfig: Path, lake: Path
) -> None:
    """A kubeconfig that has no current context is used by naming one."""
    content = yaml.safe_load(kubeconfig.read_text("utf-8"))
    content["current-context"] = ""
    kubeconfig.write_text(yaml.safe_dump(content), "utf-8")
    filled(apiserver, 1)
    snapshot(lake, kubeconfig, "--context", "fake")
    assert rows(lake, "select distinct cluster from observations") == [{"cluster": "fake"}]


def test_tls_is_trusted_by_the_kubeconfigs_authority(tmp_path: Path, lake: Path) -> None:
    """The kubeconfig's certificate-authority-data is what TLS is checked against."""
    with ApiServer(tls=True) as server:
        filled(server, 3)
        snapshot(lake, server.kubeconfig(tmp_path / "kubeconfig"))
    assert len(rows(lake, KEYS)) == 3


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


def test_exec_plugin_gives_the_token(tmp_path: Path, lake: Path) -> None:
    """A kubeconfig whose user is a credential plugin works as one with a token."""
    with ApiServer(tls=True) as server:
        filled(server, 1)
        snapshot(lake, server.kubeconfig(tmp_path / "kubeconfig", exec_plugin=True))
        assert server.requests[-1].headers["authorization"] == f"Bearer {server.token}"


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


def test_token_file_may_end_its_line(apiserver: ApiServer, kubeconfig: Path, lake: Path) -> None:
    """A token in a file of its own is trimmed, as kubectl does."""
    filled(apiserver, 1)
    token = kubeconfig.with_name("token")
    token.write_text(apiserver.token + "\n", "utf-8")
    content = yaml.safe_load(kubeconfig.read_text("utf-8"))
    content["users"][0]["user"] = {"tokenFile": "token"}
    kubeconfig.write_text(yaml.safe_dump(content), "utf-8")
    snapshot(lake, kubeconfig)


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the service account of a pod is mounted; the environment is given to each command."""
    folder = tmp_path / "serviceaccount"
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(folder / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(folder / "ca.crt"))
    return folder


def pod_environ(server: ApiServer) -> dict[str, str]:
    """What the kubelet sets in a pod."""
    return {
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(server.port),
        "HOME": "/nonexistent",
    }


def test_pod_uses_its_service_account(pod: Path, lake: Path) -> None:
    """In a pod the mounted account is used, over TLS, and the cluster is named by the operator."""
    with ApiServer(tls=True) as server:
        server.service_account(pod)
        filled(server, 2)
        environ = {**pod_environ(server), "EVENTLAKE_CLUSTER": "prod"}
        done = eventlake("--lake", lake, "snapshot", environ=environ)
        assert done.code == 0, done.err
    assert rows(lake, "select cluster, count(*) as states from observations group by 1") == [
        {"cluster": "prod", "states": 2}
    ]


def test_pod_cannot_name_its_cluster(pod: Path, lake: Path) -> None:
    """Without a name the command says how to give one, and nothing is asked or written."""
    with ApiServer(tls=True) as server:
        server.service_account(pod)
        done = eventlake("--lake", lake, "snapshot", environ=pod_environ(server))
        assert server.requests == []
    assert done.code == 2
    assert "--cluster NAME, EVENTLAKE_CLUSTER or cluster:" in done.sentence
    assert not lake.exists()


def test_pod_without_a_token_is_in_the_ledger(pod: Path, lake: Path) -> None:
    """A pod that mounts no token fails in one sentence, and the ledger of its cluster says why."""
    with ApiServer(tls=True) as server:
        server.service_account(pod)
        (pod / "token").unlink()
        environ = pod_environ(server)
        done = eventlake("--lake", lake, "--cluster", "prod", "snapshot", environ=environ)
    assert done.code == 3
    assert done.sentence == (
        "the pod's service account cannot be used: Service token file does not exist."
    )
    (row,) = ledger(lake)
    assert (row["status"], row["error"]) == ("failed", done.sentence)


def test_cluster_is_named_by_option_configuration_or_kubeconfig(
    apiserver: ApiServer, kubeconfig: Path, lake: Path, tmp_path: Path
) -> None:
    """--cluster wins over the configuration, which wins over the kubeconfig's name."""
    filled(apiserver, 1)
    config = tmp_path / "eventlake.yaml"
    config.write_text("cluster: from-config\n", "utf-8")
    options = ("--config", str(config))
    snapshot(lake, kubeconfig)
    snapshot(lake, kubeconfig, cluster=options)
    snapshot(lake, kubeconfig, cluster=(*options, "--cluster", "arn:aws:eks:eu-1:0:cluster/x"))
    found = [
        row["cluster"] for row in rows(lake, "select distinct cluster from snapshots order by 1")
    ]
    assert found == ["arn:aws:eks:eu-1:0:cluster/x", "fake", "from-config"]


def test_all_pages_come_from_one_revision(
    apiserver: ApiServer, kubeconfig: Path, lake: Path
) -> None:
    """Pages are asked for by the token of the one before, and the ledger says what was listed."""
    filled(apiserver, 7)
    apiserver.add(series_event("web-007", at=NOW, count=12))
    snapshot(lake, kubeconfig, "--page-size", 3)
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
    snapshot(lake, kubeconfig)
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
    snapshot(lake, kubeconfig, *options)
    assert [request.path for request in apiserver.requests] == [
        *["/api/v1/namespaces/shop/events"] * 2,
        *["/api/v1/namespaces/db/events"] * 2,
    ]
    (row,) = ledger(lake)
    assert (row["scope"], row["items"], row["pages"]) == (["shop", "db"], 6, 4)
    # What one namespace's first page says of the rest is not about the whole.
    assert row["remaining_items"] is None
    snapshot(lake, kubeconfig, *options, now=NOW + MINUTES)
    assert [row["rows_added"] for row in ledger(lake)] == [6, 0]


def test_unchanged_cluster_writes_no_part(
    apiserver: ApiServer, kubeconfig: Path, lake: Path
) -> None:
    """A second snapshot of the same events leaves parts and cache as they were; a row says that it ran."""
    filled(apiserver, 5)
    snapshot(lake, kubeconfig)
    before = {path: path.stat().st_ino for path in [*parts(lake), *lake.glob("live/*/*")]}
    done = snapshot(lake, kubeconfig, now=NOW + MINUTES)
    assert {path: path.stat().st_ino for path in [*parts(lake), *lake.glob("live/*/*")]} == before
    assert len(before) == 2
    assert [(row["items"], row["rows_added"]) for row in ledger(lake)] == [(5, 5), (5, 0)]
    assert "5 events listed, 0 new states" in done.err


def test_grown_counts_write_one_part(apiserver: ApiServer, kubeconfig: Path, lake: Path) -> None:
    """What grew is written, once and alone; the view shows both states of it."""
    filled(apiserver, 5)
    snapshot(lake, kubeconfig)
    apiserver.now = NOW + MINUTES
    apiserver.patch("shop/" + apiserver.store.at().events[2]["metadata"]["name"], count=4)
    snapshot(lake, kubeconfig, now=NOW + 2 * MINUTES)
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
    snapshot(lake, kubeconfig)
    (cache,) = lake.glob("live/*/*")
    if damage is None:
        cache.unlink()
    else:
        cache.write_bytes(cache.read_bytes()[:-20] if isinstance(damage, str) else damage)
    apiserver.patch("shop/" + apiserver.store.at().events[0]["metadata"]["name"], count=2)
    snapshot(lake, kubeconfig, now=NOW + MINUTES)
    snapshot(lake, kubeconfig, now=NOW + 2 * MINUTES)
    assert [row["rows_added"] for row in ledger(lake)] == [4, 1, 0]
    assert len(rows(lake, KEYS)) == 5
    assert temporaries(lake) == []


def test_event_created_again_continues_its_count(
    apiserver: ApiServer, kubeconfig: Path, lake: Path
) -> None:
    """An expired event that comes back with another uid counts what happened since, not all again."""
    first = apiserver.add(event("web-0", at=NOW, count=5, first=NOW - 10 * MINUTES))
    snapshot(lake, kubeconfig)
    apiserver.expire(NOW + 61 * MINUTES)
    snapshot(lake, kubeconfig, now=NOW + 61 * MINUTES)
    again = apiserver.add(event("web-0", at=apiserver.now, count=7, first=NOW - 10 * MINUTES))
    assert again["metadata"]["name"] == first["metadata"]["name"]
    assert again["metadata"]["uid"] != first["metadata"]["uid"]
    snapshot(lake, kubeconfig, now=NOW + 62 * MINUTES)
    assert [row["items"] for row in ledger(lake)] == [1, 0, 1]
    found = rows(lake, "select n, occurrences from events order by n")
    assert found == [{"n": 5, "occurrences": 5}, {"n": 7, "occurrences": 2}]


@pytest.mark.parametrize("cached", [False, True])
def test_odd_item_costs_itself(
    apiserver: ApiServer, kubeconfig: Path, lake: Path, *, cached: bool
) -> None:
    """What cannot be read is counted and named, on stderr and in the ledger; the others are stored."""
    if cached:
        snapshot(lake, kubeconfig)
    filled(apiserver, 5)
    apiserver.faults.add(faults.odd_item(0, count="two", message=7), page=1)
    apiserver.faults.add(faults.altered_items(lambda items: items.insert(1, "no event")), page=2)
    done = snapshot(lake, kubeconfig, "--page-size", 3, now=NOW + MINUTES)
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
    snapshot(lake, kubeconfig)
    snapshot(lake, kubeconfig, now=NOW + MINUTES)
    assert [(row["status"], row["items"], row["pages"]) for row in ledger(lake)] == [
        ("complete", 0, 1)
    ] * 2
    assert parts(lake) == []
    assert rows(lake, "select * from observations order by all") == []
    filled(apiserver, 2)
    snapshot(lake, kubeconfig, now=NOW + 2 * MINUTES)
    apiserver.expire(NOW + 90 * MINUTES)
    snapshot(lake, kubeconfig, now=NOW + 90 * MINUTES)
    assert [row["items"] for row in ledger(lake)] == [0, 0, 2, 0]
    assert len(rows(lake, KEYS)) == 2


def test_states_of_two_days_are_two_parts(
    apiserver: ApiServer, kubeconfig: Path, lake: Path
) -> None:
    """Each state lies in the partition of its own day, whatever day the snapshot is of."""
    apiserver.add(event("early", at=NOW - timedelta(hours=9)))
    apiserver.add(event("late", at=NOW))
    snapshot(lake, kubeconfig)
    assert sorted(path.parent.name for path in parts(lake)) == [
        "date=2026-11-22",
        "date=2026-11-23",
    ]


def test_snapshot_writes_nothing_else(apiserver: ApiServer, kubeconfig: Path, lake: Path) -> None:
    """A snapshot leaves a marker, a part, a cache and a ledger row: what docs/lake.md lists."""
    filled(apiserver, 1)
    snapshot(lake, kubeconfig)
    assert sorted(Path(path).parts[0] for path in contents(lake)) == [
        "_lake.json",
        "live",
        "parts",
        "snapshots",
    ]
