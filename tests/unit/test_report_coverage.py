"""The coverage of a window in one line."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from etl.reports.coverage import ClusterCoverage, Span, coverage, line, unproven, worst
from tests.lib.reports import lake, window

DAY = window("2026-11-22 00:00", "2026-11-23 00:00")
HEAD = "cluster | started_at | ended_at | covered | cause\n"
NAMED = "cluster | started_at | ended_at | covered | cause | namespaces\n"
UTC = ZoneInfo("UTC")


def _clusters(rows: str) -> tuple[ClusterCoverage, ...]:
    session = lake("cluster | last_seen", HEAD + rows)
    return coverage(session, window=DAY, timezone=UTC)


COMPLETE = "a | 2026-11-20 00:00 | 2026-11-25 00:00 | T | -\n"
TAIL = "b | 2026-11-20 00:00 | 2026-11-22 23:30 | T | -\n"
GAP = (
    "c | 2026-11-20 00:00 | 2026-11-22 06:00 | T | -\n"
    "c | 2026-11-22 06:00 | 2026-11-22 09:00 | F | no run\n"
    "c | 2026-11-22 09:00 | 2026-11-25 00:00 | T | -\n"
)
LATE = "d | 2026-11-22 12:00 | 2026-11-25 00:00 | T | -\n"
LONG_AGO = "e | 2026-11-20 00:00 | 2026-11-21 00:00 | T | -\n"


@pytest.mark.parametrize(
    ("rows", "level", "text"),
    [
        (COMPLETE, "complete", "Coverage: all of the window proven by snapshots"),
        (
            TAIL,
            "partial",
            (
                "Coverage: 97.9% of the window proven by snapshots,"
                " nothing is known yet after 2026-11-22 23:30, 30m"
            ),
        ),
        (
            GAP,
            "gap",
            (
                "Coverage: 87.5% of the window proven by snapshots,"
                " a gap of 3h: 2026-11-22 06:00 – 2026-11-22 09:00 (no run)"
            ),
        ),
        (
            LATE,
            "partial",
            (
                "Coverage: 50.0% of the window proven by snapshots,"
                " nothing is known before 2026-11-22 12:00, 12h"
            ),
        ),
        (
            LONG_AGO,
            "unknown",
            (
                "Coverage: no snapshot reaches into this window,"
                " so nothing proves that all events are here"
            ),
        ),
        (
            "",
            "unknown",
            (
                "Coverage: no snapshot reaches into this window,"
                " so nothing proves that all events are here"
            ),
        ),
    ],
)
def test_one_cluster(rows: str, level: str, text: str) -> None:
    """Complete is said in few words; everything else with its numbers, times and cause."""
    clusters = _clusters(rows)
    assert worst(clusters) == level
    assert line(clusters, timezone=UTC, language="en") == text


def test_several_clusters_are_named_where_they_are_not_complete() -> None:
    """The least covered comes first; those that are complete are counted."""
    text = line(_clusters(COMPLETE + GAP + LATE), timezone=UTC, language="en")
    assert text.startswith("Coverage: d: 50.0% of the window")
    assert "; c: 87.5% of the window" in text
    assert text.endswith("; complete in the other 1")


def test_many_clusters_and_gaps_are_counted() -> None:
    """A line names three and counts the rest."""
    rows = "".join(TAIL.replace("b |", f"{name} |") for name in "pqrst")
    assert line(_clusters(rows), timezone=UTC, language="en").endswith("; and 2 more")
    spans = "".join(
        f"g | 2026-11-22 {hour:02}:00 | 2026-11-22 {hour:02}:30 | T | -\n"
        f"g | 2026-11-22 {hour:02}:30 | 2026-11-22 {hour + 1:02}:00 | F | failed run\n"
        for hour in range(23)
    )
    text = line(_clusters(spans), timezone=UTC, language="en")
    assert "23 gaps, 11h30m in all: 2026-11-22 00:30 – 2026-11-22 01:00 (failed run), " in text
    assert ", and 20 more" in text


def test_times_are_the_readers_and_the_line_speaks_chinese() -> None:
    """The same line in Shanghai's time and in Chinese."""
    text = line(_clusters(GAP), timezone=ZoneInfo("Asia/Shanghai"), language="zh")
    assert text == (
        "覆盖情况：87.5% 的时间由快照证明没有遗漏，"
        "1 处缺口，3h：2026-11-22 14:00 – 2026-11-22 17:00 (没有运行)"
    )


def test_near_gaps_are_drawn_as_one_and_none_is_hidden() -> None:
    """Gaps nearer than one sees become one that reaches over both; others stay apart."""

    def span(start: str, end: str, state: str = "gap", cause: str = "no run") -> Span:
        part = window(f"2026-11-22 {start}", f"2026-11-22 {end}")
        return Span(part.start, part.end, state, cause)  # type: ignore[arg-type] # a drawn state

    drawn = unproven(
        [
            span("08:03", "09:00", cause="failed run"),
            span("08:00", "08:01"),
            span("08:01", "08:03", state="covered"),
            span("10:00", "11:00"),
            span("08:00", "08:02", state="unknown"),
        ],
        DAY,
    )
    assert drawn == [
        span("08:00", "09:00", cause="no run, failed run"),
        span("10:00", "11:00"),
        span("08:00", "08:02", state="unknown"),
    ]


def test_a_proof_of_some_namespaces_names_them() -> None:
    """Complete for what was listed is not complete for all; a whole list in the window makes it that."""
    rows = "a | 2026-11-20 00:00 | 2026-11-22 12:00 | T | - | pay,shop\n"
    shop = rows + "a | 2026-11-22 12:00 | 2026-11-25 00:00 | T | - | shop\n"
    text = line(_named(shop), timezone=UTC, language="en")
    assert text == (
        "Coverage: all of the window proven by snapshots, for the namespaces pay, shop only"
    )
    whole = rows + "a | 2026-11-22 12:00 | 2026-11-25 00:00 | T | - | -\n"
    (cluster,) = _named(whole)
    assert cluster.namespaces == ()
    assert [span.start for span in cluster.spans] == sorted(span.start for span in cluster.spans)


def _named(rows: str) -> tuple[ClusterCoverage, ...]:
    session = lake("cluster | last_seen", NAMED + rows)
    return coverage(session, window=DAY, timezone=UTC)
