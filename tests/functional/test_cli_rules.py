"""``eventlake rules``: try a rule on the past, and on events that are drawn."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from tests.lib.api_answers import encoded
from tests.lib.commandline import NOW, eventlake
from tests.lib.events import event

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Three days, in each of which a pod is held back more often than the day before."""
    for back, count in ((2, 4), (1, 12), (0, 40)):
        at = NOW - timedelta(days=back, hours=1)
        item = event("web-0", at=at, first=at - timedelta(hours=1), count=count)
        document = encoded({"kind": "List", "apiVersion": "v1", "items": [item]})
        ask = ("--lake", tmp_path / "lake", "--cluster", "prod", "import", "-")
        done = eventlake(*ask, "--collected-at", at.isoformat(), stdin=document)
        assert done.code == 0, done.err
    return tmp_path / "lake"


def test_backtest_tells_how_often_and_when(lake: Path) -> None:
    """Each day is one evaluation; other thresholds stand beside the rule's own."""
    ask = ("--lake", lake, "rules", "backtest", "CrashLooping", "--since", "3d")
    done = eventlake(*ask, "--threshold", "30")
    assert done.code == 0, done.err
    rows = re.findall(r">= (\d+) +\S+ +3 +(\d) +(\d)", done.out)
    assert rows == [("10", "2", "2"), ("30", "1", "1")]
    assert "when it would have fired" in done.out
    measured = json.loads(eventlake(*ask, "--format", "json").out)
    assert [(row["value"], row["fired"]) for row in measured] == [
        (4, False),
        (12, True),
        (40, True),
    ]


def test_backtest_wants_a_day_and_a_rule(lake: Path) -> None:
    """What cannot be asked is named."""
    short = eventlake("--lake", lake, "rules", "backtest", "CrashLooping", "--since", "1h")
    assert (short.code, short.sentence) == (2, "--since is shorter than a day; give 1d or more")
    assert eventlake("--lake", lake, "rules", "backtest", "Nothing").code == 2


_RISING = """
    default_rules: false
    groups:
    - name: g
      rules:
      - alert: Rising
        match: {reason: BackOff}
        by: [cluster, name]
        baseline: {ratio: ">= 3", min_days: 2, span: 3d, method: median}
      - alert: Flat
        match: {reason: Pulled}
        by: [cluster]
        threshold: "== 0"
        baseline: {usual: ">= 5", min_days: 1}
"""


def test_a_baseline_is_explained_tried_and_tested(lake: Path, tmp_path: Path) -> None:
    """What is compared with the days before is the same for explain, backtest and test."""
    config = tmp_path / "c.yaml"
    config.write_text(_RISING, "utf-8")
    told = eventlake("--config", config, "rules", "explain", "Rising").out
    assert "-- a row is a finding if value > 0 and value / greatest(baseline, 1) >= 3\n" in told
    assert '"method": "median"' in told
    assert "-- base is 3d before the window" in told
    ask = ("--config", config, "--lake", lake, "rules", "backtest", "Rising", "--since", "3d")
    measured = json.loads(eventlake(*ask, "--format", "json").out)
    # On the first days too little is known; then 12 and 4 are usual, so 8 is, and 40 is far from it.
    assert [(row["value"], row["baseline"], row["fired"]) for row in measured] == [
        (4, None, False),
        (12, None, False),
        (40, 8, True),
    ]
    assert re.search(r"> 0 +\S+ +3 +1 +1", eventlake(*ask, "--threshold", "3").out)
    (tmp_path / "t.yaml").write_text(
        """
        tests:
        - name: a flat line that is a gap first
          evaluations:
          - events: [{reason: Pulled, count: 6}, {reason: BackOff, name: a, count: 2}]
            alerts: []
          - covered: false
            events: [{reason: BackOff, name: a, count: 2}]
            alerts: []
          - events: [{reason: BackOff, name: a, count: 6}]
            alerts: [{alert: Rising, value: 6}]
          - events: [{reason: Pulled, count: 1}]
            alerts: [{alert: Rising, state: resolved}]
        """,
        "utf-8",
    )
    done = eventlake("--config", config, "rules", "test", tmp_path / "t.yaml")
    assert (done.code, done.out) == (0, "1 tests are passed\n"), done.err


