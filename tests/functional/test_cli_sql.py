"""``eventlake sql`` as a stranger meets it: what is answered, what is refused and how that is said."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread
from threading import enumerate as enumerate_threads

import duckdb
import pytest

from etl.__main__ import _terminate
from etl.errors import StatementError
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.query import Session
from etl.lake.stranger import Stranger, session
from etl.lake.views import PUBLIC
from tests.lib.api_answers import encoded
from tests.lib.commandline import NOW, Done, contents, eventlake
from tests.lib.events import event
from tests.lib.lakes import at

SECRET = "do-not-tell"  # noqa: S105 -- what no answer may hold
ENDLESS = "select count(*) from range(10000000000) a, range(1000) b where a.range * b.range % 7 = 3"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three events, and a message in the outbox beside them; tests only read it."""
    path = tmp_path_factory.mktemp("sql") / "lake"
    items = [
        event(f"web-{n}", at=NOW - timedelta(hours=n), count=n, metadata={"uid": f"u{n}"})
        for n in range(1, 4)
    ]
    document = encoded({"kind": "List", "apiVersion": "v1", "items": items})
    done = eventlake("--lake", path, "--cluster", "prod", "import", "-", stdin=document)
    assert done.code == 0, done.err
    (path / "outbox").mkdir()
    (path / "outbox" / "message.json").write_text(f'{{"url": "{SECRET}"}}')
    return path


@pytest.fixture(scope="module")
def opened(lake: Path) -> Iterator[Stranger]:
    """The session that the command asks, opened once for all the refusals."""
    with session(Lake(LocalFiles(lake)), timeout=timedelta(minutes=1), memory="1GB") as opened:
        yield opened


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder that holds a secret, on a terminal of 120 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / "secret.csv").write_text(f"a\n{SECRET}\n")


def asked(lake: Path, query: str, *options: str, stdin: bytes = b"") -> Done:
    """Ask, and expect an answer without a word beside it."""
    done = eventlake("--lake", lake, "sql", query, *options, stdin=stdin)
    assert (done.code, done.err) == (0, "")
    return done


def refused(lake: Path, query: str, *options: str) -> str:
    """Ask what is not answered, and expect code 2 and nothing else; return what was said."""
    done = eventlake("--lake", lake, "sql", query, *options)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert SECRET not in done.err
    assert list(contents(Path())) == ["secret.csv"]
    return done.err


def test_one_select_is_answered_in_every_form(lake: Path) -> None:
    """One SELECT over the views, from an argument or from stdin."""
    query = "select reason, count(*) as states from events where reason = 'BackOff' group by all"
    row = {"reason": "BackOff", "states": 3}
    assert asked(lake, query, "--format", "json").json() == [row]
    assert asked(lake, "-", "--format", "json", stdin=query.encode()).json() == [row]
    assert asked(lake, query, "--format", "csv").out == "reason,states\nBackOff,3\n"
    assert "BackOff" in asked(lake, query).out


def test_pivot_names_its_values(opened: Stranger) -> None:
    """With them it is one SELECT like any other; without, it would write a type, and is refused with the way on."""
    named = "pivot events on type in ('Normal', 'Warning') using count(*) as n group by reason"
    (row, *_) = opened.run(named, {}).to_pylist()
    assert set(row) == {"reason", "Normal_n", "Warning_n"}
    for query in (
        "pivot events on type using count(*)",
        "with p as (pivot events on type using count(*)) select * from p",
        "pivot events on type in (select 'x') using count(*)",
    ):
        with pytest.raises(StatementError, match="PIVOT has to name its values, such as"):
            opened.run(query, {})
    with pytest.raises(StatementError, match="read_text"):
        opened.run("pivot read_text('/etc/hostname') on content in ('x') using count(*)", {})


@pytest.mark.parametrize(
    "query",
    [
        "with a as (select 1 as x) from a",
        "with recursive t(x) as (select 1 union all select x + 1 from t where x < 3) from t",
        "select x from unnest([1, 2]) t(x) union select x from range(3) t(x)",
        "select list_transform([1], lambda x: x + 1) as x",
        "select columns(lambda c: c = 'n') from events asof join latest using (uid, n)",
        "select sum(n) filter (where n > 1) over (order by last_seen) from events qualify true",
        "select (select max(n) from latest) as n, e.* from events e, lateral (select e.n) limit 2",
        "select n, count(*) from events group by cube (n) order by all",
        "describe events",
        "summarize select n from events",
        "select a.n from Events a semi join OBSERVATIONS b using (uid)",
    ],
)
def test_what_analysts_write_is_answered(query: str, opened: Stranger) -> None:
    """The wall is around files, not around SQL: what only reads the views is run."""
    assert opened.run(query, {}).num_rows


