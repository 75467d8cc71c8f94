"""What waits for a target, cut into stretches that are sent and settled one after the other.

The oldest day first, and within a day the order of ``last_seen``: so the states of one event object
come in their order, as far as they are in the lake when the day's reading begins. Parts that come
while it is read are read after it. A position is written when a stretch is settled, before the next
is sent: who is killed in between sends that stretch again, and nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time

import msgspec
import pyarrow as pa

from etl import schema
from etl.errors import QueryError
from etl.forward import places
from etl.forward.places import Begun, Keeper
from etl.forward.position import Counts, Day, Position, Reading, done_of
from etl.forward.waiting import Listed, Waiting, listed, waiting
from etl.lake.arrivals import Place, of_parts, place_of, states
from etl.lake.files import Files
from etl.lake.layout import Lake
from etl.lake.wholeness import fault

# States of one stretch: what is repeated after a kill at the wrong moment.
ROWS = 2048
_NO_ROWS = schema.FULL_SCHEMA.empty_table()


@dataclass(slots=True)
class Stretch:
    """States in their order, of one cluster's day; one must be settled before the next is asked for."""

    rows: pa.Table
    cluster: str
    _keeper: Keeper
    _waiting: Waiting
    _unit: frozenset[str]
    _last: bool
    alone: bool = True
    """False once another forwarder was seen at work on the same cluster."""

    def settle(self, count: int, counts: Counts) -> None:
        """Say that the first ``count`` rows are done; ``counts`` is what became of them. Raises ``LakeError``."""
        date = self._waiting.listed.date.isoformat()
        whole = count == self.rows.num_rows and self._last
        if not whole and not count:
            return

        def change(position: Position) -> Position:
            day = position.day(date)
            if whole:
                made = self._waiting.settled(done_of(self._waiting.one, day) | self._unit)
            else:
                reading = Reading(tuple(sorted(self._unit)), place_of(self.rows, count - 1))
                made = msgspec.structs.replace(day, reading=reading)
            return msgspec.structs.replace(
                position.with_day(date, made), counts=position.counts.plus(counts)
            )

        if not self._keeper.keep(change):
            self.alone = False


@dataclass(slots=True)
class Feed:
    """What waits for one target."""

    lake: Lake
    target: str
    begun: Begun
    days: dict[str, list[Listed]]
    """The lake's files, listed after the beginning was looked at or made."""
    positions: Mapping[str, Position] | None = None
    """By cluster, to look from there in place of from where it is; null for that."""
    warnings: list[str] = field(default_factory=list)
    """What could not be read and goes on waiting, in words."""

    def stretches(self, *, rows: int = ROWS) -> Iterator[Stretch]:
        """Yield what waits; the caller settles each, or stops asking. Raises ``LakeError``."""
        found = [(one, keeper) for keeper in self._keepers() for one in self._waiting_of(keeper)]
        busy: set[str] = set()
        for one, keeper in sorted(found, key=lambda pair: pair[0].order):
            if one.listed.cluster in busy:
                # The other forwarder goes on with it; two at once would send all of it twice.
                continue
            for stretch in self._of_day(one, keeper, rows):
                yield stretch
                if not stretch.alone:
                    busy.add(stretch.cluster)
                    break

    def waits(self) -> Iterator[Waiting]:
        """Yield the days with parts that wait, without a change to anything. Raises ``LakeError``."""
        for keeper in self._keepers():
            for one in waiting(self.lake, self.days[keeper.cluster], keeper.position):
                self.warnings += one.warnings
                if one.parts:
                    yield one

    def states(self) -> Iterator[pa.Table]:
        """Yield the states that wait, without a change to anything. Raises ``LakeError``."""
        for keeper in self._keepers():
            for one in waiting(self.lake, self.days[keeper.cluster], keeper.position):
                left = one.parts
                while left:
                    day = keeper.position.day(one.listed.date.isoformat())
                    unit, after = _next(left, day)
                    yield from states(self.lake, of_parts(one.one, unit), after=after, rows=ROWS)
                    left -= unit

    def counts(self) -> dict[str, Counts]:
        """Return what became of states so far, by cluster. Raises ``LakeError``."""
        return {keeper.cluster: keeper.position.counts for keeper in self._keepers()}

    def _keepers(self) -> Iterator[Keeper]:
        for cluster, days in self.days.items():
            keeper = Keeper(self.lake.files, self.target, self.begun.folder, cluster)
            if self.positions is None:
                keeper.load()
            else:
                keeper.position = self.positions.get(cluster, Position())
            there = {one.date.isoformat() for one in days}
            kept = {date: day for date, day in keeper.position.days.items() if date in there}
            keeper.position = msgspec.structs.replace(keeper.position, days=kept)
            yield keeper

    def _waiting_of(self, keeper: Keeper) -> Iterator[Waiting]:
        """Yield the days with parts that wait; of others that changed only the telling is brought up to date."""
        retold = {}
        for one in waiting(self.lake, self.days[keeper.cluster], keeper.position):
            self.warnings += one.warnings
            date = one.listed.date.isoformat()
            day = keeper.position.day(date)
            if one.parts:
                yield one
            elif (told := one.settled(done_of(one.one, day))) != day:
                retold[date] = told
        if retold:
            keeper.keep(
                lambda position: msgspec.structs.replace(position, days={**position.days, **retold})
            )

    def _of_day(self, one: Waiting, keeper: Keeper, rows: int) -> Iterator[Stretch]:
        left = one.parts
        while left:
            day = keeper.position.day(one.listed.date.isoformat())
            unit, after = _next(left, day)
            try:
                yield from self._of_unit(one, keeper, unit, after, rows)
            except QueryError:
                # One damaged part must not keep the others waiting; which one it is takes a look at each.
                broken, gone = self._faults(one, unit)
                if gone:
                    # Masked and replaced since it was listed: the next run reads what replaced it.
                    return
                if not broken:
                    raise
                left -= broken
                continue
            left -= unit

    def _of_unit(
        self, one: Waiting, keeper: Keeper, unit: frozenset[str], after: Place | None, rows: int
    ) -> Iterator[Stretch]:
        def stretch(table: pa.Table, *, last: bool) -> Stretch:
            return Stretch(table, one.listed.cluster, keeper, one, unit, last)

        held: pa.Table | None = None
        for table in states(self.lake, of_parts(one.one, unit), after=after, rows=rows):
            if held is not None:
                yield stretch(held, last=False)
            held = table
        if held is None:
            # All of it is known already, as a note that a state ended is.
            stretch(_NO_ROWS, last=True).settle(0, Counts())
        else:
            yield stretch(held, last=True)

    def _faults(self, one: Waiting, unit: frozenset[str]) -> tuple[frozenset[str], bool]:
        """Take files that cannot be read out of the day; return which parts these were, and whether any file is gone."""
        broken, gone = set(), False
        for file in list(one.one.loose):
            said = fault(self.lake, file.path)
            if said:
                self.warnings.append(said)
                one.one.loose.remove(file)
                broken.add(file.name)
            gone = gone or said == ""
        if one.one.sealed and (said := fault(self.lake, one.one.sealed.file.path)) is not None:
            if said:
                self.warnings.append(said)
                broken |= unit & frozenset(one.one.sealed.made.parts)
            gone = gone or said == ""
        return frozenset(broken), gone


