"""Copies of a state: whatever they say and in whatever order they come, sealed in between or not, they are one answer."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from etl import schema
from etl.lake.append import Addition
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from tests.lib import lakes

EPOCH = datetime(2026, 11, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
# What one copy may say: its version, and a text or none. Three of them are a state.
SAYINGS = list(itertools.product([None, 1, 2], [None, "a", "b"]))
DELETED = {"a": EPOCH + HOUR, "b": EPOCH + 2 * HOUR}
STATES = list(itertools.product(SAYINGS, repeat=3))


def _copies(number: int) -> pa.Table:
    """Copy ``number`` of each state."""
    return pa.Table.from_pylist(
        [
            {
                "uid": f"{place:03}",
                "n": 1,
                "first_seen": EPOCH,
                "last_seen": EPOCH,
                "resource_version": (said := copies[number])[0],
                "message": said[1],
                "labels": said[1] and [("text", said[1])],
                "flags": said[1] and [said[1]],
                "deleted_at": said[1] and DELETED[said[1]],
                "deleted_early": said[1] and said[1] == "b",
                "observed_at": EPOCH + number * HOUR,
                "snapshot_id": f"s{number}",
            }
            for place, copies in enumerate(STATES)
        ],
        schema.SCHEMA,
    )


def _expected(copies: tuple[tuple[int | None, str | None], ...]) -> tuple[Any, ...]:
    """The rule in plain Python: the greatest version counts, of equal ones a value and the greater one; the first to see it stays."""
    greatest = max(version or -1 for version, _ in copies)
    texts = [text for version, text in copies if (version or -1) == greatest and text]
    text = max(texts, default=None)
    version = None if greatest < 0 else greatest
    pairs, flags, early = text and [("text", text)], text and [text], text and text == "b"
    return (version, text, pairs, flags, text and DELETED[text], early, EPOCH, "s0")


def _answered(lake: Lake) -> list[tuple[Any, ...]]:
    columns = (
        *("resource_version", "message", "labels", "flags", "deleted_at", "deleted_early"),
        *("observed_at", "snapshot_id"),
    )
    _, observations = lakes.answers(lake)
    return [tuple(row[name] for name in columns) for row in observations]


def test_copies_are_one_answer_in_every_order(tmp_path: Path) -> None:
    """All states that three copies with and without values can make, appended and sealed as they were seen and the other way round."""
    expected = [_expected(state) for state in STATES]
    # What the copies say is tried in every order by the states themselves.
    for order in ((0, 1, 2), (2, 1, 0)):
        lake = lakes.empty(LocalFiles(tmp_path / "".join(map(str, order))))
        for turn, number in enumerate(order):
            with Addition(lake, "prod", f"{turn}") as addition:
                addition.add(_copies(number))
                addition.publish()
            if turn:
                lakes.sealed(lake, EPOCH + 40 * HOUR)
        assert _answered(lake) == expected, order
