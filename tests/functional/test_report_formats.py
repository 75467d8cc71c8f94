"""Rows to CSV, JSON, Markdown and Parquet, hostile text included."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from etl.errors import UsageError
from etl.reports.formats import encode, to_csv

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
HOSTILE = [
    "<script>alert(1)</script>",
    '</script><img src=x onerror="alert(1)">',
    "=HYPERLINK(1)",
    "| a | b |\n|---|---|",
    "**bold** _it_ `code` [x](http://evil.example) ![i](http://evil.example/i.png) @all",
    "\x1b[31mred\x1b[0m\x07\x9b2J",
    "quote \" and ' and , and ;",
    "line\r\nbreak\ttab\u2028separator",
    "\u202egnp.exe",
    "数据平台 🚀",
    "x" * 2000,
]


def _table() -> pa.Table:
    return pa.table(
        {
            "reason": pa.array(["BackOff", None]),
            "occurrences": pa.array([1234567, None], pa.int64()),
            "share": pa.array([0.25, float("nan")]),
            "bucket": pa.array([AT, None], pa.timestamp("us", tz="UTC")),
            "day": pa.array([date(2026, 11, 22), None]),
            "covered": pa.array([True, False]),
            "flags": pa.array([["a", "b"], None]),
            "labels": pa.array([[("app", "web")], None], pa.map_(pa.string(), pa.string())),
            "ttl": pa.array([timedelta(minutes=90), None]),
            "total": pa.array([Decimal(7), None], pa.decimal128(38, 0)),
            "nanos": pa.array([AT, None], pa.timestamp("ns", tz="UTC")),
        }
    )


def test_json_is_one_array_of_objects_with_the_columns_of_the_sql() -> None:
    """Numbers are numbers, times RFC 3339 in UTC, lengths seconds, nothing is null; one object a line."""
    data = encode(_table(), "json")
    assert json.loads(data) == [
        {
            "reason": "BackOff",
            "occurrences": 1234567,
            "share": 0.25,
            "bucket": "2026-11-22T08:30:00Z",
            "day": "2026-11-22",
            "covered": True,
            "flags": ["a", "b"],
            "labels": {"app": "web"},
            "ttl": 5400.0,
            "total": 7,
            "nanos": "2026-11-22T08:30:00Z",
        },
        {name: False if name == "covered" else None for name in _table().column_names},
    ]
    assert len(data.decode().splitlines()) == 4


def test_csv_holds_the_same_values() -> None:
    """Null is an empty cell, lists and maps are JSON, times are as in JSON."""
    head, first, second = csv.reader(io.StringIO(encode(_table(), "csv").decode()))
    assert head == _table().column_names
    assert first == [
        *("BackOff", "1234567", "0.25", "2026-11-22T08:30:00Z", "2026-11-22", "true"),
        *('["a", "b"]', '{"app": "web"}', "5400.0", "7", "2026-11-22T08:30:00Z"),
    ]
    assert second == ["", "", "", "", "", "false", "", "", "", "", ""]


def test_markdown_is_a_table_with_numbers_at_the_right() -> None:
    """One line a row, columns told apart, and the second line tells the alignment."""
    lines = encode(_table().select(["reason", "occurrences"]), "markdown").decode().splitlines()
    assert lines == [
        "| reason | occurrences |",
        "| --- | ---: |",
        "| BackOff | 1234567 |",
        "|  |  |",
    ]


def test_parquet_is_the_table() -> None:
    """What is read back equals what went in, schema and all."""
    # Without the column that holds NaN, which equals nothing, not even itself.
    table = _table().drop_columns(["share"])
    assert pq.read_table(io.BytesIO(encode(table, "parquet"))).equals(table)


@pytest.mark.parametrize("form", ["csv", "json", "markdown", "parquet"])
def test_no_rows_are_an_answer_without_anything_beside_it(form: str) -> None:
    """An empty table is a head, an empty array or an empty file of the schema."""
    empty = _table().slice(0, 0).select(["reason", "occurrences"])
    data = encode(empty, form)
    if form == "parquet":
        assert pq.read_table(io.BytesIO(data)).schema == empty.schema
    else:
        assert data.decode() == {
            "csv": "reason,occurrences\n",
            "json": "[]\n",
            "markdown": "| reason | occurrences |\n| --- | ---: |\n",
        }.get(form)


def test_an_unknown_format_is_refused() -> None:
    """The message lists the formats."""
    with pytest.raises(UsageError, match="there are csv, json, markdown, parquet"):
        encode(_table(), "xml")


def test_hostile_text_survives_json_and_parquet_as_it_is() -> None:
    """The exact formats change nothing, and JSON sends no raw control to a terminal."""
    table = pa.table({"message": HOSTILE})
    data = encode(table, "json").decode()
    assert [row["message"] for row in json.loads(data)] == HOSTILE
    assert len(data.splitlines()) == len(HOSTILE) + 2
    assert all(c.isprintable() or c in "\n\u202e" for c in data)
    assert pq.read_table(io.BytesIO(encode(table, "parquet"))) == table


def test_hostile_text_in_csv_stays_in_its_cell_and_is_no_formula() -> None:
    """What a spreadsheet would run gets an apostrophe; controls become visible marks."""
    starts = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "'=1", "1-2", "a=b"]
    table = pa.table({"=name": [*HOSTILE, *starts], "n": range(-1, len(HOSTILE) + 9)})
    head, *rows = csv.reader(io.StringIO(encode(table, "csv").decode(), newline=""))
    assert head == ["'=name", "n"]
    texts = [row[0] for row in rows]
    assert len(texts) == len(HOSTILE) + len(starts)
    assert not any(text.lstrip().startswith(("=", "+", "-", "@")) for text in texts)
    assert texts[-10:] == [
        *("'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "'\ufffd=1", "'  =1", "'=1", "1-2", "a=b"),
    ]
    assert "\x1b" not in "".join(texts)
    assert rows[0][1] == "-1"


def test_csv_can_be_exact() -> None:
    """For programs nothing is changed."""
    table = pa.table({"message": [*HOSTILE, "=1+1"]})
    rows = list(csv.reader(io.StringIO(to_csv(table, exact=True).decode(), newline="")))
    assert [row[0] for row in rows[1:]] == [*HOSTILE, "=1+1"]
    assert encode(table, "csv", exact=True) == to_csv(table, exact=True)


def test_hostile_text_in_markdown_is_no_markup() -> None:
    """Each row is one line of one cell: no table, HTML, emphasis, link, image or mention in it."""
    lines = encode(pa.table({"message": HOSTILE}), "markdown").decode().splitlines()
    assert len(lines) == len(HOSTILE) + 2
    cells = [line.removeprefix("| ").removesuffix(" |") for line in lines[2:]]
    assert cells[0] == "&lt;script&gt;alert(1)&lt;/script&gt;"
    assert cells[3] == r"\| a \| b \| \|---\|---\|"
    assert cells[4].startswith(r"\*\*bold\*\* \_it\_ \`code\` \[x\](http\://evil.example)")
    assert cells[4].endswith("@\u2060all")
    assert cells[5] == "red"
    assert all(len(cell) < 400 for cell in cells)


def test_repeated_names_keep_their_values_in_json() -> None:
    """SQL allows a name twice; in JSON the second is numbered instead of lost."""
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    assert json.loads(encode(table, "json")) == [{"a": 1, "a_2": 2}]
