"""``etl.open``: the answers of the commands as DataFrames, relations and errors."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import etl
from etl.api import opened
from etl.api.rule import RuleHistory
from etl.errors import (
    ConfigError,
    EventlakeError,
    LakeError,
    LakeWarning,
    StatementError,
    UsageError,
)
from etl.timespan import rfc3339
from tests.lib.api_answers import encoded
from tests.lib.commandline import NOW, eventlake
from tests.lib.events import event

OWN = """-- title: Own
-- question: What of mine?
-- parameters: start, end, reason=BackOff
select reason, cast(sum(occurrences) as bigint) as n from events
where last_seen >= $start and last_seen < $end and reason = $reason group by reason
"""


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded sample; tests only read it."""
    path = tmp_path_factory.mktemp("api") / "lake"
    assert eventlake("--lake", path, "sample").code == 0
    return path


@pytest.fixture(scope="module")
def lake(sample: Path) -> Iterator[etl.api.Lake]:
    """The sample, opened at the moment at which it ends."""
    with etl.open(sample, now=NOW) as found:
        yield found


@pytest.fixture(scope="module")
def rule(lake: etl.api.Lake) -> RuleHistory:
    """A rule over three days of the sample."""
    return lake.rule("CrashLooping", since="3d")


def dumped(folder: Path, name: str) -> Path:
    """Write a dump of one event about ``name`` into ``folder``, and return its path."""
    path = folder / "events.json"
    one = event(name, at=NOW, metadata={"uid": name})
    path.write_bytes(encoded({"kind": "List", "apiVersion": "v1", "items": [one]}))
    return path


def plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as JSON has them."""
    return [{str(k): _plain(v) for k, v in row.items()} for row in frame.to_dict("records")]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if value is pd.NaT or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, datetime):
        return rfc3339(value.astimezone(UTC)) if value.tzinfo else value.date().isoformat()
    return value.total_seconds() if isinstance(value, timedelta) else value


@pytest.mark.parametrize(
    ("options", "name", "keywords"),
    [
        (["--since", "24h"], "top_reasons", {"since": "24h"}),
        (["--since", "7d", "--set", "limit=3"], "noisiest_workloads", {"since": "7d", "limit": 3}),
        (["--day", "2026-11-22"], "coverage", {"day": date(2026, 11, 22)}),
        (
            ["--start", "2026-11-20", "--set", "reason=BackOff", "--set", "bucket=6h"],
            "reason_over_time",
            {"start": "2026-11-20", "reason": "BackOff", "bucket": timedelta(hours=6)},
        ),
        ([], "daily_summary", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_report_says_what_the_command_says(
    options: list[str], name: str, keywords: dict[str, Any], sample: Path
) -> None:
    """The same rows in the same order, with the same columns; days are cut in the timezone."""
    done = eventlake(
        "--lake", sample, "report", name, *options, "--timezone", "Asia/Kolkata", "--format", "json"
    )
    with etl.open(sample, timezone="Asia/Kolkata", now=NOW) as lake:
        found = lake.report(name, **keywords)
    assert done.code == 0
    assert plain(found) == done.json()
    assert len(found) > 0
    assert list(found.columns) == list(done.json()[0])


def test_every_report_answers(lake: etl.api.Lake) -> None:
    """Each that is listed, with a title and the window beside its rows, which Parquet takes along."""
    assert len(lake.reports) > 15
    for name in lake.reports.name:
        found = lake.report(name)
        json.dumps(found.attrs)
        assert found.attrs["title"]
        assert found.attrs["end"] == rfc3339(NOW)


@pytest.mark.parametrize(
    "window",
    [
        {"since": timedelta(hours=8)},
        {"since": pd.Timedelta(hours=8)},
        {"since": "8h"},
        {"start": "2026-11-23"},
        {"start": date(2026, 11, 23), "end": NOW},
        {"start": pd.Timestamp("2026-11-23", tz="UTC"), "end": pd.Timestamp(NOW)},
        {"start": datetime(2026, 11, 23), "end": "2026-11-23T16:00:00+08:00"},  # noqa: DTZ001 -- a time without a timezone
    ],
    ids=lambda window: "-".join(f"{k}={type(v).__name__}" for k, v in window.items()),
)
def test_a_window_is_said_in_many_ways(window: dict[str, Any], lake: etl.api.Lake) -> None:
    """Texts, Python's types and pandas' types mean the same."""
    found = lake.report("top_reasons", **window)
    assert (found.attrs["start"], found.attrs["end"]) == ("2026-11-23T00:00:00Z", rfc3339(NOW))
    assert found.equals(lake.report("top_reasons", since="8h"))


@pytest.mark.parametrize("day", ["2026-11-22", date(2026, 11, 22), pd.Timestamp("2026-11-22")])
def test_a_day_is_a_day_of_the_timezone(day: Any, sample: Path) -> None:
    """The clocks of Shanghai are eight hours ahead."""
    with etl.open(sample, timezone="Asia/Shanghai", now=NOW) as lake:
        attrs = lake.report("volume_by_type", day=day).attrs
    assert (attrs["start"], attrs["end"]) == ("2026-11-21T16:00:00Z", "2026-11-22T16:00:00Z")


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda lake: lake.report("top_reason"), UsageError, "did you mean top_reasons?"),
        (lambda lake: lake.report("top_reasons", sinc="1h"), UsageError, "no parameter 'sinc'"),
        (lambda lake: lake.report("top_reasons", since="1 day"), UsageError, "write it like 90s"),
        (lambda lake: lake.report("top_reasons", day="23.11."), UsageError, "is not a day"),
        (lambda lake: lake.report("top_reasons", start="noon"), UsageError, "is not a time"),
        (
            lambda lake: lake.report("top_reasons", day="2026-11-22", since="1h"),
            UsageError,
            "give one of day, since",
        ),
        (lambda lake: lake.report("top_reasons", cluster="x"), UsageError, "are sample, sample-b"),
        (lambda lake: lake.sql("select 1", cluster="x"), UsageError, "are sample, sample-batch"),
        (lambda lake: lake.sql("drop view events"), StatementError, "exactly one SELECT"),
        (lambda lake: lake.sql("select * from duckdb_settings()"), StatementError, "out of reach"),
        (lambda lake: lake.sql("select * from '/etc/passwd'"), StatementError, "there is no view"),
        (lambda lake: lake.sql("select $reason"), StatementError, r"wants a value for \$reason"),
        (lambda lake: lake.timeline("pod/nobody"), UsageError, "no event about pod nobody"),
        (lambda lake: lake.timeline("pod/a/b"), UsageError, "write it KIND/NAME"),
        (lambda lake: lake.rule("CrashLoop"), UsageError, "did you mean CrashLooping?"),
    ],
)
def test_what_is_wrong_is_told(
    call: Any, kind: type[EventlakeError], words: str, lake: Any
) -> None:
    """An error of our tree, which says what to do; the lake answers on."""
    with pytest.raises(kind, match=words):
        call(lake)
    assert lake.sql("select 1 as one").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("keywords", "kind", "words"),
    [
        ({"timezone": "Mars"}, UsageError, "not an IANA timezone"),
        ({"now": datetime(2026, 11, 23)}, UsageError, "names no timezone"),  # noqa: DTZ001 -- the point
        ({"config": "no.yaml"}, ConfigError, "no.yaml"),
        ({"cluster": "x"}, UsageError, "no cluster 'x'"),
    ],
)
def test_what_cannot_be_opened_is_told(
    keywords: dict[str, Any], kind: type[EventlakeError], words: str, sample: Path
) -> None:
    """At once, and not by the first question."""
    with pytest.raises(kind, match=words):
        etl.open(sample, **keywords)


def test_there_has_to_be_a_lake(tmp_path: Path) -> None:
    """A typo in the path is no empty lake, and nothing is created."""
    with pytest.raises(LakeError, match="there is no lake"):
        etl.open(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_sql_gives_a_relation(lake: etl.api.Lake) -> None:
    """Values are bound by name; the rows can be filtered, joined to a frame of one's own, and outlive the lake."""
    import duckdb  # noqa: PLC0415 -- as a notebook would

    text = "select namespace, count(*) as n from events where reason = $reason group by namespace"
    states = lake.sql(text, {"reason": "BackOff", "unused": 1})
    told = {row["namespace"]: row["n"] for row in states.df().to_dict("records")}
    assert told["test-crash"] > 0
    mine = pd.DataFrame({"namespace": ["test-crash"], "team": ["blue"]})
    joined = duckdb.sql("select team, n from states join mine using (namespace)")
    assert joined
    assert joined.fetchall() == [("blue", told["test-crash"])]
    assert len(mine) == 1


