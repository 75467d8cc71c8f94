"""A command's end to those who watch: metrics to Prometheus, a heartbeat to a dead man's switch.

Neither is imported unless the configuration asks for it, and neither can make a command fail.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from etl.commands.invocation import Invocation
from etl.errors import ConfigError, EventlakeError, quoted
from etl.log import about

if TYPE_CHECKING:
    from etl.metrics.gather import Ended
    from etl.metrics.readings import Readings

# Of a signal; what the command line ends with.
_INTERRUPTED = 130
_SIGNALS = frozenset({_INTERRUPTED, 143})
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Watch:
    """What the command finds out meanwhile: the cluster that it is about."""

    cluster: str = ""


@contextmanager
def watched(
    invocation: Invocation,
    command: str,
    *,
    beats: bool = False,
    show: Callable[[Readings], None] | None = None,
) -> Iterator[Watch]:
    """Tell those who watch how ``command`` ended; ``beats`` if its end is a heartbeat.

    ``show`` is given the metrics too, if any are wanted.

    A configuration that cannot be read names nobody who could be told.
    """
    watch, code = Watch(invocation.cluster_option or ""), 0
    try:
        with about(invocation.cluster):
            yield watch
    except ConfigError:
        raise
    except BaseException as error:
        code = _exit_code(error)
        _tell(invocation, command, watch, code, beats=beats, show=show)
        raise
    _tell(invocation, command, watch, code, beats=beats, show=show)


def _exit_code(error: BaseException) -> int:
    """Return what the command line ends with for ``error``."""
    if isinstance(error, EventlakeError | click.ClickException):
        return error.exit_code
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return int(getattr(error, "exit_code", _INTERRUPTED))
    return 1


def _tell(
    invocation: Invocation,
    command: str,
    watch: Watch,
    code: int,
    *,
    beats: bool,
    show: Callable[[Readings], None] | None,
) -> None:
    settings = invocation.settings
    seconds = (invocation.clock() - invocation.now).total_seconds()
    cluster = watch.cluster or invocation.cluster
    try:
        if beats and settings.heartbeat.wanted:
            from etl.wire import heartbeat  # noqa: PLC0415 -- only where it is wanted

            heartbeat.tell(
                heartbeat.Beat(command, cluster, code, seconds),
                settings.heartbeat,
                environ=invocation.environ,
                now=invocation.now,
                sleep=invocation.sleep,
            )
        if beats and code in {0, *settings.heartbeat.tolerate}:
            _bark(invocation, cluster)
        # Who is interrupted has seconds left, and a run that is missing is seen by its absence.
        if settings.metrics.wanted and code not in _SIGNALS:
            from etl.metrics import process  # noqa: PLC0415 -- as above
            from etl.metrics.gather import Ended  # noqa: PLC0415

            ended = Ended(
                command=command,
                started_at=invocation.now,
                ended_at=invocation.clock(),
                seconds=seconds,
                exit_code=code,
                peak_bytes=process.peak_bytes(),
            )
            readings = tell_metrics(invocation, cluster, ended)
            if show is not None:
                show(readings)
    except Exception as error:  # noqa: BLE001 -- the run went as it went, whatever happens to those who watch
        _log.warning("metrics or heartbeat: %s", quoted(f"{type(error).__name__}: {error}"))


def _bark(invocation: Invocation, cluster: str) -> None:
    """Tell the Alertmanagers that want to notice when no run comes any more."""
    settings = invocation.settings
    if not any(config.watchdog for r in settings.receivers for config in r.alertmanager_configs):
        return
    from etl.alerts.receivers import watchdog  # noqa: PLC0415 -- only where it is wanted
    from etl.alerts.receivers.target import Outside  # noqa: PLC0415

    outside = Outside(invocation.environ, invocation.stderr)
    watchdog.bark(settings, outside, cluster=cluster, now=invocation.clock())


def tell_metrics(invocation: Invocation, cluster: str, ended: Ended) -> Readings:
    """Gather the metrics of a run that ended, hand them to who is configured, and return them."""
    from etl.metrics import exposition  # noqa: PLC0415 -- 80 ms, only where metrics are on

    metrics = invocation.settings.metrics
    readings = _gathered(invocation, cluster, ended)
    try:
        if metrics.textfile:
            exposition.write_textfile(readings, Path(metrics.textfile).expanduser())
    except EventlakeError as error:
        # The Pushgateway may take them all the same.
        _log.warning("%s", error)
    if metrics.pushgateway.wanted:
        try:
            exposition.push(
                readings, metrics.pushgateway, environ=invocation.environ, now=invocation.now
            )
        except EventlakeError as error:
            _log.warning("%s", error)
    return readings


def _gathered(invocation: Invocation, cluster: str, ended: Ended) -> Readings:
    """Return what is to be told; of a lake that cannot be asked, the run alone."""
    from etl.metrics.gather import gather, of_run  # noqa: PLC0415 -- as above
    from etl.pipeline import page_path  # noqa: PLC0415

    try:
        return gather(
            invocation.lake,
            invocation.settings,
            now=ended.ended_at,
            cluster=cluster,
            ended=ended,
            page=page_path(invocation.settings, invocation.lake_path),
        )
    except EventlakeError as error:
        # That the run failed has to be told, most of all where the lake is why.
        _log.warning("metrics: only those of the run, because %s", error)
        return of_run(ended, cluster)
