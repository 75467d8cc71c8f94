"""``eventlake events``: kubectl's habits over all history, and lists that can be read back."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lib.api_answers import encoded
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW, Done, eventlake, rows
from tests.lib.events import event, series_event
from tests.lib.fixtures import SOURCES, json_files

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: work
contexts:
  - {name: other, context: {cluster: c, namespace: elsewhere}}
  - {name: work, context: {cluster: c, namespace: shop}}
"""


def put(lake: Path, *items: dict[str, Any], cluster: str = "prod") -> None:
    """Import event objects of one cluster."""
    document = encoded({"kind": "List", "apiVersion": "v1", "items": list(items)})
    done = eventlake("--lake", lake, "--cluster", cluster, "import", "-", stdin=document)
    assert done.code == 0, done.err


def ago(**span: float) -> Any:
    """Return a moment before now."""
    return NOW - timedelta(**span)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cluster with a pod in trouble, a deployment, a node and an old story; tests only read it."""
    path = tmp_path_factory.mktemp("events") / "lake"
    put(
        path,
        event(
            "web-0",
            at=ago(minutes=50),
            first=ago(hours=2),
            count=3,
            reason="Unhealthy",
            metadata={"uid": "u1", "resourceVersion": "10"},
        ),
        event(
            "web-0",
            at=ago(days=40),
            reason="Pulled",
            type="Normal",
            message="Pulled\x1b[31m it\nhere ",
            metadata={"uid": "u2"},
        ),
        event(
            "web",
            at=ago(hours=5),
            kind="Deployment",
            reason="ScalingReplicaSet",
            type="Normal",
            message="Scaled up replica set web-1 to 3",
            component="deployment-controller",
            host="",
            metadata={"uid": "u3"},
        ),
        event(
            "node-1",
            at=ago(hours=4),
            kind="Node",
            reason="NodeNotReady",
            namespace="default",
            message="Node is not ready",
            metadata={"uid": "u4"},
        ),
        series_event("db-0", at=ago(minutes=10), first=ago(minutes=30), count=5, namespace="data")
        | {"metadata": {"name": "db-0.1", "namespace": "data", "uid": "u5"}},
    )
    put(
        path,
        event(
            "web-0",
            at=ago(minutes=5),
            first=ago(hours=2),
            count=7,
            reason="Unhealthy",
            metadata={"uid": "u1", "resourceVersion": "11"},
        ),
    )
    return path


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


UNPROVEN = (
    "Coverage: no snapshot reaches into this window, so nothing proves that all events are here\n"
)


def shown(lake: Path, *arguments: object, **world: Any) -> list[str]:
    """Ask for events, and expect lines, and beside them what is proven if they are a table."""
    done = eventlake("--lake", lake, "events", *arguments, **world)
    table = not {"json", "yaml", "name"} & {str(argument) for argument in arguments}
    assert (done.code, done.err) == (0, UNPROVEN * table)
    return done.out.splitlines()


def objects(lake: Path, *arguments: object) -> list[str]:
    """Return what the lines of a table without head are about, and their reasons."""
    return [
        f"{cells[-2]} {cells[-3]}"
        for cells in (
            [c.strip() for c in line.split("   ") if c]
            for line in shown(lake, *arguments, "--no-headers")
        )
    ]


def test_the_table_is_that_of_kubectl(lake: Path) -> None:
    """Newest states, the last seen at the end, ages and counts written as kubectl writes them."""
    assert shown(lake, "-n", "shop") == [
        "LAST SEEN           TYPE      REASON              OBJECT           MESSAGE",
        "40d                 Normal    Pulled              Pod/web-0        Pulled it here",
        "5h                  Normal    ScalingReplicaSet   Deployment/web   Scaled up replica set web-1 to 3",
        '5m (x7 over 120m)   Warning   Unhealthy           Pod/web-0        Back-off restarting failed container "app"',
    ]


def test_all_namespaces_has_a_column_more(lake: Path) -> None:
    """-A shows the namespace first, as kubectl does."""
    head, first, *_ = shown(lake, "-A")
    assert head.split("   ")[0] == "NAMESPACE"
    assert first.startswith("shop ")
    assert len(shown(lake, "-A", "--no-headers")) == 5


@pytest.mark.parametrize(
    ("object_", "found"),
    [
        ("pod/web-0", ["Pod/web-0 Pulled", "Pod/web-0 Unhealthy"]),
        ("po/web-0", ["Pod/web-0 Pulled", "Pod/web-0 Unhealthy"]),
        ("pods/web-0", ["Pod/web-0 Pulled", "Pod/web-0 Unhealthy"]),
        ("Deployment/web", ["Deployment/web ScalingReplicaSet"]),
        ("deploy/web", ["Deployment/web ScalingReplicaSet"]),
        ("deployments.apps/web", ["Deployment/web ScalingReplicaSet"]),
        ("deployment.v1.apps/web", ["Deployment/web ScalingReplicaSet"]),
    ],
)
def test_for_takes_what_kubectl_takes(object_: str, found: list[str], lake: Path) -> None:
    """Kinds in full, in the plural, with a group, or by their short names."""
    assert objects(lake, "-n", "shop", "--for", object_) == found


def test_for_a_node_looks_where_its_events_are(lake: Path) -> None:
    """The events of a Node lie in default, wherever one works; kubectl finds none elsewhere."""
    (line,) = shown(lake, "--for", "no/node-1", "--no-headers")
    assert "NodeNotReady" in line


def test_a_missing_name_is_refused(lake: Path) -> None:
    """--for wants a kind and a name."""
    done = eventlake("--lake", lake, "events", "--for", "web-0")
    assert (done.code, done.out) == (2, "")
    assert "KIND/NAME" in done.err


def test_types_and_reasons_choose(lake: Path) -> None:
    """--types in any case, one or several; --reason exactly."""
    assert objects(lake, "-n", "shop", "--types", "warning") == ["Pod/web-0 Unhealthy"]
    assert len(objects(lake, "-n", "shop", "--types", "Warning,Normal")) == 3
    assert objects(lake, "-n", "shop", "--reason", "Pulled") == ["Pod/web-0 Pulled"]


def test_a_window_shows_the_newest_state_in_it(lake: Path) -> None:
    """What kubectl would have shown at the end of the window."""
    (line,) = shown(
        lake,
        "-n",
        "shop",
        "--for",
        "pod/web-0",
        "--no-headers",
        "--start",
        "2026-11-23T06:00:00Z",
        "--end",
        "2026-11-23T07:30:00Z",
    )
    assert line.startswith("50m (x3 over 120m)")
    assert objects(lake, "-n", "shop", "--since", "6h") == [
        "Deployment/web ScalingReplicaSet",
        "Pod/web-0 Unhealthy",
    ]
    assert objects(lake, "-n", "shop", "--day", "2026-10-14") == ["Pod/web-0 Pulled"]


def test_observations_shows_each_state(lake: Path) -> None:
    """A line for each count that was seen, not for the newest alone."""
    lines = shown(lake, "-n", "shop", "--reason", "Unhealthy", "--observations", "--no-headers")
    assert [line.split("   ")[0] for line in lines] == ["50m (x3 over 120m)", "5m (x7 over 120m)"]


def test_limit_keeps_the_newest(lake: Path) -> None:
    """The newest N, still the oldest of them first."""
    assert objects(lake, "-n", "shop", "--limit", 2) == [
        "Deployment/web ScalingReplicaSet",
        "Pod/web-0 Unhealthy",
    ]


def test_absolute_times_are_those_of_the_timezone(lake: Path) -> None:
    """Over months an age says little; --absolute shows when it was."""
    (line,) = shown(
        lake,
        "-n",
        "shop",
        "--reason",
        "Pulled",
        "--absolute",
        "--timezone",
        "Asia/Shanghai",
        "--no-headers",
    )
    assert line.startswith("2026-10-14 16:00:00   Normal")


def test_wide_has_the_columns_of_kubectl_get_events(lake: Path) -> None:
    """Subobject, source, first seen, count and name."""
    head, line = shown(lake, "-n", "data", "-o", "wide")
    assert head.split() == [
        *("LAST", "SEEN", "TYPE", "REASON", "OBJECT", "SUBOBJECT", "SOURCE"),
        *("MESSAGE", "FIRST", "SEEN", "COUNT", "NAME"),
    ]
    assert line.split()[-3:] == ["30m", "5", "db-0.1"]
    assert "default-scheduler, default-scheduler-cp-1" in line


def test_names_are_those_of_kubectl(lake: Path) -> None:
    """-o name prints what kubectl takes as an argument."""
    assert shown(lake, "-n", "data", "-o", "name") == ["event/db-0.1"]


def test_the_namespace_is_that_of_the_context(lake: Path, tmp_path: Path) -> None:
    """Without -n the kubeconfig's context says the namespace; only the file is read."""
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    assert len(shown(lake, "--no-headers", environ={"KUBECONFIG": str(path)})) == 3
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(KUBECONFIG.replace("shop", "data"))
    assert len(shown(lake, "--no-headers", environ={"HOME": str(tmp_path)})) == 1
    # In the pod that asks a lake on a volume it is that of whoever asks.
    asked = {"HOME": str(tmp_path), "EVENTLAKE_NAMESPACE": "shop"}
    assert len(shown(lake, "--no-headers", environ=asked)) == 3


