"""Work on a lake, interrupted at any point or done by many at once: what has to hold then, and after the next run.

Runs in a driver of tests.lib.processes.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from etl.lake.files import TEMPORARY_PREFIX
from tests.lib import lake_jobs
from tests.lib.bucket_copies import copied, fetched, is_address
from tests.lib.crashes import END, Crash, How
from tests.lib.lake_jobs import Look
from tests.lib.processes import Child, done
from tests.lib.store_kills import Cut, StoreCrash

# Hundreds of lakes are written and synced: what a disk would lose is played, so memory will do.
_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 -- mkdtemp makes its own


@dataclass(frozen=True, slots=True)
class Work:
    """A job on a copy of the lake ``base``, a folder or an address; ``base`` need not exist."""

    base: str
    job: Callable[..., Any]
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Unharmed:
    """What the lake answers before and after the work that nobody disturbs, and the calls that it makes."""

    before: Look | None
    after: Look
    calls: tuple[str, ...]


def unharmed(work: Work) -> Unharmed:
    """Do the work once."""
    with _copy(work) as lake:
        before = _look(lake)
        crash = StoreCrash(lake) if is_address(lake) else Crash(lake)
        worked = done(work.job, lake, "unharmed", *work.arguments, crash=crash)
        assert not worked.error, worked.error
        after = _look(lake)
        assert after
        return Unharmed(before, after, worked.calls)


def interrupted(work: Work, expected: Unharmed, point: int, how: How | Cut) -> str:
    """Interrupt the work, look, let the next run heal and look again; return the error it ended with, if any."""
    where = f"after a {how.value} before call {point}, {expected.calls[point - 1]}"
    with _copy(work) as lake:
        crash = StoreCrash(lake, point, how) if isinstance(how, Cut) else Crash(lake, point, how)
        ended = done(work.job, lake, "interrupted", *work.arguments, crash=crash)
        assert ended.killed or how is How.REFUSE, f"{where}: it did not come"
        if ended.error and expected.calls[point - 1] != "unlink":
            left = [path.name for path in Path(lake).rglob(f"{TEMPORARY_PREFIX}*")]
            assert not left, f"{where}, {left} are left"
        if expected.calls[point - 1] == END and how is not How.REFUSE:
            found = _look(lake)
            assert found, where
            assert found.events == expected.after.events, f"{where}, what was done is lost"
        hold_after(work, expected, lake, where)
        return ended.error


def hold_after(work: Work, expected: Unharmed, lake: str, where: str) -> None:
    """Check that the lake keeps its promises after whatever happened, and that the next run heals it."""
    _between(_look(lake), expected, where)
    healing = done(work.job, lake, "healing", *work.arguments)
    assert not healing.error, f"{where}, the next run fails: {healing.error}"
    healed = _look(lake)
    assert healed
    assert healed.events == expected.after.events, f"{where}, the next run does not heal"
    assert healed.works == expected.after.works, f"{where}, the ledger lacks what was done"


def masked(work: Work, point: int, how: How | Cut) -> tuple[str, ...]:
    """Kill a masking (``lake_jobs.mask``) before its call number ``point``, look, and let it run again; 0 is never.

    Returns the calls that it made, of one that is killed none.
    """
    with _copy(work) as lake:
        crash = StoreCrash(lake) if is_address(lake) else Crash(lake)
        if point:
            crash.point, crash.how = point, how
        before = _but_text(_look(lake))
        ended = done(work.job, lake, "masked", *work.arguments, crash=crash)
        where = f"after a {how.value} before call {point}"
        assert ended.killed == bool(point), where
        assert _but_text(_look(lake)) == before, where
        again = done(work.job, lake, "again", *work.arguments)
        assert not again.error, f"{where}: {again.error}"
        assert again.answer or not ended.killed or point > 2, where
        found = _look(lake)
        assert _but_text(found) == before, where
        assert found
        assert any(run.endswith("-redact") for run in found.runs), f"{where}, the ledger is silent"
        assert lake_jobs.MASKED not in str(found.events), where
        with _scratch() as folder:
            if is_address(lake):
                fetched(lake, folder / "lake")
            whole = folder / "lake" if is_address(lake) else Path(lake)
            assert not [path for path in whole.rglob("*") if _holds(path)], where
        return ended.calls


def _holds(path: Path) -> bool:
    """Whether a file that is no run's any more holds what was to be masked."""
    if not path.is_file():
        return False
    data = path.read_bytes()
    told = (
        str(pq.read_table(path, partitioning=None).to_pylist()) if path.suffix == ".parquet" else ""
    )
    return lake_jobs.MASKED.encode() in data or lake_jobs.MASKED in told


