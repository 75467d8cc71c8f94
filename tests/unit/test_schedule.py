"""What is due and when, by clocks that the tests set: jitter, missed times, digests that wait, clocks that jump."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.schedule import Drift, Step, settled

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def step(every: timedelta, jitter: timedelta = timedelta(0)) -> Step:
    """Return a step that does nothing."""
    return Step("nothing", lambda: None, every, "lake", jitter=jitter)


@given(
    every=st.integers(1, 3600),
    jitter=st.integers(0, 600),
    late=st.integers(0, 10 * 3600),
)
def test_the_next_time_is_an_interval_after_the_one_before(
    every: int, jitter: int, late: int
) -> None:
    """At most a twentieth of the interval sooner or later; how late the step began changes nothing."""
    one = step(timedelta(seconds=every), timedelta(seconds=jitter))
    before, now = NOON, NOON + timedelta(seconds=late)
    found = one.trigger.get_next_fire_time(before, now)
    assert found is not None
    assert abs((found - before).total_seconds() - every) <= every / 20 + 1e-6


def test_without_jitter_it_is_the_interval() -> None:
    """Two steps later it is two intervals."""
    trigger = step(10 * MINUTE).trigger
    first = trigger.get_next_fire_time(NOON, NOON)
    assert first == NOON + 10 * MINUTE
    assert trigger.get_next_fire_time(first, first) == NOON + 20 * MINUTE


SETTLED = {
    "nobody was asked since the start": ({}, 0, False),
    "one is missing": ({"eu": 1}, 1, False),
    "one was asked before": ({"eu": 1, "us": -1}, 1, False),
    "all were asked since": ({"eu": 0, "us": 2}, 2, True),
    "it takes too long": ({"eu": -5}, 20, True),
}


@pytest.mark.parametrize("name", SETTLED)
def test_a_digest_waits_for_the_snapshots_behind_its_end(name: str) -> None:
    """Each cluster has to be asked once after the end of its time; a cluster that never is does not hold it for ever."""
    minutes, now, expected = SETTLED[name]
    begun = {cluster: NOON + minute * MINUTE for cluster, minute in minutes.items()}
    found = settled(
        NOON, now=NOON + now * MINUTE, begun=begun, clusters=["eu", "us"], patience=20 * MINUTE
    )
    assert found is expected


@given(
    steps=st.lists(st.tuples(st.floats(0.01, 5), st.floats(-0.05, 0.05)), min_size=1, max_size=50),
    jump=st.floats(15, 1e6),
    back=st.booleans(),
)
def test_a_clock_that_jumps_is_seen_once(
    steps: list[tuple[float, float]], jump: float, *, back: bool
) -> None:
    """Small corrections are no jump; suspend, resume and a set clock are one, in either direction."""
    drift, wall, steady = Drift(), NOON, 0.0
    assert not drift.jumped(wall, steady)
    for seconds, corrected in steps:
        steady += seconds
        wall += timedelta(seconds=seconds + corrected)
        assert not drift.jumped(wall, steady)
    wall += timedelta(seconds=-jump if back else jump)
    found = drift.jumped(wall, steady)
    assert abs(found.total_seconds() - (-jump if back else jump)) < 0.01
    assert not drift.jumped(wall, steady)
