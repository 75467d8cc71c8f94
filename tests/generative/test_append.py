"""Appending: whatever is written in whatever runs, orders and repeats, the lake answers the same."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from etl import schema
from etl.ingest import ImportRequest, Run, import_events
from etl.lake import append
from etl.lake.append import Addition
from etl.lake.files import Files
from etl.lake.layout import Lake
from etl.lake.query import session
from etl.source import decode
from tests.lib.storages import Storages

EPOCH = datetime(2026, 11, 22, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)
VIEWS = (
    "select * from observations order by uid, n, last_seen",
    "select uid, n, last_seen, occurrences, since, reset from events order by uid, n, last_seen",
)
Row = dict[str, Any]


def _answers(lake: Lake) -> list[list[Row]]:
    """What the views show, and that nothing was left out."""
    with session(lake) as opened:
        assert opened.warnings == []
        return [opened.run(view, {}).to_pylist() for view in VIEWS]


# Rows through Addition


def _seen(row: Row) -> Row:
    """Give a row the moment and the name of the snapshot that saw it."""
    moment, snapshot = row.pop("seen")
    return row | {"observed_at": moment, "snapshot_id": snapshot}


_copies = st.fixed_dictionaries(
    {
        "uid": st.sampled_from(["a", "b"]),
        "n": st.integers(1, 3),
        "last_seen": st.sampled_from([EPOCH, EPOCH + HOUR, EPOCH + 3 * HOUR]),
        "resource_version": st.sampled_from([None, 1, 2]),
        # A snapshot has one moment, and no two have the same.
        "seen": st.sampled_from([(EPOCH + 5 * HOUR, "s1"), (EPOCH + 6 * HOUR, "s2")]),
        "name": st.just("web.1"),
        "namespace": st.just("shop"),
        "first_seen": st.just(EPOCH),
        "message": st.sampled_from([None, "m1", "m2"]),
        "written_at": st.sampled_from([None, EPOCH]),
        "labels": st.sampled_from([None, [("a", "1")], [("a", "2")]]),
        "flags": st.sampled_from([None, ["malformed"], ["no_time"]]),
    }
).map(_seen)


@st.composite
def _runs(draw: st.DrawFn, rows: list[Row]) -> list[list[list[Row]]]:
    """Cut ``rows``, in any order and with repeats, into runs, and those into groups that overlap."""
    order = draw(st.permutations(rows)) + draw(st.lists(st.sampled_from(rows), max_size=4))
    runs = _cut(draw, order)
    return _cut(draw, runs)


def _cut(draw: st.DrawFn, things: list[Any]) -> list[list[Any]]:
    ends = sorted(draw(st.lists(st.integers(1, len(things)), max_size=3, unique=True)))
    pieces = [things[a:b] for a, b in zip([0, *ends], [*ends, len(things)], strict=True)]
    return [piece for piece in pieces if piece]


def _written(files: Files, groups: Iterable[Iterable[list[Row]]]) -> Lake:
    """A lake to which each group's runs were added at once, all before the first one published."""
    lake = Lake(files)
    lake.prepare()
    for number, group in enumerate(groups):
        open_ = []
        for other, run in enumerate(group):
            addition = Addition(lake, "prod", f"20261123T000000Z-{number}-{other}")
            for row in run:
                addition.add(pa.Table.from_pylist([row], schema.SCHEMA))
            open_.append(addition)
        for addition in reversed(open_):
            addition.publish()
    return lake


def _merged(rows: list[Row]) -> list[Row]:
    """The merging rule in plain Python."""
    keys = {(row["uid"], row["n"], row["last_seen"]) for row in rows}
    merged = []
    for key in sorted(keys):
        copies = [row for row in rows if (row["uid"], row["n"], row["last_seen"]) == key]
        version = max(row["resource_version"] or -1 for row in copies)
        newest = [row for row in copies if (row["resource_version"] or -1) == version]
        one: Row = {}
        for name in schema.SCHEMA.names:
            values = [row[name] for row in newest if row.get(name) is not None]
            one[name] = max(values) if values else None
        one["observed_at"], one["snapshot_id"] = min(
            (row["observed_at"], row["snapshot_id"]) for row in copies
        )
        merged.append(one | {"cluster": "prod", "date": one["last_seen"].date()})
    return merged


