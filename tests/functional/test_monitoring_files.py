"""deploy/prometheus and deploy/grafana: every question is about metrics that a run really exposes, and each alert fires when it should."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from etl.metrics.catalogue import BY_NAME
from tests.lib import pushgateway
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW
from tests.lib.snapshots import filled
from tests.lib.watching import Watched, samples

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "rules.yaml"
DASHBOARD = json.loads((DEPLOY / "grafana" / "eventlake.json").read_text("utf-8"))
# What only trouble brings forth: nothing waits, nothing vanished, and tests have no limit of memory.
OF_TROUBLE = {
    "eventlake_outbox_oldest_timestamp_seconds",
    "eventlake_forward_oldest_timestamp_seconds",
    "eventlake_event_lifetime_at_most_seconds",
    "eventlake_memory_limit_bytes",
}
# Rule: what Prometheus scrapes at 1-minute intervals, when it fires, and when it does not.
STORIES: dict[str, tuple[dict[str, str], str, str]] = {
    "EventlakeSnapshotLate": (
        {
            "eventlake_last_snapshot_timestamp_seconds": "0x300",
            "eventlake_event_ttl_seconds": "3600x300",
        },
        "33m",
        "29m",
    ),
    "EventlakeAbsent": ({}, "61m", "59m"),
    "EventlakeRunFails": (
        {'eventlake_run_exit_code{command="run"}': "0 3x300"},
        "32m",
        "30m",
    ),
    "EventlakeGap": (
        {"eventlake_coverage_gap_seconds": "600x20 500x20 1700x300"},
        "45m",
        "41m",
    ),
    "EventlakeMessagesWait": (
        {"eventlake_outbox_oldest_timestamp_seconds": "0x300"},
        "67m",
        "64m",
    ),
    "EventlakeMessageGivenUp": (
        {'eventlake_outbox_messages{state="dead"}': "2x60 3x300"},
        "65m",
        "59m",
    ),
    "EventlakeForwardingWaits": (
        {"eventlake_forward_oldest_timestamp_seconds": "0x300"},
        "67m",
        "64m",
    ),
    "EventlakeForwardingRefused": (
        {"eventlake_forward_dead_letters": "2x60 3x300"},
        "65m",
        "59m",
    ),
    "EventlakeDayNotSealed": ({"eventlake_sealing_due": "1x2000"}, "1441m", "1439m"),
    "EventlakeMemoryNearLimit": (
        {
            'eventlake_run_peak_memory_bytes{command="run"}': "50 91x300",
            "eventlake_memory_limit_bytes": "100x300",
        },
        "2m",
        "0m",
    ),
    "EventlakeIntervalTooLong": (
        {
            "eventlake_snapshot_interval_seconds": "600 3000x20",
            "eventlake_event_ttl_seconds": "3600x20",
        },
        "2m",
        "0m",
    ),
    "EventlakeEventsLiveShorter": (
        {
            "eventlake_event_lifetime_at_most_seconds": "1800x300",
            "eventlake_event_ttl_seconds": "3600x300",
        },
        "181m",
        "179m",
    ),
    "EventlakeEventsUnreadable": (
        {"eventlake_unreadable_events_total": "5x30 7x300"},
        "40m",
        "29m",
    ),
    "EventlakeClockSkew": ({"eventlake_clock_skew_seconds": "-90x300"}, "31m", "29m"),
}


def rules() -> list[dict[str, Any]]:
    """Return the alerting rules."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """Return the dashboard's panels that show something."""
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def questions() -> list[str]:
    """Return every expression of both files."""
    shown = [target["expr"] for panel in panels() for target in panel["targets"]]
    listed = [one["definition"] for one in DASHBOARD["templating"]["list"] if "definition" in one]
    return [rule["expr"] for rule in rules()] + shown + listed


