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
    items = [
        event(
            "web-0",
            at=(at := NOW - timedelta(days=back, hours=1)),
            first=at - timedelta(hours=1),
            count=count,
        )
        for back, count in ((2, 4), (1, 12), (0, 40))
    ]
    document = encoded({"kind": "List", "apiVersion": "v1", "items": items})
    done = eventlake(
        "--lake", tmp_path / "lake", "--cluster", "prod", "import", "-", stdin=document
    )
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
