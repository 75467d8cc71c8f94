"""A cluster's month in virtual time: recorders that write, an API server that forgets, a job every ten minutes.

What is told beside it is the truth: every occurrence when it happened, every list that was
answered with the states in it, and the gaps that follow from the lists and the TTL alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from tests.lib.apiserver import ApiServer
from tests.lib.events import event

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
INTERVAL, TTL = 10 * MINUTE, HOUR
# Before midnight nothing is written, so that an occurrence is listed on the day on which it happened.
_QUIET = 8 * MINUTE
_WORKLOADS = [
    ("shop", "api", "BackOff", 0.10),
    ("shop", "web", "Unhealthy", 0.20),
    ("shop", "db", "FailedMount", 0.03),
    ("pay", "cart", "FailedScheduling", 0.05),
    ("pay", "ledger", "Unhealthy", 0.08),
    ("batch", "report", "Started", 0.15),
    ("batch", "clean", "Completed", 0.10),
]


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which the job does not run (``job``), or the API server does not answer (``api``)."""

    start: datetime
    length: timedelta
    who: str

    def holds(self, moment: datetime) -> bool:
        """Whether ``moment`` is in it."""
        return self.start <= moment < self.start + self.length


@dataclass(slots=True)
class _Memory:
    """What a recorder remembers of one message: under which name it writes, since when, how often it happened."""

    name: str
    first: datetime
    n: int = 0


@dataclass(slots=True)
class Month:
    """The world; ``truth`` grows while it is played."""

    server: ApiServer
    start: datetime
    outages: list[Outage]
    happened: list[tuple[datetime, str, str, str]] = field(default_factory=list)
    """Each occurrence that was written: when, namespace, reason, name of its event."""
    listed: dict[tuple[str, int], date] = field(default_factory=dict)
    """Each state (uid, n) that was there when a list was answered, and the UTC day on which it was last seen."""
    greatest: Counter[str] = field(default_factory=Counter)
    """The greatest n of each event's name in those lists."""
    answered: list[datetime] = field(default_factory=list)
    """When lists were answered."""
    _memory: dict[tuple[str, str], _Memory] = field(default_factory=dict)
    _random: Random = field(default_factory=lambda: Random(20261123))  # noqa: S311 -- a story, no secret

    def outage(self, moment: datetime) -> Outage | None:
        """Return the outage that ``moment`` is in."""
        return next((one for one in self.outages if one.holds(moment)), None)

    def slots(self, days: int) -> Iterator[datetime]:
        """Play ``days`` and yield the moment of each run that its schedule asks for, with the world as it is then."""
        slot = self.start
        while slot < self.start + days * DAY:
            self._happen(slot)
            self.server.expire(slot)
            self.server.compact()
            yield slot
            slot += INTERVAL

    def saw(self, slot: datetime) -> None:
        """Note that the list of ``slot`` was answered."""
        self.answered.append(slot)
        for one in self.server.store.at().events:
            day = datetime.fromisoformat(one["lastTimestamp"]).date()
            self.listed[one["metadata"]["uid"], one["count"]] = day
            name = one["metadata"]["name"]
            self.greatest[name] = max(self.greatest[name], one["count"])

    def restart_recorders(self) -> None:
        """Another leader: its recorder remembers nothing, counts anew under new names."""
        self._memory.clear()

    def gaps(self) -> list[tuple[datetime, datetime]]:
        """Return the times of which no list can tell, as the TTL and the lists say."""
        return [
            (before, after - TTL)
            for before, after in zip(self.answered, self.answered[1:], strict=False)
            if after - before > TTL
        ]

    def lost(self) -> list[datetime]:
        """Return when those occurrences happened that no list ever showed, nor a later count."""
        seen: Counter[str] = Counter()
        lost = []
        for at, _namespace, _reason, name in self.happened:
            seen[name] += 1
            if seen[name] > self.greatest[name]:
                lost.append(at)
        return lost

    def by_day(self) -> dict[date, Counter[tuple[str, str]]]:
        """Return occurrences by namespace and reason of each UTC day."""
        days: dict[date, Counter[tuple[str, str]]] = defaultdict(Counter)
        for at, namespace, reason, _name in self.happened:
            days[at.date()][namespace, reason] += 1
        return days

    def _happen(self, slot: datetime) -> None:
        """Let the ten minutes before ``slot`` happen, in the order of time."""
        moments = sorted(
            (slot - INTERVAL + timedelta(seconds=self._random.randrange(1, 600)), number)
            for number, (_, _, _, often) in enumerate(_WORKLOADS)
            for _pod in range(3)
            for _ in range(self._random.choice((1, 1, 2, 4)))
            if self._random.random() < often
        )
        for at, number in moments:
            midnight = at.replace(hour=0, minute=0, second=0) + DAY
            down = self.outage(at)
            # Nobody can write to an API server that does not answer.
            if midnight - at > _QUIET and not (down and down.who == "api"):
                self._emit(at, number)

    def _emit(self, at: datetime, number: int) -> None:
        namespace, workload, reason, _often = _WORKLOADS[number]
        # Pods are replaced every six hours.
        pod = f"{workload}-{at.day:02}{at.hour // 6}-{self._random.randrange(3)}"
        self.server.expire(at)
        known = self._memory.setdefault((pod, reason), _Memory("", at))
        known.n += 1
        written = event(
            pod,
            at=at,
            first=known.first,
            count=known.n,
            reason=reason,
            namespace=namespace,
            message=f"{reason} of {pod}",
        )
        known.name = written["metadata"]["name"]
        self.happened.append((at, namespace, reason, known.name))
        reference = f"{namespace}/{known.name}"
        if known.n > 1:
            # Gone from the server: the recorder creates it again, and its count goes on.
            with suppress(KeyError):
                self.server.patch(reference, count=known.n, lastTimestamp=written["lastTimestamp"])
                return
        self.server.add(written)
