"""Sessions: one SELECT at a time, values bound by name, one cluster or all, nothing of the machine."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from etl import schema
from etl.errors import LakeError, QueryError
from etl.lake import stranger
from etl.lake.append import Addition
from etl.lake.files import Files
from etl.lake.layout import Lake
from etl.lake.query import Session, session
from etl.lake.views import needed
from etl.statements import in_folder
from tests.lib import lakes, tables

# The interface for SQL users: the shipped views and the catalogue of reasons.
VIEWS = ["reasons", *(s.name.rpartition("/")[2] for s in in_folder("views"))]

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)
ARN = "arn:aws:eks:eu:1:cluster/shop"


@pytest.fixture
def lake(files: Files) -> Lake:
    """A lake with two clusters of one event each."""
    made = Lake(files)
    made.prepare()
    for cluster in ("prod", ARN):
        with Addition(made, cluster, "s1") as addition:
            addition.add(
                tables.typed_table(
                    f"uid | n | last_seen\nu-{cluster[:4]} | 2 | 2026-11-23 08:00", schema.SCHEMA
                )
            )
            addition.publish()
    return made


@pytest.mark.parametrize("view", VIEWS)
def test_a_lake_without_files_answers(view: str, files: Files) -> None:
    """Every public view of a lake in which nothing was written yet has its columns and no rows."""
    made = Lake(files)
    made.prepare()
    with session(made) as opened:
        found = opened.run(f"select * from {view}", {})  # noqa: S608 -- a view of ours
        assert found.column_names
        assert (found.num_rows > 0) == (view == "reasons")


def test_no_lake_is_an_error(files: Files) -> None:
    """A place that is no lake is not an empty one."""
    with pytest.raises(LakeError, match="there is no lake at"), session(Lake(files)):
        pass


def test_a_session_sees_all_clusters_or_one(lake: Lake) -> None:
    """Limited to a cluster, the views hold its rows alone; a cluster that is not there has none."""
    question = "select cluster, n from events order by cluster"
    with session(lake) as opened:
        assert opened.clusters == [ARN, "prod"]
        assert opened.run(question, {})["cluster"].to_pylist() == [ARN, "prod"]
    with session(lake, cluster=ARN) as opened:
        assert opened.clusters == [ARN]
        assert opened.run(question, {})["cluster"].to_pylist() == [ARN]
    with session(lake, cluster="nobody") as opened:
        assert opened.clusters == []
        assert opened.run(question, {}).num_rows == 0


def test_a_session_is_one_moment(lake: Lake) -> None:
    """What is written while a session is open is in the next one."""
    with session(lake) as opened:
        with Addition(lake, "prod", "s2") as addition:
            addition.add(
                tables.typed_table("uid | n | last_seen\nx | 1 | 2026-11-23 08:00", schema.SCHEMA)
            )
            addition.publish()
        assert opened.run("select count(*) as n from observations", {}).to_pylist() == [{"n": 2}]
    with session(lake) as opened:
        assert opened.run("select count(*) as n from observations", {}).to_pylist() == [{"n": 3}]


def test_values_are_bound_by_name() -> None:
    """A statement gets the values that it names and no others, whatever they hold."""
    opened = Session.over({"events": tables.events("uid | reason\na | it's\nb | -")})
    text = "select uid from events where reason = $reason or last_seen < $at order by uid"
    assert opened.parameters(text) == {"reason", "at"}
    values = {"reason": "it's", "at": AT, "unused": 1}
    assert opened.run(text, values).to_pylist() == [{"uid": "a"}]
    with pytest.raises(QueryError, match=r"wants a value for \$at, \$reason"):
        opened.run(text, {"unused": 1})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "select 1; select 2",
        "create table t as select 1",
        "insert into events select * from events",
        "copy (select 1) to 'x.csv'",
        "set threads = 1",
        "attach 'x.db'",
        "drop view events",
        "explain select 1",
    ],
)
def test_only_one_select_is_run(text: str) -> None:
    """The lake is read-only: anything but exactly one SELECT is refused before it runs."""
    opened = Session.over({"events": tables.events("uid\na")})
    with pytest.raises(QueryError, match="exactly one SELECT"):
        opened.run(text, {})


@pytest.mark.parametrize("text", ["selec 1", "select nope from events", "select 'a'::int"])
def test_a_failing_statement_tells_why(text: str) -> None:
    """DuckDB's own words come in one line, without a traceback."""
    opened = Session.over({"events": tables.events("uid\na")})
    with pytest.raises(QueryError) as caught:
        opened.run(text, {})
    assert "Error" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/hostname')",
        "select * from glob('/etc/*')",
        "select * from '/etc/passwd'",
    ],
)
def test_a_locked_session_reads_nothing_else(text: str, lake: Lake) -> None:
    """Statements of strangers see the lake and no other file of the machine."""
    with stranger.session(lake, timeout=timedelta(minutes=1), memory="1GB") as opened:
        assert opened.run("select count(*) as n from events", {}).to_pylist() == [{"n": 2}]
        with pytest.raises(QueryError):
            opened.run(text, {})


