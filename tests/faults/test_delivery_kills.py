"""kill -9 between any two steps of a delivery: nothing is missing, and one message at most comes twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lib.delivery_crashes import Targets, calls, died
from tests.lib.loopback import LoopbackServer
from tests.lib.processes import shared_out

_REQUESTS = 4


@pytest.mark.parametrize("busy", [False, True])
def test_a_kill_anywhere_loses_nothing(tmp_path: Path, *, busy: bool) -> None:
    """Before every call on the outbox, and before and after every request: at most the message in flight is repeated, marked."""
    targets = Targets(busy=busy)
    with LoopbackServer(targets.respond) as server:
        (count,) = shared_out(calls, [(str(tmp_path), server.url, "whole")])
        requests = [sign * n for n in range(1, _REQUESTS + busy + 1) for sign in (1, -1)]
        turns = [(f"call-{point}", point, 0) for point in range(1, count + 1)]
        turns += [(f"request-{number}", 0, number) for number in requests]
        killed = shared_out(
            died, [(str(tmp_path), server.url, turn, *where) for turn, *where in turns]
        )
    assert all(killed)
    repeats = [targets.repeats(turn) for turn, *_ in turns]
    assert max(repeats) == 1
    # Right after a request nobody has written down that it was answered.
    assert repeats[-2 * _REQUESTS :][::2].count(1) >= _REQUESTS - 1
    assert len(turns) >= 100
