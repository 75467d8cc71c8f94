"""``eventlake timeline``: the story of an object from what controllers, schedulers and kubelets said."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from tests.lib.api_answers import encoded
from tests.lib.apiserver import ApiServer
from tests.lib.browser import CHROMIUM, browser
from tests.lib.commandline import NOW, Done, eventlake
from tests.lib.events import event

POD, OTHER, RS = "web-7d4b9c6f5d-x2x4z", "web-7d4b9c6f5d-q7wlk", "web-7d4b9c6f5d"


def said(
    minute: float, kind: str, name: str, reason: str, message: str, **more: Any
) -> dict[str, Any]:
    """Return an event of the drawn incident, ``minute`` minutes after six."""
    at = datetime(2026, 11, 23, 6, tzinfo=NOW.tzinfo) + timedelta(minutes=minute)
    more.setdefault("type", "Normal")
    own = {
        "uid": f"{name}-{reason}-{minute}-{message[-5:]}",
        "name": f"{name}.{minute}{message[-5:]}",
    }
    return event(name, at=at, kind=kind, reason=reason, message=message, metadata=own, **more)


def incident() -> list[dict[str, Any]]:
    """Return a rollout that goes wrong: two pods, one node, a volume, a probe, a kill."""
    controller = {"component": "deployment-controller", "host": ""}
    at = datetime(2026, 11, 23, 6, tzinfo=NOW.tzinfo)
    return [
        said(0, "Deployment", "web", "ScalingReplicaSet", f"Scaled up replica set {RS} to 2", **controller),
        said(0, "ReplicaSet", RS, "SuccessfulCreate", f"Created pod: {POD}", component="replicaset-controller", host=""),
        said(0, "ReplicaSet", RS, "SuccessfulCreate", f"Created pod: {OTHER}", component="replicaset-controller", host=""),
        said(0, "Pod", POD, "Scheduled", f"Successfully assigned shop/{POD} to node-1", component="default-scheduler", host=""),
        said(0, "Pod", OTHER, "Scheduled", f"Successfully assigned shop/{OTHER} to node-2", component="default-scheduler", host=""),
        said(1, "Pod", POD, "FailedAttachVolume", 'AttachVolume.Attach failed for volume "pvc-1" : busy', type="Warning", component="attachdetach-controller", host=""),
        said(1, "PersistentVolume", "pvc-1", "VolumeFailed", "disk is gone", type="Warning", namespace="default", component="csi", host=""),
        said(2, "Pod", POD, "Started", "Started container app"),
        said(2, "Pod", OTHER, "Started", "Started container app", host="node-2"),
        said(50, "Pod", POD, "Unhealthy", "Readiness probe failed: 503", type="Warning", first=at + timedelta(minutes=10), count=37),
        said(55, "Node", "node-1", "NodeNotReady", "Node node-1 status is now: NodeNotReady", namespace="default", component="node-controller", host=""),
        said(55, "Node", "node-2", "Rebooted", "Node node-2 has been rebooted", namespace="default", host="node-2"),
        said(-300, "Node", "node-1", "Starting", "Starting kubelet.", namespace="default"),
        said(56, "Pod", POD, "Killing", "Stopping container app"),
        said(57, "Deployment", "api", "ScalingReplicaSet", "Scaled up replica set api-1 to 1", **controller),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The incident, imported; tests only read it."""
    path = tmp_path_factory.mktemp("timeline") / "lake"
    document = encoded({"kind": "List", "apiVersion": "v1", "items": incident()})
    done = eventlake("--lake", path, "--cluster", "prod", "import", "-", stdin=document)
    assert done.code == 0, done.err
    return path


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, on a terminal of 120 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")


def told(lake: Path, *arguments: object, **world: Any) -> Done:
    """Ask for a timeline, and expect one without a word beside it."""
    done = eventlake("--lake", lake, "timeline", *arguments, **world)
    assert (done.code, done.err) == (0, "")
    return done


def lines(lake: Path, *arguments: object) -> list[str]:
    """Return the lines in short: what it is about, the phase, how often."""
    found = told(lake, *arguments, "--format", "json").json()["lines"]
    return [
        f"{line['object_kind']} {line['object_name']}: {line['phase']}"
        + (f" x{line['occurrences']}" if line["occurrences"] > 1 else "")
        for line in found
    ]


