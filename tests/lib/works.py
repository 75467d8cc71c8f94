"""What a run does to a lake, and the lake that it finds: the works that tests interrupt.

Each is made in the lake ``lake``, a folder or the address of a bucket's folder; a
snapshot finds its cluster by the file ``kubeconfig``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.lib import lake_jobs
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW
from tests.lib.event_store import stamp
from tests.lib.events import event
from tests.lib.lake_crashes import Work
from tests.lib.lake_jobs import HOUR, LATER


def _first_import(lake: str, _server: ApiServer, _kubeconfig: Path) -> Work:
    """A list where there is no lake yet."""
    return Work(lake, lake_jobs.import_lists, (0,))


def _import(lake: str, _server: ApiServer, _kubeconfig: Path) -> Work:
    """A list into a lake that holds the one before it."""
    lake_jobs.import_lists(lake, "base", 0)
    return Work(lake, lake_jobs.import_lists, (1,))


def _snapshot(lake: str, server: ApiServer, kubeconfig: Path) -> Work:
    """A snapshot in three pages, after one that knew some of the events in another state."""
    server.now = NOW
    names = [server.add(event(f"web-{number}", at=NOW))["metadata"]["name"] for number in range(6)]
    server.kubeconfig(kubeconfig)
    lake_jobs.snapshot(lake, "base", str(kubeconfig), NOW)
    server.now = NOW + 20 * HOUR
    for name in names[::2]:
        server.patch(name, count=7, lastTimestamp=stamp(server.now))
    server.add(event("web-new", at=server.now))
    return Work(lake, lake_jobs.snapshot, (str(kubeconfig), server.now))


def _seal(lake: str, _server: ApiServer, _kubeconfig: Path) -> Work:
    """Sealing of two days, for one of which something came late."""
    lake_jobs.import_lists(lake, "base", 0)
    lake_jobs.seal(lake, "base", LATER)
    lake_jobs.import_lists(lake, "late", 1)
    return Work(lake, lake_jobs.seal, (LATER + HOUR / 2,))


def _seal_ledger(lake: str, _server: ApiServer, _kubeconfig: Path) -> Work:
    """Sealing a day of the ledger again, for which a row came late, and deleting the rows that its first file has."""
    for run in ("base", "again"):
        lake_jobs.import_lists(lake, run, 0)
    lake_jobs.seal_ledger(lake, "base", LATER - 72 * HOUR)
    lake_jobs.import_lists(lake, "late", 0)
    return Work(lake, lake_jobs.seal_ledger, (LATER,))


def _sweep(lake: str, _server: ApiServer, _kubeconfig: Path) -> Work:
    """Deleting what sealed days replaced."""
    lake_jobs.import_lists(lake, "base", 0, 1)
    lake_jobs.seal(lake, "base", LATER)
    lake_jobs.import_lists(lake, "late", 2)
    lake_jobs.seal(lake, "base", LATER + HOUR / 2)
    return Work(lake, lake_jobs.seal, (LATER + 3 * HOUR,))


def _retain(lake: str, _server: ApiServer, _kubeconfig: Path) -> Work:
    """Taking old days out of sight, after the first day that is kept was sealed."""
    lake_jobs.import_lists(lake, "base", 0, 1, 2)
    return Work(lake, lake_jobs.retain, (LATER,))


def _delete(lake: str, _server: ApiServer, _kubeconfig: Path) -> Work:
    """Deleting the days that were taken out of sight."""
    lake_jobs.import_lists(lake, "base", 0, 1, 2)
    lake_jobs.retain(lake, "base", LATER)
    return Work(lake, lake_jobs.retain, (LATER + 2 * HOUR,))


WORKS: dict[str, Callable[[str, ApiServer, Path], Work]] = {
    "first import": _first_import,
    "import": _import,
    "snapshot": _snapshot,
    "seal": _seal,
    "seal ledger": _seal_ledger,
    "sweep": _sweep,
    "retain": _retain,
    "delete": _delete,
}
