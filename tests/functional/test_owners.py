"""Labels and owners from lists of metadata: what is joined, what is asked for, and what a failing list costs."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from etl.lake.append import Addition, Terms
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.owned import Owned, Surroundings
from etl.source import owners
from tests.lib import faults, tables
from tests.lib.accounts import Account
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW, Done, eventlake, ledger, rows
from tests.lib.events import event

RESOURCES = frozenset({"namespaces", "pods", "replicasets", "jobs"})
WANTED = {"enabled": True, "labels": ["app"], "namespace_labels": ["team", "cost"]}
_STATE = "uid | object_uid | namespace | last_seen\nu | a | shop | 2026-11-23 08:00"
JOINED = """
select object_name, object_labels, namespace_labels, owner_kind, owner_name, workload, workload_kind, workload_by
from events
order by object_name
"""


@pytest.fixture
def server(apiserver: ApiServer) -> ApiServer:
    """A cluster with a Deployment's pod, a CronJob's pod, one of another kind of owner, and one that is gone."""
    apiserver.allow(apiserver.token, Account("eventlake", metadata=RESOURCES))
    add = apiserver.objects.add
    add("namespaces", "shop", labels={"team": "checkout", "kubernetes.io/metadata.name": "shop"})
    add("namespaces", "db")
    add("replicasets", "web-5d4c", labels={"app": "web"}, owner=("Deployment", "web"))
    add("jobs", "dump-1", owner=("CronJob", "dump"))
    pods = {
        "web-5d4c-x": ("ReplicaSet", "web-5d4c"),
        "dump-1-y": ("Job", "dump-1"),
        "wf-1": ("Workflow", "wf"),
    }
    for name, owner in pods.items():
        add("pods", name, labels={"app": name[:3], "pod-template-hash": "5d4c"}, owner=owner)
    for name in (*pods, "gone-1"):
        _event(apiserver, name)
    return apiserver


def _event(server: ApiServer, name: str, kind: str = "Pod") -> None:
    made = event(name, at=NOW, kind=kind)
    made["involvedObject"]["uid"] = f"uid-{kind}-{name}"
    server.add(made)


def _snapshot(server: ApiServer, tmp_path: Path, wanted: dict[str, Any], *options: str) -> Done:
    config = tmp_path / "eventlake.yaml"
    source = {"kubeconfig": str(server.kubeconfig(tmp_path / "kubeconfig"))}
    config.write_text(yaml.safe_dump({"source": source, "owners": wanted}), "utf-8")
    command = ("--config", config, "--lake", tmp_path / "lake", "--cluster", "c", "snapshot")
    done = eventlake(*command, *options)
    assert done.code == 0, done.err
    return done


def test_states_get_labels_owners_and_workloads(server: ApiServer, tmp_path: Path) -> None:
    """By uid, along the chain of controllers; of what is gone nothing is known; only the named labels are kept."""
    _event(server, "web-5d4c", "ReplicaSet")
    _snapshot(server, tmp_path, WANTED)
    team = [("team", "checkout")]
    assert [tuple(row.values()) for row in rows(tmp_path / "lake", JOINED)] == [
        ("dump-1-y", [("app", "dum")], team, "CronJob", "dump", "dump", "CronJob", "owner"),
        ("gone-1", None, team, None, None, "gone", "StatefulSet", "name"),
        ("web-5d4c", [("app", "web")], team, "Deployment", "web", "web", "Deployment", "owner"),
        ("web-5d4c-x", [("app", "web")], team, "Deployment", "web", "web", "Deployment", "owner"),
        ("wf-1", [("app", "wf-")], team, "Workflow", "wf", "wf", "Workflow", "owner"),
    ]
    assert ledger(tmp_path / "lake")[0]["owners_unread"] is None


def test_nothing_but_metadata_is_asked_for(server: ApiServer, tmp_path: Path) -> None:
    """Four lists with the one Accept header of metadata, before the list of events; nothing of a spec is stored or was sent."""
    _snapshot(server, tmp_path, WANTED)
    asked = [(one.path, one.headers["accept"]) for one in server.requests]
    assert asked == [
        ("/api/v1/namespaces", owners.ACCEPT),
        ("/api/v1/pods", owners.ACCEPT),
        ("/apis/apps/v1/replicasets", owners.ACCEPT),
        ("/apis/batch/v1/jobs", owners.ACCEPT),
        ("/api/v1/events", "application/json"),
    ]
    assert {one.method for one in server.requests} == {"GET"}
    stored = b"".join(p.read_bytes() for p in (tmp_path / "lake").rglob("*") if p.is_file())
    assert b"in-the-spec" not in stored
    assert b"pod-template-hash" not in stored


def test_it_is_off_by_default(server: ApiServer, tmp_path: Path) -> None:
    """Without the setting nothing else than events is asked for; a label without it is a mistake that says so."""
    _snapshot(server, tmp_path, {})
    assert [one.path for one in server.requests] == ["/api/v1/events"]
    config = tmp_path / "eventlake.yaml"
    config.write_text("owners: {labels: [app, '']}", "utf-8")
    done = eventlake("--config", config, "--lake", tmp_path / "lake", "snapshot")
    assert done.code == 2
    assert "owners.enabled: is false, so no label is ever asked for" in done.err
    assert "owners.labels[1]: is empty" in done.err


def test_pages_are_followed_and_namespaces_asked_one_by_one(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list longer than a page is read to its end; with ``source.namespaces`` each is asked by itself."""
    monkeypatch.setattr(owners, "_PAGE", 2)
    _snapshot(server, tmp_path, WANTED, "-n", "shop")
    assert [one.path for one in server.requests] == [
        "/api/v1/namespaces",
        "/api/v1/namespaces/shop/pods",
        "/api/v1/namespaces/shop/pods",
        "/apis/apps/v1/namespaces/shop/replicasets",
        "/apis/batch/v1/namespaces/shop/jobs",
        "/api/v1/namespaces/shop/events",
    ]
    assert sum(row["owner_kind"] is not None for row in rows(tmp_path / "lake", JOINED)) == 3


