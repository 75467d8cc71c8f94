"""Events of a window and its baseline put together once, for the many questions of a digest.

What an event adds to the count of its lineage has to be worked out from its neighbours. A
digest asks dozens of questions about the same eight days, so they are asked of two small
tables, each made in one pass: 7.9 s instead of 22.4 s for eight rules over 450,000
observations in unsealed parts, measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow.compute as pc

from etl.alerts.learned import Learned
from etl.alerts.rules import Rule
from etl.lake.query import Session
from etl.statements import statement
from etl.timespan import Window


@contextmanager
def overview(
    session: Session, *, base: datetime, window: Window, learned: Learned
) -> Iterator[Session]:
    """Open a session whose ``events`` have what sums over objects and reasons need, and no more."""
    bounds = {"base": base, "start": window.start, "end": window.end, **learned.bound(window)}
    opened = Session.over({"events": session.run(statement("rules/overview").text, bounds)})
    try:
        yield opened
    finally:
        opened.close()


@dataclass(frozen=True, slots=True)
class Candidates:
    """A session whose ``events`` are what rules can match, and the reasons that there are."""

    session: Session
    reasons: frozenset[str | None]

    def hold(self, rule: Rule) -> bool:
        """Say whether ``rule`` may match any of them; of 33 rules two thirds do not, and need not ask."""
        wanted = reasons(rule)
        return not wanted or not self.reasons.isdisjoint(wanted)


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
