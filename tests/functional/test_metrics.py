"""Metrics of runs: what they say, how counters outlive processes, and who gets them."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from etl import machine
from etl.config.settings import Settings
from etl.config.watching import Metrics
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.metrics import exposition, process
from etl.metrics.catalogue import METRICS
from etl.metrics.endpoint import Board, Endpoint
from etl.metrics.gather import Ended, gather
from etl.metrics.readings import Readings
from etl.metrics.record import Keeper
from etl.statements import statement
from tests.lib import fleets, pushgateway
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW, eventlake
from tests.lib.events import event
from tests.lib.loopback import Answer, LoopbackServer
from tests.lib.ports import free_port
from tests.lib.watching import Watched, parsed, samples

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
OCCURRENCES = "eventlake_occurrences_total"


@pytest.fixture
def watched(tmp_path: Path, apiserver: ApiServer) -> Watched:
    """A cluster with one event that occurred three times."""
    apiserver.add(event("web-1", at=NOW, count=3, first=NOW))
    return Watched(tmp_path, apiserver)


def test_counters_go_on_from_process_to_process(watched: Watched, apiserver: ApiServer) -> None:
    """What a run adds is added to what runs before it counted; gauges are those of the last one."""
    assert watched.run("snapshot").code == 0
    assert watched.value(OCCURRENCES, namespace="shop", reason="BackOff", kind="Pod") == 3
    assert watched.value("eventlake_run_exit_code", command="snapshot") == 0
    apiserver.now = NOW + 10 * MINUTE
    apiserver.add(event("web-2", at=apiserver.now, count=1, first=apiserver.now, reason="Killing"))
    assert watched.run("snapshot", now=apiserver.now).code == 0
    assert watched.value(OCCURRENCES, reason="BackOff") == 3
    assert watched.value(OCCURRENCES, reason="Killing") == 1
    told = {
        "eventlake_runs_total": 2,
        "eventlake_snapshots_total": 2,
        "eventlake_listed_events_total": 3,
        "eventlake_added_observations_total": 2,
        "eventlake_snapshot_events": 2,
        "eventlake_snapshot_added_observations": 1,
        "eventlake_snapshot_interval_seconds": 600,
        "eventlake_event_ttl_seconds": 3600,
        "eventlake_coverage_gaps": 0,
        "eventlake_sealing_due": 0,
    }
    assert {name: watched.value(name) for name in told} == told
    asked = (apiserver.now).timestamp()
    assert watched.value("eventlake_last_snapshot_timestamp_seconds") == pytest.approx(asked, abs=1)
    assert (watched.value("eventlake_lake_files", tree="parts") or 0) == 2
    assert len(list((watched.lake / "metrics/cluster=prod").iterdir())) == 2


def test_a_failed_run_is_told_and_the_last_snapshot_stays(
    watched: Watched, apiserver: ApiServer
) -> None:
    """The exit code, the failed snapshot and the gap that it leaves; the newest usable snapshot is the one before."""
    assert watched.run("snapshot").code == 0
    apiserver.revoke(apiserver.token)
    late = NOW + 90 * MINUTE
    assert watched.run("snapshot", now=late).code == 3
    assert watched.value("eventlake_run_exit_code", command="snapshot") == 3
    assert watched.value("eventlake_runs_total", exit_code="3") == 1
    assert watched.value("eventlake_snapshots_total", status="failed") == 1
    last = watched.value("eventlake_last_snapshot_timestamp_seconds")
    assert last == pytest.approx(NOW.timestamp(), abs=1)
    succeeded = watched.value("eventlake_run_success_timestamp_seconds", command="snapshot")
    assert succeeded == pytest.approx(NOW.timestamp(), abs=1)
    ended = watched.value("eventlake_run_timestamp_seconds", command="snapshot")
    assert ended == pytest.approx(late.timestamp(), abs=1)


def test_a_cluster_that_never_answered_has_a_last_snapshot_of_zero(
    watched: Watched, apiserver: ApiServer
) -> None:
    """An alert about its age fires, as it would not about a series that is missing."""
    apiserver.revoke(apiserver.token)
    assert watched.run("snapshot").code == 3
    assert watched.value("eventlake_last_snapshot_timestamp_seconds") == 0


def test_a_gap_is_told(watched: Watched, apiserver: ApiServer) -> None:
    """Three hours without a run, with a TTL of one: two hours may have lost something."""
    assert watched.run("snapshot").code == 0
    apiserver.now = NOW + 180 * MINUTE
    apiserver.expire()
    assert watched.run("snapshot", now=apiserver.now).code == 0
    assert watched.value("eventlake_coverage_gaps") == 1
    assert watched.value("eventlake_coverage_gap_seconds") == pytest.approx(7200, abs=300)
    assert (watched.value("eventlake_coverage_ratio") or 1) < 0.1


def test_what_a_run_did_not_come_to_count_the_next_one_counts(
    watched: Watched, apiserver: ApiServer
) -> None:
    """A run that was killed behind its ledger row is in the counters of the next, and only once."""
    assert watched.run("snapshot").code == 0
    apiserver.now = NOW + 10 * MINUTE
    apiserver.add(event("web-2", at=apiserver.now, count=4, first=apiserver.now, reason="Killing"))
    watched.metrics = "{}"
    assert watched.run("snapshot", now=apiserver.now).code == 0
    watched.metrics = ""
    for number in (20, 30):
        assert watched.run("snapshot", now=NOW + number * MINUTE).code == 0
        assert watched.value(OCCURRENCES, reason="Killing") == 4
        assert watched.value("eventlake_snapshots_total") == number / 10 + 1


def test_the_first_count_has_the_snapshot_before_it(watched: Watched) -> None:
    """A process that goes on gathers behind its snapshots, and a job of its own for digests as well."""
    watched.metrics = "{}"
    assert watched.run("snapshot").code == 0
    found = gather(
        Lake(LocalFiles(watched.lake)),
        Settings(metrics=Metrics(listen=":9464")),
        now=NOW + MINUTE,
        cluster="prod",
        ended=Ended(
            command="schedule",
            started_at=NOW + MINUTE,
            ended_at=NOW + MINUTE,
            seconds=1,
            exit_code=0,
            peak_bytes=1,
        ),
    )
    assert list(found.values[OCCURRENCES].values()) == [3]


def test_two_runs_at_once_count_everything_once(watched: Watched) -> None:
    """Of two that write the same record one wins, and the other adds to it: nothing is lost or counted twice."""
    assert watched.run("snapshot").code == 0
    lake = Lake(LocalFiles(watched.lake))
    settings = Settings(metrics=Metrics(textfile="x.prom"))
    barrier = threading.Barrier(4)

    def ends() -> None:
        barrier.wait()
        ended = Ended(
            command="run", started_at=NOW, ended_at=NOW, seconds=1, exit_code=0, peak_bytes=1
        )
        gather(lake, settings, now=NOW, cluster="prod", ended=ended)

    threads = [threading.Thread(target=ends) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = gather(lake, settings, now=NOW, cluster="prod")
    assert found.values["eventlake_runs_total"][("prod", "run", "0")] == 4
    assert list(found.values["eventlake_snapshots_total"].values()) == [1]
    assert list(found.values[OCCURRENCES].values()) == [3]


def test_deliveries_and_alerts_are_told(watched: Watched, apiserver: ApiServer) -> None:
    """A receiver that is down keeps a message waiting; one that takes it is counted, once."""
    answers = [Answer(400, b"no")]
    with LoopbackServer(lambda _request: answers[0]) as server:
        watched.more = (
            "digest: {at: '00:00'}\nreceivers:\n"
            f"  - name: hook\n    webhook_configs: [{{url: '{server.url}/x', allow_http: true, allow_private: true}}]\n"
            "  - name: log\n    console_configs: [{}]\n"
        )
        assert watched.run("snapshot", now=NOW - DAY).code == 0
        apiserver.now = NOW
        assert watched.run(now=NOW).code == 5
    assert watched.value("eventlake_run_exit_code", command="run") == 5
    assert watched.value("eventlake_deliveries_total", receiver="hook", outcome="dead") == 1
    assert watched.value("eventlake_deliveries_total", receiver="log", outcome="delivered") == 1
    assert watched.value("eventlake_outbox_messages", state="dead") == 1
    assert watched.run(now=NOW + 10 * MINUTE).code == 0
    assert watched.value("eventlake_deliveries_total", receiver="log", outcome="delivered") == 1
    assert watched.value("eventlake_run_exit_code", command="snapshot") == 0
    assert watched.value("eventlake_page_timestamp_seconds")


def test_strangers_text_cannot_break_the_format(watched: Watched, apiserver: ApiServer) -> None:
    """Reasons with quotes, newlines and braces are one label each, and promtool finds nothing to object to."""
    hostile = 'x"} 1\neventlake_build_info{a="'
    apiserver.add(event("web-3", at=NOW, count=2, first=NOW, reason=hostile))
    assert watched.run("snapshot").code == 0
    text = watched.textfile.read_text()
    assert sum(line.startswith("eventlake_build_info{") for line in text.splitlines()) == 1
    assert watched.value(OCCURRENCES, reason='x"} 1 eventlake_build_info{a="') == 2
    assert watched.textfile.stat().st_mode & 0o777 == 0o644
    assert not [path for path in watched.folder.iterdir() if path.name.startswith(".")]
    if pushgateway.PROMTOOL:
        pushgateway.promtool("check", "metrics", stdin=watched.textfile.read_bytes())


def test_names_follow_the_conventions() -> None:
    """One prefix, base units, _total for counters alone, a sentence each."""
    for metric in METRICS:
        assert metric.name.startswith("eventlake_")
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert metric.help.endswith(".")
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_metrics_never_fail_a_run(watched: Watched) -> None:
    """A folder that is not there and a gateway that is down are two warnings, and the exit code is 0."""
    watched.metrics = (
        f"{{textfile: {watched.folder}/none/e.prom, pushgateway:"
        f" {{url: 'http://127.0.0.1:{free_port()}', allow_http: true, allow_private: true}}}}"
    )
    done = watched.run("snapshot")
    assert done.code == 0
    assert "cannot write the metrics to" in done.err
    assert "the Pushgateway did not take the metrics: cannot reach http://127.0.0.1" in done.err


def test_a_lake_that_cannot_be_asked_leaves_the_metrics_of_the_run(watched: Watched) -> None:
    """The exit code of the failure is told where it matters most."""
    watched.lake.write_text("no folder")
    assert watched.run("snapshot").code == 4
    assert watched.value("eventlake_run_exit_code", command="snapshot") == 4
    assert watched.value("eventlake_last_snapshot_timestamp_seconds") is None


def test_a_damaged_record_is_passed_over(watched: Watched) -> None:
    """Counters go on from the one before it."""
    for number in range(2):
        assert watched.run("snapshot", now=NOW + number * MINUTE).code == 0
    lake = Lake(LocalFiles(watched.lake))
    keeper = Keeper(lake.files, "prod")
    lake.files.write(f"{keeper.folder}/00000002.json", b"half")
    done = watched.run("snapshot", now=NOW + 2 * MINUTE)
    assert done.code == 0
    assert "counters go on from the one before" in done.err
    assert watched.value("eventlake_runs_total") == 2
    assert watched.value("eventlake_snapshots_total") == 3


@pushgateway.needed
def test_a_real_pushgateway_takes_them(watched: Watched) -> None:
    """Each cluster is a group of its own by job and cluster, and a push replaces what was there."""
    with pushgateway.running() as url:
        watched.metrics = (
            f"{{pushgateway: {{url: '{url}', allow_http: true, allow_private: true}}}}"
        )
        for number in range(2):
            done = watched.run("snapshot", now=NOW + number * MINUTE)
            assert (done.code, "metrics" in done.err) == (0, False), done.err
        other = Readings()
        other.put("eventlake_coverage_ratio", 1, cluster="arn:aws:eks/x")
        other.put("eventlake_alerts", 2, cluster="", severity="info", state="firing")
        config = Settings().metrics.pushgateway
        config = type(config)(url=url, allow_http=True, allow_private=True)
        exposition.push(other, config, environ={}, now=NOW)
        answer = httpx.get(f"{url}/api/v1/metrics").json()
    groups = {tuple(sorted(group["labels"].items())): group for group in answer["data"]}
    assert set(groups) == {
        (("cluster", "prod"), ("job", "eventlake")),
        (("cluster", "arn:aws:eks/x"), ("job", "eventlake")),
        (("job", "eventlake"),),
    }
    pushed = groups[(("cluster", "prod"), ("job", "eventlake"))]
    assert pushed["eventlake_snapshots_total"]["metrics"][0]["value"] == "2"
    assert pushed["eventlake_snapshots_total"]["type"] == "COUNTER"
    assert pushed["last_push_successful"] is True


def test_a_password_of_a_pushgateway_is_not_shown(watched: Watched) -> None:
    """It travels as a header, and stands in no message when the server repeats it."""
    secret = "pw-0a1b2c3d4e5f"  # noqa: S105 - of nobody
    with LoopbackServer(lambda request: Answer(500, str(request.headers).encode())) as server:
        (watched.folder / "url").write_text(server.url.replace("://", f"://me:{secret}@"))
        watched.metrics = f"{{pushgateway: {{url_file: {watched.folder}/url, allow_http: true, allow_private: true}}}}"
        done = watched.run("snapshot", log_format="json")
        (request,) = server.requests
    assert (request.method, request.path) == ("PUT", "/metrics/job/eventlake/cluster/prod")
    assert request.headers["authorization"].startswith("Basic ")
    assert "the Pushgateway did not take the metrics: HTTP 500" in done.err
    for word in (secret, request.headers["authorization"].partition(" ")[2]):
        assert word not in done.err
    assert all(json.loads(line) for line in done.err.splitlines())


def test_the_endpoint_serves_what_the_board_shows() -> None:
    """/metrics in the format that was asked for, /healthz with its reason, and nothing else."""
    board, wrong = Board(), [""]
    with Endpoint("127.0.0.1:0", board, unhealthy=lambda: wrong[0]) as endpoint:
        url = f"http://127.0.0.1:{endpoint.port}"
        for cluster, value in (("a", 1.0), ("b", 2.0), ("a", 3.0)):
            readings = Readings()
            readings.put("eventlake_coverage_ratio", value, cluster=cluster)
            board.put(readings)
        answer = httpx.get(f"{url}/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert sorted(parsed(answer.text).values()) == [2, 3]
        wanted = {"Accept": "application/openmetrics-text; version=1.0.0"}
        assert httpx.get(f"{url}/metrics", headers=wanted).text.endswith("# EOF\n")
        assert (httpx.get(f"{url}/healthz").status_code, httpx.get(f"{url}/x").status_code) == (
            200,
            404,
        )
        wrong[0] = "no run since 08:00"
        answer = httpx.get(f"{url}/healthz")
        assert (answer.status_code, answer.text) == (503, "no run since 08:00\n")


@pytest.mark.parametrize(
    ("file", "text", "limit"),
    [
        ("memory.max", "2147483648\n", 2147483648),
        ("memory.max", "max\n", None),
        ("memory/memory.limit_in_bytes", "9223372036854771712\n", None),
        ("memory/memory.limit_in_bytes", "1048576\n", 1048576),
        ("other", "", None),
    ],
)
def test_the_limit_of_memory_is_that_of_the_container(
    tmp_path: Path, file: str, text: str, limit: int | None
) -> None:
    """Both versions of control groups, and their ways to say that there is none."""
    path = tmp_path / "sys/fs/cgroup" / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert machine.limit_bytes(str(tmp_path)) == limit
    assert process.peak_bytes() > 10_000_000


def test_nobody_pays_for_metrics_that_are_off() -> None:
    """The commands import neither Prometheus' client nor ours."""
    program = (
        "import sys, etl.cli, etl.commands.run, etl.commands.snapshot;"
        "print([m for m in sys.modules if m.startswith(('prometheus_client', 'etl.metrics'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, env=dict(os.environ)
    )
    assert done.stdout == b"[]\n"


