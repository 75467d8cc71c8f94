"""What metrics have to remember from one process to the next, as files in the lake.

    metrics/<scope>/<number>.json      scope: all, or cluster=C

A job lives for seconds and a counter for ever, so counters are kept here. Each run writes the
whole under the next number, and only if that is free: of two runs at once one wins, and
the other adds to what the winner wrote. What was counted is named, so nothing counts twice,
and what a run that died did not come to count is counted by the next.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from etl.lake import records
from etl.lake.files import Files
from etl.lake.layout import encoded
from etl.metrics.series import Series

ROOT = "metrics"
# Runs that begin at the same moment; more than that is no accident.
_TRIES = 5
# The newest, and one before it for who just listed it.
_KEPT = 2
_log = logging.getLogger(__name__)


class LastRun(msgspec.Struct, frozen=True, kw_only=True):
    """The newest run of one command."""

    ended_at: datetime
    succeeded_at: datetime | None = None
    seconds: float
    exit_code: int
    peak_bytes: int


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """One series of a counter other than that of occurrences."""

    name: str
    labels: tuple[str, ...]
    value: int


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """All that is remembered; ``since`` is when the counting began."""

    version: int = 1
    number: int = 0
    since: datetime
    runs: dict[str, LastRun] = {}
    counts: tuple[Count, ...] = ()
    occurrences: dict[str, tuple[Series, ...]] = {}
    """By cluster."""
    counted: frozenset[str] = frozenset()
    """Snapshots (cluster/id) that are in the counts, as far back as anybody looks."""
    settled: frozenset[str] = frozenset()
    """Deliveries that are in the counts, as far as the outbox still has them."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """The records of one scope; ``cluster`` is empty for all."""

    files: Files
    cluster: str = ""

    @property
    def folder(self) -> str:
        """Where the records are."""
        return f"{ROOT}/cluster={encoded(self.cluster)}" if self.cluster else f"{ROOT}/all"

    def newest(self) -> tuple[Record | None, int]:
        """Return the newest record that can be read, null if there is none, and the highest number taken."""
        paths = self._paths()
        found = (self._read(path) for path in paths)
        return next((one for one in found if one), None), records.number(paths[0]) if paths else 0

    def update(self, change: Callable[[Record | None], Record]) -> Record:
        """Write what ``change`` makes of the newest record; raises ``LakeError``.

        Where other runs are always first, nothing is written: the next run counts it.
        """
        for tries_left in reversed(range(_TRIES)):
            newest, number = self.newest()
            made = msgspec.structs.replace(change(newest), number=number + 1)
            if self.files.create(self._path(made.number), msgspec.json.encode(made)):
                for path in self._paths()[_KEPT:]:
                    self.files.delete(path)
                break
            if not tries_left:
                _log.warning(
                    "metrics: other runs write %s all the time; the next run counts", self.folder
                )
        return made

    def _path(self, number: int) -> str:
        return f"{self.folder}/{number:08d}.json"

    def _paths(self) -> list[str]:
        return records.newest_first(self.files, self.folder)

    def _read(self, path: str) -> Record | None:
        def warn(_reason: str) -> None:
            # The counters begin again, which Prometheus takes for a reset; history is not in them.
            _log.warning("metrics: %s cannot be read; counters go on from the one before", path)

        return records.read(self.files, path, Record, damaged=warn)
