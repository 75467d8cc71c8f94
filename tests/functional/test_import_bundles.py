"""Bundles and exports of other tools: each gives the rows that the canonical JSON of its events gives."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from tests.lib import bundles, fixtures
from tests.lib.bundles import Event, Files
from tests.lib.commandline import Done, eventlake, ledger, rows

CHRIS = "chris-sanders-troubleshoot-mcp-server"
CRAIG = "craig8-blockchain-automation-framework"
RANCHER = "rancher-support-bundle-kit"
SONOBUOY = "vmware-tanzu-sonobuoy"
KITS = "tests/integration/sampleSupportBundle/yamls/namespaced"
# What tells who saw a state, and not what it is.
OURS = ("observed_at", "snapshot_id")


def raw(source: str, below: str = "") -> Files:
    """What the tool of ``source`` wrote, by its path below a folder."""
    start = fixtures.EVENTS / source / "raw" / below
    found = sorted(start.rglob("*.gz"))
    assert found
    return {str(p.relative_to(start).with_suffix("")): fixtures.content(p) for p in found}


def imported(lake: Path, *arguments: object, stdin: bytes = b"") -> Done:
    """Import, and see that it worked."""
    done = eventlake("--lake", lake, "import", *arguments, stdin=stdin)
    assert done.code == 0, done.err
    return done


def written(folder: Path, files: Files) -> Path:
    """Write a bundle as the folder that its tool leaves."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def observations(lake: Path, *left_out: str) -> list[dict[str, Any]]:
    """All rows, without what tells who saw them."""
    found = rows(lake, "select * from observations order by uid, n, last_seen")
    return [{k: v for k, v in row.items() if k not in (*OURS, *left_out)} for row in found]


def canonical(tmp_path: Path, items: Iterable[Event], cluster: str = "c") -> list[dict[str, Any]]:
    """The rows of the same events from ``kubectl get events -o json``."""
    path = tmp_path / "canonical.json"
    path.write_text(json.dumps({"kind": "List", "items": [{**i, "kind": "Event"} for i in items]}))
    done = eventlake("--lake", tmp_path / "canonical", "--cluster", cluster, "import", path)
    assert done.code == 0, done.err
    return observations(tmp_path / "canonical")


def sonobuoy_lists() -> Files:
    """The bare lists of sonobuoy's version 0.10."""
    return raw(SONOBUOY, "results-0.10/resources/ns")


@pytest.mark.parametrize("packing", ["folder", *bundles.PACKED])
def test_a_must_gather_in_any_packing(packing: str, tmp_path: Path) -> None:
    """Its YAML gives the rows of the JSON, under the name that OpenShift has for the cluster, at the time it was gathered."""
    items = bundles.items(CHRIS)
    files = bundles.must_gather(items)
    path = tmp_path / packing
    if packing == "folder":
        written(path, files)
    else:
        path.write_bytes(bundles.PACKED[packing](files))
    done = imported(tmp_path / "lake", path)
    expected = canonical(tmp_path, items, "ocp-x7k2p")
    assert observations(tmp_path / "lake") == expected
    assert len(expected) == len(items)
    (row,) = ledger(tmp_path / "lake")
    assert row["collected_at"] == datetime(2026, 3, 5, 13, 44, 52, tzinfo=UTC)
    assert row["unreadable"] == 0
    assert "cluster ocp-x7k2p (" in done.err
    assert "infrastructures.yaml" in done.err
    assert "collected 2026-03-05T13:44:52Z (" in done.err
    assert "must-gather" in done.err
    # The log, the broken list of pods, and what tells of the bundle itself.
    assert "5 other files passed over" in done.err


def bundle_of(name: str) -> tuple[Files, list[Event]]:
    """A bundle and the events that it holds."""
    if name == "inspect":
        return bundles.inspected(bundles.items(CHRIS)), bundles.items(CHRIS)
    if name == "troubleshoot":
        return bundles.troubleshoot(raw(CHRIS)), bundles.items(CHRIS)
    if name == "rancher":
        return bundles.rancher(raw(RANCHER, KITS)), bundles.items(RANCHER)
    if name == "sonobuoy":
        return bundles.sonobuoy(sonobuoy_lists()), bundles.items(SONOBUOY, "results-0.10")
    return bundles.cluster_info(bundles.items(CRAIG)), bundles.items(CRAIG)


