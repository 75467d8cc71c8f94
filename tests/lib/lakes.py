"""Lakes written part by part, and everything that they answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from etl import schema
from etl.lake import layout, seal
from etl.lake.encode import write_parquet
from etl.lake.files import Files
from etl.lake.layout import Lake
from etl.lake.query import session

TTL = timedelta(hours=1)
_EVENTS = "select * from events order by cluster, uid, n, last_seen"
_OBSERVATIONS = "select * from observations order by cluster, uid, n, last_seen"


def empty(files: Files) -> Lake:
    """Make a lake without data."""
    lake = Lake(files)
    lake.prepare()
    return lake


def add(lake: Lake, name: str, rows: pa.Table) -> None:
    """Write rows of the view ``observations`` as one run would: a part called ``name`` in each partition."""
    for cluster in pc.unique(rows["cluster"]).to_pylist():
        for day in pc.unique(rows["date"]).to_pylist():
            here = pc.and_(pc.equal(rows["cluster"], cluster), pc.equal(rows["date"], day))
            some = rows.filter(here).select(schema.SCHEMA.names)
            if some.num_rows:
                _write(lake, layout.part_path(cluster, day, name), some)


def sealed(
    lake: Lake, now: datetime, *, day: date | None = None, **more: Any
) -> list[tuple[str, date]]:
    """Seal what is due at ``now``, or only one ``day`` of it; return which days that were."""
    if day is not None:
        more["wanted"] = lambda _name, one: one == day
    done = seal.seal(lake, clock=lambda: now, ttl=TTL, **more)
    return [(one.cluster, one.date) for one in done]


def answers(lake: Lake) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return every row of ``events`` and ``observations``; nothing may be left out."""
    with session(lake) as opened:
        assert opened.warnings == []
        events = opened.run(_EVENTS, {})
        observations = opened.run(_OBSERVATIONS, {})
    return events.to_pylist(), observations.to_pylist()


def files(lake: Lake, tree: str) -> list[str]:
    """Return the files of a tree, from their partition on."""
    return [path.partition("/")[2] for path in lake.files.list(tree)]


def at(text: str) -> datetime:
    """Return a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _write(lake: Lake, path: str, rows: pa.Table) -> None:
    fill: Callable[[Any], None] = lambda file: write_parquet(rows, file)  # noqa: E731
    lake.files.stage(path, fill).publish()
