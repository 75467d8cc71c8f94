"""A run that is killed leaves a lake that can be read, keeps its promises, and heals."""

from __future__ import annotations

import gzip
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from etl.lake.files import TEMPORARY_PREFIX, LocalFiles
from etl.lake.layout import Lake
from etl.lake.query import session

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("append_until_killed.py")
RECORDED = Path(__file__).parents[1] / "data" / "recorded"
SNAPSHOTS = (1, 3, 9, 20)
KILLED = -signal.SIGKILL
Row = dict[str, Any]


def _start(lake: Path, last_call: int = 0, *numbers: int) -> subprocess.Popen[str]:
    """Start the program and wait until it is ready to write."""
    program = subprocess.Popen(
        [sys.executable, str(PROGRAM), str(lake), str(last_call), *map(str, numbers or SNAPSHOTS)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    return program


def _finished(program: subprocess.Popen[str]) -> list[tuple[int, int]]:
    """Wait for the program's end; the snapshots it finished and the calls it had made by then."""
    said, _ = program.communicate()
    lines = [line.split() for line in said.splitlines()]
    return [(int(number), int(calls)) for number, calls in lines]


def _states(number: int) -> set[tuple[str, int]]:
    """(uid, count) of what a recorded snapshot holds."""
    body = json.loads(gzip.decompress((RECORDED / f"snapshot-{number:03}.json.gz").read_bytes()))
    states = set()
    for item in body["items"]:
        series = (item.get("series") or {}).get("count", 0)
        count = item.get("count") or 0
        states.add((item["metadata"]["uid"], max(series or count, 1)))
    return states


def _asked(lake: Path, query: str) -> list[Row]:
    with session(Lake(LocalFiles(lake))) as opened:
        rows: list[Row] = opened.run(query, {}).to_pylist()
        assert opened.warnings == []
    return rows


def _keeps_its_promises(lake: Path, finished: list[int]) -> None:
    """Each ledger row's states are in the lake, finished runs have rows, and no half file is seen."""
    if not (lake / "_lake.json").exists():
        assert finished == []
        return
    stored = {
        (row["uid"], row["n"])
        for row in _asked(lake, "select uid, n from observations order by uid")
    }
    ledger = _asked(lake, "select snapshot_id from snapshots order by snapshot_id")
    recorded = [int(row["snapshot_id"].partition("Z-")[2][:3]) for row in ledger]
    assert set(finished) <= set(recorded)
    for number in recorded:
        assert _states(number) <= stored
    files = LocalFiles(lake)
    assert not any(TEMPORARY_PREFIX in path for path in files.list(""))


ANSWERS = (
    "select * exclude (snapshot_id, observed_at) from observations order by uid, n, last_seen",
    "select uid, n, last_seen, occurrences, since, reset from events order by uid, n, last_seen",
)


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, list[list[Row]]]:
    """What a lake says that nobody disturbed, and how many calls it took to write it."""
    lake = tmp_path_factory.mktemp("unharmed") / "lake"
    finished = _finished(_start(lake))
    assert [number for number, _ in finished] == list(SNAPSHOTS)
    _keeps_its_promises(lake, list(SNAPSHOTS))
    return finished[-1][1], [_asked(lake, query) for query in ANSWERS]


def test_a_run_that_is_killed_before_any_call_heals(
    unharmed: tuple[int, list[list[Row]]], tmp_path: Path
) -> None:
    """Killed before calls spread over the whole run, each time on what the ones before left, and then healed."""
    calls, answers = unharmed
    lake = tmp_path / "lake"
    assert calls > 40
    points = sorted(random.Random(3).sample(range(1, calls // 2), 10))  # noqa: S311 -- places, no secrets
    for point in points:
        program = _start(lake, point)
        finished = _finished(program)
        assert program.returncode == KILLED, "the run has fewer calls than it had"
        _keeps_its_promises(lake, [number for number, _ in finished])
    assert list(lake.rglob(f"{TEMPORARY_PREFIX}*")), "no kill left a temporary file to be ignored"
    assert _finished(_start(lake))
    _keeps_its_promises(lake, list(SNAPSHOTS))
    assert [_asked(lake, query) for query in ANSWERS] == answers


def test_a_run_that_is_killed_at_any_time_heals(
    unharmed: tuple[int, list[list[Row]]], tmp_path: Path
) -> None:
    """Killed after times that nobody chose, in the middle of bytes if it comes to that, and then healed."""
    chance = random.Random(4)  # noqa: S311 -- times, no secrets
    lake = tmp_path / "lake"
    for _ in range(5):
        program = _start(lake, 0, *chance.sample(SNAPSHOTS, len(SNAPSHOTS)))
        time.sleep(chance.uniform(0.0, 0.4))
        program.kill()
        _keeps_its_promises(lake, [number for number, _ in _finished(program)])
    assert _finished(_start(lake))
    _keeps_its_promises(lake, list(SNAPSHOTS))
    assert [_asked(lake, query) for query in ANSWERS] == unharmed[1]
