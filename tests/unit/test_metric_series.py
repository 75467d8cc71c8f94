"""Series of occurrences: never more than were allowed, and nothing that occurred is left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from etl.metrics.series import OTHER, Key, Series, grown

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
DAY = timedelta(days=1)
NAMES = st.sampled_from(["shop", "pay", "", OTHER, "a\nb", "x" * 300])
KEYS = st.tuples(
    NAMES,
    st.one_of(NAMES, st.integers(0, 300).map(str)),
    NAMES,
    st.sampled_from(["Normal", "Warning", "Odd", ""]),
)
ADDED = st.dictionaries(KEYS, st.integers(1, 1000), max_size=60)


def told(series: list[Series]) -> dict[Key, int]:
    """Return the counts by labels."""
    return {one.labels: one.count for one in series}


@given(st.lists(ADDED, max_size=4), st.integers(10, 40))
def test_series_are_bounded_and_lose_nothing(runs: list[dict[Key, int]], most: int) -> None:
    """Whatever is written, there are at most three more than allowed, the sum is right, and no series falls."""
    series: list[Series] = []
    total = 0
    for added in runs:
        before = told(series)
        series = grown(series, added, most=most, now=NOW)
        total += sum(added.values())
        now = told(series)
        assert sum(now.values()) == total
        assert len(now) <= most + 3
        assert all(now[labels] >= count for labels, count in before.items())
        assert all("\n" not in label and len(label) <= 128 for key in now for label in key)
        assert grown(series, {}, most=most, now=NOW) == series


def test_one_tenant_takes_no_series_from_the_others() -> None:
    """A namespace that writes a thousand reasons gets its tenth, and a later one its own series."""
    flood = {("evil", f"R{number}", "Pod", "Warning"): 1 for number in range(1000)}
    series = grown([], flood, most=100, now=NOW)
    found = told(series)
    assert len(found) == 11
    assert found[("evil", OTHER, OTHER, "Warning")] == 990
    series = grown(series, {("shop", "OOMKilled", "Pod", "Warning"): 2}, most=100, now=NOW)
    assert told(series)[("shop", "OOMKilled", "Pod", "Warning")] == 2


def test_the_greatest_get_a_place_first_and_the_last_place_is_for_all() -> None:
    """Of more namespaces than series the ones with most occurrences are named."""
    many = {(f"n{number:03}", "R", "Pod", "Normal"): number + 1 for number in range(100)}
    found = told(grown([], many, most=10, now=NOW))
    assert found.pop((OTHER, OTHER, OTHER, "Normal")) == sum(range(1, 91))
    assert sorted(found) == [(f"n{number:03}", "R", "Pod", "Normal") for number in range(90, 100)]


def test_a_series_that_did_not_grow_for_a_week_leaves_its_place() -> None:
    """It begins anew when it comes back; what stands for others stays."""
    shop, other = ("shop", "R", "Pod", "Normal"), ("shop", OTHER, OTHER, "Normal")
    known = [Series(shop, 5, NOW), Series(other, 7, NOW)]
    assert told(grown(known, {}, most=100, now=NOW + 6 * DAY)) == {shop: 5, other: 7}
    assert told(grown(known, {}, most=100, now=NOW + 7 * DAY)) == {other: 7}
    assert told(grown(known, {shop: 1}, most=100, now=NOW + 7 * DAY)) == {shop: 1, other: 7}
