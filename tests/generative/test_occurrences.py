"""Occurrences: the shipped SQL and a plain implementation of the rules agree on random histories.

The plain one was written from the text of the rules (docs/lake.md, "Occurrences") and
not from the SQL. Agreement is not correctness: what the rules should give is drawn in
tests/sql/test_views.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from etl import schema
from etl.lake.query import Session
from etl.statements import statement

EPOCH = datetime(2026, 11, 20, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Seen:
    """An observation, as far as occurrences depend on it."""

    cluster: str
    namespace: str | None
    name: str | None
    first_seen: datetime | None
    uid: str
    n: int
    last_seen: datetime
    version: int | None = None
    implausible: bool = False

    @property
    def key(self) -> tuple[str, str, int, datetime]:
        """What tells one observation from another."""
        return (self.cluster, self.uid, self.n, self.last_seen)


# The rules in plain Python

Added = tuple[int, datetime | None, bool]


def plain(observations: Iterable[Seen]) -> dict[tuple[Any, ...], Added]:
    """Return occurrences, since and reset of each observation by its key."""
    lineages: dict[tuple[Any, ...], list[Seen]] = defaultdict(list)
    for one in observations:
        second = one.first_seen and one.first_seen.replace(microsecond=0)
        name = ("unnamed", one.uid) if one.name is None else ("named", one.name)
        lineages[one.cluster, one.namespace, name, second].append(one)
    added = {}
    for lineage in lineages.values():
        for one in lineage:
            today = one.last_seen.date()
            known = [x for x in lineage if today - x.last_seen.date() in {timedelta(0), DAY}]
            added[one.key] = _added(one, sorted(known, key=_order))
    return added


def _order(one: Seen) -> tuple[datetime, int, str]:
    return (one.last_seen, one.n, one.uid)


def _added(one: Seen, known: list[Seen]) -> Added:
    greatest, before = 0, None
    for other in known:
        reset = before is not None and _is_reset(before, other)
        growth = other.n if reset else max(0, other.n - greatest)
        if other is one:
            since = before.last_seen if before else one.first_seen
            sure = since is not None and one.last_seen - since <= DAY and not one.implausible
            return (growth if sure else min(growth, 1), since, reset)
        greatest = other.n if reset else max(greatest, other.n)
        before = other
    raise AssertionError


def _is_reset(before: Seen, after: Seen) -> bool:
    return (
        after.uid == before.uid
        and after.n < before.n
        and after.last_seen > before.last_seen
        and before.version is not None
        and after.version is not None
        and after.version > before.version
    )


# The shipped SQL


def shipped(observations: list[Seen]) -> dict[tuple[Any, ...], Added]:
    """Return the same from the statement of the product."""
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
        for one in observations
    ]
    session = Session.over({"near": pa.Table.from_pylist(rows, schema.FULL_SCHEMA)})
    found = session.run(statement("lake/occurrences").text, {}).to_pylist()
    session.close()
    assert len(found) == len(rows)
    return {
        (row["cluster"], row["uid"], row["n"], row["last_seen"]): (
            row["occurrences"],
            row["since"],
            row["reset"],
        )
        for row in found
    }


# Histories

_steps = st.sampled_from(
    [
        timedelta(0),
        timedelta(seconds=1),
        timedelta(minutes=5),
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


@st.composite
def histories(draw: st.DrawFn) -> list[Seen]:
    """The observations of one lineage: a recorder's count over re-creations, restarts, jumps and gaps."""
    start = draw(_moments)
    first = draw(
        st.sampled_from([start, start - timedelta(minutes=3), start - 40 * DAY, start + DAY, None])
    )
    now = Seen(
        cluster=draw(st.sampled_from(["prod", "test"])),
        namespace=draw(st.sampled_from(["shop", None])),
        name=draw(st.sampled_from(["web.1", "web.2", None])),
        first_seen=first,
        uid=f"u{draw(st.integers(0, 3))}",
        n=draw(st.integers(1, 30)),
        last_seen=start,
        version=draw(st.sampled_from([None, 10, 20])),
    )
    seen = [now]
    for _ in range(draw(st.integers(0, 8))):
        now = _next(draw, now)
        seen.append(now)
    return seen


