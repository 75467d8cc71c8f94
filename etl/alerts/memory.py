"""Records of evaluations as files in the lake: the newest one is the state, older ones are history.

    alerts/<kind>/<scope>/<number>.json      kind: digest or urgent; scope: all, or cluster=C

Each evaluation writes the whole state under the next number, and only if that number is
free: of two runs that evaluate at once one wins, and the other takes what the winner wrote.
A file is there complete or not at all, so a run that dies leaves the state before or after.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote

import msgspec

from etl.alerts.alert import Record
from etl.alerts.model import Kind
from etl.lake import records
from etl.lake.files import Files
from etl.lake.layout import encoded
from etl.timespan import Window

ROOT = "alerts"
# A quarter, as receipts: who wants to look back further has the events.
KEPT = timedelta(days=90)
# What one evaluation looks at of the oldest: more than it adds, and not a walk through all.
_OLDEST = 5
# Damaged files above the newest that can be read; more than that is no accident of one file.
_LOOKED_BACK = 20


@dataclass(frozen=True, slots=True)
class Memory:
    """What evaluations of one kind and scope left in a lake; ``cluster`` is empty for all."""

    files: Files
    kind: Kind
    cluster: str = ""

    @property
    def folder(self) -> str:
        """Where the records are."""
        scope = f"cluster={encoded(self.cluster)}" if self.cluster else "all"
        return f"{ROOT}/{self.kind}/{scope}"

    def newest(self) -> tuple[Record | None, int]:
        """Return the newest record that can be read, null if there is none, and the number after all that are there."""
        paths = self._paths()
        found = (self._read(path) for path in paths[:_LOOKED_BACK])
        number = records.number(paths[0]) + 1 if paths else 1
        return next((record for record in found if record), None), number

    def of(self, window: Window) -> Record | None:
        """Return the record of an evaluation of exactly this window; null if nobody made one."""
        for path in self._paths():
            found = self._read(path)
            if found is None:
                continue
            if (found.start, found.end) == (window.start, window.end):
                return found
            if found.end < window.end:
                return None
        return None

    def since(self, moment: datetime) -> list[Record]:
        """Return the records of windows that end after ``moment``, the newest first."""
        found: list[Record] = []
        for path in self._paths():
            record = self._read(path)
            if record is not None and record.end <= moment:
                break
            if record is not None:
                found.append(record)
        return found

    def write(self, record: Record) -> Record | None:
        """Write ``record``; null if another run took its number first."""
        path = f"{self.folder}/{record.number:08d}.json"
        return record if self.files.create(path, msgspec.json.encode(record)) else None

    def prune(self, before: Record | None, now: datetime) -> None:
        """Delete the record ``before`` the newest if it decided nothing, and what is too old to be history."""
        if before is not None and not (before.changed or before.spoke):
            # Whoever just listed it loses the race for the next number, which is taken.
            self.files.delete(f"{self.folder}/{before.number:08d}.json")
        for path in self._paths()[1:][-_OLDEST:]:
            found = self._read(path)
            if found is not None and now - found.evaluated_at > KEPT:
                self.files.delete(path)

    def _paths(self) -> list[str]:
        return records.newest_first(self.files, self.folder)

    def _read(self, path: str) -> Record | None:
        # One damaged file costs one evaluation's memory and not the digest; doctor names it.
        return records.read(self.files, path, Record)


def memories(files: Files, kind: Kind) -> list[Memory]:
    """Return the memories of one kind that a lake has, of all scopes."""
    scopes = {path.split("/")[2] for path in files.list(f"{ROOT}/{kind}") if records.number(path)}
    names = sorted(unquote(scope.removeprefix("cluster=")) for scope in scopes - {"all"})
    return [Memory(files, kind, name) for name in (*([""] if "all" in scopes else []), *names)]