def test_the_test_of_the_page_passes(tmp_path: Path) -> None:
    """What a reader copies is a test that the shipped rules pass."""
    (text,) = [
        t
        for t in re.findall(r"```text\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
        if "tests:" in t
    ]
    (tmp_path / "t.yaml").write_text(text, "utf-8")
    done = eventlake("rules", "test", tmp_path / "t.yaml")
    assert (done.code, done.out) == (0, "1 tests are passed\n"), done.err


def test_every_difference_is_named(tmp_path: Path) -> None:
    """Missing, too many, another state, value or text: each is a line with file, test and evaluation."""
    (tmp_path / "t.yaml").write_text(
        """
        tests:
        - name: crash loop
          rules: [CrashLooping, Nothing]
          evaluations:
          - events: [{reason: BackOff, name: a, message: Back-off restarting failed container, count: 10},
                     {reason: BackOff, name: b, message: Back-off restarting failed container, count: 11}]
            alerts:
            - {alert: CrashLooping, labels: {name: a}, state: pending, value: 9, summary: x}
            - {alert: CrashLooping, labels: {name: c}}
        """,
        "utf-8",
    )
    done = eventlake("rules", "test", tmp_path / "t.yaml")
    assert done.code == 2
    lines = [line.partition("t.yaml: ")[2] for line in done.err.splitlines()]
    assert lines == [
        "crash loop: there is no rule Nothing",
        "crash loop: evaluation 1: CrashLooping cluster=prod namespace=default name=a is firing, not pending",
        "crash loop: evaluation 1: CrashLooping cluster=prod namespace=default name=a has 10, not 9",
        (
            "crash loop: evaluation 1: CrashLooping cluster=prod namespace=default name=a says"
            " 'default/a was held back 10 times before a restart', not 'x'"
        ),
        "crash loop: evaluation 1: missing CrashLooping name=c",
        "crash loop: evaluation 1: not expected: CrashLooping cluster=prod namespace=default name=b firing 11",
    ]


def test_a_wrong_file_is_refused(tmp_path: Path) -> None:
    """Unknown keys are mistakes here too."""
    (tmp_path / "t.yaml").write_text("tests: [{name: x, evaluation: []}]", "utf-8")
    done = eventlake("rules", "test", tmp_path / "t.yaml")
    assert done.code == 2
    assert "tests[0].evaluation: is not a known key; did you mean evaluations?" in done.err


def test_explain_prints_both_statements() -> None:
    """A declarative rule is asked of candidates; what is bound stands below."""
    done = eventlake("rules", "explain", "NodeNotReady")
    assert "-- title: Candidates" in done.out
    assert "-- title: Match" in done.out
    assert '"reason_in": ["NodeNotReady"]' in done.out
    assert "-- a row is a finding if value > 0" in done.out


def test_check_tries_the_templates_of_forwarding(tmp_path: Path, lake: Path) -> None:
    """A layout that would fail on every event is named before anything is sent, and so is what can never match."""
    config = tmp_path / "eventlake.yaml"
    wanted = "{name: a, stdout: {}, layout: {m: '{{ event.MESSAGE }}'}}"
    tree = "{match: [{receiver: a, labels: {team: x}}]}"
    config.write_text(f"forward: {{targets: [{wanted}], route: {tree}}}")
    done = eventlake("--config", config, "rules", "check")
    assert done.code == 2
    assert "forward.targets[0].layout: on a trial event" in done.err
    assert "there is no field MESSAGE" in done.err
    refused = eventlake("--config", config, "--lake", lake, "forward", "--from", "2020-01-01")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err in done.err
    config.write_text(config.read_text().replace("MESSAGE", "message"))
    done = eventlake("--config", config, "rules", "check")
    assert done.code == 0, done.err
    assert "team is not among owners.labels" in done.err
