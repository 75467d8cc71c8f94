"""A fleet's lake of any size in minutes: clusters by days, each sealed, with a sealed ledger.

One day is made by the generator of days and sealed by the product. Every other day of every
cluster is that one at another time, less a share of its events, with other uids, pods,
names, messages and revisions, written with the schema, the options, the order and the metadata of a sealed
day. What is the same in each are words: reasons, namespaces, nodes, patterns. So what costs
time and bytes differs as it would, and a reader cannot tell the days from sealed ones.

Clusters are of different sizes, the first about eight times the tenth; a weekend has two
thirds of a weekday's events.
"""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench import generate_days
from bench.ledger import A_DAY, listed
from etl import manifest, schema
from etl.lake import layout, seal
from etl.lake.folders import LocalFiles
from etl.lake.gathering import ROWS_PER_GROUP
from etl.lake.generation import written_with
from etl.lake.layout import Lake
from etl.lake.ledger import Entry, record
from etl.lake.ledger_seal import seal_ledger
from etl.lake.partitions import METADATA_KEY, Made

LAST = date(2026, 11, 20)
_DAY = timedelta(days=1)
_TTL = timedelta(hours=1)
_MODEL = date(2026, 1, 1)
# As a job that runs every ten minutes writes them.
_PARTS = A_DAY
# Each cluster has its rank to this power of the first one's events.
_SKEW = -0.9
_WEEKDAY, _WEEKEND, _NOISE = 1.1, 0.75, 0.1
_FRIDAY = 4
# In the order of their bytes, so that greater numbers are later names.
_LETTERS = sorted("bcdfghjklmnpqrstvwxz2456789")
_SUFFIX = 5
_UID_CHANGED = 8
_REVISIONS_A_DAY = 1_000_000
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Size:
    """How many clusters, days and observations a lake has, about."""

    observations: int
    clusters: int = 10
    days: int = 30

    def shares(self) -> Iterator[tuple[str, date, float]]:
        """Yield each cluster and day with its share of the largest one's events."""
        chance = random.Random(self.observations)  # noqa: S311 -- test data has to be repeatable
        for number in range(self.clusters):
            for ago in reversed(range(self.days)):
                day = LAST - ago * _DAY
                of_day = _WEEKDAY if day.weekday() <= _FRIDAY else _WEEKEND
                noise = 1 + _NOISE * (2 * chance.random() - 1)
                # Beyond the last decimal everything is in.
                yield _name(number), day, (number + 1) ** _SKEW * of_day * noise / _GREATEST

    @property
    def greatest(self) -> int:
        """The observations of the largest day."""
        return math.ceil(self.observations / sum(share for _, _, share in self.shares()))


_GREATEST = _WEEKDAY * (1 + _NOISE)


def fill(lake: Lake, size: Size) -> int:
    """Write a lake of that size; return its observations."""
    lake.prepare()
    model = _Model(size.greatest)
    rows = 0
    for number, (cluster, day, share) in enumerate(size.shares()):
        rows += model.write(lake, cluster, day, share=share, seed=number)
        _write_ledger(lake, cluster, day, model.ledger)
    return rows


def _name(number: int) -> str:
    """Every third cluster is called as Amazon's are, by characters that a path cannot hold."""
    short = f"prod-{number:03d}"
    return f"arn:aws:eks:eu-central-1:1:cluster/{short}" if number % 3 == 1 else short


