"""What waits for a target to numbers, and nothing in the lake changes.

``backlog`` reads lists and footers alone, for those who ask often; ``wanted`` reads what waits, and
asks the routes about it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime

from etl.config.forwarding import Forward
from etl.forward import places
from etl.forward.feed import Feed, positions_of_new
from etl.forward.places import Begun
from etl.forward.position import Counts
from etl.forward.routes import Routes
from etl.forward.waiting import listed
from etl.lake.layout import Lake, started


@dataclass(slots=True)
class Backlog:
    """What waits for a target, and what became of everything before."""

    target: str
    begun: Begun | None
    """When it began; null for one to which nothing was ever sent: it begins at its first run."""
    parts: int = 0
    days: list[date] = field(default_factory=list)
    """Days of the lake of which something waits."""
    oldest: datetime | None = None
    """When the oldest run began of which something waits; null where nothing waits, or nobody knows."""
    counts: Counts = field(default_factory=Counts)
    by_cluster: dict[str, Counts] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def backlog(lake: Lake, target: str, clusters: Collection[str] | None = None) -> Backlog:
    """Return what waits for a target, of some clusters or all; raises ``LakeError``."""
    begun = places.begun(lake.files, target)
    found = Backlog(target, begun)
    if begun is None:
        return found
    feed = Feed(lake, target, begun, listed(lake, clusters))
    for one in feed.waits():
        found.parts += len(one.parts)
        found.days.append(one.listed.date)
        times = [moment for name in one.parts if (moment := started(name))]
        found.oldest = min([*times, *([found.oldest] if found.oldest else [])], default=None)
    found.by_cluster = feed.counts()
    for counts in found.by_cluster.values():
        found.counts = found.counts.plus(counts)
    found.warnings = feed.warnings
    return found


def wanted(
    lake: Lake,
    settings: Forward,
    target: str,
    *,
    clusters: Collection[str] | None = None,
    since: datetime | None = None,
) -> int:
    """Return how many states would be sent to a target, were it to begin ``since``, else from where it is.

    Raises ``LakeError``.
    """
    begun = Begun(since, "", since) if since else places.begun(lake.files, target)
    if begun is None:
        return 0
    days = listed(lake, clusters)
    feed = Feed(lake, target, begun, days)
    if since:
        feed.positions = positions_of_new(lake, days, since)
    routes = Routes(settings)
    return sum(routes.of(target, rows).num_rows for rows in feed.states())