@pytest.mark.parametrize(
    ("name", "cluster", "collected", "kind"),
    [
        ("inspect", "ocp-x7k2p", "2026-03-05T13:44:52Z", "must-gather or oc adm inspect"),
        ("troubleshoot", "a1b2-kube-system", None, "troubleshoot.sh support bundle"),
        ("rancher", "harv-1", "2022-03-22T23:50:01Z", "Rancher or Longhorn support bundle"),
        ("sonobuoy", None, "2017-12-21T16:40:01Z", "sonobuoy results"),
        ("cluster-info", None, None, "kubectl cluster-info dump"),
    ],
)
def test_a_bundle_gives_the_rows_of_its_events(
    name: str, cluster: str | None, collected: str | None, kind: str, tmp_path: Path
) -> None:
    """Each tool's bundle, packed or not, is known, tells what it knows, and its events are there once."""
    files, items = bundle_of(name)
    (tmp_path / "b.tgz").write_bytes(bundles.PACKED["b.tgz"](files))
    written(tmp_path / "folder", files)
    named = () if cluster else ("--cluster", "c")
    done = eventlake("--lake", tmp_path / "lake", *named, "import", tmp_path / "b.tgz")
    assert done.code == 0, done.err
    assert f": {kind}" in done.err
    (row,) = ledger(tmp_path / "lake")
    assert row["unreadable"] == 0
    if collected:
        assert row["collected_at"] == datetime.fromisoformat(collected)
    else:
        assert row["collected_at"] is None
        assert "does not tell when it was collected" in done.err
    again = eventlake("--lake", tmp_path / "lake", *named, "import", tmp_path / "folder")
    assert ", 0 new states" in again.err
    stripped = ("written_at",) if name == "cluster-info" else ()
    expected = canonical(tmp_path, items, cluster or "c")
    assert observations(tmp_path / "lake", *stripped) == [
        {k: v for k, v in row.items() if k not in stripped} for row in expected
    ]


def test_without_a_cluster_a_bundle_that_does_not_tell_it_is_refused(tmp_path: Path) -> None:
    """A name is never guessed."""
    files, _ = bundle_of("cluster-info")
    (tmp_path / "b.zip").write_bytes(bundles.zipped(files))
    done = eventlake("--lake", tmp_path / "lake", "import", tmp_path / "b.zip")
    assert done.code == 2
    assert "--cluster NAME" in done.sentence


def test_what_a_person_says_wins(tmp_path: Path) -> None:
    """--cluster and --collected-at stand above what the bundle tells, which is said."""
    files, _ = bundle_of("inspect")
    (tmp_path / "b.tar").write_bytes(bundles.tarred(files))
    done = eventlake(
        *("--lake", tmp_path / "lake", "--cluster", "mine", "import", tmp_path / "b.tar"),
        *("--collected-at", "2026-03-06T00:00:00Z"),
    )
    assert done.code == 0
    assert "names the cluster ocp-x7k2p; it is imported as mine" in done.err
    (row,) = ledger(tmp_path / "lake")
    assert row["collected_at"] == datetime(2026, 3, 6, tzinfo=UTC)


def test_a_gathered_time_proves_coverage_with_a_scope(tmp_path: Path) -> None:
    """With --scope the span of the gathering counts: sent when it began, received when it ended."""
    files, _ = bundle_of("inspect")
    (tmp_path / "b.tar").write_bytes(bundles.tarred(files))
    done = eventlake("--lake", tmp_path / "lake", "import", tmp_path / "b.tar", "--scope", "all")
    assert done.code == 0
    (row,) = ledger(tmp_path / "lake")
    assert row["sent_at"] == datetime(2026, 3, 5, 13, 44, 52, tzinfo=UTC)
    assert row["received_at"] == datetime(2026, 3, 5, 13, 52, 10, tzinfo=UTC)


def test_bundles_of_two_clusters_need_a_name(tmp_path: Path) -> None:
    """Two clusters are not mixed because they were named together."""
    for name in ("inspect", "troubleshoot"):
        (tmp_path / f"{name}.zip").write_bytes(bundles.zipped(bundle_of(name)[0]))
    done = eventlake("--lake", tmp_path / "lake", "import", *sorted(tmp_path.glob("*.zip")))
    assert done.code == 2
    assert "several clusters: a1b2-kube-system, ocp-x7k2p" in done.sentence


def test_a_bundle_on_standard_input(tmp_path: Path) -> None:
    """A pipe is looked at twice, too."""
    files, items = bundle_of("inspect")
    imported(tmp_path / "lake", "-", stdin=gzip.compress(bundles.tarred(files)))
    assert observations(tmp_path / "lake") == canonical(tmp_path, items, "ocp-x7k2p")


