"""What an evaluation looks at: for each cluster, what was learned since the one before.

An event is booked by when it happened, and told by when it was learned: one that was written
or listed late is in exactly one digest. What an evaluation knows of a cluster ends at the start
of a list that is complete, because what that list saw is in the lake. Where nobody remembers an
evaluation before, the window itself is the bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from etl.lake.query import Session
from etl.statements import statement
from etl.timespan import Window

# Clocks differ: an event may say that it was last seen up to a day after it was observed.
_CLOCKS = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Learned:
    """For each cluster the moment up to which an earlier evaluation knew it, and up to which this one does.

    A cluster that is not among them is asked by the window.
    """

    since: Mapping[str, datetime] = field(default_factory=dict)
    until: Mapping[str, datetime] = field(default_factory=dict)

    def bound(self, window: Window) -> dict[str, object]:
        """Return the parameters of ``rules/candidates`` and ``rules/overview``."""
        clusters = sorted({*self.since, *self.until})
        return {
            "clusters": clusters,
            "since": [self.since.get(cluster) for cluster in clusters],
            "until": [self.until.get(cluster) for cluster in clusters],
            "latest": max([window.end, *self.until.values()]) + _CLOCKS,
        }

    def span(self, cluster: str, window: Window) -> tuple[datetime, datetime]:
        """Return from when to when this evaluation looks at ``cluster``."""
        return self.since.get(cluster, window.start), self.until.get(cluster, window.end)


BY_TIME = Learned()
"""What happened in the window, by the events' own times."""


def learned(
    session: Session, window: Window, *, since: Mapping[str, datetime], now: datetime
) -> Learned:
    """Return what an evaluation of ``window`` looks at, after one that knew the clusters up to ``since``."""
    bounds = {"start": window.start, "end": window.end, "now": now}
    rows = session.run(statement("rules/marks").text, bounds).to_pylist()
    # Of a cluster without a new list nothing was learned; time does not go back.
    until = dict(since)
    for row in rows:
        cluster, mark = row["cluster"], row["mark"]
        until[cluster] = max(mark, until.get(cluster, mark))
    return Learned(dict(since), until)