@pytest.mark.parametrize("text", ["", "{", "[1]", "contexts: 1", "contexts: [1]", "\x00"])
def test_a_broken_kubeconfig_stops_nobody(text: str, lake: Path, tmp_path: Path) -> None:
    """Who asks a lake need not have a cluster: the namespace is default then."""
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    (line,) = shown(lake, "--no-headers", environ={"KUBECONFIG": str(path)})
    assert "NodeNotReady" in line


def test_nothing_found_says_where_there_is_something(lake: Path) -> None:
    """An empty answer is code 0 and a word on stderr, as kubectl has it, and a way on."""
    done = eventlake("--lake", lake, "events", "--for", "pod/web-0", "-n", "data")
    assert (done.code, done.out) == (0, "")
    told = (
        "No events found in data namespace.\n"
        "There are some in shop: -n NAMESPACE or -A shows them.\n"
    )
    assert done.err == told + UNPROVEN


def test_nothing_found_is_said_also_where_it_is_quiet(lake: Path) -> None:
    """As kubectl does: otherwise there would be no answer at all; a table needs no word beside it then."""
    done = eventlake("--quiet", "--lake", lake, "events", "-n", "none")
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("No events found in none namespace.\n")
    assert done.err.endswith(UNPROVEN)
    machine = eventlake(
        "--log-format", "json", "--lake", lake, "events", "-n", "none", "-o", "name"
    )
    assert machine.out == ""
    assert [json.loads(line)["level"] for line in machine.err.splitlines()] == ["notice"] * 2
    assert eventlake("--quiet", "--lake", lake, "events", "-n", "shop").err == ""
    assert eventlake("--lake", lake, "events", "-n", "none", "-o", "json").err == ""


