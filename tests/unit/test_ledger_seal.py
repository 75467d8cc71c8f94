"""The ledger sealed by the day: the same rows from fewer files, whatever comes in between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from etl import manifest
from etl.lake import layout, ledger
from etl.lake.files import TEMPORARY_PREFIX
from etl.lake.folders import LocalFiles, LocalStaged
from etl.lake.layout import Lake, ledger_day_path, ledger_path
from etl.lake.ledger import Entry
from etl.lake.ledger_seal import seal_ledger
from etl.lake.query import session

DAY = date(2026, 11, 20)
START = datetime(2026, 11, 20, tzinfo=UTC)
NEXT = START + timedelta(hours=25, minutes=1)
HOUR = timedelta(hours=1)
ROWS = "select * from snapshots order by snapshot_id"


def _record(lake: Lake, number: int, *, at: datetime | None = None, **fields: Any) -> None:
    started = at or START + number * timedelta(minutes=10)
    entry = Entry(
        snapshot_id=f"{started:%Y%m%dT%H%M%S.%f}Z-{number:08x}",
        kind="list",
        status="complete",
        started_at=started,
        version="0",
        sent_at=started,
        received_at=started,
        ttl_seconds=3600.0,
        scope=("shop", "pay"),
        early_namespaces={"shop": number},
        **fields,
    )
    ledger.record(lake, "prod", entry)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake whose ledger has a closed day of six rows."""
    made = Lake(LocalFiles(tmp_path / "lake"))
    made.prepare()
    for number in range(6):
        _record(made, number)
    return made


def _asked(lake: Lake, question: str = ROWS) -> list[dict[str, Any]]:
    with session(lake) as opened:
        assert opened.warnings == []
        rows: list[dict[str, Any]] = opened.run(question, {}).to_pylist()
    return rows


def _sealed(lake: Lake, now: datetime = NEXT) -> list[tuple[int, int]]:
    return [(done.generation, done.rows) for done in seal_ledger(lake, clock=lambda: now)]


def test_a_closed_day_becomes_one_file_and_answers_stay(lake: Lake) -> None:
    """Every row and column is the same before, right after, and when the rows of their own are gone."""
    before = _asked(lake)
    coverage = _asked(lake, "select * from coverage")
    assert _sealed(lake, START + 24 * HOUR) == []
    assert _sealed(lake) == [(1, 6)]
    assert len(lake.ledger()) == 7
    assert _asked(lake) == before
    assert _sealed(lake, NEXT + HOUR - timedelta(seconds=1)) == []
    assert len(lake.ledger()) == 7
    assert _sealed(lake, NEXT + HOUR) == []
    assert [file.path for file in lake.ledger()] == [ledger_day_path("prod", DAY, 1)]
    assert _asked(lake) == before
    assert _asked(lake, "select * from coverage") == coverage
    assert ledger.newest(lake, "list") is None


def test_a_row_that_comes_late_is_read_and_sealed_again(lake: Lake) -> None:
    """A late row stands beside the sealed file until the next generation holds both."""
    assert _sealed(lake) == [(1, 6)]
    _record(lake, 9)
    assert len(_asked(lake)) == 7
    assert _sealed(lake, NEXT + HOUR) == [(2, 7)]
    assert _sealed(lake, NEXT + 2 * HOUR) == []
    assert [file.path for file in lake.ledger()] == [ledger_day_path("prod", DAY, 2)]
    assert len(_asked(lake)) == 7


def test_a_row_written_twice_counts_once_in_both_forms(lake: Lake) -> None:
    """The copy that finished last stays, as in the view."""
    _record(lake, 0, finished_at=START + HOUR)
    _sealed(lake)
    _record(lake, 1, finished_at=START + HOUR)
    _sealed(lake, NEXT + HOUR)
    rows = _asked(lake)
    assert len(rows) == 6
    assert [row["finished_at"] for row in rows[:2]] == [START + HOUR, None]


class _Meeting(LocalFiles):
    """Files of which two runs have staged one each before either can name it."""

    def __init__(self, root: Path, both: threading.Barrier) -> None:
        super().__init__(root)
        self._both = both

    def stage(self, path: str, fill: Callable[[BinaryIO], None]) -> LocalStaged:
        """Stage, and wait for the other run."""
        staged = super().stage(path, fill)
        self._both.wait(timeout=30)
        return staged


def test_of_two_sealings_at_once_one_wins(tmp_path: Path) -> None:
    """Both have found the day due and written its file: one publishes it, the other throws its own away."""
    for turn in range(8):
        root = tmp_path / f"{turn}"
        lake = Lake(LocalFiles(root))
        lake.prepare()
        for number in range(3):
            _record(lake, number)
        both = threading.Barrier(2)
        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(_sealed, Lake(_Meeting(root, both))) for _ in range(2)]
        assert sorted(run.result() for run in runs) == [[], [(1, 3)]]
        assert list(root.rglob(f"{TEMPORARY_PREFIX}*")) == []
        path = layout.ledger_day_path("prod", DAY, 1)
        assert pq.read_table(root / path, partitioning=None).num_rows == 3


def test_a_damaged_row_is_not_copied_and_not_hidden(lake: Lake) -> None:
    """It stays beside the sealed day, is named, and coverage counts it as lost."""
    path = lake.ledger()[2].path
    lake.files.write(path, b"PAR1 but not really")
    assert _sealed(lake) == [(1, 5)]
    assert _sealed(lake, NEXT + HOUR) == []
    assert [file.path for file in lake.ledger()] == [ledger_day_path("prod", DAY, 1), path]
    with session(lake) as opened:
        assert any(path in warning for warning in opened.warnings)
        (lost,) = opened.run("select * from damage", {}).to_pylist()
    assert lost["started_at"] == START + timedelta(minutes=20)


def test_rows_of_older_versions_are_sealed_with_what_they_have(lake: Lake) -> None:
    """A column that a row does not know is null; a row of a newer version stays as it is."""
    for number, columns in (
        (20, ["snapshot_id", "kind", "status", "started_at", "version"]),
        (21, None),
    ):
        started = START + number * timedelta(minutes=10)
        name = f"{started:%Y%m%dT%H%M%S.%f}Z-{number:08x}"
        row = {
            "snapshot_id": name,
            "kind": "list",
            "status": "failed",
            "started_at": started,
            "version": "0",
        }
        table = pa.Table.from_pylist([row], schema=manifest.SNAPSHOT_SCHEMA)
        table = table.select(columns) if columns else table.append_column("newer", pa.array([1]))
        path = ledger_path("prod", DAY, name)
        with (Path(lake.files.root) / path).open("xb") as file:
            pq.write_table(table, file)
    before = _asked(lake, "select snapshot_id, scope, status from snapshots order by all")
    assert _sealed(lake) == [(1, 7)]
    _sealed(lake, NEXT + HOUR)
    assert len(lake.ledger()) == 2
    assert _asked(lake, "select snapshot_id, scope, status from snapshots order by all") == before


def test_rows_of_deletions_stay_by_their_names(lake: Lake) -> None:
    """Retention looks for them, so they are not put away."""
    started = START + 30 * HOUR / 2
    path = ledger_path("prod", DAY, f"{started:%Y%m%dT%H%M%S.%f}Z-retention")
    lake.files.write(path, (Path(lake.files.root) / lake.ledger()[0].path).read_bytes())
    assert _sealed(lake) == [(1, 6)]
    _sealed(lake, NEXT + HOUR)
    assert path in [file.path for file in lake.ledger()]
