"""The live cache: which states the newest list of a cluster held, so that the next one knows them again.

Only a cache: if it is lost or damaged, rows are compared with the partitions instead.
It holds states that are in the lake, nothing else, because it is written after them.
"""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from etl import schema
from etl.errors import LakeError
from etl.lake import layout
from etl.lake.layout import Lake


class Live:
    """States of the newest list, sorted by resourceVersion: each stored write has its own."""

    def __init__(self, states: pa.Table) -> None:
        """Take a table of ``schema.STATE_SCHEMA`` in any order; rows without a resourceVersion are never known."""
        states = states.filter(pc.is_valid(states["resource_version"])).sort_by("resource_version")
        self._states = states.combine_chunks()
        self._versions = states["resource_version"].to_numpy()

    def unknown(self, keys: pa.Table) -> pa.Array:
        """Return the positions (int64) of the rows of ``keys`` (``schema.STATE_SCHEMA``) that are not among the states."""
        if len(self._versions) == 0:
            return pa.array(range(keys.num_rows), pa.int64())
        wanted = pc.fill_null(keys["resource_version"], -1).to_numpy()
        at = np.minimum(np.searchsorted(self._versions, wanted), len(self._versions) - 1)
        found = self._states.take(pa.array(at))
        same = pa.array(self._versions[at] == wanted)
        for name in ("uid", "n", "last_seen"):
            same = pc.and_(same, pc.equal(found[name], keys[name]))
        written = pc.equal(found["written_at"], keys["written_at"])
        both_null = pc.and_(pc.is_null(found["written_at"]), pc.is_null(keys["written_at"]))
        same = pc.and_(same, pc.or_kleene(written, both_null))
        mask = pc.invert(pc.fill_null(same, False))  # noqa: FBT003 -- the value to fill in
        if isinstance(mask, pa.ChunkedArray):
            mask = mask.combine_chunks()
        return pc.indices_nonzero(mask).cast(pa.int64())

    def equals(self, states: pa.Table) -> bool:
        """Whether ``states`` are the same set, so that the cache need not be written again."""
        same: bool = Live(states)._states.equals(self._states)  # noqa: SLF001 -- another of the same class
        return same


def read(lake: Lake, cluster: str) -> Live | None:
    """Return the cache of ``cluster``, or null if there is none that can be used."""
    try:
        data = lake.files.read(layout.live_path(cluster))
        return Live(pq.read_table(io.BytesIO(data), schema=schema.STATE_SCHEMA))
    except (FileNotFoundError, LakeError, pa.ArrowException, OSError):
        # Lost or damaged: the partitions know the same, only slower.
        return None


def write(lake: Lake, cluster: str, states: pa.Table) -> None:
    """Replace the cache by ``states`` (``schema.STATE_SCHEMA``)."""
    lake.files.stage(
        layout.live_path(cluster),
        lambda file: pq.write_table(states, file, compression="lz4", use_dictionary=False),
    ).publish()
