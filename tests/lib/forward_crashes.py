"""Forwarders that die: killed before any call that changes the lake or the target, or at any moment, again and again."""

from __future__ import annotations

import io
import json
import random
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from etl import schema
from etl.config.forwarding import FileTarget, Forward, HttpTarget, Target
from etl.forward.forwarder import World, forward
from etl.forward.opening import Outside, opened
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.query import session
from tests.lib import lakes
from tests.lib.crashes import Crash, How
from tests.lib.forwarding import add
from tests.lib.processes import Child, done

START = datetime(2026, 11, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROWS = 4
AUDIT = "audit.jsonl"
_LAYOUT = {"uid": "{{ event.metadata.uid }}", "n": "{{ observation.n }}"}
_ALL = "select uid, n from observations where uid <> 'old' order by uid, n"


def lake_in(folder: str) -> Lake:
    """Return the lake in a folder."""
    return Lake(LocalFiles(Path(folder)))


def arrived(lake: Lake, number: int, rows: int = 6) -> None:
    """Write what the run of a number would: a few states more of a few events, and one of the day before."""
    states = [
        {
            "cluster": "prod",
            "date": (at := START + (number * rows + place) * HOUR / 2).date(),
            "uid": f"event-{place % 3}",
            "n": number * rows + place + 1,
            "last_seen": at,
            "observed_at": at,
            "snapshot_id": "",
            "resource_version": number * rows + place,
        }
        for place in range(rows)
    ]
    late = START + number * rows * HOUR / 2 - 20 * HOUR
    states.append({**states[0], "date": late.date(), "uid": f"late-{number}", "last_seen": late})
    add(lake, run_of(number), pa.Table.from_pylist(states, schema.FULL_SCHEMA))


def run_of(number: int) -> str:
    """Return the name of a run."""
    return f"{START + number * HOUR:%Y%m%dT%H%M%S.%fZ}-{number:08x}"


def target_of(address: str) -> Target:
    """Return a target that is a file, or an address that takes requests."""
    if "://" in address:
        http = HttpTarget(url=address, allow_http=True, allow_private=True)
        return Target(name="audit", layout=_LAYOUT, http=http)
    return Target(name="audit", layout=_LAYOUT, file=FileTarget(path=address))


def hand_on(folder: str, address: str) -> int:
    """Forward what waits in the lake of a folder to an address; return how many were sent."""
    target = target_of(address)
    now = START + 300 * HOUR

    world = World(
        lambda: now,
        lambda _seconds: None,
        lambda one: opened(one, Outside({}, io.StringIO(), now)),
        ROWS,
    )
    outcome = forward(lake_in(folder), Forward([target]), target, world)
    return outcome.counts.sent


def begun(folder: str, address: str, runs: int) -> None:
    """Make a lake in which something old is, a target has begun and some runs wrote, of which two days are sealed."""
    lake = lakes.empty(LocalFiles(Path(folder)))
    old = {"cluster": "prod", "date": START.date(), "uid": "old", "n": 1, "last_seen": START}
    row = {**old, "observed_at": START, "snapshot_id": ""}
    add(lake, "old", pa.Table.from_pylist([row], schema.FULL_SCHEMA))
    assert hand_on(folder, address) == 0
    for number in range(runs):
        arrived(lake, number)


def killed_at(folder: str, point: int, how: How, *, seal: bool) -> int:
    """Kill a forwarder before its call number ``point``, and look at what the file has when the next one is through.

    Returns the number of calls of one that is not killed (``point`` 0).
    """
    with _copy(folder) as lake:
        crash = Crash(lake, point, how)
        first = done(hand_on, lake, str(Path(lake).parent / AUDIT), crash=crash)
        if seal:
            lakes.sealed(lake_in(lake), START + 200 * HOUR)
        again = done(hand_on, lake, str(Path(lake).parent / AUDIT))
        assert not again.error, again.error
        told = [told_by(line) for line in (Path(lake).parent / AUDIT).read_bytes().splitlines()]
        complete(told, lake, repeats=ROWS, where=f"{how.value} before call {point}")
        return len(first.calls)


def complete(told: list[tuple[str, int]], folder: str, *, repeats: int, where: str) -> None:
    """Assert that all observations came, those of an event in order, and repeats only after a cut."""
    with session(lake_in(folder)) as opened_:
        wanted = [(row["uid"], row["n"]) for row in opened_.run(_ALL, {}).to_pylist()]
    assert sorted(set(told)) == wanted, where
    assert len(told) - len(set(told)) <= repeats, where
    first = list(dict.fromkeys(told))
    for uid in {uid for uid, _n in first}:
        counts = [n for one, n in first if one == uid]
        assert counts == sorted(counts), f"{where}: {uid} {counts}"


@dataclass(frozen=True)
class Restless:
    """How often a forwarder is killed, and with what luck."""

    address: str
    kills: int
    seed: int


def killed_again_and_again(folder: str, of: Restless) -> tuple[int, int]:
    """Kill forwarders at random moments while runs write and days are sealed; return how many died, and were begun."""
    lake, luck = lake_in(folder), random.Random(of.seed)  # noqa: S311 -- luck, not secrecy
    died = turns = 0
    while died < of.kills:
        arrived(lake, turns)
        if luck.random() < 0.1:
            lakes.sealed(lake, START + turns * HOUR)
        child = Child(hand_on, folder, of.address)
        time.sleep(luck.uniform(0, 0.25))
        child.kill()
        died += child.end().killed
        turns += 1
    while done(hand_on, folder, of.address).answer:
        pass
    return died, turns


@contextmanager
def _copy(folder: str) -> Iterator[str]:
    place = Path(folder).parent / f"copy-{random.randrange(1 << 60):x}"  # noqa: S311 -- as above
    shutil.copytree(folder, place / "lake")
    yield str(place / "lake")
    shutil.rmtree(place)


def told_by(body: bytes) -> tuple[str, int]:
    """Return the event and the count that a document tells."""
    document = json.loads(body)
    return document["uid"], int(document["n"])
