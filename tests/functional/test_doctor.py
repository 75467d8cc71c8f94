"""``eventlake doctor`` over real lakes: each kind of trouble is found, named with what to do, and mended."""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from etl import schema
from etl.lake import examine, layout, live, mend
from etl.lake.files import Files
from etl.lake.findings import MEANINGS, Finding
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake, part_path
from etl.lake.ledger import Entry, record
from etl.lake.ledger_seal import seal_ledger
from etl.lake.leftovers import SPILL_PREFIX
from etl.lake.query import session
from tests.lib import lakes, tables
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import contents, eventlake
from tests.lib.events import event
from tests.lib.lakes import at
from tests.lib.stores import Store

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = at("2026-11-23 03:00")
FIRST = date(2026, 11, 21)
ROWS = """
uid | name  | n | first_seen       | last_seen        | reason  | namespace | resource_version
a   | web.1 | 2 | 2026-11-21 22:00 | 2026-11-21 23:00 | BackOff | shop      | 1
b   | web.2 | 5 | 2026-11-22 08:00 | 2026-11-22 09:00 | Pulled  | shop      | 2
"""


@pytest.fixture
def lake(files: Files) -> Lake:
    """A lake with a run that wrote a part on each of two days, as its ledger says."""
    lake = lakes.empty(files)
    lakes.add(lake, "s1", tables.observations(ROWS))
    promised(lake, "prod", "s1", "2026-11-21/s1", "2026-11-22/s1")
    return lake


def promised(lake: Lake, cluster: str, run: str, *parts: str) -> None:
    """Write the ledger row of a run that wrote ``parts``."""
    moment = at("2026-11-22 10:00")
    entry = Entry(
        snapshot_id=run,
        kind="list",
        status="complete",
        started_at=moment,
        sent_at=moment,
        received_at=moment,
        ttl_seconds=3660,
        parts=parts,
        version="0",
    )
    record(lake, cluster, entry)


def examined(lake: Lake, now: datetime = NOW) -> list[Finding]:
    """Examine the whole lake."""
    return examine.examine(lake, examine.Expected(now, HOUR, lambda _: None))


def said(lake: Lake, now: datetime = NOW) -> list[tuple[str, str, str]]:
    """Return kind, path and words of each finding."""
    return [(one.kind, one.path, one.detail) for one in examined(lake, now)]


def quarantined(lake: Lake, now: datetime = NOW) -> list[str]:
    """Take bad files out of the way; return where they are."""
    found = examined(lake, now)
    return [done.split()[-1] for done in mend.quarantine(lake, found, now=now)]


def repaired(lake: Lake, now: datetime = NOW) -> list[str]:
    """Rebuild what can be."""
    return list(mend.repair(lake, examined(lake, now), clock=lambda: now, ttl=HOUR))


def test_a_healthy_lake_has_no_findings(lake: Lake) -> None:
    """Neither open nor sealed, nor after its parts were deleted."""
    assert said(lake) == []
    lakes.sealed(lake, NOW)
    assert said(lake) == []
    lakes.sealed(lake, NOW + HOUR)
    assert lake.parts() == []
    assert said(lake, NOW + HOUR) == []


def test_a_byte_that_changed_is_found(lake: Lake) -> None:
    """No byte of a page changes what is read unseen: checksums tell, and the part is taken out and kept."""
    (path, *_) = [file.path for file in lake.parts()]
    data = lake.files.read(path)
    whole = pq.read_table(io.BytesIO(data))
    seen = 0
    footer = 8 + int.from_bytes(data[-8:-4], "little")
    for position in range(4, len(data) - footer, 97):
        turned = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
        lake.files.write(path, turned)
        kinds = {one[0] for one in said(lake)} - {"lost"}
        assert kinds <= {"damaged", "foreign"}
        seen += len(kinds)
        # A header may hold what nobody reads.
        assert kinds or pq.read_table(io.BytesIO(turned)) == whole
    assert seen > 10
    turned = data[:4] + bytes(byte ^ 1 for byte in data[4:200]) + data[200:]
    lake.files.write(path, turned)
    (moved,) = quarantined(lake)
    assert lake.files.read(moved) == turned
    assert moved == f"quarantine/20261123T030000Z/{path}"
    assert said(lake) == [("lost", path, "the run s1 promises it")]
    lake.files.move(moved, path)
    lake.files.write(path, data)
    assert said(lake) == []


