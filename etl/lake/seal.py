"""Closed days to sealed files: which days are due, who seals them, and what goes afterwards.

A day is due when everything it can still get has had time to arrive, and something is
in it that its newest sealed file, or the counting in it, does not know. Nothing that a
reader may still have in its list is deleted: what a file replaced goes at least an hour
later, by another run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import TypeAlias

from etl.errors import EventlakeError, LakeError
from etl.lake.generation import Done, sealed_anew
from etl.lake.layout import Lake
from etl.lake.partitions import DAY, Partition, Partitions, Wanted, partitions
from etl.progress import Tell, untold

# After the end of a day and the time that an event lives: for a job that starts late or takes long.
MARGIN = timedelta(hours=1)
# How long a reader may hold on to files that were replaced meanwhile.
GRACE = timedelta(hours=1)
# Days in the sentence that ends with a failure; each of them was told when it failed.
_NAMED = 10
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Failed:
    """One day that this run could not seal, and why."""

    cluster: str
    date: date
    error: Exception

    def __str__(self) -> str:
        """Say why."""
        if isinstance(self.error, EventlakeError):
            return str(self.error)
        return f"a defect of eventlake, {type(self.error).__name__}"


# The lake, what stands in it, the days to seal, the time, who waits; to what became of each day,
# but for those that another run sealed meanwhile.
Sealer: TypeAlias = Callable[
    [Lake, Partitions, Sequence[Partition], Callable[[], datetime], Tell],
    Generator[Done | Failed],
]


def closes_at(day: date, ttl: timedelta) -> datetime:
    """Return the moment from which ``day`` can be sealed: nothing of it is listed any more."""
    return datetime.combine(day + DAY, time(), UTC) + ttl + MARGIN


def due(known: Partitions, *, now: datetime, ttl: timedelta) -> list[Partition]:
    """Return the partitions that have to be sealed, the oldest day first."""
    waiting = [
        one
        for one in known.found.values()
        if now > closes_at(one.date, ttl) and (one.outdated or not known.closed(one))
    ]
    return sorted(waiting, key=lambda one: (one.date, one.cluster))


def seal(
    lake: Lake,
    *,
    clock: Callable[[], datetime],
    ttl: timedelta,
    cluster: str | None = None,
    wanted: Wanted | None = None,
    limit: int | None = None,
    by: Sealer | None = None,
    tell: Tell = untold,
) -> Iterator[Done]:
    """Seal what is due, the oldest day first and at most ``limit`` days, then delete what was replaced long ago.

    Of the days only those that are ``wanted``; ``by`` is how they are sealed, one after the other
    where nothing is said. Yields each day as it is done; a day that another run sealed
    meanwhile is passed over. A day that fails stops no other and is raised at the end:
    ``LakeError``, also where of two runs that seal a day both would win, or a defect.
    """
    known = partitions(lake, cluster, wanted=wanted)
    for warning in known.warnings:
        _log.warning("%s", warning)

    def ours(one: Partition) -> bool:
        return wanted is None or wanted(one.cluster, one.date)

    waiting = list(filter(ours, due(known, now=clock(), ttl=ttl)))
    if waiting and not lake.files.exclusive():
        raise LakeError(
            f"the store of the lake {lake.files.root} ignores If-None-Match, so two runs at once could"
            " replace each other's sealed day: no day is sealed, answers are right without, only"
            " slower; upgrade the store or move the lake to one that honours conditional writes"
        )
    chosen, failed = waiting[:limit], []
    with closing((by or one_by_one)(lake, known, chosen, clock, tell)) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome, Done):
                yield outcome
                continue
            failed.append(outcome)
            if len(chosen) > 1:
                _log.warning("%s of %s is not sealed: %s", outcome.date, outcome.cluster, outcome)
    for one in filter(ours, known.found.values()):
        sweep(lake, one, now=clock())
    if failed:
        raise _failure(failed, len(chosen))


def one_by_one(
    lake: Lake,
    known: Partitions,
    chosen: Sequence[Partition],
    clock: Callable[[], datetime],
    tell: Tell,
) -> Generator[Done | Failed]:
    """Seal days in this process, one after the other; a ``Sealer``."""
    rows = 0
    for number, one in enumerate(chosen):
        telling = _of_day(tell, number, len(chosen), rows)
        try:
            done = sealed_anew(lake, known, one, clock=clock, tell=telling)
        except Exception as error:  # noqa: BLE001 -- no day's failure stops another; all are raised at the end
            yield Failed(one.cluster, one.date, error)
            continue
        if done:
            rows += done.rows
            yield done


def _failure(failed: Sequence[Failed], of: int) -> Exception:
    """Return what sealing fails with: a defect of ours first, else what the days that failed tell."""
    for one in failed:
        if not isinstance(one.error, EventlakeError):
            return one.error
    if len(failed) == 1:
        return failed[0].error
    names = ", ".join(f"{one.cluster} {one.date}" for one in failed[:_NAMED])
    more = f" and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
    return LakeError(
        f"{len(failed)} of {of} days are not sealed: {names}{more}; the first, because: {failed[0]}"
    )


def _of_day(tell: Tell, number: int, days: int, rows: int) -> Tell:
    """Return what tells of one of ``days`` as a part of them all, after ``rows`` of those before it."""
    return lambda share, count: tell((number + (share or 0.0)) / days, rows + count)


def sweep(lake: Lake, one: Partition, *, now: datetime) -> None:
    """Delete what a generation replaced that was published more than ``GRACE`` before this run."""
    for older, newer in pairwise(one.generations):
        if now - newer.made.sealed_at >= GRACE:
            lake.files.delete(older.file.path)
    old = {
        name
        for generation in one.generations
        if now - generation.made.sealed_at >= GRACE
        for name in generation.made.parts
    }
    for part in one.contained:
        if part.name in old:
            lake.files.delete(part.path)
