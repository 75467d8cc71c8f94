"""``kubectl eventlake`` on a lake that lies on a volume: a pod is started, asked, and gone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import kubernetes_validate
import pyarrow.parquet as pq
import pytest

from etl import __version__
from etl.cli import cli
from etl.commands import elsewhere
from tests.lib import manifests, pod_security, storages
from tests.lib.commandline import Done, contents, eventlake
from tests.lib.fake_kubectl import FakeCluster
from tests.lib.privileges import stopped_by_permissions
from tests.lib.screen import terminal
from tests.lib.snapshots import dumped

PLUGIN = "kubectl eventlake"
SQL = ("sql", "select namespace, count(*) as n from events group by namespace order by namespace")


@pytest.fixture
def cluster(tmp_path: Path) -> FakeCluster:
    """Return a cluster in which cronjob.yaml was applied; its lake is empty."""
    return FakeCluster.made(
        tmp_path / "cluster", *manifests.documents(manifests.MANIFEST.read_text("utf-8"))
    )


@pytest.fixture
def full(cluster: FakeCluster, tmp_path: Path) -> FakeCluster:
    """Return the same with events in its lake."""
    dumped(tmp_path)
    done = eventlake("--lake", cluster.lake, "--cluster", "c", "import", tmp_path / "events.json")
    assert done.code == 0, done.err
    return cluster


def ask(cluster: FakeCluster, *words: object, **more: Any) -> Done:
    """Ask as the plugin of kubectl does, without naming a lake."""
    environ = cluster.environ | more.pop("environ", {})
    return eventlake(*words, environ=environ, program=PLUGIN, **more)


def test_the_answer_is_that_of_the_lake_and_the_pod_is_gone(
    full: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standard output and files arrive byte for byte, and nothing in the lake was touched."""
    monkeypatch.chdir(tmp_path)
    here = eventlake("--lake", full.lake, *SQL, "--format", "csv")
    there = ask(full, *SQL, "--format", "csv")
    assert (there.code, there.raw) == (0, here.raw), there.err
    assert full.pods == []
    written = ask(full, *SQL, "--format=parquet", "-o", "found.parquet")
    assert written.code == 0, written.err
    assert written.raw == b""
    assert "written: found.parquet" in written.err
    assert pq.read_table(tmp_path / "found.parquet").num_rows == here.raw.count(b"\n") - 1
    assert ask(full, *SQL, "--output=found.txt").code == 0
    assert eventlake("--lake", full.lake, *SQL, "--output", "here.txt").code == 0
    assert Path("found.txt").read_bytes() == Path("here.txt").read_bytes()
    wrong = ask(full, "sql", "select nonsense from events", "--output", "no.csv")
    assert wrong.code == 2
    assert "nonsense" in wrong.err
    assert "command terminated" not in wrong.err
    assert not Path("no.csv").exists()


def test_writing_has_to_be_asked_for(full: FakeCluster) -> None:
    """A command that changes the lake is refused, unless --write mounts the volume for it."""
    words = ("silence", "add", "severity=info", "--for", "1d", "-c", "x")
    refused = ask(full, *words)
    assert refused.code == 2
    assert "--write" in refused.sentence
    assert not [call for call in full.calls if call[0] == "create"]
    done = ask(full, "--write", *words)
    assert done.code == 0, done.err
    assert "readOnly" not in mount(full, "data")
    assert "severity" in ask(full, "silence", "list").out
    assert mount(full, "data")["readOnly"] is True


def mount(cluster: FakeCluster, name: str) -> dict[str, Any]:
    """Return a mount of the pod that was created last."""
    (container,) = cluster.created["spec"]["containers"]
    found: dict[str, Any] = next(m for m in container["volumeMounts"] if m["name"] == name)
    return found


def test_every_command_is_known_to_look_or_to_write() -> None:
    """A new command is told what it may do in a pod before it is asked in one."""
    kinds = [elsewhere.LOOKS, elsewhere.WRITES, elsewhere.THE_JOB, elsewhere.HERE]
    known = [name for kind in kinds for name in kind]
    assert len(known) == len(set(known))
    assert set(commands(cli)) == set(known)


