"""The live cache beside the lake: whether it can be read, and claims nothing that the lake does not hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from etl import schema
from etl.lake import layout, live
from etl.lake.layout import Lake

_KEY = ["uid", "n", "last_seen"]


def disagreement(
    lake: Lake, cluster: str, held: Mapping[date, Sequence[str]], *, since: date | None
) -> str:
    """Say what is wrong with the cache of ``cluster``, nothing if all is well.

    ``held`` are the files of each day that count; states of days before ``since`` are left
    out by retention, and so is the cache right to know them.
    """
    path = layout.live_path(cluster)
    if path not in lake.files.list(path.rpartition("/")[0]):
        return ""
    found = live.load(lake, cluster)
    if found is None and live.is_of_another_version(lake, cluster):
        # As an upgrade leaves it, until the first snapshot after it.
        return ""
    if found is None:
        return "it cannot be used, so that each snapshot compares with the lake itself"
    if not found.rests_on_the_lake(lake) or "reason" in found.not_stored:
        # The next snapshot sees that as well, and writes again what was lost. What was left out
        # by its reason nobody can tell: the cache has none.
        return ""
    left_out = pa.array(found.not_stored.get("namespace", []), pa.string())
    stored = pc.invert(pc.is_in(found.states["namespace"], value_set=left_out))
    states = found.states.filter(stored).select(_KEY)
    if since is not None:
        first = pa.scalar(datetime.combine(since, time(), UTC), schema.TIME)
        states = states.filter(pc.greater_equal(states["last_seen"], first))
    days = pc.cast(pc.floor_temporal(states["last_seen"], unit="day"), pa.date32())
    missing = 0
    for day in pc.unique(days).to_pylist():
        claimed = states.filter(pc.equal(days, pa.scalar(day, pa.date32())))
        keys = _keys(lake, held.get(day, ()))
        missing += claimed.join(keys, keys=_KEY, join_type="left anti").num_rows
    if not missing:
        return ""
    return f"it claims {missing:,} states that the lake does not hold, and the next snapshot would not write them"


def _keys(lake: Lake, paths: Sequence[str]) -> pa.Table:
    tables = [schema.SCHEMA.empty_table().select(_KEY)]
    for path in paths:
        with lake.files.open(path) as opened:
            tables.append(pq.ParquetFile(opened).read(columns=_KEY).select(_KEY))
    return pa.concat_tables([table.cast(tables[0].schema) for table in tables])