@settings(max_examples=10, deadline=None)
@given(
    st.data(), st.lists(_copies, min_size=1, max_size=8), st.sampled_from([1, append.HELD_BYTES])
)
def test_runs_orders_and_repeats_change_nothing(
    storages: Storages, data: st.DataObject, rows: list[Row], held: int
) -> None:
    """Any runs, one after another or at once, held in memory or not, give what the merging rule says."""
    groups = data.draw(_runs(rows))
    with mock.patch.object(append, "HELD_BYTES", held):
        plain = _answers(_written(storages.make(), [[rows]]))
        assert plain[0] == _merged(rows)
        assert _answers(_written(storages.make(), groups)) == plain


@settings(max_examples=15, deadline=None)
@given(st.lists(_copies, min_size=1, max_size=8))
def test_a_repeat_writes_nothing(storages: Storages, rows: list[Row]) -> None:
    """Rows that the lake has already, all at once or one by one, add no file."""
    lake = _written(storages.make(), [[rows]])
    before = lake.files.list("parts")
    for again in (rows, *([row] for row in rows)):
        addition = Addition(lake, "prod", "20261124T000000Z-again")
        addition.add(pa.Table.from_pylist(again, schema.SCHEMA))
        addition.publish()
        assert addition.rows_added == 0
    assert lake.files.list("parts") == before


# Events through import


@st.composite
def _dumps(draw: st.DrawFn) -> list[tuple[datetime, list[Row]]]:
    """What was listed at some times of a cluster whose recorders count, restart and come back."""
    live: dict[str, Row] = {}
    now, version, dumps = EPOCH, 100, []
    for _ in range(draw(st.integers(2, 5))):
        for _ in range(draw(st.integers(1, 3))):
            now += draw(st.sampled_from([timedelta(seconds=7), HOUR, 13 * HOUR]))
            version += 1
            name = draw(st.sampled_from(["w.1", "w.2"]))
            known = live.get(name)
            new = known is None or draw(st.booleans())
            count = draw(st.integers(1, 3)) + (known["count"] if known else 0)
            live[name] = {
                "metadata": {
                    "name": name,
                    "namespace": "shop",
                    "uid": f"{name}-{version}"
                    if new or known is None
                    else known["metadata"]["uid"],
                    "resourceVersion": str(version),
                    "creationTimestamp": _text(now),
                },
                "firstTimestamp": known["firstTimestamp"] if known else _text(now),
                "lastTimestamp": _text(now),
                "count": count,
                "message": f"message {draw(st.integers(1, 2))}",
            }
        dumps.append((now + timedelta(seconds=1), json.loads(json.dumps(list(live.values())))))
    return dumps


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _imported(files: Files, dumps: Iterable[tuple[datetime, list[Row]]]) -> list[list[Row]]:
    lake = Lake(files)
    for number, (collected_at, items) in enumerate(dumps):
        page = decode.page(json.dumps({"items": items}).encode())
        request = ImportRequest(cluster="prod", chunks=[page], collected_at=collected_at)
        run = Run(collected_at + HOUR, f"run{number}", lambda: EPOCH)
        entry = import_events(lake, request, run)
        assert entry.items == len(items)
    observations, events = _answers(lake)
    # Which of two runs that saw a state at the same moment wrote it, is theirs alone.
    return [[{**row, "snapshot_id": ""} for row in observations], events]


@settings(max_examples=6, deadline=None)
@given(st.data(), _dumps())
def test_imports_in_any_order_are_one_history(
    storages: Storages, data: st.DataObject, dumps: list[tuple[datetime, list[Row]]]
) -> None:
    """Dumps of one cluster imported in any order, some of them twice, tell the same history."""
    order = data.draw(st.permutations(dumps)) + data.draw(
        st.lists(st.sampled_from(dumps), max_size=2)
    )
    assert _imported(storages.make(), dumps) == _imported(storages.make(), order)