def test_the_story_of_a_pod(lake: Path) -> None:
    """Its owners, its node and its volume belong to it; its siblings, and the node's yesterday, do not."""
    assert lines(lake, f"pod/{POD}", "-n", "shop") == [
        "Deployment web: scaled",
        f"ReplicaSet {RS}: created",
        f"Pod {POD}: scheduled",
        f"Pod {POD}: volume failing",
        "PersistentVolume pvc-1: VolumeFailed",
        f"Pod {POD}: started",
        f"Pod {POD}: readiness failing x37",
        "Node node-1: node down",
        f"Pod {POD}: killing",
    ]


def test_the_story_of_a_workload_folds_its_pods(lake: Path) -> None:
    """What is said of several pods of one controller is one line; both nodes belong to it."""
    assert lines(lake, "deploy/web", "-n", "shop") == [
        "Deployment web: scaled",
        f"ReplicaSet {RS}: created x2",
        "Pod web-*: scheduled x2",
        f"Pod {POD}: volume failing",
        "PersistentVolume pvc-1: VolumeFailed",
        "Pod web-*: started x2",
        f"Pod {POD}: readiness failing x37",
        "Node node-1: node down",
        "Node node-2: node rebooted",
        f"Pod {POD}: killing",
    ]


def test_the_story_of_a_node(lake: Path) -> None:
    """The node's own events, and what its kubelet warned of, killed or was given."""
    assert lines(lake, "node/node-1") == [
        "Node node-1: starting",
        f"Pod {POD}: scheduled",
        f"Pod {POD}: readiness failing x37",
        "Node node-1: node down",
        f"Pod {POD}: killing",
    ]


def test_the_story_of_a_namespace(lake: Path) -> None:
    """All that happened in it, and nothing from outside."""
    found = lines(lake, "ns/shop")
    assert "Deployment api: scaled" in found
    assert not [line for line in found if line.startswith(("Node", "PersistentVolume "))]


def test_the_owner_is_found_by_its_name_where_no_event_tells(tmp_path: Path) -> None:
    """Controllers' events may be gone; the rules of naming still tell whose pod it is."""
    lake = tmp_path / "lake"
    items = [
        said(0, "ReplicaSet", RS, "FailedCreate", "quota", type="Warning"),
        said(0, "StatefulSet", "db", "FailedUpdate", "no", type="Warning"),
        said(1, "Pod", POD, "Started", "Started container app"),
        said(1, "Pod", "db-0", "Started", "Started container db"),
    ]
    document = encoded({"kind": "List", "apiVersion": "v1", "items": items})
    eventlake("--lake", lake, "--cluster", "prod", "import", "-", stdin=document)
    assert lines(lake, f"po/{POD}", "-n", "shop")[0] == f"ReplicaSet {RS}: create failing"
    assert lines(lake, "po/db-0", "-n", "shop")[0] == "StatefulSet db: FailedUpdate"
    assert lines(lake, "deploy/web", "-n", "shop")[-1] == f"Pod {POD}: started"


def test_the_workload_is_that_of_the_roll_ups(tmp_path: Path) -> None:
    """A name that was cut to 63 characters still leads to its Deployment, and a name that only looks alike does not."""
    lake = tmp_path / "lake"
    name = "deployments-whose-names-are-so-long-lose-a-part-of-a"
    pod = f"{name}-7bqnd"
    cut = f"{name}-4f68f" + "x7k2p"
    items = [
        said(0, "Deployment", name, "ScalingReplicaSet", "Scaled up", type="Normal"),
        said(1, "Pod", cut, "Started", "Started container app"),
        said(1, "Pod", pod, "Started", "Started container app"),
        said(1, "CronJob", "nightly", "MissSchedule", "missed"),
        said(1, "Job", "nightly-20261123", "Started", "not of a schedule"),
    ]
    document = encoded({"kind": "List", "apiVersion": "v1", "items": items})
    eventlake("--lake", lake, "--cluster", "prod", "import", "-", stdin=document)
    assert lines(lake, f"deploy/{name}", "-n", "shop")[1:] == [f"Pod {cut}: started"]
    assert lines(lake, "cj/nightly", "-n", "shop") == ["CronJob nightly: MissSchedule"]


