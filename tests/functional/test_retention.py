"""Retention over a real lake: what goes, what stays as it was, who is not disturbed, what is told of it."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from etl.lake import deletions, retention
from etl.lake.deletions import Deletion
from etl.lake.files import Files
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake, retention_path
from etl.lake.ledger import Entry, record
from etl.lake.ledger_seal import seal_ledger
from etl.lake.query import session
from tests.lib import lakes, tables
from tests.lib.commandline import contents, eventlake
from tests.lib.lakes import at

ROOT = Path(__file__).parents[2]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
# The 20th goes, the 21st is the first day that is kept.
NOW = at("2026-11-30 03:00")
KEPT = date(2026, 11, 21)
# Each day goes on counting where the one before stood, so that its numbers depend on it.
DAYS = """
uid | name  | n  | first_seen       | last_seen        | reason  | namespace
a   | web.1 | 2  | 2026-11-20 22:00 | 2026-11-20 23:00 | BackOff | shop
a   | web.1 | 6  | 2026-11-20 22:00 | 2026-11-21 10:00 | BackOff | shop
a   | web.1 | 7  | 2026-11-20 22:00 | 2026-11-22 09:00 | BackOff | shop
"""
EVENTS = "select date, uid, n, occurrences from events order by all"
LATE = """
uid | name  | n | first_seen       | last_seen        | reason  | namespace
b   | web.2 | 1 | 2026-11-20 08:00 | 2026-11-20 09:00 | Pulled  | shop
"""


@pytest.fixture
def lake(files: Files) -> Lake:
    """A lake with three days, and a list in the ledger on each of them."""
    lake = lakes.empty(files)
    lakes.add(lake, "s1", tables.observations(DAYS))
    for day in (20, 21, 22):
        listed(lake, at(f"2026-11-{day} 23:30"))
    return lake


def listed(lake: Lake, moment: datetime, name: str = "") -> None:
    """Write the ledger row of a list of the whole cluster."""
    entry = Entry(
        snapshot_id=name or f"l{moment:%d}",
        kind="list",
        status="complete",
        started_at=moment,
        sent_at=moment,
        received_at=moment,
        ttl_seconds=3660,
        version="0",
    )
    record(lake, "prod", entry)


def marked(lake: Lake, now: datetime = NOW, before: date = KEPT) -> Deletion | None:
    """Take out of sight what is older than ``before``."""
    return retention.mark(lake, "prod", before, clock=lambda: now, ttl=HOUR)


def swept(lake: Lake, now: datetime) -> list[Deletion]:
    """Delete what was marked long enough ago."""
    return list(retention.sweep(lake, None, now=now))


def asked(lake: Lake, text: str) -> list[dict[str, Any]]:
    """Ask the views; nothing may be left out for damage."""
    with session(lake) as opened:
        rows: list[dict[str, Any]] = opened.run(text, {}).to_pylist()
        assert opened.warnings == []
    return rows


def test_what_is_too_old_is_out_of_sight_at_once_and_deleted_an_hour_later(lake: Lake) -> None:
    """The day's parts, sealed file and ledger rows go together; the other days stay as they are."""
    lakes.sealed(lake, NOW)
    before = asked(lake, EVENTS)
    there = lake.files.list("")
    assert marked(lake)
    assert asked(lake, EVENTS) == before[1:]
    assert {file.date for file in [*lake.parts(), *lake.days(), *lake.ledger()]} == {
        *(row["date"] for row in before[1:]),
        NOW.date(),
    }
    assert swept(lake, NOW + HOUR - SECOND) == []
    assert set(there) <= set(lake.files.list(""))
    (done,) = swept(lake, NOW + HOUR)
    assert asked(lake, EVENTS) == before[1:]
    left = lake.files.list("")
    assert not [path for path in left if "2026-11-20" in path or path.startswith("retention/")]
    assert sorted({*there} - {*left}) == sorted(done.files)
    assert swept(lake, NOW + 2 * HOUR) == []


def test_nothing_old_means_nothing_done(lake: Lake) -> None:
    """A lake whose days are all kept is not written to."""
    before = lake.files.list("")
    assert marked(lake, before=date(2026, 11, 20)) is None
    assert lake.files.list("") == before


