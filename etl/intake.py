"""Pages of a list to new observations: decode as little as possible, add what the lake lacks.

What the newest list held is in the lake, so of those events only the state is decoded.
All states are remembered: they are the next snapshot's live cache.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

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
from etl.source import decode
from etl.source import states as states_
from etl.source.decode import Decoded
from etl.source.normalise import Normaliser

if TYPE_CHECKING:
    # The kubernetes package costs half a second; only a live snapshot pays for it.
    from etl.source.paging import Page


class Intake:
    """Takes the lists of one snapshot, page by page, into an addition."""

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
        self._cluster = cluster
        self._snapshot_id = snapshot_id
        self._observed_at = observed_at
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

    @property
    def compared(self) -> Literal["cache", "lake"]:
        """With what rows are compared to know what is new."""
        return "lake" if self._known is None else "cache"

    def begin(self) -> None:
        """Begin another list: all namespaces, or the next one of several."""
        self._begun = (len(self._states), self.items, len(self.unreadable), self.expected)
        self._page = 0
        self._restarted = False

    def page(self, page: Page) -> None:
        """Decode one page and add what the newest list did not hold; raises ``ClusterError``."""
        if page.restarted and page.first:
            self._restart()
        self._page += 1
        listed = self.items
        try:
            if self._known is None or not self._compared(page.body, self._known):
                self._whole(page.body)
        except msgspec.MsgspecError as error:
            message = f"a page of the list cannot be decoded: {quoted(str(error))}"
            raise ClusterError(message) from error
        if page.first and self.expected is not None:
            told = page.meta.remainingItemCount if page.meta.continue_ else 0
            self.expected = None if told is None else self.expected + self.items - listed + told

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
            live.write(lake, self._cluster, states)

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

    def _compared(self, body: bytes, known: live.Live) -> bool:
        """Decode the states, and all of those events only that the newest list did not hold.

        Returns whether that was possible: an odd item needs the whole page decoded.
        """
        objects = decode.states(body)
        if objects is None or not all(o.metadata.uid for o in objects):
            return False
        uid = pa.array([o.metadata.uid for o in objects], pa.string())
        states = states_.table(
            uid, states_.namespaces(objects), states_.read(objects, self._observed_at)
        )
        self._states.append(states)
        self.items += len(objects)
        unknown = known.unknown(states)
        if len(unknown):
            self._changed = True
            decoded = decode.chosen(body, unknown.to_pylist())
            self._name(decoded)
            self._add(self._normalised(decoded).rows(self._snapshot_id), compared=True)
        return True

    def _whole(self, body: bytes) -> None:
        decoded = decode.page(body)
        self.items += len(decoded.events) + len(decoded.unreadable)
        self._name(decoded)
        if not decoded.events:
            return
        rows = self._normalised(decoded)
        states = rows.states()
        self._states.append(states)
        table = rows.rows(self._snapshot_id)
        if self._known is not None:
            table = table.take(self._known.unknown(states))
            self._changed = self._changed or table.num_rows > 0
        self._add(table, compared=self._known is not None)

    def _add(self, rows: pa.Table, *, compared: bool) -> None:
        if compared:
            # Without a version they are never known, and so no births.
            versioned = rows.filter(pc.is_valid(rows["resource_version"]))
            self._born.append(versioned.select(["uid", "created_at"]))
        if self._restarted:
            # This run holds some of them already.
            self._addition.add(rows)
        else:
            self._addition.add(rows, compared=compared, distinct=True)

    def _name(self, decoded: Decoded) -> None:
        self.unreadable += [f"page {self._page}, {place}" for place in decoded.unreadable]

    def _normalised(self, decoded: Decoded) -> Normaliser:
        return Normaliser(decoded, cluster=self._cluster, observed_at=self._observed_at)

    def _all(self) -> pa.Table:
        return pa.concat_tables(self._states) if self._states else schema.STATE_SCHEMA.empty_table()