def test_a_bundle_without_events_says_so(tmp_path: Path) -> None:
    """Nothing found is code 2, and no row of the ledger."""
    (tmp_path / "b.zip").write_bytes(
        bundles.zipped({"a/pods.json": b'{"items": []}', "b.log": b""})
    )
    done = eventlake("--lake", tmp_path / "lake", "--cluster", "c", "import", tmp_path / "b.zip")
    assert done.code == 2
    assert "no events in" in done.sentence
    assert ledger(tmp_path / "lake") == []


def test_an_unreadable_file_of_a_bundle_is_named(tmp_path: Path) -> None:
    """A truncated list, and a damaged archive within the archive, cost themselves."""
    files, items = bundle_of("inspect")
    broken = {
        "inspect.local.1/namespaces/odd/core/events.yaml": b"items: [broken",
        "nodes/node1.tar.gz": gzip.compress(bundles.tarred({"x": b"1" * 5000}), mtime=0)[:-20],
    }
    (tmp_path / "b.zip").write_bytes(bundles.zipped({**files, **broken}))
    done = imported(tmp_path / "lake", tmp_path / "b.zip")
    (row,) = ledger(tmp_path / "lake")
    assert row["unreadable"] == 2
    assert "odd/core/events.yaml is neither JSON nor YAML" in done.err
    assert "node1.tar.gz is damaged" in done.err
    assert len(observations(tmp_path / "lake")) == len(items)


def official(text: bytes) -> list[Event]:
    """The events of a list as the official Python client's to_dict() and json.dumps(default=str) write them."""
    api = client.ApiClient()
    listed = api.deserialize(text.decode(), "CoreV1EventList", "application/json")
    plain: list[Event] = json.loads(json.dumps(listed.to_dict()["items"], default=str))
    return plain


def exported(event: Event) -> Event:
    """An event as kubernetes-event-exporter writes it without a layout."""
    about = {**event["involvedObject"], "labels": {"app": "web"}, "deleted": False}
    return {**event, "clusterName": "edge-7", "involvedObject": about}


def in_loki(events: list[Event]) -> object:
    """The answer of Loki's query_range for the log of an exporter."""
    values = [[str(number), json.dumps(event)] for number, event in enumerate(events)]
    streams = [{"stream": {"app": "exporter"}, "values": values}]
    return {"status": "success", "data": {"resultType": "streams", "result": streams}}


def lines(documents: Iterable[object], prefix: str = "") -> bytes:
    """JSON lines, each after ``prefix``."""
    return "".join(f"{prefix}{json.dumps(document)}\n" for document in documents).encode()


def shape_of(name: str, items: list[Event]) -> bytes:
    """The same events in another shape."""
    listed = json.dumps({"kind": "EventList", "apiVersion": "v1", "items": items}).encode()
    out = [exported(item) for item in items]
    flat = {"hits": {"hits": [{"_index": "kube-events", "_id": "1", "_source": e} for e in out]}}
    shapes: dict[str, Any] = {
        "to_dict list": lambda: json.dumps(
            {"api_version": "v1", "items": official(listed)}
        ).encode(),
        "to_dict bare list": lambda: json.dumps(official(listed), indent=1).encode(),
        "to_dict lines": lambda: lines(official(listed)),
        "Python watch": lambda: lines({"type": "ADDED", "object": e} for e in official(listed)),
        "Go names": lambda: json.dumps({"Items": [bundles.go_named(e) for e in items]}).encode(),
        "kubectl -w -o json": lambda: b"".join(
            json.dumps({**e, "kind": "Event"}, indent=4).encode() + b"\n" for e in items
        ),
        "kubectl --output-watch-events": lambda: b"".join(
            json.dumps({"type": "MODIFIED", "object": {**e, "kind": "Event"}}, indent=4).encode()
            + b"\n"
            for e in items
        ),
        "raw watch": lambda: lines(
            {"type": "ADDED", "object": {**e, "kind": "Event"}} for e in items
        ),
        "exporter's file": lambda: lines(out),
        "elasticdump": lambda: lines(flat["hits"]["hits"]),
        "Elasticsearch's search": lambda: json.dumps(flat).encode(),
        "Elasticsearch's bulk": lambda: b"".join(
            lines([{"index": {"_id": e["metadata"]["uid"]}}, e]) for e in out
        ),
        "Loki's answer": lambda: json.dumps(in_loki(out)).encode(),
        "logcli": lambda: lines(
            {"labels": {}, "line": json.dumps(e), "timestamp": "T"} for e in out
        ),
        "docker's log": lambda: lines(
            {"log": json.dumps(e) + "\n", "stream": "stdout", "time": "2026-01-01T00:00:00Z"}
            for e in out
        ),
        "containerd's log": lambda: lines(out, "2026-01-01T00:00:00.1Z stdout F "),
        "cluster-info on stdout": lambda: (
            b'{\n    "kind": "NodeList",\n    "items": []\n}\n'
            + json.dumps({"kind": "EventList", "items": items}, indent=4).encode()
            + b"\n==== START logs for container web of pod shop/web-0 ====\n"
            b'{"involvedObject": {"kind": "Pod", "name": "not-one"}}\n{ broken\n'
            b"==== END logs for container web of pod shop/web-0 ====\n"
            b'{\n    "kind": "PodList",\n    "items": []\n}\n'
        ),
    }
    data: bytes = shapes[name]()
    return data