def test_times_are_utc(lake: Lake) -> None:
    """Whatever the machine's timezone is, times come and are compared in UTC."""
    with session(lake) as opened:
        table = opened.run(
            "select last_seen, date, last_seen::varchar as text from events order by 1", {}
        )
    assert table.schema.field("last_seen").type == schema.TIME
    assert table["last_seen"].to_pylist() == [AT, AT]
    assert table["date"].to_pylist() == [AT.date()] * 2
    assert table["text"].to_pylist() == ["2026-11-23 08:00:00+00"] * 2


@pytest.mark.parametrize(
    ("view", "columns"),
    [("observations", schema.FULL_SCHEMA), ("events", schema.FULL_DAY_SCHEMA)],
)
def test_the_views_have_the_columns_of_the_schema(
    view: str, columns: pa.Schema, lake: Lake
) -> None:
    """What the views list by hand is the schema's list, in its order: none is forgotten when one is added."""
    with session(lake) as opened:
        assert opened.run(f"select * from {view}", {}).column_names == columns.names  # noqa: S608 -- a view of ours


def test_the_columns_of_the_views_are_typed_by_the_schema(lake: Lake) -> None:
    """Observations have the schema's types, also for columns that are null everywhere."""
    with session(lake) as opened:
        table = opened.run("select * from observations", {})
    for field in schema.FULL_SCHEMA:
        found = table.schema.field(field.name).type
        assert found == field.type or pa.types.is_map(field.type), field.name


def test_open_days_are_counted_once_for_many_statements(lake: Lake) -> None:
    """The first statement counts as it goes; from the second one on nothing is counted again."""
    question = "select uid, n, occurrences from events order by all"
    with session(lake) as opened:
        # Views are made when a statement needs them, and a session lets nobody ask for a plan.
        opened._make(needed(question))
        connection = opened._connection  # noqa: SLF001

        def counts() -> bool:
            (row,) = connection.execute(f"explain {question}").fetchall()
            return "WINDOW" in str(row[1]).upper()

        first = opened.run(question, {})
        assert counts()
        assert opened.run(question, {}).to_pylist() == first.to_pylist()
        assert not counts()
        assert opened.run(question, {}).to_pylist() == first.to_pylist()


def test_days_that_are_kept_answer_as_they_do_otherwise(lake: Lake) -> None:
    """Asked by who will ask much, every view has the rows that it has for one question, and counts once."""
    drawn = """
        cluster | uid | n | last_seen        | resource_version | namespace | name | reason           | object_kind | object_name | message
        prod    | a   | 1 | 2026-11-22 23:50 | 1                | shop      | a.1  | SuccessfulCreate | ReplicaSet  | web-7d4b9   | Created pod: web-7d4b9-x2x2x
        prod    | b   | 3 | 2026-11-22 23:55 | 2                | shop      | b.1  | BackOff          | Pod         | web-7d4b9-x2x2x | back-off 10s
        prod    | b   | 5 | 2026-11-23 00:10 | 9                | shop      | b.1  | BackOff          | Pod         | web-7d4b9-x2x2x | back-off 40s
        """
    rows = tables.observations(drawn)
    for number in (1, 2):
        # The second part holds copies of what stands in the first.
        lakes.add(lake, f"20261123T00000{number}Z-s{number}", rows.slice(number - 1))
    for view in VIEWS:
        question = f"select * from {view} order by all"  # noqa: S608 -- a view of ours
        with session(lake) as once, session(lake, many=True) as often:
            answers = [opened.run(question, {}).to_pylist() for opened in (once, often, often)]
        assert answers[0] == answers[1] == answers[2], view
    with session(lake, many=True) as often:
        (told,) = often.run("select workload from events where uid = 'b' and n = 5", {}).to_pylist()
        assert told == {"workload": "web-7d4b9"}
        (row,) = often._connection.execute("explain select * from events").fetchall()  # noqa: SLF001
        assert not {"WINDOW", "READ_PARQUET"} & set(re.findall(r"[A-Z_]+", str(row[1]).upper()))
