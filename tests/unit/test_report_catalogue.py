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


def test_a_bare_file_is_a_report(tmp_path: Path) -> None:
    """Without a header the name is the title, in both languages, and nothing is drawn."""
    report = catalogue([_folder(tmp_path, my_own="select 1 as one\n")])["my_own"]
    assert report.titles == {"en": "My own", "zh": "My own"}
    assert report.questions == {"en": "", "zh": ""}
    assert report.parameters == ()
    assert report.chart is None


def test_all_mistakes_of_a_folder_are_told_at_once(tmp_path: Path) -> None:
    """A taken name, a bad name, bad parameters, a bad chart and unreadable text: each is named."""
    folder = _folder(
        tmp_path,
        top_reasons="select 1",
        **{"Not-good": "select 1"},
        bad="-- parameters: start=now, Bad!, a, a\n-- chart: pie x=a\nselect 1",
    )
    (folder / "binary.sql").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError) as raised:
        catalogue([folder, tmp_path / "absent"])
    told = "\n".join(raised.value.mistakes)
    for words in (
        "Not-good.sql: name it in lower case",
        "binary.sql: cannot be read",
        "absent: this folder of reports is not there",
        "start comes from the window",
        "'Bad!' is no name",
        "'a' is no name",
        "chart: 'pie x=a' is not one of bar, columns, stacked_area, heatmap",
        "there is a report named top_reasons already",
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
    folder = _folder(tmp_path, own=f"-- chart: {chart}\nselect 1")
    with pytest.raises(ConfigError, match="is not one of"):
        catalogue([folder])


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    """A slip of the pen gets an offer, anything else the list."""
    reports = catalogue()
    assert find("coverage", reports) is reports["coverage"]
    with pytest.raises(UsageError, match="did you mean top_reasons"):
        find("top_reason", reports)
    with pytest.raises(UsageError, match="there are api_cost, coverage"):
        find("xyzzy", reports)
