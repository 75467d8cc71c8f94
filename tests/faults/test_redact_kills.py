"""A masking that is killed at any step: no answer is lost or counted twice, and the next one leaves no byte.

What has to hold each time stands in ``tests.lib.lake_crashes.masked``.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import Tally
from tests.lib import lake_jobs
from tests.lib.crashes import How
from tests.lib.lake_crashes import Work, masked
from tests.lib.lake_jobs import HOUR, LATER
from tests.lib.processes import shared_out
from tests.lib.store_kills import Cut, Kills
from tests.lib.stores import BUCKET, Store

# All 50 calls in a folder and 48 cuts in a bucket held when they were tried; these are enough for every day.
_EACH = 6


def _work(lake: str) -> Work:
    """A lake whose days are sealed, with something late and a message on its way."""
    lake_jobs.import_lists(lake, "base", 0)
    lake_jobs.seal(lake, "base", LATER)
    lake_jobs.import_lists(lake, "late", 1)
    waiting = json.dumps({"payload": f"said: {lake_jobs.MASKED}"}).encode()
    lake_jobs.lake_in(lake).files.write("outbox/dead/x.json", waiting)
    return Work(lake, lake_jobs.mask, (LATER + HOUR / 2,))


def test_killed_before_calls(tmp_path: Path, tally: Tally) -> None:
    """Readers of a folder answer as before after each kill, and the next masking is complete and is in the ledger."""
    work = _work(str(tmp_path / "lake"))
    (calls,) = shared_out(masked, [(work, 0, How.KILL)])
    assert len(calls) >= 20
    turns = [(work, point, How.KILL) for point in range(3, len(calls) + 1, _EACH)]
    shared_out(masked, turns)
    tally("processes killed", len(turns))


def test_killed_at_changes_of_a_bucket(tally: Tally) -> None:
    """The same in a bucket, in turn before, in the middle of and after a request."""
    with Store() as store:
        Kills(store)
        work = _work(f"{store.url}/{BUCKET}/masked")
        (calls,) = shared_out(masked, [(work, 0, Cut.AFTER)])
        assert len(calls) >= 8
        points = range(2, len(calls) + 1, _EACH // 2)
        cuts = list(Cut)
        turns = [(work, point, cuts[number % 3]) for number, point in enumerate(points)]
        shared_out(masked, turns)
    tally("processes killed that changed a bucket", len(turns))