def test_sql_is_limited_to_a_cluster(lake: etl.api.Lake, sample: Path) -> None:
    """By the call, or for all of them by the lake."""
    text = "select distinct cluster from events order by cluster"
    assert lake.sql(text).fetchall() == [("sample",), ("sample-batch",)]
    assert lake.sql(text, cluster="sample").fetchall() == [("sample",)]
    with etl.open(sample, cluster="sample-batch", now=NOW) as one:
        assert one.sql(text).fetchall() == [("sample-batch",)]
        assert set(one.report("daily_summary").cluster) == {"sample-batch"}
        assert set(one.report("daily_summary", cluster="sample").cluster) == {"sample"}


def test_a_statement_has_the_limits_of_the_configuration(sample: Path, tmp_path: Path) -> None:
    """The time of a statement ends it, as for the command."""
    config = tmp_path / "config.yaml"
    config.write_text("sql: {timeout: 200ms}\n", "utf-8")
    endless = "select sum(a.range * b.range) from range(10000000) a, range(10000000) b"
    with (
        etl.open(sample, config=config, now=NOW) as lake,
        pytest.raises(StatementError, match="ended after 200ms"),
    ):
        lake.sql(endless)


def test_views_are_those_that_can_be_asked(lake: etl.api.Lake) -> None:
    """Each view with its columns, and every one of them answers."""
    listed = lake.views.groupby("view").column.agg(list).to_dict()
    assert {"events", "latest", "coverage", "reasons"} <= set(listed)
    for view, columns in listed.items():
        assert lake.sql(f"select * from {view} limit 0").columns == columns  # noqa: S608 -- names of our own


def test_events_are_those_of_the_command(lake: etl.api.Lake, sample: Path) -> None:
    """The same event objects in the same order, all of history by default."""
    done = eventlake("--lake", sample, "events", "-n", "mars", "--types", "Warning", "-o", "name")
    found = lake.events(namespace="mars", types=["Warning"])
    assert [f"event/{name}" for name in found.name] == done.out.split()
    assert lake.events(namespace="mars", types=["Warning"], limit=1).name.tolist() == [
        found.name.iloc[-1]
    ]
    pod = found.object_name.iloc[-1]
    assert set(lake.events(f"pod/{pod}", since="24h").object_name) == {pod}
    states = lake.events(observations=True, reasons=["BackOff"])
    assert len(states) > len(lake.events(reasons=["BackOff"]))


def test_a_story_is_that_of_the_command(lake: etl.api.Lake, sample: Path) -> None:
    """Every line, with the heading and the facts beside them."""
    about = ["deploy/manager-api-deployment", "-n", "mars", "--format", "json"]
    done = eventlake("--lake", sample, "--cluster", "sample", "timeline", *about)
    found = lake.timeline("deploy/manager-api-deployment")
    told = [dict(sorted(row.items())) for row in done.json()["lines"]]
    assert [dict(sorted(row.items())) for row in plain(found)] == told
    assert found.attrs["title"] == "Deployment mars/manager-api-deployment, cluster sample"
    assert found.attrs["facts"][-1].startswith("Coverage: ")


