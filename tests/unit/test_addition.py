"""Appending to a lake: what is written, when it can be seen, and what is not written again."""

from __future__ import annotations

import io
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from etl import schema
from etl.lake import append
from etl.lake.append import Addition
from etl.lake.files import TEMPORARY_PREFIX, Files
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from tests.lib import tables

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.fixture
def lake(files: Files) -> Lake:
    """An empty lake."""
    made = Lake(files)
    made.prepare()
    return made


def _drawn(text: str) -> pa.Table:
    return tables.typed_table(text, schema.SCHEMA)


def _many(count: int, **columns: Any) -> pa.Table:
    row = {"n": 1, "last_seen": AT, "observed_at": AT, "snapshot_id": "s"} | columns
    rows = [{"uid": f"u{number}"} | row for number in range(count)]
    return pa.Table.from_pylist(rows, schema.SCHEMA)


def _added(lake: Lake, rows: pa.Table, name: str = "s2", **known: bool) -> int:
    with Addition(lake, "prod", name) as addition:
        addition.add(rows, **known)
        addition.publish()
    assert addition.warnings == []
    return addition.rows_added


def _everything(lake: Lake) -> list[str]:
    """List what is there, temporary files of a folder included."""
    staged = Path(lake.files.root).rglob(f"{TEMPORARY_PREFIX}*")
    return [*lake.files.list(""), *map(str, staged)]


DAYS = """
uid | n | last_seen               | message
a   | 1 | 2026-11-22 23:59:59.999 | before midnight
b   | 1 | 2026-11-23 00:00:00     | midnight
c   | 1 | 2026-11-23 23:59:59     | after
d   | 1 | 1969-12-31 23:00:00     | old
"""


def test_each_day_is_a_part(lake: Lake) -> None:
    """Rows lie in the partition of their last time's UTC day, in files named after the run."""
    assert _added(lake, _drawn(DAYS), "run") == 4
    parts = lake.parts()
    days = {p.date: pq.read_table(io.BytesIO(lake.files.read(p.path))) for p in parts}
    assert {day: table["uid"].to_pylist() for day, table in days.items()} == {
        date(1969, 12, 31): ["d"],
        date(2026, 11, 22): ["a"],
        date(2026, 11, 23): ["b", "c"],
    }
    names = sorted(p.path.rpartition("/")[2] for p in parts)
    assert names == ["run-1.parquet", "run-2.parquet", "run.parquet"]


def test_a_part_is_plain_parquet(lake: Lake) -> None:
    """A part has the lake's schema, types and nullability, compressed with zstd, and nothing of its writer's library."""
    _added(lake, _many(10, message="m", labels=[("a", "b")], flags=["malformed"]))
    (part,) = lake.parts()
    file = pq.ParquetFile(io.BytesIO(lake.files.read(part.path)))
    assert file.schema_arrow.equals(schema.SCHEMA)
    assert file.schema_arrow.metadata is None
    columns = [file.metadata.row_group(0).column(i) for i in range(file.metadata.num_columns)]
    assert {column.compression for column in columns} == {"ZSTD"}
    assert file.read().to_pylist()[0]["labels"] == [("a", "b")]


