"""Incremental snapshots of the fake for tests, without the command line and without long silences."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from etl import incremental, ingest
from etl.config.settings import Source, Watch
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.ledger import Entry
from etl.source import live
from etl.source.listing import Lister
from etl.timespan import Duration
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import Waits, ledger
from tests.lib.faults import Fault
from tests.lib.loopback import Answer

# How long the fake streams; half of ``QUIET`` at least has to be silent.
STREAMS = 0.06
QUIET = Duration(milliseconds=50)


def followed(
    server: ApiServer, lake: Path, *namespaces: str, list_every: int = 100, **settings: Any
) -> Entry:
    """Take an incremental snapshot at the time of the fake's clock, or the LIST that it falls back to."""
    kubeconfig = server.kubeconfig(lake.with_name("kubeconfig"))
    source = Source(
        kubeconfig=str(kubeconfig),
        namespaces=list(namespaces),
        watch=Watch(enabled=True, list_every=list_every, quiet=QUIET),
        **{"page_size": 3, "interval": Duration(minutes=2), **settings},
    )
    cluster = live.connect(source, {})
    run = ingest.Run(server.now, f"{len(ledger(lake)):08x}", lambda: server.now)
    return incremental.take_snapshot(
        Lake(LocalFiles(lake)),
        "fake",
        Lister(cluster, source, run.clock, Waits()),
        run,
    )


def meanwhile(write: Callable[[], object]) -> Fault:
    """Answer as ever, but ``write`` first: what is stored while the answer travels."""

    def fault(answer: Answer) -> Answer:
        write()
        return answer

    return fault


def later(server: ApiServer, **span: float) -> None:
    """Let time go on, and what has outlived its TTL expire."""
    server.expire(server.now + timedelta(**span))
