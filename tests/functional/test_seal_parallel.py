"""Sealing by several processes and by several jobs: the same lake as one makes, whoever fails or is killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest

from etl import machine
from etl.lake.crew import PROCESS_MB, Room
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.shard import Shard
from tests.lib import lakes, tables
from tests.lib.commandline import eventlake, temporaries
from tests.lib.lakes import at
from tests.lib.storages import Storages

ROOT = Path(__file__).parents[2]
DUE = at("2026-11-25 00:00")
SECONDS = 60
CLUSTERS = ("prod", "arn:aws:eks:eu:1:cluster/shop")
DAYS = ("2026-11-21", "2026-11-22")


def fleet(lake: Lake) -> Lake:
    """Write a part for each of two days of each of two clusters, of which the second day continues the first."""
    for cluster in CLUSTERS:
        for number, day in enumerate(DAYS):
            states = f"""
cluster   | uid | name  | namespace | n            | first_seen       | last_seen
{cluster} | a   | web.1 | shop      | {2 + number} | 2026-11-21 10:00 | {day} 12:00
"""
            lakes.add(lake, f"s{number}", tables.observations(states))
    return lake


def damage(lake: Lake, cluster: str) -> None:
    """Spoil the pages of a cluster's first part, and leave its footer as it is."""
    (part,) = lake.partition(cluster, date.fromisoformat(DAYS[0]))
    data = bytearray(lake.files.read(part.path))
    data[4 : len(data) // 3] = bytes(len(data) // 3 - 4)
    lake.files.write(part.path, bytes(data))


def said(lines: str) -> list[str]:
    """Return the lines about days, in an order of their own: processes end as they end."""
    return sorted(line for line in lines.splitlines() if " at once: " not in line)


def test_several_processes_make_the_lake_that_one_makes(storages: Storages, tmp_path: Path) -> None:
    """The same days, words and answers, in a folder and in a bucket; nothing is left behind."""
    alone = fleet(lakes.empty(LocalFiles(tmp_path / "alone")))
    before = lakes.answers(alone)
    one = eventlake("--lake", alone.files.root, "seal", now=DUE)
    lake = fleet(lakes.empty(storages.make()))
    given = ("--lake", lake.files.root, "seal", "--parallel", "2")
    done = eventlake(*given, environ=storages.environ, now=DUE)
    assert (done.code, done.out) == (0, "")
    assert re.match(r"4 days are due, 2 are sealed at once: \d+ processors?, [\d,]+ MB", done.err)
    assert said(done.err) == said(one.err)
    assert len(said(done.err)) == 4
    assert lakes.answers(lake) == lakes.answers(alone) == before
    assert temporaries(Path(lake.files.root)) == []
    assert eventlake(*given, environ=storages.environ, now=DUE).err == "nothing is due\n"


@pytest.mark.parametrize("parallel", [1, 2])
def test_a_day_that_fails_stops_no_other(tmp_path: Path, parallel: int) -> None:
    """The others are sealed, the one is named, and the command ends with the lake's code."""
    lake = fleet(lakes.empty(LocalFiles(tmp_path / "lake")))
    damage(lake, "prod")
    given = ("--lake", lake.files.root, "seal", "--parallel", str(parallel))
    done = eventlake(*given, now=DUE)
    assert done.code == 4
    sealed = [line for line in done.err.splitlines() if line.endswith("1 states")]
    assert len(sealed) == 2, done.err
    assert done.sentence.startswith("2 of 4 days are not sealed: prod 2026-11-2")
    assert "warning: 2026-11-21 of prod is not sealed: 2026-11-21 of prod cannot be" in done.err
    only = eventlake(*given, "--day", DAYS[0], now=DUE)
    assert only.sentence.startswith("2026-11-21 of prod cannot be sealed: ")


def test_shares_are_disjoint_and_whole() -> None:
    """Each day has exactly one share of three, whatever else is there; the shares are about as large."""
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(60)]
    held = [
        [Shard(index, 3).holds(cluster, day) for index in range(3)]
        for cluster in CLUSTERS
        for day in days
    ]
    assert all(sum(one) == 1 for one in held)
    assert all(25 < sum(column) < 55 for column in zip(*held, strict=True))
    # What is asked of it does not change from process to process, or version to version.
    assert Shard(0, 3).holds("prod", date(2026, 11, 21))


def test_jobs_that_share_the_days_make_the_lake_that_one_makes(tmp_path: Path) -> None:
    """Two shards seal all of it between them; the same shard again, or one of another number, adds nothing."""
    lake = fleet(lakes.empty(LocalFiles(tmp_path / "lake")))
    before = lakes.answers(lake)
    asked = ("--lake", lake.files.root, "seal", "--shard")
    lines = [eventlake(*asked, f"{number}/2", now=DUE).err.splitlines() for number in (0, 1)]
    assert sorted(map(len, lines)) == [1, 3], lines
    again = [eventlake(*asked, f"{number}/3", now=DUE).err for number in range(3)]
    assert again == ["nothing is due\n"] * 3
    assert lakes.answers(lake) == before
    later = DUE + timedelta(hours=1, seconds=1)
    for number in range(2):
        eventlake(*asked, f"{number}/2", now=later)
    assert lakes.files(lake, "parts") == [], "each shard deletes what its own days replaced"


