"""Sealing over a real lake: what is due, what stands where afterwards, who wins, and what goes when."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from etl.lake import partitions
from etl.lake.files import Files
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.query import session
from tests.lib import lakes, tables
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import Done, eventlake, temporaries
from tests.lib.lakes import at
from tests.lib.storages import Storages
from tests.lib.stores import ENVIRON, Store

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
# The 22nd can be sealed from two o'clock of the day after: its end, the TTL, an hour to spare.
DUE = at("2026-11-23 02:00") + SECOND
FIRST, SECOND_DAY = date(2026, 11, 21), date(2026, 11, 22)
TWO_DAYS = """
uid | name  | n | first_seen       | last_seen        | reason  | namespace
a   | web.1 | 2 | 2026-11-21 22:00 | 2026-11-21 23:00 | BackOff | shop
b   | web.2 | 5 | 2026-11-22 08:00 | 2026-11-22 09:00 | Pulled  | shop
a   | web.1 | 6 | 2026-11-21 22:00 | 2026-11-22 10:00 | BackOff | shop
"""
# One happening more on the first day, so that the second one adds less.
LATE = """
uid | name  | n | first_seen       | last_seen        | reason  | namespace
a   | web.1 | 4 | 2026-11-21 22:00 | 2026-11-21 23:30 | BackOff | shop
"""


@pytest.fixture
def lake(files: Files) -> Lake:
    """A lake with a part on each of two days."""
    lake = lakes.empty(files)
    lakes.add(lake, "s1", tables.observations(TWO_DAYS))
    return lake


@pytest.fixture
def ask(storages: Storages, lake: Lake) -> Callable[..., Done]:
    """Run a command on the lake."""
    return partial(eventlake, "--lake", lake.files.root, environ=storages.environ)


def occurrences(lake: Lake) -> list[tuple[str, int, int]]:
    """Return (uid, n, occurrences) of every event."""
    events, _ = lakes.answers(lake)
    return [(row["uid"], row["n"], row["occurrences"]) for row in events]


def plan(lake: Lake, text: str) -> str:
    """Return how DuckDB would run a statement on a lake."""
    with session(lake) as opened:
        # Views are made when a statement needs them.
        opened.run(text, {})
        connection = opened._connection  # noqa: SLF001 -- a session lets nobody ask for a plan
        (row,) = connection.execute(f"explain {text}").fetchall()
    return str(row[1]).upper()


def test_a_day_is_due_when_nothing_of_it_can_come_any_more(lake: Lake) -> None:
    """Not before its end, the TTL and the margin have passed; the day before it was due a day ago."""
    assert lakes.sealed(lake, DUE - SECOND) == [("prod", FIRST)]
    assert lakes.sealed(lake, DUE) == [("prod", SECOND_DAY)]
    assert lakes.sealed(lake, DUE + 24 * HOUR) == []


def test_answers_stay_the_same(lake: Lake) -> None:
    """Sealing one day, then the next one, changes nothing that is answered."""
    before = lakes.answers(lake)
    for now in (DUE - SECOND, DUE, DUE + 2 * HOUR):
        lakes.sealed(lake, now)
        assert lakes.answers(lake) == before
    assert lakes.files(lake, "parts") == []


def test_at_most_so_many_days_a_run(lake: Lake) -> None:
    """The oldest days come first, and the rest with the next run."""
    assert lakes.sealed(lake, DUE, limit=1) == [("prod", FIRST)]
    assert lakes.sealed(lake, DUE, limit=1) == [("prod", SECOND_DAY)]


def test_a_late_part_opens_its_day_and_the_next_one_only(lake: Lake) -> None:
    """Both are counted anew at once, and sealed anew by the next run; nothing further depends on it."""
    third = (
        "uid|name|namespace|n|first_seen|last_seen\n"
        "a|web.1|shop|9|2026-11-21 22:00|2026-11-23 08:00"
    )
    lakes.add(lake, "s1", tables.observations(third))
    later = DUE + 24 * HOUR
    assert len(lakes.sealed(lake, later)) == 3
    assert occurrences(lake) == [("a", 2, 2), ("a", 6, 4), ("a", 9, 3), ("b", 5, 5)]
    lakes.add(lake, "s2", tables.observations(LATE))
    counted = [("a", 2, 2), ("a", 4, 2), ("a", 6, 2), ("a", 9, 3), ("b", 5, 5)]
    assert occurrences(lake) == counted
    assert lakes.sealed(lake, later) == [("prod", FIRST), ("prod", SECOND_DAY)]
    assert occurrences(lake) == counted
    assert lakes.sealed(lake, later) == []


def test_what_was_replaced_goes_an_hour_later(lake: Lake) -> None:
    """Parts and old generations stay for readers that know no better, and go with a run after that."""
    lakes.sealed(lake, DUE)
    lakes.sealed(lake, DUE + HOUR - SECOND)
    assert len(lakes.files(lake, "parts")) == 2
    lakes.sealed(lake, DUE + HOUR)
    assert lakes.files(lake, "parts") == []
    lakes.add(lake, "s2", tables.observations(LATE))
    lakes.sealed(lake, DUE + 2 * HOUR)
    lakes.sealed(lake, DUE + 3 * HOUR - SECOND)
    assert len(lakes.files(lake, "parts")) == 1
    assert len(lakes.files(lake, "days")) == 4
    lakes.sealed(lake, DUE + 3 * HOUR)
    assert lakes.files(lake, "parts") == []
    assert lakes.files(lake, "days") == [
        "cluster=prod/date=2026-11-21/00000002.parquet",
        "cluster=prod/date=2026-11-22/00000002.parquet",
    ]


def test_of_several_that_seal_one_wins(lake: Lake) -> None:
    """Sealings at once publish one generation a day, leave nothing else behind, and change no answer."""
    before = lakes.answers(lake)
    start = threading.Barrier(3)
    won: list[tuple[str, date]] = []

    def run() -> None:
        start.wait()
        won.extend(lakes.sealed(lake, DUE))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [("prod", FIRST), ("prod", SECOND_DAY)]
    assert [path[-16:] for path in lakes.files(lake, "days")] == ["00000001.parquet"] * 2
    assert temporaries(Path(lake.files.root)) == [], "in a bucket there are none"
    assert lakes.answers(lake) == before


def test_a_session_outlives_sealing(lake: Lake) -> None:
    """A session that was opened before answers the same after two sealings within the hour."""
    text = "select uid, n, occurrences from events order by all"
    with session(lake) as opened:
        before = opened.run(text, {})
        lakes.sealed(lake, DUE)
        lakes.sealed(lake, DUE + HOUR - SECOND)
        assert opened.run(text, {}) == before


def test_readers_meet_no_vanished_file(lake: Lake) -> None:
    """While days are sealed again and again and old files go, every new session answers whole."""
    done = threading.Event()
    failures: list[BaseException] = []

    def write() -> None:
        try:
            for turn in range(5):
                late = LATE.replace("web.1", f"web.{turn + 5}").replace("a  ", f"x{turn} ")
                lakes.add(lake, f"t{turn}", tables.observations(late))
                lakes.sealed(lake, DUE + 2 * turn * HOUR)
        except BaseException as error:  # noqa: BLE001 -- told by the assertion below
            failures.append(error)
        finally:
            done.set()

    writer = threading.Thread(target=write)
    writer.start()
    totals = []
    while not done.is_set():
        totals.append(len(occurrences(lake)))
    writer.join()
    assert failures == []
    assert totals == sorted(totals)
    assert len(occurrences(lake)) == 8


def test_plain_readers_get_the_history_from_days_alone(tmp_path: Path) -> None:
    """DuckDB and pyarrow, knowing nothing but a Hive layout, read what the views show."""
    lake = lakes.empty(LocalFiles(tmp_path / "lake"))
    lakes.add(lake, "s1", tables.observations(TWO_DAYS))
    before, _ = lakes.answers(lake)
    lakes.sealed(lake, DUE)
    root = lake.files.location("days")
    glob = f"{root}/*/*/*.parquet"
    names = ["cluster", "uid", "n", "last_seen", "occurrences", "since", "reset", "reason"]
    wanted = [{name: row[name] for name in names} for row in before]
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        found = (
            connection.read_parquet(glob, hive_partitioning=True)
            .order("uid, n")
            .select(*names)
            .to_arrow_table()
        )
    assert found.to_pylist() == wanted
    table = pq.read_table(root, partitioning="hive").sort_by(
        [("uid", "ascending"), ("n", "ascending")]
    )
    assert [row["occurrences"] for row in table.to_pylist()] == [
        row["occurrences"] for row in wanted
    ]


def test_closed_days_are_not_counted_again(lake: Lake) -> None:
    """The plan of a question to closed days has no window and no join; open ones are counted."""
    text = "select sum(occurrences) from events"
    assert "WINDOW" in plan(lake, text)
    lakes.sealed(lake, DUE)
    closed = plan(lake, text)
    assert "WINDOW" not in closed
    assert "JOIN" not in closed


def test_a_date_prunes_sealed_and_open_days(lake: Lake) -> None:
    """A filter on date opens the files of that day only; for a closed one, none is opened to be counted."""
    lakes.sealed(lake, DUE - SECOND)
    text = "select sum(occurrences) from events where date = '2026-11-{}'"
    files = re.compile(r"SCANNING FILES: (\d+)/\d+")
    assert set(files.findall(plan(lake, text.format(21)))) == {"0"}
    assert set(files.findall(plan(lake, text.format(25)))) == {"0"}
    with session(lake) as opened:
        sums = [opened.run(text.format(day), {}).to_pylist()[0].popitem()[1] for day in (21, 22)]
    # The open day is counted with the closed one before it in sight.
    assert sums == [2, 4 + 5]


def test_a_damaged_generation_is_named_and_the_one_below_stands_in(lake: Lake) -> None:
    """While the parts are there nothing is missing, and the next sealing takes the next number."""
    before = lakes.answers(lake)
    lakes.sealed(lake, DUE)
    damaged = lake.days()[0].path
    lake.files.write(damaged, lake.files.read(damaged)[:-9])
    with session(lake) as opened:
        assert (
            opened.run("select * from events order by cluster, uid, n, last_seen", {}).to_pylist()
            == before[0]
        )
        (warning,) = opened.warnings
    assert "00000001.parquet cannot be read and is left out" in warning
    assert lakes.sealed(lake, DUE) == [("prod", FIRST)]
    found = partitions.partition(lake, "prod", FIRST)
    assert found.sealed
    assert found.sealed.file.name == "00000002"


def test_a_rerun_writes_nothing_that_a_sealed_day_holds(storages: Storages) -> None:
    """Rows are compared with the sealed file once the parts are gone: an import done again adds none."""
    dump = Path(__file__).parents[1] / "data/events/jgyy-ckad/json/events.json.gz"
    lake = Lake(storages.make())
    given = ("--lake", lake.files.root, "--cluster", "prod", "import", dump)
    assert eventlake(*given, environ=storages.environ).code == 0
    far = datetime.max.replace(tzinfo=DUE.tzinfo) - 24 * HOUR
    for now in (far, far + HOUR):
        lakes.sealed(lake, now)
    assert lake.parts() == []
    again = eventlake(*given, environ=storages.environ, now=far + 2 * HOUR)
    assert again.code == 0
    assert lake.parts() == []


def test_the_command_says_what_it_sealed(ask: Callable[..., Done]) -> None:
    """One line a day with its cluster and states; a second call has nothing to do."""
    done = ask("seal", now=DUE)
    assert done.code == 0, done.err
    assert done.out == ""
    assert done.err.splitlines() == [
        "prod: 2026-11-21 sealed, 1 states",
        "prod: 2026-11-22 sealed, 2 states",
    ]
    assert ask("seal", now=DUE).err == "nothing is due\n"


def test_the_command_takes_one_day_and_one_cluster(ask: Callable[..., Done]) -> None:
    """Other days and clusters are left as they are."""
    assert ask("--cluster", "test", "seal", now=DUE).err == "nothing is due\n"
    done = ask("seal", "--day", "2026-11-22", now=DUE)
    assert done.err == "prod: 2026-11-22 sealed, 2 states\n"


def test_a_day_that_is_not_over_is_refused(ask: Callable[..., Done]) -> None:
    """The message says from when on it can be sealed."""
    done = ask("seal", "--day", "2026-11-22", now=DUE - SECOND)
    assert done.code == 2
    assert (
        "2026-11-22 can still get events; it can be sealed after 2026-11-23 02:00 UTC" in done.err
    )


def test_no_lake_is_said(storages: Storages) -> None:
    """Sealing makes no lake."""
    done = eventlake("--lake", storages.make().root, "seal", environ=storages.environ, now=DUE)
    assert done.code == 4
    assert "there is no lake" in done.sentence


def test_a_store_where_two_could_win_is_not_sealed(
    tmp_path: Path, apiserver: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sealing says what to do about the store; the main job goes on without, and answers are right."""
    monkeypatch.chdir(tmp_path)
    kubeconfig = apiserver.kubeconfig(tmp_path / "kubeconfig")
    with Store(conditions=False) as store:
        lake = lakes.empty(store.files("x"))
        lakes.add(lake, "s1", tables.observations(TWO_DAYS))
        environ = {**ENVIRON, "AWS_ENDPOINT_URL": store.url, "AWS_ALLOW_HTTP": "true"}
        world = partial(eventlake, "--lake", lake.files.root, environ=environ, now=DUE)
        refused = world("seal")
        assert refused.code == 4
        assert "ignores If-None-Match" in refused.sentence
        assert "upgrade the store or move the lake" in refused.sentence
        done = world("--cluster", "prod", "run", "--kubeconfig", kubeconfig)
        assert done.code == 0, done.err
        assert "no day is sealed" in done.err
        assert lakes.files(lake, "days") == []
        assert occurrences(lake) == [("a", 2, 2), ("a", 6, 4), ("b", 5, 5)]
