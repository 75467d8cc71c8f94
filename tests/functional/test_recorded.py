"""Fourteen minutes of a real API server: what snapshots of it count, and what they prove.

tests/data/recorded/SOURCE.txt says what happens in them: objects that expire and come
back with a continuing count, a spam filter that holds counts back, aggregation, a
recorder restart, a wiped namespace.
"""

from __future__ import annotations

import gzip
import io
import json
import random
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from etl.ingest import ImportRequest, Run, import_events
from etl.lake.files import LocalFiles
from etl.lake.layout import Lake
from etl.lake.query import session
from etl.source import decode, dump

RECORDED = Path(__file__).parents[1] / "data" / "recorded"
TTL = timedelta(minutes=2)
MARGIN = timedelta(minutes=1)  # that coverage leaves for clocks
SNAPSHOTS = [
    (number, datetime.fromisoformat(json.loads(line)["started"]))
    for number, line in enumerate((RECORDED / "snapshots.jsonl").read_text("utf-8").splitlines())
]
Row = dict[str, Any]


def _imported(folder: Path, snapshots: Iterable[tuple[int, datetime]]) -> Lake:
    """A lake with the given snapshots, each one a whole LIST at its time."""
    lake = Lake(LocalFiles(folder))
    for number, at in snapshots:
        body = gzip.decompress((RECORDED / f"snapshot-{number:03}.json.gz").read_bytes())
        request = ImportRequest(
            cluster="recorded", chunks=[decode.page(body)], collected_at=at, scope=(), ttl=TTL
        )
        import_events(
            lake, request, Run(at, f"{number:03}", lambda: datetime(2026, 11, 24, tzinfo=UTC))
        )
    return lake


def _asked(lake: Lake, query: str) -> list[Row]:
    with session(lake) as opened:
        rows: list[Row] = opened.run(query, {}).to_pylist()
    return rows


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with all thirty snapshots, imported in their order."""
    return _imported(tmp_path_factory.mktemp("recorded") / "lake", SNAPSHOTS)


def test_what_was_stored_is_counted_once(whole: Lake) -> None:
    """The lists add up to the 1,373 occurrences that the server stored, not to the 1,597 of largest counts."""
    (row,) = _asked(whole, "select sum(occurrences)::bigint as n from events")
    assert row["n"] == 1373
    (row,) = _asked(
        whole,
        "select sum(n)::bigint as n"
        " from (select max(n) as n from observations group by cluster, uid) as uids",
    )
    assert row["n"] == 1597
    (row,) = _asked(
        whole,
        "select count(*) as n from (select name from observations"
        " group by namespace, name, first_seen having count(distinct uid) > 1) as recreated",
    )
    assert row["n"] == 13


def test_no_object_counts_more_than_was_emitted(whole: Lake) -> None:
    """For no pod and no node do the snapshots tell more than was given to its recorder."""
    emitted: Counter[tuple[str, ...]] = Counter()
    with gzip.open(RECORDED / "truth.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            one = json.loads(line)
            emitted[one["namespace"], one["kind"], one["name"], one["reason"]] += 1
    rows = _asked(
        whole,
        "select namespace, object_kind, object_name, reason, sum(occurrences)::bigint as n"
        " from events where object_kind in ('Pod', 'Node') and object_name <> 'odd'"
        " group by namespace, object_kind, object_name, reason",
    )
    assert len(rows) > 100
    for row in rows:
        key = (row["namespace"], row["object_kind"], row["object_name"], row["reason"])
        assert 0 < row["n"] <= emitted[key], key


def test_a_watch_tells_the_same_and_what_was_deleted(whole: Lake, tmp_path: Path) -> None:
    """The recorded watch, every stored version and deletion, adds the one of the deleted object."""
    lake = Lake(LocalFiles(tmp_path / "lake"))
    at = SNAPSHOTS[-1][1] + timedelta(hours=1)
    reading = dump.Reading()
    chunks = dump.chunks([str(RECORDED / "watch.jsonl.gz")], reading, io.BytesIO())
    entry = import_events(
        lake, ImportRequest(cluster="recorded", chunks=chunks), Run(at, "w", lambda: at)
    )
    assert (entry.unreadable, reading.other_objects) == (0, 0)
    (row,) = _asked(lake, "select sum(occurrences)::bigint as n from events")
    assert row["n"] == 1374
    states = "select uid, n from observations order by uid, n"
    assert {tuple(row.values()) for row in _asked(whole, states)} <= {
        tuple(row.values()) for row in _asked(lake, states)
    }


def test_the_order_of_imports_changes_nothing(whole: Lake, tmp_path: Path) -> None:
    """Imported in another order, some twice, the snapshots tell the same, observation by observation."""
    order = [*SNAPSHOTS, *SNAPSHOTS[5:12]]
    random.Random(1).shuffle(order)  # noqa: S311 -- an order, not a secret
    lake = _imported(tmp_path / "lake", order)
    for query in (
        "select * exclude (snapshot_id) from observations order by uid, n, last_seen",
        "select uid, n, last_seen, occurrences, since, reset from events order by uid, n, last_seen",
    ):
        assert _asked(lake, query) == _asked(whole, query)


def test_snapshots_in_time_prove_everything(whole: Lake) -> None:
    """Every thirty seconds at a TTL of two minutes is one covered span, and no gap."""
    (span,) = _asked(whole, "select * from coverage order by started_at")
    assert (span["covered"], span["cause"]) == (True, None)
    assert span["started_at"] == SNAPSHOTS[0][1] - TTL + MARGIN
    assert span["ended_at"] == SNAPSHOTS[-1][1]


def test_an_outage_is_a_gap(tmp_path: Path) -> None:
    """Without the snapshots of three minutes, the time that the next one does not reach back to is a gap."""
    lake = _imported(tmp_path / "lake", SNAPSHOTS[:10] + SNAPSHOTS[15:])
    before, gap, after = _asked(lake, "select * from coverage order by started_at")
    assert (before["covered"], gap["covered"], after["covered"]) == (True, False, True)
    assert (gap["started_at"], gap["ended_at"]) == (
        SNAPSHOTS[9][1],
        SNAPSHOTS[15][1] - TTL + MARGIN,
    )
    assert gap["cause"] == "no run"
    (row,) = _asked(lake, "select sum(occurrences)::bigint as n from events")
    assert 0 < row["n"] < 1373


def test_half_the_snapshots_count_the_same(tmp_path: Path) -> None:
    """Counts survive between snapshots: every other one, still within the TTL, counts every occurrence."""
    lake = _imported(tmp_path / "lake", SNAPSHOTS[::2] + SNAPSHOTS[-1:])
    (row,) = _asked(lake, "select sum(occurrences)::bigint as n from events")
    assert row["n"] == 1373