def _but_text(found: Look | None) -> list[tuple[object, ...]]:
    """Return what a lake answers but for messages: keys and counts."""
    assert found
    return [row[:7] for row in found.events]


_looks: dict[str, Look | None] = {}


def _look(lake: str) -> Look | None:
    """Look at a lake; one with the same files was looked at already, and says the same."""
    if is_address(lake):
        with _scratch() as folder:
            fetched(lake, folder / "lake")
            return _look(str(folder / "lake"))
    names = set()
    for path in Path(lake).rglob("*"):
        folder = path.parent.relative_to(lake)
        if path.name.startswith(TEMPORARY_PREFIX):
            # Nobody opens one; that some are there may matter.
            names.add(f"{folder}/temporary")
        elif path.is_file():
            names.add(f"{folder}/{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}")
    known = hashlib.sha256("\n".join(sorted(names)).encode())
    if known.hexdigest() not in _looks:
        ended = done(lake_jobs.look, lake)
        assert not ended.error, ended.error
        _looks[known.hexdigest()] = ended.answer
    return _looks[known.hexdigest()]


def _between(found: Look | None, expected: Unharmed, where: str) -> None:
    """Check that nothing that was there is lost, and nothing is there that was never listed."""
    if expected.before is None:
        assert found is None or found.states <= expected.after.states, where
        return
    assert found is not None, where
    before, after = expected.before, expected.after
    assert set(before.runs) & set(after.runs) <= set(found.runs), f"{where}, the ledger lost a run"
    assert before.states & after.states <= found.states <= before.states | after.states, where
    if not before.states < after.states:
        # Nothing was added: a day is there or not there, and counts as it did.
        assert found.events in (before.events, after.events), f"{where}, answers changed"
        assert set(after.events) <= set(before.events), where


@contextmanager
def _copy(work: Work) -> Iterator[str]:
    """Make a copy of the work's lake for as long as the block lasts; one in a bucket stays, until its store is emptied."""
    with _scratch() as folder:
        if is_address(work.base):
            lake = f"{work.base}-{folder.name}"
            copied(work.base, lake)
        else:
            lake = str(folder / "lake")
            if Path(work.base).exists():
                shutil.copytree(work.base, lake)
        yield lake


@contextmanager
def _scratch() -> Iterator[Path]:
    """Lend a folder to this process and its children."""
    folder = tempfile.mkdtemp(prefix="eventlake-crash-", dir=_MEMORY)
    before, tempfile.tempdir = tempfile.tempdir, folder
    try:
        yield Path(folder)
    finally:
        tempfile.tempdir = before
        shutil.rmtree(folder)


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many processes work at once on one lake that is not there yet, how often, and how many of them are killed."""

    lake: str
    processes: int
    rounds: int
    seed: int
    killed: bool


def crowded(crowd: Crowd) -> int:
    """Let processes import, seal and look at one lake at once; return how many were killed.

    Each imports the lists in an order of its own, or seals, or looks. In the end everything
    is done once more, alone, and the answers are those of a lake that one process wrote.
    """
    chance = random.Random(crowd.seed)  # noqa: S311 -- orders and moments, no secrets
    lake = crowd.lake
    killed = 0
    with _scratch() as scratch:
        there = False
        for turn in range(crowd.rounds):
            children = [
                _member(lake, f"{turn}-{number}", chance, number, seals=there and number % 3 == 2)
                for number in range(crowd.processes)
            ]
            if crowd.killed:
                for child in chance.sample(children, len(children) - 1):
                    time.sleep(chance.uniform(0, 0.08))
                    child.kill()
            for ended in [child.end() for child in children]:
                assert not ended.error, ended.error
                killed += ended.killed
            there = _look(lake) is not None
        alone = str(scratch / "alone")
        for folder in (lake, alone):
            assert not done(lake_jobs.import_lists, folder, "last", *range(lake_jobs.LISTS)).error
        for hours in (0, 2, 4):
            assert not done(
                lake_jobs.seal, lake, "", lake_jobs.LATER + hours * lake_jobs.HOUR
            ).error
        one, many = _look(alone), _look(lake)
    assert one
    assert many
    assert many.events == one.events
    assert many.parts == 0, "the last sealing left parts"
    return killed


def _member(lake: str, run: str, chance: random.Random, number: int, *, seals: bool) -> Child:
    if number == 0:
        return Child(lake_jobs.look_often, lake)
    if seals:
        return Child(lake_jobs.seal, lake, run, lake_jobs.LATER)
    lists = chance.sample(range(lake_jobs.LISTS), lake_jobs.LISTS)
    return Child(lake_jobs.import_lists, lake, run, *lists)
