"""What docs/scale.md says in numbers: ``python -m bench.scale simulate``, ``… measure``.

``simulate`` prints what a fleet's lake is after years, with every assumption. ``measure`` makes a lake of any
size (``bench.fleet_lake``), has every report answered over it, and prints times and memory.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import simulation
from bench.simulation import Assumed, Line, Measured
from etl.lean import without_numpy

# Three row groups of a sealed day.
_STATES = 300_000
# Of what is printed into a file or a log.
_WIDTH = 120


def main() -> None:
    """Do what the arguments say."""
    given = _arguments()
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    with without_numpy():
        assumed = Assumed(**{f.name: getattr(given, f.name) for f in fields(Assumed)})
        known = simulation.measure(given.measured_states)
        _show(console, assumed, known)


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
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.scale")
    commands = parser.add_subparsers(required=True, dest="command")
    simulate = commands.add_parser("simulate", help="a fleet's lake after years")
    simulate.add_argument("--measured-states", type=int, default=_STATES)
    for field in fields(Assumed):
        kind = int if isinstance(field.default, int) else float
        simulate.add_argument(
            f"--{field.name.replace('_', '-')}", type=kind, default=field.default, metavar="N"
        )
    return parser.parse_args()


if __name__ == "__main__":
    main()
