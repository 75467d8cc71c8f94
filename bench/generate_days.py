"""Days of observations as snapshots would have written them: any number of events, cheap enough for millions.

The events of ``generate_events`` go through the product's own decoder once; then they are
repeated as other events: new uids, names, pods and revisions, at other times of the day. So
what costs time and bytes in a lake (what differs from row to row) differs as it would.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, partial
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from bench.generate_events import INTERVAL, NOW, rendered
from etl import schema
from etl.lake import layout
from etl.lake.encode import write_parquet
from etl.lake.layout import Lake
from etl.source import columns as column_wise
from etl.source import decode
from etl.source.normalise import Normaliser

CLUSTER = "bench"
STATES = 3
_PAGE = 5000
# Distinct events that are decoded; what is more repeats their shapes.
_STOCK = 100_000
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_POD_SUFFIX = 5
_TIMES = [field.name for field in schema.SCHEMA if pa.types.is_timestamp(field.type)]


@cache
def stock(observations: int) -> Stock:
    """Return what days of so many observations in all are made from; it is made once."""
    return Stock(max(1, observations // STATES))


class Stock:
    """Decoded events in all their states, to be repeated as others."""

    def __init__(self, events: int) -> None:
        """Decode as many events as are wanted, at most as many as repeat unnoticed."""
        self._count = min(events, _STOCK)
        self._states = [_decoded(self._count, state) for state in range(STATES)]
        first = self._states[0]
        self._suffixes = pa.array(
            [name.rpartition(".")[2] for name in first["name"].to_pylist()], pa.string()
        )
        self._pods = first["object_name"].combine_chunks().dictionary_encode()
        self._pod_uids = first["object_uid"].combine_chunks().dictionary_encode()
        # Where a text names its pod, it has to name the new one.
        pairs = zip(first["message"].to_pylist(), first["object_name"].to_pylist(), strict=True)
        self._named = [
            (row, message, pod) for row, (message, pod) in enumerate(pairs) if pod in message
        ]

    def batches(self, events: int, *, size: int, seed: str) -> Iterator[list[pa.Table]]:
        """Yield ``events`` events that there never were before, ``size`` at a time: a table for each state."""
        chance = random.Random(seed)  # noqa: S311 -- test data has to be repeatable
        while events:
            made = self._repeated(chance)
            turns = -(-self._count // size)
            for turn in range(turns):
                # Every so many-th event: a snapshot sees all namespaces, in the API's order.
                chosen = pa.array(range(turn, self._count, turns)[:events])
                yield [table.take(chosen) for table in made]
                events -= len(chosen)
                if not events:
                    return

    def _repeated(self, chance: random.Random) -> list[pa.Table]:
        pods = [_pod(name, chance) for name in self._pods.dictionary.to_pylist()]
        names = pa.array(pods).take(self._pods.indices)
        renamed = dict(zip(self._pods.dictionary.to_pylist(), pods, strict=True))
        messages = self._states[0]["message"].to_pylist()
        for row, message, pod in self._named:
            messages[row] = message.replace(pod, renamed[pod])
        columns = {
            "uid": pa.array(_uids(chance, self._count)),
            "name": pc.binary_join_element_wise(names, self._suffixes, "."),
            "object_name": names,
            "object_uid": pa.array(_uids(chance, len(self._pod_uids.dictionary))).take(
                self._pod_uids.indices
            ),
            "message": pa.array(messages),
        }
        return [_with(table, columns) for table in self._states]


def fill(
    lake: Lake, stock: Stock, day: date, *, events: int, parts: int, interval: timedelta = INTERVAL
) -> int:
    """Write ``events`` events of ``day``, three states each, as ``parts`` snapshots; return the rows.

    The snapshots lie evenly between two o'clock and midnight; each sees the states of the hour before it.
    """
    midnight = datetime.combine(day, time(), UTC)
    # The last states are seen two intervals after the last event's first one.
    room = 22 * _HOUR - (STATES - 1) * interval
    pending: list[list[pa.Table]] = [[] for _ in range(parts)]
    rows = 0
    batches = stock.batches(events, size=-(-events // parts), seed=day.isoformat())
    for slot, states in enumerate(batches):
        at = midnight + 2 * _HOUR + room * (slot % parts) // parts
        shift = timedelta(seconds=int((at - NOW).total_seconds()))
        for state, table in enumerate(states):
            # In a day of few snapshots the later states are seen by the same one.
            seen = min((slot % parts) + state, parts - 1)
            pending[seen].append(_moved(table, shift, f"{day:%Y%m%d}T{seen:03d}"))
            rows += table.num_rows
    for number, tables in enumerate(filter(None, pending)):
        name = f"{day:%Y%m%d}T{number:03d}"
        path = layout.part_path(CLUSTER, day, name)
        lake.files.stage(path, partial(write_parquet, pa.concat_tables(tables))).publish()
    return rows


def _decoded(count: int, state: int) -> pa.Table:
    """Return the first ``count`` events in one state, as a snapshot would hold them."""
    items = rendered(count, state=state)
    tables = []
    while page := list(islice(items, _PAGE)):
        listed = decode.page(b'{"items":[' + b",".join(page) + b"]}")
        rows = Normaliser(
            column_wise.of_events(listed), cluster=CLUSTER, observed_at=NOW + state * INTERVAL
        )
        tables.append(rows.rows("-"))
    return pa.concat_tables(tables).combine_chunks()


def _moved(table: pa.Table, shift: timedelta, snapshot: str) -> pa.Table:
    """Return the rows at another time, written by another snapshot."""
    by = pa.scalar(shift, pa.duration("us"))
    columns = {name: pc.add(table[name], by) for name in _TIMES}
    columns["resource_version"] = pc.add(
        table["resource_version"], int(shift.total_seconds()) * 1000
    )
    columns["snapshot_id"] = pa.repeat(snapshot, table.num_rows)
    return _with(table, columns)


def _with(table: pa.Table, columns: dict[str, pa.Array]) -> pa.Table:
    for name, values in columns.items():
        position = table.schema.get_field_index(name)
        table = table.set_column(position, schema.SCHEMA.field(name), values)
    return table


def _pod(name: str, chance: random.Random) -> str:
    return name[:-_POD_SUFFIX] + "".join(chance.choices(_ALPHABET, k=_POD_SUFFIX))


def _uids(chance: random.Random, count: int) -> list[str]:
    digits = chance.randbytes(16 * count).hex()
    return [
        f"{digits[i : i + 8]}-{digits[i + 8 : i + 12]}-4{digits[i + 13 : i + 16]}"
        f"-a{digits[i + 17 : i + 20]}-{digits[i + 20 : i + 32]}"
        for i in range(0, 32 * count, 32)
    ]
