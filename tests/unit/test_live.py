"""The live cache: which states the newest list held."""

from __future__ import annotations

import pyarrow as pa
import pytest

from etl import schema
from etl.lake import layout, live
from etl.lake.files import Files
from etl.lake.layout import Lake
from etl.lake.live import Live
from tests.lib import tables

STATES = """
uid | n | last_seen        | resource_version | written_at
a   | 1 | 2026-11-23 08:00 | 30               | 2026-11-23 08:00
b   | 2 | 2026-11-23 08:10 | 10               | -
c   | 1 | 2026-11-23 08:20 | -                | 2026-11-23 08:20
"""


def _states(text: str) -> pa.Table:
    return tables.typed_table(text, schema.STATE_SCHEMA)


@pytest.fixture
def lake(files: Files) -> Lake:
    """A lake without data."""
    return Lake(files)


@pytest.mark.parametrize(
    ("row", "known"),
    [
        ("a | 1 | 2026-11-23 08:00 | 30 | 2026-11-23 08:00", True),
        ("b | 2 | 2026-11-23 08:10 | 10 | -", True),
        ("c | 1 | 2026-11-23 08:20 | -  | 2026-11-23 08:20", False),
        ("a | 1 | 2026-11-23 08:00 | 31 | 2026-11-23 08:00", False),
        ("a | 1 | 2026-11-23 08:00 | 5  | 2026-11-23 08:00", False),
        ("a | 2 | 2026-11-23 08:00 | 30 | 2026-11-23 08:00", False),
        ("x | 1 | 2026-11-23 08:00 | 30 | 2026-11-23 08:00", False),
        ("a | 1 | 2026-11-23 08:01 | 30 | 2026-11-23 08:00", False),
        ("a | 1 | 2026-11-23 08:00 | 30 | -", False),
        ("b | 2 | 2026-11-23 08:10 | 10 | 2026-11-23 08:10", False),
    ],
)
def test_a_state_is_known_if_all_of_it_is(row: str, *, known: bool) -> None:
    """Uid, count, times and version must be the same; a state without a version is never known."""
    head = STATES.strip().splitlines()[0]
    unknown = Live(_states(STATES)).unknown(_states(f"{head}\n{row}"))
    assert unknown.to_pylist() == ([] if known else [0])


def test_the_unknown_ones_are_told_by_position() -> None:
    """Of a page, the places of the states that are new come in order."""
    page = _states(STATES.replace("b   | 2", "b   | 3"))
    assert Live(_states(STATES)).unknown(page).to_pylist() == [1, 2]
    assert Live(_states(STATES)).unknown(page.slice(0, 0)).to_pylist() == []


def test_an_empty_list_knows_nothing() -> None:
    """Before the first list, and after an empty one, everything is new."""
    nothing = Live(schema.STATE_SCHEMA.empty_table())
    assert nothing.unknown(_states(STATES)).to_pylist() == [0, 1, 2]


def test_a_cache_is_read_as_it_was_written(lake: Lake) -> None:
    """What the newest list held is known to the next run, in whatever order it is listed."""
    live.write(lake, "prod", _states(STATES))
    read = live.read(lake, "prod")
    assert read is not None
    assert read.unknown(_states(STATES).take([2, 1, 0])).to_pylist() == [0]
    assert live.read(lake, "test") is None


@pytest.mark.parametrize("data", [b"", b"no parquet", b"PAR1" * 10])
def test_a_damaged_cache_is_none(lake: Lake, data: bytes) -> None:
    """A cache that cannot be read is as good as a lost one: the partitions know the same."""
    lake.files.write(layout.live_path("prod"), data)
    assert live.read(lake, "prod") is None
