"""Days that retention is about to delete to what of them a target never got: counted, and noted in its position.

Retention is not held up, because a target that is gone for good would keep the lake growing for
ever; but nothing of what waits is deleted without a word.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from etl.forward import places
from etl.forward.feed import Feed
from etl.forward.forwarder import State, keep_state, state
from etl.forward.places import Keeper
from etl.forward.position import Counts, Position
from etl.forward.waiting import listed
from etl.lake.layout import Lake


def unsent(lake: Lake, target: str, cluster: str, before: date) -> int:
    """Return how many states of days before ``before`` wait for a target, as its routes were not asked. Raises ``LakeError``."""
    begun = places.begun(lake.files, target)
    if begun is None:
        return 0
    days = [one for one in listed(lake, [cluster]).get(cluster, []) if one.date < before]
    feed = Feed(lake, target, begun, {cluster: days})
    return sum(rows.num_rows for rows in feed.states())


def note(lake: Lake, target: str, cluster: str, count: int, *, now: datetime) -> None:
    """Note that so many states that a target never got are deleted. Raises ``LakeError``."""
    begun = places.begun(lake.files, target)
    if begun is None:
        return

    def change(position: Position) -> Position:
        counts = position.counts.plus(Counts(deleted=count))
        return msgspec.structs.replace(position, counts=counts)

    keeper = Keeper(lake.files, target, begun.folder, cluster)
    keeper.load()
    keeper.keep(change)
    known = state(lake.files, target) or State(at=now)
    keep_state(lake.files, target, msgspec.structs.replace(known, deleted=count, deleted_at=now))
