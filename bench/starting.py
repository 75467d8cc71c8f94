"""The time that a person waits for help."""

from __future__ import annotations

from collections.abc import Iterator

from bench.figures import Figure, Plan
from bench.measure import eventlake, in_turns, median, run

_TIMES = 10


def help_(plan: Plan) -> Iterator[Figure]:  # noqa: ARG001 -- every group is called alike
    """Yield the median time of ``eventlake --help``."""
    taken = in_turns({"help": lambda: run(eventlake("--help"))}, rounds=_TIMES)
    yield Figure("help_s", median(taken["help"]), f"eventlake --help, median of {_TIMES} processes")
