"""Settings to rules: what is compiled, what is refused, and how every mistake is named."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from etl.alerts import rules, trial
from etl.alerts.threshold import Threshold
from etl.config.alerting import Rule, RuleGroup, RuleOverride
from etl.config.settings import Settings
from etl.errors import ConfigError
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.query import session
from etl.timespan import Duration

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


def mistakes(rule: dict[str, object], group: dict[str, object] | None = None) -> list[str]:
    """Return the mistakes of one rule, without the place of the rule."""
    written = {"name": "g", "rules": [{"alert": "R", **rule}], **(group or {})}
    settings = Settings(groups=[msgspec.convert(written, RuleGroup)], default_rules=False)
    found = rules.check(settings, now=NOW)
    return [line.removeprefix("(defaults): groups[0].").removeprefix("rules[0].") for line in found]


GOOD = {"match": {"reason": "BackOff"}}
MISTAKES: dict[str, tuple[dict[str, object], list[str]]] = {
    "neither": ({}, ["rules[0]: has neither match nor expr; give one of them"]),
    "files": (
        {"expr": "select count(*) as value from read_text('/etc/passwd')"},
        [
            "expr: read_text() is out of reach: in FROM there are views and buckets, from_local, generate_series, range, slot_of, unnest"
        ],
    ),
    "environment": (
        {"expr": "select 1 as value where getenv('HOME') = ''"},
        ["expr: getenv() is out of reach: it is not about the lake"],
    ),
    "both": (
        {**GOOD, "expr": "select 1 as value"},
        ["rules[0]: has match and expr; give one of them"],
    ),
    "name": (
        {**GOOD, "alert": "crash loop"},
        ["alert: 'crash loop' is not a name; use letters, digits and _, such as PodsPending"],
    ),
    "threshold": (
        {**GOOD, "threshold": "20"},
        ["threshold: '20' is not a threshold; write it like '>= 20', with one of > >= < <= == !="],
    ),
    "limit": ({**GOOD, "limit": 0}, ["limit: 0 is too small; give at least 1"]),
    "by": (
        {**GOOD, "by": ["cluster", "namepsace", "cluster"]},
        ["by[1]: 'namepsace' is not a label; did you mean namespace?", "by: names a column twice"],
    ),
    "baseline": (
        {**GOOD, "baseline": {}},
        ["baseline: compares nothing; give ratio, such as '>= 3', or usual, such as '== 0'"],
    ),
    "what is compared": (
        {**GOOD, "baseline": {"ratio": "3", "usual": "0", "floor": 0, "min_days": 0}},
        [
            "baseline.ratio: '3' is not a threshold; write it like '>= 20', with one of > >= < <= == !=",
            "baseline.usual: '0' is not a threshold; write it like '>= 20', with one of > >= < <= == !=",
            "baseline.floor: 0 is nothing to divide by; give more than 0",
            "baseline.min_days: 0 is too small; give at least 1",
        ],
    ),
    "span of the baseline": (
        {**GOOD, "baseline": {"usual": "== 0", "span": Duration(hours=12)}},
        ["baseline.span: 12h is no day; give 1d or more"],
    ),
    "days of the baseline": (
        {**GOOD, "baseline": {"usual": "== 0", "span": Duration(days=2), "min_days": 3}},
        ["baseline.min_days: 3 days are more than the span of 2d has"],
    ),
    "baseline of SQL, at once": (
        {"expr": "select 1 as value", "urgent": True, "baseline": {"usual": "== 0"}},
        [
            "baseline: is for match; a SELECT compares by itself, from $base on",
            "baseline: cannot be urgent: after a snapshot nothing is compared with the days before",
        ],
    ),
    "severity": (
        {**GOOD, "labels": {"severity": "critcal"}},
        ["labels.severity: 'critcal' is not a severity; did you mean critical?"],
    ),
    "labels": (
        {**GOOD, "by": ["node"], "labels": {"node": "x", "my-team": "x"}},
        [
            "labels.node: is a column of by already",
            "labels.my-team: is not a label's name; use letters, digits and _",
        ],
    ),
    "matcher": (
        {"match": {"reason": "!=BackOff", "type": []}},
        [
            "match.type: is an empty list, which nothing matches; leave the key out to match everything",
            """match.reason: '!=BackOff' is not a matcher; write "text", "!text", "=~regex" or "!~regex\"""",
        ],
    ),
    "annotation": (
        {**GOOD, "annotations": {"sumary": "x", "dashboard": "y"}},
        [
            "annotations.sumary: is not shown anywhere; did you mean summary?",
            (
                "annotations.dashboard: is not shown anywhere; accepted are description, description_zh,"
                " runbook_url, summary, summary_zh"
            ),
        ],
    ),
    "two statements": (
        {"expr": "select 1 as value; select 2 as value"},
        ["expr: exactly one SELECT is wanted: the lake is read-only and statements run one by one"],
    ),
    "no select": (
        {"expr": "copy (select 1) to 'x.csv'"},
        ["expr: exactly one SELECT is wanted: the lake is read-only and statements run one by one"],
    ),
    "parameter": (
        {"expr": "select 1 as value where $begin < $end"},
        ["expr: $begin is not a parameter; there are $base, $start, $end"],
    ),
    "no value": (
        {"expr": "select 1 as number, 2 as b"},
        [
            "expr: the SELECT has no column value, which the threshold is compared with; it has number, b"
        ],
    ),
    "value is a text": (
        {"expr": "select reason as value, 'x' as baseline from events"},
        [
            "expr: the column value is no number but string; cast it",
            "expr: the column baseline is no number but string; cast it",
        ],
    ),
    "by of SQL": (
        {"expr": "select 1 as value, 2 as cluster", "by": ["cluster", "node"]},
        ["by: the SELECT has no column node; it has value, cluster"],
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name: str) -> None:
    """Each mistake is told with its key and with what is accepted."""
    rule, expected = MISTAKES[name]
    assert mistakes(rule) == expected