def test_a_sealed_day_is_sealed_anew_from_its_parts(lake: Lake) -> None:
    """Once the damaged file is out of the way the parts count again, and a repair seals them."""
    before = lakes.answers(lake)
    lakes.sealed(lake, NOW)
    path = lake.days()[0].path
    data = lake.files.read(path)
    lake.files.write(path, data[:300] + bytes(byte ^ 1 for byte in data[300:310]) + data[310:])
    ((kind, found, _),) = said(lake)
    assert (kind, found) == ("damaged", path)
    quarantined(lake)
    assert lakes.answers(lake) == before
    assert "prod: 2026-11-21 sealed, 1 states" in repaired(lake)
    assert said(lake) == []
    assert lakes.answers(lake) == before


def test_what_lies_in_the_wrong_place_is_found(lake: Lake) -> None:
    """Rows of another day, rows of another cluster, a ledger row of another day, names that are none."""
    data = lake.files.read(part_path("prod", FIRST, "s1"))
    row = lake.files.read(lake.ledger()[0].path)
    promised(lake, "test", "t1")
    wrong = {
        part_path("prod", date(2026, 11, 20), "s1"): "its rows are of 2026-11-21 to 2026-11-21",
        layout.ledger_path("prod", FIRST, "s1"): "its run started on 2026-11-22",
        layout.ledger_path("prod", date(2026, 11, 22), "s2"): "it is a copy of",
    }
    for path in wrong:
        lake.files.write(path, row if path.startswith("snapshots") else data)
    lake.files.write("parts/notes.txt", b"hello")
    lake.files.write("days/cluster=prod/date=2026-11-21/x.parquet", data)
    other = tables.observations(ROWS.replace("2026-11-22 0", "2026-11-21 0")).set_column(
        0, "cluster", [["test"] * 2]
    )
    lakes.add(lake, "t1", other)
    found = {path: (kind, detail) for kind, path, detail in said(lake)}
    assert found.pop("parts/notes.txt") == ("foreign", "its name is none of a data file")
    assert found.pop("days/cluster=prod/date=2026-11-21/x.parquet")[0] == "foreign"
    for path, words in wrong.items():
        kind, detail = found.pop(path)
        assert kind == ("duplicate" if "copy" in words else "misplaced")
        assert detail.startswith(words)
    assert found == {}
    assert len(quarantined(lake)) == 5
    assert said(lake) == []


def test_a_sealed_day_of_the_ledger_is_where_it_belongs(lake: Lake) -> None:
    """It holds the rows of many runs; one that was moved to another day is found."""
    promised(lake, "prod", "s2")
    assert list(seal_ledger(lake, clock=lambda: at("2026-11-26 03:00")))
    (sealed,) = [file for file in lake.ledger() if layout.is_generation(file)]
    assert said(lake) == []
    moved = sealed.path.replace("2026-11-22", "2026-11-23")
    lake.files.write(moved, lake.files.read(sealed.path))
    assert said(lake) == [("misplaced", moved, "its run started on 2026-11-22")]


def test_a_part_in_the_folder_of_another_cluster_is_found(lake: Lake) -> None:
    """The run that its rows name is in the ledger of the cluster that it belongs to."""
    promised(lake, "test", "t1", "2026-11-22/t1")
    rows = tables.observations(
        "uid | n | first_seen | last_seen | snapshot_id\n"
        "z | 1 | 2026-11-22 08:00 | 2026-11-22 09:00 | t1"
    )
    lakes.add(lake, "t1", rows)
    path = part_path("prod", date(2026, 11, 22), "t1")
    lost = part_path("test", date(2026, 11, 22), "t1")
    assert said(lake) == [
        ("lost", lost, "the run t1 promises it"),
        ("misplaced", path, "its rows are of the cluster test"),
    ]
    lake.files.move(path, lost)
    assert said(lake) == []


def test_a_copy_of_a_part_is_found(lake: Lake) -> None:
    """It changes no answer, is only a notice, and quarantine keeps the one that the ledger names."""
    path = part_path("prod", FIRST, "s1")
    lake.files.write(part_path("prod", FIRST, "s1-copy"), lake.files.read(path))
    ((kind, found, detail),) = said(lake)
    assert (kind, found) == ("duplicate", part_path("prod", FIRST, "s1-copy"))
    assert detail == f"it is a copy of {path}"
    quarantined(lake)
    assert said(lake) == []


