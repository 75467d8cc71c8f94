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
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from etl.ingest import ImportRequest, Run, import_events
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.query import session
from etl.source import decode, dump
from tests.lib import lakes
from tests.lib.commandline import eventlake

RECORDED = Path(__file__).parents[1] / "data" / "recorded"
TTL = timedelta(minutes=2)
SNAPSHOTS = [
    (number, datetime.fromisoformat(json.loads(line)["started"]))
    for number, line in enumerate((RECORDED / "snapshots.jsonl").read_text("utf-8").splitlines())
]
ANSWERS = (
    "select * exclude (snapshot_id) from observations order by uid, n, last_seen",
    "select uid, n, last_seen, occurrences, since, reset from events order by uid, n, last_seen",
)
Row = dict[str, Any]


def _imported(folder: Path, snapshots: Iterable[tuple[int, datetime]]) -> Lake:
    """A lake with the given snapshots, each one a whole LIST at its time."""
    lake = Lake(LocalFiles(folder))
    for turn, snapshot in enumerate(snapshots):
        _import(lake, snapshot, f"{turn:03}")
    return lake


def _import(lake: Lake, snapshot: tuple[int, datetime], name: str) -> None:
    number, at = snapshot
    body = gzip.decompress((RECORDED / f"snapshot-{number:03}.json.gz").read_bytes())
    request = ImportRequest(
        cluster="recorded", chunks=[decode.page(body)], collected_at=at, scope=(), ttl=TTL
    )
    import_events(lake, request, Run(at, name, lambda: datetime(2026, 11, 24, tzinfo=UTC)))


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


Key = tuple[str, str, str, str]
COUNTED = """
select namespace, object_kind, object_name, reason, sum(occurrences)::bigint as n
from events
group by namespace, object_kind, object_name, reason
"""


def _counted(lake: Lake, until: datetime | None = None) -> dict[Key, int]:
    """Occurrences by namespace, kind and name of the object, and reason, booked at ``until`` or before."""
    query = COUNTED
    if until is not None:
        query = query.replace("group by", f"where last_seen <= '{until.isoformat()}' group by")
    rows = _asked(lake, query)
    return {
        (row["namespace"], row["object_kind"], row["object_name"], row["reason"]): row["n"]
        for row in rows
        if row["n"]
    }


def _stored(until: datetime) -> dict[Key, int]:
    """The same as the server stored it: the greatest count of each lineage that the WATCH shows."""
    # The list from which the watch began holds one object.
    versions = json.loads(gzip.decompress((RECORDED / "snapshot-000.json.gz").read_bytes()))[
        "items"
    ]
    with gzip.open(RECORDED / "watch.jsonl.gz", "rt", encoding="utf-8") as lines:
        versions += [
            change["object"]
            for change in map(json.loads, lines)
            # An expiry or a deletion carries the last state once more.
            if change["type"] != "DELETED" and datetime.fromisoformat(change["received"]) <= until
        ]
    greatest: dict[tuple[Key, str, str], int] = {}
    for one in versions:
        about = one["involvedObject"]
        space = one["metadata"]["namespace"]
        key = (space, about.get("kind"), about.get("name"), one.get("reason"))
        first = one.get("firstTimestamp") or one.get("eventTime")
        lineage = (key, one["metadata"]["name"], first)
        series = (one.get("series") or {}).get("count") or 0
        count = max(series or one.get("count") or 1, 1)
        greatest[lineage] = max(greatest.get(lineage, 0), count)
    stored: Counter[Key] = Counter()
    for (key, _name, _first), count in greatest.items():
        stored[key] += count
    return dict(stored)


def _emitted(until: datetime) -> dict[Key, int]:
    """The same as it was given to the recorders, before their correlators dropped anything."""
    emitted: Counter[Key] = Counter()
    with gzip.open(RECORDED / "truth.jsonl.gz", "rt", encoding="utf-8") as lines:
        for one in map(json.loads, lines):
            if datetime.fromisoformat(one["t"]) <= until:
                emitted[one["namespace"], one["kind"], one["name"], one["reason"]] += 1
    return dict(emitted)


END = SNAPSHOTS[-1][1]
# All events of this namespace were deleted: what was stored since the list before is lost.
DOOMED = "doomed"
# These were written without a recorder, or with another kind of object than the truth has.
UNTOLD = ("odd", "web", "openshift-kube-apiserver")


def test_each_object_counts_what_was_stored(whole: Lake) -> None:
    """For every namespace, object and reason the lists give exactly what the server stored."""
    counted, stored = _counted(whole), _stored(END)
    assert len(stored) > 100
    missing = {key: n - counted.get(key, 0) for key, n in stored.items() if n != counted.get(key)}
    assert sum(missing.values()) == 1
    assert {key[0] for key in missing} == {DOOMED}
    assert set(counted) <= set(stored)


def _spared(counts: dict[Key, int]) -> dict[Key, int]:
    """All but the namespace that was deleted."""
    return {key: n for key, n in counts.items() if key[0] != DOOMED}


def test_at_no_time_more_was_counted_than_had_happened(whole: Lake) -> None:
    """Up to every snapshot no object has more than was emitted by then, nor more than was stored."""
    for _number, at in SNAPSHOTS[1::4]:
        # Recorders write times without the fraction of a second.
        until = at.replace(microsecond=0)
        counted, emitted, stored = (
            _counted(whole, until),
            _emitted(until + timedelta(seconds=1)),
            _stored(until + timedelta(seconds=1)),
        )
        assert counted
        for key, count in counted.items():
            assert count <= stored[key], key
            assert key[2] in UNTOLD or stored[key] <= emitted[key], key


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
    for query in ANSWERS:
        assert _asked(lake, query) == _asked(whole, query)


