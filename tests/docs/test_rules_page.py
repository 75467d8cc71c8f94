"""docs/rules.md: every rule is explained, and every example is right."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from etl.alerts import matchers, rules, trial
from etl.alerts.model import SEVERITIES
from etl.config.alerting import RuleBaseline
from etl.config.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
DEFAULTS = rules.compile_rules(Settings(), now=NOW)


@pytest.mark.parametrize("rule", DEFAULTS, ids=lambda rule: rule.name)
def test_every_default_rule_is_explained(rule: rules.Rule) -> None:
    """Meaning, trap and what to do stand below the rule's name, with its severity and threshold."""
    section = re.search(rf"^### {rule.name}\n(.*?)(?=^##)", PAGE, re.DOTALL | re.MULTILINE)
    assert section, f"{rule.name} is not documented"
    for part in ("**Meaning.**", "**Trap.**", "**What to do.**"):
        assert part in section[1]
    number = rule.threshold.number + (rule.threshold.operator == ">")
    assert section[1].strip().startswith(f"{rule.severity.capitalize()}, from {number:g} on")


def test_no_rule_is_explained_that_does_not_exist() -> None:
    """The section of default rules has one heading for each of them, in their order."""
    section = PAGE.partition("## The rules that eventlake brings")[2].partition("\n## ")[0]
    assert re.findall(r"^### (.+)$", section, re.MULTILINE) == [rule.name for rule in DEFAULTS]


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_are_right(example: str, tmp_path: Path) -> None:
    """Each example is a configuration without a mistake."""
    file = tmp_path / "example.yaml"
    file.write_text(example, "utf-8")
    assert rules.configured(file, environ={}, now=NOW).warnings == ()


def test_everything_that_can_be_written_is_named() -> None:
    """Columns, labels, annotations, names of templates, parameters and severities stand in the page."""
    names = (
        *matchers.COLUMNS,
        *rules.LABELS,
        *rules.ANNOTATIONS,
        *trial.TEMPLATE_NAMES,
        *(f"${name}" for name in trial.PARAMETERS),
        *SEVERITIES,
        *(field.name for field in msgspec.structs.fields(RuleBaseline)),
    )
    assert [name for name in names if f"`{name}`" not in PAGE] == []
