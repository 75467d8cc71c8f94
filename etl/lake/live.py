"""The live cache: which states the newest list of a cluster held, so that the next one knows them again.

Only a cache: if it is lost or damaged, rows are compared with the partitions instead.
It holds states that are in the lake, nothing else, because it is written after them. It
names the files that hold them: where one is gone or changed, the cache is of no use, and
what was lost is written again as far as it is still listed.
Beside it stands which list that was, for the checks that need the list before.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from etl import schema
from etl.errors import LakeError
from etl.lake import layout
from etl.lake.layout import Lake

# Below it the file's metadata has, as JSON, the files that held the states and their bytes.
_RESTS_ON = b"eventlake.rests_on"
# And what was listed and is not stored (``Door.names``): not known to whoever stores it.
_NOT_STORED = b"eventlake.not_stored"


class Mark(msgspec.Struct, frozen=True):
    """How far a watch of one namespace, or of all, has come, in resourceVersions."""

    after: int
    """The next one shows all that changed after it."""
    seen: int
    """What was deleted up to it is known, also where it is shown again."""


class Before(msgspec.Struct, frozen=True):
    """The newest snapshot of a cluster, as the next one has to know it."""

    snapshot_id: str
    scope: list[str] | None
    """The namespaces that were listed; null means all of them."""
    sent_at: datetime
    resource_version: int | None
    epoch: int
    watches: int = 0
    """How many snapshots since the last LIST took changes only."""
    marks: dict[str, Mark] = {}
    """By namespace, empty for all: how far the last watch came; none after a LIST."""


class Live:
    """States of the newest list, sorted by resourceVersion: each stored write has its own."""

    def __init__(
        self,
        states: pa.Table,
        rests_on: Mapping[str, int] | None = None,
        not_stored: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Take a table of ``schema.STATE_SCHEMA`` in any order; rows without a resourceVersion are never known.

        ``rests_on`` has the files that held the states when they were remembered, with their
        bytes; ``not_stored`` says which states are in none of them, by ``ingest.drop``.
        """
        self._rests_on = rests_on or {}
        self.not_stored = {column: list(names) for column, names in (not_stored or {}).items()}
        self._states = _in_order(states)
        self._versions = self._states["resource_version"].combine_chunks()

    def __len__(self) -> int:
        """Return the number of states."""
        return len(self._versions)

    @property
    def states(self) -> pa.Table:
        """The states (``schema.STATE_SCHEMA``)."""
        return self._states

    def rests_on_the_lake(self, lake: Lake) -> bool:
        """Whether every file that held the states is there as it was: what was lost must be written again."""
        there: dict[str, int] = {}
        for folder in sorted({path.rpartition("/")[0] for path in self._rests_on}):
            there |= lake.files.sizes(folder)
        return self._rests_on.items() <= there.items()

    def unknown(self, keys: pa.Table) -> pa.Array:
        """Return the positions (int64) of the rows of ``keys`` (``schema.STATE_SCHEMA``) that are not among the states."""
        if len(self._versions) == 0:
            return pa.array(range(keys.num_rows), pa.int64())
        wanted = pc.fill_null(keys["resource_version"], -1)
        at = pc.search_sorted(self._versions, wanted)
        found = self._states.take(pc.min_element_wise(at, len(self._versions) - 1))
        same = pc.equal(found["resource_version"], wanted)
        for name in ("uid", "n", "last_seen"):
            same = pc.and_(same, pc.equal(found[name], keys[name]))
        written = pc.equal(found["written_at"], keys["written_at"])
        both_null = pc.and_(pc.is_null(found["written_at"]), pc.is_null(keys["written_at"]))
        same = pc.and_(same, pc.or_kleene(written, both_null))
        mask = pc.invert(pc.fill_null(same, False))  # noqa: FBT003 -- the value to fill in
        if isinstance(mask, pa.ChunkedArray):
            mask = mask.combine_chunks()
        return pc.indices_nonzero(mask).cast(pa.int64())


