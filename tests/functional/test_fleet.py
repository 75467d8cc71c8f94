"""Many clusters from one place: each gets its snapshot, and no failure of one is another's."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

import etl
from etl import ingest
from etl.ingest import Run
from etl.lake.layout import Lake
from etl.lake.ledger import Entry
from etl.source.listing import Lister
from tests.lib import faults
from tests.lib.accounts import Account
from tests.lib.commandline import NOW, Done, eventlake, ledger, rows, temporaries
from tests.lib.events import event
from tests.lib.fleets import ROOT, Fleet, fleet
from tests.lib.loopback import Answer
from tests.lib.ports import free_port

UNITS = {"Mi": 1, "Gi": 1024}


def job(many: Fleet, *arguments: object, **options: Any) -> Done:
    """Run a command with the configuration of the clusters."""
    return eventlake("--config", many.config, *arguments, **options)


def by_cluster(lake: Path, column: str) -> dict[str, Any]:
    """Return one column of each cluster's newest row of the ledger."""
    found = rows(lake, f"select cluster, {column} as found from snapshots order by started_at")  # noqa: S608
    return {row["cluster"]: row["found"] for row in found}


def limit_mib() -> float:
    """Return the memory that the manifest allows the job."""
    objects = yaml.safe_load_all((ROOT / "cronjob.yaml").read_text("utf-8"))
    (cron,) = [one for one in objects if one and one["kind"] == "CronJob"]
    pod = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    found = re.fullmatch(r"(\d+)(Mi|Gi)", pod["containers"][0]["resources"]["limits"]["memory"])
    assert found
    return float(found[1]) * UNITS[found[2]]


def test_five_of_fifty_are_broken(tmp_path: Path) -> None:
    """45 snapshots land; the error names the five others and why; memory stays below the manifest's limit."""
    names = [f"c{number:02}" for number in range(50)]
    refused, unknown, forbidden, silent, foreign = names[3::10]
    with fleet(tmp_path, *names, events=20, tls=(foreign,)) as many:
        many.redirect(refused, f"http://127.0.0.1:{free_port()}")
        many.servers[unknown].revoke(many.servers[unknown].token)
        many.servers[forbidden].allow(
            many.servers[forbidden].token, Account("nobody", verbs=frozenset())
        )
        many.servers[silent].faults.add(faults.hang(), times=None)
        many.distrust(foreign)
        many.configure({silent: {"timeout": "1s"}})
        done, peak = many.measured("snapshot")
    reasons = {
        refused: "no connection to",
        unknown: "does not accept the credentials (401)",
        forbidden: "does not allow to list events in all namespaces (403)",
        silent: "a page took longer than 1s",
        foreign: "certificate verify failed",
    }
    assert done.code == 6, done.err
    said = done.sentence
    assert said.startswith("5 of 50 clusters were not read: ")
    for name, reason in reasons.items():
        assert re.search(rf"{name} \([^;]*{re.escape(reason)}", said), (name, said)
    assert "45 of 50 clusters read: 900 events listed, 900 new states" in done.err
    assert "token-of" not in done.err
    assert by_cluster(many.lake, "status") == {
        name: "failed" if name in reasons else "complete" for name in names
    }
    errors = by_cluster(many.lake, "error")
    assert all(reason in errors[name] for name, reason in reasons.items())
    assert by_cluster(many.lake, "rows_added") == {
        name: None if name in reasons else 20 for name in names
    }
    assert 0 < peak < limit_mib()


def test_none_that_can_be_read_is_the_cluster_s_code(tmp_path: Path) -> None:
    """With each of them broken the command ends as that of one broken cluster does, and names them."""
    with fleet(tmp_path, "eu", "us") as many:
        many.servers["eu"].faults.add(faults.broken_json(), times=None)
        many.redirect("us", f"http://127.0.0.1:{free_port()}")
        done = job(many, "snapshot")
    assert done.code == 3
    assert done.sentence.startswith("none of 2 clusters was read: eu (the answer is not")
    assert set(by_cluster(many.lake, "status").values()) == {"failed"}


