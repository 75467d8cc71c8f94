"""``eventlake snapshot`` beside a client that reads the same pages and throws them away.

The comparison logs in by the same kubeconfig with the official package, as every
client does that is let in; a bare HTTP client, which could only read a cluster that
lets in everybody, is shown beside it.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.figures import Figure, Plan
from bench.measure import Taken, eventlake, in_turns, median, ratio, run
from bench.prepared_server import PreparedServer

_CPU = "processor seconds instead of wall time: what a machine that is busy can still tell"


def ratios(plan: Plan) -> Iterator[Figure]:
    """Yield what a first and an unchanged snapshot cost, and what they need of memory."""
    with PreparedServer(events=plan.events) as server:
        snapshots = _Snapshots(server, plan.folder / "ratios")
        login, plain = (_reading(snapshots, kind) for kind in ("auth", "plain"))
        first = in_turns(
            {"login": login, "ours": snapshots.first, "plain": plain}, rounds=plan.rounds
        )
        unchanged = in_turns(
            {"login": login, "ours": snapshots.unchanged, "plain": plain}, rounds=plan.rounds
        )
    of = f"{plan.events:,} events in pages of {server.page_size:,}, whole processes in turns, median of {plan.rounds} ratios"
    for name, taken in (("first", first), ("unchanged", unchanged)):
        what = f"{name} snapshot of {of}"
        beside = "beside reading the same pages with the same login and throwing them away"
        yield Figure(
            f"snapshot_{name}_ratio", ratio(taken["ours"], taken["login"]), f"{what}, {beside}"
        )
        yield Figure(
            f"snapshot_{name}_cpu_ratio",
            ratio(taken["ours"], taken["login"], lambda once: once.processor_seconds),
            f"the same in {_CPU}",
        )
        yield Figure(
            f"snapshot_{name}_plain_ratio",
            ratio(taken["ours"], taken["plain"]),
            "the same beside a bare HTTP client that reads no kubeconfig and cannot log in",
        )
        yield Figure(f"snapshot_{name}_s", median(taken["ours"]), "median wall time of the same")
    yield Figure(
        "snapshot_100k_peak_mb",
        max(once.peak_mb for once in (*first["ours"], *unchanged["ours"])),
        f"greatest ru_maxrss of all snapshots of {plan.events:,} events, first and unchanged",
    )


def large(plan: Plan) -> Iterator[Figure]:
    """Yield the peak of memory and the time of a large list."""
    with PreparedServer(events=plan.many) as server:
        snapshots = _Snapshots(server, plan.folder / "large")
        first, unchanged = snapshots.first(), snapshots.unchanged()
    what = f"{plan.many:,} events in pages of {server.page_size:,}"
    yield Figure(
        "snapshot_500k_peak_mb",
        max(first.peak_mb, unchanged.peak_mb),
        f"greater ru_maxrss of a first and an unchanged snapshot of {what}",
    )
    yield Figure(
        "snapshot_500k_first_s", first.seconds, f"wall time of a first snapshot of {what}, once"
    )
    yield Figure("snapshot_500k_unchanged_s", unchanged.seconds, "wall time of the second, once")


class _Snapshots:
    """Takes snapshots of one server into one lake, and refuses one that did something else."""

    def __init__(self, server: PreparedServer, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.server = server
        self.kubeconfig = server.kubeconfig(folder / "kubeconfig")
        self._lake = folder / "lake"

    def first(self) -> Taken:
        shutil.rmtree(self._lake, ignore_errors=True)
        return self._taken(new=self.server.events)

    def unchanged(self) -> Taken:
        if not self._lake.exists():
            self.first()
        return self._taken(new=0)

    def _taken(self, *, new: int) -> Taken:
        options = [f"--kubeconfig={self.kubeconfig}", f"--page-size={self.server.page_size}"]
        taken = run(eventlake(f"--lake={self._lake}", "snapshot", *options))
        wanted = f"{self.server.events:,} events listed, {new:,} new states"
        assert wanted in taken.messages, taken.messages
        return taken


def _reading(snapshots: _Snapshots, kind: str) -> Callable[[], Taken]:
    """Return what reads all pages and keeps nothing."""
    server = snapshots.server
    place = str(snapshots.kubeconfig) if kind == "auth" else server.url
    size = server.sizes().json_bytes

    def read() -> Taken:
        taken = run(
            [sys.executable, "-m", "bench.read_and_discard", place, str(server.page_size), kind]
        )
        assert taken.output == f"{size}\n", taken.output
        return taken

    return read
