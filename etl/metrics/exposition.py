"""Readings to Prometheus' text formats, and by a file or a Pushgateway to whoever collects them.

Only this module and ``endpoint`` know ``prometheus_client``, and only commands that have metrics
on import them: it costs 80 ms.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest, push_to_gateway
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from etl.config.watching import Pushgateway
from etl.errors import EventlakeError
from etl.metrics.readings import Readings
from etl.wire import http, secrets
from etl.wire.http import Guard, Request
from etl.wire.outcome import TransportError

# node_exporter runs as another user.
_MODE = 0o644


class NotToldError(EventlakeError):
    """Metrics did not arrive; the run itself is as good as it was."""


class Shown(Collector):
    """Hands out readings; ``without`` is a label that whoever collects adds by itself."""

    def __init__(self, read: Callable[[], Readings], *, without: str = "") -> None:
        """Show what ``read`` returns each time that somebody collects."""
        self._read = read
        self._without = without

    def collect(self) -> Iterator[Family]:
        """Yield a family for each metric that has values."""
        for metric, series in self._read().families():
            names = metric.label_names
            kept = [place for place, name in enumerate(names) if name != self._without]
            made = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = made(metric.name, metric.help, labels=[names[place] for place in kept])
            for labels, value in series:
                family.add_metric([labels[place] for place in kept], value)
            yield family


def registry(read: Callable[[], Readings], *, without: str = "") -> CollectorRegistry:
    """Return a registry that holds nothing but what ``read`` returns."""
    made = CollectorRegistry(auto_describe=False)
    made.register(Shown(read, without=without))
    return made


def text(readings: Readings) -> bytes:
    """Return the readings in Prometheus' text format 0.0.4."""
    return generate_latest(registry(lambda: readings))


def write_textfile(readings: Readings, path: Path) -> None:
    """Replace the file at once, so that half of it is never collected; raises ``NotToldError``.

    The folder has to be there: it is node_exporter's, and one that is made here would be
    read by nobody.
    """
    try:
        # Without .prom at its end, so that it is not collected itself.
        number, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(text(readings))
                os.fchmod(file.fileno(), _MODE)
            Path(temporary).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        message = f"cannot write the metrics to {path}: {error.strerror or error}"
        raise NotToldError(message) from error


def push(
    readings: Readings, config: Pushgateway, *, environ: Mapping[str, str], now: datetime
) -> None:
    """Replace what the Pushgateway holds of each cluster; raises ``NotToldError``, ``SecretError``.

    One group for each cluster, named by job and cluster, and one by the job alone for what is
    about no single cluster.
    """
    guard = Guard(config.allow_http, config.allow_private, config.timeout)
    url = config.url
    if not url or "@" in url or "${" in url:
        # One without a password may be shown, and is what somebody wants to read.
        url = secrets.address(url=url, url_file=config.url_file, environ=environ)

    def handler(
        url: str,
        method: str,
        timeout: float | None,
        headers: list[tuple[str, str]],
        data: bytes,
    ) -> Callable[[], None]:
        del timeout

        def sent() -> None:
            try:
                asked = Request(method, data, dict(headers))
                answer = http.send(asked, url, guard, environ=environ)
            except TransportError as error:
                message = f"the Pushgateway did not take the metrics: {error}"
                raise NotToldError(message) from None
            outcome = http.judge(answer, now=now)
            if not outcome.delivered:
                message = f"the Pushgateway did not take the metrics: {outcome.detail}"
                raise NotToldError(message)

        return sent

    for cluster in readings.clusters:
        found = readings.of(cluster)
        push_to_gateway(
            url,
            config.job,
            registry(lambda found=found: found, without="cluster"),  # type: ignore[misc]
            {"cluster": cluster} if cluster else None,
            handler=handler,
        )