def test_a_rule_fires_as_check_would_have(rule: RuleHistory, sample: Path) -> None:
    """The findings of an evaluation are those of ``eventlake check`` at its time; quiet ones are listed, too."""
    assert [at.to_pydatetime() for at in rule.evaluations["at"]] == [
        NOW - timedelta(days=2),
        NOW - timedelta(days=1),
        NOW,
    ]
    for at, findings in zip(rule.evaluations["at"], rule.evaluations["findings"], strict=True):
        done = eventlake("--lake", sample, "check", "--at", rfc3339(at), "--format", "json")
        wanted = {
            (found["labels"]["namespace"], found["labels"]["name"], found["value"])
            for found in done.json()
            if found["alert"] == "CrashLooping"
        }
        over = rule.measured[rule.measured.fired & (rule.measured["at"] == at)]
        assert set(zip(over.namespace, over.name, over.value, strict=True)) == wanted
        assert findings == len(wanted)
    assert rule.evaluations.findings.sum() > 0


def test_thresholds_are_compared(rule: RuleHistory) -> None:
    """The rule's own is among them; a higher one never fires more often."""
    for found in (rule.firings(), rule.firings([50, 3])):
        assert found[found.current].threshold.tolist() == [rule.threshold]
        assert found.findings.is_monotonic_decreasing
        assert found.fired.is_monotonic_decreasing
        assert set(found.evaluations) == {3}
    assert rule.firings([50, 3]).threshold.tolist() == [">= 3", ">= 10", ">= 50"]
    own = rule.firings().set_index("current").loc[True]
    assert own.findings == rule.measured.fired.sum()
    assert own.fired == (rule.evaluations.findings > 0).sum()


def test_nobody_looked_is_not_quiet(rule: RuleHistory) -> None:
    """An evaluation of a day without a snapshot has a covered share of zero."""
    assert (rule.evaluations.covered_share == 0).tolist() == [True, False, False]


def test_an_empty_lake_answers_nothing(tmp_path: Path) -> None:
    """Every question gets an empty, well-formed answer, and coverage says that nothing is known."""
    from etl.lake.folders import LocalFiles  # noqa: PLC0415
    from tests.lib import lakes  # noqa: PLC0415

    lakes.empty(LocalFiles(tmp_path / "lake"))
    with etl.open(tmp_path / "lake", now=NOW, cluster="prod") as lake:
        assert lake.clusters == []
        assert lake.report("top_reasons").empty
        assert lake.events().empty
        assert "occurrences" in lake.report("top_reasons").columns
        assert lake.coverage().startswith("Coverage: no snapshot reaches into this window")
        quiet = lake.rule("CrashLooping", since="1d")
        assert quiet.evaluations.findings.tolist() == quiet.firings().findings.tolist() == [0]
        assert lake.sql("select * from events").fetchall() == []