def test_every_public_view_is_answered(opened: Stranger) -> None:
    """Each of the views that the pages name can be asked."""
    for view in PUBLIC:
        assert opened.run(f"select count(*) as n from {view}", {}).num_rows  # noqa: S608 -- ours


@pytest.mark.parametrize(
    "query",
    [
        "",
        "/* nothing */",
        "select 1; select 2",
        "select 1; drop view events",
        "copy (select 1) to 'x.csv'",
        "copy events to 'x.parquet' (format parquet)",
        "attach 'x.db'",
        "attach ':memory:' as other",
        "detach memory",
        "use memory",
        "create table x as select 1",
        "create macro f() as 1",
        "create secret (type s3)",
        "create or replace view events as select 1",
        "drop view events",
        "delete from events",
        "with x as (insert into events select * from events returning *) select * from x",
        "set memory_limit = '1TB'",
        "set variable day_files = ['/etc/passwd']",
        "reset memory_limit",
        "pragma database_list",
        "install httpfs",
        "load httpfs",
        "update extensions",
        "export database 'x'",
        "import database 'x'",
        "call pragma_version()",
        "checkpoint",
        "prepare x as select 1",
        "execute x",
        "begin",
        "vacuum",
        "explain analyze select 1",
        "comment on view events is 'x'",
    ],
)
def test_only_one_select_is_run(query: str, opened: Stranger) -> None:
    """Writing, settings, extensions and several statements are refused before anything runs."""
    with pytest.raises(StatementError, match=r"exactly one SELECT|only SELECT is run"):
        opened.run(query, {})
    assert list(contents(Path())) == ["secret.csv"]


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_text('/etc/hostname')",
        "select * from read_blob('/etc/hostname')",
        "select * from read_csv('/etc/passwd')",
        "select * from read_csv_auto('secret.csv')",
        "select * from read_json('/etc/hosts')",
        "select * from read_json_objects_auto('/etc/hosts')",
        "select * from read_parquet('secret.csv')",
        "select * from parquet_scan('secret.csv')",
        "select * from parquet_kv_metadata('secret.csv')",
        "select * from read_duckdb('secret.csv')",
        "select * from read_text('https://127.0.0.1/x')",
        "select * from read_parquet('s3://bucket/x.parquet')",
        "select * from glob('/etc/*')",
        "select * from sniff_csv('/etc/passwd')",
        "select * from '/etc/passwd'",
        "select * from 'secret.csv'",
        'select * from "secret.csv"',
        'with "x" as (select 1) select * from "secret.csv"',
        "select (select content from read_text('secret.csv'))",
        "select * from events where name in (select content from read_text('secret.csv'))",
        "with x as (from read_text('secret.csv')) from x",
        "select 1 union all select content from read_text('secret.csv')",
        "select * from events order by (select content from read_text('secret.csv'))",
        "select * from events, lateral (from read_text('secret.csv'))",
        "select 1 limit (select count(*) from read_text('secret.csv'))",
        "describe select * from 'secret.csv'",
        "summarize 'secret.csv'",
        "select * from query('select 1')",
        "select * from query_table('secret.csv')",
        "select * from json_execute_serialized_sql('{}')",
        "select * from duckdb_settings()",
        "select * from duckdb_secrets()",
        "select * from which_secret('s3://x', 's3')",
        "select * from duckdb_variables()",
        "select * from duckdb_extensions()",
        "select * from duckdb_logs",
        "select * from pragma_database_list",
        "select * from information_schema.tables",
        "select * from pg_catalog.pg_settings",
        "select * from memory.main.events",
        "select * from parts",
        "select * from no_days",
        "select * from python_map_function()",
        "select * from arrow_scan(1, 2, 3)",
        "select * from invocation",
        "show databases",
        "select getenv('HOME')",
        "select current_setting('allowed_directories')",
        "select getvariable('part_files')",
        "select write_log('x')",
    ],
)
def test_only_the_views_are_in_reach(query: str, opened: Stranger) -> None:
    """Files, the network, settings, secrets, variables and what else DuckDB can tell are not there."""
    with pytest.raises(StatementError, match=r"out of reach|there is no view"):
        opened.run(query, {})


@pytest.mark.parametrize(
    "query",
    ["drop view events", "select * from read_text('secret.csv')", "select * from 'secret.csv'"],
)
def test_the_command_refuses_with_code_2(query: str, lake: Path) -> None:
    """A wrong statement is the user's mistake, not the lake's: code 2, nothing on stdout."""
    assert refused(lake, query)


