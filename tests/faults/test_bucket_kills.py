"""Killed at requests that changes a lake in a bucket: it keeps its promises, and the next run heals.

What has to hold is what has to hold in a folder (test_kills): an object appears whole or
not at all, so a kill leaves the changes before it, with or without the last one.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Tally
from tests.lib.apiserver import ApiServer
from tests.lib.lake_crashes import Crowd, Unharmed, Work, crowded, interrupted, unharmed
from tests.lib.processes import shared_out
from tests.lib.store_kills import Cut, Kills
from tests.lib.stores import BUCKET, Store
from tests.lib.works import WORKS

_TALLIED = "processes killed that changed a bucket"
# The others differ from these in folders only.
_WORKS = ("import", "snapshot", "seal", "retain", "delete")


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """A store that kills its clients."""
    with Store() as store:
        Kills(store)
        yield store


@pytest.fixture(scope="module", params=_WORKS)
def work(
    request: pytest.FixtureRequest, store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Work, Unharmed]]:
    """A piece of work, and what it comes to if nobody disturbs it."""
    with ApiServer() as server:
        lake = f"{store.url}/{BUCKET}/{request.param}"
        kubeconfig = tmp_path_factory.mktemp("kube") / "config"
        made = WORKS[request.param](lake, server, kubeconfig)
        (expected,) = shared_out(unharmed, [(made,)])
        yield made, expected


def test_killed_at_changes(work: tuple[Work, Unharmed], tally: Tally) -> None:
    """Before the store has a request, with half of it, or with its answer lost: nothing promised is lost or counted twice."""
    made, expected = work
    assert len(expected.calls) >= 2
    points = [(number, cut) for number in range(1, len(expected.calls) + 1) for cut in Cut]
    turns = [(made, expected, *point) for point in points]
    assert not any(shared_out(interrupted, turns))
    tally(_TALLIED, len(turns))


def test_many_processes_at_once(store: Store, tally: Tally) -> None:
    """Processes that append, seal and look at one bucket at once, killed at any moment, write one history."""
    crowd = Crowd(f"{store.url}/{BUCKET}/crowd", processes=4, rounds=3, seed=4, killed=True)
    (kills,) = shared_out(crowded, [(crowd,)])
    assert kills > 0
    tally(_TALLIED, kills)
