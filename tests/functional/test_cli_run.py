"""The main job day after day: snapshot, page, digest when it is due, and what is left when one of them fails."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.lib import faults
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import (
    NOW,
    Done,
    Waits,
    contents,
    eventlake,
    ledger,
    rows,
    temporaries,
)
from tests.lib.events import event

# The lake begins at eight; the first digest is due at nine of the next day.
MORNING = NOW + timedelta(days=1, hours=1, minutes=5)
TEN_MINUTES = timedelta(minutes=10)


class Job:
    """The CronJob of one cluster: its configuration, its lake, and a call at a time."""

    def __init__(self, folder: Path, server: ApiServer, **settings: Any) -> None:
        """Write the configuration; ``settings`` are more of its keys."""
        self.lake = folder / "lake"
        self.page = folder / "reports" / "index.html"
        self.server = server
        self._config = folder / "eventlake.yaml"
        path = server.kubeconfig(folder / "kubeconfig")
        known = {"lake": str(self.lake), "cluster": "prod", "source": {"kubeconfig": str(path)}}
        self._config.write_text(yaml.safe_dump({**known, **settings}), "utf-8")

    def __call__(self, *arguments: object, now: datetime, page: bool = False) -> Done:
        """Run a command at ``now``; without ``page`` the one that is there is young enough."""
        if not page:
            self.page.parent.mkdir(exist_ok=True)
            self.page.touch()
            os.utime(self.page, (now.timestamp(), now.timestamp()))
        self.server.expire(now)
        return eventlake("--config", self._config, *arguments, now=now)

    def first_day(self) -> None:
        """Take the first snapshots of the lake, an hour's events in each."""
        for hour in range(3):
            now = NOW + timedelta(minutes=50 * hour)
            self.server.now = now
            for number in range(4):
                self.server.add(event(f"web-{number}", at=now, count=30, first=now))
            done = self("run", now=now)
            assert done.code == 0, done.err
            assert "digest sent" not in done.err


def receiver(server: HTTPServer, folder: Path) -> dict[str, Any]:
    """A receiver of the configuration that posts the digest to a server on loopback."""
    address = folder / "address"
    address.write_text(server.url_for("/hook"), "utf-8")
    target = {"url_file": str(address), "allow_http": True, "allow_private": True}
    return {"receivers": [{"name": "chat", "webhook_configs": [target]}]}


class Inbox:
    """What a webhook was sent; ``status`` is what it answers."""

    def __init__(self, server: HTTPServer) -> None:
        """Take what is posted to /hook."""
        self.status = 200
        self.tried = 0
        self.taken: list[dict[str, Any]] = []
        server.expect_request("/hook", method="POST").respond_with_handler(self._take)

    def _take(self, request: Request) -> Response:
        self.tried += 1
        if self.status == 200:
            self.taken.append(json.loads(request.data))
        return Response(status=self.status)


def test_sample_run_prints_a_digest_and_writes_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first thing a new user sees: the digest on stdout, the page's place on stderr, and no cluster asked."""
    monkeypatch.chdir(tmp_path)
    done = eventlake("run", "--sample", environ={"EVENTLAKE_CLUSTER": "prod"})
    assert done.code == 0, done.err
    assert done.out.startswith("sample, sample-batch · ")
    assert "BackOff" in done.out
    page = tmp_path / "reports" / "index.html"
    assert page.read_text("utf-8").lower().startswith("<!doctype html>")
    assert f"page    {page}" in done.err
    assert "next    eventlake --lake sample-lake report --list" in done.err
    assert {path.name for path in tmp_path.iterdir()} == {"reports", "sample-lake"}


def test_digest_comes_once_a_day(apiserver: ApiServer, tmp_path: Path) -> None:
    """The first day has none; the next morning's first run sends it to the console, and no later one does."""
    job = Job(tmp_path, apiserver)
    job.first_day()
    done = job("run", now=MORNING)
    assert (done.code, done.out) == (0, "")
    assert done.err.count("23 Nov 09:00") == 1
    assert "digest sent to" in done.err
    again = job("run", now=MORNING + TEN_MINUTES)
    assert (again.code, again.err) == (
        0,
        f"prod: 0 events listed, 0 new states in the lake {job.lake}\n",
    )
    assert "digest sent to" in job("run", now=MORNING + timedelta(days=1)).err


def test_page_is_written_when_it_is_old(apiserver: ApiServer, tmp_path: Path) -> None:
    """The page is made by the first run, left by one soon after, and made anew when it is an hour old."""
    job = Job(tmp_path, apiserver)
    assert job("run", now=NOW, page=True).code == 0
    text = job.page.read_text("utf-8")
    assert "prod" in text
    job.page.write_text("young")
    assert job("run", now=NOW + TEN_MINUTES).code == 0
    assert job.page.read_text() == "young"
    hour = timedelta(hours=1).total_seconds()
    os.utime(job.page, (NOW.timestamp(), NOW.timestamp() - hour))
    assert job("run", now=NOW, page=True).code == 0
    assert job.page.read_text("utf-8").startswith(text[:15])