def test_every_question_is_about_what_a_run_exposes(apiserver: ApiServer, tmp_path: Path) -> None:
    """Metric, labels in braces, and labels that are grouped by: all are in the text of a real run."""
    filled(apiserver, 3)
    watched = Watched(tmp_path, apiserver)
    handed_on = f"forward: {{targets: [{{name: audit, file: {{path: {tmp_path / 'audit'}}}}}]}}\n"
    watched.more = "digest: {at: '00:00'}\n" + handed_on
    assert watched.run("snapshot", now=NOW.replace(day=22)).code == 0
    apiserver.now = NOW
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "index.html").write_text("as run would have written it")
    for command in ("snapshot", "digest"):
        assert watched.run(command, now=NOW).code == 0
    exposed: dict[str, set[str]] = {name: set(BY_NAME[name].label_names) for name in OF_TROUBLE}
    for name, labels in samples(watched.textfile):
        exposed.setdefault(name, set()).update(label for label, _value in labels)
    assert set(exposed) == set(BY_NAME)
    for question in questions():
        names = re.findall(r"\beventlake_\w+", question)
        assert names, question
        known = set.union(*(exposed[name] for name in names))
        for inside in re.findall(r"\{([^}]*)\}", question):
            assert set(re.findall(r"(\w+)\s*[=!]~?\"", inside)) <= known, question
        for inside in re.findall(r"\b(?:by|ignoring|on|without) \(([^)]*)\)", question):
            assert {label.strip() for label in inside.split(",")} <= known, question


def test_every_metric_is_shown_or_alarms() -> None:
    """What nobody looks at need not be gathered; what the two files leave out is named here."""
    told = {name for question in questions() for name in re.findall(r"\beventlake_\w+", question)}
    assert set(BY_NAME) - told == {
        # For questions by hand: what a counter is made of, and times that others imply.
        "eventlake_run_timestamp_seconds",
        "eventlake_run_success_timestamp_seconds",
        "eventlake_snapshot_pages",
        "eventlake_snapshot_received_bytes",
        "eventlake_snapshot_unreadable_events",
        "eventlake_snapshot_failed_checks",
        "eventlake_snapshots_total",
        "eventlake_listed_events_total",
        "eventlake_added_observations_total",
        "eventlake_coverage_gaps",
        "eventlake_forward_waiting_parts",
        "eventlake_forward_success_timestamp_seconds",
        "eventlake_forward_observations_total",
        "eventlake_page_timestamp_seconds",
    }


def test_every_alert_has_a_story() -> None:
    """An alert that no test lets fire is none."""
    assert set(STORIES) == {rule["alert"] for rule in rules()}
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert {"summary", "description"} == rule["annotations"].keys()


@pushgateway.promtool_needed
def test_prometheus_takes_the_rules_and_each_fires_when_it_should(tmp_path: Path) -> None:
    """By promtool: the rules are right, each fires in its story, and not a moment before."""
    pushgateway.promtool("check", "rules", RULES)
    tests = []
    for alert, (series, fires, quiet) in STORIES.items():
        given = [{"series": _labelled(name), "values": values} for name, values in series.items()]
        expr = f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})'
        tests.append(
            {
                "interval": "1m",
                "input_series": given,
                "promql_expr_test": [
                    {
                        "expr": expr,
                        "eval_time": fires,
                        "exp_samples": [{"labels": "{}", "value": 1}],
                    },
                    {"expr": expr, "eval_time": quiet, "exp_samples": []},
                ],
            }
        )
    # JSON is YAML.
    (tmp_path / "test.yaml").write_text(
        json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests})
    )
    assert "SUCCESS" in pushgateway.promtool("test", "rules", tmp_path / "test.yaml")


@pushgateway.promtool_needed
def test_prometheus_understands_every_question_of_the_dashboard(tmp_path: Path) -> None:
    """Each expression, with Grafana's variables filled in, is PromQL."""
    asked = [
        target["expr"].replace("$cluster", ".*").replace("$__rate_interval", "5m")
        for panel in panels()
        for target in panel["targets"]
    ]
    assert not any("$" in expr for expr in asked)
    records = [{"record": f"r{number}", "expr": expr} for number, expr in enumerate(asked)]
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": "d", "rules": records}]}))
    said = pushgateway.promtool("check", "rules", tmp_path / "rules.yaml")
    assert f"{len(asked)} rules found" in said


def test_the_dashboard_is_one() -> None:
    """Ids are unique, panels lie beside each other on 24 columns, each says what it means and asks the chosen source."""
    assert DASHBOARD["uid"] == "eventlake"
    assert isinstance(DASHBOARD["schemaVersion"], int)
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    for panel in panels():
        assert panel["description"].endswith("."), panel["title"]
        assert [target["refId"] for target in panel["targets"]] == list(
            "ABCD"[: len(panel["targets"])]
        )
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert all(source["uid"] == "${datasource}" for source in sources)


def _labelled(series: str) -> str:
    """Return a series with the label that all have."""
    name, _, labels = series.partition("{")
    return f'{name}{{cluster="prod"' + (f", {labels}" if labels else "}")
