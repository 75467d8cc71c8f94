"""Killed, cut off from power or refused at every call: the lake keeps its promises, and the next run heals.

What has to hold each time stands in tests.lib.lake_crashes: no question fails or is
answered otherwise than the rules say, what was there before is there, what the ledger
promises is there, and the next run leaves the lake as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Tally
from tests.lib import lake_jobs
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW
from tests.lib.crashes import END, How
from tests.lib.event_store import stamp
from tests.lib.events import event
from tests.lib.lake_crashes import Crowd, Unharmed, Work, crowded, interrupted, unharmed
from tests.lib.lake_jobs import HOUR, LATER
from tests.lib.processes import shared_out


def _first_import(lake: str, _server: ApiServer) -> Work:
    """A list where there is no lake yet."""
    return Work(lake, lake_jobs.import_lists, (0,))


def _import(lake: str, _server: ApiServer) -> Work:
    """A list into a lake that holds the one before it."""
    lake_jobs.import_lists(lake, "base", 0)
    return Work(lake, lake_jobs.import_lists, (1,))


def _snapshot(lake: str, server: ApiServer) -> Work:
    """A snapshot in three pages, after one that knew some of the events in another state."""
    server.now = NOW
    names = [server.add(event(f"web-{number}", at=NOW))["metadata"]["name"] for number in range(6)]
    kubeconfig = str(server.kubeconfig(Path(f"{lake}-kubeconfig")))
    lake_jobs.snapshot(lake, "base", kubeconfig, NOW)
    server.now = NOW + 20 * HOUR
    for name in names[::2]:
        server.patch(name, count=7, lastTimestamp=stamp(server.now))
    server.add(event("web-new", at=server.now))
    return Work(lake, lake_jobs.snapshot, (kubeconfig, server.now))


def _seal(lake: str, _server: ApiServer) -> Work:
    """Sealing of two days, for one of which something came late."""
    lake_jobs.import_lists(lake, "base", 0)
    lake_jobs.seal(lake, "base", LATER)
    lake_jobs.import_lists(lake, "late", 1)
    return Work(lake, lake_jobs.seal, (LATER + HOUR / 2,))


def _sweep(lake: str, _server: ApiServer) -> Work:
    """Deleting what sealed days replaced."""
    lake_jobs.import_lists(lake, "base", 0, 1)
    lake_jobs.seal(lake, "base", LATER)
    lake_jobs.import_lists(lake, "late", 2)
    lake_jobs.seal(lake, "base", LATER + HOUR / 2)
    return Work(lake, lake_jobs.seal, (LATER + 3 * HOUR,))


def _retain(lake: str, _server: ApiServer) -> Work:
    """Taking old days out of sight, after the first day that is kept was sealed."""
    lake_jobs.import_lists(lake, "base", 0, 1, 2)
    return Work(lake, lake_jobs.retain, (LATER,))


def _delete(lake: str, _server: ApiServer) -> Work:
    """Deleting the days that were taken out of sight."""
    lake_jobs.import_lists(lake, "base", 0, 1, 2)
    lake_jobs.retain(lake, "base", LATER)
    return Work(lake, lake_jobs.retain, (LATER + 2 * HOUR,))


WORKS: dict[str, Callable[[str, ApiServer], Work]] = {
    "first import": _first_import,
    "import": _import,
    "snapshot": _snapshot,
    "seal": _seal,
    "sweep": _sweep,
    "retain": _retain,
    "delete": _delete,
}


@pytest.fixture(scope="module", params=WORKS)
def work(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Work, Unharmed]]:
    """A piece of work, and what it comes to if nobody disturbs it."""
    with ApiServer() as server:
        made = WORKS[request.param](str(tmp_path_factory.mktemp("base") / "lake"), server)
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
    spared, harried = tmp_path / "spared", tmp_path / "harried"
    spared.mkdir()
    harried.mkdir()
    crowds = [
        (Crowd(str(spared), processes, rounds=3, seed=processes, killed=False),),
        (Crowd(str(harried), processes, rounds=rounds, seed=processes, killed=True),),
    ]
    spared_kills, kills = shared_out(crowded, crowds)
    assert spared_kills == 0
    assert kills > rounds / 2
    tally("processes killed", kills)
