"""Whole processes by the clock: their wall time, processor time and peak memory, one kind beside the other.

A machine that does other work meanwhile makes every time longer, so what is compared
runs in turns and each turn gives a ratio of its own; the median of those is the figure.
"""

from __future__ import annotations

import compileall
import json
import os
import statistics
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
_STOPWATCH = Path(__file__).with_name("stopwatch.py")
# Would make every child compile its imports anew, which an installed program never does.
_UNWANTED = {"PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"}
_MIB = 1024 * 1024
_KIB = 1024


@dataclass(frozen=True, slots=True)
class Taken:
    """What one process took, and what it wrote."""

    seconds: float
    processor_seconds: float
    peak_mb: float
    output: str
    messages: str


def compile_bytecode() -> None:
    """Compile what the measured processes import, as pip does when it installs.

    What cannot be compiled or written is passed over: then both sides pay for it.
    """
    for folder in (sysconfig.get_path("purelib"), *(ROOT / f for f in ("etl", "bench", "tests"))):
        compileall.compile_dir(str(folder), quiet=2, workers=0)


def eventlake(*arguments: str) -> list[str]:
    """Return the command as a user starts it: the installed program, else the module of the checkout."""
    installed = Path(sys.executable).with_name("eventlake")
    start = [str(installed)] if installed.exists() else [sys.executable, "-m", "etl"]
    return [*start, *arguments]


def run(command: Sequence[str]) -> Taken:
    """Run ``command`` to its end; raises ``RuntimeError`` with its messages if it fails."""
    environment = {k: v for k, v in os.environ.items() if k not in _UNWANTED}
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(_STOPWATCH), *command],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    output, _, line = done.stdout.rpartition("\n")
    if done.returncode:
        raise RuntimeError(f"{command[0]} cannot be started: {done.stderr}")
    facts = json.loads(line)
    if facts["status"]:
        raise RuntimeError(f"{' '.join(command)} ended with {facts['status']}: {done.stderr}")
    return Taken(
        seconds=facts["seconds"],
        processor_seconds=facts["processor_seconds"],
        peak_mb=facts["maxrss"] / (_MIB if sys.platform == "darwin" else _KIB),
        output=output,
        messages=done.stderr,
    )


def in_turns(sides: Mapping[str, Callable[[], Taken]], *, rounds: int) -> dict[str, list[Taken]]:
    """Run each side once a round, one after the other; a first round warms up and is thrown away.

    A single round measures nothing and only tries the bench itself, so it needs no warm-up.
    """
    warm_up = int(rounds > 1)
    taken: dict[str, list[Taken]] = {name: [] for name in sides}
    for number in range(warm_up + rounds):
        for name, side in sides.items():
            once = side()
            if number >= warm_up:
                taken[name].append(once)
    return taken


def median(taken: Sequence[Taken]) -> float:
    """Return the median of the wall times."""
    return statistics.median(once.seconds for once in taken)


def ratio(
    ours: Sequence[Taken],
    theirs: Sequence[Taken],
    of: Callable[[Taken], float] = lambda once: once.seconds,
) -> float:
    """Return the median over the rounds of what ``ours`` took for each one of ``theirs``."""
    return statistics.median(of(a) / of(b) for a, b in zip(ours, theirs, strict=True))
