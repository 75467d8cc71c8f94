"""The same rows from both engines: every report, every view and every default rule, over three lakes.

Rows are compared as they are, numbers and times exactly; those of reports and rules also in
their order.
"""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from etl.alerts import rules
from etl.alerts.asking import Span, Views
from etl.alerts.baseline import Baseline, measured
from etl.alerts.condensed import candidates, reasons
from etl.alerts.learned import BY_TIME
from etl.alerts.rules import Rule
from etl.config.settings import Settings
from etl.lake.query import Session
from etl.lake.views import PUBLIC
from etl.reports import run
from etl.reports.catalogue import catalogue
from etl.timespan import Window
from tests.lib.engines import Lakes
from tests.lib.spark_lakes import END

LAKES = ("sample", "recorded", "fleet")
REPORTS = sorted(catalogue())
RULES = {rule.name: rule for rule in rules.compile_rules(Settings(), now=END)}
ZONE = ZoneInfo("Europe/Berlin")


@pytest.fixture(scope="session")
def ruled(asked: Lakes) -> Ruled:
    """What the rules measured, asked for once a lake."""
    return Ruled(asked)


class Ruled:
    """The rows of every default rule, by lake and engine; as a digest does, events are read once for all."""

    def __init__(self, asked: Lakes) -> None:
        """Ask ``asked``."""
        self._asked = asked
        self._known: dict[str, tuple[Mapping[str, pa.Table], ...]] = {}

    def __getitem__(self, lake: str) -> tuple[Mapping[str, pa.Table], ...]:
        """Return the rows of each rule, of both engines."""
        if lake not in self._known:
            both = self._asked[lake]
            self._known[lake] = tuple(
                _rows(session, both.window) for session in (both.duckdb, both.spark)
            )
        return self._known[lake]


def _rows(session: Session, whole: Window) -> Mapping[str, pa.Table]:
    """Return the rows of each rule over the second half of a window, what lies before is usual."""
    window = Window(whole.start + whole.length / 2, whole.end)
    usual = measured(session, window, span=window.length, minimum=1)
    alike: dict[tuple[Span, bool], list[Rule]] = {}
    found = {}
    for rule in RULES.values():
        if rule.kind == "match":
            alike.setdefault((Span.of(rule), bool(reasons(rule))), []).append(rule)
        else:
            found[rule.name] = Views(session).rows(rule, _bounds(window, usual))
    for (span, _named), together in alike.items():
        own, known = span.counted(session, window, usual)
        with candidates(session, together, base=known.start, window=own, learned=BY_TIME) as few:
            found |= {rule.name: few.rows(rule, _bounds(own, known)) for rule in together}
    return found


def _bounds(window: Window, usual: Baseline) -> dict[str, object]:
    return {"base": usual.start, "start": window.start, "end": window.end, **usual.bound()}


def compared(first: pa.Table, second: pa.Table, *, ordered: bool) -> None:
    """Assert that two answers are one."""
    assert first.schema == second.schema
    rows = [first.to_pylist(), second.to_pylist()]
    if not ordered:
        rows = [sorted(some, key=repr) for some in rows]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("view", PUBLIC)
@pytest.mark.parametrize("lake", LAKES)
def test_a_view_has_the_same_rows(asked: Lakes, lake: str, view: str) -> None:
    """Each view has the same columns, types and rows, in whatever order."""
    both = asked[lake]
    text = f"select * from {view}"  # noqa: S608 -- names of our own
    compared(both.duckdb.run(text, {}), both.spark.run(text, {}), ordered=False)


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("lake", LAKES)
def test_a_report_has_the_same_rows(asked: Lakes, lake: str, report: str) -> None:
    """Each report has the same columns, types and rows, in the same order."""
    both = asked[lake]
    answers = [
        run.run(catalogue()[report], session, window=both.window, timezone=ZONE)
        for session in (both.duckdb, both.spark)
    ]
    compared(*answers, ordered=True)


@pytest.mark.parametrize("rule", sorted(RULES))
@pytest.mark.parametrize("lake", LAKES)
def test_a_rule_has_the_same_rows(ruled: Ruled, lake: str, rule: str) -> None:
    """Each default rule measures the same values, in the same order, whatever their threshold."""
    duckdb, spark = ruled[lake]
    compared(duckdb[rule], spark[rule], ordered=True)