def test_one_of_them(tmp_path: Path) -> None:
    """--cluster reads one, with its own settings; another name is refused, and so are options of one for all."""
    with fleet(tmp_path, "eu", "us", events=3) as many:
        many.configure({"us": {"ttl": "3h", "page_size": 1}})
        done = job(many, "--cluster", "us", "snapshot")
        assert (done.code, by_cluster(many.lake, "ttl_seconds")) == (0, {"us": 10800.0})
        assert (len(many.servers["us"].requests), many.servers["eu"].requests) == (3, [])
        wrong = job(many, "--cluster", "asia", "snapshot")
        assert (wrong.code, wrong.sentence) == (
            2,
            "the configuration has no cluster 'asia' among its clusters: eu, us",
        )
        wrong = job(many, "snapshot", "--context", "eu")
        assert (wrong.code, "say which with --cluster: eu, us" in wrong.sentence) == (2, True)
        assert job(many, "snapshot", now=NOW + timedelta(minutes=1)).code == 0
    assert by_cluster(many.lake, "ttl_seconds") == {"eu": 3600.0, "us": 10800.0}


def test_all_of_one_kubeconfig_by_context(tmp_path: Path) -> None:
    """One file with a context for each cluster, and one CA for both: each is asked as itself."""
    with fleet(tmp_path, "eu", "us", tls=("eu", "us")) as many:
        both = many.one_kubeconfig()
        own = {name: {"kubeconfig": str(both), "context": name} for name in ("eu", "us")}
        many.configure(own)
        done = job(many, "snapshot")
        assert done.code == 0, done.err
    assert by_cluster(many.lake, "items") == {"eu": 2, "us": 2}


def test_a_limit_of_how_many_are_read_at_once(tmp_path: Path) -> None:
    """No more clusters than ``parallel`` are asked at the same moment."""
    at_once, most, lock = 0, 0, threading.Lock()

    def watched(answer: Answer) -> Answer:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.05)
        with lock:
            at_once -= 1
        return answer

    with fleet(tmp_path, *"abcdefgh") as many:
        for server in many.servers.values():
            server.faults.add(watched, times=None)
        many.configure(parallel=2)
        assert job(many, "snapshot").code == 0
    assert most == 2


def test_one_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    """A cluster that drips for ever is left at its deadline, which its ledger tells; the others have their turn."""
    with fleet(tmp_path, "slow", "eu", "us", events=50) as many:
        many.servers["slow"].faults.add(faults.dripping(piece=1, pause=0.2), times=None)
        many.configure({"slow": {"deadline": "1s", "timeout": "1m"}}, parallel=1)
        done = job(many, "snapshot")
    assert done.code == 6
    assert done.sentence.startswith("1 of 3 clusters were not read: slow (gave up after 1s;")
    assert by_cluster(many.lake, "status") == {"slow": "failed", "eu": "complete", "us": "complete"}
    assert by_cluster(many.lake, "error")["slow"].startswith("gave up after 1s")


