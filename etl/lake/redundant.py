"""Two tables of states to a mask: which new rows would change no answer.

Of copies of a key the views take those of the greatest resourceVersion, of these a value
before null and the greater one, and the least observed_at of all. So a new row is
redundant if a row of the same key exists that was observed no later and is newer, or is
as new and yields to it in no column.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from etl import schema

_KEY = ["uid", "n", "last_seen"]
_NEWEST_FIRST = [("resource_version", "descending"), ("observed_at", "ascending")]
# Columns that say who saw the state, and what stood around it then, and not what it is.
_AROUND = frozenset({"object_labels", "namespace_labels", "owner_kind", "owner_name"})
_OURS = frozenset({*_KEY, *_AROUND, "resource_version", "observed_at", "snapshot_id"})
_COMPARED = [name for name in schema.SCHEMA.names if name not in _OURS]


def redundant(new: pa.Table, old: pa.Table) -> pa.Array:
    """Return a boolean for each row of ``new``: whether some row of ``old`` makes it redundant."""
    here, there = _pairs(new, old)
    return _covered(new, old, (here, there))


def without_repeats(rows: pa.Table) -> pa.Table:
    """Return ``rows`` without those that another of them makes redundant, sorted by key."""
    # In this order what makes a row redundant stands before it, nearly always as its neighbour.
    # A dump may hold one state thousands of times, so only what is left then is compared in pairs.
    rows = rows.sort_by([*((name, "ascending") for name in _KEY), *_NEWEST_FIRST])
    if rows.num_rows > 1:
        below = pa.array(range(1, rows.num_rows), pa.int64())
        above = pc.subtract(below, 1)
        mine, other = rows.select(_KEY).take(below), rows.select(_KEY).take(above)
        same = pc.equal(mine[_KEY[0]], other[_KEY[0]])
        for name in _KEY[1:]:
            same = pc.and_(same, pc.equal(mine[name], other[name]))
        pairs = (below.filter(same), above.filter(same))
        rows = rows.filter(pc.invert(_covered(rows, rows, pairs)))
    here, there = _pairs(rows, rows)
    before = pc.less(there, here)
    pairs = (here.filter(before), there.filter(before))
    return rows.filter(pc.invert(_covered(rows, rows, pairs)))


def _covered(new: pa.Table, old: pa.Table, pairs: tuple[pa.Array, pa.Array]) -> pa.Array:
    """Return a boolean for each row of ``new``: whether it is redundant in one of the ``pairs`` of positions."""
    here, there = pairs
    if len(here) == 0:
        return pa.repeat(pa.scalar(False), new.num_rows)  # noqa: FBT003 -- a value of the mask
    mine, other = new.take(here), old.take(there)
    my_version = pc.fill_null(mine["resource_version"], -1)
    other_version = pc.fill_null(other["resource_version"], -1)
    as_new = pc.equal(other_version, my_version)
    for name in _COMPARED:
        if mine[name].null_count < len(here):
            as_new = pc.and_(as_new, _yields(mine[name], other[name]))
    covered = pc.and_(
        pc.or_(pc.greater(other_version, my_version), as_new),
        pc.greater_equal(mine["observed_at"], other["observed_at"]),
    )
    positions = pc.unique(pc.filter(here, covered))
    return pc.is_in(pa.array(range(new.num_rows), pa.int64()), value_set=positions)


def _pairs(new: pa.Table, old: pa.Table) -> tuple[pa.Array, pa.Array]:
    """Return the positions of all pairs of rows with the same key."""
    left = new.select(_KEY).append_column("here", pa.array(range(new.num_rows), pa.int64()))
    right = old.select(_KEY).append_column("there", pa.array(range(old.num_rows), pa.int64()))
    joined = left.join(right, keys=_KEY, join_type="inner", use_threads=False)
    return (
        joined["here"].combine_chunks().cast(pa.int64()),
        joined["there"].combine_chunks().cast(pa.int64()),
    )


def _yields(mine: pa.ChunkedArray, other: pa.ChunkedArray) -> pa.Array:
    """Return where ``other`` has the same value or ``mine`` has none, so that ``mine`` would change nothing."""
    if pa.types.is_nested(mine.type):
        # Arrow compares no maps and lists; they are rare, so Python does.
        same = pa.array(
            [a == b for a, b in zip(mine.to_pylist(), other.to_pylist(), strict=True)], pa.bool_()
        )
    else:
        same = pc.fill_null(pc.equal(mine, other), False)  # noqa: FBT003 -- the value to fill in
    return pc.or_(pc.is_null(mine), same)