def test_the_first_kept_day_keeps_its_numbers(lake: Lake) -> None:
    """It is sealed before the day that it was counted from goes, also when it was open until then."""
    before = asked(lake, EVENTS)
    assert [row["occurrences"] for row in before] == [2, 4, 1]
    assert lake.days() == []
    assert marked(lake)
    assert asked(lake, EVENTS) == before[1:]
    swept(lake, NOW + HOUR)
    assert asked(lake, EVENTS) == before[1:]
    lakes.sealed(lake, NOW + 2 * HOUR)
    assert asked(lake, EVENTS) == before[1:]


def test_a_day_that_cannot_be_sealed_yet_keeps_the_one_before(lake: Lake) -> None:
    """A first kept day that is not over holds back the day that it is counted from, and no older one."""
    older = LATE.replace("2026-11-20", "2026-11-18")
    lakes.add(lake, "s0", tables.observations(older))
    before = asked(lake, EVENTS)
    deletion = marked(lake, now=at("2026-11-21 12:00"))
    assert deletion
    assert (deletion.deleted_from, deletion.deleted_before) == (
        date(2026, 11, 18),
        date(2026, 11, 20),
    )
    assert asked(lake, EVENTS) == before[1:]


def test_what_comes_for_a_marked_day_is_not_deleted_unseen(lake: Lake) -> None:
    """A part that is written after the marking is in sight, and goes with a marking of its own."""
    marked(lake)
    lakes.add(lake, "s2", tables.observations(LATE))
    assert [row["uid"] for row in asked(lake, EVENTS)] == ["b", "a", "a"]
    swept(lake, NOW + HOUR)
    assert [row["uid"] for row in asked(lake, EVENTS)] == ["b", "a", "a"]
    again = marked(lake, now=NOW + HOUR)
    assert again
    assert again.rows == 1


def test_of_two_runs_one_marks(lake: Lake) -> None:
    """The second one finds nothing in sight, and the ledger has one row."""
    assert marked(lake)
    assert marked(lake, now=NOW + SECOND) is None
    assert len(asked(lake, "select 1 from snapshots where kind = 'retention'")) == 1


def test_the_ledger_says_what_was_deleted(lake: Lake) -> None:
    """Files, states and bytes of the day, and which days; knowledge of older deletions is carried on."""
    lakes.sealed(lake, NOW)
    sizes = lake.files.sizes("")
    deletion = marked(lake)
    assert deletion
    question = (
        "select started_at, deleted_from, deleted_before, deleted_files, deleted_rows, deleted_bytes"
        " from snapshots where kind = 'retention' order by started_at"
    )
    (row,) = asked(lake, question)
    assert row == {
        "started_at": NOW,
        "deleted_from": at("2026-11-20 00:00"),
        "deleted_before": at("2026-11-21 00:00"),
        "deleted_files": 3,
        "deleted_rows": 1,
        "deleted_bytes": sum(sizes[path] for path in deletion.files),
    }
    swept(lake, NOW + DAY)
    assert marked(lake, now=NOW + DAY, before=KEPT + DAY)
    _, second = asked(lake, question)
    assert second["deleted_from"] == at("2026-11-20 00:00")
    assert second["deleted_before"] == at("2026-11-22 00:00")


def test_coverage_says_that_the_time_was_deleted(lake: Lake) -> None:
    """It is a gap with its own cause, also where a list after midnight had proven it; the rest stands."""
    listed(lake, at("2026-11-21 00:10"))
    question = "select started_at, ended_at, covered, cause from coverage order by started_at"
    assert asked(lake, question)[0]["started_at"] == at("2026-11-20 22:29")
    marked(lake)
    first, second, third = asked(lake, question)[:3]
    start = at("2026-11-20 00:00"), at("2026-11-21 00:00")
    assert first == {
        "started_at": start[0],
        "ended_at": start[1],
        "covered": False,
        "cause": "deleted by retention",
    }
    assert (second["started_at"], second["covered"]) == (start[1], False) or second["covered"]
    assert third["started_at"] >= start[1]
    assert "deleted by retention" not in {row["cause"] for row in asked(lake, question)[1:]}


def test_a_run_that_died_between_is_carried_on(lake: Lake) -> None:
    """With the marker written and nothing else, the next runs write the row and delete the files."""
    deletion = marked(lake)
    assert deletion
    for file in lake.ledger():
        if file.name.endswith(retention.RUN):
            lake.files.delete(file.path)
    lake.files.delete(deletion.files[0])
    (done,) = swept(lake, NOW + HOUR)
    assert done == deletion
    assert len(asked(lake, "select 1 from snapshots where kind = 'retention'")) == 1


