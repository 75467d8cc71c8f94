"""What is usual: sums over the days before the window, made comparable with the window.

A day without events counts as zero if the lake was fed on it, and not at all if nobody
looked: a job that was down for three days did not make the cluster quiet.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from etl.lake.query import Session
from etl.statements import statement
from etl.timespan import Window

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Baseline:
    """The span before the window, and how much of it is known.

    ``days`` has the known days of each cluster, ``together`` those of any cluster. Where there
    are fewer than ``minimum``, no comparison is made.
    """

    start: datetime
    window: Window
    days: Mapping[str, int]
    together: int
    minimum: int

    def scale(self, cluster: str | None = None) -> float | None:
        """Return what turns a sum over the baseline into the mean of a span as long as the window.

        Of one cluster, or over all of them; null where too few days are known.
        """
        days = self.together if cluster is None else self.days.get(cluster, 0)
        if days < self.minimum:
            return None
        # The last day may be cut short by a baseline that is not whole days long.
        known = min(days * _DAY, self.window.start - self.start)
        return self.window.length / known

    @property
    def clusters(self) -> dict[str, float]:
        """The clusters with enough history, each with its scale."""
        scales = {cluster: self.scale(cluster) for cluster in sorted(self.days)}
        return {cluster: scale for cluster, scale in scales.items() if scale is not None}

    def bound(self) -> dict[str, object]:
        """Return the parameters by which ``rules/match`` tells what is usual."""
        scales = self.clusters
        # A day that is cut short by a span which is not whole days long is one.
        most = math.ceil((self.window.start - self.start) / _DAY)
        return {
            "clusters": list(scales),
            "scales": list(scales.values()),
            "known": [min(self.days[cluster], most) for cluster in scales],
            "scale_of_all": self.scale(),
            "known_of_all": min(self.together, most),
            "span_days": most,
            "days": self.window.length / _DAY,
        }


def measured(session: Session, window: Window, *, span: timedelta, minimum: int) -> Baseline:
    """Find out how many days of the ``span`` before ``window`` the lake knows."""
    start = window.start - span
    rows = session.run(
        statement("rules/known_days").text, {"base": start, "start": window.start}
    ).to_pylist()
    days: dict[str, int] = {}
    for row in rows:
        days[row["cluster"]] = days.get(row["cluster"], 0) + 1
    return Baseline(start, window, days, len({row["day"] for row in rows}), minimum)