@pytest.mark.parametrize(
    ("rule", "start"),
    [
        (
            {"match": {"message": "=~("}},
            "match.message: '(' is not a regular expression of RE2: missing )",
        ),
        (
            {"match": {"reason": ["x", "!~a(?=b)"]}},
            "match.reason[1]: 'a(?=b)' is not a regular expression of RE2: invalid perl operator",
        ),
        ({"expr": "selec 1"}, "expr: Parser Error"),
        (
            {"expr": "select count(*) as value from event"},
            "expr: there is no view event; did you mean events?",
        ),
        ({"expr": "select count(raeson) as value from events"}, "expr: Binder Error"),
        ({**GOOD, "annotations": {"summary": "{{ value"}}, "annotations.summary: "),
        (
            {**GOOD, "annotations": {"summary": "{{ valeu }}"}},
            "annotations.summary: there is no 'valeu'; there are",
        ),
        (
            {**GOOD, "annotations": {"summary": "{{ labels.node }}"}},
            "annotations.summary: the template '{{ labels.node }}' failed",
        ),
        (
            {**GOOD, "annotations": {"summary": "{{ columns.nothing }}"}},
            "annotations.summary: the template",
        ),
        ({**GOOD, "annotations": {"summary": "{{ ''.__class__ }}"}}, "annotations.summary: "),
    ],
)
def test_mistakes_that_others_find(rule: dict[str, object], start: str) -> None:
    """What RE2, DuckDB and Jinja refuse is told in their words, in one mistake."""
    (line,) = mistakes(rule)
    assert line.startswith(start)


def test_text_that_needs_a_baseline_is_refused() -> None:
    """Where there is little history there is no baseline, and a text must be written all the same."""
    text = {"annotations": {"summary": "{{ baseline + 1 }}"}}
    (line,) = mistakes({**GOOD, **text})
    assert line.endswith(", where there is no baseline")
    assert not mistakes({"expr": "select 1 as value, 2 as baseline", **text})
    good = {
        "annotations": {"summary": "{% if baseline is not none %}{{ baseline + 1 }}{% endif %}"}
    }
    assert not mistakes({**GOOD, **good})


def test_label_of_a_group_is_told_once() -> None:
    """A wrong label of a group is a mistake of the group and not of each of its rules."""
    two = [{"alert": "A", **GOOD}, {"alert": "B", **GOOD}]
    assert mistakes({}, {"rules": two, "labels": {"severity": "high", "a-b": "c"}}) == [
        "labels.severity: 'high' is not a severity; accepted are critical, info, warning",
        "labels.a-b: is not a label's name; use letters, digits and _",
    ]