def test_sealed_days_of_the_ledger_go_with_their_rows(lake: Lake) -> None:
    """Both the file of a day and the rows that it replaced are deleted; what the kept days hold is told as before."""
    for day in (20, 21):
        listed(lake, at(f"2026-11-{day} 23:50"), f"m{day}")
    assert [done.date.day for done in seal_ledger(lake, clock=lambda: NOW)] == [20, 21]
    question = "select snapshot_id from snapshots where kind = 'list' order by all"
    assert [row["snapshot_id"] for row in asked(lake, question)] == [
        "l20",
        "l21",
        "l22",
        "m20",
        "m21",
    ]
    assert marked(lake)
    # A later sealing neither writes the hidden day anew nor deletes any of it.
    assert list(seal_ledger(lake, clock=lambda: NOW + 2 * HOUR)) == []
    assert [row["snapshot_id"] for row in asked(lake, question)] == ["l21", "l22", "m21"]
    (done,) = swept(lake, NOW + 2 * HOUR)
    assert "snapshots/cluster=prod/date=2026-11-20/00000001.parquet" in done.files
    assert not [path for path in lake.files.list("") if "2026-11-20" in path]
    assert [row["snapshot_id"] for row in asked(lake, question)] == ["l21", "l22", "m21"]


@pytest.mark.parametrize("place", ["row", "part"])
def test_a_folder_in_the_place_of_a_file_does_not_keep_old_days(place: str, tmp_path: Path) -> None:
    """Neither where the row of the deletion belongs nor where an old part was; what is in the folder is kept."""
    lake = lakes.empty(LocalFiles(tmp_path / "lake"))
    lakes.add(lake, "s1", tables.observations(DAYS))
    deletion = marked(lake)
    assert deletion
    (row,) = lake.ledger()
    path = tmp_path / "lake" / (row.path if place == "row" else deletion.files[0])
    path.unlink()
    path.mkdir()
    (path / "notes.txt").write_text("mine")
    assert swept(lake, NOW + HOUR) == [deletion]
    assert [row["uid"] for row in asked(lake, EVENTS)] == ["a", "a"]
    assert len(asked(lake, "select 1 from snapshots where kind = 'retention'")) == 1
    (kept,) = (tmp_path / "lake/quarantine").rglob("notes.txt")
    assert kept.read_text() == "mine"
    assert not [name for name in lake.files.list("parts") if "2026-11-20" in name]


def test_a_damaged_marker_hides_nothing(lake: Lake) -> None:
    """What it named is in sight again, and the next day's marking takes it."""
    before = asked(lake, EVENTS)
    lakes.sealed(lake, NOW)
    marked(lake)
    lake.files.write(retention_path("prod", KEPT), b'{"cluster": "pr')
    assert deletions.intents(lake.files) == {}
    assert asked(lake, EVENTS) == before
    assert marked(lake) is None
    assert marked(lake, now=NOW + DAY, before=KEPT + DAY)
    assert asked(lake, EVENTS) == before[2:]


_READ = """
import sys, time
from pathlib import Path
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.query import session
lake = Lake(LocalFiles(Path(sys.argv[1])))
with session(lake) as opened:
    print("open", flush=True)
    while sys.stdin.readline():
        rows = opened.run("select uid, n, occurrences from events order by all", {}).to_pylist()
        print(len(rows), len(opened.warnings), flush=True)
"""