def test_no_page_is_written_where_nobody_would_read_it(
    apiserver: ApiServer, tmp_path: Path
) -> None:
    """``report.page: false`` leaves the page out, and everything else of a run is as ever."""
    job = Job(tmp_path, apiserver, report={"page": False})
    done = job("run", now=NOW, page=True)
    assert done.code == 0, done.err
    assert not job.page.exists()
    assert len(ledger(job.lake)) == 1


def test_webhook_gets_one_message(
    apiserver: ApiServer, tmp_path: Path, httpserver: HTTPServer
) -> None:
    """A receiver gets one digest, whatever happened and however often the job runs."""
    inbox = Inbox(httpserver)
    job = Job(tmp_path, apiserver, **receiver(httpserver, tmp_path))
    job.first_day()
    assert inbox.tried == 0
    for minutes in (0, 10, 20):
        assert job("run", now=MORNING + timedelta(minutes=minutes)).code == 0
    (message,) = inbox.taken
    assert message["clusters"] == ["prod"]
    assert message["window"]["end"] == "2026-11-24T09:00:00Z"
    assert temporaries(job.lake) == []


def test_receiver_that_is_down_gets_it_later(
    apiserver: ApiServer, tmp_path: Path, httpserver: HTTPServer
) -> None:
    """While a receiver refuses, the job ends with 5 and keeps the message; a later run delivers it, once."""
    inbox = Inbox(httpserver)
    job = Job(tmp_path, apiserver, **receiver(httpserver, tmp_path))
    job.first_day()
    inbox.status = 503
    failed = job("run", now=MORNING)
    assert failed.code == 5
    assert "kept in the outbox" in failed.err
    assert "\nchat: HTTP 503; " in failed.err
    still = job("run", now=MORNING + TEN_MINUTES)
    assert still.code == 5
    inbox.status = 200
    assert job("run", now=MORNING + timedelta(hours=2)).code == 0
    assert job("run", now=MORNING + timedelta(hours=3)).code == 0
    assert [message["window"]["end"] for message in inbox.taken] == ["2026-11-24T09:00:00Z"]
    assert [row["status"] for row in ledger(job.lake)] == ["complete"] * 7


def test_one_receiver_down_does_not_hold_back_the_others(
    apiserver: ApiServer, tmp_path: Path, httpserver: HTTPServer
) -> None:
    """The digest reaches whoever takes it; the exit code says that not everybody did."""
    inbox = Inbox(httpserver)
    inbox.status = 500
    settings = receiver(httpserver, tmp_path)
    settings["receivers"].append({"name": "log", "console_configs": [{}]})
    job = Job(tmp_path, apiserver, **settings)
    job.first_day()
    done = job("run", now=MORNING)
    assert done.code == 5
    assert "23 Nov 09:00" in done.err
    assert done.err.count("digest sent to log\n") == 1
    # Each try that is followed by another is no trouble yet; the end of it is told once.
    told = [line for line in done.err.splitlines() if line.startswith("chat: ")]
    assert all("; trying again in " in line for line in told[:-1])
    assert told[-1].endswith("; kept in the outbox")
    assert "digest sent to chat" not in done.err
    inbox.status = 200
    deliver = job("deliver", now=MORNING + timedelta(hours=2))
    assert (deliver.code, deliver.err) == (0, "digest sent to chat\n")
    assert len(inbox.taken) == 1
    assert job("deliver", now=MORNING + timedelta(hours=3)).err == "the outbox is empty\n"


def test_digest_goes_out_when_the_cluster_is_down(
    apiserver: ApiServer, tmp_path: Path, httpserver: HTTPServer
) -> None:
    """On the morning when the cluster refuses, the digest says so, and the job fails with the cluster's code."""
    inbox = Inbox(httpserver)
    job = Job(tmp_path, apiserver, **receiver(httpserver, tmp_path))
    job.first_day()
    apiserver.revoke(apiserver.token)
    done = job("run", now=MORNING)
    assert done.code == 3
    assert "(401)" in done.sentence
    (message,) = inbox.taken
    told = [line for line in message["health"] if "(401)" in line]
    assert len(told) == 1
    assert [row["status"] for row in ledger(job.lake)][-1] == "failed"


def test_all_failures_are_told_and_the_first_decides(
    apiserver: ApiServer, tmp_path: Path, httpserver: HTTPServer
) -> None:
    """Cluster, page and receiver down at once: each is told once, and the code is the cluster's."""
    inbox = Inbox(httpserver)
    job = Job(tmp_path, apiserver, **receiver(httpserver, tmp_path))
    job.first_day()
    inbox.status = 500
    apiserver.revoke(apiserver.token)
    job.page.unlink()
    job.page.parent.rmdir()
    job.page.parent.write_text("a file in place of the folder")
    done = job("run", now=MORNING, page=True)
    assert done.code == 3
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert [("(401)" in e, "cannot write" in e, "not everybody" in e) for e in errors] == [
        (False, True, False),
        (False, False, True),
        (True, False, False),
    ]
    assert inbox.tried > 0


