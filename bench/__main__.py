"""Measures what the design promises: ``python -m bench``, or ``make bench``.

Prints a table and writes bench/out/figures.json, an object of
``key: {"value": ..., "limit": ..., "how": ...}``. A missed limit is marked, and is no
error: on a busy machine it means little, and the reader decides.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console

from bench import (
    answers,
    figures,
    history,
    importing,
    ingesting,
    ledger,
    sealing,
    snapshots,
    starting,
    watching,
)
from bench.figures import Figure, Plan
from bench.measure import ROOT, compile_bytecode
from etl.lean import without_numpy

GROUPS: dict[str, Callable[[Plan], Iterator[Figure]]] = {
    "help": starting.help_,
    "snapshot": snapshots.ratios,
    "large": snapshots.large,
    "watch": watching.shares,
    "ingest": ingesting.speedup,
    "import": importing.rate,
    "archive": importing.archive,
    "answers": answers.open_days,
    "share": sealing.share,
    "day": sealing.large_day,
    "ledger": ledger.year,
    "month": history.month,
}
_EVENTS, _MANY, _ROUNDS = 100_000, 500_000, 5
_OBSERVATIONS, _MONTH = 3_000_000, 10_000_000
# Of what is printed into a file or a log.
_WIDTH = 160


def main() -> None:
    """Measure the groups that were chosen, then show and write their figures."""
    given = _arguments()
    compile_bytecode()
    found: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="eventlake-bench-") as folder, without_numpy():
        plan = Plan(
            events=given.events,
            many=given.many,
            day=given.day,
            month=given.month,
            rounds=given.rounds,
            folder=Path(folder),
        )
        for name in given.only or GROUPS:
            print(f"measuring: {name}", file=sys.stderr, flush=True)
            found += GROUPS[name](plan)
    figures.write(found, given.output)
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    figures.show(found, console)
    sizes = (given.events, given.many, given.day, given.month)
    if sizes != (_EVENTS, _MANY, _OBSERVATIONS, _MONTH):
        console.print("\nThe sizes were chosen: they are not those that keys and limits mean.")
    console.print(f"\nwritten: {given.output}", highlight=False)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--events", type=int, default=_EVENTS, help="of the ordinary list")
    parser.add_argument("--many", type=int, default=_MANY, help="of the large list")
    parser.add_argument(
        "--day", type=int, default=_OBSERVATIONS, help="observations of a large day"
    )
    parser.add_argument("--month", type=int, default=_MONTH, help="observations of 30 days")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="of each comparison")
    parser.add_argument("--only", action="append", choices=list(GROUPS), help="may be repeated")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "bench" / "out" / "figures.json", help="file to write"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
