"""``eventlake schedule``: the steps of ``run`` in a process that goes on, is stopped, killed and started again."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from etl.alerts import rules
from etl.commands.invocation import Invocation
from etl.commands.schedule import Service
from etl.log import configure
from tests.lib import faults
from tests.lib.commandline import Waits, eventlake, ledger, rows, temporaries
from tests.lib.events import event
from tests.lib.fleets import ROOT, Fleet, fleet
from tests.lib.loopback import Answer
from tests.lib.ports import free_port

QUICK = {"interval": "1s", "timeout": "20s", "retries": 0}
LONGEST_SECONDS = 60


class Running:
    """The command in a process of its own; what it says is read from a file."""

    def __init__(self, many: Fleet, *options: object) -> None:
        """Start it."""
        self._said = many.folder / f"said-{time.monotonic_ns()}"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "etl", "--config", str(many.config)),
                    *("schedule", *map(str, options)),
                ],
                cwd=ROOT,
                stderr=said,
            )

    @property
    def said(self) -> str:
        """What it has written on standard error."""
        return self._said.read_text("utf-8")

    def until(self, true: Callable[[], object]) -> None:
        """Wait until something is true; the process has to live that long."""
        deadline = time.monotonic() + LONGEST_SECONDS
        while not true():
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.02)

    def end(self, sent: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(sent)
        return self.process.wait(LONGEST_SECONDS)


@contextmanager
def clusters(folder: Path, **settings: Any) -> Iterator[Fleet]:
    """Two clusters that are listed every second; no page, which takes seconds."""
    with fleet(folder, "eu", "us", events=3) as many:
        for server in many.servers.values():
            server.now = datetime.now(UTC)
        many.configure(source=QUICK, report={"page": False}, **settings)
        yield many


def complete(many: Fleet, cluster: str) -> int:
    """Count the complete snapshots of a cluster."""
    found = many.lake.glob(f"snapshots/cluster={cluster}/**/*.parquet")
    return len([path for path in found if not path.name.startswith(".")])


def test_killed_and_started_again(tmp_path: Path) -> None:
    """After a kill -9 in the middle of its work a start goes on; nothing is counted twice, and SIGTERM is no failure."""
    with clusters(tmp_path) as many:
        first = Running(many)
        first.until(lambda: min(complete(many, "eu"), complete(many, "us")) >= 2)
        many.servers["eu"].faults.add(faults.hang(), times=1)
        first.until(lambda: many.servers["eu"].requests)
        assert first.end(signal.SIGKILL) == -signal.SIGKILL
        many.servers["eu"].add(event("web-9", at=many.servers["eu"].now, count=5))
        before = complete(many, "eu")
        many.servers["eu"].faults.clear()
        second = Running(many)
        second.until(lambda: complete(many, "eu") >= before + 2)
        assert (second.end(), second.said.splitlines()[-1]) == (0, "stopped"), second.said
    assert "error" not in second.said
    assert rows(
        many.lake, "select cluster, count(*) as n from observations group by all order by all"
    ) == [
        {"cluster": "eu", "n": 4},
        {"cluster": "us", "n": 3},
    ]
    assert {row["status"] for row in ledger(many.lake)} == {"complete"}


def test_a_slow_snapshot_holds_up_nobody(tmp_path: Path) -> None:
    """While one cluster is slow its next times are left out, loudly, and the other's are not; health and metrics are served."""
    go_on = threading.Event()

    def slowly(answer: Answer) -> Answer:
        go_on.wait(LONGEST_SECONDS)
        return answer

    left_out = "warning: snapshot of eu: the one before still runs, so this one is left out"
    port = free_port()
    with clusters(tmp_path, metrics={"listen": f"127.0.0.1:{port}"}) as many:
        many.servers["eu"].faults.add(slowly, times=1)
        alive = tmp_path / "alive"
        running = Running(many, "--alive", alive)
        running.until(lambda: complete(many, "us") >= 3)
        running.until(lambda: left_out in running.said.splitlines())
        assert complete(many, "eu") == 0
        go_on.set()
        running.until(lambda: complete(many, "eu") >= 1)
        running.until(lambda: "eventlake_" in _get(port, "/metrics"))
        assert _get(port, "/healthz") == "ok\n"
        assert alive.exists()
        assert running.end(signal.SIGINT) == 0


def test_what_does_not_end_in_time_is_abandoned(tmp_path: Path) -> None:
    """SIGTERM while a cluster is silent: after the grace its snapshot is discarded, without a trace, and the code is 0."""
    with clusters(tmp_path, schedule={"grace": "1s"}) as many:
        many.servers["eu"].faults.add(faults.hang(600), times=None)
        running = Running(many)
        running.until(lambda: many.servers["eu"].requests and complete(many, "us"))
        assert running.end() == 0
    assert "stopping: " in running.said
    assert running.said.splitlines()[-1] == "stopped"
    assert {row["status"] for row in ledger(many.lake)} == {"complete"}
    assert (complete(many, "eu"), temporaries(many.lake)) == (0, [])


def test_a_wrong_configuration_never_starts(tmp_path: Path) -> None:
    """Everything that is wrong is told before anything runs."""
    with fleet(tmp_path, "eu", "us") as many:
        many.configure(schedule={"upkeep": "0s"})
        done = eventlake("--config", many.config, "schedule")
        assert (done.code, "schedule.upkeep: 0s is too short" in done.err) == (2, True)
        many.configure()
        done = eventlake("--config", many.config, "--cluster", "asia", "schedule")
        assert (done.code, many.servers["eu"].requests) == (2, [])


def test_digests_over_restarts_and_a_clock_change(tmp_path: Path) -> None:
    """Through three mornings, the night in which clocks are set back, and a restart before every step: one digest a day.

    None is skipped, none is sent twice, and each waits for a snapshot behind its end, so that it has no gap there.
    """
    # Half past two comes twice in Berlin on the 25th.
    start = datetime(2026, 10, 24, 0, 10, tzinfo=UTC)
    said = io.StringIO()
    with fleet(tmp_path, "eu", "us") as many:
        many.configure(
            source={"interval": "8h", "ttl": "12h"},
            report={"page": False},
            timezone="Europe/Berlin",
            digest={"at": "02:30"},
        )
        sent = []
        configure(stream=said)
        for number in range(12):
            now = start + number * timedelta(hours=8)
            for server in many.servers.values():
                server.expire(now)
            service = restarted(many, now, said)
            service.report()
            assert "digest sent" not in said.getvalue(), "before any snapshot of this start"
            service.snapshot("eu")
            service.report()
            service.snapshot("us")
            service.report()
            if "digest sent" in said.getvalue():
                sent.append(now)
            said.seek(0)
            said.truncate()
    assert [moment.date().isoformat() for moment in sent] == [
        "2026-10-25",
        "2026-10-26",
        "2026-10-27",
    ]


def restarted(many: Fleet, now: datetime, said: io.StringIO) -> Service:
    """Return the service as a start at ``now`` makes it, with a clock that stands."""
    invocation = Invocation(
        now=now,
        clock=lambda: now,
        begin=lambda: (now, lambda: now),
        sleep=Waits(),
        environ={},
        stdin=io.BytesIO(),
        stdout=io.StringIO(),
        stderr=said,
        config=str(many.config),
    )
    ready = rules.configured(many.config, environ={}, now=now)
    return Service(invocation, ready, invocation.fleet)


def _get(port: int, path: str) -> str:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return str(answer.read().decode())
    except (HTTPError, OSError) as error:
        return str(error)
