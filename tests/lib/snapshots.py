"""Snapshots of the fake for tests: by the command line with settings, or by a ticking clock without it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from etl import ingest
from etl.config.settings import Source
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.ledger import Entry
from etl.progress import Tell, untold
from etl.source import live
from etl.source.listing import Lister
from tests.lib.api_answers import encoded
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import (
    NOW,
    Done,
    Waits,
    eventlake,
    ledger,
    temporaries,
)
from tests.lib.events import event


def filled(server: ApiServer, count: int, **fields: Any) -> None:
    """Write ``count`` events about web-000, web-001 and so on, 1 kB each."""
    for number in range(count):
        server.add(event(f"web-{number:03d}", at=server.now, **fields))


def dumped(folder: Path) -> Path:
    """Write a dump of three events into ``folder``, as kubectl does, and return its path."""
    with ApiServer() as server:
        filled(server, 3)
        items = server.store.at().events
    path = folder / "events.json"
    path.write_bytes(encoded({"kind": "List", "apiVersion": "v1", "items": items}))
    return path


def listed(
    lake: Path,
    kubeconfig: Path,
    *options: object,
    now: datetime = NOW,
    cluster: tuple[str, ...] = (),
) -> Done:
    """Take a snapshot by the command line and expect it to succeed."""
    done = eventlake(
        "--lake", lake, *cluster, "snapshot", "--kubeconfig", kubeconfig, *options, now=now
    )
    assert done.code == 0, done.err
    return done


def snapshot(
    server: ApiServer,
    lake: Path,
    *options: object,
    waits: Callable[[float], None] | None = None,
    now: datetime = NOW,
    **source: object,
) -> Done:
    """Take a snapshot in pages of three, with settings of the section ``source``."""
    kubeconfig = lake.with_name("kubeconfig")
    if not kubeconfig.exists():
        server.kubeconfig(kubeconfig)
    config = lake.with_name("eventlake.yaml")
    settings = {"kubeconfig": str(kubeconfig), "page_size": 3, **source}
    config.write_text(yaml.safe_dump({"source": settings}), "utf-8")
    return eventlake("--lake", lake, "--config", config, "snapshot", *options, sleep=waits, now=now)


def failed(done: Done, lake: Path) -> str:
    """Expect a failure of the cluster that the ledger's newest row tells, and nothing half-written."""
    assert done.code == 3, done.err
    row = ledger(lake)[-1]
    assert (row["status"], row["error"], row["items"]) == ("failed", done.sentence, None)
    assert temporaries(lake) == []
    return done.sentence


def ticking() -> Callable[[], datetime]:
    """A clock that goes on by a second each time it is read."""
    seconds = iter(range(1_000_000))
    return lambda: NOW + timedelta(seconds=next(seconds))


def taken(server: ApiServer, lake: Path, *namespaces: str, **settings: Any) -> Entry:
    """Take a snapshot by a ticking clock, in pages of three, without the command line; it may ``tell``."""
    tell: Tell = settings.pop("tell", untold)
    kubeconfig = server.kubeconfig(lake.with_name("kubeconfig"))
    source = Source(
        kubeconfig=str(kubeconfig), namespaces=list(namespaces), **{"page_size": 3, **settings}
    )
    lister = Lister(live.connect(source, {}), source, ticking(), Waits())
    run = ingest.Run(NOW, f"{len(ledger(lake)):08x}", ticking())
    return ingest.take_snapshot(Lake(LocalFiles(lake)), "fake", lister, run, tell=tell)
