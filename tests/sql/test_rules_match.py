"""Declarative rules: ``sql/rules/match`` over drawn events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from etl.alerts import matchers
from etl.alerts.baseline import Baseline
from etl.alerts.learned import BY_TIME
from etl.alerts.model import Finding
from etl.config.alerting import Match
from etl.statements import statement
from tests.lib import tables
from tests.lib.asking import (
    WINDOW,
    asked,
    compiled,
    daily_snapshots,
    session_over,
    short,
)

EVENTS = """
    namespace | reason    | type    | object_kind | object_name | host | component | occurrences | last_seen        | message
    shop      | BackOff   | Warning | Pod         | web-1       | n1   | kubelet   | 3           | 2026-11-22 10:00 | Back-off restarting failed container
    shop      | BackOff   | Normal  | Pod         | web-2       | n2   | kubelet   | 4           | 2026-11-22 11:00 | Back-off pulling image
    shop-eu   | Unhealthy | Warning | Pod         | api-1       | n1   | kubelet   | 10          | 2026-11-22 12:00 | Readiness probe failed
    default   | NodeReady | Normal  | Node        | n2          | -    | -         | 1           | 2026-11-22 13:00 | -
    default   | Rebooted  | Warning | Node        | n2          | n2   | kubelet   | 1           | 2026-11-22 14:00 | -
"""


def counted(
    match: dict[str, object], by: list[str], events: str = EVENTS
) -> list[tuple[object, ...]]:
    """Return the rows of a rule that finds everything it matches."""
    rules = compiled({"match": match, "by": by, "threshold": "> 0"})
    return short(asked(rules, session_over(tables.events(events))).findings)


def one(match: dict[str, object], events: str, snapshots: str = "cluster | snapshot_id") -> Finding:
    """Return the one finding of a rule with a single sum."""
    rules = compiled({"match": match})
    session = session_over(tables.events(events), tables.snapshots(snapshots))
    (finding,) = asked(rules, session).findings
    return finding


@pytest.mark.parametrize(
    ("match", "total"),
    [
        ({}, 19),
        ({"reason": "BackOff"}, 7),
        ({"reason": ["BackOff", "Unhealthy"]}, 17),
        ({"reason": "!BackOff"}, 12),
        ({"reason": ["!BackOff", "!Unhealthy"]}, 2),
        ({"reason": ["BackOff", "Unhealthy", "!Unhealthy"]}, 7),
        ({"reason": "=~Back.*"}, 7),
        ({"reason": "=~Back"}, None),
        ({"reason": "!~.*e.*"}, 7),
        ({"reason": ["=~Un.*", "NodeReady"]}, 11),
        ({"reason": "BackOff", "type": "Normal"}, 4),
        ({"namespace": "=~shop(-.*)?"}, 17),
        ({"kind": "Node"}, 2),
        ({"name": ["web-1", "api-1"]}, 13),
        ({"component": "!kubelet"}, 1),
        ({"message": "=~(?i).*BACK-OFF.*"}, 7),
        ({"message": ""}, 2),
        ({"message": "!"}, 17),
        ({"component": ["", "kubelet"]}, 19),
    ],
)
def test_conditions(match: dict[str, object], total: int | None) -> None:
    """Equality, lists, negation and whole-match expressions choose the events that they say."""
    assert counted(match, []) == ([(total,)] if total else [])


def test_null_is_an_empty_text() -> None:
    """An expression that matches nothing at all matches a column without a value."""
    assert counted({"message": "=~"}, []) == [(2,)]
    assert counted({"message": "!~"}, []) == [(17,)]


def test_dot_matches_line_breaks() -> None:
    """A message of several lines is matched as one text."""
    rules = compiled({"match": {"message": "=~first.*last"}})
    events = tables.events("reason | last_seen | message\nX | 2026-11-22 10:00 | m")
    text = events.schema.get_field_index("message")
    events = events.set_column(text, events.field(text), [["first\nlast"]])
    assert short(asked(rules, session_over(events)).findings) == [(1,)]


def test_regex_with_quotes_and_other_scripts() -> None:
    """Texts are bound as values: quotes, semicolons and Chinese in a pattern are only text."""
    events = 'message | last_seen\nit\'s; 镜像 "x" | 2026-11-22 10:00'
    assert counted({"message": 'it\'s; 镜像 "x"'}, [], events) == [(1,)]
    assert counted({"message": ["=~nothing", 'it\'s; 镜像 "x"']}, [], events) == [(1,)]


def test_node_is_the_object_or_the_reporters_host() -> None:
    """An event about a Node names it as the object; of a pod's event the reporter's host is the node."""
    assert counted({}, ["node"]) == [("n1", 13), ("n2", 6)]
    assert counted({"node": "n2"}, []) == [(6,)]


def test_by_fills_only_the_wanted_labels() -> None:
    """Findings are per combination of the columns of ``by``, the greatest first."""
    assert counted({"reason": "BackOff"}, ["namespace", "type"]) == [
        ("shop", "Normal", 4),
        ("shop", "Warning", 3),
    ]
    assert counted({"kind": "Node"}, ["kind", "name", "component"]) == [
        ("Node", "n2", "", 1),
        ("Node", "n2", "kubelet", 1),
    ]


def test_window_is_half_open() -> None:
    """The start belongs to the window and the end does not."""
    finding = one(
        {},
        """
        occurrences | last_seen
        1           | 2026-11-22 08:59:59
        10          | 2026-11-22 09:00
        100         | 2026-11-23 08:59:59
        1000        | 2026-11-23 09:00
        """,
    )
    assert finding.value == 110
    assert finding.last_seen == datetime(2026, 11, 23, 8, 59, 59, tzinfo=UTC)


def test_example_is_the_newest_text_of_the_window() -> None:
    """The text comes from the window's newest event, cut to a line that fits a digest."""
    rules = compiled({"match": {}, "annotations": {"summary": "{{ columns.message }}"}})
    events = tables.events(
        f"""
        last_seen        | message
        2026-11-20 10:00 | older
        2026-11-22 10:00 | old
        2026-11-22 11:00 | {"new " * 100}
        """
    )
    (finding,) = asked(rules, session_over(events)).findings
    assert finding.summary.startswith("new new")
    assert len(finding.summary) == 200


