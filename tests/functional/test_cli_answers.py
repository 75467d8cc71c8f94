"""report, sql and coverage over a lake: what is on stdout, what is refused, and with which code."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from etl.reports.catalogue import catalogue
from tests.lib.api_answers import encoded
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW, Done, contents, eventlake, parts
from tests.lib.events import event

CLUSTERS = ("prod", "stage")
REASONS = (
    *("BackOff", "Unhealthy", "FailedMount", "FailedScheduling"),
    *("Evicted", "Killing", "Pulled", "Created"),
)
COLUMNS = ["reason", "type", "component", "occurrences", "share", "objects", "namespaces"]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clusters with eight reasons each on two days; tests only read it."""
    path = tmp_path_factory.mktemp("answers") / "lake"
    for cluster in CLUSTERS:
        with ApiServer() as server:
            for number, reason in enumerate(REASONS, start=1):
                at = NOW - timedelta(hours=3 * number)
                server.add(event(f"web-{number}", at=at, count=number, reason=reason))
            items = server.store.at().events
        done = eventlake(
            *("--lake", path, "--cluster", cluster, "import", "-"),
            stdin=encoded({"kind": "List", "apiVersion": "v1", "items": items}),
        )
        assert done.code == 0, done.err
    return path


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, on a terminal of 120 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")


def asked(lake: Path, *arguments: object, **world: Any) -> Done:
    """Ask, and expect an answer without a word beside it."""
    done = eventlake("--lake", lake, *arguments, **world)
    assert (done.code, done.err) == (0, "")
    return done


def refused(lake: Path, *arguments: object, code: int = 2) -> str:
    """Ask what cannot be answered, and expect nothing on stdout; return what was said."""
    done = eventlake("--lake", lake, *arguments)
    assert (done.code, done.out) == (code, "")
    assert "Traceback" not in done.err
    return done.err


def test_list_names_every_report(lake: Path) -> None:
    """--list tells the name and the question of each report, and needs no lake."""
    for place in (lake, Path("nowhere")):
        text = asked(place, "report", "--list").out
        for name, item in catalogue().items():
            assert re.search(
                rf"^{name} +{re.escape(item.questions['en'][:20])}", text, re.MULTILINE
            )


def test_csv_is_alone_on_stdout(lake: Path) -> None:
    """CSV has a head and rows of the same length."""
    head, *lines = csv.reader(
        io.StringIO(asked(lake, "report", "top_reasons", "--format", "csv").out)
    )
    assert head[: len(COLUMNS)] == COLUMNS
    assert len(lines) == 8
    assert {len(line) for line in lines} == {len(head)}


def test_json_is_alone_on_stdout(lake: Path) -> None:
    """JSON is one array of objects with the SQL's names; times are RFC 3339 in UTC."""
    rows = asked(lake, "report", "top_reasons", "--format", "json").json()
    assert list(rows[0])[: len(COLUMNS)] == COLUMNS
    assert rows[0]["last_event"].endswith("Z")
    assert datetime.fromisoformat(rows[0]["last_event"]) <= NOW


def test_parquet_is_alone_on_stdout(lake: Path) -> None:
    """Parquet on stdout is a whole file, of the same rows as JSON."""
    table = pq.read_table(
        io.BytesIO(asked(lake, "report", "top_reasons", "--format", "parquet").raw)
    )
    rows = asked(lake, "report", "top_reasons", "--format", "json").json()
    assert table.column_names == list(rows[0])
    assert table["occurrences"].to_pylist() == [row["occurrences"] for row in rows]


def test_markdown_holds_one_report_or_many(lake: Path) -> None:
    """One report is a table alone; several get their titles."""
    one = asked(lake, "report", "top_reasons", "--format", "markdown").out
    assert one.startswith("| reason | type |")
    many = asked(lake, "report", "top_reasons", "coverage", "--format", "markdown").out
    assert many.count("\n## ") + many.startswith("## ") == 2
    assert one in many


def test_html_is_one_page(lake: Path) -> None:
    """HTML on stdout is a page from its first character to its last, without a network."""
    page = asked(lake, "report", "top_reasons", "--format", "html").out
    assert page.lower().startswith("<!doctype html>")
    assert page.rstrip().endswith("</html>")
    assert 'src="http' not in page


def test_table_is_for_eyes(lake: Path) -> None:
    """Without a format there is a table with title, question and the line of coverage."""
    text = asked(lake, "report", "top_reasons").out
    assert text.splitlines()[0] == "Top reasons"
    assert "BackOff" in text
    assert "Coverage" in text


@pytest.mark.parametrize("form", ["table", "csv", "json", "markdown", "parquet", "html"])
def test_output_is_a_file(form: str, lake: Path) -> None:
    """--output takes the answer; stdout stays empty and stderr says where it is."""
    done = eventlake(
        "--lake", lake, "report", "top_reasons", "--format", form, "--output", f"below/{form}"
    )
    assert (done.code, done.out, done.err) == (0, "", f"written: below/{form}\n")
    assert list(contents(Path())) == [f"below/{form}"]
    if form not in {"table", "html"}:
        assert (
            Path("below", form).read_bytes()
            == asked(lake, "report", "top_reasons", "--format", form).raw
        )