def test_a_defect_stops_no_other_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody expected in one cluster ends the command with its traceback, after the others were read."""
    take = ingest.take_snapshot

    def broken(lake: Lake, cluster: str, lister: Lister, run: Run, **options: Any) -> Entry:
        if cluster == "eu":
            raise ZeroDivisionError
        return take(lake, cluster, lister, run, **options)

    monkeypatch.setattr(ingest, "take_snapshot", broken)
    with fleet(tmp_path, "eu", "us") as many:
        done = job(many, "snapshot")
    assert (done.code, "ZeroDivisionError" in done.err) == (1, True)
    assert by_cluster(many.lake, "status") == {"us": "complete"}


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_an_interrupt_ends_all_at_once(tmp_path: Path, sent: signal.Signals) -> None:
    """Ctrl-C while all of them are silent: no ledger row, nothing staged, no wait for any page."""
    with fleet(tmp_path, "a", "b", "c", "d") as many:
        many.configure(source={"timeout": "10m", "page_size": 1})
        for server in many.servers.values():
            server.faults.add(faults.hang(600), page=2, times=None)
        command = [sys.executable, "-m", "etl", "--config", str(many.config), "snapshot"]
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
            while process.poll() is None and any(
                len(server.requests) < 1 for server in many.servers.values()
            ):
                time.sleep(0.02)
            process.send_signal(sent)
            # Whoever waits for a page waits for ten minutes.
            _, said = process.communicate(timeout=60)
    assert process.returncode == (130 if sent is signal.SIGINT else 143)
    assert said.count("interrupted; what was not published is discarded") == 1
    assert (ledger(many.lake), temporaries(many.lake)) == ([], [])


def test_no_cluster_hears_of_another_s_credentials(tmp_path: Path) -> None:
    """What a credential plugin says to one stays with that one, however many are asked at the same moment."""
    names = ("a", "b", "c", "d")
    with fleet(tmp_path, *names) as many:
        for name in names:
            many.plugin(name, f"secret-of-{name}")
        done = job(many, "snapshot")
    assert done.code == 3
    for name, error in by_cluster(many.lake, "error").items():
        assert f"secret-of-{name}" in error
        assert error.count("secret-of-") == 1


def test_run_tells_of_all_of_them(tmp_path: Path) -> None:
    """The main job: one page and one digest of all clusters, which names the one that was not read."""
    morning = NOW + timedelta(days=1, hours=1, minutes=5)
    with fleet(tmp_path, "eu", "us", "asia") as many:
        many.redirect("asia", f"http://127.0.0.1:{free_port()}")
        many.fresh_page(morning)
        assert job(many, "run", now=NOW).code == 6
        for server in many.servers.values():
            server.expire(morning)
            server.add(event("web-9", at=morning, count=3, first=morning))
        done = job(many, "run", now=morning)
    assert done.code == 6, done.err
    assert "digest sent to" in done.err
    assert "snapshot of asia failed: no connection to" in done.err
    assert [line for line in done.err.splitlines() if line.startswith("error: ")] == [
        f"error: {done.sentence}"
    ]


def test_what_was_never_read_is_unknown_and_not_absent(tmp_path: Path) -> None:
    """A cluster that is only configured stands in the reports and in the digest, and --cluster leaves the others out."""
    with fleet(tmp_path, "eu", "us") as many:
        assert job(many, "--cluster", "eu", "snapshot").code == 0
        later = NOW + timedelta(minutes=5)

        def states(*options: str) -> dict[str, str]:
            done = job(many, *options, "report", "clusters", "--format", "json", now=later)
            return {row["cluster"]: row["state"] for row in done.json()}

        assert states() == {"us": "unknown", "eu": "fresh"}
        assert states("--cluster", "eu") == {"eu": "fresh"}
        table = job(many, "coverage", now=later).out
        assert re.search(r"us +│ +unknown +│ +no snapshot", table) or re.search(
            r"us\s+unknown\s+no snapshot", table
        ), table
        told = job(many, "digest", "--dry-run", now=later)
        assert (told.code, "us" in told.out) == (0, True)
        api = etl.open(many.lake, config=many.config, now=later)
        assert list(api.report("clusters")["state"]) == ["unknown", "fresh"]


def test_what_is_urgent_is_told_once_whoever_asks(tmp_path: Path) -> None:
    """A run of one of several clusters remembers with the runs of all: nothing urgent is told twice."""
    with fleet(tmp_path, "eu", "us") as many:
        many.fresh_page(NOW)
        many.configure(
            groups=[
                {
                    "name": "own",
                    "rules": [{"alert": "Oom", "match": {"reason": "OOMKilling"}, "urgent": True}],
                }
            ],
        )
        many.servers["eu"].add(event("node-1", at=NOW, reason="OOMKilling", first=NOW))
        done = job(many, "run")
        assert (done.code, "urgent message sent" in done.err) == (0, True), done.err
        again = job(many, "--cluster", "eu", "run", now=NOW + timedelta(minutes=10))
        assert (again.code, "urgent message sent" in again.err) == (0, False), again.err