def test_nothing_is_seen_before_it_is_published(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until publish the lake is as it was, also when rows no longer fit the memory; afterwards all is there."""
    monkeypatch.setattr(append, "HELD_BYTES", 1)
    with Addition(lake, "prod", "run") as addition:
        addition.add(_many(3))
        addition.add(_many(5))
        assert lake.parts() == []
        addition.publish()
    assert addition.rows_added == 5
    assert len(lake.parts()) == 2


@pytest.mark.parametrize("held", [1, append.HELD_BYTES])
def test_a_run_that_fails_leaves_nothing(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    """Whatever stops a run, its rows are not in the lake and its temporary files are gone."""
    monkeypatch.setattr(append, "HELD_BYTES", held)
    before = _everything(lake)
    addition = Addition(lake, "prod", "run")
    addition.add(_many(3))
    with pytest.raises(KeyboardInterrupt), addition:
        raise KeyboardInterrupt
    assert _everything(lake) == before


def test_no_rows_write_no_file(lake: Lake) -> None:
    """A run without anything new leaves no part."""
    assert _added(lake, schema.SCHEMA.empty_table()) == 0
    assert lake.parts() == []


def test_thousands_of_copies_are_one_row(lake: Lake) -> None:
    """A log of repeated lists holds the same state over and over: one row is written, without thousands times thousands comparisons."""
    copies = _many(1, message="m" * 200, resource_version=5).take([0] * 20_000)
    assert _added(lake, copies) == 1


@pytest.mark.parametrize(
    ("row", "written"),
    [
        ("a | 5 | 2026-11-23 09:00 | m | x", 0),  # the same
        ("a | 5 | 2026-11-23 10:00 | m | x", 0),  # seen later
        ("a | 4 | 2026-11-23 09:00 | o | y", 0),  # an older version
        ("a | - | 2026-11-23 09:00 | o | -", 0),  # one without a version
        ("a | 5 | 2026-11-23 10:00 | - | -", 0),  # one that knows less
        ("a | 6 | 2026-11-23 09:00 | m | x", 1),  # a newer version
        ("a | 5 | 2026-11-23 08:00 | m | x", 1),  # seen earlier
        ("a | 5 | 2026-11-23 09:00 | n | x", 1),  # another text of the same version
        ("b | 5 | 2026-11-23 09:00 | m | x", 1),  # another object
    ],
)
def test_what_would_change_no_answer_is_not_written(lake: Lake, row: str, written: int) -> None:
    """A copy is written only if the merged row would differ for it."""
    head = "uid | resource_version | observed_at | message | action | n | last_seen\n"
    state = "| 1 | 2026-11-23 07:00\n"
    stored, new = "a | 5 | 2026-11-23 09:00 | m | x" + state, row + state
    assert _added(lake, _drawn(head + stored), "one") == 1
    assert _added(lake, _drawn(head + new), "two") == written
    assert _added(lake, _drawn(head + new + stored), "three") == 0


def test_a_value_that_another_copy_of_the_version_has_is_written(lake: Lake) -> None:
    """A copy that knows a column which one of its version lacks adds that column; an older version adds nothing."""
    head = "uid | resource_version | observed_at | message | n | last_seen\n"
    state = "| 2026-11-23 09:00 | {} | 1 | 2026-11-23 07:00"
    assert _added(lake, _drawn(head + "a | 5" + state.format("-")), "s1") == 1
    assert _added(lake, _drawn(head + "a | 4" + state.format("m")), "s2") == 0
    assert _added(lake, _drawn(head + "a | 5" + state.format("m")), "s3") == 1
    assert _added(lake, _drawn(head + "a | 5" + state.format("m")), "s4") == 0


def test_what_was_compared_already_is_written_as_it_is(lake: Lake) -> None:
    """A caller that knows its rows to be new saves the comparison."""
    assert _added(lake, _many(3), "s1") == 3
    assert _added(lake, _many(3), "s2", compared=True) == 3


def test_a_list_is_compared_with_the_lake_only(lake: Lake) -> None:
    """Of a list, whose states are distinct, only what the lake has is left out."""
    assert _added(lake, _many(3), "s1", distinct=True) == 3
    assert _added(lake, _many(5), "s2", distinct=True) == 2


def test_a_state_is_compared_in_its_own_cluster(lake: Lake) -> None:
    """The same uids in another cluster are other events."""
    assert _added(lake, _many(3)) == 3
    with Addition(lake, "arn:aws:eks/test", "s1") as addition:
        addition.add(_many(3))
        addition.publish()
    assert addition.rows_added == 3


_TOO_LARGE = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
import pyarrow as pa
from etl import schema
from etl.errors import LakeError
from etl.lake import append
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
at = datetime(2026, 11, 23, tzinfo=UTC)
rows = [
    {"uid": f"u{i}", "n": 1, "last_seen": at, "observed_at": at, "snapshot_id": "s",
     "message": str(hash(str(i)) * i)} for i in range(20_000)
]
append.HELD_BYTES = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
try:
    with append.Addition(Lake(LocalFiles(Path(sys.argv[1]))), "prod", "s2") as addition:
        addition.add(pa.Table.from_pylist(rows[:50], schema.SCHEMA))
        addition.add(pa.Table.from_pylist(rows, schema.SCHEMA))
        addition.publish()
except LakeError as error:
    print(error)
"""


@pytest.mark.parametrize("held", [1, append.HELD_BYTES])
def test_a_full_disk_leaves_the_lake_as_it_was(tmp_path: Path, held: int) -> None:
    """Where the system takes no more bytes, the run fails in words, and neither parts nor temporaries are left."""
    lake = Lake(LocalFiles(tmp_path / "lake"))
    lake.prepare()
    assert _added(lake, _many(3)) == 3
    before = lake.files.list("")
    done = subprocess.run(
        [sys.executable, "-c", _TOO_LARGE, lake.files.root, str(held)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert "File too large; check space" in done.stdout, done.stderr
    assert _everything(lake) == before


def test_a_run_next_day_changes_no_file(lake: Lake) -> None:
    """Parts are written once: what comes later is in files of its own."""
    assert _added(lake, _many(3), "s1") == 3
    (part,) = lake.parts()
    before = lake.files.read(part.path)
    assert _added(lake, _many(4, observed_at=AT + timedelta(days=1)), "s2") == 1
    assert lake.files.read(part.path) == before
    assert len(lake.parts()) == 2