def commands(group: click.Group, above: str = "") -> Iterator[str]:
    """Yield every command of a click group with the words above it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{above}{name} ")
        else:
            yield f"{above}{name}"


LOOKS = (
    "check",
    "coverage",
    "digest --dry-run",
    "doctor",
    "events -A --since 14d",
    "metrics",
    "receivers list",
    "report --format html",
    "retention --dry-run",
    "rules list",
    "shell",
    "silence list",
    "timeline ns/shop --since 14d",
    "views",
)


def test_whoever_only_looks_writes_nothing(full: FakeCluster) -> None:
    """Each command that needs no --write works on a mount that cannot be written, and leaves it as it was."""
    for path in [full.lake, *full.lake.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = contents(full.lake)
    with stopped_by_permissions():
        for line in LOOKS:
            done = eventlake("--lake", full.lake, *line.split(), stdin=b"select 1 as x;")
            assert done.code == 0, (line, done.err)
    assert contents(full.lake) == before


def test_the_pod_is_that_of_the_job_and_passes_what_the_namespace_enforces(
    cluster: FakeCluster,
) -> None:
    """Image, configuration, group and labels come from the job; schemas and Pod Security take the pod."""
    cluster.commands_do(out=b"x\n")
    kubeconfig = {"contexts": [{"name": "blue", "context": {"namespace": "shop"}}]}
    (cluster.folder / ".kube").mkdir()
    (cluster.folder / ".kube" / "config").write_text(json.dumps(kubeconfig))
    done = ask(
        cluster,
        "--context=blue",
        "--pod-timeout",
        "2m",
        *SQL,
        environ={"COLUMNS": "77", "USER": "jo"},
    )
    assert (done.code, done.out) == (0, "x\n")
    pod = cluster.created
    pod.pop("status")
    kubernetes_validate.validate(pod, kubernetes_validate.latest_version(), strict=True)
    spec, (container,) = pod["spec"], pod["spec"]["containers"]
    assert list(pod_security.violations(spec)) == []
    assert list(pod_security.bad_habits(spec)) == []
    assert spec["activeDeadlineSeconds"] == 120
    assert container["image"] == "eventlake:0.1.0"
    known = {entry["name"]: entry["value"] for entry in container["env"]}
    # No colours: standard output is no terminal here.
    assert known == {"COLUMNS": "77", "EVENTLAKE_NAMESPACE": "shop", "USER": "jo"}
    assert {call[0] for call in cluster.calls} == {"--context=blue"}
    (executed,) = [call for call in cluster.calls if call[1] == "exec"]
    assert executed[-7:] == [
        "--",
        "/opt/eventlake/bin/eventlake",
        "--lake=/data/lake",
        "--config=/etc/eventlake/config/eventlake.yaml",
        "--log-format=text",
        *SQL,
    ]
    assert "receivers" not in {volume["name"] for volume in spec["volumes"]}


def test_the_pod_goes_where_the_volume_is(cluster: FakeCluster) -> None:
    """While a pod mounts the claim, its node is the only one; a pod whose asker went away is swept."""
    spec = {"nodeName": "n7", "volumes": [{"persistentVolumeClaim": {"claimName": "eventlake"}}]}
    cluster.add(
        {
            "kind": "Pod",
            "metadata": {"name": "run"},
            "spec": spec,
            "status": {"phase": "Running"},
        }
    )
    labels = {"app.kubernetes.io/name": "eventlake", "app.kubernetes.io/component": "ask"}
    cluster.add(
        {
            "kind": "Pod",
            "metadata": {"name": "left", "labels": labels},
            "spec": spec | {"nodeName": "n1"},
            "status": {"phase": "Failed", "reason": "DeadlineExceeded"},
        }
    )
    cluster.commands_do()
    assert ask(cluster, *SQL).code == 0
    wanted = cluster.created["spec"]["affinity"]["nodeAffinity"]
    (term,) = wanted["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchFields"][0]["values"] == ["n7"]
    cluster.created.pop("status")
    assert [pod["metadata"]["name"] for pod in cluster.pods] == ["run"]


def test_the_shell_is_a_conversation_on_a_terminal(full: FakeCluster) -> None:
    """Somebody types, the pod answers in the width and colours of the terminal, .quit leaves and deletes the pod."""
    with terminal(60) as screen:
        process = subprocess.Popen(
            [sys.executable, "-m", "etl", "--lake", "pvc://eventlake", "shell"],
            env=full.environ | {"TERM": "vt100"},
            stdin=screen.stream,
            stdout=screen.stream,
            stderr=screen.stream,
        )
        screen.until("eventlake>")
        screen.type("select 40 + 2 as n;\n")
        screen.until("42")
        screen.type(".quit\n")
        assert process.wait(30) == 0
    (container,) = full.created["spec"]["containers"]
    known = {entry["name"]: entry["value"] for entry in container["env"]}
    assert known["COLUMNS"] == "60"
    assert (known["FORCE_COLOR"], known["TERM"]) == ("1", "vt100")
    assert full.pods == []


def test_a_pipe_goes_through_byte_for_byte(cluster: FakeCluster) -> None:
    """The shell in the pod reads what is piped; bytes that are no text stay as they are."""
    cluster.commands_do(out=bytes(range(256)), err="told\n")
    done = ask(cluster, "shell", stdin=b"select 1;\n")
    assert done.raw == bytes(range(256))
    assert done.err == "told\n"
    (executed,) = [call for call in cluster.calls if call[0] == "exec"]
    assert "--stdin" in executed
    assert "--tty" not in executed


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ({"code": 4, "err": "error: no lake\n"}, 4, "no lake"),
        ({"code": 137}, 3, "more than 2Gi of memory"),
        ({"broken": True, "err": "error: unexpected EOF\n"}, 3, "the connection ended"),
    ],
    ids=["its own code", "out of memory", "connection lost"],
)
def test_how_a_command_ended_is_told(
    cluster: FakeCluster, tmp_path: Path, answer: dict[str, Any], code: int, said: str
) -> None:
    """The command's own failure has its code; what ended it from outside is a failure of the cluster, without a file."""
    cluster.commands_do(out=b"half", **answer)
    done = ask(cluster, *SQL, "--output", tmp_path / "x.csv")
    assert done.code == code
    assert said in done.err
    assert not (tmp_path / "x.csv").exists()
    assert cluster.pods == []


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (
            {
                "phase": "Pending",
                "containerStatuses": [
                    {"state": {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}}
                ],
            },
            "cannot start: ErrImagePull: no such image",
        ),
        (
            {
                "phase": "Pending",
                "conditions": [
                    {"status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
                ],
            },
            "did not start within 150 s: Unschedulable: 0/3 nodes",
        ),
        ({"phase": "Failed", "reason": "Evicted"}, "ended before it was asked: Evicted"),
    ],
    ids=["no image", "no node", "evicted"],
)
def test_a_pod_that_does_not_start_is_explained_and_deleted(
    cluster: FakeCluster,
    monkeypatch: pytest.MonkeyPatch,
    status: dict[str, Any],
    said: str,
) -> None:
    """The cluster's own reason is the message, as soon as waiting is of no use."""
    # Each look is a process; the message still has to tell how long a user would have waited.
    if "conditions" in status:
        monkeypatch.setattr("etl.remote.pod.range", lambda _: range(3), raising=False)
    cluster.pods_become(**status)
    done = ask(cluster, *SQL)
    assert done.code == 3
    assert said in done.sentence
    assert cluster.pods == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run",), "kubectl -n NAMESPACE create job"),
        (("snapshot",), "kubectl -n NAMESPACE create job"),
        (("digest",), "kubectl -n NAMESPACE create job"),
        (("receivers", "test", "log"), "kubectl -n NAMESPACE create job"),
        (("seal",), "--write"),
        (("retention",), "--write"),
        (("doctor", "--repair"), "--write"),
        (("redact", "--match", "x"), "--write"),
        (("switch", "off", "NodeNotReady"), "--write"),
        (("--write", "import", "x.json"), "give the dump on standard input"),
        (("report", "--reports", "."), "file of this machine"),
    ],
    ids=lambda value: "-".join(value).replace("--", "") if isinstance(value, tuple) else "",
)
def test_what_a_pod_cannot_do_is_refused_before_one_is_started(
    cluster: FakeCluster, words: tuple[str, ...], said: str
) -> None:
    """One sentence says what to do instead."""
    done = ask(cluster, *words)
    assert done.code == 2
    assert said in done.sentence
    assert not [call for call in cluster.calls if call[0] in {"create", "exec"}]


