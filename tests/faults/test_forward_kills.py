"""Forwarders and their targets that die at any step: every observation arrives, in order, repeats only at the cut.

``--kills 100`` of pytest kills a hundred of each; the share in every run is small.
"""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from tests.conftest import Tally
from tests.lib.crashes import How
from tests.lib.forward_crashes import (
    ROWS,
    Restless,
    begun,
    complete,
    killed_again_and_again,
    killed_at,
    told_by,
)
from tests.lib.loopback import Answer, Delivery, LoopbackServer, Request
from tests.lib.processes import shared_out

_SILENCE = Answer(200, delivery=Delivery(silent=True, end="reset"))
# All of them were tried once, with --kills 100; so many are enough for every day.
_POINTS = 1


def test_killed_before_calls(tmp_path: Path, request: pytest.FixtureRequest, tally: Tally) -> None:
    """Whatever a kill or a power cut leaves, the next forwarder sends the rest, also if days were sealed in between."""
    lake = str(tmp_path / "lake")
    begun(lake, f"{tmp_path}/audit.jsonl", 3)
    (calls,) = shared_out(_killed, [(lake, 0, How.KILL, False)])
    assert calls >= 20
    share = max(1, calls // (_POINTS * request.config.getoption("--kills")))
    hows = [How.KILL, How.NAMES, How.BYTES]
    turns = [
        (lake, point, hows[number % 3], number % 2 == 1)
        for number, point in enumerate(range(1, calls + 1, share))
    ]
    shared_out(_killed, turns)
    tally("forwarders killed before a call", len(turns))


def _killed(lake: str, point: int, how: How, seal: bool) -> int:  # noqa: FBT001 -- of a turn
    return killed_at(lake, point, how, seal=seal)


def test_forwarder_and_target_die_again_and_again(
    tmp_path: Path, request: pytest.FixtureRequest, tally: Tally
) -> None:
    """The target dies before it has a document, after it has it, and stays away for a while; so does the forwarder."""
    kills = request.config.getoption("--kills")
    chance, lock = random.Random(kills), threading.Lock()  # noqa: S311 -- luck, not secrecy
    told: list[tuple[str, int]] = []
    deaths = away = 0

    def answer(seen: Request) -> Answer:
        nonlocal deaths, away
        with lock:
            fate = chance.random()
            if away or fate < 0.02:
                away = away - 1 if away else chance.randrange(5)
                deaths += not away
                return _SILENCE if fate < 0.5 else Answer(503)
            told.append(told_by(seen.body))
            return _SILENCE if fate > 0.98 else Answer(200)

    lake = str(tmp_path / "lake")
    with LoopbackServer(answer) as server:
        begun(lake, server.url, 1)
        restless = Restless(server.url, kills, seed=kills)
        ((died, turns),) = shared_out(killed_again_and_again, [(lake, restless)])
    assert died >= kills
    complete(told, lake, repeats=ROWS * (turns + deaths * 4 + len(told) // 20), where="in the end")
    tally("forwarders killed", died)
    tally("deaths of their target", deaths)