def read(
    lake: Lake, cluster: str, *, not_stored: Mapping[str, list[str]] | None = None
) -> Live | None:
    """Return the cache of ``cluster``, or null if there is none that can be used.

    One of a run that left out something else than ``not_stored`` cannot.
    """
    found = load(lake, cluster)
    if found is None or found.not_stored != (not_stored or {}):
        return None
    return found if found.rests_on_the_lake(lake) else None


def load(lake: Lake, cluster: str) -> Live | None:
    """Return the cache of ``cluster`` whatever became of the lake, or null if it cannot be read."""
    try:
        data = lake.files.read(layout.live_path(cluster))
        # Not ``read_table``: it would import pyarrow's datasets for one file.
        found = pq.ParquetFile(io.BytesIO(data), page_checksum_verification=True)
        told = found.metadata.metadata or {}
        return Live(
            found.read().cast(schema.STATE_SCHEMA),
            msgspec.json.decode(told.get(_RESTS_ON, b"{}"), type=dict[str, int]),
            msgspec.json.decode(told.get(_NOT_STORED, b"{}"), type=dict[str, list[str]]),
        )
    except (FileNotFoundError, LakeError, pa.ArrowException, OSError, ValueError):
        # Lost, damaged or of other columns: the partitions know the same, only slower.
        return None


def is_of_another_version(lake: Lake, cluster: str) -> bool:
    """Whether the cache of ``cluster`` is whole and has other columns: the next snapshot writes it anew."""
    try:
        found = pq.read_schema(io.BytesIO(lake.files.read(layout.live_path(cluster))))
    except (FileNotFoundError, LakeError, pa.ArrowException, OSError):
        # Damage is told by whoever asked.
        return False
    return set(found.names) != set(schema.STATE_SCHEMA.names)


def write(
    lake: Lake,
    cluster: str,
    states: pa.Table,
    *,
    not_stored: Mapping[str, list[str]] | None = None,
) -> None:
    """Replace the cache by ``states`` (``schema.STATE_SCHEMA``), of which some were ``not_stored``."""
    ordered = _in_order(states)
    rests_on: dict[str, int] = {}
    for day in _days(ordered):
        for folder in layout.partition_folders(cluster, day):
            rests_on |= lake.files.sizes(folder)
    told = {_RESTS_ON: msgspec.json.encode(rests_on)}
    if not_stored:
        told[_NOT_STORED] = msgspec.json.encode(not_stored)
    ordered = ordered.replace_schema_metadata(told)
    lake.files.stage(
        layout.live_path(cluster),
        lambda file: pq.write_table(
            ordered, file, compression="lz4", use_dictionary=False, write_page_checksum=True
        ),
    ).publish()


def before(lake: Lake, cluster: str) -> Before | None:
    """Return which list the cache is of, or null if nobody knows."""
    try:
        return msgspec.json.decode(lake.files.read(layout.newest_path(cluster)), type=Before)
    except (FileNotFoundError, LakeError, OSError, ValueError, msgspec.MsgspecError):
        # Lost or damaged: the checks that need the list before are not made this once.
        return None


def remember(lake: Lake, cluster: str, newest: Before) -> None:
    """Write which list the cache is of; after the cache, so that a crash in between alarms nobody."""
    lake.files.write(layout.newest_path(cluster), msgspec.json.encode(newest))


def _days(states: pa.Table) -> list[date]:
    days = pc.cast(pc.floor_temporal(states["last_seen"], unit="day"), pa.date32())
    found: list[date] = pc.unique(days).to_pylist()
    return found


def _in_order(states: pa.Table) -> pa.Table:
    """Return the states that have a resourceVersion, sorted by it."""
    versions = states["resource_version"]
    if versions.null_count:
        states = states.filter(pc.is_valid(versions))
        versions = states["resource_version"]
    if pc.all(pc.less_equal(versions[:-1], versions[1:])).as_py() is False:
        states = states.sort_by("resource_version")
    return states.combine_chunks()