def test_the_lines_stand_beside_what_is_proven(tmp_path: Path) -> None:
    """Without a window the coverage is that of the time from the oldest line until now."""
    with ApiServer() as server:
        path = server.kubeconfig(tmp_path / "kubeconfig")
        for minutes in (50, 30, 10):
            at = NOW - timedelta(minutes=minutes)
            server.add(event("a", at=at, count=60 - minutes))
            done = eventlake(
                *("--lake", "lake", "--cluster", "c", "snapshot", "--kubeconfig", path),
                now=at + timedelta(minutes=1),
            )
            assert done.code == 0, done.err
    asked = ("--lake", "lake", "events", "-n", "shop")
    assert "nothing is known yet after" in eventlake(*asked).err
    at = NOW - timedelta(minutes=9)
    assert eventlake(*asked, now=at).err == "Coverage: all of the window proven by snapshots\n"
    assert eventlake(*asked, "--since", "5h", now=at).err.startswith(
        "Coverage: 33.3% of the window"
    )


def test_several_clusters_get_a_column(lake: Path, tmp_path: Path) -> None:
    """Two clusters in one lake: the table says which; a List cannot, so it wants one."""
    both = tmp_path / "both"
    put(both, event("a-0", at=NOW), cluster="east")
    put(both, event("b-0", at=NOW), cluster="west")
    head, *lines = shown(both, "-n", "shop")
    assert head.startswith("CLUSTER   LAST SEEN")
    assert [line.split()[0] for line in lines] == ["east", "west"]
    done = eventlake("--lake", both, "events", "-A", "-o", "json")
    assert (done.code, done.out) == (2, "")
    assert "east, west" in done.err
    one = eventlake("--lake", both, "--cluster", "west", "events", "-A", "-o", "name")
    assert one.out.startswith("event/b-0.")
    del lake


