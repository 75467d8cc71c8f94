"""Sealing that is killed: nothing is lost, no answer changes, and the next run heals."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from etl.lake.files import LocalFiles
from tests.lib import lakes, tables
from tests.lib.lakes import at

ROOT = Path(__file__).parents[2]
NOW = at("2026-11-23 03:00")
KILLS = 20
_SEAL = """
import sys
from datetime import datetime
from pathlib import Path
from tests.lib import lakes
from etl.lake.files import LocalFiles
from etl.lake.layout import Lake
print("ready", flush=True)
lakes.sealed(Lake(LocalFiles(Path(sys.argv[1]))), datetime.fromisoformat(sys.argv[2]))
"""


def _rows(turn: int) -> str:
    head = "uid | name | n | first_seen | last_seen | reason"
    lines = [
        f"u{i} | web.{i} | {turn + 1} | 2026-11-21 20:00 | 2026-11-{21 + i % 2} 2{turn % 4}:{i:02d} | BackOff"
        for i in range(60)
    ]
    return "\n".join([head, *lines])


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_killed_at_any_point(tmp_path: Path) -> None:
    """After each of many kills the answers are those of the parts, and in the end the days are closed."""
    chance = random.Random(7)  # noqa: S311 -- moments of kills
    used, kept = (lakes.empty(LocalFiles(tmp_path / name)) for name in ("used", "kept"))
    now = NOW
    for turn in range(KILLS):
        if turn % 4 == 0:
            for lake in (used, kept):
                lakes.add(lake, f"s{turn}", tables.observations(_rows(turn)))
        now += timedelta(minutes=25)
        _killed(tmp_path / "used", now.isoformat(), after=chance.uniform(0, 0.8))
        assert lakes.answers(used) == lakes.answers(kept)
    for hours in (2, 4):
        lakes.sealed(used, now + timedelta(hours=hours))
    assert lakes.answers(used) == lakes.answers(kept)
    assert lakes.files(used, "parts") == []
    assert len(lakes.files(used, "days")) == 2


def _killed(folder: Path, now: str, *, after: float) -> None:
    """Start a sealing in a process of its own, and kill it some time after its imports."""
    started = subprocess.Popen(
        [sys.executable, "-c", _SEAL, str(folder), now],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    with started:
        assert started.stdout
        assert started.stdout.readline() == "ready\n"
        time.sleep(after)
        started.kill()
