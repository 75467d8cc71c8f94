"""All that is looked at, in the order in which a run needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from etl.checkup import cluster as clusters
from etl.checkup import forwarding, schedule, told
from etl.checkup import lake as lakes
from etl.checkup.checked import Checked, fail
from etl.config.owners import Owners
from etl.config.settings import Settings, Source
from etl.errors import LakeError
from etl.lake.layout import Lake
from etl.lake.query import session


def examined(
    lake: Lake,
    settings: Settings,
    members: Mapping[str, Source],
    *,
    environ: Mapping[str, str],
    clock: Callable[[], datetime],
) -> Iterator[Checked]:
    """Yield every line: of each cluster of ``members``, by name, of the lake, and of who is told.

    Nothing raises: what cannot be looked at is a line too.
    """
    for name, source in members.items():
        for line in _of_cluster(lake, name, source, settings.owners, environ, clock):
            yield line if len(members) == 1 else line.of(name)
    yield from lakes.examined(lake)
    yield from told.examined(settings, environ)
    yield from forwarding.examined(lake, settings, now=clock())


def _of_cluster(
    lake: Lake,
    name: str,
    source: Source,
    wanted: Owners,
    environ: Mapping[str, str],
    clock: Callable[[], datetime],
) -> Iterator[Checked]:
    yield lakes.named(lake, name)
    yield from clusters.asked(source, wanted, environ, clock)
    yield from schedule.configured(source)
    try:
        if not name or not lake.ledger(name):
            return
        with session(lake, cluster=name) as opened:
            yield from schedule.seen(opened, name, source, now=clock())
    except LakeError as error:
        advice = "run: eventlake doctor, which reads the whole lake"
        yield fail("ledger", str(error), advice, code=LakeError.exit_code)