SHAPES = (
    *("to_dict list", "to_dict bare list", "to_dict lines", "Python watch", "Go names"),
    *("kubectl -w -o json", "kubectl --output-watch-events", "raw watch", "cluster-info on stdout"),
    *("exporter's file", "elasticdump", "Elasticsearch's search", "Elasticsearch's bulk"),
    *("Loki's answer", "logcli", "docker's log", "containerd's log"),
)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_rows_of_the_canonical_json(shape: str, tmp_path: Path) -> None:
    """Whatever tool wrote the events, and whatever it wrapped them in, the rows are the same."""
    items = bundles.items(CHRIS, "default.json.gz") + bundles.items(CHRIS, "cert-manager.json.gz")
    path = tmp_path / "events.json"
    path.write_bytes(shape_of(shape, items))
    done = eventlake("--lake", tmp_path / "lake", "--cluster", "c", "import", path)
    assert done.code == 0, done.err
    (row,) = ledger(tmp_path / "lake")
    assert row["unreadable"] == 0
    # Flags tell that a field was not as the API writes it, such as a time with a space.
    assert observations(tmp_path / "lake") == canonical(tmp_path, items)


def test_an_exporter_tells_its_cluster(tmp_path: Path) -> None:
    """ClusterName of kubernetes-event-exporter is the cluster, unless there are two of them."""
    events = [exported(item) for item in bundles.items(CHRIS, "default.json.gz")]
    path = tmp_path / "events.jsonl"
    path.write_bytes(lines(events))
    done = imported(tmp_path / "lake", path)
    assert "cluster edge-7" in done.err
    assert {
        r["cluster"] for r in rows(tmp_path / "lake", "select cluster from latest order by 1")
    } == {"edge-7"}
    # Too late to be seen in the beginning of the file.
    path.write_bytes(lines(events * 20) + lines([{**events[0], "clusterName": "edge-8"}]))
    refused = eventlake("--lake", tmp_path / "other", "import", path)
    assert refused.code == 2
    assert "several clusters: edge-7, edge-8" in refused.sentence
    assert rows(tmp_path / "other", "select uid from observations order by uid") == []


def test_flat_documents_of_a_layout(tmp_path: Path) -> None:
    """A layout of kubernetes-event-exporter keeps no uid: each document is one happening, also when imported twice."""
    flat = {
        "kind": "Pod",
        "namespace": "shop",
        "name": "web-0",
        "reason": "BackOff",
        "message": "back-off",
        "type": "Warning",
        "cluster": "pre-center",
    }
    documents = [{**flat, "timestamp": f"2026-11-2{day}T08:00:00Z"} for day in (1, 2)]
    path = tmp_path / "dump.jsonl"
    path.write_bytes(lines({"_index": "kubernetes-event-2026.11", "_source": d} for d in documents))
    for _ in range(2):
        done = eventlake("--lake", tmp_path / "lake", "--cluster", "c", "import", path)
        assert done.code == 0, done.err
    found = rows(tmp_path / "lake", "select * from events order by last_seen")
    assert [
        (r["object_name"], r["reason"], r["occurrences"], r["last_seen"].day) for r in found
    ] == [
        ("web-0", "BackOff", 1, 21),
        ("web-0", "BackOff", 1, 22),
    ]
    assert [r["flags"] for r in found] == [["no_uid"], ["no_uid"]]


def test_the_same_event_in_several_files_is_stored_once(tmp_path: Path) -> None:
    """A bundle that lists through both API groups, in YAML and JSON, holds each state once."""
    files, items = bundle_of("rancher")
    twice = {**files, "extra/events.json": json.dumps(items).encode()}
    (tmp_path / "b.zip").write_bytes(bundles.zipped(twice))
    imported(tmp_path / "lake", tmp_path / "b.zip")
    uids = [row["uid"] for row in observations(tmp_path / "lake")]
    assert len(uids) == len(set(uids)) == len({i["metadata"]["uid"] for i in items})