def test_first_run_without_a_cluster_ends_there(apiserver: ApiServer, tmp_path: Path) -> None:
    """A lake that never saw the cluster has a failed row, and no digest about nothing."""
    job = Job(tmp_path, apiserver)
    apiserver.faults.add(faults.failing(503), times=None)
    done = job("run", now=NOW)
    assert done.code == 3
    assert "gave up after 6 tries" in done.sentence
    assert "digest sent" not in done.err
    found = rows(job.lake, "select status, retries from snapshots order by 1")
    assert found == [{"status": "failed", "retries": 5}]


def test_old_days_go_by_themselves(apiserver: ApiServer, tmp_path: Path) -> None:
    """A run takes days out of sight that are older than what is kept, one after the next hour deletes them."""
    job = Job(tmp_path, apiserver, retention={"keep_days": 10})
    job.first_day()
    later = NOW + timedelta(days=11)
    done = job("run", now=later)
    assert done.code == 0, done.err
    # Of each of three runs a part and a row, and the two files that these were sealed to.
    assert "prod: 2026-11-23 out of sight, to be deleted in an hour: 8 files, 12 states" in done.err
    done = job("run", now=later + timedelta(hours=1, minutes=5))
    assert "prod: 2026-11-23 deleted: 8 files, 12 states" in done.err
    assert [path for path in contents(job.lake) if "2026-11-23" in path] == []


def test_digest_can_be_looked_at_before(
    apiserver: ApiServer, tmp_path: Path, httpserver: HTTPServer
) -> None:
    """--dry-run prints what the receiver would get and sends and remembers nothing; the due one still goes."""
    inbox = Inbox(httpserver)
    job = Job(tmp_path, apiserver, **receiver(httpserver, tmp_path))
    job.first_day()
    before = contents(job.lake)
    shown = job("digest", "--dry-run", now=MORNING)
    assert shown.code == 0
    assert shown.json()["clusters"] == ["prod"]
    assert contents(job.lake) == before
    assert inbox.tried == 0
    sent = job("digest", now=MORNING)
    assert (sent.code, sent.out) == (0, "")
    assert len(inbox.taken) == 1
    again = job("digest", now=MORNING)
    assert (again.code, again.err.split(";")[0]) == (0, "no digest is due")


def test_check_prints_findings_and_remembers_nothing(apiserver: ApiServer, tmp_path: Path) -> None:
    """A look at the rules is alone on stdout in a machine's format, and leaves the lake as it was."""
    job = Job(tmp_path, apiserver)
    job.first_day()
    before = contents(job.lake)
    done = job("check", "--format", "json", now=NOW + timedelta(hours=2))
    assert done.code == 0
    assert isinstance(done.json(), list)
    assert contents(job.lake) == before


def test_reports_of_your_own_are_on_the_page_of_the_job(
    tmp_path: Path, apiserver: ApiServer
) -> None:
    """The page of run has the configured reports; a wrong one stops the job before it asks the cluster."""
    folder = tmp_path / "mine"
    folder.mkdir()
    header = "-- title: Uids\n-- question: How many?\n"
    (folder / "uids.sql").write_text(f"{header}select 7 as seven order by 1", "utf-8")
    job = Job(tmp_path, apiserver, report={"folders": ["mine"]})
    done = job("run", now=NOW, page=True)
    assert done.code == 0, done.err
    assert 'id="uids"' in job.page.read_text("utf-8")
    (folder / "uids.sql").write_text(f"{header}select $seven as seven order by 1", "utf-8")
    before = ledger(job.lake)
    done = job("run", now=NOW + TEN_MINUTES, page=True)
    assert done.code == 2
    assert "uids.sql:3: parameters: $seven is used" in done.err
    assert ledger(job.lake) == before


def test_a_run_waits_by_chance_before_it_asks(tmp_path: Path) -> None:
    """Up to what --jitter says and no longer, and a list is as old as its asking, not as the call."""
    waits = Waits()
    with ApiServer() as server:
        server.add(event(at=server.now))
        kubeconfig = server.kubeconfig(tmp_path / "kubeconfig")
        for command in ("run", "snapshot"):
            words = ["--cluster=c", "--quiet", command, "--kubeconfig", kubeconfig, "--jitter=30s"]
            done = eventlake("--lake", tmp_path / "lake", *words, sleep=waits)
            assert done.code == 0, done.err
    first, second = waits.seconds
    assert 0 <= first <= 30
    assert 0 <= second <= 30
    assert first != second
