"""Roll-ups of real lakes: workloads of real pods, days sealed by older rules, what a question pays for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from etl import schema
from etl.lake import partitions
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.query import session
from tests.lib import fixtures, lakes, tables
from tests.lib.commandline import eventlake
from tests.lib.lakes import at

DUE = at("2026-11-24 03:00")
MADE = """
uid | name  | n | first_seen       | last_seen        | reason           | namespace | object_kind | object_name | message
a   | web.1 | 1 | 2026-11-21 22:00 | 2026-11-21 22:00 | SuccessfulCreate | shop      | DaemonSet   | web         | Created pod: web-x7k2p
b   | web.2 | 5 | 2026-11-22 08:00 | 2026-11-22 09:00 | BackOff          | shop      | Pod         | web-x7k2p   | Back-off 5m0s
c   | web.3 | 2 | 2026-11-23 08:00 | 2026-11-23 09:00 | BackOff          | shop      | Pod         | web-x7k2p   | Back-off 10s
"""
ROLLED_UP = ("workload", "workload_kind", "workload_by", "message_pattern", "pattern_version")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake of three days; what made the pod of all three stands in the first."""
    lake = lakes.empty(LocalFiles(tmp_path / "lake"))
    lakes.add(lake, "s1", tables.observations(MADE))
    return lake


def _rolled_up(lake: Lake) -> list[tuple[Any, ...]]:
    events, _ = lakes.answers(lake)
    return [(row["uid"], *(row[name] for name in ROLLED_UP)) for row in events]


KNOWN = [
    ("a", "web", "DaemonSet", "self", "Created pod: *", 1),
    ("b", "web", "DaemonSet", "events", "Back-off *", 1),
    ("c", "web", None, "name", "Back-off *", 1),
]


def test_roll_ups_are_the_same_open_and_sealed(lake: Lake) -> None:
    """Whatever is sealed when, a day is told by itself and the day before, and by nothing else."""
    assert _rolled_up(lake) == KNOWN
    for day in (date(2026, 11, 22), date(2026, 11, 23), date(2026, 11, 21)):
        assert len(lakes.sealed(lake, DUE, day=day)) == 1
        assert _rolled_up(lake) == KNOWN


def _age(lake: Lake) -> None:
    """Make the sealed days what a version without roll-ups wrote."""
    for day in lake.days():
        path = lake.files.location(day.path)
        table = pq.read_table(path, partitioning=None)
        key = partitions.METADATA_KEY
        metadata = (pq.read_metadata(path).metadata or {})[key]
        plain = table.drop_columns(list(ROLLED_UP)).replace_schema_metadata(
            {key: re.sub(rb',"pattern_version":\d+', b"", metadata)}
        )
        pq.write_table(plain, path)


def test_days_that_were_sealed_by_older_rules_are_told_anew(lake: Lake) -> None:
    """Their occurrences stand, their roll-ups are made by the reader, and the next sealing writes them."""
    whole = lakes.answers(lake)
    lakes.sealed(lake, DUE)
    _age(lake)
    assert lakes.answers(lake) == whole
    third = date(2026, 11, 23)
    assert lakes.sealed(lake, DUE, day=third) == [("prod", third)]
    assert lakes.answers(lake) == whole
    assert len(lakes.sealed(lake, DUE)) == 2
    assert lakes.answers(lake) == whole
    assert lakes.sealed(lake, DUE) == []


def test_days_that_were_sealed_by_newer_rules_stay(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older eventlake beside a newer one reads its days and does not seal them back."""
    monkeypatch.setattr(schema, "PATTERN_VERSION", 2)
    lakes.sealed(lake, DUE)
    monkeypatch.undo()
    assert _rolled_up(lake) == KNOWN
    assert lakes.sealed(lake, DUE) == []


def _truth(items: list[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Yield namespace, pod and Deployment, as the controllers of ReplicaSets and Deployments said."""
    deployments, pods = {}, []
    for item in items:
        about = item.get("involvedObject") or item.get("regarding") or {}
        message = item.get("message") or item.get("note") or ""
        namespace = item["metadata"].get("namespace")
        if found := re.search(r"Scaled (?:up|down) replica set (\S+)", message):
            deployments[namespace, found[1]] = about["name"]
        if about.get("kind") == "ReplicaSet" and (found := re.search(r"ed pod: (\S+)", message)):
            pods.append((namespace, found[1], about["name"]))
    for namespace, pod, replicas in pods:
        # Every ReplicaSet of the fixtures is a Deployment's; one that nobody scaled has its name and a hash.
        named = deployments.get((namespace, replicas), replicas.rpartition("-")[0])
        yield namespace, pod, named


def _folders() -> list[tuple[str, str]]:
    """The snapshots of one cluster each: a source, or for one of them a folder of its own."""
    found = {
        (source, path.parent.name if source == "replicatedhq-troubleshoot" else "")
        for source in fixtures.SOURCES
        for path in fixtures.json_files(source)
    }
    return sorted(found)


def test_workloads_of_real_pods_are_right(tmp_path: Path) -> None:
    """Of every pod that a ReplicaSet of seven real sources made, each event leads to its Deployment."""
    wanted = {}
    for source, folder in _folders():
        cluster = f"{source}.{folder}"
        files = [path for path in fixtures.json_files(source) if folder in {"", path.parent.name}]
        done = eventlake("--lake", tmp_path, "--cluster", cluster, "import", *files)
        assert done.code == 0, done.err
        for namespace, pod, deployment in _truth(fixtures.items(files)):
            wanted[cluster, namespace, pod] = deployment
    with session(Lake(LocalFiles(tmp_path))) as opened:
        rows = opened.run("select * from events where object_kind = 'Pod'", {}).to_pylist()
    found = [
        (row["workload"], row["workload_kind"], wanted[key])
        for row in rows
        if (key := (row["cluster"], row["namespace"], row["object_name"])) in wanted
    ]
    assert len(found) > 700
    assert [one for one in found if one[:2] != (one[2], "Deployment")] == []
