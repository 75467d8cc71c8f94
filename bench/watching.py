"""Incremental snapshots beside full lists of the same cluster: bytes, the server's time, and what either missed.

The server is the tests' fake, which answers as a recorded one did: lists compressed at level
1, watches not at all, in protobuf. In each interval 2 % of the events change, half of them new ones and
half written again, some of these twice, and as many expire; a few are deleted by hand.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from bench.figures import Figure, Plan
from bench.generate_events import NOW, TTL, rendered
from etl import snapshots
from etl.config.settings import Source, Watch
from etl.ingest import Run
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.ledger import Entry
from etl.lake.query import session
from etl.source import live
from etl.source.listing import Lister
from etl.timespan import Duration
from tests.lib.apiserver import ApiServer
from tests.lib.loopback import Answer, Request

_SHARE, _INTERVALS = 0.02, 4
# In it a fiftieth of what was written evenly over the TTL expires.
_INTERVAL = TTL * _SHARE
# Of what is written again one in five is so twice; one event in a thousand is deleted by hand.
_TWICE, _BY_HAND = 5, 1000
_EVENTS = 20_000


class _Timed(ApiServer):
    """Counts the processor seconds that its answers take."""

    seconds = 0.0

    def _respond(self, request: Request) -> Answer:
        began = time.thread_time()
        answer = super()._respond(request)
        self.seconds += time.thread_time() - began
        if isinstance(answer.body, bytes):
            return answer
        return Answer(answer.status, self._streamed(answer.body), answer.headers, answer.delivery)

    def _streamed(self, body: Iterator[bytes]) -> Iterator[bytes]:
        while True:
            began = time.thread_time()
            line = next(body, None)
            self.seconds += time.thread_time() - began
            if line is None:
                return
            yield line


def shares(plan: Plan) -> Iterator[Figure]:
    """Yield what incremental snapshots take of full lists, and what each kind missed."""
    events = min(plan.events, _EVENTS)
    with _Timed(now=NOW, ttl=TTL, watch_limit=0.3) as server:
        cluster = _Cluster(server, events)
        watched, listed = (_Side(server, plan.folder / name, name) for name in ("watch", "list"))
        for side in (watched, listed):
            side.take()
            side.forget()
        for _ in range(_INTERVALS):
            cluster.interval()
            watched.take()
            listed.take()
        truth = cluster.states
    assert {entry.kind for entry in watched.taken} == {"watch"}
    assert {entry.kind for entry in listed.taken} == {"list"}
    of = (
        f"incremental snapshots of {events:,} events, 2 % changed and 2 % expired in each of"
        f" {_INTERVALS} intervals, beside full lists"
    )
    yield Figure(
        "watch_bytes_share",
        watched.bytes / listed.bytes,
        f"bytes received by {of}, which are gzipped, as a server sends them",
    )
    yield Figure(
        "watch_server_share",
        watched.seconds / listed.seconds,
        f"processor time of the fake server for {of}",
    )
    kept = f"of {len(truth):,} states that were stored meanwhile the share that is in the lake of"
    for key, side in (("watch", watched), ("list", listed)):
        yield Figure(
            f"{key}_states_kept",
            len(truth & side.states()) / len(truth),
            f"{kept} {key}es" if key == "watch" else f"{kept} {key}s",
        )
    found = watched.deletions()
    told = sum(found.get(uid) is early for uid, early in cluster.gone.items())
    yield Figure(
        "watch_deletions_told",
        told / len(cluster.gone),
        f"of {len(cluster.gone):,} events that went the share of which watches tell rightly whether they were deleted or expired",
    )


class _Cluster:
    """Lets time pass in the fake, and remembers what was stored and how what is gone went."""

    def __init__(self, server: ApiServer, events: int) -> None:
        self.server, self._events = server, events
        server.load(map(json.loads, rendered(events)), resource_version=10**9)
        server.expire()
        self._new = map(json.loads, rendered(events, seed=2))
        self._after = server.store.resource_version
        self.states = {_state(one) for one in server.store.at().events}
        self.gone: dict[str, bool] = {}

    def interval(self) -> None:
        """Let as many events change and expire, and delete a few by hand."""
        server = self.server
        server.expire(server.now + _INTERVAL)
        self._note(early=False)
        half = int(self._events * _SHARE / 2)
        for event in islice(self._new, half):
            for field in ("creationTimestamp", "managedFields"):
                del event["metadata"][field]
            server.add(event)
        view = server.store.at()
        for number, place in enumerate(range(0, len(view.keys), len(view.keys) // half)):
            for more in range(1, 3 if number % _TWICE == 0 else 2):
                self._again(view.keys[place], more)
        self._note(early=False)
        for key in view.keys[7 :: len(view.keys) // (self._events // _BY_HAND or 1)]:
            server.delete(key)
        self._note(early=True)

    def _again(self, key: str, more: int) -> None:
        at = self.server.now + timedelta(seconds=more)
        count = self._count(key) + more
        self.server.patch(key, count=count, lastTimestamp=f"{at:%Y-%m-%dT%H:%M:%SZ}", series=None)

    def _count(self, key: str) -> int:
        view = self.server.store.at()
        found = view.events[view.keys.index(key)]
        return int(found.get("count") or 1)

    def _note(self, *, early: bool) -> None:
        for change in self.server.store.changes(self._after):
            self._after = change.resource_version
            if change.kind == "DELETED":
                self.gone[change.event["metadata"]["uid"]] = early
            else:
                self.states.add(_state(change.event))


def _state(event: dict[str, dict[str, str]]) -> tuple[str, int]:
    return event["metadata"]["uid"], int(event["metadata"]["resourceVersion"])


class _Side:
    """One lake, and what its snapshots took of the network and the server."""

    def __init__(self, server: _Timed, folder: Path, kind: str) -> None:
        folder.mkdir(parents=True)
        self._server, self._lake = server, Lake(LocalFiles(folder / "lake"))
        self._source = Source(
            kubeconfig=str(server.kubeconfig(folder / "kubeconfig")),
            interval=Duration(seconds=_INTERVAL.total_seconds()),
            watch=Watch(
                enabled=kind == "watch", list_every=_INTERVALS + 2, quiet=Duration(milliseconds=250)
            ),
        )
        self.taken: list[Entry] = []
        self.seconds = 0.0

    @property
    def bytes(self) -> int:
        return sum(entry.bytes_received or 0 for entry in self.taken)

    def take(self) -> None:
        now: datetime = self._server.now
        run = Run(now, f"{len(self.taken):08}", lambda: now)
        lister = Lister(live.connect(self._source, {}), self._source, run.clock, time.sleep)
        began = self._server.seconds
        self.taken.append(snapshots.take_snapshot(self._lake, "bench", lister, run))
        self.seconds += self._server.seconds - began

    def forget(self) -> None:
        """Count nothing of the first snapshot, which is a list on both sides."""
        self.taken, self.seconds = [], 0.0

    def states(self) -> set[tuple[str, int]]:
        return {
            (one["uid"], one["resource_version"]) for one in self._asked("uid, resource_version")
        }

    def deletions(self) -> dict[str, bool | None]:
        rows = self._asked("uid, deleted_at, deleted_early")
        return {row["uid"]: row["deleted_early"] for row in rows if row["deleted_at"]}

    def _asked(self, columns: str) -> list[dict[str, Any]]:
        with session(self._lake) as opened:
            found: list[dict[str, Any]] = opened.run(
                f"from observations select {columns}", {}
            ).to_pylist()
        return found
