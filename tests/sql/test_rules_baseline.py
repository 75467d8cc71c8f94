"""Rules that compare with the days before: what is far from its usual, what fell, what was never there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from etl.alerts.baseline import measured
from etl.alerts.condensed import overview
from etl.alerts.digest import gathered
from etl.alerts.evaluate import evaluate
from etl.alerts.learned import BY_TIME
from etl.alerts.model import Finding
from etl.alerts.rules import Rule
from etl.config import settings as config
from etl.lake.query import Session
from etl.timespan import Duration
from tests.lib import tables
from tests.lib.asking import (
    WINDOW,
    asked,
    compiled,
    daily_snapshots,
    hourly_snapshots,
    session_over,
)

# Usual a day, of seven: steady 10, burst 2 by the mean and 0 by the median, fallen 60, gone 60.
EVENTS = """
    reason | occurrences | last_seen
    steady | 12          | 2026-11-22 10:00
    steady | 10          | 2026-11-16 08:00
    steady | 10          | 2026-11-17 08:00
    steady | 10          | 2026-11-18 08:00
    steady | 10          | 2026-11-19 08:00
    steady | 10          | 2026-11-20 08:00
    steady | 20          | 2026-11-21 08:00
    burst  | 6           | 2026-11-22 10:00
    burst  | 14          | 2026-11-18 08:00
    fallen | 6           | 2026-11-22 10:00
    fallen | 420         | 2026-11-18 08:00
    gone   | 420         | 2026-11-18 08:00
    fresh  | 4           | 2026-11-22 10:00
    old    | 5           | 2026-11-22 10:00
    old    | 1           | 2026-11-01 10:00
"""


def rule(baseline: dict[str, object], threshold: str = "> 0", **more: object) -> tuple[Rule, ...]:
    """Compile a rule that compares all reasons."""
    given = {"match": {}, "by": ["cluster", "reason"], "threshold": threshold}
    return compiled({**given, "baseline": baseline, **more})


def summed(rules: tuple[Rule, ...], session: Session) -> tuple[Finding, ...]:
    """Ask rules as a digest does, which has made an overview already."""
    baseline = measured(session, WINDOW, span=timedelta(days=7), minimum=3)
    bounds: dict[str, Any] = {"base": baseline.start, "window": WINDOW, "learned": BY_TIME}
    with overview(session, rules, **bounds) as few:
        found = evaluate(rules, session, window=WINDOW, baseline=baseline, overview=few)
    session.close()
    return found.findings


def found(baseline: dict[str, object], threshold: str = "> 0", *, days: int = 7) -> list[str]:
    """Return the reasons that are findings."""
    events, ledger = tables.events(EVENTS), tables.snapshots(daily_snapshots(days))
    rules = rule(baseline, threshold)
    findings = asked(rules, session_over(events, ledger)).findings
    # By a pass of their own or by the overview, findings are the same.
    assert summed(rules, session_over(events, ledger)) == findings
    return sorted(finding.labels["reason"] for finding in findings)


@pytest.mark.parametrize(
    ("baseline", "threshold", "reasons"),
    [
        ({"ratio": ">= 3"}, "> 0", ["burst", "fresh", "old"]),
        ({"ratio": ">= 3"}, ">= 5", ["burst", "old"]),
        ({"ratio": ">= 3", "floor": 4.5}, "> 0", []),
        ({"ratio": ">= 3", "floor": 2}, "> 0", ["burst"]),
        (
            {"ratio": "> 1", "method": "median"},
            "> 0",
            ["burst", "fallen", "fresh", "old", "steady"],
        ),
        ({"ratio": "> 5.5", "method": "median"}, "> 0", ["burst", "fallen"]),
        ({"ratio": "<= 0.5", "usual": ">= 50"}, ">= 0", ["fallen", "gone"]),
        ({"usual": ">= 50"}, "== 0", ["gone"]),
        ({"usual": "== 0"}, "> 0", ["fresh", "old"]),
    ],
)
def test_what_is_far_from_its_usual(
    baseline: dict[str, object], threshold: str, reasons: list[str]
) -> None:
    """Threshold, ratio and usual all have to hold; a mean is moved by one day and a median is not."""
    assert found(baseline, threshold) == reasons


def test_first_seen_may_look_further_back() -> None:
    """``span`` is the rule's own: what came three weeks ago is not new, and a baseline of 30 days has it."""
    assert found({"usual": "== 0", "span": Duration(days=30)}) == ["fresh"]


