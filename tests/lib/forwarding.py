"""What waits for targets, taken as a forwarder takes it, and lakes in which it waits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pyarrow as pa

from etl import schema
from etl.forward.feed import open_feed
from etl.forward.position import Counts
from etl.lake import retention
from etl.lake.files import Files
from etl.lake.layout import Lake
from tests.lib import lakes, tables

TTL = timedelta(hours=1)


def arrive(lake: Lake, run: str, text: str) -> None:
    """Write a drawn table as the run called ``run`` would."""
    add(lake, run, tables.observations(text))


def add(lake: Lake, run: str, rows: pa.Table) -> None:
    """Write rows of the view ``observations`` as the run called ``run`` would."""
    place = rows.schema.get_field_index("snapshot_id")
    told = pa.array([run] * rows.num_rows, pa.string())
    lakes.add(lake, run, rows.set_column(place, schema.FULL_SCHEMA.field("snapshot_id"), told))


def seal_and_sweep(lake: Lake, now: datetime) -> None:
    """Seal what is due, and an hour later delete what that replaced."""
    lakes.sealed(lake, now)
    lakes.sealed(lake, now + timedelta(hours=1))


def delete_before(lake: Lake, cluster: str, now: datetime, days: int) -> None:
    """Delete the days of a cluster that are older than ``days``, as retention does in two runs."""
    before = (now - timedelta(days=days)).date()
    retention.mark(lake, cluster, before, clock=lambda: now, ttl=TTL)
    for _deleted in retention.sweep(lake, cluster, now=now + timedelta(hours=1)):
        pass


@dataclass
class Taker:
    """A target that takes what waits for it."""

    lake: Lake
    name: str = "broker"
    rows: int = 2
    """How many states it takes at a time."""
    warnings: list[str] = field(default_factory=list)

    def begin(self, now: datetime, **more: object) -> None:
        """Begin, and take nothing."""
        open_feed(self.lake, self.name, now=now, **more)  # type: ignore[arg-type]

    def taken(self, now: datetime, *, stretches: int | None = None, **more: object) -> list[str]:
        """Take what waits and settle it; return it as ``uid:n``. The one after ``stretches`` is taken and not settled."""
        return list(self._taken(now, stretches, more))

    def _taken(
        self, now: datetime, stretches: int | None, more: dict[str, object]
    ) -> Iterator[str]:
        feed = open_feed(self.lake, self.name, now=now, **more)  # type: ignore[arg-type]
        for number, stretch in enumerate(feed.stretches(rows=self.rows)):
            for row in stretch.rows.to_pylist():
                yield f"{row['uid']}:{row['n']}"
            if number == stretches:
                return
            stretch.settle(stretch.rows.num_rows, Counts(sent=stretch.rows.num_rows))
        self.warnings = feed.warnings


class Looked:
    """A storage that notes which files were opened or read."""

    def __init__(self, files: Files) -> None:
        """Look at ``files``."""
        self._files = files
        self.opened: list[str] = []

    def __getattr__(self, name: str) -> object:
        """Hand on to the storage."""
        found = getattr(self._files, name)
        if name not in {"read", "open", "footer"}:
            return found

        def noted(path: str) -> object:
            self.opened.append(path)
            return found(path)

        return noted
