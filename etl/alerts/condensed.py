"""Events of a window and its baseline put together once, for the many questions of a digest.

What an event adds to the count of its lineage has to be worked out from its neighbours. A
digest asks dozens of questions about the same eight days, so they are asked of two small
tables, each made in one pass: 7.9 s instead of 22.4 s for eight rules over 450,000
observations in unsealed parts, measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from etl.alerts import matchers
from etl.alerts.learned import Learned
from etl.alerts.rules import Rule
from etl.lake.query import Session
from etl.statements import statement
from etl.timespan import Window

# What of an event the overview keeps of the baseline too.
_SUMMED = {"cluster", "namespace", "reason", "type"}
_NO_ROWS = pa.table({"value": pa.array([], pa.int64()), "baseline": pa.array([], pa.float64())})


@dataclass(frozen=True, slots=True)
class Overview:
    """A session whose ``events`` have what sums over objects and reasons need, and no more."""

    session: Session

    def rows(self, rule: Rule, bounds: Mapping[str, object]) -> pa.Table:
        """Ask a rule about them; only one of which ``is_sum`` holds."""
        return self.session.run(rule.statement, {**rule.parameters, **bounds})


@contextmanager
def overview(
    session: Session, rules: Iterable[Rule], *, base: datetime, window: Window, learned: Learned
) -> Iterator[Overview]:
    """Make an overview, also for those of ``rules`` that it can answer."""
    bounds = {
        "base": base,
        "start": window.start,
        "end": window.end,
        "daily": _daily(rule for rule in rules if is_sum(rule)),
        **learned.bound(window),
    }
    opened = Session.over({"events": session.run(statement("rules/overview").text, bounds)})
    try:
        yield Overview(opened)
    finally:
        opened.close()


def is_sum(rule: Rule) -> bool:
    """Say whether a declarative rule asks for no more than the overview has, which is made anyway.

    One that names its reasons has a pass that costs little; objects of the baseline are not kept.
    """
    if rule.kind != "match" or rule.window is not None or reasons(rule):
        return False
    named = {name for name in matchers.COLUMNS if matchers.conditions(rule.parameters, name)}
    return {*rule.by, *named} <= _SUMMED and not (rule.compared and rule.compared.span)


@dataclass(frozen=True, slots=True)
class Candidates:
    """A session whose ``events`` are what rules can match, and the reasons that there are."""

    session: Session
    reasons: frozenset[str | None]

    def rows(self, rule: Rule, bounds: Mapping[str, object]) -> pa.Table:
        """Ask a rule about them; of 33 rules two thirds cannot match any, and need not ask."""
        wanted = reasons(rule)
        if wanted and self.reasons.isdisjoint(wanted):
            return _NO_ROWS
        return self.session.run(rule.statement, {**rule.parameters, **bounds})


@contextmanager
def candidates(
    session: Session,
    rules: Iterable[Rule],
    *,
    base: datetime,
    window: Window,
    learned: Learned,
    lateness: timedelta | None = None,
) -> Iterator[Candidates]:
    """Open a session whose ``events`` are all that the declarative ``rules`` can match.

    With ``lateness`` the window is one of the rules' own: what happened in it counts, and what
    came to light late and is at most that much older. Rules that all name their reasons need
    but a part of the events.
    """
    rules = list(rules)
    named = [reason for rule in rules for reason in reasons(rule)]
    bounds: dict[str, object] = {
        "base": base,
        "start": window.start,
        "end": window.end,
        "reasons": sorted(set(named)) if all(map(reasons, rules)) else None,
        "reach": None if lateness is None else window.start - lateness,
        "daily": _daily(rules),
        **learned.bound(window),
    }
    events = session.run(statement("rules/candidates").text, bounds)
    opened = Session.over({"events": events})
    try:
        yield Candidates(opened, frozenset(pc.unique(events["reason"]).to_pylist()))
    finally:
        opened.close()


def reasons(rule: Rule) -> list[str]:
    """Return the reasons one of which all that ``rule`` can match has; empty if it may be any."""
    found = rule.parameters.get("reason_in")
    # A missing reason counts as an empty one, and a list of reasons finds only those that are there.
    return [str(reason) for reason in found] if isinstance(found, list) and "" not in found else []


def _daily(rules: Iterable[Rule]) -> bool:
    """Say whether the days of the baseline have to be kept apart, which makes seven rows of one."""
    return any(rule.compared is not None and rule.compared.method == "median" for rule in rules)
