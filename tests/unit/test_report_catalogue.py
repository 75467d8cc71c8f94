"""Reports read from their headers."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl.errors import ConfigError, UsageError
from etl.reports.catalogue import Chart, Parameter, catalogue, find


def _folder(path: Path, **files: str) -> Path:
    for name, text in files.items():
        (path / f"{name}.sql").write_text(text, "utf-8")
    return path


def test_the_shipped_reports_are_there_by_name() -> None:
    """The catalogue is sorted by name and holds the reports of the product."""
    names = list(catalogue())
    assert names == sorted(names)
    assert {
        "coverage",
        "daily_summary",
        "first_seen_reasons",
        "noisiest_objects",
        "reason_over_time",
        "top_reasons",
        "volume_by_type",
        "warnings_by_namespace",
    } <= set(names)


def test_a_header_is_read_whole(tmp_path: Path) -> None:
    """Titles, questions, parameters with defaults and the chart come from the header."""
    folder = _folder(
        tmp_path,
        quota="-- title: Quota\n-- title_zh: 配额\n-- question: Who\n--  ran out?\n-- question_zh: 谁？\n"
        "-- parameters: start, end, namespace, share=0.5, text=a=b c\n"
        "-- chart: columns x=bucket y=n color=kind limit=3\nselect 1\n",
    )
    report = catalogue([folder])["quota"]
    assert report.titles == {"en": "Quota", "zh": "配额"}
    assert report.questions == {"en": "Who ran out?", "zh": "谁？"}
    assert report.extra == (
        Parameter("namespace", None),
        Parameter("share", "0.5"),
        Parameter("text", "a=b c"),
    )
    assert report.chart == Chart("columns", "bucket", "n", "kind", 3)


HEADER = "-- title: Own\n-- question: What?\n"


def test_a_file_without_a_header_is_refused(tmp_path: Path) -> None:
    """Title and question have to be there, for a list of names says nothing; a slip of a key is named."""
    folder = _folder(
        tmp_path,
        bare="select 1 as one\n",
        half="-- title: Half\n-- qestion: What?\nselect 1",
        right="-- title: Right\n-- question: What?\nselect 1",
    )
    with pytest.raises(ConfigError) as raised:
        catalogue([folder])
    assert raised.value.mistakes == (
        f"{folder}/bare.sql:1: the header has no title; begin the file with a line -- title: …",
        f"{folder}/bare.sql:1: the header has no question; begin the file with a line -- question: …",
        f"{folder}/half.sql:1: the header has no question; begin the file with a line -- question: …",
        f"{folder}/half.sql:2: qestion: did you mean question?",
    )


def test_a_title_without_translation_is_that_of_both_languages(tmp_path: Path) -> None:
    """A report of one's own need not speak Chinese, and nothing is drawn that it does not ask for."""
    report = catalogue([_folder(tmp_path, my_own=f"{HEADER}select 1 as one\n")])["my_own"]
    assert report.titles == {"en": "Own", "zh": "Own"}
    assert report.questions == {"en": "What?", "zh": "What?"}
    assert report.parameters == ()
    assert report.chart is None
    assert report.path == tmp_path / "my_own.sql"


def test_a_folder_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    """The configuration and the command line may name the same folder."""
    folder = _folder(tmp_path, own=f"{HEADER}select 1")
    assert "own" in catalogue([folder, tmp_path / "." / ""])


def test_all_mistakes_of_a_folder_are_told_at_once(tmp_path: Path) -> None:
    """A taken name, a bad name, bad parameters, a bad chart and unreadable text: each with file and line."""
    folder = _folder(
        tmp_path,
        top_reasons=f"{HEADER}select 1",
        **{"Not-good": f"{HEADER}select 1"},
        bad=f"{HEADER}-- parameters: start=now, Bad!, a, a\n-- chart: pie x=a\nselect 1",
    )
    (folder / "binary.sql").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError) as raised:
        catalogue([folder, tmp_path / "absent"])
    told = "\n".join(raised.value.mistakes)
    for words in (
        "Not-good.sql: name it in lower case",
        "binary.sql: cannot be read",
        "absent: this folder of reports is not there",
        "bad.sql:3: parameters: start comes from the window",
        "bad.sql:3: parameters: 'Bad!' is no name",
        "bad.sql:3: parameters: 'a' is no name",
        "bad.sql:4: chart: 'pie x=a' is not one of bar, columns, stacked_area",
        "top_reasons.sql: there is a report named top_reasons already (sql/reports/top_reasons.sql)",
    ):
        assert words in told
    assert len(raised.value.mistakes) == 8


@pytest.mark.parametrize(
    "chart",
    [
        "bar",
        "bar x=a",
        "bar x=a y=",
        "bar x=a y=b shape=c",
        "bar x=a y=b limit=0",
        "bar x=a y=b limit=many",
        "line x=a y=b",
        "heatmap x=a y=b",
        "heatmap x=a y=b color=c limit=3",
        "columns x=a y=b mark=c",
    ],
)
def test_a_chart_that_cannot_be_drawn_is_refused(tmp_path: Path, chart: str) -> None:
    """A chart needs a kind that exists, x and y, and nothing unknown."""
    folder = _folder(tmp_path, own=f"{HEADER}-- chart: {chart}\nselect 1")
    with pytest.raises(ConfigError, match="is not one of"):
        catalogue([folder])


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    """A slip of the pen gets an offer, anything else the list."""
    reports = catalogue()
    assert find("coverage", reports) is reports["coverage"]
    with pytest.raises(UsageError, match="did you mean top_reasons"):
        find("top_reason", reports)
    with pytest.raises(UsageError, match="there are api_cost, clusters"):
        find("xyzzy", reports)