@pytest.mark.parametrize("shard", ["2/2", "-1/2", "1", "0/0", "a/b"])
def test_a_share_that_is_none_is_refused(shard: str) -> None:
    """The message says how one is written."""
    done = eventlake("seal", f"--shard={shard}")
    assert done.code == 2
    assert "write I/N, such as 0/4 for the first of four" in done.err


@pytest.mark.parametrize(
    ("files", "room"),
    [
        ({"proc/meminfo": "MemTotal: 9 kB\nMemAvailable: 4000000 kB\n"}, (9, 3906)),
        (
            {
                "proc/meminfo": "MemAvailable: 40000000 kB\n",
                "sys/fs/cgroup/memory.max": "2147483648\n",
                "sys/fs/cgroup/cpu.max": "250000 100000\n",
            },
            (2, 2048),
        ),
        ({"proc/meminfo": "MemAvailable: 1024 kB\n", "sys/fs/cgroup/cpu.max": "max 1\n"}, (9, 1)),
        (
            {"proc/meminfo": "MemAvailable: 1024 kB\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"},
            (1, 1),
        ),
    ],
    ids=["machine", "container", "no-limit", "half-a-processor"],
)
def test_room_is_what_machine_and_container_lend(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: Mapping[str, str],
    room: tuple[int, int],
) -> None:
    """The least of processors and share of time, of free memory and limit."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(9)))
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    root = f"{tmp_path}/"
    assert (machine.processors(root), machine.memory_bytes(root) >> 20) == room


def test_as_many_fit_as_the_scarcer_allows() -> None:
    """One always; a container of 2 GiB has room for one, however many processors there are."""
    assert [Room(8, mb).size for mb in (0, 2048, 8192, 99_999)] == [1, 1, 5, 8]
    assert Room(8, 2 * PROCESS_MB).fitting == 1
    assert str(Room(1, 2048)) == "1 processor, 2,048 MB of memory at 1,536 MB each"


# What Python imports at its start: the last call of one day's sealing says who makes it, and takes a minute.
SLOW = f"""
import os, sys, time

def last_call(event, given):
    if event == "os.link" and "cluster=prod/date={DAYS[0]}" in str(given[1]):
        with open(os.environ["AT_WORK"], "w") as file:
            file.write(str(os.getpid()))
        time.sleep({SECONDS})

sys.addaudithook(last_call)
"""


@contextmanager
def at_work(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Seal a fleet by two processes; one is about to publish its day, all others are done. Yield the parent and it."""
    lake = fleet(lakes.empty(LocalFiles(folder / "lake")))
    told = folder / "pid"
    (folder / "spill").mkdir()
    (folder / "sitecustomize.py").write_text(SLOW)
    with subprocess.Popen(
        [sys.executable, "-m", "etl", "--lake", lake.files.root, "seal", "--parallel=2"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "AT_WORK": str(told),
            "TMPDIR": str(folder / "spill"),
            "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
        },
    ) as process:
        until(lambda: told.exists() and len(lakes.files(lake, "days")) == 3)
        yield process, int(told.read_text())


def until(true: Callable[[], object]) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def lives(process: int) -> bool:
    """Whether a process is there, and did not end."""
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.mark.parametrize(
    ("sent", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)],
    ids=["ctrl-c", "sigterm", "killed"],
)
def test_processes_end_with_the_one_that_started_them(
    tmp_path: Path, sent: signal.Signals, code: int
) -> None:
    """What was staged is discarded, no process and no temporary folder stays, and what was published stays."""
    with at_work(tmp_path) as (process, child):
        process.send_signal(sent)
        _, told = process.communicate(timeout=SECONDS)
        assert process.returncode == code
        until(lambda: not lives(child))
    assert "Traceback" not in told, told
    lake = tmp_path / "lake"
    assert temporaries(lake) == []
    assert list((tmp_path / "spill").iterdir()) == []
    assert len(list(lake.glob("days/*/*/*.parquet"))) == 3


def test_a_process_that_is_killed_costs_its_day_and_no_other(tmp_path: Path) -> None:
    """The day is named with what is most likely and what to do; the next run seals it."""
    with at_work(tmp_path) as (process, child):
        os.kill(child, signal.SIGKILL)
        _, told = process.communicate(timeout=SECONDS)
    assert process.returncode == 4
    assert told.splitlines()[-1] == (
        "error: 2026-11-21 of prod cannot be sealed: its process was killed (SIGKILL);"
        " most likely memory was short: seal fewer at once with --parallel"
    )
    again = eventlake("--lake", tmp_path / "lake", "seal", now=DUE)
    assert again.err == "prod: 2026-11-21 sealed, 1 states\n"
