"""Rows to CSV, JSON, Markdown and Parquet: the bytes of a file, and nothing beside them.

JSON and Parquet are exact. JSON is one array of objects with the SQL's column names, one
object a line; times are RFC 3339 in UTC, lengths of time are seconds. Control characters
are escaped, so that a terminal shows them and does not obey them.

CSV is what people open in a spreadsheet, and a cell there that starts with ``=`` is run.
Whoever may create events writes the cells, so by default a text cell that starts like a
formula (``=``, ``+``, ``-``, ``@``, tab, line end) gets an apostrophe before it and control
characters become U+FFFD. Numbers and times are never touched. ``exact`` turns this off, for
programs; these are better off with JSON or Parquet, which need no guard.

Markdown is for people too: cells are one line, shortened, and without markup of their own.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from etl.errors import UsageError, quoted
from etl.reports.cells import is_number, plain
from etl.timespan import rfc3339

Format = Literal["csv", "json", "markdown", "parquet"]

# How a spreadsheet tells a formula; the list of OWASP's page on CSV injection.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# JSON leaves these raw; a terminal obeys some, and U+2028 ends a line in some programs.
_RAW_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029]")
# What Markdown and GitHub read inside a cell of a table; the last two make links of bare addresses.
_MARKUP = re.compile(r"([\\`*_\[\]|~$]|:(?=//)|(?<=www)\.)")
_CELL_CHARACTERS = 200


def encode(table: pa.Table, form: str, *, exact: bool = False) -> bytes:
    """Return ``table`` as a file of ``form``; ``exact`` leaves CSV cells as they are.

    Raises ``UsageError`` for a format that is not one of ``Format``.
    """
    if form == "csv":
        return to_csv(table, exact=exact)
    if form not in _ENCODERS:
        known = ", ".join(get_args(Format))
        raise UsageError(f"there is no format {quoted(form, 40)!r}; there are {known}")
    return _ENCODERS[form](table)


def to_csv(table: pa.Table, *, exact: bool = False) -> bytes:
    """Return ``table`` as CSV with a head; null is an empty cell."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    guard = _unguarded if exact else _guarded
    writer.writerow([guard(name) for name in table.column_names])
    for row in _rows(table):
        writer.writerow([guard(_cell(value)) for value in row])
    return stream.getvalue().encode()


def to_json(table: pa.Table) -> bytes:
    """Return ``table`` as one JSON array with an object a line."""
    names = unique(table.column_names)
    lines = [
        json.dumps(dict(zip(names, map(_json_value, row), strict=True)), ensure_ascii=False)
        for row in _rows(table)
    ]
    text = "[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n"
    return _RAW_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text).encode()


def to_markdown(table: pa.Table) -> bytes:
    """Return ``table`` as a Markdown table; numbers stand at the right."""
    marks = ["---:" if is_number(field.type) else "---" for field in table.schema]
    lines = [[_markdown(name) for name in table.column_names], marks]
    lines += [[_markdown(_cell(value)) for value in row] for row in _rows(table)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines).encode()


def to_parquet(table: pa.Table) -> bytes:
    """Return ``table`` as a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


_ENCODERS: dict[str, Callable[[pa.Table], bytes]] = {
    "json": to_json,
    "markdown": to_markdown,
    "parquet": to_parquet,
}


def _rows(table: pa.Table) -> list[tuple[object, ...]]:
    """Return the rows as Python values; times of nanoseconds lose what Python cannot hold."""
    columns = [
        _in_microseconds(column).to_pylist(maps_as_pydicts="lossy") for column in table.columns
    ]
    return list(zip(*columns, strict=True))


def _in_microseconds(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return column.cast(pa.timestamp("us", kind.tz), safe=False)
    if pa.types.is_duration(kind) and kind.unit == "ns":
        return column.cast(pa.duration("us"), safe=False)
    return column


def unique(names: list[str]) -> list[str]:
    """Number repeated names (``a``, ``a_2``): SQL allows them, a JSON object loses all but one."""
    counts: dict[str, int] = {}
    found = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        found.append(name if counts[name] == 1 else f"{name}_{counts[name]}")
    return found


def _json_value(value: object) -> object:
    match value:
        case float():
            plain_value: object = value if math.isfinite(value) else None
        case Decimal():
            plain_value = int(value) if value == value.to_integral_value() else float(value)
        case datetime():
            plain_value = rfc3339(value) if value.tzinfo else value.isoformat()
        case date() | time():
            plain_value = value.isoformat()
        case timedelta():
            plain_value = value.total_seconds()
        case bytes():
            plain_value = value.hex()
        case list():
            plain_value = [_json_value(item) for item in value]
        case dict():
            plain_value = {str(key): _json_value(item) for key, item in value.items()}
        case None | bool() | int() | str():
            plain_value = value
        case _:
            plain_value = str(value)
    return plain_value


def _cell(value: object) -> str | int | float:
    """Return a value as text or a number: what JSON says, lists and maps as JSON."""
    match _json_value(value):
        case None:
            return ""
        case bool() as truth:
            return "true" if truth else "false"
        case (int() | float()) as number:
            return number
        case str() as text:
            return text
        case nested:
            return json.dumps(nested, ensure_ascii=False)


def _guarded(cell: str | float) -> str | float:
    if not isinstance(cell, str):
        return cell
    # The mark is found before control characters are replaced: a leading CR counts as one.
    formula = cell.lstrip(" ").startswith(_FORMULA)
    cell = _CONTROLS.sub("\ufffd", cell.replace("\r\n", "\n"))
    return f"'{cell}" if formula else cell


def _unguarded(cell: str | float) -> str | float:
    return cell


def _markdown(cell: str | float) -> str:
    """Escape what Markdown or HTML reads as markup; an @ is parted from the name it would call."""
    text = plain(str(cell), _CELL_CHARACTERS)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub(r"\\\1", text).replace("@", "@\u2060")