def test_baseline_is_scaled_to_known_days() -> None:
    """Days on which the cluster was read count, quiet ones as zero; others do not count at all."""
    events = """
        occurrences | last_seen
        5           | 2026-11-22 10:00
        30          | 2026-11-20 10:00
        12          | 2026-11-16 10:00
    """
    assert one({}, events, daily_snapshots(7)).baseline == 6
    assert one({}, events, daily_snapshots(3)).baseline == 14
    assert one({}, events, daily_snapshots(2)).baseline is None


def test_baseline_is_for_a_span_as_long_as_the_window() -> None:
    """A window of three days is compared with three days."""
    rules = compiled({"match": {}})
    window = type(WINDOW)(datetime(2026, 11, 20, 9, tzinfo=UTC), WINDOW.end)
    events = tables.events("occurrences | last_seen\n7 | 2026-11-18 10:00\n1 | 2026-11-22 10:00")
    ledger = tables.snapshots(daily_snapshots(7, before=window.start))
    (finding,) = asked(rules, session_over(events, ledger), window=window).findings
    assert finding.baseline == 3


def test_baseline_goes_by_the_cluster_of_the_finding() -> None:
    """A cluster that is new in the lake has no baseline, also where another one has."""
    rules = compiled({"match": {}, "by": ["cluster"]})
    events = tables.events(
        """
        cluster | occurrences | last_seen
        old     | 1           | 2026-11-22 10:00
        old     | 14          | 2026-11-20 10:00
        new     | 2           | 2026-11-22 10:00
        """
    )
    session = session_over(events, tables.snapshots(daily_snapshots(7, cluster="old")))
    baselines = {f.labels["cluster"]: f.baseline for f in asked(rules, session).findings}
    assert baselines == {"old": 2, "new": None}


