"""One page of a list to the states of its events and the rows of those that are new.

Of what the newest list held, which is in the lake, only the state is decoded. Nothing
here changes anything, so that several threads may read pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from etl import schema
from etl.lake import live
from etl.source import columns, decode, tabular
from etl.source import states as states_
from etl.source.columns import EventColumns
from etl.source.normalise import Normaliser
from etl.source.objects import NULL_WORD

_NO_UID = frozenset({None, "", NULL_WORD})


@dataclass(frozen=True, slots=True)
class Read:
    """One page, read: the states of its events, and those rows that the newest list did not hold."""

    states: pa.Table
    rows: pa.Table
    items: int
    unreadable: list[str]
    compared: bool


class Reader:
    """Reads pages; any thread may do it."""

    def __init__(
        self, known: live.Live | None, *, cluster: str, snapshot_id: str, observed_at: datetime
    ) -> None:
        """Compare with the states of the newest list, ``known``, if there are some."""
        self._known = known
        self._cluster = cluster
        self._snapshot_id = snapshot_id
        self._observed_at = observed_at

    def read(self, body: bytes) -> Read:
        """Read one page; raises ``msgspec.MsgspecError`` if it is none."""
        found = None if self._known is None else self._compared(body, self._known)
        return found or self._whole(body)

    def _compared(self, body: bytes, known: live.Live) -> Read | None:
        """Decode the states, and all of those events only that the newest list did not hold.

        Null if that is not possible: an odd item needs the whole page decoded.
        """
        objects = decode.states(body)
        if objects is None or any(o.metadata.uid in _NO_UID for o in objects):
            return None
        said = columns.of_states(objects)
        states = states_.table(said.uid, states_.read(said, self._observed_at))
        unknown = known.unknown(states)
        rows, unreadable = schema.SCHEMA.empty_table(), []
        if len(unknown):
            decoded = decode.chosen(decode.raws(body), unknown.to_pylist())
            unreadable = decoded.unreadable
            rows = self._normalised(columns.of_events(decoded)).rows(self._snapshot_id)
        return Read(states, rows, len(objects), unreadable, compared=True)

    def _whole(self, body: bytes) -> Read:
        said, unreadable = tabular.page(body), list[str]()
        if said is None:
            decoded = decode.page(body)
            said, unreadable = columns.of_events(decoded), decoded.unreadable
        normalised = self._normalised(said)
        states, rows = normalised.states(), normalised.rows(self._snapshot_id)
        if self._known is not None:
            rows = rows.take(self._known.unknown(states))
        items = len(said) + len(unreadable)
        return Read(states, rows, items, unreadable, compared=self._known is not None)

    def _normalised(self, said: EventColumns) -> Normaliser:
        return Normaliser(said, cluster=self._cluster, observed_at=self._observed_at)