def test_output_that_cannot_be_written(lake: Path) -> None:
    """A file in place of the folder is told, and nothing is left."""
    Path("taken").write_text("x")
    said = refused(lake, "report", "top_reasons", "--format", "csv", "--output", "taken/here.csv")
    assert "cannot write taken/here.csv" in said
    assert list(contents(Path())) == ["taken"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["top_reasons", "coverage", "--format", "csv"], "holds one answer"),
        (["--format", "json"], "holds one answer"),
        (["top_reason"], "did you mean top_reasons"),
        (["qqq"], "there is no report 'qqq'"),
        (["top_reasons", "--set", "limit"], "write it NAME=VALUE"),
        (["top_reasons", "--set", "=3"], "write it NAME=VALUE"),
        (["top_reasons", "--set", "limt=3"], "did you mean limit?"),
        (["top_reasons", "coverage", "--set", "colour=red"], "no chosen report takes it"),
        (["top_reasons", "--set", "limit=many"], "is not a whole number"),
        (["--format", "html", "--set", "colour=red"], "colour"),
        (["--day", "2026-11-22", "--since", "2h"], "give one of day, since, or start"),
        (["--since", "2h", "--start", "2026-11-22"], "give one of day, since, or start"),
        (["--end", "2026-11-22"], "give one of day, since, or start"),
        (["--start", "2026-11-23", "--end", "2026-11-22"], "ends (2026-11-22T00:00:00Z) before"),
        (["--start", "2027-01-01"], "before it starts"),
        (["--day", "22.11.2026"], "'22.11.2026' is not a day"),
        (["--since", "2 hours"], "'2 hours' is not a duration"),
        (["--timezone", "Mars/Olympus"], "'Mars/Olympus' is not an IANA timezone"),
        (["--reports", "nowhere"], "nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_report_that_cannot_be_asked(arguments: list[str], said: str, lake: Path) -> None:
    """Contradictions, unknown names and wrong values end with 2 and say what is possible."""
    assert said in refused(lake, "report", *arguments)


def test_parameters_go_where_they_are_taken(lake: Path) -> None:
    """A parameter that one of several reports takes is given to that one."""
    few = asked(lake, "report", "top_reasons", "--set", "limit=2", "--format", "json").json()
    assert len(few) == 2
    both = asked(
        lake, "report", "top_reasons", "coverage", "--set", "limit=2", "--format", "markdown"
    ).out
    assert few[1]["reason"] in both


def test_windows_of_time(lake: Path) -> None:
    """A day in a timezone, a span until now and a start with an end are the windows they say."""
    query = ("report", "top_reasons", "--format", "json")
    day = asked(lake, *query, "--day", "2026-11-23", "--timezone", "Asia/Shanghai").json()
    assert (
        day
        == asked(
            lake, *query, "--start", "2026-11-22T16:00:00Z", "--end", "2026-11-23T16:00:00Z"
        ).json()
    )
    assert asked(lake, *query).json() == asked(lake, *query, "--since", "24h").json()
    assert asked(lake, *query, "--since", "0s").json() == []


OWN = """-- title: Uids
-- question: How many?
-- parameters: start, end, kind=Pod
-- chart: bar x=uids y=kind
select object_kind as kind, count(distinct uid) as uids from events
where date between cast($start as date) and cast($end as date)
and last_seen >= $start and last_seen < $end and object_kind = $kind
group by all order by all
"""


def own(folder: str, **files: str) -> Path:
    """Write statements into a folder, and return it."""
    Path(folder).mkdir()
    for name, text in files.items():
        Path(folder, f"{name}.sql").write_text(text, "utf-8")
    return Path(folder)


def test_reports_of_your_own(lake: Path) -> None:
    """A folder of statements adds reports under their files' names, to rows, list and page."""
    folder = own("mine", uids=OWN)
    with_own = ("--reports", folder)
    rows = asked(lake, "report", "uids", *with_own, "--format", "json").json()
    assert rows == [{"kind": "Pod", "uids": 8}]
    other = asked(lake, "report", "uids", *with_own, "--set", "kind=Node", "--format", "json")
    assert other.json() == []
    assert re.search(
        r"^uids +How many", asked(lake, "report", *with_own, "--list").out, re.MULTILINE
    )
    page = asked(lake, "report", *with_own, "--format", "html").out
    assert 'id="uids"' in page
    section = page[page.index('id="uids"') :]
    assert section.index("<figure") < section.index("</section>")
    assert f"--reports {folder.resolve()}" in page


def test_reports_of_the_configuration(lake: Path) -> None:
    """A folder that the configuration names, relative to itself, needs no option."""
    own("mine", uids=OWN)
    Path("eventlake.yaml").write_text("report:\n  folders: [mine]\n", "utf-8")
    config = ("--config", "eventlake.yaml")
    assert asked(lake, *config, "report", "uids", "--format", "json").json()
    assert 'id="uids"' in asked(lake, *config, "report", "--format", "html").out


def test_wrong_reports_of_your_own_are_refused_all_at_once(lake: Path) -> None:
    """Two statements, an unknown parameter, a missing header, a taken name: file and line of each."""
    folder = own(
        "mine",
        two="-- title: Two\n-- question: What?\nselect 1;\nselect 2\n",
        asks="-- title: Asks\n-- question: What?\nselect 1 as one\nwhere $namespace = 'a'\n",
    ).resolve()
    said = refused(lake, "report", "--reports", folder, "--list")
    assert f"{folder}/two.sql:3: exactly one SELECT is wanted" in said
    assert f"{folder}/asks.sql:4: parameters: $namespace is used but not listed" in said
    (folder / "bare.sql").write_text("select 1", "utf-8")
    (folder / "top_reasons.sql").write_text(OWN, "utf-8")
    said = refused(lake, "report", "--reports", folder, "--list")
    assert f"{folder}/bare.sql:1: the header has no title" in said
    assert f"{folder}/top_reasons.sql: there is a report named top_reasons already" in said


def test_the_list_is_rows_too(lake: Path) -> None:
    """--list as JSON has what a program needs to ask: names, questions, parameters, files."""
    folder = own("mine", uids=OWN)
    rows = asked(lake, "report", "--list", "--reports", folder, "--format", "json").json()
    listed = {row["name"]: row for row in rows}
    assert set(listed) == {*catalogue(), "uids"}
    assert listed["uids"] == {
        "name": "uids",
        "title": "Uids",
        "question": "How many?",
        "parameters": ["kind=Pod"],
        "chart": "bar",
        "file": str(folder.resolve() / "uids.sql"),
    }
    assert listed["top_reasons"]["file"] is None
    assert listed["top_reasons"]["parameters"] == ["limit=20"]
    assert "no page" in refused(lake, "report", "--list", "--format", "html")


def test_a_time_without_an_offset_is_meant_in_the_timezone(lake: Path) -> None:
    """--start 2026-11-23 is midnight in the timezone that was asked for; an offset wins over it."""
    query = ("report", "coverage", "--format", "json", "--timezone", "Asia/Kolkata")
    local = asked(lake, *query, "--start", "2026-11-22", "--end", "2026-11-23").json()
    day = asked(lake, *query, "--day", "2026-11-22").json()
    assert local == day
    assert day[0]["started_at"] == "2026-11-21T18:30:00Z"
    offset = ("--start", "2026-11-22T00:00:00+05:30", "--end", "2026-11-22T18:30:00Z")
    assert asked(lake, *query, *offset).json() == day


def test_one_cluster_only(lake: Path) -> None:
    """--cluster limits every answer to one of the lake's clusters."""
    query = "select distinct cluster from events order by 1"
    found = {
        cluster: asked(lake, *options, "sql", query, "--format", "json").json()
        for cluster, options in {"all": [], "one": ["--cluster", "stage"]}.items()
    }
    assert [row["cluster"] for row in found["all"]] == ["prod", "stage"]
    assert found["one"] == [{"cluster": "stage"}]


@pytest.mark.parametrize("form", ["table", "csv", "json", "markdown"])
def test_coverage_has_its_forms(form: str, lake: Path) -> None:
    """The coverage command answers like a report, and the table adds the line that every digest has."""
    text = asked(lake, "coverage", "--format", form).out
    if form == "json":
        assert {row["cluster"] for row in json.loads(text)} <= set(CLUSTERS)
    if form == "table":
        assert "Coverage" in text


def test_coverage_keeps_state_and_cause_on_a_narrow_terminal(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """60 columns show what is not covered and why; what does not fit is named."""
    monkeypatch.setenv("COLUMNS", "60")
    text = asked(lake, "coverage").out
    head = text.splitlines()[0].split()
    assert head[:3] == ["Cluster", "State", "Cause"]
    assert "ended_at" in text


def test_coverage_refuses_contradictions(lake: Path) -> None:
    """The options of time contradict each other as they do for reports."""
    assert "give one of day, since" in refused(
        lake, "coverage", "--day", "2026-11-22", "--since", "1h"
    )


def test_damaged_part_is_named_and_left_out(lake: Path) -> None:
    """A truncated file costs its rows, is named even under --quiet, and stops nothing."""
    shutil.copytree(lake, "lake")
    damaged = parts(Path("lake"))[0]
    damaged.write_bytes(damaged.read_bytes()[:100])
    query = "select count(*) as states from observations"
    for arguments in (["sql", query], ["report", "top_reasons"], ["coverage"]):
        done = eventlake("--quiet", "--lake", "lake", *arguments, "--format", "json")
        assert done.code == 0
        assert done.json()
        assert done.err.startswith(f"warning: {damaged.relative_to('lake')} ")
        assert "left out" in done.err
