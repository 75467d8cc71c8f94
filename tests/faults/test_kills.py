"""Killed, cut off from power or refused at every call: the lake keeps its promises, and the next run heals.

What has to hold each time stands in tests.lib.lake_crashes: no question fails or is
answered otherwise than the rules say, what was there before is there, what the ledger
promises is there, and the next run leaves the lake as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Tally
from tests.lib import lake_jobs
from tests.lib.apiserver import ApiServer
from tests.lib.crashes import END, How
from tests.lib.lake_crashes import Crowd, Unharmed, Work, crowded, interrupted, unharmed
from tests.lib.processes import shared_out
from tests.lib.works import WORKS


@pytest.fixture(scope="module", params=WORKS)
def work(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Work, Unharmed]]:
    """A piece of work, and what it comes to if nobody disturbs it."""
    with ApiServer() as server:
        folder = tmp_path_factory.mktemp("base")
        made = WORKS[request.param](str(folder / "lake"), server, folder / "kubeconfig")
        (expected,) = shared_out(unharmed, [(made,)])
        yield made, expected


@pytest.mark.parametrize("how", How, ids=lambda how: how.name.lower())
def test_interrupted_before_every_call(work: tuple[Work, Unharmed], how: How, tally: Tally) -> None:
    """Whatever happens before any call that changes the lake, or after the last, it keeps its promises and heals."""
    made, expected = work
    assert len(expected.calls) >= 10
    points = [n for n, call in enumerate(expected.calls, 1) if how is not How.REFUSE or call != END]
    turns = [(made, expected, point, how) for point in points]
    errors = shared_out(interrupted, turns)
    if how is How.REFUSE:
        # Retention goes on without a day that cannot be sealed or a folder that cannot be removed,
        # a snapshot without its cache: what it promised stands before that.
        told = [error for error in errors if error]
        assert len(told) == len(errors) or made.job in {lake_jobs.retain, lake_jobs.snapshot}
        assert told
        assert all(error.startswith("LakeError: cannot ") for error in told)
        tally("calls refused by the operating system", len(turns))
    else:
        assert not any(errors)
        tally("processes killed", len(turns))


@pytest.mark.parametrize(("processes", "rounds"), [(2, 6), (4, 8), (8, 20)])
def test_many_processes_at_once(processes: int, rounds: int, tmp_path: Path, tally: Tally) -> None:
    """Processes that append, seal and look at once, killed at any moment or not at all, write one history."""
    spared, harried = str(tmp_path / "spared"), str(tmp_path / "harried")
    crowds = [
        (Crowd(spared, processes, rounds=3, seed=processes, killed=False),),
        (Crowd(harried, processes, rounds=rounds, seed=processes, killed=True),),
    ]
    spared_kills, kills = shared_out(crowded, crowds)
    assert spared_kills == 0
    assert kills > rounds / 2
    tally("processes killed", kills)
