"""What waits for a target: each observation once, in order, whatever became of its files meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from etl.errors import LakeError
from etl.forward import places
from etl.forward.feed import open_feed
from etl.forward.position import Counts
from etl.lake.files import Files
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from tests.lib import lakes
from tests.lib.forwarding import Looked, Taker, arrive, delete_before, seal_and_sweep
from tests.lib.lakes import at

NOW = at("2026-11-22 10:00")
LATER = at("2026-11-24 03:00")
RUN = "20261122T{}0000.000000Z-{}"
FIRST, SECOND, THIRD = (RUN.format(hour, "00000001") for hour in ("08", "09", "10"))
BEFORE = """
uid | n | last_seen        | resource_version
old | 1 | 2026-11-22 07:00 | 1
old | 2 | 2026-11-21 07:00 | 2
"""
FIRST_ROWS = """
uid | n | last_seen        | resource_version
a   | 2 | 2026-11-22 08:10 | 12
b   | 1 | 2026-11-22 08:20 | 13
a   | 1 | 2026-11-22 08:00 | 11
"""
SECOND_ROWS = """
uid | n | last_seen        | resource_version
a   | 3 | 2026-11-22 08:50 | 15
c   | 1 | 2026-11-21 23:59 | 14
"""
IN_ORDER = ["c:1", "a:1", "a:2", "b:1", "a:3"]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake in a folder with something on two days."""
    return begun_lake(LocalFiles(tmp_path / "lake"))


@pytest.fixture
def stored(files: Files) -> Lake:
    """The same in a folder, and in a bucket."""
    return begun_lake(files)


def begun_lake(files: Files) -> Lake:
    """Make a lake with something on two days."""
    made = lakes.empty(files)
    arrive(made, RUN.format("07", "0000beef"), BEFORE)
    return made


def backlog(lake: Lake) -> Taker:
    """A target that began, and after which two runs wrote something."""
    taker = Taker(lake)
    taker.begin(NOW)
    arrive(lake, FIRST, FIRST_ROWS)
    arrive(lake, SECOND, SECOND_ROWS)
    return taker


def test_a_new_target_begins_at_now(lake: Lake) -> None:
    """A target gets what came after it began, in the order of last_seen, each once, and nothing again."""
    taker = backlog(lake)
    assert taker.taken(NOW) == IN_ORDER
    assert taker.taken(NOW) == []
    arrive(lake, THIRD, "uid | n | last_seen\nd | 1 | 2026-11-22 09:30")
    assert taker.taken(NOW) == ["d:1"]


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        ("2026-11-22 07:00", ["old:1"]),
        ("2026-11-22 07:01", []),
        ("2026-11-22 00:00", ["old:1"]),
        ("2026-11-21 07:00", ["old:2", "old:1"]),
        ("2026-11-21 08:00", ["old:1"]),
        ("2026-11-01 00:00", ["old:2", "old:1"]),
    ],
)
def test_a_target_that_begins_earlier(lake: Lake, since: str, expected: list[str]) -> None:
    """``--from T`` sends the states that were last seen at T or later, and then what is new; also again."""
    taker = Taker(lake)
    taker.begin(NOW)
    assert taker.taken(NOW, since=at(since), anew=True) == expected
    arrive(lake, FIRST, FIRST_ROWS)
    assert taker.taken(NOW) == ["a:1", "a:2", "b:1"]


def test_what_waits_when_its_day_is_sealed(lake: Lake) -> None:
    """What waited in parts is sent from the sealed file, without what was sent before, when the parts are deleted."""
    taker = Taker(lake)
    taker.begin(NOW)
    arrive(lake, FIRST, FIRST_ROWS)
    assert taker.taken(NOW) == ["a:1", "a:2", "b:1"]
    arrive(lake, SECOND, SECOND_ROWS)
    seal_and_sweep(lake, LATER)
    assert lakes.files(lake, "parts") == []
    assert taker.taken(LATER) == ["c:1", "a:3"]
    assert taker.taken(LATER) == []