def _next(draw: st.DrawFn, now: Seen) -> Seen:
    now = replace(
        now,
        last_seen=now.last_seen + draw(_steps),
        version=now.version and now.version + draw(st.integers(1, 5)),
        implausible=False,
    )
    if now.first_seen is not None and draw(st.booleans()):
        now = replace(now, first_seen=now.first_seen.replace(microsecond=draw(st.integers(0, 9))))
    match draw(st.sampled_from(["grow", "jump", "recreate", "reset", "restore", "touch", "claim"])):
        case "grow":
            return replace(now, n=now.n + 1)
        case "jump":
            return replace(now, n=now.n + draw(st.integers(2, 60)))
        case "recreate":
            return replace(now, uid=f"{now.uid}'", n=now.n + 1)
        case "reset":
            return replace(now, n=draw(st.integers(1, now.n)))
        case "restore":
            return replace(now, n=draw(st.integers(1, now.n)), version=now.version and 1)
        case "claim":
            return replace(now, n=now.n + 10**9, implausible=True)
        case _:
            return now


_anything = st.builds(
    Seen,
    cluster=st.just("prod"),
    namespace=st.just("shop"),
    name=st.sampled_from(["web.1", "web.2"]),
    first_seen=st.sampled_from([EPOCH, EPOCH + DAY, EPOCH + timedelta(microseconds=5), None]),
    uid=st.sampled_from(["a", "b"]),
    n=st.integers(1, 6),
    last_seen=_steps.map(lambda step: EPOCH + step) | _moments,
    version=st.sampled_from([None, 1, 2, 3]),
    implausible=st.booleans(),
)


def _together(lineages: Iterable[Iterable[Seen]]) -> list[Seen]:
    return _distinct(chain.from_iterable(lineages))


def _distinct(observations: Iterable[Seen]) -> list[Seen]:
    """One observation a key, as the view has it."""
    return list({one.key: one for one in observations}.values())


@settings(max_examples=50, deadline=None)
@given(st.lists(histories(), min_size=1, max_size=6).map(_together))
def test_histories_count_alike(observations: list[Seen]) -> None:
    """On what recorders, restarts, expiries and strangers can write, both count the same."""
    assert shipped(observations) == plain(observations)


@settings(max_examples=50, deadline=None)
@given(st.lists(_anything, min_size=1, max_size=25).map(_distinct))
def test_anything_counts_alike(observations: list[Seen]) -> None:
    """On observations without any sense, both count the same, in whatever order the rows lie."""
    expected = plain(observations)
    assert shipped(observations) == expected
    assert shipped(observations[::-1]) == expected


@settings(max_examples=20, deadline=None)
@given(st.lists(histories(), min_size=1, max_size=4).map(_together))
def test_a_day_depends_on_itself_and_the_day_before(observations: list[Seen]) -> None:
    """What a day adds is the same if every other day but the one before is not there."""
    everything = shipped(observations)
    day = max(one.last_seen.date() for one in observations)
    near = [one for one in observations if day - one.last_seen.date() <= DAY]
    alone = shipped(near)
    for one in near:
        if one.last_seen.date() == day:
            assert alone[one.key] == everything[one.key]


@settings(max_examples=40, deadline=None)
@given(histories().map(_distinct))
def test_a_lineage_never_counts_more_than_it_claims(history: list[Seen]) -> None:
    """Without resets, and with predecessors in sight, a lineage adds at most its greatest count."""
    observations = [replace(one, name="web.1") for one in history]
    added = shipped(observations).values()
    assert all(occurrences >= 0 for occurrences, _, _ in added)
    days = {one.last_seen.date() for one in observations}
    in_sight = max(days) - min(days) <= DAY
    if in_sight and not any(reset for _, _, reset in added):
        claimed = max(one.n for one in observations)
        assert sum(occurrences for occurrences, _, _ in added) <= claimed
