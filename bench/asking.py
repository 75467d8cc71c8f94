"""Reports over a lake, each as a command of its own or all in one session: seconds, processor seconds and memory, of all processes.

An engine that works by other processes is measured with them: what they hold together is
looked at ten times a second, so a peak of less than that may be missed.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from functools import partial
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from bench.fleet_lake import LAST, Size
from bench.measure import ROOT, eventlake
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.query import Session
from etl.lake.query import session as on_duckdb
from etl.reports.catalogue import catalogue
from etl.reports.run import run
from etl.timespan import Window

Done = TypeVar("Done")
ALL = "all of them, one process"
_LOOK_SECONDS = 0.1
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
_MB = 1024 * 1024
# Places of /proc/PID/stat behind the name: the parent, ticks of user and system, also of ended children, pages held.
_PARENT, _TIMES, _HELD = 1, slice(11, 15), 21


@dataclass(frozen=True, slots=True)
class Answer:
    """What one question took: by the clock, of the processors, and of memory at most."""

    name: str
    seconds: float
    processor_seconds: float
    peak_mb: float


def ask(lake: Path, size: Size, *, engine: str, names: Sequence[str] = ()) -> Iterator[Answer]:
    """Ask each report over all days of the lake, then all of them; raises ``RuntimeError`` where one fails."""
    start, end = LAST - timedelta(days=size.days - 1), LAST + timedelta(days=1)
    span = [f"--{name}={day.isoformat()}" for name, day in (("start", start), ("end", end))]
    # The option is written only where another engine is meant: without it nothing of that is there.
    chosen = [] if engine == "duckdb" else [f"--engine={engine}"]
    with tempfile.TemporaryDirectory(prefix="eventlake-bench-") as folder:
        output = f"--output={Path(folder) / 'answer'}"
        for name in names or (*catalogue(), ALL):
            which = [] if name == ALL else [name]
            words = [*chosen, f"--lake={lake}", "report", *which, *span, "--format=markdown"]
            yield _taken(name, eventlake(*words, output))


def ask_together(
    lake: Path, size: Size, *, engine: str, names: Sequence[str] = ()
) -> Iterator[Answer]:
    """Ask the reports one after the other in one session of this process; what starts the engine is told first."""
    begin = datetime.combine(LAST - timedelta(days=size.days - 1), clock_time(), UTC)
    window = Window(begin, begin + timedelta(days=size.days))
    opened = ExitStack()
    with opened:

        def start() -> Session:
            return opened.enter_context(_session(engine, Lake(LocalFiles(lake))))

        session, taken = _watched("to begin", start)
        yield taken
        for name in names or catalogue():
            report = catalogue()[name]
            asked = partial(run, report, session, window=window, timezone=ZoneInfo("UTC"))
            yield _watched(name, asked)[1]


def _session(engine: str, lake: Lake) -> AbstractContextManager[Session]:
    if engine == "spark":
        from etl.spark.session import session as on_spark  # noqa: PLC0415 -- an extra

        return on_spark(lake, environ=os.environ, many=True)
    return on_duckdb(lake, many=True)


def _watched(name: str, work: Callable[[], Done]) -> tuple[Done, Answer]:
    """Do some work and tell what this process and all below it took meanwhile."""
    ended = threading.Event()
    _held, before = _tree(os.getpid())
    seen = [0]

    def look() -> None:
        while not ended.wait(_LOOK_SECONDS):
            seen.append(_tree(os.getpid())[0])

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    started = time.perf_counter()
    try:
        done = work()
    finally:
        seconds = time.perf_counter() - started
        ended.set()
        looking.join()
    held, after = _tree(os.getpid())
    return done, Answer(name, seconds, (after - before) / _TICKS, max(held, *seen) / _MB)


def load() -> str:
    """Return how busy this machine was in the last minute."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


def _taken(name: str, command: Sequence[str]) -> Answer:
    started = time.perf_counter()
    peak, ticks = 0, 0
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=said) as process:
            while process.poll() is None:
                held, ticks_now = _tree(process.pid)
                peak, ticks = max(peak, held), max(ticks, ticks_now)
                time.sleep(_LOOK_SECONDS)
        seconds = time.perf_counter() - started
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{' '.join(command)}: {said.read().decode()}")
    return Answer(name, seconds, ticks / _TICKS, peak / _MB)


def _tree(root: int) -> tuple[int, int]:
    """Return the bytes that a process and all below it hold, and the ticks that they took."""
    found: dict[int, tuple[int, int, int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            told = path.read_text().rpartition(")")[2].split()
        except OSError:
            # It ended meanwhile.
            continue
        taken = sum(map(int, told[_TIMES]))
        found[int(path.parent.name)] = (int(told[_PARENT]), int(told[_HELD]) * _PAGE, taken)
    ours = {root}
    while more := {pid for pid, (parent, _, _) in found.items() if parent in ours} - ours:
        ours |= more
    there = [found[pid] for pid in ours if pid in found]
    return sum(held for _, held, _ in there), sum(ticks for _, _, ticks in there)