class _Model:
    """The day that all days are made from."""

    def __init__(self, observations: int) -> None:
        with tempfile.TemporaryDirectory(prefix="eventlake-bench-") as folder:
            lake = Lake(LocalFiles(Path(folder)))
            lake.prepare()
            stock = generate_days.stock(observations)
            events = max(_PARTS, observations // generate_days.STATES)
            generate_days.fill(lake, stock, _MODEL, events=events, parts=_PARTS)
            closed = seal.closes_at(_MODEL, _TTL) + timedelta(days=1)
            (_done,) = seal.seal(lake, clock=lambda: closed, ttl=_TTL)
            self._rows = _without_repeats(
                pq.read_table(lake.files.location(lake.days()[0].path), partitioning=None)
            )
            self.ledger = _ledger_day(lake)
        self._uids = _Words(self._rows, "uid")
        self._pods = _Words(self._rows, "object_name")
        self._pod_uids = _Words(self._rows, "object_uid")
        self._numbers = _numbers(self._pods.words)
        chance = random.Random(0)  # noqa: S311 -- as above
        beginnings = len(self._uids.words) + len(self._pod_uids.words)
        digits = chance.randbytes(_UID_CHANGED // 2 * beginnings).hex()
        self._beginnings = pa.array(
            [digits[i : i + _UID_CHANGED] for i in range(0, len(digits), _UID_CHANGED)]
        )
        self._connection = duckdb.connect()
        self._connection.execute("set TimeZone = 'UTC'")

    def write(self, lake: Lake, cluster: str, day: date, *, share: float, seed: int) -> int:
        """Write one day with a ``share`` of the model's events; return its rows."""
        chance = random.Random(seed)  # noqa: S311 -- as above
        uids = _begun(self._uids.words, self._turned(chance, len(self._uids.words)))
        pod_uids = _begun(self._pod_uids.words, self._turned(chance, len(self._pod_uids.words)))
        pods = _suffixed(self._pods.words, self._numbers, chance)
        taken = pc.less(pc.random(len(uids), initializer=seed), share)
        chosen = pc.indices_nonzero(taken.take(self._uids.codes))
        made = _made(day)
        with pq.ParquetWriter(
            _file(lake, layout.day_path(cluster, day, 1)),
            self._rows.schema,
            **written_with(objects=1 + min(len(chosen), ROWS_PER_GROUP) // generate_days.STATES),
            store_schema=False,
        ) as writer:
            for first in range(0, len(chosen), ROWS_PER_GROUP):
                some = chosen.slice(first, ROWS_PER_GROUP)
                group = _moved(self._rows.take(some), day)
                group = _with(group, "uid", uids.take(self._uids.codes.take(some)))
                group = _with(group, "object_uid", pod_uids.take(self._pod_uids.codes.take(some)))
                group = self._renamed(group, pods.take(self._pods.codes.take(some)))
                writer.write_table(group, row_group_size=group.num_rows)
            writer.add_key_value_metadata({METADATA_KEY: msgspec.json.encode(made)})
        return len(chosen)

    def _turned(self, chance: random.Random, length: int) -> pa.Array:
        return self._beginnings.slice(chance.randrange(len(self._beginnings) - length + 1), length)

    def _renamed(self, group: pa.Table, pods: pa.Array) -> pa.Table:
        """Return the rows with other pods, also where names and texts begin with them or name them."""
        given = pa.table(
            {
                "old": group["object_name"],
                "pod": pods,
                "name": group["name"],
                "message": group["message"],
            }
        )
        found = self._connection.from_arrow(given).project(
            "replace(name, old, pod) as name, replace(message, old, pod) as message"
        )
        texts = found.to_arrow_table()
        group = _with(group, "object_name", pods)
        group = _with(group, "name", texts["name"])
        return _with(group, "message", texts["message"])


class _Words:
    """A column as numbers of its different words."""

    def __init__(self, rows: pa.Table, name: str) -> None:
        encoded = rows[name].combine_chunks().dictionary_encode()
        self.words: pa.Array = encoded.dictionary
        self.codes: pa.Array = encoded.indices


def _without_repeats(rows: pa.Table) -> pa.Table:
    """Return the rows with those columns as dictionaries that are written as such, and the others plain."""
    wanted = set(written_with(objects=1)["use_dictionary"]) - {"message", "object_name"}
    plain = {"uid", "name", "message", "object_name", "object_uid"}
    for field in schema.DAY_SCHEMA:
        if field.name in wanted - plain:
            encoded = rows[field.name].combine_chunks().dictionary_encode()
            position = rows.schema.get_field_index(field.name)
            rows = rows.set_column(position, field.with_type(encoded.type), encoded)
    return rows.replace_schema_metadata(None)


def _numbers(pods: pa.Array) -> pa.Array:
    """Return the last letters of each name as a number that grows as they do."""
    values = {letter: number for number, letter in enumerate(_LETTERS)}

    def value(name: str) -> int:
        number = 0
        for letter in name[-_SUFFIX:]:
            number = number * len(_LETTERS) + values.get(letter, 0)
        return number

    return pa.array([value(name) for name in pods.to_pylist()], pa.int64())


def _suffixed(pods: pa.Array, numbers: pa.Array, chance: random.Random) -> pa.Array:
    """Return the names with other last letters, in the same order: half of each number, and an amount that is added to all."""
    base = len(_LETTERS)
    added = chance.randrange(base**_SUFFIX // 2)
    rest = pc.add(pc.divide(numbers, 2), added)
    letters = []
    for _position in range(_SUFFIX):
        above = pc.divide(rest, base)
        letters.append(pa.array(_LETTERS).take(pc.subtract(rest, pc.multiply(above, base))))
        rest = above
    beginnings = pc.utf8_slice_codeunits(pods, 0, -_SUFFIX)
    return pc.binary_join_element_wise(beginnings, *reversed(letters), "")


def _begun(uids: pa.Array, beginnings: pa.Array) -> pa.Array:
    """Return the uids with other first digits."""
    return pc.binary_join_element_wise(beginnings, pc.utf8_slice_codeunits(uids, _UID_CHANGED), "")


def _moved(rows: pa.Table, day: date) -> pa.Table:
    """Return the rows on another day."""
    by = day - _MODEL
    for field in rows.schema:
        if pa.types.is_timestamp(field.type):
            moved = pc.add(rows[field.name], pa.scalar(by, pa.duration("us")))
            rows = _with(rows, field.name, moved)
    revisions = pc.add(rows["resource_version"], int(by / _SECOND) * 1000)
    rows = _with(rows, "resource_version", revisions)
    ids = rows["snapshot_id"].combine_chunks()
    dated = pc.binary_replace_slice(ids.dictionary, 0, 8, f"{day:%Y%m%d}")
    return _with(rows, "snapshot_id", pa.DictionaryArray.from_arrays(ids.indices, dated))


def _with(rows: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    position = rows.schema.get_field_index(name)
    return rows.set_column(position, rows.schema.field(position), values)


def _made(day: date) -> Made:
    """Return what a sealed file of a day tells, whose day before was sealed first."""
    return Made(
        sealed_at=seal.closes_at(day, _TTL) + timedelta(minutes=21),
        parts=[f"{day:%Y%m%d}T{number:03d}" for number in range(_PARTS)],
        parts_before=[f"{day - _DAY:%Y%m%d}T{number:03d}" for number in range(_PARTS)],
        generation_before=f"{1:08d}",
        pattern_version=schema.PATTERN_VERSION,
    )


def _ledger_day(lake: Lake) -> pa.Table:
    """Return the rows of a day of lists as the product seals them; they promise no part."""
    start = datetime.combine(_MODEL, time(), UTC)
    for number in range(A_DAY):
        entry: Entry = replace(listed(number, start), parts=None)
        record(lake, generate_days.CLUSTER, entry)
    (_done,) = seal_ledger(lake, clock=lambda: start + 2 * _DAY)
    (path,) = [file.path for file in lake.ledger() if layout.is_generation(file)]
    return pq.read_table(lake.files.location(path), partitioning=None)


def _write_ledger(lake: Lake, cluster: str, day: date, rows: pa.Table) -> None:
    by = pa.scalar(day - _MODEL, pa.duration("us"))
    for field in rows.schema:
        if pa.types.is_timestamp(field.type):
            rows = _with(rows, field.name, pc.add(rows[field.name], by))
    for name in ("snapshot_id", "previous_id"):
        rows = _with(rows, name, pc.binary_replace_slice(rows[name], 0, 8, f"{day:%Y%m%d}"))
    # They only grow, or the cluster would have been restored from a backup.
    grown = (day - _MODEL) // _DAY * _REVISIONS_A_DAY
    rows = _with(rows, "list_resource_version", pc.add(rows["list_resource_version"], grown))
    made = Made(
        sealed_at=seal.closes_at(day, _TTL),
        parts=rows["snapshot_id"].to_pylist(),
        parts_before=[],
        generation_before=None,
    )
    with pq.ParquetWriter(
        _file(lake, layout.ledger_day_path(cluster, day, 1)),
        manifest.SNAPSHOT_SCHEMA,
        compression="zstd",
        store_schema=False,
        write_page_checksum=True,
    ) as writer:
        writer.write_table(rows.cast(manifest.SNAPSHOT_SCHEMA))
        writer.add_key_value_metadata({METADATA_KEY: msgspec.json.encode(made)})


def _file(lake: Lake, path: str) -> str:
    """Return where a file is written: nobody reads this lake before it is whole."""
    place = Path(lake.files.location(path))
    place.parent.mkdir(parents=True, exist_ok=True)
    return str(place)
