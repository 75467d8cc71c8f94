"""What holds for every shipped report."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from etl.errors import ConfigError
from etl.reports.catalogue import Report, catalogue
from etl.reports.check import check
from etl.statements import sql_root
from tests.lib.reports import DAY, LISTS, lake, many, table

REPORTS = catalogue()
COVERAGE = """
    cluster | started_at       | ended_at         | covered | cause
    eu      | 2026-11-19 00:00 | 2026-11-22 12:00 | T       | -
    eu      | 2026-11-22 12:00 | 2026-11-22 13:00 | F       | no run
    eu      | 2026-11-22 13:00 | 2026-11-22 23:30 | T       | -
    """


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_header_lists_the_parameters_of_the_statement(report: Report) -> None:
    """The header names each named parameter of its statement and no other."""
    check([report], lake("cluster | last_seen"))


def test_a_header_that_disagrees_is_refused() -> None:
    """A parameter that is used and not listed, or listed and not used, is named."""
    report = REPORTS["top_reasons"]
    wrong = Report(
        name="wrong",
        text=report.text.replace("limit $limit", "limit $most"),
        titles=report.titles,
        questions=report.questions,
        parameters=report.parameters,
        lines=report.lines,
    )
    last = len(report.text.splitlines())
    with pytest.raises(ConfigError) as raised:
        check([wrong], lake("cluster | last_seen"))
    assert raised.value.mistakes == (
        f"sql/reports/wrong.sql:{last}: parameters: $most is used but not listed in the header",
        "sql/reports/wrong.sql:5: parameters: limit is listed but $limit is not used",
    )


@pytest.mark.parametrize(
    ("statement", "mistake"),
    [
        ("select 1;\nselect 2", "3: exactly one SELECT is wanted"),
        ("\n\ninsert into events values (1)", "5: exactly one SELECT is wanted"),
        ("select 1 as one\nform events", "4: Parser Error: syntax error"),
        ("", "1: exactly one SELECT is wanted"),
    ],
)
def test_what_is_not_one_select_is_refused_with_its_line(
    tmp_path: Path, statement: str, mistake: str
) -> None:
    """The message names the file and the line of the statement, or the line that is wrong."""
    path = tmp_path / "own.sql"
    path.write_text(f"-- title: Own\n-- question: What?\n{statement}", "utf-8")
    own = catalogue([tmp_path])["own"]
    with pytest.raises(ConfigError, match=rf"^{re.escape(f'{path}:{mistake}')}"):
        check([own], lake("cluster | last_seen"))


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_header_speaks_both_languages(report: Report) -> None:
    """Title and question are there in English and in Chinese, and a chart draws columns that exist."""
    assert report.titles["en"] != report.titles["zh"]
    assert report.questions["en"].endswith("?")
    assert report.questions["zh"].endswith("？")
    columns = set(table(report.name, lake(many(0), COVERAGE, LISTS), DAY).column_names)
    if report.chart:
        assert {report.chart.x, report.chart.y} <= columns
        assert {report.chart.color, report.chart.mark} <= {"", *columns}


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_has_tests(name: str) -> None:
    """Each report is asked by its name in a test of this folder, beside this one."""
    here = Path(__file__)
    sources = [p.read_text("utf-8") for p in here.parent.glob("test_reports_*.py") if p != here]
    assert any(f'"{name}"' in source for source in sources)


@pytest.mark.parametrize("name", REPORTS)
def test_the_answer_does_not_depend_on_the_order_of_the_rows(name: str) -> None:
    """Running twice, over shuffled rows with many ties, gives the same rows in the same order."""
    first = table(name, lake(many(1), COVERAGE, LISTS), DAY)
    assert first.num_rows
    for seed in (1, 2, 3):
        again = table(name, lake(many(seed), COVERAGE, LISTS), DAY)
        assert again.to_pylist() == first.to_pylist()
        assert again.schema == first.schema


@pytest.mark.parametrize("name", REPORTS)
def test_an_empty_lake_is_an_answer(name: str) -> None:
    """No events and no snapshots give no failure, and no occurrences."""
    found = table(name, lake("cluster | last_seen"), DAY)
    for column in {"occurrences", "warnings"} & set(found.column_names):
        assert not any(found[column].to_pylist())


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_every_look_at_events_is_limited_by_date(report: Report) -> None:
    """A filter on last_seen alone would open every file: each one has a filter on date beside it."""
    statement = re.sub(r"--.*", "", report.text)
    looks = len(re.findall(r"\b(?:from|join) (?:events|observations|snapshots)\b", statement))
    dates = len(re.findall(r"\bdate <= cast\(\$(?:start|end) as date\)", statement))
    assert looks == dates


def test_statements_are_shipped_one_per_file() -> None:
    """Each file of sql/reports is a report of its name."""
    assert sorted(path.stem for path in (sql_root() / "reports").glob("*.sql")) == list(REPORTS)
