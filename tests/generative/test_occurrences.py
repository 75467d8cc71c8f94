"""Occurrences: the shipped SQL and a plain implementation of the rules agree on random histories.

The plain one (tests.lib.reference) was written from the text of the rules, and the
histories (tests.lib.histories) from what recorders and API servers do. Agreement is not correctness: what the
rules should give is drawn in tests/sql/test_views.py, and here the histories themselves
know how often something happened.

``--histories`` says how many are tried, ``--history-seed`` which ones: the same seed is
the same history.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import timedelta
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from etl import schema
from etl.lake.append import Addition
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.query import Session, session
from etl.statements import statement
from tests.conftest import Tally
from tests.lib import lakes, tables
from tests.lib.histories import EPOCH, History, delivered, history
from tests.lib.reference import Added, Key, Seen, merged, occurrences

DAY = timedelta(days=1)
# Histories in one lake: so many that what a lake costs is shared, so few that days stay small.
A_LAKE = 1000
RUNS = 5
# All but the newest days can be sealed then.
SEALED_AT = EPOCH + timedelta(days=3, hours=3)
HOLDS = {
    "annotate",
    "cold start",
    "combined",
    "filtered",
    "gap",
    "implausible",
    "no name",
    "recreated",
    "reset",
    "restart",
    "restore",
    "same time",
    "series",
    "stripped copy",
    "touch",
    "two clusters",
}
_ADDED = "select cluster, uid, n, last_seen, occurrences, since, reset from events"


def test_the_lake_counts_what_the_rules_say(
    pytestconfig: pytest.Config, tmp_path: Path, tally: Tally
) -> None:
    """Thousands of histories, brought by runs in any order, some twice, some after sealing, count as the rules say."""
    wanted: int = pytestconfig.getoption("--histories")
    seed: int = pytestconfig.getoption("--history-seed")
    tried, held = 0, Counter[str]()
    while tried < wanted:
        told = _histories(seed + tried, min(A_LAKE, wanted - tried))
        lake = lakes.empty(LocalFiles(tmp_path / str(tried)))
        expected = occurrences(merged(_written(lake, told, Random(seed + tried))))  # noqa: S311 -- orders
        _agree(told, _asked(lake), expected)
        _is_what_happened(told, expected)
        held.update(chain.from_iterable(one.holds for one in told))
        tried += len(told)
    tally("histories on which two implementations agree", tried)
    assert tried < A_LAKE or {name for name, times in held.items() if times >= tried / 500} == HOLDS


def _histories(seed: int, count: int) -> list[History]:
    return [history(Random(number), number) for number in range(seed, seed + count)]  # noqa: S311 -- a story


def _written(lake: Lake, told: list[History], random: Random) -> list[Seen]:
    """Write what the runs bring, seal in between, and return all of it."""
    brought = delivered(random, told, RUNS)
    sealed_after = random.randrange(RUNS)
    for number, copies in enumerate(brought):
        rows = _table(copies)
        if random.random() < 0.5:
            lakes.add(lake, f"{number}", rows)
        else:
            _appended(lake, f"{number}", rows)
        if number == sealed_after:
            lakes.sealed(lake, SEALED_AT, limit=4)
    return list(chain.from_iterable(brought))


def _appended(lake: Lake, name: str, rows: pa.Table) -> None:
    """Add rows as an import does, which leaves out what the lake knows."""
    for cluster in sorted(set(rows["cluster"].to_pylist())):
        with Addition(lake, cluster, name) as addition:
            addition.add(
                rows.filter(pa.compute.equal(rows["cluster"], cluster)).select(schema.SCHEMA.names)
            )
            addition.publish()


def _asked(lake: Lake) -> dict[Key, Added]:
    with session(lake) as opened:
        found = _by_key(opened.run(_ADDED, {}))
        assert opened.warnings == []
    return found


def _by_key(found: pa.Table) -> dict[Key, Added]:
    rows = found.to_pylist()
    added = {
        (row["cluster"], row["uid"], row["n"], row["last_seen"]): (
            row["occurrences"],
            row["since"],
            row["reset"],
        )
        for row in rows
    }
    assert len(added) == len(rows), "a state is there twice"
    return added


def _agree(told: list[History], found: dict[Key, Added], expected: dict[Key, Added]) -> None:
    """Check that both count alike; name the first history on which they do not, by its seed."""
    if found == expected:
        return
    for one in told:
        keys = sorted({seen.key for seen in chain.from_iterable(one.snapshots)}, key=str)
        here = {key: found.get(key) for key in keys}
        assert here == {key: expected[key] for key in keys}, f"the history of seed {one.seed}"
    pytest.fail("there are states that nobody saw")


def _is_what_happened(told: list[History], expected: dict[Key, Added]) -> None:
    """Check the counts against the histories: never more than happened, and all that was seen where nothing hides it."""
    for one in told:
        if not one.plain:
            continue
        lineages: dict[tuple[Any, ...], list[Seen]] = defaultdict(list)
        for seen in {seen.key: seen for seen in chain.from_iterable(one.snapshots)}.values():
            lineages[seen.name, seen.first_seen].append(seen)
        total = 0
        for lineage in lineages.values():
            added = sum(expected[seen.key][0] for seen in lineage)
            greatest = max(seen.n for seen in lineage)
            times = sorted(seen.last_seen for seen in lineage)
            near = lineage[0].first_seen is not None and all(
                later - earlier <= DAY
                for earlier, later in zip([lineage[0].first_seen, *times], times, strict=False)
            )
            assert added == greatest if near else 0 < added <= greatest, f"seed {one.seed}"
            total += added
        assert total <= one.emitted, f"seed {one.seed}"


# One by one, so that Hypothesis finds the smallest history on which they differ


def shipped(observations: list[Seen]) -> dict[Key, Added]:
    """Return what the statement of the product says."""
    rows = _table(observations)
    opened = Session.over({"near": tables.near(rows)})
    found = opened.run(statement("lake/occurrences").text, {})
    opened.close()
    return _by_key(found)


def _table(copies: Iterable[Seen]) -> pa.Table:
    rows = [
        {
            "cluster": one.cluster,
            "date": one.last_seen.date(),
            "namespace": one.namespace,
            "name": one.name,
            "uid": one.uid,
            "n": one.n,
            "first_seen": one.first_seen,
            "last_seen": one.last_seen,
            "resource_version": one.version,
            "flags": ["implausible", "malformed"] if one.implausible else None,
            "observed_at": one.last_seen,
            "snapshot_id": "s",
        }
        for one in copies
    ]
    return pa.Table.from_pylist(rows, schema.FULL_SCHEMA)


_steps = st.sampled_from(
    [
        timedelta(0),
        timedelta(seconds=1),
        timedelta(hours=7),
        timedelta(hours=23, minutes=59),
        DAY,
        DAY + timedelta(seconds=1),
        2 * DAY,
        3 * DAY,
    ]
)
_moments = st.builds(
    lambda hours, odd: EPOCH + timedelta(hours=hours) + odd, st.integers(0, 99), _steps
)
_anything = st.builds(
    Seen,
    cluster=st.sampled_from(["prod", "test"]),
    namespace=st.sampled_from(["shop", None]),
    name=st.sampled_from(["web.1", "web.2", None]),
    first_seen=st.sampled_from([EPOCH, EPOCH + DAY, EPOCH + timedelta(microseconds=5), None]),
    uid=st.sampled_from(["a", "b"]),
    n=st.integers(1, 6),
    last_seen=_steps.map(lambda step: EPOCH + step) | _moments,
    version=st.sampled_from([None, 1, 2, 3]),
    implausible=st.booleans(),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.randoms(use_true_random=False), min_size=1, max_size=3))
def test_histories_count_alike(randoms: list[Random]) -> None:
    """On what recorders, restarts, expiries and strangers can write, both count the same."""
    told = [history(random, seed) for seed, random in enumerate(randoms)]
    observations = merged(seen for one in told for seen in chain.from_iterable(one.snapshots))
    expected = occurrences(observations)
    assert shipped(observations) == expected
    _is_what_happened(told, expected)


@settings(max_examples=60, deadline=None)
@given(st.lists(_anything, min_size=1, max_size=25).map(merged))
def test_anything_counts_alike(observations: list[Seen]) -> None:
    """On observations without any sense, both count the same, in whatever order the rows lie."""
    expected = occurrences(observations)
    assert shipped(observations) == expected
    assert shipped(observations[::-1]) == expected


@settings(max_examples=20, deadline=None)
@given(st.lists(st.randoms(use_true_random=False), min_size=1, max_size=3))
def test_a_day_depends_on_itself_and_the_day_before(randoms: list[Random]) -> None:
    """What a day adds is the same if every other day but the one before is not there."""
    told = [history(random, seed) for seed, random in enumerate(randoms)]
    observations = merged(seen for one in told for seen in chain.from_iterable(one.snapshots))
    assume(observations)  # a history may be too short for a snapshot to see anything of it
    everything = shipped(observations)
    day = max(one.last_seen.date() for one in observations)
    near = [one for one in observations if day - one.last_seen.date() <= DAY]
    alone = shipped(near)
    for one in near:
        if one.last_seen.date() == day:
            assert alone[one.key] == everything[one.key]