@pytest.mark.parametrize(
    ("threshold", "names"),
    [
        ("> 3", ["api-1", "web-2"]),
        (">= 3", ["api-1", "web-2", "web-1"]),
        ("< 4", ["web-1", "n2"]),
        ("<= 4", ["web-2", "web-1", "n2"]),
        ("== 10", ["api-1"]),
        ("!= 10", ["web-2", "web-1", "n2"]),
        ("> 9.5", ["api-1"]),
        ("> -1", ["api-1", "web-2", "web-1", "n2"]),
    ],
)
def test_thresholds(threshold: str, names: list[str]) -> None:
    """Each operator compares the value as it says."""
    rules = compiled({"match": {}, "by": ["name"], "threshold": threshold})
    found = asked(rules, session_over(tables.events(EVENTS))).findings
    assert [finding.labels["name"] for finding in found] == names


def test_what_fell_silent_is_seen_by_its_baseline() -> None:
    """A group that occurred before the window and not in it has the value zero."""
    rules = compiled({"match": {}, "by": ["name"], "threshold": "== 0"})
    events = tables.events("object_name | last_seen\nback | 2026-11-20 10:00")
    assert short(asked(rules, session_over(events)).findings) == [("back", 0)]


def test_sum_of_nothing_is_zero() -> None:
    """A rule without ``by`` can ask for what must happen."""
    rules = compiled({"match": {"reason": "SuccessfulCreate"}, "threshold": "== 0"})
    assert short(asked(rules, session_over()).findings) == [(0,)]


def test_limit_keeps_the_greatest_and_counts_the_rest() -> None:
    """What is beyond the limit is cut and counted."""
    rules = compiled({"match": {}, "by": ["name"], "limit": 2})
    found = asked(rules, session_over(tables.events(EVENTS)))
    assert short(found.findings) == [("api-1", 10), ("web-2", 4)]
    assert found.cut == {"R": 2}


def plan_of(name: str, folder: Path, **parameters: object) -> str:
    """Return DuckDB's plan of a shipped statement over a Parquet file, on one line."""
    # An event out of reach, or statistics alone would do away with the filters on time.
    older = "    shop | BackOff | Warning | Pod | web-0 | n1 | kubelet | 1 | 2026-10-01 10:00 | -\n"
    table = tables.events(EVENTS.rstrip() + "\n" + older)
    table = table.append_column("happened_at", table["last_seen"])
    pq.write_table(table, folder / "events.parquet")
    bounds: dict[str, object] = {"base": WINDOW.start, "start": WINDOW.start, "end": WINDOW.end}
    bounds |= {"reach": None, "daily": False, **BY_TIME.bound(WINDOW)}
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.read_parquet(str(folder / "events.parquet")).create_view("events")
        text = "explain " + statement(name).text
        (explained,) = connection.extract_statements(text)
        bound = {**bounds, **parameters}
        named = {key: bound[key] for key in explained.named_parameters}
        rows = connection.sql(text, params=named).fetchall()
    return " ".join(rows[0][1].replace("│", " ").split())


def test_equality_reaches_the_parquet_scan(tmp_path: Path) -> None:
    """Parameters are folded, so a list of reasons becomes a filter of the scan and pruning works.

    Conditions that a rule does not set leave nothing behind in the plan.
    """
    match = Match(reason=["BackOff", "Unhealthy"], kind="Pod", message="=~.*probe.*")
    usual = Baseline(WINDOW.start - timedelta(days=7), WINDOW, {"prod": 7}, 7, 3).bound()
    bound = {**matchers.parameters(match), **usual, "by": ["name"], "method": "mean"}
    plan = plan_of("rules/match", tmp_path, **bound)
    scan = plan[plan.index("Parquet Scan") :]
    assert "reason IN ('BackOff', 'Unhealthy')" in scan
    assert "object_kind IN ('Pod')" in scan
    assert "date >=" in scan
    assert "last_seen >=" in scan
    assert "regexp_full_match" in plan
    assert "list_contains" not in plan


def test_reasons_of_all_rules_reach_the_parquet_scan(tmp_path: Path) -> None:
    """The one pass for all rules that name their reasons reads those reasons only."""
    plan = plan_of("rules/candidates", tmp_path, reasons=["BackOff", "Unhealthy"])
    scan = plan[plan.index("Parquet Scan") :]
    assert "reason IN ('BackOff', 'Unhealthy')" in scan
    assert "date >=" in scan
    assert "last_seen >=" in scan
