"""A lake of two open days: the bytes of its parts, and how long its reports and its digest take.

No limit of the design is measured here: those want sealed days. The names say so.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from bench.figures import Figure, Plan
from bench.generate_events import INTERVAL, NOW, TTL, rendered
from bench.measure import eventlake, in_turns, median, run
from etl import ingest
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.query import session
from etl.reports.catalogue import catalogue
from etl.reports.run import run as answered
from etl.source import decode
from etl.timespan import Window, rfc3339

_CLUSTER = "bench"
_STATES = 3
_DAYS = 2
_PAGE = 5000
# Information without a ratio: more rounds would only make the bench longer.
_ROUNDS = 3


def open_days(plan: Plan) -> Iterator[Figure]:
    """Yield sizes and times of a lake of two days with three states of every event."""
    lake = Lake(LocalFiles(plan.folder / "answers"))
    count = max(1, plan.events // _STATES)
    json_bytes = import_list(lake, count, state=0, days_ago=0)
    of = f"parts of one day as snapshots wrote them, beside the API's JSON of the same states: {count:,} events"
    yield Figure("json_bytes_per_event", json_bytes / count, f"the API's JSON, {count:,} events")
    yield Figure(
        "part_bytes_per_event", _size(lake) / count, "parts of the same events, one state of each"
    )
    yield Figure("part_bytes_share_1_state", _size(lake) / json_bytes, f"{of}, one state of each")
    json_bytes += sum(import_list(lake, count, state=s, days_ago=0) for s in range(1, _STATES))
    yield Figure("part_bytes_share_3_states", _size(lake) / json_bytes, f"{of}, three of each")
    for state in range(_STATES):
        import_list(lake, count, state=state, days_ago=1)
    lasting = f"{_DAYS} open days of {count * _STATES:,} observations"
    yield from _reports(lake, plan, lasting)
    yield from _commands(lake, plan, lasting)


def import_list(lake: Lake, count: int, *, state: int, days_ago: int) -> int:
    """Import one list; return the bytes of JSON that it was. Another day is of other events."""
    bodies = list(_bodies(count, state=state, days_ago=days_ago))
    collected_at = NOW + state * INTERVAL - timedelta(days=days_ago)
    request = ingest.ImportRequest(
        cluster=_CLUSTER,
        chunks=map(decode.page, bodies),
        collected_at=collected_at,
        scope=(),
        ttl=TTL,
    )
    run_ = ingest.Run(collected_at, "bench", lambda: collected_at)
    assert ingest.import_events(lake, request, run_).rows_added == count
    return sum(map(len, bodies))


def _bodies(count: int, *, state: int, days_ago: int) -> Iterator[bytes]:
    items = rendered(count, seed=1 + days_ago, state=state, days_ago=days_ago)
    while page := list(islice(items, _PAGE)):
        yield b'{"kind":"EventList","items":[' + b",".join(page) + b"]}"


def _size(lake: Lake) -> int:
    return sum(Path(lake.files.location(part.path)).stat().st_size for part in lake.parts())


def _reports(lake: Lake, plan: Plan, lasting: str) -> Iterator[Figure]:
    """Time each report by itself, in this process, to its rows."""
    seconds: dict[str, list[float]] = {}
    with session(lake) as opened:
        for _round in range(int(plan.rounds > 1) + plan.rounds):
            for name, report in catalogue().items():
                started = time.perf_counter()
                answered(report, opened, window=_window(_DAYS), timezone=ZoneInfo("UTC"))
                seconds.setdefault(name, []).append(time.perf_counter() - started)
    medians = {name: statistics.median(times[-plan.rounds :]) for name, times in seconds.items()}
    worst = max(medians, key=lambda name: medians[name])
    yield Figure(
        "report_worst_open_2d_s",
        medians[worst],
        f"slowest report ({worst}) over {lasting}, from statement to rows, median",
    )


def _commands(lake: Lake, plan: Plan, lasting: str) -> Iterator[Figure]:
    """Time the commands that a person or a CronJob starts, as whole processes."""
    window = _window(_DAYS)
    span = [f"--start={rfc3339(window.start)}", f"--end={rfc3339(window.end)}"]
    page = plan.folder / "page.html"
    commands = {
        "reports": ["report", *span, "--format=markdown"],
        "page": ["report", *span, "--format=html", f"--output={page}"],
        "digest": ["digest", "--dry-run", f"--at={rfc3339(window.end)}"],
    }
    sides = {
        name: lambda given=given: run(eventlake(f"--lake={lake.files.root}", *given))
        for name, given in commands.items()
    }
    rounds = min(plan.rounds, _ROUNDS)
    taken = in_turns(sides, rounds=rounds)
    for name, what in (
        ("reports", "all reports as Markdown"),
        ("page", "the page of all reports with its charts"),
        ("digest", "the daily digest with the rules that are shipped, rendered and not sent"),
    ):
        yield Figure(
            f"{name}_open_2d_s",
            median(taken[name]),
            f"{what} over {lasting}, whole process, median of {rounds}",
        )


def _window(days: int) -> Window:
    end = NOW + _STATES * INTERVAL
    return Window(end - timedelta(days=days), end)
