"""A day of millions of observations to its sealed file: how long, how much memory, how many bytes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from bench.answers import import_list
from bench.figures import Figure, Plan
from bench.generate_days import STATES, fill, stock
from bench.generate_events import NOW, TTL
from bench.measure import Taken, eventlake, median, run
from etl.lake import seal
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake

# Long ago, so that the command finds it due whatever the time is.
_DAY = date(2025, 6, 2)
# As many as a job takes of one day.
_PARTS = 144
_ROUNDS = 3
_CLOSED = seal.closes_at(NOW.date(), TTL) + timedelta(seconds=1)


def large_day(plan: Plan) -> Iterator[Figure]:
    """Yield time and memory of sealing one large day, as a command."""
    lake = Lake(LocalFiles(plan.folder / "large_day"))
    lake.prepare()
    events = max(_PARTS, plan.day // STATES)
    made = stock(plan.day)
    before = fill(lake, made, _DAY - timedelta(days=1), events=events // 4, parts=_PARTS // 4)
    rows = fill(lake, made, _DAY, events=events, parts=_PARTS)
    taken = [_sealed(lake, rows) for _ in range(min(plan.rounds, _ROUNDS))]
    of = (
        f"{rows:,} observations in {_PARTS} parts, {before:,} on the day before,"
        f" whole process, {len(taken)} times"
    )
    yield Figure("seal_3m_s", median(taken), f"`eventlake seal --day` of {of}, median")
    yield Figure(
        "seal_3m_peak_mb", max(one.peak_mb for one in taken), f"ru_maxrss of {of}, greatest"
    )
    yield Figure(
        "seal_3m_cpu_s",
        min(one.processor_seconds for one in taken),
        "processor time of the same, least: what a machine that is busy can still tell",
    )
    shutil.rmtree(lake.files.root)


def share(plan: Plan) -> Iterator[Figure]:
    """Yield the sealed bytes beside the API's JSON of the same states."""
    lake = Lake(LocalFiles(plan.folder / "share"))
    lake.prepare()
    count = max(1, plan.events // STATES)
    json_bytes = 0
    for state in range(STATES):
        json_bytes += import_list(lake, count, state=state, days_ago=0)
        if state not in {0, STATES - 1}:
            continue
        (done,) = seal.seal(lake, clock=lambda: _CLOSED, ttl=TTL)
        file = Path(lake.files.location(lake.days()[-1].path))
        key = "sealed_bytes_share" + ("_1_state" if state == 0 else "")
        states = "one state" if state == 0 else f"{STATES} states"
        yield Figure(
            key,
            file.stat().st_size / json_bytes,
            f"bytes of a sealed day beside the API's JSON of its {done.rows:,} states: {count:,} events"
            f" of realistic texts, {states} of each",
        )


def _sealed(lake: Lake, rows: int) -> Taken:
    shutil.rmtree(lake.files.location("days"), ignore_errors=True)
    taken = run(eventlake(f"--lake={lake.files.root}", "seal", f"--day={_DAY}"))
    assert f"sealed, {rows:,} states" in taken.messages, taken.messages
    return taken
