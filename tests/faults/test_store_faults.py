"""An object store that fails at every single request of a run: nothing promised is lost, nothing counted twice, the next run heals."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from etl.lake.layout import Lake
from etl.lake.query import session
from tests.lib import lakes, tables
from tests.lib.api_answers import encoded
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW, Done, eventlake
from tests.lib.events import event
from tests.lib.lakes import at
from tests.lib.loopback import Answer
from tests.lib.stores import ENVIRON, Fault, Store

MINUTES = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SEALED_AT = at("2026-11-23 03:00")
Rows = list[dict[str, Any]]
Run = Callable[..., Done]

STATES = """
uid | name  | n | first_seen       | last_seen        | reason
a   | web.1 | 2 | 2026-11-21 22:00 | 2026-11-21 23:00 | BackOff
a   | web.1 | 6 | 2026-11-21 22:00 | 2026-11-22 10:00 | BackOff
"""
LATE = """
uid | name  | n | first_seen       | last_seen        | reason
a   | web.1 | 8 | 2026-11-21 22:00 | 2026-11-22 11:30 | BackOff
"""


class Bucket:
    """A store, and lakes in it that are copies of one."""

    def __init__(self, store: Store, folder: Path) -> None:
        """Ask ``store``; nothing is asked for twice."""
        self.store = store
        self._config = folder / "config.yaml"
        self._config.write_text(store.configuration() + "  retries: 0\n")
        self._numbers = itertools.count()

    def lake(self, objects: Mapping[str, bytes] | None = None) -> Lake:
        """Return a new lake with these objects."""
        lake = Lake(self.store.files(f"{next(self._numbers)}"))
        for path, data in (objects or {}).items():
            lake.files.write(path, data)
        return lake

    def ask(self, lake: Lake, *arguments: object, **world: Any) -> Done:
        """Run a command on a lake."""
        given = ("--config", self._config, "--lake", lake.files.root, "--cluster", "prod")
        return eventlake(*given, *arguments, environ=ENVIRON, **world)


def objects(lake: Lake) -> dict[str, bytes]:
    """Return everything in a lake; what was tried of one bucket is not of another."""
    paths = [path for path in lake.files.list("") if not path.startswith("_probe/")]
    return {path: lake.files.read(path) for path in paths}


def answers(lake: Lake) -> tuple[Rows, set[str]]:
    """Return every event as it is counted, and the names of the runs that the ledger says were complete."""
    with session(lake) as opened:
        columns = "uid, n, last_seen, reason, occurrences, since, reset"
        events = opened.run(f"select {columns} from events order by uid, n, last_seen", {})  # noqa: S608 -- ours
        runs = opened.run("select snapshot_id from snapshots where status = 'complete'", {})
        assert opened.warnings == []
    return events.to_pylist(), set(runs["snapshot_id"].to_pylist())


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Bucket]:
    """A store with an empty bucket."""
    with Store() as store:
        yield Bucket(store, tmp_path)


@pytest.fixture
def snapshot(bucket: Bucket, apiserver: ApiServer, tmp_path: Path) -> tuple[dict[str, bytes], Run]:
    """A lake with one snapshot, and the one ten minutes later, which has something to add on two days."""
    config = apiserver.kubeconfig(tmp_path / "kubeconfig")
    apiserver.now = NOW
    apiserver.add(event("web-1", at=NOW - MINUTES))
    lake = bucket.lake()
    ask = partial(bucket.ask, lake, "snapshot", "--kubeconfig", config)
    assert ask(now=NOW).code == 0
    apiserver.now = NOW + 10 * MINUTES
    apiserver.add(event("web-2", at=NOW + 5 * MINUTES))
    apiserver.add(event("web-3", at=NOW - 9 * HOUR))
    times = itertools.count(10)

    def run(lake: Lake) -> Done:
        now = NOW + next(times) * MINUTES
        return bucket.ask(lake, "snapshot", "--kubeconfig", config, now=now)

    return objects(lake), run


@pytest.fixture
def import_(bucket: Bucket) -> tuple[dict[str, bytes], Run]:
    """No lake at all, and an import of two days."""
    with ApiServer() as server:
        items = [server.add(event(f"web-{n}", at=NOW - n * 12 * HOUR)) for n in range(4)]
    dump = encoded({"kind": "List", "apiVersion": "v1", "items": items})
    return {}, lambda lake: bucket.ask(lake, "import", "-", stdin=dump, now=NOW)


@pytest.fixture
def seal(bucket: Bucket) -> tuple[dict[str, bytes], Run]:
    """Two days that were sealed an hour ago and whose parts can go, and a late part that makes one due again."""
    lake = lakes.empty(bucket.lake().files)
    lakes.add(lake, "s1", tables.observations(STATES))
    assert len(lakes.sealed(lake, SEALED_AT)) == 2
    lakes.add(lake, "s2", tables.observations(LATE))
    later: datetime = SEALED_AT + HOUR
    return objects(lake), lambda lake: bucket.ask(lake, "seal", now=later)


def failing_at(turn: int, *, on: bool) -> tuple[Fault, list[int]]:
    """Answer request number ``turn``, and all after it if ``on``, with 503; return what counts them too."""
    asked: list[int] = []

    def fault(_: object) -> Answer | None:
        asked.append(1)
        return Answer(503) if len(asked) == turn or (on and len(asked) > turn) else None

    return fault, asked


@pytest.mark.parametrize("how", ["refused", "answer lost", "gone from then on"])
@pytest.mark.parametrize("operation", ["snapshot", "import_", "seal"])
def test_failure_at_every_request(
    operation: str, how: str, bucket: Bucket, request: pytest.FixtureRequest
) -> None:
    """Whichever request fails, the run says so or succeeds, no answer is wrong or left out, and the next run completes it."""
    before, run = request.getfixturevalue(operation)
    lake = bucket.lake(before)
    known, done_before = answers(lake) if before else ([], set())
    assert run(lake).code == 0
    wanted, _ = answers(lake)
    faults = bucket.store.after if how == "answer lost" else bucket.store.faults
    for turn in itertools.count(1):
        lake = bucket.lake(before)
        fault, asked = failing_at(turn, on=how == "gone from then on")
        faults.append(fault)
        done = run(lake)
        faults.clear()
        if len(asked) < turn:
            break
        assert done.code in {0, 4}, done.err
        assert "Traceback" not in done.err
        if before or "_lake.json" in lake.files.list(""):
            found, runs = answers(lake)
            assert all(row in found for row in known)
            assert all(row in wanted for row in found)
            if done.code == 0 or runs > done_before:
                assert found == wanted, f"request {turn}: the ledger promises more than is there"
        again = run(lake)
        assert again.code == 0, again.err
        assert answers(lake)[0] == wanted
    assert turn > 7, "there are fewer requests than a run can do with"
    if operation == "seal":
        assert bucket.ask(lake, "seal", now=SEALED_AT + HOUR).err == "nothing is due\n"
