"""Drawn histories taken by watches, lists and killed runs in any mixture, beside lists alone and beside the truth."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.lake import ledger as ledger_
from etl.lake import live
from etl.timespan import Duration
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import ledger, rows
from tests.lib.events import event
from tests.lib.snapshots import taken
from tests.lib.watches import STREAMS, followed, later

TTL = Duration(minutes=10)
NAMES = ("a", "b", "c", "d")
# What happens to one of the names, and for how many minutes nothing does.
HAPPENING = st.tuples(
    st.sampled_from(["emit", "emit", "emit", "delete", "restart", "wait"]),
    st.sampled_from(NAMES),
    st.integers(0, 4),
)
# How the run ends: as it should, or killed before one of its writes; what is in doubt is a list.
RUN = st.sampled_from(
    ["watch", "watch", "watch", "list", "compacted", "before row", "before cache"]
)
TURNS = st.lists(
    st.tuples(st.lists(HAPPENING, min_size=1, max_size=5), RUN), min_size=2, max_size=7
)


class KilledError(BaseException):
    """The run ends here."""


@dataclass
class World:
    """The recorder's memory beside the server: what was emitted, and under which name it counts."""

    server: ApiServer
    counts: dict[str, int] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    began: dict[str, datetime] = field(default_factory=dict)
    emitted: int = 0
    written: set[tuple[str, int]] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)

    def happen(self, what: str, name: str, minutes: int) -> None:
        """Let one thing happen; what expires while time passes comes back with its count going on."""
        later(self.server, minutes=minutes, seconds=7)
        stored = f"shop/{self.names.get(name)}"
        if what == "emit":
            self._emit(name, stored)
        elif what == "delete" and self._is_there(stored):
            self.server.delete(stored)
        elif what == "restart":
            self.counts.pop(name, None)
            self.names.pop(name, None)

    def _is_there(self, key: str) -> bool:
        return key in self.server.store.at().keys

    def _emit(self, name: str, stored: str) -> None:
        now = self.server.now
        self.emitted += 1
        self.counts[name] = self.counts.get(name, 0) + 1
        first = self.names.setdefault(name, f"{name}.{self.emitted:04x}")
        if self._is_there(stored):
            last = f"{now:%Y-%m-%dT%H:%M:%SZ}"
            self.server.patch(stored, count=self.counts[name], lastTimestamp=last)
        else:
            began = self.began.setdefault(first, now)
            count, metadata = self.counts[name], {"name": first}
            self.server.add(event(name, at=now, first=began, count=count, metadata=metadata))

    def noted(self) -> None:
        """Note what was stored and what went, before the store forgets it."""
        for change in self.server.store.changes(self.server.store.compacted):
            uid = change.event["metadata"]["uid"]
            if change.kind == "DELETED":
                self.deleted.add(uid)
            else:
                self.written.add((uid, change.resource_version))


def _killed(*_: object, **__: object) -> None:
    raise KilledError


def _run(server: ApiServer, lake: Path, how: str) -> None:
    """One incremental run; of a killed one only what it wrote before stays."""
    if how == "compacted":
        server.compact()
    dying: dict[str, tuple[Any, str]] = {
        "before row": (ledger_, "record"),
        "before cache": (live, "write"),
    }
    if how not in dying:
        followed(server, lake, list_every=2 if how == "list" else 100, ttl=TTL)
        return
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(*dying[how], _killed)
        try:
            followed(server, lake, ttl=TTL)
        except KilledError:
            return


STATES = "select uid, n, last_seen, resource_version from observations"
TOTAL = "select coalesce(sum(occurrences), 0)::int as n from events"
LATEST = "select uid, n, last_seen, resource_version from latest"
GAPS = "select started_at, ended_at from coverage where not covered"
GONE = "select uid from events where deleted_at is not null"


State = tuple[str, int, datetime, int]


def _states(lake: Path, query: str) -> set[State]:
    return {
        (row["uid"], row["n"], row["last_seen"], row["resource_version"])
        for row in rows(lake, query)
    }


@settings(max_examples=6, deadline=None)
@given(TURNS)
def test_any_mixture_of_runs_holds_the_truth(
    turns: list[tuple[list[tuple[str, str, int]], str]],
) -> None:
    """All states of lists alone and no false one, the same newest ones; where no watch was in doubt all that was stored."""
    with tempfile.TemporaryDirectory() as folder, ApiServer(ttl=TTL, watch_limit=STREAMS) as server:
        watched, listed = (Path(folder) / name / "lake" for name in ("watched", "listed"))
        watched.parent.mkdir()
        listed.parent.mkdir()
        world = World(server)
        followed(server, watched, ttl=TTL)
        for happenings, how in turns:
            for happening in happenings:
                world.happen(*happening)
            world.noted()
            _run(server, watched, how)
            taken(server, listed, ttl=TTL)
        followed(server, watched, ttl=TTL)
        ours, gone = _states(watched, STATES), {row["uid"] for row in rows(watched, GONE)}
        assert _states(listed, STATES) <= ours
        assert _states(listed, LATEST) <= _states(watched, LATEST)
        assert {(uid, version) for uid, _, _, version in ours} <= world.written
        assert gone <= world.deleted
        if not any(row["watch_refused"] for row in ledger(watched)[1:]):
            assert {(uid, version) for uid, _, _, version in ours} == world.written
            assert gone == world.deleted
            assert rows(watched, TOTAL) == [{"n": world.emitted}]
            assert rows(watched, GAPS) == []
