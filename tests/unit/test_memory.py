"""Records of evaluations in the lake: the newest counts, one of two runs wins, damage costs one evaluation."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec

from etl.alerts.alert import Record, fingerprint
from etl.alerts.memory import KEPT, Memory
from etl.lake.folders import LocalFiles
from etl.timespan import Window
from tests.lib.rounds import DAY, FIRST, Days, finding


def record(days: Days) -> Record:
    """Return the record of the days lived so far."""
    assert days.record
    return days.record


def test_the_newest_record_is_the_state(tmp_path: Path) -> None:
    """What was written is read back as it was, beside those of other kinds and clusters."""
    memory, days = Memory(LocalFiles(tmp_path), "digest"), Days()
    assert memory.newest() == (None, 1)
    days.run(finding("重启"))
    assert memory.write(record(days)) == record(days)
    days.run(finding("重启"), covered=False)
    memory.write(record(days))
    assert memory.newest() == (record(days), 3)
    assert Memory(LocalFiles(tmp_path), "urgent").newest() == (None, 1)
    assert Memory(LocalFiles(tmp_path), "digest", "arn:a/b").newest() == (None, 1)


def test_one_of_two_runs_wins(tmp_path: Path) -> None:
    """The number can be taken once; the loser finds the winner's record under its window."""
    files, days = LocalFiles(tmp_path), Days()
    days.run(finding())
    first, second = Memory(files, "digest"), Memory(files, "digest")
    assert first.write(record(days))
    other = msgspec.structs.replace(record(days), alerts=[])
    assert second.write(other) is None
    window = Window(FIRST, FIRST + DAY)
    assert second.of(window) == record(days)
    assert second.of(Window(FIRST, FIRST + 2 * DAY)) is None


def test_a_damaged_record_costs_one_evaluation(tmp_path: Path) -> None:
    """The one before it is the state, and its number is not given away again."""
    memory, days = Memory(LocalFiles(tmp_path), "digest"), Days()
    days.run(finding())
    memory.write(record(days))
    folder = tmp_path / memory.folder
    (folder / "00000002.json").write_bytes(b'{"version": 1, "kind')
    (folder / "00000003.json").mkdir()
    (folder / "note.txt").write_text("not ours")
    assert memory.newest() == (record(days), 4)


def test_what_decided_nothing_is_no_history(tmp_path: Path) -> None:
    """An urgent evaluation that said and changed nothing gives way to the next; decisions stay a quarter."""
    memory = Memory(LocalFiles(tmp_path), "urgent")
    days = Days(kind="urgent", apart=timedelta(minutes=10))
    before = None
    for found in ([finding()], [finding()], [finding()], [], []):
        days.run(*found)
        memory.write(record(days))
        memory.prune(before, record(days).evaluated_at)
        before = record(days)
    names = sorted(path.name for path in (tmp_path / memory.folder).iterdir())
    assert names == ["00000001.json", "00000004.json", "00000005.json"]
    memory.prune(None, record(days).evaluated_at + KEPT + DAY)
    assert [path.name for path in (tmp_path / memory.folder).iterdir()] == ["00000005.json"]


def test_an_alert_is_named_by_its_rule_and_labels() -> None:
    """The order of labels plays no part, every value does."""
    assert fingerprint("R", {"a": "1", "b": "2"}) == fingerprint("R", {"b": "2", "a": "1"})
    assert (
        len({fingerprint(*x) for x in [("R", {"a": "1"}), ("R", {"a": "2"}), ("S", {"a": "1"})]})
        == 3
    )
