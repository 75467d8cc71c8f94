"""Pages of a list to new observations: what the lake lacks is added, every state is remembered.

The states are the next snapshot's live cache. Pages are read by two threads, because
the reading holds no interpreter lock most of its time, and taken in their order.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, Self

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from etl import schema
from etl.errors import ClusterError, quoted
from etl.lake import live
from etl.lake import turnover as turnover_
from etl.lake.append import Addition
from etl.lake.layout import Lake
from etl.lake.turnover import Turnover
from etl.reading import Read, Reader

if TYPE_CHECKING:
    # The kubernetes package costs a tenth of a second; only a live snapshot pays for it.
    from etl.source.paging import Page

_THREADS = 2
# Pages that are being read, or read and not yet taken: 6 MB of JSON each at the default size,
# and what is made of it.
PAGES_READ_AHEAD = 2


@dataclass(frozen=True, slots=True)
class _Reading:
    """A page in the hands of a thread; ``told`` is how many items the first page said would follow it."""

    read: Future[Read]
    first: bool
    told: int | None


class Intake:
    """Takes the lists of one snapshot, page by page, into an addition; use as a context manager."""

    def __init__(
        self,
        addition: Addition,
        known: live.Live | None,
        *,
        cluster: str,
        snapshot_id: str,
        observed_at: datetime,
    ) -> None:
        """Compare with the states of the newest list, ``known``, else with the lake itself."""
        self._addition = addition
        self._known = known
        self._reader = Reader(
            known, cluster=cluster, snapshot_id=snapshot_id, observed_at=observed_at
        )
        self._threads = ThreadPoolExecutor(_THREADS, "read")
        self._reading: deque[_Reading] = deque()
        self._cluster = cluster
        self._states: list[pa.Table] = []
        self._born: list[pa.Table] = []
        self._begun: tuple[int, int, int, int | None] = (0, 0, 0, 0)
        self._page = 0
        self._restarted = False
        self._changed = False
        self.items = 0
        self.expected: int | None = 0
        """Items that the first pages told of; null where one of them told nothing."""
        self.unreadable: list[str] = []

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave what nobody waits for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    @property
    def compared(self) -> Literal["cache", "lake"]:
        """With what rows are compared to know what is new."""
        return "lake" if self._known is None else "cache"

    @property
    def share(self) -> float | None:
        """How much of the list that was begun last is taken, 0 to 1; null where the server does not tell."""
        _states, items, _unreadable, expected = self._begun
        if self.expected is None or expected is None:
            return None
        whole = self.expected - expected
        return min(1.0, (self.items - items) / whole) if whole else 0.0

    def begin(self) -> None:
        """Begin another list: all namespaces, or the next one of several.

        Raises ``ClusterError`` if a page of the one before cannot be read.
        """
        self.end()
        self._begun = (len(self._states), self.items, len(self.unreadable), self.expected)
        self._page = 0
        self._restarted = False

    def page(self, page: Page) -> None:
        """Read one page and add what the newest list did not hold.

        What it holds may be added by a later call, at the latest by ``end``. Raises
        ``ClusterError`` if this or an earlier page cannot be read.
        """
        if page.restarted and page.first:
            self.end()
            self._restart()
        told = page.meta.remainingItemCount if page.meta.continue_ else 0
        read = self._threads.submit(self._reader.read, page.body)
        self._reading.append(_Reading(read, page.first, told))
        self._take(left=PAGES_READ_AHEAD)

    def end(self) -> None:
        """Add what is left of the list; raises ``ClusterError`` if a page cannot be read."""
        self._take(left=0)

    def turnover(self, *, received_at: datetime, ttl: timedelta) -> Turnover | None:
        """What vanished since the newest list; null if that is not known."""
        if self._known is None:
            return None
        return turnover_.turnover(self._known.states, self._all(), received_at=received_at, ttl=ttl)

    def late_births(self, since: datetime) -> int | None:
        """How many events the newest list, sent at ``since``, should have held; null if it is not known."""
        if self._known is None:
            return None
        if not self._born:
            return 0
        born = pa.concat_tables(self._born)
        return turnover_.late_births(born, self._known.states, since=since)

    def remember(self, lake: Lake) -> None:
        """Write the live cache, unless the list is the same as before."""
        states = self._all()
        if self._changed or self._known is None or len(self._known) != states.num_rows:
            door = self._addition.terms.door
            live.write(lake, self._cluster, states, not_stored=door.names if door else None)

    def oldest_written_at(self) -> datetime | None:
        """The oldest last write among the listed events."""
        oldest: datetime | None = pc.min(self._all()["written_at"]).as_py()
        return oldest

    def _restart(self) -> None:
        """Forget the pages of a list that begins anew; their rows stay, because they are true."""
        states, self.items, unreadable, self.expected = self._begun
        del self._states[states:], self.unreadable[unreadable:]
        self._page = 0
        self._restarted = True

    def _take(self, *, left: int) -> None:
        """Add the pages that were read, in their order, until ``left`` are still being read."""
        while len(self._reading) > left:
            page = self._reading.popleft()
            try:
                read = page.read.result()
            except msgspec.MsgspecError as error:
                message = f"a page of the list cannot be decoded: {quoted(str(error))}"
                raise ClusterError(message) from error
            self._add(read)
            if page.first and self.expected is not None:
                self.expected = (
                    None if page.told is None else self.expected + read.items + page.told
                )

    def _add(self, read: Read) -> None:
        self._page += 1
        self.items += read.items
        self.unreadable += [f"page {self._page}, {place}" for place in read.unreadable]
        self._states.append(read.states)
        if read.compared:
            self._changed = self._changed or read.rows.num_rows > 0
            # Without a version they are never known, and so no births.
            versioned = read.rows.filter(pc.is_valid(read.rows["resource_version"]))
            self._born.append(versioned.select(["uid", "created_at"]))
        if self._restarted:
            # This run holds some of them already.
            self._addition.add(read.rows)
        else:
            self._addition.add(read.rows, compared=read.compared, distinct=True)

    def _all(self) -> pa.Table:
        return pa.concat_tables(self._states) if self._states else schema.STATE_SCHEMA.empty_table()