def test_nothing_is_far_from_what_nobody_knows() -> None:
    """With too little history there is no finding; ``min_days`` is the rule's own."""
    assert found({"ratio": ">= 3"}, days=2) == []
    assert found({"ratio": ">= 3", "min_days": 2}, days=2) == ["fresh", "old"]
    assert found({"ratio": ">= 3", "min_days": 7, "span": Duration(days=7)}) == [
        "burst",
        "fresh",
        "old",
    ]
    assert found({"ratio": ">= 3", "min_days": 7, "span": Duration(days=7)}, days=6) == []


def test_the_median_counts_quiet_days() -> None:
    """Of seven known days four are quiet: the median is none, and the finding says so."""
    events = tables.events(
        """
        reason | occurrences | last_seen
        web    | 8           | 2026-11-22 10:00
        web    | 30          | 2026-11-16 08:00
        web    | 40          | 2026-11-17 08:00
        web    | 50          | 2026-11-18 08:00
        """
    )
    median = rule({"ratio": ">= 2", "method": "median"})

    def usual(days: int) -> list[float | None]:
        ledger = tables.snapshots(daily_snapshots(days))
        return [one.baseline for one in asked(median, session_over(events, ledger)).findings]

    assert usual(7) == [0]
    # Of five known days two are quiet: the median is 30, and 8 is not far.
    assert usual(5) == []


def test_a_total_of_nothing_is_compared_too() -> None:
    """Without ``by`` nothing at all is zero beside what is usual."""
    (silent,) = compiled(
        {"match": {"reason": "Gone"}, "threshold": "== 0", "baseline": {"usual": "> 0"}}
    )
    events = "reason | occurrences | last_seen\nGone | 70 | 2026-11-20 10:00"
    ledger = daily_snapshots(7)
    (finding,) = asked(
        [silent], session_over(tables.events(events), tables.snapshots(ledger))
    ).findings
    assert (finding.value, finding.baseline) == (0, 10)
    assert asked([silent], session_over(None, tables.snapshots(ledger))).findings == ()


def test_a_rules_own_window_is_compared_with_one_as_long() -> None:
    """Of an hour a twenty-fourth of a day is usual."""
    hour = rule({"ratio": ">= 3"}, window=Duration(hours=1))
    events = """
        reason | occurrences | last_seen
        web    | 6           | 2026-11-23 08:30
        web    | 48          | 2026-11-16 12:00
        web    | 288         | 2026-11-18 12:00
    """
    session = session_over(tables.events(events), tables.snapshots(daily_snapshots(7)))
    (finding,) = asked(hour, session).findings
    assert finding.value == 6
    assert finding.baseline == pytest.approx(2, abs=0.1)


def test_a_gap_is_no_fall() -> None:
    """What asks for few or none is found only where all was seen; what asks for many also in a gap."""
    flat = rule({"usual": ">= 50"}, "== 0")
    many = compiled({"alert": "Many", "match": {"reason": "steady"}, "by": ["cluster"]})
    seen = tables.snapshots(daily_snapshots(7) + "\n" + hourly_snapshots().partition("\n")[2])
    blind = tables.snapshots(
        daily_snapshots(7)
        + "\nprod | g | complete | 2026-11-22 12:00 | 2026-11-22 12:00 | 2026-11-22 12:00 | 3600"
    )
    names = []
    for ledger in (seen, blind):
        with session_over(tables.events(EVENTS), ledger) as session:
            facts = gathered(session, config.Settings(), [*flat, *many], window=WINDOW)
        names.append([finding.alert for finding in facts.evaluation.findings])
    assert names == [["R", "Many"], ["Many"]]