@pytest.mark.parametrize("seed", [1, 2])
def test_sealed_between_imports_the_snapshots_tell_the_same(
    whole: Lake, tmp_path: Path, seed: int
) -> None:
    """Imported in any order, some twice, and sealed in between and again, nothing changes."""
    order = [*SNAPSHOTS, *SNAPSHOTS[5:12]]
    chance = random.Random(seed)  # noqa: S311 -- an order, not a secret
    chance.shuffle(order)
    lake = Lake(LocalFiles(tmp_path / "lake"))
    sealings = set(chance.sample(range(1, len(order)), 4))
    now = datetime(2026, 11, 24, 6, tzinfo=UTC)
    for turn, snapshot in enumerate(order):
        _import(lake, snapshot, f"{turn:03}")
        if turn in sealings:
            # Two hours later, so that what was replaced before is deleted, too.
            now += timedelta(hours=2)
            assert lakes.sealed(lake, now)
    lakes.sealed(lake, now + timedelta(hours=2))
    lakes.sealed(lake, now + timedelta(hours=4))
    assert lakes.files(lake, "parts") == []
    for query in ANSWERS:
        assert _asked(lake, query) == _asked(whole, query)


def test_snapshots_in_time_prove_everything(whole: Lake) -> None:
    """Every thirty seconds at a TTL of two minutes is one covered span, and no gap."""
    (span,) = _asked(whole, "select * from coverage order by started_at")
    assert (span["covered"], span["cause"]) == (True, None)
    assert span["started_at"] == SNAPSHOTS[0][1] - TTL
    assert span["ended_at"] == SNAPSHOTS[-1][1]


def test_an_outage_is_a_gap(tmp_path: Path) -> None:
    """Without the snapshots of three minutes, the time that the next one does not reach back to is a gap."""
    lake = _imported(tmp_path / "lake", SNAPSHOTS[:10] + SNAPSHOTS[15:])
    before, gap, after = _asked(lake, "select * from coverage order by started_at")
    assert (before["covered"], gap["covered"], after["covered"]) == (True, False, True)
    assert (gap["started_at"], gap["ended_at"]) == (SNAPSHOTS[9][1], SNAPSHOTS[15][1] - TTL)
    assert gap["cause"] == "no run"
    (row,) = _asked(lake, "select sum(occurrences)::bigint as n from events")
    assert 0 < row["n"] < 1373


LEFT_OUT = {
    "every second": SNAPSHOTS[::2],
    "every third": [one for one in SNAPSHOTS if one[0] % 3 != 1],
    "every fourth": [one for one in SNAPSHOTS if one[0] % 4 != 2],
    "two of three": SNAPSHOTS[::3],
    "two of three, later ones": SNAPSHOTS[2::3],
}


@pytest.mark.parametrize("kept", LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_snapshots_that_are_left_out_cost_no_occurrence(
    kept: list[tuple[int, datetime]], tmp_path: Path
) -> None:
    """Counts survive between snapshots: with gaps below the TTL each object counts what was stored."""
    times = [at for _, at in [*kept, SNAPSHOTS[-1]]]
    assert all(later - earlier < TTL for earlier, later in pairwise(times))
    lake = _imported(tmp_path / "lake", dict([*kept, SNAPSHOTS[-1]]).items())
    counted, stored = _counted(lake), _stored(END)
    assert _spared(counted) == _spared(stored)
    assert all(count <= stored[key] for key, count in counted.items())


def test_gaps_above_the_ttl_cost_what_expired_in_them_and_count_nothing_twice(
    tmp_path: Path,
) -> None:
    """A snapshot every two and a half minutes, at a TTL of two, counts less than was stored, and nothing more."""
    lake = _imported(tmp_path / "lake", SNAPSHOTS[::5])
    counted, stored = _counted(lake), _stored(END)
    assert sum(counted.values()) < sum(stored.values())
    assert all(count <= stored[key] for key, count in counted.items())


@pytest.mark.parametrize("every", [2, 3])
def test_fewer_snapshots_within_the_ttl_prove_as_much(every: int, tmp_path: Path) -> None:
    """Every second and third one, still nearer than the TTL, leave no gap."""
    lake = _imported(tmp_path / "lake", SNAPSHOTS[::every])
    (span,) = _asked(lake, "select * from coverage")
    assert span["covered"]


def test_snapshots_further_apart_than_the_ttl_leave_named_gaps(tmp_path: Path) -> None:
    """Every fifth one, by the command line as a user imports them: 30 seconds between two are not proven, and why."""
    places = SNAPSHOTS[::5]
    config = tmp_path / "eventlake.yaml"
    config.write_text("source: {ttl: 2m}\n", "utf-8")
    options = ("--lake", tmp_path / "lake", "--config", config, "--cluster", "recorded")
    for number, at in places:
        dump = RECORDED / f"snapshot-{number:03}.json.gz"
        collected = ("--scope", "all", "--collected-at", at.isoformat())
        done = eventlake(*options, "import", dump, *collected, now=at + timedelta(days=1))
        assert done.code == 0, done.err
    lake = Lake(LocalFiles(tmp_path / "lake"))
    gaps = _asked(lake, "select * from coverage where not covered order by started_at")
    assert [(gap["started_at"], gap["ended_at"]) for gap in gaps] == [
        (before, after - TTL) for (_, before), (_, after) in pairwise(places)
    ]
    assert {gap["cause"] for gap in gaps} == {"interval longer than the TTL"}