def test_late_parts_between_sealings(stored: Lake) -> None:
    """Of days that were sealed again and again while nobody looked only what came late is sent."""
    taker = backlog(stored)
    assert taker.taken(NOW) == IN_ORDER
    seal_and_sweep(stored, LATER)
    assert taker.taken(LATER) == []
    for number in range(3):
        # An import of older events, and a run that began before all others and died.
        arrive(
            stored, f"early-{number}", f"uid | n | last_seen\nlate{number} | 1 | 2026-11-22 06:00"
        )
        seal_and_sweep(stored, LATER + timedelta(hours=3 * number))
    assert len(lakes.files(stored, "days")) == 2
    assert taker.taken(LATER) == ["late0:1", "late1:1", "late2:1"]
    assert taker.taken(LATER) == []


def test_a_run_whose_name_is_earlier(lake: Lake) -> None:
    """A part that appears late, with an earlier start than all that was sent, is sent."""
    taker = backlog(lake)
    taker.taken(NOW)
    arrive(
        lake, "20261122T010000.000000Z-00000009", "uid | n | last_seen\ne | 1 | 2026-11-22 00:30"
    )
    assert taker.taken(NOW) == ["e:1"]


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("stretches", [0, 1, 3])
def test_killed_between_sending_and_noting(lake: Lake, *, stretches: int, sealed: bool) -> None:
    """After a kill at any stretch that one is sent again, and nothing else, also if the days were sealed meanwhile."""
    taker = backlog(lake)
    first = taker.taken(NOW, stretches=stretches)
    if sealed:
        seal_and_sweep(lake, LATER)
    second = taker.taken(LATER)
    repeated = [one for one in first if one in second]
    assert first[len(first) - len(repeated) :] == repeated
    assert len(repeated) <= taker.rows
    assert first[: len(first) - len(repeated)] + second == IN_ORDER


def test_parts_that_come_while_a_day_is_read(lake: Lake) -> None:
    """What comes while a day is half sent is sent after it, though it stands before it in time."""
    taker = backlog(lake)
    assert taker.taken(NOW, stretches=2) == ["c:1", "a:1", "a:2", "b:1", "a:3"]
    arrive(lake, THIRD, "uid | n | last_seen\nf | 1 | 2026-11-22 00:10")
    assert taker.taken(NOW) == ["b:1", "a:3", "f:1"]
    assert taker.taken(NOW) == []


def test_a_deleted_day_that_comes_back(lake: Lake) -> None:
    """What retention deleted and an import brings back is sent, though its sealed file has the same number."""
    taker = backlog(lake)
    taker.taken(NOW)
    seal_and_sweep(lake, LATER)
    assert taker.taken(LATER) == []
    delete_before(lake, "prod", LATER + timedelta(days=9), 5)
    assert lakes.files(lake, "days") == []
    arrive(lake, "again", "uid | n | last_seen\ng | 1 | 2026-11-22 05:00")
    seal_and_sweep(lake, LATER + timedelta(days=9))
    assert taker.taken(LATER) == ["g:1"]


def test_copies_of_a_state(lake: Lake) -> None:
    """Copies of a state that wait together are one; a newer one is sent again; that a state ended is no news."""
    taker = Taker(lake)
    taker.begin(NOW)
    arrive(lake, FIRST, "uid | n | last_seen | resource_version\na | 1 | 2026-11-22 08:00 | 5")
    arrive(lake, SECOND, "uid | n | last_seen | resource_version\na | 1 | 2026-11-22 08:00 | 6")
    assert taker.taken(NOW) == ["a:1"]
    noted = """
    uid | n | last_seen        | resource_version | deleted_at
    a   | 1 | 2026-11-22 08:00 | 6                | 2026-11-22 09:00
    """
    arrive(lake, THIRD, noted)
    assert taker.taken(NOW) == []
    arrive(lake, "z1", noted.replace("a   | 1", "new | 1"))
    assert taker.taken(NOW) == ["new:1"]
    arrive(lake, "z2", "uid | n | last_seen | resource_version\na | 1 | 2026-11-22 08:00 | 7")
    assert taker.taken(NOW) == ["a:1"]


