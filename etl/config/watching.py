"""What can be set of how others watch eventlake: metrics for Prometheus, and a heartbeat.

Nothing of it is on by default, and nothing of it can make a run fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import PurePath
from typing import Literal
from urllib.parse import urlsplit

from etl.config.receivers import WireConfig
from etl.config.section import Section
from etl.timespan import Duration

_SECOND = timedelta(seconds=1)
_LAST_CODE = 255
_LEAST_SERIES = 10
_LAST_PORT = 65_535


class Pushgateway(WireConfig, frozen=True):
    """The Pushgateway that each run hands its metrics to; what it held of the run before is replaced."""

    timeout: Duration = Duration(seconds=10)
    """How long one request may take."""
    url: str = ""
    """Address of the server, without the path of the API; may name ``${ENV}``."""
    url_file: str = ""
    """File that holds the address, for one with a password."""
    job: str = "eventlake"
    """The label ``job`` of what is pushed."""

    @property
    def wanted(self) -> bool:
        """Whether anything is pushed."""
        return bool(self.url or self.url_file)


class Metrics(Section, frozen=True):
    """Metrics of runs for Prometheus, by a file, by a Pushgateway, or served by ``schedule``."""

    textfile: str = ""
    """File that node_exporter's textfile collector reads; its name ends in .prom. Replaced at once, readable for everybody."""
    pushgateway: Pushgateway = Pushgateway()
    """The Pushgateway."""
    listen: str = ""
    """Address, such as :9464 or 127.0.0.1:9464, at which ``schedule`` serves /metrics and /healthz."""
    max_series: int = 500
    """How many series of ``eventlake_occurrences_total`` one cluster may have, and a tenth of it one namespace; the rest is counted as ``(other)``."""

    @property
    def wanted(self) -> bool:
        """Whether runs gather metrics at all."""
        return bool(self.textfile or self.listen or self.pushgateway.wanted)


class Heartbeat(WireConfig, frozen=True):
    """A dead man's switch: an address that is asked after each ``run`` and ``snapshot``, and misses it when none comes."""

    timeout: Duration = Duration(seconds=10)
    """How long one request may take."""
    url: str = ""
    """Address, which is a secret: ``${NAME}``; or give ``url_file``."""
    url_file: str = ""
    """File that holds the address; read at each run, surrounding space is removed."""
    style: Literal["healthchecks", "uptime_kuma", "plain"] = "healthchecks"
    """healthchecks: POST to the address, of a failed run to address/fail; uptime_kuma: GET with status, msg and ping; plain: GET after success, nothing else."""
    tolerate: list[int] = []
    """Exit codes that count as success beside 0, such as 5: everything stored, and a receiver that did not answer."""

    @property
    def wanted(self) -> bool:
        """Whether anybody is told."""
        return bool(self.url or self.url_file)


def mistakes(metrics: Metrics, heartbeat: Heartbeat) -> Iterator[tuple[str, str]]:
    """Yield (path, what is wrong) for what makes no sense by itself."""
    if metrics.textfile and PurePath(metrics.textfile).suffix != ".prom":
        yield "metrics.textfile", "does not end in .prom, so node_exporter would not read it"
    if metrics.max_series < _LEAST_SERIES:
        yield (
            "metrics.max_series",
            f"{metrics.max_series} is too few; give at least {_LEAST_SERIES}",
        )
    if metrics.listen and port(metrics.listen) is None:
        yield (
            "metrics.listen",
            f"{metrics.listen!r} is no address to listen at; write it like :9464",
        )
    if not metrics.pushgateway.job:
        yield "metrics.pushgateway.job", "is empty, and a Pushgateway takes nothing without a job"
    for code in heartbeat.tolerate:
        if not 0 < code <= _LAST_CODE:
            yield "heartbeat.tolerate", f"{code} is no exit code of a failure"
    for path, target in (("metrics.pushgateway", metrics.pushgateway), ("heartbeat", heartbeat)):
        yield from _address(path, target)


def port(listen: str) -> int | None:
    """Return the port of an address to listen at, null where there is none."""
    _host, colon, number = listen.rpartition(":")
    if not colon or not (number.isascii() and number.isdigit()):
        return None
    return found if 0 < (found := int(number[:6])) <= _LAST_PORT else None


def _address(path: str, target: Pushgateway | Heartbeat) -> Iterator[tuple[str, str]]:
    if target.url and target.url_file:
        yield path, "has url and url_file; give one of them"
    try:
        parts = urlsplit(target.url)
    except ValueError:
        parts = urlsplit("")
    # The address itself may be a secret and is not repeated.
    if target.url and (parts.scheme not in {"http", "https"} or not parts.netloc):
        yield f"{path}.url", "is not an address; it begins with https://"
    elif parts.scheme == "http" and not target.allow_http:
        yield f"{path}.url", "is plain http; use https, or say allow_http: true"
    if target.timeout < _SECOND:
        yield f"{path}.timeout", f"{target.timeout} is too short; give at least 1s"
