"""docs/receivers.md has every kind of receiver with an example, and the limits that are in the code."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from etl.config.receivers import Receiver
from etl.wire.facts import FACTS

PAGE = (Path(__file__).parents[2] / "docs" / "receivers.md").read_text("utf-8")
NAMES = {
    "dingtalk": "DingTalk",
    "feishu": "Feishu, Lark",
    "wecom": "WeCom",
    "pagerduty": "PagerDuty",
}


def test_every_kind_has_an_example() -> None:
    """What can be configured is shown once at least, as YAML that another test reads."""
    examples = "".join(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
    for field in msgspec.structs.fields(Receiver):
        if field.name.endswith("_configs"):
            assert f"{field.name}:" in examples


def test_the_limits_are_those_of_the_code() -> None:
    """Each row of the table says what is kept to."""
    rows = re.findall(
        r"^\| ([\w, ]+) \| ([\d,]+) [\w ]+ \| one in ([\d.]+) s \|", PAGE, re.MULTILINE
    )
    told = {name: (int(limit.replace(",", "")), float(pace)) for name, limit, pace in rows}
    kept = {
        NAMES.get(kind, kind.capitalize()): (facts.limit, facts.spacing.total_seconds())
        for kind, facts in FACTS.items()
        if kind != "alertmanager"
    }
    assert told == kept
