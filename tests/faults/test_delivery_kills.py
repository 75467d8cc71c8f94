"""kill -9 between any two steps of a delivery: nothing is missing, and one message at most comes twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl.alerts.model import Kind
from tests.lib.delivery_crashes import Targets, calls, died
from tests.lib.loopback import LoopbackServer
from tests.lib.processes import shared_out


@pytest.mark.parametrize(("kind", "busy"), [("digest", False), ("urgent", True)])
def test_a_kill_anywhere_loses_nothing(tmp_path: Path, kind: Kind, *, busy: bool) -> None:
    """Before every call on the outbox, and before and after every request: at most the message in flight is repeated, marked."""
    targets = Targets(kind, busy)
    with LoopbackServer(targets.respond) as server:
        where = (str(tmp_path), server.url, kind)
        (count,) = shared_out(calls, [(*where, "whole")])
        last = targets.wanted + busy
        requests = [sign * n for n in range(1, last + 1) for sign in (1, -1)]
        turns = [(f"call-{point}", point, 0) for point in range(1, count + 1)]
        turns += [(f"request-{number}", 0, number) for number in requests]
        killed = shared_out(died, [(*where, *turn) for turn in turns])
    assert all(killed)
    repeats = [targets.repeats(turn) for turn, *_ in turns]
    assert max(repeats) == 1
    # Right after a request nobody has written down that it was answered.
    assert repeats[-2 * last :][::2].count(1) >= targets.wanted
    assert len(turns) >= 100