def test_a_message_is_whole_where_nobody_watches(tmp_path: Path) -> None:
    """Files and pipes get a long message to its end, and no control character."""
    lake = tmp_path / "lake"
    put(lake, event(at=NOW, message="a\x07b\n" + "x" * 5000 + "\u202eend"))
    (line,) = shown(lake, "-n", "shop", "--no-headers")
    assert line.endswith("x" * 5000 + "end")
    assert line.isprintable()


LIKE_KUBECTL = (
    "cluster", "date", "uid", "resource_version", "name", "namespace", "type", "reason", "message",
    "action", "component", "host", "reporting_component", "reporting_instance", "object_kind",
    "object_namespace", "object_name", "object_uid", "object_api_version", "object_field_path",
    "related_kind", "related_namespace", "related_name", "n", "raw_count", "series_count",
    "first_seen", "last_seen", "created_at", "event_time", "first_timestamp", "last_timestamp",
    "series_last_seen", "labels", "annotations",
)  # fmt: skip


@pytest.mark.parametrize("form", ["json", "yaml"])
@pytest.mark.parametrize("source", SOURCES)
def test_a_list_reads_back_as_the_same_rows(source: str, form: str, tmp_path: Path) -> None:
    """What is printed and imported again is the same, field by field, and adds nothing to its own lake."""
    first, second = tmp_path / "first", tmp_path / "second"
    for file in json_files(source):
        assert eventlake("--lake", first, "--cluster", "c", "import", file).code == 0
    options = ("events", "-A", "--observations", "-o", form)
    printed = eventlake("--lake", first, *options)
    assert (printed.code, printed.err) == (0, "")
    for lake in (first, second):
        assert (
            eventlake("--lake", lake, "--cluster", "c", "import", "-", stdin=printed.raw).code == 0
        )
    text = f"select {', '.join(LIKE_KUBECTL)} from observations order by all"  # noqa: S608 -- ours
    before = rows(first, text)
    assert before
    assert rows(second, text) == before
    count = "select count(distinct snapshot_id) as runs, count(*) as states from observations"
    assert rows(first, count)[0]["states"] == len(before)
    assert eventlake("--lake", second, *options).raw == printed.raw


def test_a_list_is_one_for_kubectl(lake: Path) -> None:
    """A v1 List of v1 Events, the same in JSON and in YAML, and empty where nothing is found."""
    found = json.loads(eventlake("--lake", lake, "events", "-A", "-o", "json").out)
    assert (found["apiVersion"], found["kind"]) == ("v1", "List")
    assert {(i["apiVersion"], i["kind"]) for i in found["items"]} == {("v1", "Event")}
    assert yaml.safe_load(eventlake("--lake", lake, "events", "-A", "-o", "yaml").out) == found
    none: Done = eventlake("--lake", lake, "events", "-n", "none", "-o", "json")
    assert json.loads(none.out)["items"] == []
    none = eventlake("--lake", lake, "events", "-n", "none", "-o", "yaml")
    assert yaml.safe_load(none.out)["items"] == []