def test_a_story_in_chinese(lake: Path, tmp_path: Path) -> None:
    """By an option or the configuration; texts, kinds and reasons stay as they are, and JSON has its own words."""
    text = told(lake, f"pod/{POD}", "-n", "shop", "--language", "zh").out
    for words in ("就绪探针失败", "×37，历时 40m", "概要：", "周一，2026-11-23", "窗口："):
        assert words in text
    assert "Readiness probe failed: 503" in text
    assert "readiness failing" not in text
    config = tmp_path / "config.yaml"
    config.write_text("language: zh\n")
    by_config = eventlake(
        "--config",
        config,
        "--lake",
        lake,
        "timeline",
        f"pod/{POD}",
        "-n",
        "shop",
        "--format",
        "html",
    ).out
    assert '<html lang="zh-CN">' in by_config
    assert "未经核实" in by_config
    found = told(lake, f"pod/{POD}", "-n", "shop", "--format", "json", "--language", "zh").json()
    assert found["lines"][-1]["phase"] == "killing"


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine")
def test_the_page_fits_every_screen(lake: Path, tmp_path: Path) -> None:
    """On a telephone the message has the whole width below the rest; nothing sticks out, no console message."""
    page = tmp_path / "story.html"
    told_page = told(lake, f"pod/{POD}", "-n", "shop", "--format", "html").out
    page.write_text(told_page, "utf-8")
    with browser(tmp_path / "profile") as chromium:
        for width, dark in ((360, False), (1200, True)):
            chromium.open(page, width=width, dark=dark)
            assert chromium.evaluate("document.documentElement.scrollWidth <= innerWidth")
            below = chromium.evaluate(
                "(cells => cells[3].getBoundingClientRect().top >= cells[0].getBoundingClientRect().bottom)"
                "(document.querySelector('tr.warning').cells)"
            )
            assert below == (width == 360)
        assert chromium.problems == []


def test_repeats_far_apart_are_two_episodes(tmp_path: Path) -> None:
    """The same words after a quiet time are another line; within it they are one."""
    lake = tmp_path / "lake"
    items = [
        said(m, "Pod", "a", "Unhealthy", "Liveness probe failed", type="Warning")
        for m in (0, 20, 40, 90)
    ]
    document = encoded({"kind": "List", "apiVersion": "v1", "items": items})
    eventlake("--lake", lake, "--cluster", "prod", "import", "-", stdin=document)
    assert lines(lake, "pod/a", "-n", "shop") == [
        "Pod a: liveness failing x3",
        "Pod a: liveness failing",
    ]


def test_what_happened_before_anybody_looked_is_told_as_that(tmp_path: Path) -> None:
    """A count that is days old is one occurrence now, and the rest is said to be from before."""
    lake = tmp_path / "lake"
    old = said(0, "Pod", "a", "BackOff", "Back-off restarting failed container", type="Warning",
               first=NOW - timedelta(days=9), count=4321)  # fmt: skip
    document = encoded({"kind": "List", "apiVersion": "v1", "items": [old]})
    eventlake("--lake", lake, "--cluster", "prod", "import", "-", stdin=document)
    text = told(lake, "pod/a", "-n", "shop").out
    assert "the 4,321th since 2026-11-14 08:00" in " ".join(text.split())
    assert "1 event in 1 line" in text


def test_a_gap_stands_where_it_is(tmp_path: Path) -> None:
    """Between two lists that prove nothing of the time between them, the story says so."""
    with ApiServer() as server:
        path = server.kubeconfig(tmp_path / "kubeconfig")
        for hour in (0, 5):
            at = datetime(2026, 11, 23, hour, tzinfo=NOW.tzinfo)
            server.add(
                event("a", at=at, reason="Unhealthy", message=f"Liveness probe failed: {hour}")
            )
            done = eventlake(
                *("--lake", "lake", "--cluster", "prod", "snapshot", "--kubeconfig", path),
                now=at + timedelta(minutes=1),
            )
            assert done.code == 0, done.err
    text = told(Path("lake"), "pod/a", "-n", "shop", "--day", "2026-11-23").out
    order = re.findall(r"Liveness probe failed: \d|gap from .* no run", text)
    assert [words[:8] for words in order] == ["Liveness", "gap from", "Liveness"]
    page = told(Path("lake"), "pod/a", "-n", "shop", "--day", "2026-11-23", "--format", "html").out
    assert page.count('<tr class="gap">') == 1


