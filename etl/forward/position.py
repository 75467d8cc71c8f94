"""What of the lake one target has: a set of parts, told shortly enough to be written after every batch.

A position names what is done and never a time before which all is done. Parts appear late: an
import has older events, another host's clock or list is slower, a run that died left parts and no
row of the ledger. A watermark would pass over them; a set cannot. To keep it small:

- A day's parts that are files are named. Once they are in a sealed file it is that file which is
  named, by number, size and a digest of its parts: all of them are done. A later generation tells
  what each one added, so what came late is known by name even where nobody looked in between.
- Of what is being read the parts are named, and the place up to which their states are done. The
  order is that of ``last_seen``, which no sealing and no new part can change for those parts.

All that a position says is "done", so two of them may be joined, an older one may stand in for a
newer one that was lost, and a day that is dropped may come back: each can lead to repeats, none to
a loss. This module is the arithmetic; ``etl.forward.places`` keeps positions in the lake.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable

import msgspec

from etl.lake.arrivals import Place
from etl.lake.partitions import Made, Partition

_DIGEST_CHARACTERS = 24


class Sealed(msgspec.Struct, frozen=True):
    """A sealed file of which every part is done."""

    name: str
    """Its generation: eight digits."""
    size: int
    """Bytes of the file: a day that was deleted and came back has the same numbers."""
    digest: str
    """Of the names of its parts."""


class Reading(msgspec.Struct, frozen=True):
    """Parts that are read together, and up to where their states are done."""

    parts: tuple[str, ...]
    after: Place


class Day(msgspec.Struct, frozen=True):
    """What is done of one cluster's day."""

    sealed: Sealed | None = None
    parts: frozenset[str] = frozenset()
    """Parts that are done beside those of the sealed file."""
    reading: Reading | None = None


class Counts(msgspec.Struct, frozen=True):
    """What became of states so far, since the target began."""

    sent: int = 0
    """Acknowledged by the target."""
    passed: int = 0
    """Not meant for it by the routes."""
    refused: int = 0
    """Refused by it for good: dead letters."""
    deleted: int = 0
    """Deleted by retention before it got them."""

    def plus(self, more: Counts) -> Counts:
        """Return both together."""
        return Counts(
            self.sent + more.sent,
            self.passed + more.passed,
            self.refused + more.refused,
            self.deleted + more.deleted,
        )


class Position(msgspec.Struct, frozen=True):
    """What one target has of one cluster; ``days`` by their ISO dates."""

    version: int = 1
    days: dict[str, Day] = {}
    counts: Counts = Counts()

    def day(self, date: str) -> Day:
        """Return what is done of a day."""
        return self.days.get(date, _NOTHING)

    def with_day(self, date: str, day: Day) -> Position:
        """Return the position with another ``day``."""
        return msgspec.structs.replace(self, days={**self.days, date: day})


_NOTHING = Day()


def done_of(one: Partition, day: Day) -> frozenset[str]:
    """Return the names of the parts that are done, of what stands for a day in the lake.

    Where the file that is named cannot be told from what stands there now, as after damage, its
    parts count as not done: they are sent again.
    """
    known = day.parts
    if day.sealed is not None and one.sealed is not None:
        base = _parts_of_generation(one.sealed.made, day.sealed.name)
        if _digest(base) == day.sealed.digest:
            known |= base
    return known & one.names


def waiting_of(one: Partition, day: Day) -> frozenset[str]:
    """Return the names of the parts that are not done."""
    return one.names - done_of(one, day)


def settled(one: Partition, done: Collection[str], *, size: int, there: Iterable[str]) -> Day:
    """Return, as shortly as can be, that the parts ``done`` are done.

    ``size`` is that of the sealed file, ``there`` the parts that are files: these are named even
    if the sealed file contains them, so that nobody has to open it to know.
    """
    contained = frozenset(one.sealed.made.parts) if one.sealed else frozenset()
    done = frozenset(done)
    if one.sealed is None or not contained <= done:
        return Day(parts=done)
    told = Sealed(one.sealed.file.name, size, _digest(contained))
    return Day(sealed=told, parts=(done - contained) | (done & frozenset(there)))


def joined(mine: Position, other: Position) -> Position:
    """Return what two forwarders did: what either says is done."""
    days = dict(other.days)
    for date, day in mine.days.items():
        days[date] = _joined(day, days[date]) if date in days else day
    counts = Counts(
        *map(max, msgspec.structs.astuple(mine.counts), msgspec.structs.astuple(other.counts))
    )
    return msgspec.structs.replace(mine, days=days, counts=counts)


def _joined(mine: Day, other: Day) -> Day:
    # A later generation contains what an earlier one did, and what it does not is in ``parts`` or is sent again.
    sealed = max(filter(None, (mine.sealed, other.sealed)), key=lambda s: s.name, default=None)
    reading = mine.reading or other.reading
    if mine.reading and other.reading and mine.reading.parts == other.reading.parts:
        reading = max(mine.reading, other.reading, key=lambda one: one.after)
    return Day(sealed, mine.parts | other.parts, reading)


def _parts_of_generation(made: Made, name: str) -> frozenset[str]:
    """Return the parts that the generation ``name`` contained, from what a later one tells."""
    late = {part for generation, parts in made.added.items() if generation > name for part in parts}
    return frozenset(made.parts) - late


def _digest(names: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:_DIGEST_CHARACTERS]