def test_readers_in_other_processes_are_not_disturbed(tmp_path: Path) -> None:
    """A reader that opened before the marking sees the old days to its end; one that opened after it never did."""
    lake = lakes.empty(LocalFiles(tmp_path / "lake"))
    lakes.add(lake, "s1", tables.observations(DAYS))

    def reader() -> subprocess.Popen[str]:
        found = subprocess.Popen(
            [sys.executable, "-c", _READ, lake.files.root],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert found.stdout
        assert found.stdout.readline() == "open\n"
        return found

    def says(one: subprocess.Popen[str]) -> str:
        assert one.stdin
        assert one.stdout
        one.stdin.write("go\n")
        one.stdin.flush()
        return one.stdout.readline().strip()

    with reader() as early:
        assert says(early) == "3 0"
        marked(lake)
        with reader() as late:
            assert swept(lake, NOW + HOUR - SECOND) == []
            assert (says(early), says(late)) == ("3 0", "2 0")
            assert swept(lake, NOW + HOUR)
            assert says(late) == "2 0"
            late.communicate()
        early.communicate()


CONFIG = "retention: {keep_days: 10, clusters: {archive: 0}}\n"


@pytest.fixture
def configured(tmp_path: Path) -> tuple[object, ...]:
    """The first words of a command over a lake in a folder that keeps ten days."""
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    lake = lakes.empty(LocalFiles(tmp_path / "lake"))
    lakes.add(lake, "s1", tables.observations(DAYS))
    return ("--config", config, "--lake", tmp_path / "lake")


def test_the_command_says_what_went(configured: tuple[object, ...], tmp_path: Path) -> None:
    """What is out of sight and what was deleted, a line a day; a dry run writes nothing."""
    before = contents(tmp_path / "lake")
    done = eventlake(*configured, "retention", "--dry-run", now=NOW + DAY)
    assert done.err.startswith("prod: 2026-11-20 would be deleted: 1 files, 1 states, ")
    assert contents(tmp_path / "lake") == before
    done = eventlake(*configured, "retention", now=NOW)
    assert done.code == 0, done.err
    assert done.err.splitlines() == ["nothing is older than what is kept"]
    # Eleven days are ten before today and today.
    done = eventlake(*configured, "retention", now=NOW + DAY)
    (line,) = done.err.splitlines()
    assert line.startswith("prod: 2026-11-20 out of sight, to be deleted in an hour: 1 files")
    done = eventlake(*configured, "retention", now=NOW + DAY + HOUR + MINUTE)
    (line,) = done.err.splitlines()
    assert line.startswith("prod: 2026-11-20 deleted: 1 files, 1 states, ")


DUMP = Path(__file__).parents[1] / "data/events/jgyy-ckad/json/events.json.gz"


def test_an_import_of_what_is_not_kept_is_refused(
    configured: tuple[object, ...], tmp_path: Path
) -> None:
    """Nothing is imported only to be deleted by the next run; a cluster that keeps everything takes it."""
    before = contents(tmp_path / "lake")
    done = eventlake(*configured, "--cluster", "prod", "import", DUMP, now=NOW)
    assert done.code == 2
    assert done.sentence.startswith("nothing is imported; ")
    assert "are older than what is kept and are left out" in done.sentence
    assert "retention.clusters" in done.sentence
    assert contents(tmp_path / "lake") == before
    done = eventlake(*configured, "--cluster", "archive", "import", DUMP, now=NOW)
    assert done.code == 0, done.err


def test_an_import_leaves_out_what_is_not_kept(
    configured: tuple[object, ...], tmp_path: Path
) -> None:
    """The rest is taken, what was left out is counted and named, and the dump proves nothing."""
    items = [
        (
            f'{{"metadata": {{"name": "e{day}", "uid": "u{day}", "namespace": "x"}},'
            f' "lastTimestamp": "2026-11-{day}T10:00:00Z", "reason": "R"}}'
        )
        for day in (18, 20, 21, 29)
    ]
    dump = tmp_path / "dump.json"
    dump.write_text('{"kind": "EventList", "items": [' + ",".join(items) + "]}")
    collected = ("--collected-at", "2026-11-30T02:00:00Z", "--scope", "all")
    done = eventlake(*configured, "--cluster", "new", "import", dump, *collected, now=NOW)
    assert done.code == 0, done.err
    assert "2 events from 2026-11-18 to 2026-11-20 are older than what is kept" in done.err
    lake = Lake(LocalFiles(tmp_path / "lake"))
    found = asked(lake, "select uid from events where cluster = 'new' order by uid")
    assert [row["uid"] for row in found] == ["u21", "u29"]
    (row,) = asked(lake, "select sent_at from snapshots where cluster = 'new'")
    assert row == {"sent_at": None}


def test_few_days_are_refused_by_the_configuration(tmp_path: Path) -> None:
    """What a digest compares with has to be kept; the mistake says how many days that takes."""
    config = tmp_path / "config.yaml"
    config.write_text("retention: {keep_days: 9, clusters: {prod: 10, test: -1}}\n")
    done = eventlake("--config", config, "rules", "check")
    assert done.code == 2
    for path, days in (("keep_days", 9), ("clusters.test", -1)):
        assert (
            f"retention.{path}: {days} is too few: digest.baseline and source.ttl need at least 10"
            in done.err
        )
    assert "clusters.prod" not in done.err


def test_sealed_files_have_checksums(lake: Lake) -> None:
    """Every page of a sealed day carries its checksum, as those of parts do."""
    lakes.sealed(lake, NOW)
    path = lake.days()[0].path
    with lake.files.open(path) as opened:
        assert pq.read_table(opened, page_checksum_verification=True).num_rows == 1
