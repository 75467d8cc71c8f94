"""Damaged and foreign files in a lake: left out, named, and never the end of a question or a run."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from etl import schema
from etl.errors import QueryError
from etl.lake.append import Addition
from etl.lake.encode import write_parquet
from etl.lake.files import Files
from etl.lake.layout import Lake, ledger_path, part_path
from etl.lake.ledger import Entry, record
from etl.lake.query import session

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)
PART = part_path("prod", AT.date(), "zz")
QUESTION = "select count(*) as n, count(distinct message) as m from observations"
Change = Callable[[bytes], bytes]


def _rows(count: int = 200, first: int = 0) -> pa.Table:
    rows = [
        {
            "uid": f"u{number}",
            "n": 1,
            "last_seen": AT,
            "first_seen": AT,
            "observed_at": AT,
            "snapshot_id": "s",
            "message": f"message {number * 7919}",
        }
        for number in range(first, first + count)
    ]
    return pa.Table.from_pylist(rows, schema.SCHEMA)


def _bytes(rows: pa.Table) -> bytes:
    file = io.BytesIO()
    write_parquet(rows, file)
    return file.getvalue()


@pytest.fixture
def lake(files: Files) -> Lake:
    """A lake with one part of 200 rows and one ledger row."""
    made = Lake(files)
    made.prepare()
    with Addition(made, "prod", "s1") as addition:
        addition.add(_rows())
        addition.publish()
    record(
        made,
        "prod",
        Entry(snapshot_id="s1", kind="list", status="complete", started_at=AT, version="0"),
    )
    return made


def _ask(lake: Lake, question: str = QUESTION) -> tuple[list[dict[str, Any]], list[str]]:
    with session(lake) as opened:
        rows: list[dict[str, Any]] = opened.run(question, {}).to_pylist()
        return rows, opened.warnings


def _flipped(data: bytes) -> bytes:
    """Turn the bits of the first column, and leave the footer, which tells what stands where, as it is."""
    column = pq.read_metadata(io.BytesIO(data)).row_group(0).column(0)
    start = column.dictionary_page_offset or column.data_page_offset
    end = start + column.total_compressed_size
    return data[:start] + bytes(byte ^ 0xFF for byte in data[start:end]) + data[end:]


DAMAGE: dict[str, Change] = {
    "empty": lambda _: b"",
    "text": lambda _: b"what is this",
    "truncated": lambda data: data[:-100],
    "half": lambda data: data[: len(data) // 2],
    "footer": lambda data: data[:-40] + b"\xff" * 10 + data[-30:],
    "zeros": lambda data: b"\0" * len(data),
    "pages": _flipped,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_part_is_left_out(damage: str, lake: Lake) -> None:
    """The rows of the other parts are all there, and the damaged one is named."""
    lake.files.write(PART, DAMAGE[damage](_bytes(_rows(100, first=1000))))
    rows, warnings = _ask(lake)
    assert rows == [{"n": 200, "m": 200}]
    (warning,) = warnings
    assert warning.startswith(f"{PART} cannot be read and is left out: ")


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_run_goes_on_beside_a_damaged_part(damage: str, lake: Lake) -> None:
    """A run that compares with a damaged part says so, and writes what only that part held."""
    lake.files.write(PART, DAMAGE[damage](_bytes(_rows(100, first=1000))))
    with Addition(lake, "prod", "s2") as addition:
        addition.add(_rows(50, first=1000))
        addition.add(_rows(50))
        addition.publish()
    assert addition.rows_added == 50
    assert any(PART in warning and "cannot be read" in warning for warning in addition.warnings)
    assert _ask(lake)[0] == [{"n": 250, "m": 250}]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_ledger_row_is_left_out(damage: str, lake: Lake) -> None:
    """The other rows of the ledger are shown."""
    path = ledger_path("prod", AT.date(), "s1")
    other = ledger_path("prod", AT.date(), "s2")
    lake.files.write(other, DAMAGE[damage](lake.files.read(path)))
    rows, warnings = _ask(lake, "select snapshot_id from snapshots order by snapshot_id")
    assert rows == [{"snapshot_id": "s1"}]
    assert [warning.split()[0] for warning in warnings] == [other]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_lake_whose_only_part_is_damaged_is_an_empty_one(damage: str, lake: Lake) -> None:
    """Nothing but damage still answers, with nothing, and says why."""
    (part,) = lake.parts()
    lake.files.write(part.path, DAMAGE[damage](lake.files.read(part.path)))
    rows, warnings = _ask(lake)
    assert rows == [{"n": 0, "m": 0}]
    assert len(warnings) == 1


def _with(name: str, values: pa.Array) -> pa.Table:
    rows = _rows(3, first=1000)
    return rows.set_column(rows.schema.get_field_index(name), name, values)


FOREIGN = {
    "it has no uid": pa.table({"a": [1]}),
    "its uid is int64, not string": pa.table({"uid": [1, 2, 3]}),
    "it has no last_seen": _rows(3).drop_columns(["last_seen"]),
    "its last_seen is timestamp[ns], not timestamp[us, tz=UTC]": _with(
        "last_seen", pa.array([AT] * 3, pa.timestamp("ns", "UTC")).cast(pa.timestamp("ns"))
    ),
    "its n is int32, not int64": _with("n", pa.array([1, 2, 3], pa.int32())),
    "its message is int64, not string": _with("message", pa.array([1, 2, 3])),
    "its flags is string, not list": _with("flags", pa.array(["a", "b", "c"])),
}


@pytest.mark.parametrize("reason", FOREIGN)
def test_a_foreign_file_is_left_out(reason: str, lake: Lake) -> None:
    """A Parquet file of another schema, which would stop or falsify every question, is named with the column."""
    file = io.BytesIO()
    pq.write_table(FOREIGN[reason], file)
    lake.files.write(PART, file.getvalue())
    rows, (warning,) = _ask(lake)
    assert rows == [{"n": 200, "m": 200}]
    assert warning.startswith(f"{PART} is not a file of this lake and is left out: {reason}")
    with Addition(lake, "prod", "s2") as addition:
        addition.add(_rows(10, first=500))
        addition.publish()
    assert addition.rows_added == 10


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.drop_columns(["flags", "labels", "related_name"]),
        lambda rows: rows.append_column("workload", pa.array(["web"] * rows.num_rows)),
        lambda rows: rows.select(rows.column_names[::-1]),
        lambda rows: rows.append_column("cluster", pa.array(["other"] * rows.num_rows)),
    ],
    ids=["older", "newer", "reordered", "partition inside"],
)
def test_older_and_newer_files_are_read(change: Callable[[pa.Table], pa.Table], lake: Lake) -> None:
    """Columns that are missing, if they may be null, or new, or in another order, disturb nobody."""
    file = io.BytesIO()
    pq.write_table(change(_rows(5, first=1000)), file)
    lake.files.write(PART, file.getvalue())
    assert _ask(lake) == ([{"n": 205, "m": 205}], [])
    rows, _ = _ask(lake, "select distinct cluster from events order by cluster")
    assert rows == [{"cluster": "prod"}]


def test_other_files_are_not_looked_at(lake: Lake) -> None:
    """What lies beside the partitions, and what a crash left behind, is no part and no trouble."""
    for path in (
        "parts/notes.txt",
        "parts/cluster=prod/x.parquet",
        "parts/cluster=prod/date=2026-11-23/.tmp-0123456789abcdef",
        "parts/cluster=prod/date=2026-11-23/zz.parquet.swp",
    ):
        lake.files.write(path, b"half")
    assert _ask(lake) == ([{"n": 200, "m": 200}], [])


def test_a_file_that_vanished_is_left_out(lake: Lake) -> None:
    """A file that somebody deleted while a session was open costs its rows, is named, and stops nothing."""
    lake.files.write(PART, _bytes(_rows(100_000, first=1000)))
    with session(lake) as opened:
        lake.files.delete(PART)
        assert opened.run(QUESTION, {}).to_pylist() == [{"n": 200, "m": 200}]
        assert [warning.split()[0] for warning in opened.warnings] == [PART]


def test_a_wrong_statement_reads_no_files_twice(lake: Lake) -> None:
    """A mistake of the statement stays a mistake of the statement: nothing is left out for it."""
    with session(lake) as opened:
        for text in ("select error('x')", "select regexp_matches('a', '(')", "select 'a'::int"):
            with pytest.raises(QueryError):
                opened.run(text, {})
        assert opened.warnings == []
        assert opened.run(QUESTION, {}).to_pylist() == [{"n": 200, "m": 200}]