def test_a_mistake_in_the_words_costs_nothing(cluster: FakeCluster) -> None:
    """The command line is read here: a wrong option and --help ask no cluster."""
    assert ask(cluster, "report", "--nonsense").code == 2
    assert "Answer the questions" in ask(cluster, "report", "--help").out
    assert ask(cluster, "version").out.strip() == __version__
    assert cluster.calls == []


def test_a_lake_in_a_bucket_is_asked_from_here(tmp_path: Path) -> None:
    """The job's configuration names the bucket, and no pod is started."""
    dumped(tmp_path)
    overlay = manifests.kept(manifests.DEPLOY / "overlays" / "object-store")
    with storages.buckets() as made:
        bucket = made.make().root
        cluster = FakeCluster.made(tmp_path / "cluster", *overlay)
        config = next(item for item in overlay if item["kind"] == "ConfigMap")
        cluster.add(config | {"data": {"eventlake.yaml": f"lake: {bucket}"}})
        filled = eventlake(
            *("--lake", bucket, "--cluster", "c", "import", tmp_path / "events.json"),
            environ=made.environ,
        )
        assert filled.code == 0, filled.err
        done = ask(cluster, *SQL, "--format", "csv", environ=made.environ)
    assert (done.code, done.out.splitlines()[0]) == (0, "namespace,n"), done.err
    assert f"the lake is {bucket}: asked from here, without a pod" in done.err
    assert [call[0] for call in cluster.calls] == ["get", "get"]