def test_unknown_names_are_refused() -> None:
    """A metric or a label that the catalogue does not have is a defect and is not exposed."""
    readings = Readings()
    for name, labels in (("eventlake_x", {}), ("eventlake_coverage_ratio", {"pod": "x"})):
        with pytest.raises(KeyError):
            readings.put(name, 1, cluster="", **labels)
    assert readings.values == {}


def test_of_several_clusters_each_is_told(tmp_path: Path) -> None:
    """One run, two clusters of which one fails: its own series for each, the exit code for the job, a line each of the doctor."""
    with fleets.fleet(tmp_path, "east", "west") as fleet:
        fleet.configure(metrics={"textfile": str(tmp_path / "e.prom")})
        fleet.servers["west"].revoke(fleet.servers["west"].token)
        done = eventlake("--config", fleet.config, "snapshot", now=NOW)
        looked = eventlake("--config", fleet.config, "doctor", "--live", "--format", "json")
    assert done.code == 6
    found = samples(tmp_path / "e.prom")
    told = {
        (name, dict(labels)["cluster"]): value
        for (name, labels), value in found.items()
        if name in {"eventlake_last_snapshot_timestamp_seconds", "eventlake_run_exit_code"}
    }
    assert told.pop(("eventlake_last_snapshot_timestamp_seconds", "east")) > 0
    assert told == {
        ("eventlake_last_snapshot_timestamp_seconds", "west"): 0,
        ("eventlake_run_exit_code", ""): 6,
    }
    assert looked.code == 3
    levels = {row["subject"]: row["level"] for row in looked.json()}
    assert levels["east: list events in all namespaces"] == "ok"
    assert levels["west: list events in all namespaces"] == "fail"


def test_days_that_do_not_fit_cost_their_occurrences_alone(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question that fails is a warning, and everything else is told."""
    asked = statement("metrics/added")
    broken = dataclasses.replace(asked, text=asked.text.replace("sum(occurrences)", "error('no')"))
    monkeypatch.setattr(
        "etl.metrics.gather.statement",
        lambda name: broken if name == asked.name else statement(name),
    )
    done = watched.run("snapshot")
    assert done.code == 0
    assert "metrics: occurrences of 1 snapshots stay uncounted" in done.err
    assert watched.value("eventlake_snapshots_total") == 1
    assert watched.value(OCCURRENCES) is None
