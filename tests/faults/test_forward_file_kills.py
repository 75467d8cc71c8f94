"""Forwarding to a file by processes that are killed anywhere: each line is whole, and none is missing."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Tally


def test_a_writer_that_is_killed_anywhere(
    tmp_path: Path, request: pytest.FixtureRequest, tally: Tally
) -> None:
    """What was settled is there in order, the next writer repeats from there and from nowhere else, and no line is half one."""
    kills = request.config.getoption("--kills")
    chance = random.Random(20261124)  # noqa: S311 - no secret is made of it
    path = tmp_path / "events.jsonl"
    begins = [0]
    for _ in range(kills):
        begins.append(_written_from(path, begins[-1], chance))
    # One more, which ends what the last kill left.
    settled = _written_from(path, begins[-1], chance, least=1)
    lines = path.read_bytes().split(b"\n")
    # The last may be what the last kill left; each other one is whole.
    lines.pop()
    numbers = [json.loads(line)["n"] for line in lines]
    expected, runs = 0, iter(begins[1:])
    begin = next(runs, None)
    for number in numbers:
        # A run goes on by one; where the next begins is where the one before it was settled.
        while number != expected:
            assert begin is not None, f"{number} comes where {expected} should"
            expected, begin = begin, next(runs, None)
        expected += 1
    assert expected >= settled > 0
    tally("writers of a file killed", kills)


def _written_from(path: Path, start: int, chance: random.Random, *, least: int = 0) -> int:
    """Start a writer, kill it after some batches and some bytes more; return up to where it said that messages are settled."""
    command = [sys.executable, "-m", "tests.lib.line_writer", str(path), str(start)]
    settled = start
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        for _ in range(least + chance.randint(0, 6)):
            settled = int(writer.stdout.readline())
        # The batch that is on its way now takes a millisecond or two.
        for _ in range(chance.randint(0, 60_000)):
            pass
        writer.kill()
        for line in writer.stdout:
            settled = int(line)
    return settled