def test_what_lies_beside_the_data_is_out_of_reach_for_duckdb_itself(
    lake: Path, opened: Stranger
) -> None:
    """Behind the first wall is a second: DuckDB opens the trees of the data and no other file."""
    for place in ("_lake.json", "outbox/message.json", "parts/../outbox/message.json", "outbox/*"):
        text = f"select content from read_text('{lake}/{place}')"  # noqa: S608 -- the path is ours
        with pytest.raises(duckdb.PermissionException):
            Session._bound(opened, text, {}).fetchall()  # noqa: SLF001 -- past the first wall


def test_a_wrong_statement_is_told_with_its_place(lake: Path) -> None:
    """The line of the statement and a mark below the word that is wrong."""
    said = refused(lake, "select n,\n  nope from events")
    assert 'column "nope" not found' in said
    assert said.splitlines()[1:] == ["LINE 2:   nope from events", "          ^^^^"]
    said = refused(lake, "select 'ü' as ü,\n * from event")
    assert "did you mean events?" in said
    assert said.splitlines()[1:] == ["LINE 2:  * from event", "                ^"]
    assert refused(lake, "selec 1").splitlines()[1:] == ["LINE 1: selec 1", "        ^^^^^"]


def test_a_long_line_is_shown_around_its_place(lake: Path) -> None:
    """A statement in one endless line still shows the word."""
    many = ", ".join(["n"] * 200)
    said = refused(lake, f"select {many} from nowhere where n in ({many})")  # noqa: S608 -- ours
    _, line, mark = said.splitlines()
    assert len(line) <= 80
    assert line[mark.index("^") :].startswith("nowhere")


def test_a_statement_may_not_take_longer_than_its_limit(lake: Path) -> None:
    """It is ended, and the message says what to do."""
    said = refused(lake, ENDLESS, "--timeout", "100ms")
    assert "ended after 100ms" in said
    assert "--timeout" in said


def test_the_limit_of_time_is_a_setting(lake: Path, tmp_path: Path) -> None:
    """sql.timeout holds where the option says nothing."""
    config = tmp_path.parent / f"{tmp_path.name}.yaml"
    config.write_text("sql: {timeout: 50ms, memory: 300MB}")
    done = eventlake("--config", config, "--lake", lake, "sql", ENDLESS)
    assert (done.code, done.out) == (2, "")
    assert "ended after 50ms" in done.err


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_statement_that_runs(sent: signal.Signals, code: int, lake: Path) -> None:
    """Ctrl-C and SIGTERM reach DuckDB while it works; the codes are those that shells use."""
    sender = Thread(target=_send_while_a_statement_runs, args=[sent])
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        sender.start()
        done = eventlake("--lake", lake, "sql", ENDLESS)
    finally:
        sender.join()
        signal.signal(signal.SIGTERM, before)
    assert (done.code, done.out) == (code, "")
    assert done.err == "warning: interrupted; what was not published is discarded\n"


def _send_while_a_statement_runs(sent: signal.Signals) -> None:
    """Wait for the thread in which the statement runs, for at most ten seconds, and send."""
    for _ in range(1000):
        if any(thread.name == "statement" for thread in enumerate_threads()):
            break
        time.sleep(0.01)
    os.kill(os.getpid(), sent)


def test_a_statement_may_not_take_more_memory_than_its_limit(lake: Path) -> None:
    """It fails with advice and leaves nothing on the disk."""
    greedy = "select list(x::varchar || repeat('x', 90)) from range(10000000) t(x)"
    assert "--memory" in refused(lake, greedy, "--memory", "40MB")


@pytest.mark.parametrize("size", ["", "0GB", "many", "1", "-1GB", "80%"])
def test_a_limit_that_is_no_size_is_refused(size: str, lake: Path) -> None:
    """A size is a number and a unit."""
    done = eventlake("--lake", lake, "sql", "select 1", "--memory", size)
    assert (done.code, done.out) == (2, "")
    assert "is not a size" in done.err


def test_the_day_of_an_event_is_the_utc_day(lake: Path) -> None:
    """Times are compared in UTC whatever the machine's timezone is."""
    query = "select date, last_seen from events where uid = 'u1'"
    assert asked(lake, query, "--format", "json").json() == [
        {"date": "2026-11-23", "last_seen": "2026-11-23T07:00:00Z"}
    ]
    assert at("2026-11-23 07:00") == NOW - timedelta(hours=1)