def test_rules_carry_their_groups_labels() -> None:
    """A rule's own label wins over its group's, and severity is no label of the finding."""
    group = RuleGroup(
        name="g",
        labels={"team": "shop", "severity": "critical", "tier": "1"},
        rules=[Rule(alert="A", expr="select 1 as value", labels={"team": "pay"})],
    )
    (rule,) = rules.compile_rules(Settings(groups=[group], default_rules=False), now=NOW)
    assert rule.labels == {"team": "pay", "tier": "1"}
    assert rule.severity == "critical"
    assert (rule.kind, rule.group) == ("sql", "g")


def test_default_rules_can_be_left_out() -> None:
    """Without the default rules there are only the user's."""
    assert len(rules.compile_rules(Settings(), now=NOW)) == 34
    assert rules.compile_rules(Settings(default_rules=False), now=NOW) == ()


def test_rule_of_the_same_name_replaces_a_default_one() -> None:
    """One's own NodeNotReady takes the place of the one that eventlake brings."""
    group = RuleGroup(name="g", rules=[Rule(alert="NodeNotReady", expr="select 1 as value")])
    found = rules.compile_rules(Settings(groups=[group]), now=NOW)
    assert len(found) == 34
    (rule,) = [rule for rule in found if rule.name == "NodeNotReady"]
    assert rule.kind == "sql"


def test_overrides_change_a_rule_until_they_end() -> None:
    """Switch, threshold and severity are overridden, and no longer once the time is up."""
    for until, ended in ((NOW + timedelta(seconds=1), False), (NOW, True), (None, False)):
        override = RuleOverride(
            enabled=False, threshold=">= 7", severity="info", comment="work", until=until
        )
        found = rules.compile_rules(Settings(rule_overrides={"CrashLooping": override}), now=NOW)
        (rule,) = [rule for rule in found if rule.name == "CrashLooping"]
        assert rule.enabled is ended
        assert str(rule.threshold) == (">= 10" if ended else ">= 7")
        assert rule.severity == ("warning" if ended else "info")
        assert rule.comment == ("" if ended else "work")


def test_override_can_switch_a_rule_on() -> None:
    """A rule that is off in a shared file can be switched on."""
    group = RuleGroup(name="g", rules=[Rule(alert="A", expr="select 1 as value", enabled=False)])
    settings = Settings(
        groups=[group], default_rules=False, rule_overrides={"A": RuleOverride(enabled=True)}
    )
    assert rules.compile_rules(settings, now=NOW)[0].enabled


def test_override_mistakes() -> None:
    """An override of a rule that does not exist and a wrong threshold are told with their path."""
    overrides = {
        "NodeNotRedy": RuleOverride(enabled=False),
        "CrashLooping": RuleOverride(threshold="x"),
    }
    assert rules.check(Settings(rule_overrides=overrides), now=NOW) == [
        "(defaults): rule_overrides.NodeNotRedy: there is no rule of this name; did you mean NodeNotReady?",
        (
            "(defaults): rule_overrides.CrashLooping.threshold: 'x' is not a threshold; write it like '>= 20',"
            " with one of > >= < <= == !="
        ),
    ]


def test_names_given_twice() -> None:
    """Two rules of one name would be one alert, so the second one is refused."""
    groups = [
        RuleGroup(name=name, rules=[Rule(alert="A", expr="select 1 as value")])
        for name in ("a", "b")
    ]
    assert rules.check(Settings(groups=groups), now=NOW) == [
        (
            "(defaults): groups[1].rules[0].alert: 'A' is the name of another rule already"
            " ((defaults): groups[0].rules[0].alert)"
        )
    ]