def test_a_day_that_nobody_seals_is_named(lake: Lake) -> None:
    """For two days it is ordinary work of the next run; repair seals it."""
    assert [one[1][-10:] for one in said(lake, NOW + DAY)] == ["2026-11-21"]
    late = NOW + 2 * DAY
    assert [(kind, path[-10:]) for kind, path, _ in said(lake, late)] == [
        ("unsealed", "2026-11-21"),
        ("unsealed", "2026-11-22"),
    ]
    assert len(repaired(lake, late)) == 2
    assert said(lake, late) == []


def test_what_was_replaced_and_not_deleted_is_named(lake: Lake) -> None:
    """An hour after a day was sealed its parts are of no more use."""
    lakes.sealed(lake, NOW)
    assert {kind for kind, _, _ in said(lake, NOW + HOUR)} == {"superseded"}
    repaired(lake, NOW + HOUR)
    assert said(lake, NOW + HOUR) == []


def test_the_marker_is_examined_and_written_anew(lake: Lake) -> None:
    """Damaged or missing, it stops nobody who has data to write or to read; a newer one does."""
    before = lakes.answers(lake)
    for data in (b"", b"{", b"[]", b'{"version": null}'):
        lake.files.write(layout.MARKER, data)
        ((kind, path, _),) = said(lake)
        assert (kind, path) == ("marker", "_lake.json")
        assert lakes.answers(lake) == before
        assert "_lake.json is written" in repaired(lake)
        assert said(lake) == []
    lake.files.delete(layout.MARKER)
    assert [one[2] for one in said(lake)] == ["it is not there, and data is"]
    repaired(lake)
    assert said(lake) == []


def _cached(lake: Lake, last_seen: str) -> None:
    states = tables.observations(
        f"uid | n | last_seen | resource_version | namespace\na | 2 | {last_seen} | 1 | shop"
    )
    live.write(lake, "prod", states.select(schema.STATE_SCHEMA.names))


def test_a_cache_that_claims_too_much_is_found(lake: Lake) -> None:
    """A state that the lake does not hold would never be written; a cache that is right is not named."""
    _cached(lake, "2026-11-21 23:00")
    assert said(lake) == []
    _cached(lake, "2026-11-21 23:30")
    ((kind, path, detail),) = said(lake)
    assert (kind, path) == ("live", "live/cluster=prod/live.parquet")
    assert detail.startswith("it claims 1 states that the lake does not hold")
    repaired(lake)
    assert said(lake) == []
    assert live.read(lake, "prod") is None
    lake.files.write(path, b"half")
    assert [one[0] for one in said(lake)] == ["live"]


def test_a_cache_that_rests_on_lost_files_is_no_cache(lake: Lake) -> None:
    """A file that is gone, or shorter, or longer, makes it useless: the next list is compared with the lake itself."""
    path = part_path("prod", FIRST, "s1")
    data = lake.files.read(path)
    _cached(lake, "2026-11-21 23:00")
    assert live.read(lake, "prod")
    lakes.add(lake, "s2", tables.observations(ROWS.replace("web", "api")))
    assert live.read(lake, "prod")
    for wrong in (data[:-1], data + b"x"):
        lake.files.write(path, wrong)
        assert live.read(lake, "prod") is None
    lake.files.delete(path)
    assert live.read(lake, "prod") is None
    lake.files.write(path, data)
    assert live.read(lake, "prod")


def test_what_was_lost_is_written_again_while_it_is_listed(
    apiserver: ApiServer, tmp_path: Path
) -> None:
    """A part that vanished after a snapshot is healed by the next one, and nothing is written a third time."""
    apiserver.now = NOW
    for number in range(20):
        apiserver.add(event(f"web-{number}", at=NOW, count=1, first=NOW))
    config = apiserver.kubeconfig(tmp_path / "kubeconfig")
    lake = Lake(LocalFiles(tmp_path / "lake"))

    def snapshot(minutes: int) -> str:
        done = eventlake(
            *("--lake", tmp_path / "lake", "--cluster", "prod", "snapshot"),
            *("--kubeconfig", config),
            now=NOW + timedelta(minutes=minutes),
        )
        assert done.code == 0, done.err
        return done.err

    assert "20 new states" in snapshot(0)
    assert "0 new states" in snapshot(10)
    lake.files.delete(lake.parts()[0].path)
    assert "20 new states" in snapshot(20)
    assert "0 new states" in snapshot(30)
    with session(lake) as opened:
        (row,) = opened.run("select count(*) as n from observations", {}).to_pylist()
        compared = opened.run("select compared from snapshots order by started_at", {})
    assert row == {"n": 20}
    assert compared["compared"].to_pylist() == ["lake", "cache", "lake", "cache"]