def open_feed(
    lake: Lake,
    target: str,
    *,
    now: datetime,
    clusters: Collection[str] | None = None,
    since: datetime | None = None,
    anew: bool = False,
) -> Feed:
    """Return what waits for a target, of some clusters or all; one that has not begun begins ``now``. Raises ``LakeError``.

    ``anew`` lets it begin anew, with the states that are in the lake and whose ``last_seen`` is
    ``since`` or later.
    """
    files = lake.files
    found = None if anew else places.begun(files, target)
    if found is None:
        found = _begin(files, lake, target, now=now, since=since, anew=anew)
    return Feed(lake, target, found, listed(lake, clusters))


def _begin(
    files: Files, lake: Lake, target: str, *, now: datetime, since: datetime | None, anew: bool
) -> Begun:
    positions = positions_of_new(lake, listed(lake), since)
    return places.begin(files, target, positions, at=now, since=since, anew=anew)


def positions_of_new(
    lake: Lake, days: Mapping[str, list[Listed]], since: datetime | None
) -> dict[str, Position]:
    """Return the positions, by cluster, of a target that gets nothing that is older than ``since``, null: than now."""
    return {
        cluster: Position(days=dict(_passed(lake, some, since))) for cluster, some in days.items()
    }


def _passed(lake: Lake, days: list[Listed], since: datetime | None) -> Iterator[tuple[str, Day]]:
    """Yield what is done of each day for a target that begins: all that is older than ``since``."""
    for one in waiting(lake, days, Position()):
        date = one.listed.date
        if since is None or date < since.astimezone(UTC).date():
            yield date.isoformat(), one.settled(one.parts)
        elif date == since.astimezone(UTC).date() and since.astimezone(UTC).time() != time():
            after = Place(since.astimezone(UTC), 0, "")
            yield date.isoformat(), Day(reading=Reading(tuple(sorted(one.parts)), after))


def _next(left: frozenset[str], day: Day) -> tuple[frozenset[str], Place | None]:
    """Return which parts are read next, and from where on: those whose reading began, else all."""
    if day.reading and (begun := left & frozenset(day.reading.parts)):
        return begun, day.reading.after
    return left, None
