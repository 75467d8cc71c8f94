"""What docs/scale.md says in numbers: ``python -m bench.scale simulate``, ``make``, ``ask``, ``catalogs``.

``simulate`` prints what a fleet's lake is after years, with every assumption. ``make`` writes a lake of any
size (``bench.fleet_lake``), and ``ask`` has every report answered over it by an engine and prints what each took. ``catalogs`` runs the page's
examples for other engines.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import fields
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import asking, catalogs, fleet_lake, simulation
from bench.fleet_lake import Size
from bench.simulation import Assumed, Measured
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lean import without_numpy

# Three row groups of a sealed day.
_STATES = 300_000
_SIZE = Size(100_000_000)
# Of what is printed into a file or a log.
_WIDTH = 120
_HUNDRED = 100


def main() -> None:
    """Do what the arguments say."""
    given = _arguments()
    console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)
    with without_numpy():
        if given.command == "simulate":
            assumed = Assumed(**{f.name: getattr(given, f.name) for f in fields(Assumed)})
            _show(console, assumed, simulation.measure(given.measured_states))
        elif given.command == "catalogs":
            _catalogs(console)
        elif given.command == "make":
            _make(console, given.lake, Size(given.observations, given.clusters, given.days))
        else:
            _ask(console, given)


def _catalogs(console: Console) -> None:
    with tempfile.TemporaryDirectory(prefix="eventlake-bench-") as folder:
        for engine, rows, wanted in catalogs.run(Path(folder)):
            if rows is None:
                console.print(f"{engine}: not installed here")
            else:
                console.print(f"{engine}: {'the same rows' if rows == wanted else 'OTHER ROWS'}")


def _make(console: Console, path: Path, size: Size) -> None:
    started = time.perf_counter()
    lake = Lake(LocalFiles(path))
    rows = fleet_lake.fill(lake, size)
    held = sum(sum(lake.files.sizes(tree).values()) for tree in ("days", "snapshots"))
    console.print(
        f"{rows:,} observations, {size.clusters} clusters, {size.days} days, {held:,} bytes,"
        f" made in {time.perf_counter() - started:.0f} s"
    )


def _ask(console: Console, given: argparse.Namespace) -> None:
    console.print(f"engine {given.engine}, {asking.load()} before")
    console.print("| report | s | processor s | peak MB |\n|---|---|---|---|")
    size = Size(0, days=given.days)
    ask = asking.ask_together if given.together else asking.ask
    for one in ask(given.lake, size, engine=given.engine, names=given.report or ()):
        console.print(
            f"| {one.name} | {one.seconds:.1f} | {one.processor_seconds:.1f} | {one.peak_mb:,.0f} |"
        )
    console.print(f"{asking.load()} after")


def _show(console: Console, assumed: Assumed, known: Measured) -> None:
    table = Table(title="assumed", box=None, title_justify="left")
    for name, value in simulation.assumptions(assumed):
        table.add_row(name, _number(value))
    console.print(table)
    table = Table(title="\nmeasured here, now", box=None, title_justify="left")
    for field in fields(known):
        table.add_row(field.name, _number(getattr(known, field.name)))
    console.print(table)
    table = Table(title="\nfollows", box=None, title_justify="left")
    for line in simulation.simulate(assumed, known):
        table.add_row(line.name, _number(line.value), line.unit)
    console.print(table)


def _number(value: float) -> str:
    whole = value >= _HUNDRED or value == int(value)
    return f"{value:,.0f}" if whole else f"{value:.3g}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.scale")
    commands = parser.add_subparsers(required=True, dest="command")
    simulate = commands.add_parser("simulate", help="a fleet's lake after years")
    simulate.add_argument(
        "--measured-states", type=int, default=_STATES, metavar="N", help="of the day that is made"
    )
    for field in fields(Assumed):
        simulate.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=int if isinstance(field.default, int) else float,
            default=field.default,
            metavar="N",
        )
    commands.add_parser("catalogs", help="run the examples of docs/scale.md for other engines")
    make = commands.add_parser("make", help="write a lake of sealed days")
    make.add_argument("lake", type=Path)
    make.add_argument("--observations", type=int, default=_SIZE.observations, metavar="N")
    make.add_argument("--clusters", type=int, default=_SIZE.clusters, metavar="N")
    make.add_argument("--days", type=int, default=_SIZE.days, metavar="N")
    ask = commands.add_parser("ask", help="have its reports answered")
    ask.add_argument("lake", type=Path)
    ask.add_argument("--engine", choices=["duckdb", "spark"], default="duckdb")
    ask.add_argument("--days", type=int, default=_SIZE.days, metavar="N")
    ask.add_argument("--together", action="store_true", help="in one session, not a process each")
    ask.add_argument("--report", action="append", metavar="NAME", help="may be repeated")
    return parser.parse_args()


if __name__ == "__main__":
    main()