def test_leftovers_of_dead_runs_are_named_and_swept(tmp_path: Path) -> None:
    """A temporary file and a sealing's folder of two days ago go, those of today stay."""
    lake = lakes.empty(LocalFiles(tmp_path / "lake"))
    lakes.add(lake, "s1", tables.observations(ROWS))
    folder = Path(lake.files.location("parts/cluster=prod/date=2026-11-21"))
    made = [folder / ".tmp-old", folder / ".tmp-new"]
    for path in made:
        path.write_bytes(b"half")
    spill = Path(tempfile.mkdtemp(prefix=SPILL_PREFIX))
    (spill / "duckdb_temp_block").write_bytes(b"x")
    old = (NOW - 2 * DAY).timestamp()
    try:
        for path in (made[0], spill):
            os.utime(path, (old, old))
        os.utime(made[1], (NOW.timestamp(), NOW.timestamp()))
        found = [path for kind, path, _ in said(lake) if kind == "temporary"]
        assert found == [str(spill), "parts/cluster=prod/date=2026-11-21/.tmp-old"]
        repaired(lake)
        assert [path.exists() for path in (*made, spill)] == [False, True, False]
    finally:
        shutil.rmtree(spill, ignore_errors=True)


def test_a_run_sweeps_by_itself(apiserver: ApiServer, tmp_path: Path) -> None:
    """What a run left that was killed two days ago is deleted by the main job, with a line about it."""
    config = apiserver.kubeconfig(tmp_path / "kubeconfig")
    given = ("--lake", tmp_path / "lake", "--cluster", "prod", "run", "--kubeconfig", config)
    assert eventlake(*given, now=NOW).code == 0
    left = tmp_path / "lake" / ".tmp-left"
    left.write_bytes(b"half")
    os.utime(left, ((NOW - 2 * DAY).timestamp(),) * 2)
    assert ".tmp-left was left by a run that died and is deleted" in eventlake(*given, now=NOW).err
    assert not left.exists()


def test_a_store_that_ignores_conditions_is_named() -> None:
    """The store's own probe tells; nothing can be mended, so there is no remedy."""
    with Store(conditions=False) as store:
        lake = lakes.empty(store.files())
        ((kind, path, detail),) = said(lake)
        assert (kind, path) == ("store", "s3://bucket/team/lake")
        assert "ignores If-None-Match" in detail


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A lake in a folder, for the command."""
    lake = lakes.empty(LocalFiles(tmp_path / "lake"))
    lakes.add(lake, "s1", tables.observations(ROWS))
    return tmp_path / "lake"


def doctor(folder: Path, *options: str) -> Any:
    """Run the command."""
    return eventlake("--lake", folder, "doctor", *options, now=NOW)


def test_the_command_tells_health_by_its_code(folder: Path) -> None:
    """0 and a sentence; with trouble 4, a list, and nothing changed."""
    done = doctor(folder)
    assert (done.code, done.out, done.err) == (0, "", f"the lake {folder} is healthy\n")
    (folder / "parts" / "notes.txt").write_text("x")
    before = contents(folder)
    done = doctor(folder)
    assert done.code == 4
    assert done.sentence.startswith("1 thing is wrong with the lake")
    assert "foreign" in done.out
    done = doctor(folder, "--format", "json")
    (row,) = done.json()
    assert row == {
        "level": "trouble",
        "kind": "foreign",
        "path": "parts/notes.txt",
        "cluster": None,
        "date": None,
        "detail": "its name is none of a data file",
        "advice": MEANINGS["foreign"].advice,
    }
    assert contents(folder) == before


def test_the_command_mends(folder: Path) -> None:
    """It says what it moved and did, lists what is left, and ends well if that is nothing."""
    (folder / "parts" / "notes.txt").write_text("x")
    (folder / "_lake.json").write_text("{")
    done = doctor(folder, "--quarantine", "--repair", "--format", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out) == []
    assert "parts/notes.txt is now quarantine/20261123T030000Z/parts/notes.txt" in done.err
    assert "_lake.json is written" in done.err
    assert (folder / "quarantine/20261123T030000Z/parts/notes.txt").read_text() == "x"


def test_no_lake_is_said(tmp_path: Path) -> None:
    """A wrong path is no healthy lake."""
    done = doctor(tmp_path / "none")
    assert done.code == 4
    assert "there is no lake" in done.sentence
