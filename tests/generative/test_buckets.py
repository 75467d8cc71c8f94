"""Buckets of any window, width and timezone, held against Python's own calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from etl.lake.query import Session
from etl.timespan import day_window
from tests.lib.reports import lake

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# Half and quarter hours, changes of an hour and of half of one, changes at midnight.
ZONES = (
    "UTC",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "America/Havana",
    "Africa/Cairo",
    "America/St_Johns",
)
WIDTHS = tuple(timedelta(minutes=m) for m in (7, 10, 15, 30, 60, 120, 360, 720, 1440, 2880))
MOMENTS = st.integers(0, 350 * 86_400_000).map(
    lambda ms: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
QUESTION = "select bucket, ended_at from buckets($start, $end, $timezone, $bucket) order by bucket"
SLOT = "select slot_of($moment, $width) as slot"


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """One session for all examples: opening one takes longer than asking it."""
    with lake("cluster") as opened:
        yield opened


def _cut(
    session: Session, start: datetime, end: datetime, zone: str, width: timedelta
) -> list[tuple[datetime, ...]]:
    parameters = {"start": start, "end": end, "timezone": zone, "bucket": width}
    rows = session.run(QUESTION, parameters).to_pylist()
    return [(row["bucket"], row["ended_at"]) for row in rows]


@given(
    start=MOMENTS,
    length=st.timedeltas(timedelta(minutes=1), timedelta(days=9)),
    zone=st.sampled_from(ZONES),
    width=st.sampled_from(WIDTHS),
)
@example(datetime(2026, 10, 24, 12, tzinfo=UTC), 2 * DAY, "Europe/Berlin", 6 * HOUR)
@example(datetime(2026, 10, 24, 12, tzinfo=UTC), 2 * DAY, "Europe/Berlin", HOUR)
@example(datetime(2026, 11, 1, 3, tzinfo=UTC), DAY, "America/Havana", DAY)
@example(datetime(2026, 11, 1, 3, tzinfo=UTC), DAY, "America/Havana", 6 * HOUR)
@example(datetime(2026, 4, 23, 3, tzinfo=UTC), 2 * DAY, "Africa/Cairo", DAY)
@example(datetime(2026, 4, 4, 3, tzinfo=UTC), 2 * DAY, "Australia/Lord_Howe", 2 * HOUR)
@settings(deadline=None, max_examples=60)
def test_buckets_tile_the_window_and_begin_anew_at_midnight(
    session: Session, start: datetime, length: timedelta, zone: str, width: timedelta
) -> None:
    """Without a hole or an overlap, none longer than asked but for a change of clocks, each day from its midnight."""
    end = start + length
    cut = _cut(session, start, end, zone, width)
    assert cut[0][0] <= start < cut[0][1]
    assert cut[-1][1] == end
    assert all(ended == bucket for (_b, ended), (bucket, _e) in pairwise(cut))
    slack = timedelta(0) if width <= HOUR else HOUR
    assert all(ended - bucket <= width + slack for bucket, ended in cut)
    if width > DAY:
        return
    day, midnights = start.astimezone(ZoneInfo(zone)).date(), set()
    while (local := day_window(day, ZoneInfo(zone))).start < end:
        midnights |= {local.start} if local.start >= cut[0][0] else set()
        day += DAY
    assert midnights <= {bucket for bucket, _ended in cut}
    if width == DAY:
        assert midnights == {bucket for bucket, _ended in cut}


@given(
    moment=MOMENTS,
    zone=st.sampled_from(ZONES),
    width=st.sampled_from(WIDTHS),
)
@settings(deadline=None, max_examples=60)
def test_a_slot_lies_in_one_bucket(
    session: Session, moment: datetime, zone: str, width: timedelta
) -> None:
    """A moment and the beginning of its slot are in the same bucket, so that slots can be counted first."""
    slot = session.run(SLOT, {"moment": moment, "width": width})["slot"][0].as_py()
    assert moment - width < slot <= moment
    (bucket, ended), *_rest = _cut(session, moment, moment + timedelta(microseconds=1), zone, width)
    assert bucket <= slot < ended