def test_reports_of_ones_own_are_asked(sample: Path, tmp_path: Path) -> None:
    """From a folder of the call or of the configuration; a wrong one is refused when the lake is opened."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "own.sql").write_text(OWN, "utf-8")
    config = tmp_path / "config.yaml"
    config.write_text("report: {folders: [mine]}\ntimezone: Asia/Tokyo\n", "utf-8")
    with etl.open(sample, reports=[folder], now=NOW) as lake:
        found = lake.report("own", reason="Unhealthy")
        assert found.reason.tolist() == ["Unhealthy"]
        assert lake.reports.set_index("name").file["own"] == str(folder / "own.sql")
    with etl.open(sample, config=config, now=NOW) as lake:
        assert lake.report("own", reason="Unhealthy").n.tolist() == found.n.tolist()
        assert lake.timezone == "Asia/Tokyo"
    (folder / "bad.sql").write_text(OWN.replace("$reason", "$raeson"), "utf-8")
    with pytest.raises(ConfigError, match="raeson is used but not listed"):
        etl.open(sample, reports=[folder], now=NOW)


def test_a_lake_is_a_picture_until_it_is_refreshed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers belong to one moment; a new picture is taken when asked for, or when the old one may lose files."""
    path, count = tmp_path / "lake", "select count(*) from observations"

    def add(name: str) -> None:
        file = dumped(tmp_path, name)
        assert eventlake("--lake", path, "--cluster", "prod", "import", file).code == 0

    add("one")
    with etl.open(path) as lake:
        began = lake.now
        assert began.tzinfo is UTC
        add("two")
        assert lake.sql(count).fetchall() == [(1,)]
        assert (len(lake.events()), lake.now) == (1, began)
        lake.refresh()
        assert lake.sql(count).fetchall() == [(2,)]
        assert lake.now > began
        add("three")
        monkeypatch.setattr(opened, "_PICTURE_SECONDS", -1)
        assert len(lake.events()) == 3


def test_what_is_damaged_is_told_once(tmp_path: Path) -> None:
    """A file that cannot be read is left out with a warning, which names it and the caller's line."""
    path = tmp_path / "lake"
    for cluster in ("a", "b"):
        file = dumped(tmp_path, cluster)
        assert eventlake("--lake", path, "--cluster", cluster, "import", file).code == 0
    (part,) = path.glob("parts/cluster=a/*/*.parquet")
    part.write_bytes(part.read_bytes()[:100])
    with etl.open(path, now=NOW + timedelta(minutes=1)) as lake:
        with pytest.warns(LakeWarning, match=part.name) as caught:
            assert lake.report("daily_summary").occurrences.sum() == 1
        assert [warning.filename for warning in caught] == [__file__]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert lake.report("daily_summary").occurrences.sum() == 1


def test_now_is_as_far_as_the_lake_reaches(sample: Path, tmp_path: Path) -> None:
    """``newest`` is the newest list, or the newest event where nobody said when it was listed; both belong to the window."""
    with etl.open(sample, now="newest") as lake:
        assert lake.now == NOW - timedelta(minutes=1) + timedelta(microseconds=1)
        assert lake.report("top_reasons").equals(
            lake.report("top_reasons", end=lake.now, start=lake.now - timedelta(hours=24))
        )
    path = tmp_path / "lake"
    file = dumped(tmp_path, "one")
    assert (
        eventlake(
            "--lake", path, "--cluster", "old", "import", file, now=NOW + timedelta(days=99)
        ).code
        == 0
    )
    with etl.open(path, now="newest") as lake:
        assert lake.now == NOW + timedelta(microseconds=1)
        assert lake.report("top_reasons", since="1s").occurrences.sum() == 1


def test_a_statement_gets_the_window(lake: etl.api.Lake) -> None:
    """As a report does: its edges and the timezone, unless they are given by hand."""
    asked = "select $start::varchar as a, $end::varchar as b, $timezone as c"
    told = lake.sql(asked, since="1h").fetchall()
    assert told == [("2026-11-23 07:00:00+00", "2026-11-23 08:00:00+00", "UTC")]
    assert lake.sql("select $start as one", {"start": 1}).fetchall() == [(1,)]


def test_a_closed_lake_says_so(sample: Path) -> None:
    """What it returned stays; another question is refused, and closing twice is nothing."""
    with etl.open(sample, now=NOW) as lake:
        assert repr(lake) == (
            f"<etl.Lake {str(sample)!r}, clusters: sample, sample-batch; as of {rfc3339(NOW)}>"
        )
        relation = lake.sql("select 1 as one")
    lake.close()
    assert relation.fetchall() == [(1,)]
    assert repr(lake) == f"<etl.Lake {str(sample)!r}, closed>"
    with pytest.raises(UsageError, match=r"open it again with etl\.open"):
        lake.report("top_reasons")