def test_a_list_that_fails_costs_its_columns_and_is_told(server: ApiServer, tmp_path: Path) -> None:
    """403, 406, an answer that is not metadata, and a server that breaks off: the snapshot is complete, the ledger and the run say what is missing."""
    allowed = RESOURCES - {"jobs"}
    server.allow(server.token, Account("eventlake", metadata=allowed))
    other = partial(replace, body=b'{"kind": "PodList"}')
    server.faults.add(other, path="*replicasets")
    server.faults.add(faults.failing(503), path="/api/v1/pods")
    told = _snapshot(server, tmp_path, WANTED).err
    (row,) = ledger(tmp_path / "lake")
    assert row["status"] == "complete"
    assert row["owners_unread"] == [
        "replicasets: the server does not answer with metadata alone",
        "jobs: not allowed (403): give the account's role the verb list on it",
    ]
    assert all(text in told for text in row["owners_unread"])
    joined = {one["object_name"]: one for one in rows(tmp_path / "lake", JOINED)}
    assert joined["web-5d4c-x"]["owner_kind"] == "ReplicaSet"
    assert joined["dump-1-y"]["owner_name"] == "dump-1"
    server.objects.old = True
    _event(server, "late")
    _snapshot(server, tmp_path, WANTED)
    # Both began at one moment, so their order in the ledger is anybody's.
    said = [row["owners_unread"][0] for row in ledger(tmp_path / "lake")]
    assert "namespaces: the server does not know lists of metadata (406)" in said


