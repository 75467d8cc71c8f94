"""Random histories: what snapshots see of one object's events, from its recorder to the LIST.

A small model of recorders and the API server, written from what client-go does: a
recorder counts in its memory, a spam filter holds writes back, ten different messages
become one combined event, a series is written seldom, objects expire and are created
again under the same name with the count going on, recorders restart, etcd is restored,
strangers write. Snapshots come and fail to come. One seed is one history.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.lib.reference import Seen

EPOCH = datetime(2026, 11, 20, tzinfo=UTC)
_CLUSTERS = ("prod", "prod", "test")
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_PAUSES = (0, 0, 1, 7, 40, 5 * _MINUTE, 5 * _MINUTE, 50 * _MINUTE, 3 * _HOUR, 7 * _HOUR)
_LONG_PAUSES = (_DAY - _MINUTE, _DAY, _DAY + 1, 2 * _DAY, 3 * _DAY)
# client-go: 25 at once, then one per five minutes and object; combined from the tenth message on.
_BURST, _REFILL = 25, 300
_COMBINED_FROM = 10
_SERIES_EVERY = 1800


@dataclass(slots=True)
class _Object:
    """A stored event object."""

    name: str
    uid: str
    n: int
    first: int
    last: int
    version: int
    written: int


@dataclass(slots=True)
class _Memory:
    """What a recorder remembers of one message."""

    name: str
    first: int
    n: int = 0
    written: int = 0


@dataclass(slots=True)
class History:
    """One history: the copies of states that snapshots saw, in their order, and what really happened."""

    seed: int
    snapshots: list[list[Seen]] = field(default_factory=list)
    emitted: int = 0
    """Occurrences in all."""
    holds: set[str] = field(default_factory=set)
    """What is in it."""

    @property
    def plain(self) -> bool:
        """Whether only recorders wrote, so that counts tell what happened."""
        return not self.holds & {"reset", "restore", "implausible", "two clusters", "no name"}


def history(random: Random, seed: int) -> History:
    """Return a history that ``random`` decides; ``seed`` keeps its names apart from those of others."""
    return _World(random, seed).told()


class _World:
    def __init__(self, random: Random, seed: int) -> None:
        self._random = random
        self._history = History(seed)
        self._now = random.choice((0, 0, 1, 11 * _HOUR, 23 * _HOUR + 59 * _MINUTE))
        self._ttl = random.choice((5 * _MINUTE, _HOUR, _HOUR, 3 * _HOUR))
        self._series = random.random() < 0.2
        self._objects: dict[str, _Object] = {}
        self._memory: dict[str, _Memory] = {}
        self._messages: set[str] = set()
        self._tokens, self._refilled = float(_BURST), self._now
        self._version = random.choice((0, 10**9))
        self._uids = 0
        self._names = 0
        self._backup: tuple[int, list[_Object]] | None = None

    def told(self) -> History:
        random = self._random
        if random.random() < 0.2:
            self._cold_start()
        for _ in range(random.randint(2, 14)):
            self._happen()
            if random.random() < 0.75:
                self._snapshot()
        self._emit("message")
        self._snapshot()
        self._disguise()
        return self._history

    # What happens

    def _happen(self) -> None:
        random = self._random
        self._wait()
        match random.choice(
            ("emit", "emit", "emit", "burst", "burst", "varied", "restart", "odd", "recur")
        ):
            case "emit":
                self._emit("message")
            case "recur":
                # The object has expired; the recorder has not.
                self._now += self._ttl + random.choice((1, _MINUTE, _HOUR))
                self._emit("message")
            case "burst":
                for _ in range(random.randint(2, 60)):
                    self._now += random.choice((0, 1, 10, 30))
                    self._emit("message")
            case "varied":
                if self._series:
                    return
                for number in range(random.randint(2, 14)):
                    self._now += random.choice((0, 1, 5))
                    self._emit(f"message {number}")
            case "restart":
                self._memory.clear()
                self._messages.clear()
                self._tokens = float(_BURST)
                self._history.holds.add("restart")
            case _:
                self._odd()

    def _wait(self) -> None:
        random = self._random
        long = random.random() < 0.08
        pause = random.choice(_LONG_PAUSES if long else _PAUSES)
        if long:
            self._history.holds.add("gap")
        if pause == 0:
            self._history.holds.add("same time")
        self._now += pause

    def _cold_start(self) -> None:
        """Count before anybody looks, for days or for months."""
        random = self._random
        before = random.choice((_HOUR, 40 * _DAY, 200 * _DAY))
        self._now -= before
        for _ in range(random.randint(1, 20)):
            self._emit("message")
        self._now += before
        self._refilled = self._now
        self._history.holds.add("cold start")

    def _emit(self, message: str) -> None:
        self._history.emitted += 1
        self._messages.add(message)
        if len(self._messages) >= _COMBINED_FROM and not self._series:
            message = "combined"
            self._history.holds.add("combined")
        known = self._memory.get(message)
        if known is None:
            self._names += 1
            name = f"h{self._history.seed}.{self._names}"
            known = self._memory[message] = _Memory(name, self._now)
        known.n += 1
        if self._series:
            self._history.holds.add("series")
            if known.n > 2 and self._now - known.written < _SERIES_EVERY:
                return
        elif not self._passes_filter():
            self._history.holds.add("filtered")
            return
        self._write(known)

    def _passes_filter(self) -> bool:
        gained = (self._now - self._refilled) / _REFILL
        self._tokens, self._refilled = min(_BURST, self._tokens + gained), self._now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _write(self, known: _Memory) -> None:
        """PATCH the object; one that expired is created again, with another uid and the same count."""
        self._expire()
        known.written = self._now
        self._version += self._random.randint(1, 5)
        stored = self._objects.get(known.name)
        if stored is None:
            if known.n > 1:
                self._history.holds.add("recreated")
            self._uids += 1
            uid = f"u{self._history.seed}.{self._uids}"
            stored = self._objects[known.name] = _Object(
                known.name, uid, known.n, known.first, self._now, self._version, self._now
            )
        stored.n, stored.last = known.n, self._now
        stored.version, stored.written = self._version, self._now

    def _expire(self) -> None:
        for name, stored in list(self._objects.items()):
            if self._now - stored.written > self._ttl:
                del self._objects[name]

    def _odd(self) -> None:
        """Let somebody else write, or the store go back."""
        random = self._random
        self._expire()
        if not self._objects:
            return
        stored = random.choice(list(self._objects.values()))
        what = random.choice(("reset", "restore", "touch", "annotate", "implausible"))
        if what == "restore":
            if self._backup is not None:
                self._version, kept = self._backup
                self._objects = {one.name: replace(one, written=self._now) for one in kept}
                self._history.holds.add(what)
            return
        self._version += 1
        stored.version, stored.written = self._version, self._now
        if what == "reset":
            stored.n = random.randint(1, stored.n)
        if what == "implausible":
            stored.n += 10**9
        if what != "annotate":
            stored.last = self._now
        self._history.holds.add(what)

    # What is seen of it

    def _snapshot(self) -> None:
        self._expire()
        self._history.snapshots.append([self._seen(one) for one in self._objects.values()])
        if self._random.random() < 0.3:
            self._backup = (self._version, [replace(one) for one in self._objects.values()])

    def _seen(self, one: _Object) -> Seen:
        return Seen(
            cluster="prod",
            namespace="shop",
            name=one.name,
            first_seen=EPOCH + timedelta(seconds=one.first),
            uid=one.uid,
            n=one.n,
            last_seen=EPOCH + timedelta(seconds=one.last),
            version=one.version,
            implausible=one.n > 1000 * max(1, one.last - one.first),
        )

    def _disguise(self) -> None:
        """Give the history a cluster, sometimes two, and sometimes take away what dumps may lack."""
        random, told = self._random, self._history
        changes: dict[str, Any] = {"cluster": random.choice(_CLUSTERS)}
        if random.random() < 0.04:
            changes["name"] = None
            told.holds.add("no name")
        if random.random() < 0.04:
            changes["first_seen"] = None
        if random.random() < 0.1:
            changes["namespace"] = None
        told.snapshots = [[replace(one, **changes) for one in seen] for seen in told.snapshots]
        if random.random() < 0.08:
            # A stripped dump of a list beside the list itself.
            at = random.randrange(len(told.snapshots))
            told.snapshots.append([replace(one, version=None) for one in told.snapshots[at]])
            told.holds.add("stripped copy")
        if random.random() < 0.05:
            told.snapshots += [
                [replace(one, cluster="twin") for one in seen] for seen in told.snapshots
            ]
            told.holds.add("two clusters")


def delivered(random: Random, told: list[History], runs: int) -> list[list[Seen]]:
    """Return what ``runs`` runs bring, in an order that is not that of time: some of it twice."""
    brought: dict[int, list[Seen]] = defaultdict(list)
    order = list(range(runs))
    random.shuffle(order)
    for one in told:
        for number, seen in enumerate(one.snapshots):
            brought[order[number * runs // len(one.snapshots)]] += seen
            if random.random() < 0.1:
                brought[random.randrange(runs)] += seen
    return [brought[number] for number in range(runs)]
