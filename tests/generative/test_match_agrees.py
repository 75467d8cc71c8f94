"""Two independent matchers agree: ``sql/rules/match`` and a few lines of plain Python."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lib import tables
from tests.lib.asking import WINDOW, asked, compiled, daily_snapshots, session_over
from tests.lib.tables import EVENTS_SCHEMA

COLUMNS = {
    "type": "type",
    "reason": "reason",
    "namespace": "namespace",
    "kind": "object_kind",
    "name": "object_name",
    "component": "component",
    "message": "message",
}
# Few words, so that conditions and events meet; among them what SQL and RE2 could trip over.
WORDS = st.sampled_from(["", "a", "b", "ab", "A", "Node", "a.b", "a'b", "重启", "a\nb", "%", "("])
PATTERNS = st.sampled_from(
    ["", "a", "a.*", ".*b", "(?i)a", "a|b", "[ab]+", "a.b", "重.", r"a\.b", ".+", "(a)(b)?", r"\("]
)
VALUES = st.one_of(
    WORDS.filter(lambda word: not word.startswith(("!", "="))),
    WORDS.map(lambda word: f"!{word}"),
    PATTERNS.map(lambda pattern: f"=~{pattern}"),
    PATTERNS.map(lambda pattern: f"!~{pattern}"),
)
MATCHES = st.dictionaries(
    st.sampled_from([*COLUMNS, "node"]),
    st.one_of(VALUES, st.lists(VALUES, min_size=1, max_size=4)),
    max_size=3,
)
BY = st.lists(
    st.sampled_from(
        ["cluster", "namespace", "reason", "type", "kind", "name", "node", "component"]
    ),
    unique=True,
    max_size=3,
)
CELLS = st.one_of(st.none(), WORDS)
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            **dict.fromkeys([*COLUMNS.values(), "host"], CELLS),
            "cluster": st.sampled_from(["p", "q"]),
            "occurrences": st.integers(0, 5),
            "hours": st.integers(-30, 30),
        }
    ),
    max_size=12,
)


def holds(value: str, text: str) -> bool:
    """Say whether one positive or negated value holds for a text."""
    if value.startswith("=~"):
        return re.fullmatch(value[2:], text, re.DOTALL) is not None
    if value.startswith("!~"):
        return re.fullmatch(value[2:], text, re.DOTALL) is None
    return text != value[1:] if value.startswith("!") else text == value


def matches(match: dict[str, Any], event: dict[str, Any]) -> bool:
    """Say whether an event matches, by the words of docs/rules.md."""
    for column, given_ in match.items():
        values = [given_] if isinstance(given_, str) else given_
        text = cell(event, column)
        positive = [value for value in values if not value.startswith("!")]
        negated = [value for value in values if value.startswith("!")]
        if positive and not any(holds(value, text) for value in positive):
            return False
        if not all(holds(value, text) for value in negated):
            return False
    return True


def cell(event: dict[str, Any], column: str) -> str:
    """Return what a rule sees in a column; a missing text is empty."""
    if column == "node":
        of_node = event["object_name"] if event["object_kind"] == "Node" else None
        return (of_node if of_node is not None else event["host"]) or ""
    return event[COLUMNS.get(column, column)] or ""


def table(events: list[dict[str, Any]]) -> pa.Table:
    """Return events as rows of the view, ``hours`` after the window's start."""
    rows = []
    for number, event in enumerate(events):
        moment = WINDOW.start + timedelta(hours=event["hours"])
        rows.append(
            {
                **dict.fromkeys(EVENTS_SCHEMA.names),
                **{name: value for name, value in event.items() if name != "hours"},
                "uid": str(number),
                "n": 1,
                "date": moment.date(),
                "last_seen": moment,
                "observed_at": datetime(2026, 1, 1, tzinfo=UTC),
                "snapshot_id": "s",
            }
        )
    return pa.Table.from_pylist(rows, schema=EVENTS_SCHEMA)


@settings(max_examples=60, deadline=None)
@given(match=MATCHES, by=BY, events=EVENTS)
def test_sql_and_python_agree(
    match: dict[str, Any], by: list[str], events: list[dict[str, Any]]
) -> None:
    """Whatever is matched and however it is grouped, both count the same occurrences."""
    expected: Counter[tuple[str, ...]] = Counter()
    for event in events:
        if 0 <= event["hours"] < 24 and matches(match, event):
            expected[tuple(cell(event, label) for label in by)] += event["occurrences"]
    rules = compiled({"match": match, "by": by, "threshold": "> 0", "limit": 1000})
    found = asked(rules, session_over(table(events))).findings
    counted = {tuple(f.labels[label] for label in by): int(f.value) for f in found}
    assert len(counted) == len(found)
    assert counted == {key: value for key, value in expected.items() if value}


@settings(max_examples=30, deadline=None)
@given(match=MATCHES, by=BY, events=EVENTS, reasons=st.lists(WORDS, min_size=1, max_size=3))
def test_condensed_events_answer_alike(
    match: dict[str, Any], by: list[str], events: list[dict[str, Any]], reasons: list[str]
) -> None:
    """A rule that is asked together with others finds what it finds when it is asked alone."""
    named = [reason for reason in reasons if not reason.startswith(("!", "="))]
    (rule,) = compiled({"match": {**match, "reason": named}, "by": by, "threshold": "> 0"})
    (other,) = compiled({"match": {"reason": ["a", "Node"]}})
    ledger = tables.snapshots(daily_snapshots(7))
    alone = asked([rule], session_over(table(events), ledger))
    together = asked([rule, other], session_over(table(events), ledger))
    assert alone.findings == together.findings[: len(alone.findings)]