def test_all_mistakes_of_file_and_rules_at_once(tmp_path: Path) -> None:
    """Types, sense and rules are refused in one answer, each with its file, nothing twice."""
    main, more = tmp_path / "main.yaml", tmp_path / "more.yaml"
    main.write_text(
        """
        source: {page_size: many}
        groups:
        - name: a
          rules:
          - {alert: A, mach: {reason: X}}
          - {alert: B, match: {message: "=~("}}
          - {match: {}}
        rule_files: [more.yaml]
        rule_overrides: {C: {enabled: false}, D: {threshold: "?"}}
        receivers: [{name: x}]
        """
    )
    more.write_text("groups: [{name: m, rules: [{alert: D, expr: drop table x}]}]")
    with pytest.raises(ConfigError) as caught:
        rules.configured(main, environ={}, now=NOW)
    short = [line.replace(str(tmp_path) + "/", "")[:64] for line in caught.value.mistakes]
    assert short == [
        "main.yaml: source.page_size: 'many' is not a whole number",
        "main.yaml: groups[0].rules[0].mach: is not a known key; did you ",
        "main.yaml: groups[0].rules[2].alert: is missing",
        "main.yaml: receivers[0]: has no target; docs/receivers.md names ",
        "main.yaml: groups[0].rules[1].match.message: '(' is not a regula",
        "more.yaml: groups[0].rules[0].expr: exactly one SELECT is wanted",
        "main.yaml: rule_overrides.C: there is no rule of this name; acce",
        "main.yaml: rule_overrides.D.threshold: '?' is not a threshold; w",
    ]


def test_configured(tmp_path: Path) -> None:
    """A right configuration comes with rules, their origins, and advice that stops nothing."""
    file = tmp_path / "c.yaml"
    file.write_text(
        "groups: [{name: g, rules: [{alert: A, expr: select 1 as value}]}]\n"
        "allow_inline_secrets: true\n"
        "receivers: [{name: x, wecom_configs: [{url: 'https://chat.example/x'}]}]\n"
    )
    ready = rules.configured(file, environ={}, now=NOW)
    assert ready.settings.receivers[0].name == "x"
    assert [rule.origin for rule in ready.rules] == ["default_rules.yaml"] * 34 + [str(file)]
    assert len(ready.warnings) == 1


def test_without_a_file() -> None:
    """Without a configuration the default rules are evaluated."""
    ready = rules.configured(None, environ={}, now=NOW)
    assert ready.settings == Settings()
    assert len(ready.rules) == 34


@pytest.mark.parametrize("text", [">=20", "> 0", " == 1.5 ", "!= -3", "<+4", "<= 1000000"])
def test_threshold_forms(text: str) -> None:
    """Space is free, numbers may be negative or have a fraction."""
    assert Threshold.parse(str(Threshold.parse(text))) == Threshold.parse(text)


@pytest.mark.parametrize(
    "text", ["", ">", "5", "=> 5", "= 5", "> x", "> 1e3", "> 5 %", f"> 1{'0' * 400}"]
)
def test_threshold_refusals(text: str) -> None:
    """What is no comparison with a number is refused."""
    assert Threshold.mistake(text)


def test_trial_knows_the_lakes_columns(tmp_path: Path) -> None:
    """The views that rules are tried on have the columns and types of a real lake's views."""
    lake = Lake(LocalFiles(tmp_path))
    lake.prepare()
    blank = trial.blank_session()
    with session(lake) as real:
        for view in ("observations", "latest", "events", "snapshots", "coverage", "reasons"):
            text = f"select * from {view} limit 0"  # noqa: S608 -- names of our own views
            tried = {field.name: field.type for field in blank.run(text, {}).schema}
            there = {field.name: field.type for field in real.run(text, {}).schema}
            assert tried == there, view
    blank.close()


@pytest.mark.parametrize("operator", [">", ">=", "<", "<=", "==", "!="])
def test_a_threshold_says_of_many_values_what_it_says_of_one(operator: str) -> None:
    """Rows are left out before they become objects by the rule that holds for a single value."""
    threshold = Threshold.parse(f"{operator} 2")
    values = [1, 2, 3.5, -1, math.nan, math.inf, None]
    found = threshold.among(pa.chunked_array([pa.array(values, pa.float64())])).to_pylist()
    assert [bool(one) for one in found] == [v is not None and threshold.met(v) for v in values]
    whole = pa.chunked_array([pa.array([1, 2, 3], pa.int64())])
    assert threshold.among(whole).to_pylist() == [threshold.met(v) for v in (1, 2, 3)]