def test_a_lake_can_be_named(cluster: FakeCluster, tmp_path: Path) -> None:
    """By namespace, claim and path, with another context and image; a folder of this machine needs no cluster."""
    cluster.commands_do()
    place = "pvc://eventlake/other/deep/lake"
    done = eventlake("--lake", place, *SQL, environ=cluster.environ)
    assert done.code == 3
    assert "--pod-image" in done.sentence
    words = ("--lake", place, "--context", "blue", "--pod-image", "r.example/e:1")
    assert eventlake(*words, *SQL, environ=cluster.environ).code == 0
    assert cluster.calls[-1][0] == "--context=blue"
    executed = next(call for call in cluster.calls if "exec" in call)
    assert "--lake=/data/deep/lake" in executed
    assert not [word for word in executed if word.startswith("--config")]
    claim = next(v for v in cluster.created["spec"]["volumes"] if v["name"] == "data")
    assert claim["persistentVolumeClaim"]["claimName"] == "other"
    before = len(cluster.calls)
    assert ask(cluster, "--lake", tmp_path / "empty", "coverage").code == 4
    config = tmp_path / "eventlake.yaml"
    config.write_text("lake: pvc://eventlake")
    assert eventlake("--config", config, *SQL, environ=cluster.environ).code == 0
    assert len(cluster.calls) > before
    assert eventlake("--lake", "pvc://", *SQL, environ=cluster.environ).code == 2


def test_a_cluster_without_a_job_and_one_that_says_no(tmp_path: Path, cluster: FakeCluster) -> None:
    """What is missing is named: the job, the right to start a pod, kubectl itself."""
    empty = FakeCluster.made(tmp_path / "empty")
    assert "no CronJob or Deployment of eventlake" in ask(empty, *SQL).sentence
    (cluster.folder / "forbidden").touch()
    refused = ask(cluster, *SQL)
    assert refused.code == 3
    assert 'User "jo" cannot create' in refused.sentence
    without = eventlake("--lake", "pvc://eventlake", *SQL, environ={"PATH": str(tmp_path)})
    assert "kubectl is not on the path" in without.sentence


def started(cluster: FakeCluster) -> subprocess.Popen[bytes]:
    """Start a command as a user does, and wait until it is executed in its pod."""
    process = subprocess.Popen(
        [sys.executable, "-m", "etl", "--lake", "pvc://eventlake", *SQL],
        env=cluster.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.read(5) == b"begun"
    return process


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "sigterm"]
)
def test_whoever_leaves_leaves_no_pod(
    cluster: FakeCluster, number: signal.Signals, code: int
) -> None:
    """Ctrl-C, which kubectl hears too, and SIGTERM, which it does not, end the command and delete the pod."""
    cluster.commands_do(out=b"begun", seconds=60)
    process = started(cluster)
    assert len(cluster.pods) == 1
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == code
    assert cluster.pods == []