@pytest.mark.parametrize("width", [60, 80, 100, 140, 200])
def test_the_text_is_as_wide_as_the_terminal(
    width: int, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From 60 to 200 columns no line is longer, none ends in spaces, and no word is lost."""
    monkeypatch.setenv("COLUMNS", str(width))
    text = told(lake, f"pod/{POD}", "-n", "shop").out
    assert max(map(cell_len, text.splitlines())) <= width
    assert not re.search(r" +$", text, re.MULTILINE)
    assert "\x1b" not in text
    words = "".join(text.split())
    for message in ("Readinessprobefailed:503", "×37over40m", "killing"):
        assert message in words


def test_a_name_is_enough_for_a_pod(lake: Path) -> None:
    """A bare name is a pod's; one that is in a single other namespace is meant, and that is said."""
    done = eventlake("--lake", lake, "timeline", POD)
    assert done.code == 0
    assert done.err == f"{POD} is in the namespace shop, not in default\n"
    assert done.out.startswith(f"Pod shop/{POD}, cluster prod\n")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["pod/nobody"], "no event about pod nobody in the namespace default"),
        (["pod/nobody", "-n", "shop"], "in the namespace shop"),
        ([f"pod/{POD}", "-n", "data"], "there are some in shop (prod)"),
        (["node/none"], "no event about node none is in the lake"),
        (["/x"], "KIND/NAME"),
        ([POD, "--day", "2026-11-22", "--since", "1h"], "give one of day, since"),
    ],
)
def test_what_is_not_there_is_told(arguments: list[str], word: str, lake: Path) -> None:
    """Code 2, nothing on stdout, and the way on."""
    done = eventlake("--lake", lake, "timeline", *arguments)
    assert (done.code, done.out) == (2, "")
    assert word in done.err


def test_an_empty_window_says_so(lake: Path) -> None:
    """An object that is known, and a window without it: its coverage stands beside the words."""
    text = told(lake, f"pod/{POD}", "-n", "shop", "--day", "2026-11-20").out
    assert "Nothing was told of it" in text
    assert "Coverage: no snapshot reaches into this window" in text


def test_hostile_text_breaks_out_of_nothing(tmp_path: Path) -> None:
    """Markup stays text on the page, and no control character reaches the terminal."""
    lake = tmp_path / "lake"
    bad = "<script>alert(1)</script>\x1b]0;x\x07[bold]x[/bold]" + "y" * 2000
    items = [said(0, "Pod", "a", "Killing", bad)]
    document = encoded({"kind": "List", "apiVersion": "v1", "items": items})
    eventlake("--lake", lake, "--cluster", "prod", "import", "-", stdin=document)
    page = told(lake, "pod/a", "-n", "shop", "--format", "html").out
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    text = told(lake, "pod/a", "-n", "shop").out
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "[bold]x[/bold]" in text
    assert (
        told(lake, "pod/a", "-n", "shop", "--format", "json").json()["lines"][0]["message"] == bad
    )


def test_several_clusters_want_a_choice(tmp_path: Path) -> None:
    """The same pod in two clusters: both are named, and --cluster chooses."""
    lake = tmp_path / "lake"
    for cluster in ("east", "west"):
        document = encoded({"kind": "List", "apiVersion": "v1", "items": incident()})
        eventlake("--lake", lake, "--cluster", cluster, "import", "-", stdin=document)
    done = eventlake("--lake", lake, "timeline", POD, "-n", "shop")
    assert (done.code, done.out) == (2, "")
    assert "choose one by its namespace or cluster" in done.err
    one = eventlake("--lake", lake, "--cluster", "west", "timeline", POD, "-n", "shop")
    assert one.out.startswith(f"Pod shop/{POD}, cluster west\n")


def test_output_is_a_file(lake: Path) -> None:
    """--output takes the page; stdout stays empty."""
    done = eventlake("--lake", lake, "timeline", "ns/shop", "--format", "html", "-o", "x.html")
    assert (done.code, done.out, done.err) == (0, "", "written: x.html\n")
    assert Path("x.html").read_text().startswith("<!doctype html>")
