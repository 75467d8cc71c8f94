"""Drawn tables: ``|``-separated text to Arrow tables, typed by the one schema.

    cluster | uid | n | last_seen        | reason
    prod    | a   | 1 | 2026-11-23 08:00 | BackOff

An empty cell or ``-`` is null. Columns that are not drawn are null, or for those
that may not be, a plain default. Times are UTC.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from etl import manifest, schema
from etl.timespan import Duration

_DEFAULTS: dict[str, Any] = {
    "cluster": "prod",
    "n": 1,
    "observed_at": datetime(2026, 1, 1, tzinfo=UTC),
    "snapshot_id": "s",
    "version": "0",
    "kind": "list",
    "status": "complete",
    "occurrences": 1,
}
EVENTS_SCHEMA = pa.schema(
    [*schema.FULL_SCHEMA, *(pa.field(column.name, column.type) for column in schema.DERIVED)]
)


def drawn(text: str) -> list[dict[str, str | None]]:
    """Read a drawn table into one dict a row; cells stay text."""
    lines = [line.strip() for line in text.strip().splitlines()]
    lines = [line for line in lines if line and set(line) - set("-+| ")]
    names = [cell.strip() for cell in lines[0].split("|")]
    rows = []
    for line in lines[1:]:
        cells = [cell.strip() for cell in line.split("|")]
        assert len(cells) == len(names), f"{line!r} has {len(cells)} cells, not {len(names)}"
        rows.append({n: (None if c in {"", "-"} else c) for n, c in zip(names, cells, strict=True)})
    return rows


def _typed(cell: str | None, kind: pa.DataType) -> Any:
    if cell is None:
        return None
    if pa.types.is_timestamp(kind):
        return datetime.fromisoformat(cell).replace(tzinfo=UTC)
    if pa.types.is_date(kind):
        return date.fromisoformat(cell)
    if pa.types.is_integer(kind):
        return int(cell)
    if pa.types.is_floating(kind):
        return float(cell)
    if pa.types.is_boolean(kind):
        return cell == "T"
    if pa.types.is_list(kind):
        return cell.split(",")
    if pa.types.is_duration(kind):
        return Duration.parse(cell)
    return cell


def typed_table(text: str, columns: pa.Schema) -> pa.Table:
    """Read a drawn table into an Arrow table of exactly ``columns``."""
    rows = []
    for number, cells in enumerate(drawn(text)):
        unknown = set(cells) - set(columns.names)
        assert not unknown, f"unknown columns {sorted(unknown)}"
        row = {f.name: _typed(cells.get(f.name), f.type) for f in columns}
        for name, default in _DEFAULTS.items():
            if name in row and row[name] is None and name not in cells:
                row[name] = default
        if "uid" in row and row["uid"] is None:
            row["uid"] = f"uid-{number}"
        if "date" in row and row["date"] is None:
            moment = row.get("last_seen") or row.get("started_at")
            row["date"] = moment.date() if moment else None
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=columns)


def events(text: str) -> pa.Table:
    """A drawn table as rows of the view ``events``."""
    return typed_table(text, EVENTS_SCHEMA)


def observations(text: str) -> pa.Table:
    """A drawn table as rows of the view ``observations``."""
    return typed_table(text, schema.FULL_SCHEMA)


def near(rows: pa.Table) -> pa.Table:
    """Rows of the view ``observations`` as those of ``near``: all of them are to be counted."""
    return rows.append_column("own", pa.array([True] * rows.num_rows, pa.bool_()))


def snapshots(text: str) -> pa.Table:
    """A drawn table as rows of the view ``snapshots``."""
    return typed_table(text, manifest.FULL_SNAPSHOT_SCHEMA)