def test_nothing_is_read_where_nothing_is_new(stored: Lake) -> None:
    """The list of files against the position is enough: only the position itself is read."""
    taker = backlog(stored)
    taker.taken(NOW)
    seal_and_sweep(stored, LATER)
    taker.taken(LATER)
    looked = Looked(stored.files)
    assert Taker(Lake(looked)).taken(LATER) == []  # type: ignore[arg-type]  # hands on to the storage
    assert {path.partition("/")[0] for path in looked.opened} == {"forward"}
    assert len(looked.opened) == 2


def test_a_cluster_that_appears(lake: Lake) -> None:
    """All of a cluster that was not in the lake when the target began is new."""
    taker = backlog(lake)
    taker.taken(NOW)
    arrive(lake, THIRD, "cluster | uid | n | last_seen\ntest | h | 1 | 2026-10-01 05:00")
    assert taker.taken(NOW, clusters=["prod"]) == []
    assert taker.taken(NOW) == ["h:1"]


def test_two_forwarders_at_once(stored: Lake) -> None:
    """The one that finds the other at work leaves the cluster to it, and what both sent is done once."""
    taker = backlog(stored)
    mine, other = (open_feed(stored, "broker", now=NOW).stretches(rows=1) for _ in range(2))
    here, there = next(mine), next(other)
    assert here.rows.equals(there.rows)
    here.settle(1, Counts(sent=1))
    there.settle(1, Counts(sent=1))
    assert (here.alone, there.alone) == (True, False)
    assert list(other) == []
    following = next(mine)
    following.settle(1, Counts(sent=1))
    assert not following.alone
    assert taker.taken(NOW) == IN_ORDER[2:]


@pytest.mark.parametrize("broken", [1, 2])
def test_positions_that_cannot_be_read(lake: Lake, broken: int) -> None:
    """A damaged position leads to repeats; where none is left that can be read the error says what to do."""
    taker = backlog(lake)
    taker.taken(NOW)
    arrive(lake, THIRD, "uid | n | last_seen\nd | 1 | 2026-11-22 09:30")
    kept = [path for path in lake.files.list("forward") if "cluster=" in path]
    for path in kept[-broken:]:
        lake.files.write(path, b"{")
    if broken == 1:
        assert taker.taken(NOW) == ["b:1", "a:3", "d:1"]
        return
    with pytest.raises(LakeError, match=r"eventlake forward --target broker --from"):
        taker.taken(NOW)
    assert taker.taken(NOW, anew=True, since=at("2026-11-22 09:00")) == ["d:1"]


def test_a_beginning_that_cannot_be_read(lake: Lake) -> None:
    """A target whose beginning is damaged does not begin again at now: that would lose what waits."""
    taker = backlog(lake)
    lake.files.write(f"{places.folder_of('broker')}/begun/00000001.json", b"{")
    with pytest.raises(LakeError, match="is not known"):
        taker.taken(NOW)


def damage(lake: Lake, change: Callable[[bytes], bytes]) -> None:
    """Change the bytes of the part of the first run."""
    (path,) = (path for path in lake.files.list("parts") if FIRST in path)
    lake.files.write(path, change(lake.files.read(path)))


@pytest.mark.parametrize("where", ["footer", "page"])
def test_a_damaged_part_keeps_no_other_waiting(lake: Lake, where: str) -> None:
    """What can be read is sent, the damaged part is named and waits, and is sent when it is whole again."""
    taker = backlog(lake)
    whole: list[bytes] = []

    def turned(data: bytes) -> bytes:
        whole.append(data)
        return data[:-9] if where == "footer" else data[:4] + b"\xff" * 40 + data[44:]

    damage(lake, turned)
    assert taker.taken(NOW) == ["c:1", "a:3"]
    assert any(FIRST in warning for warning in taker.warnings)
    damage(lake, lambda _damaged: whole[0])
    assert taker.taken(NOW) == ["a:1", "a:2", "b:1"]
