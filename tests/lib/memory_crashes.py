"""A digest or an urgent message by a process that dies before one of its writes, and by the runs after it.

The runs are those of the command line, over copies of a lake that the test has made, in
children of a driver of tests.lib.processes.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

import etl.pipeline  # noqa: F401 - imported once for all children
from tests.lib.commandline import eventlake, rows
from tests.lib.crashes import Crash
from tests.lib.mornings import RULES
from tests.lib.processes import done

HOUR = timedelta(hours=1)
_DECIDED = "select * exclude (evaluated_at) from alerts order by kind, window_end, fingerprint"
_SENT = "select distinct delivery_id, message from deliveries order by all"


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told: the command, over which lake, to which address, when."""

    lake: str
    address: str
    command: tuple[str, ...]
    now: datetime


@dataclass(frozen=True, slots=True)
class Left:
    """What is left when all runs have ended: whether the first one died, what was decided, what became of messages."""

    killed: bool
    decided: list[dict[str, Any]]
    sent: list[dict[str, Any]]


def calls(telling: Telling) -> tuple[int, int]:
    """Return how many calls change the memory, and how many the lake, where nothing interrupts."""
    counts = [
        len(
            done(
                _tell, lake := _copied(telling, name), telling, name, 0, crash=Crash(lake + tree)
            ).calls
        )
        for name, tree in (("part", "/alerts"), ("whole", ""))
    ]
    return counts[0], counts[1]


def died(telling: Telling, point: int) -> Left:
    """Let a run die before its call ``point`` (0: it does not die), then run as if nothing had happened."""
    turn = f"turn-{point}"
    lake = _copied(telling, turn)
    ended = done(_tell, lake, telling, turn, 0, crash=Crash(lake, point))
    # Every fourth is told once more: the run after the one that died has told an old window already.
    decided, sent = done(_after, lake, telling, turn, 2 if point % 4 == 0 else 1).answer
    return Left(ended.killed, decided, sent)


def _after(
    lake: str, telling: Telling, turn: str, times: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Tell again, as the next runs do, and return what is left."""
    # What was being sent belongs to the run that died, for some minutes; the last run finds all done.
    assert _tell(lake, telling, turn, 1) == 0
    assert _tell(lake, replace(telling, command=("deliver",)), turn, 1) == 0
    for later in range(2, times + 1):
        assert _tell(lake, telling, turn, later) == 0
    return rows(Path(lake), _DECIDED), rows(Path(lake), _SENT)


def _copied(telling: Telling, turn: str) -> str:
    folder = Path(telling.lake).parent / turn
    shutil.copytree(telling.lake, folder / "lake")
    # A kill leaves what was written in the kernel's memory; only a power cut asks the disk.
    os.fsync = _unsynced
    return str(folder / "lake")


def _unsynced(fd: object) -> None:
    del fd


def _tell(lake: str, telling: Telling, turn: str, hours: int) -> int:
    target = {"url": f"{telling.address}/{turn}", "allow_http": True, "allow_private": True}
    known = {
        **RULES,
        "cluster": "prod",
        "allow_inline_secrets": True,
        "receivers": [{"name": "hook", "webhook_configs": [target]}],
    }
    config = Path(lake).with_name(f"config-{hours}.yaml")
    config.write_text(yaml.safe_dump(known), "utf-8")
    ask = ("--config", config, "--lake", lake, *telling.command)
    return eventlake(*ask, now=telling.now + hours * HOUR).code
