"""Events of a window and its baseline put together once, for the many questions of a digest.

What an event adds to the count of its lineage has to be worked out from its neighbours. A
digest asks a dozen questions about the same eight days, so they are asked of two small
tables, each made in one pass: 7.9 s instead of 22.4 s for the default rules over 450,000
observations in unsealed parts, measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from etl.alerts.rules import Rule
from etl.lake.query import Session
from etl.statements import statement
from etl.timespan import Window

# One question is not worth a pass of its own.
_WORTH = 2


@contextmanager
def overview(session: Session, *, base: datetime, window: Window) -> Iterator[Session]:
    """Open a session whose ``events`` have what sums over objects and reasons need, and no more."""
    bounds = {"base": base, "start": window.start, "end": window.end}
    opened = Session.over({"events": session.run(statement("rules/overview").text, bounds)})
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def candidates(
    session: Session, rules: Iterable[Rule], *, base: datetime, window: Window
) -> Iterator[Session]:
    """Open a session whose ``events`` are all that ``rules`` which name their reasons can match.

    Whether a rule does is what ``names_reasons`` says. For one rule it is ``session`` itself.
    """
    naming = [rule for rule in rules if names_reasons(rule)]
    if len(naming) < _WORTH:
        yield session
        return
    reasons = sorted({reason for rule in naming for reason in _reasons(rule)})
    bounds = {"base": base, "start": window.start, "end": window.end, "reasons": reasons}
    opened = Session.over({"events": session.run(statement("rules/candidates").text, bounds)})
    try:
        yield opened
    finally:
        opened.close()


def names_reasons(rule: Rule) -> bool:
    """Say whether all that ``rule`` can match has one of the reasons that it names."""
    reasons = _reasons(rule)
    # A missing reason counts as an empty one, and the table holds only those that are there.
    return rule.enabled and rule.kind == "match" and bool(reasons) and "" not in reasons


def _reasons(rule: Rule) -> list[str]:
    found = rule.parameters.get("reason_in")
    return [str(reason) for reason in found] if isinstance(found, list) else []
