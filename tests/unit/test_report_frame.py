"""Rows as a DataFrame: every kind of column, with and without something missing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pytest

from etl.reports.frame import frame

AT = datetime(2026, 11, 22, 23, 30, 0, 250, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
TIMES = pa.timestamp("us", tz="UTC")


@pytest.mark.parametrize(
    ("kind", "values", "dtype", "shown"),
    [
        (pa.int64(), [1, 2], "int64", [1, 2]),
        (pa.int64(), [2**62 + 1, None], "Int64", [2**62 + 1, pd.NA]),
        (pa.int64(), [], "int64", []),
        (pa.float64(), [0.5, None], "float64", [0.5, float("nan")]),
        (pa.bool_(), [True, False], "bool", [True, False]),
        (pa.bool_(), [True, None], "boolean", [True, pd.NA]),
        (pa.string(), ["a", None], "str", ["a", float("nan")]),
        (pa.decimal128(38, 0), [Decimal(7), Decimal(2**62 + 1)], "int64", [7, 2**62 + 1]),
        (pa.decimal128(38, 0), [Decimal(7), None], "Int64", [7, pd.NA]),
        (pa.decimal128(38, 0), [Decimal(10**30)], "float64", [1e30]),
        (pa.decimal128(9, 2), [Decimal("7.25")], "float64", [7.25]),
        (pa.date32(), [date(2026, 11, 22)], None, [pd.Timestamp("2026-11-22")]),
        (TIMES, [AT, None], "datetime64[us, Asia/Shanghai]", [pd.Timestamp(AT), pd.NaT]),
        (pa.timestamp("ns", tz="UTC"), [AT], "datetime64[us, Asia/Shanghai]", [pd.Timestamp(AT)]),
        (pa.duration("us"), [timedelta(seconds=90)], "timedelta64[us]", [pd.Timedelta("90s")]),
        (pa.list_(pa.string()), [["a"], None], "object", [["a"], None]),
        (pa.map_(pa.string(), pa.string()), [[("a", "b")]], "object", [{"a": "b"}]),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_column_keeps_what_it_says(
    kind: pa.DataType, values: list[Any], dtype: str | None, shown: list[Any]
) -> None:
    """Whole numbers stay whole to the last digit, times are moments in the timezone, lists are lists."""
    found = frame(pa.table({"x": pa.array(values, kind)}), SHANGHAI)["x"]
    assert dtype is None or str(found.dtype) == dtype
    assert len(found) == len(shown)
    for got, wanted in zip(found.tolist(), shown, strict=True):
        assert type(got) is type(wanted)
        assert pd.isna(got) is True if pd.isna(wanted) is True else got == wanted


def test_a_moment_is_shown_in_the_timezone() -> None:
    """Half past eleven in the evening, UTC, is the morning of the next day in Shanghai."""
    found = frame(pa.table({"at": pa.array([AT], TIMES)}), SHANGHAI)["at"]
    assert str(found[0]) == "2026-11-23 07:30:00.000250+08:00"


def test_columns_of_one_name_are_numbered() -> None:
    """SQL allows them, and a frame would show the last one twice."""
    rows = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["n", "n"])
    assert frame(rows, SHANGHAI).to_dict("records") == [{"n": 1, "n_2": 2}]


def test_no_rows_keep_their_types() -> None:
    """An empty answer is well formed: it can be drawn, joined and summed."""
    found = frame(pa.schema([("n", pa.int64()), ("at", TIMES)]).empty_table(), SHANGHAI)
    assert [str(kind) for kind in found.dtypes] == ["int64", "datetime64[us, Asia/Shanghai]"]
