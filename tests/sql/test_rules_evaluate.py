"""Evaluation of rules: SQL rules, failures, switches, texts."""

from __future__ import annotations

from datetime import UTC, datetime

from etl.alerts.model import Held
from etl.alerts.rules import compile_rules
from etl.config.alerting import Rule, RuleGroup, RuleOverride
from etl.config.settings import Settings
from tests.lib import tables
from tests.lib.asking import NOW, asked, compiled, session_over, short

EVENTS = """
    cluster | reason  | object_name | occurrences | last_seen        | message
    prod    | BackOff | web-1       | 30          | 2026-11-22 10:00 | x
    prod    | BackOff | web-2       | 7           | 2026-11-22 11:00 | y
    prod    | Pulled  | web-1       | 1           | 2026-11-21 10:00 | z
"""
BY_NAME = """
    select
        object_name as name,
        sum(occurrences) as value,
        2.5 as baseline,
        max(last_seen) as last_seen,
        max(message) as text
    from events
    where
        date >= cast($start as date)
        and last_seen >= $start
        and last_seen < $end
    group by object_name
"""


def test_sql_rule() -> None:
    """Labels, value, baseline, last sight and other columns come from the rows of the SELECT."""
    rules = compiled(
        {
            "expr": BY_NAME,
            "by": ["name"],
            "threshold": ">= 7",
            "labels": {"team": "shop", "severity": "info"},
            "annotations": {
                "summary": "{{ labels.team }} {{ labels.name }} {{ value }}/{{ baseline }} {{ columns.text }}",
                "runbook_url": "https://runbooks.example/{{ labels.name }}",
            },
        }
    )
    first, second = asked(rules, session_over(tables.events(EVENTS))).findings
    assert first.labels == {"team": "shop", "name": "web-1"}
    assert (first.value, first.baseline, first.severity) == (30, 2.5, "info")
    assert first.last_seen == datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert first.summary == "shop web-1 30/2.5 x"
    assert first.runbook_url == "https://runbooks.example/web-1"
    assert second.summary == "shop web-2 7/2.5 y"


def test_sql_rule_reaches_the_baseline() -> None:
    """``$base`` is bound to where the baseline begins."""
    expr = (
        "select count(*) as value, epoch(min($base)) as base from events where last_seen >= $base"
    )
    rules = compiled({"expr": expr, "annotations": {"summary": "{{ columns.base | int }}"}})
    (finding,) = asked(rules, session_over(tables.events(EVENTS))).findings
    assert finding.value == 3
    assert finding.summary == str(int(datetime(2026, 11, 15, 9, tzinfo=UTC).timestamp()))


def test_rows_without_a_number_are_no_findings() -> None:
    """Null and not-a-number are compared with nothing."""
    expr = "select unnest([null, 'nan'::double, 5.0]) as value"
    rules = compiled({"expr": expr, "threshold": "!= 4"})
    assert short(asked(rules, session_over()).findings) == [(5,)]


def test_failing_statement_is_reported_and_stops_no_other() -> None:
    """A rule whose SQL fails on the lake's data is a line of health, in the digest's language."""
    broken = compiled({"expr": "select cast(max(message) as integer) as value from events"})
    working = compiled({"match": {"reason": "BackOff"}})
    events = tables.events(EVENTS)
    evaluation = asked([*broken, *working], session_over(events))
    assert short(evaluation.findings) == [(37,)]
    (line,) = evaluation.health
    assert line.startswith("the rule R could not be evaluated: Conversion Error")
    (line,) = asked(broken, session_over(events), language="zh").health
    assert line.startswith("规则 R 无法求值：")


def test_failing_text_keeps_the_finding() -> None:
    """A text that cannot be written on real values leaves the finding, and is reported once."""
    rules = compiled(
        {
            "match": {},
            "by": ["name"],
            "annotations": {"summary": "{{ value // (value - 30) }}", "description": "kept"},
        }
    )
    evaluation = asked(rules, session_over(tables.events(EVENTS)))
    assert [(f.summary, f.description) for f in evaluation.findings] == [
        ("", "kept"),
        ("-1", "kept"),
    ]
    (line,) = evaluation.health
    assert line.startswith("a text of the rule R could not be written: ")


def test_texts_follow_the_language() -> None:
    """A Chinese digest takes the Chinese text where there is one, else the other."""
    rules = compiled(
        {
            "match": {},
            "annotations": {
                "summary": "{{ value }} events",
                "summary_zh": "{{ value }} 次",
                "description": "d",
            },
        }
    )
    events = tables.events(EVENTS)
    (english,) = asked(rules, session_over(events)).findings
    (chinese,) = asked(rules, session_over(events), language="zh").findings
    assert (english.summary, chinese.summary) == ("37 events", "37 次")
    assert chinese.description == "d"


def test_event_text_is_never_a_template() -> None:
    """Markup of a template in an event's message is text."""
    rules = compiled({"match": {}, "annotations": {"summary": "{{ columns.message }}"}})
    events = tables.events("last_seen | message\n2026-11-22 10:00 | {{ 7 * 7 }} {% for x in y %}")
    (finding,) = asked(rules, session_over(events)).findings
    assert finding.summary == "{{ 7 * 7 }} {% for x in y %}"


def test_switched_off_rules_are_held() -> None:
    """A rule that is switched off is not asked, and is named with comment and end."""
    until = datetime(2026, 12, 1, tzinfo=UTC)
    settings = Settings(
        default_rules=False,
        groups=[
            RuleGroup(
                name="g",
                rules=[
                    Rule(alert="Off", expr="select 1 as value", enabled=False),
                    Rule(alert="Held", expr="select 1 as value"),
                    Rule(alert="On", expr="select 1 as value"),
                ],
            )
        ],
        rule_overrides={"Held": RuleOverride(enabled=False, until=until, comment="work")},
    )
    evaluation = asked(compile_rules(settings, now=NOW), session_over())
    assert [finding.alert for finding in evaluation.findings] == ["On"]
    assert evaluation.held == (Held("Off"), Held("Held", "work", until))


def test_findings_come_by_severity() -> None:
    """Critical findings come first, whatever the order of the rules."""
    rules = [
        *compiled({"alert": "B", "expr": "select 1 as value", "labels": {"severity": "info"}}),
        *compiled({"alert": "A", "expr": "select 1 as value"}),
        *compiled({"alert": "C", "expr": "select 1 as value", "labels": {"severity": "critical"}}),
    ]
    assert [f.alert for f in asked(rules, session_over()).findings] == ["C", "A", "B"]
