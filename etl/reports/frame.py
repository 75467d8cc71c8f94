"""Rows to a DataFrame for notebooks: whole numbers stay whole, and times are those of a timezone.

pandas would make numbers with a gap floating ones, and takes what it does not know, such as
lists and decimals, as it comes. The only user of pandas.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa

from etl.reports.formats import unique


def frame(table: pa.Table, timezone: ZoneInfo) -> pd.DataFrame:
    """Return ``table`` as a DataFrame; moments are shown in ``timezone`` and stay the same moments.

    Types: whole numbers are int64, where one is missing Int64; numbers float64; texts str; truths
    bool, where one is missing boolean; moments datetime64[us, timezone]; dates datetime64 at
    midnight, without a timezone; lists, and maps as dicts, are objects.
    """
    columns = zip(unique(table.column_names), table.columns, strict=True)
    return pd.DataFrame({name: _series(column, timezone) for name, column in columns})


def _series(column: pa.ChunkedArray, timezone: ZoneInfo) -> pd.Series:
    kind = column.type
    if pa.types.is_decimal(kind):
        column = _number(column)
        kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        column = column.cast(pa.timestamp("us", timezone.key), safe=False)
    if pa.types.is_nested(kind):
        return pd.Series(column.to_pylist(maps_as_pydicts="lossy"), dtype="object")
    if column.null_count and pa.types.is_integer(kind):
        return pd.Series(column.to_pylist(), dtype="Int64")
    if column.null_count and pa.types.is_boolean(kind):
        return pd.Series(column.to_pylist(), dtype="boolean")
    found: pd.Series = column.to_pandas(date_as_object=False)
    return found


def _number(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return decimals as what pandas counts with: sums of whole numbers come with 38 digits."""
    if column.type.scale == 0:
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:
            # More than 19 digits: no count of events, and a floating number is near enough.
            pass
    return column.cast(pa.float64())
