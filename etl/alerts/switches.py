"""Switches: rules that somebody turned off or on by the command line, until when and why.

    switches/<rule>.json      what ``eventlake switch`` said last about a rule

A switch of the lake wins over the configuration, because whoever turned it did so later. One
that has run out has no effect.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import msgspec

from etl.alerts.rules import Rule
from etl.lake import records
from etl.lake.files import Files

ROOT = "switches"


class Switch(msgspec.Struct, frozen=True, kw_only=True):
    """What was said about one rule."""

    rule: str
    enabled: bool
    until: datetime | None = None
    comment: str = ""
    created_by: str = ""
    created_at: datetime


def turned(files: Files, rules: Iterable[Rule], now: datetime) -> tuple[Rule, ...]:
    """Return ``rules`` with the lake's switches in force at ``now``."""
    said = {switch.rule: switch for switch in stored(files)}
    answers = []
    for rule in rules:
        switch = said.get(rule.name)
        if switch is None or (switch.until is not None and switch.until <= now):
            answers.append(rule)
            continue
        answers.append(
            replace(rule, enabled=switch.enabled, comment=switch.comment, until=switch.until)
        )
    return tuple(answers)


def turn(files: Files, switch: Switch) -> None:
    """Write a switch in the place of the one before; raises ``LakeError``."""
    files.write(f"{ROOT}/{switch.rule}.json", msgspec.json.encode(switch))


def stored(files: Files) -> list[Switch]:
    """Return all switches of the lake; a damaged file switches nothing."""
    # A rule that nobody can prove to be off is asked.
    found = [records.read(files, path, Switch) for path in files.list(ROOT)]
    return [switch for switch in found if switch]
