"""A window of the lake to the chart that receivers may show beside their digest.

Reports draw and alerts send, and neither knows the other: here they meet. A digest without its chart
is a digest, so nothing that goes wrong with one gets further than the log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pyarrow as pa

from etl.alerts.receivers.target import Chart
from etl.config.settings import Settings
from etl.reports import picture
from etl.reports.picture import Picture
from etl.reports.run import Queryable
from etl.timespan import Window, parse_zone

# WeCom takes two megabytes, the others more; a picture has some fifty kilobytes.
_MOST_BYTES = 2_000_000
_HOUR = timedelta(hours=1)
_log = logging.getLogger(__name__)


def chart(
    session: Queryable, settings: Settings, *, window: Window, clusters: Sequence[str]
) -> Chart | None:
    """Draw ``window``; null where that fails, which is logged."""
    zone = parse_zone(settings.timezone)
    return _safely(
        lambda: picture.picture(session, window=window, timezone=zone, clusters=clusters)
    )


def specimen(settings: Settings, *, now: datetime) -> Chart | None:
    """Draw a day before ``now`` that never was, for the test of a receiver."""
    window = Window(now - 24 * _HOUR, now)
    hours = [window.start + number * _HOUR for number in range(24)]
    rows = pa.table(
        {
            "bucket": pa.array([h for h in hours for _ in range(2)], pa.timestamp("us", "UTC")),
            "type": ["Normal", "Warning"] * len(hours),
            "occurrences": [amount for n in range(24) for amount in (40 + 3 * n, n % 7)],
        }
    )
    zone = parse_zone(settings.timezone)
    return _safely(lambda: picture.drawn(rows, window=window, timezone=zone, clusters=["a test"]))


def _safely(draw: Callable[[], Picture]) -> Chart | None:
    try:
        made = draw()
    except Exception as error:  # noqa: BLE001
        # Whatever a drawing engine in another language throws: the digest goes out without its chart.
        _log.warning("no chart goes with the digest: %s", error)
        return None
    if max(len(made.once), len(made.repeat)) > _MOST_BYTES:
        _log.warning("no chart goes with the digest: it has %d bytes", len(made.once))
        return None
    return Chart(made.once, made.repeat)