def test_a_rule_of_your_own_routes_by_team(server: ApiServer, tmp_path: Path) -> None:
    """A rule that names the label among its columns gives alerts of it, and a route matches it, as docs/rules.md shows."""
    _snapshot(server, tmp_path, WANTED)
    rule = {
        "alert": "TeamWarnings",
        "expr": "select namespace_labels['team'] as team, sum(occurrences) as value from events"
        " where date >= cast($start as date) and last_seen >= $start and last_seen < $end"
        " and type = 'Warning' group by all",
        "by": ["team"],
        "threshold": ">= 1",
    }
    config = tmp_path / "rules.yaml"
    config.write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": [rule]}]}), "utf-8")
    done = eventlake(
        "--config",
        config,
        "--lake",
        tmp_path / "lake",
        "check",
        "--format",
        "json",
        now=NOW.replace(hour=9),
    )
    assert done.code == 0, done.err
    (found,) = [one for one in done.json() if one["alert"] == "TeamWarnings"]
    assert found["labels"]["team"] == "checkout"


def test_alerts_go_to_the_team_of_their_namespace(server: ApiServer, tmp_path: Path) -> None:
    """A route on a label of the namespace gets the alerts of any rule, also of those that come along; the others go on."""
    add = server.objects.add
    add("namespaces", "mail", labels={"team": "post", "app.kubernetes.io/part-of": "office"})
    for number in range(6):
        server.add(event(f"web-{number}", at=NOW, reason="FailedMount"))
        server.add(event(f"box-{number}", at=NOW, reason="FailedMount", namespace="mail"))
    wanted = {**WANTED, "namespace_labels": ["team", "app.kubernetes.io/part-of"]}
    _snapshot(server, tmp_path, wanted)
    rule = {
        "alert": "Mounts",
        "match": {"reason": "FailedMount"},
        "by": ["namespace"],
        "threshold": ">= 5",
    }
    routes = [
        {"receiver": "checkout", "matchers": ['team="checkout"']},
        {"receiver": "post", "matchers": ['app_kubernetes_io_part_of="office"']},
    ]
    names = ("rest", "checkout", "post")
    settings = {
        "default_rules": False,
        "owners": wanted,
        "groups": [{"name": "g", "rules": [rule]}],
        "route": {"receiver": "rest", "routes": routes},
        "receivers": [
            {"name": name, "file_configs": [{"folder": str(tmp_path / name)}]} for name in names
        ],
    }
    config = tmp_path / "routes.yaml"
    config.write_text(yaml.safe_dump(settings), "utf-8")
    digest = (
        "--config",
        config,
        "--lake",
        tmp_path / "lake",
        "digest",
        "--at",
        "2026-11-23T08:30:00Z",
    )
    done = eventlake(*digest, now=NOW.replace(hour=9))
    assert done.code == 0, done.err
    assert {name: _told(tmp_path / name) for name in names} == {
        "rest": set(),
        "checkout": {"shop"},
        "post": {"mail"},
    }


def _told(folder: Path) -> set[str]:
    """Return the namespaces of the alerts that a receiver got."""
    (written,) = folder.glob("*.json")
    return {
        one["labels"]["namespace"] for one in json.loads(written.read_text("utf-8"))["findings"]
    }


def test_copies_do_not_differ_by_what_stands_around_them(tmp_path: Path) -> None:
    """A state is not stored again because labels changed; a chain of owners that turns in a circle ends."""
    known = Surroundings(owners={"a": ("X", "b", "b"), "b": ("X", "a", "a")})
    table = tables.observations(_STATE).select(
        [
            name
            for name in tables.observations(_STATE).column_names
            if name not in {"cluster", "date"}
        ]
    )
    joined = Owned(known).joined(table)
    assert joined["owner_kind"].to_pylist() == ["X"]
    lake = Lake(LocalFiles(tmp_path / "lake"))
    lake.prepare()
    for number, owned in enumerate([Owned(known), Owned(Surroundings())]):
        with Addition(lake, "prod", f"s{number}", Terms(owned=owned)) as addition:
            addition.add(table)
            addition.publish()
    assert addition.rows_added == 0
