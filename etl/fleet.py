"""Several clusters to the ledger rows of one snapshot of each: some at once, none stopping another.

A cluster is read by a thread of its own. Threads and not processes: eight clusters of
100,000 events take 3.4 s and 436 MB by two threads, 4.2 s and 518 MB by a process each, two
at once (two cores), and a thread can be made to end in order. What a failed cluster met is its outcome and goes no further;
one that takes longer than its deadline is given up, and the next one has its turn.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeAlias

from etl import ingest, log, snapshots
from etl.config.owners import Owners
from etl.config.settings import Source
from etl.errors import ClusterError, EventlakeError, PartlyReadError, quoted
from etl.ingest import Run
from etl.lake.append import ANY_TERMS, Terms
from etl.lake.layout import Lake
from etl.lake.ledger import Entry
from etl.source import live
from etl.source.listing import Lister
from etl.timespan import brief

# How soon a signal and a deadline are seen.
_LOOK_SECONDS = 0.1
# A reader that was told to end is at most in the middle of a write.
GRACE_SECONDS = 5.0
# Of each failure in the sentence that names all of them; the ledger has the whole.
_REASON = 200


_NO_OWNERS = Owners()


@dataclass(frozen=True, slots=True)
class Member:
    """A cluster to read: its name, its section ``source``, on what terms its events are stored."""

    name: str
    source: Source
    terms: Terms = ANY_TERMS
    owners: Owners = _NO_OWNERS


@dataclass(frozen=True, slots=True)
class Outcome:
    """What reading one cluster came to: a ledger row, or why there is none that is whole."""

    cluster: str
    entry: Entry | None = None
    error: Exception | None = None


Ended: TypeAlias = Callable[[Outcome], None]


@dataclass(frozen=True, slots=True)
class World:
    """What reading needs of the outside: the environment, and how to wait."""

    environ: Mapping[str, str]
    sleep: Callable[[float], None]


class Attempt:
    """One snapshot of one cluster, which any thread may end."""

    def __init__(self, lake: Lake, member: Member, run: Run, world: World) -> None:
        """Prepare; ``read`` does it."""
        self.member = member
        self._lake, self._run, self._world = lake, run, world
        self._lock = threading.Lock()
        self._lister: Lister | None = None
        self._ending: BaseException | None = None

    def read(self) -> Entry:
        """Take the snapshot and return its ledger row.

        Raises ``ClusterError``, which the ledger tells too, ``LakeError``, or what ``end`` was given.
        """
        member, run = self.member, self._run
        with log.about(member.name, of_several=True):
            try:
                connection = live.connect(member.source, self._world.environ)
            except ClusterError as error:
                ingest.record_failure(self._lake, member.name, member.source, run=run, error=error)
                raise
            with self._listing(
                Lister(connection, member.source, run.clock, self._world.sleep)
            ) as lister:
                owned = lister.owners(member.owners) if member.owners.enabled else None
                return snapshots.take_snapshot(
                    self._lake,
                    member.name,
                    lister,
                    run,
                    terms=replace(member.terms, owned=owned),
                )

    def outcome(self) -> Outcome:
        """Take the snapshot and tell what it came to; raises what is no ``Exception`` alone."""
        try:
            return Outcome(self.member.name, self.read())
        except Exception as error:  # noqa: BLE001 -- no cluster's failure stops another; whoever asked tells it
            return Outcome(self.member.name, error=error)

    def end(self, error: BaseException) -> None:
        """Let the reader meet ``error`` at its next page; the first one counts."""
        with self._lock:
            if self._ending is None:
                self._ending = error
                if self._lister is not None:
                    self._lister.end(error)

    def give_up(self) -> ClusterError:
        """End it because its time is over, and return what it then fails with."""
        limit = brief(timedelta(seconds=self.member.source.deadline.total_seconds()))
        error = ClusterError(
            f"gave up after {limit}; it does not answer, or source.deadline is too short for it"
        )
        self.end(error)
        return error

    @contextmanager
    def _listing(self, lister: Lister) -> Iterator[Lister]:
        with self._lock:
            self._lister = lister
            if self._ending is not None:
                lister.end(self._ending)
        try:
            yield lister
        finally:
            lister.close()


def read(
    lake: Lake,
    members: Sequence[Member],
    run: Run,
    world: World,
    *,
    parallel: int,
    ended: Ended = lambda _outcome: None,
    stopped: Callable[[], bool] = lambda: False,
) -> list[Outcome]:
    """Take a snapshot of each of ``members``, ``parallel`` at once, and return their outcomes in that order.

    ``ended`` hears of each as it comes. An interrupt ends all of them, and so does
    ``stopped`` once it is true, by ``KeyboardInterrupt``; what was not published is discarded.
    """
    # Once, before many would at the same moment.
    lake.prepare()
    round_ = _Round(
        deque(
            # One name each, as what a run writes is named after it.
            Attempt(lake, member, replace(run, run_id=f"{run.run_id}-{number:03}"), world)
            for number, member in enumerate(members)
        ),
        parallel,
        stopped,
    )
    outcomes: dict[str, Outcome] = {}
    try:
        for outcome in round_.outcomes():
            outcomes[outcome.cluster] = outcome
            ended(outcome)
    except BaseException:
        round_.abandon()
        raise
    return [outcomes[member.name] for member in members]


@dataclass(slots=True)
class _Running:
    """An attempt's thread, until when it may go on (monotonic), and what it was given up with."""

    thread: threading.Thread
    until: float
    given_up: ClusterError | None = None


@dataclass(slots=True)
class _Round:
    """Attempts that wait and that run; the thread that asks for outcomes is the only one to touch it."""

    waiting: deque[Attempt]
    parallel: int
    stopped: Callable[[], bool]
    running: dict[Attempt, _Running] = field(default_factory=dict)
    told: queue.SimpleQueue[tuple[Attempt, Outcome]] = field(default_factory=queue.SimpleQueue)

    def outcomes(self) -> Iterator[Outcome]:
        """Run all attempts and yield what each came to."""
        while self.waiting or self.running:
            while self.waiting and len(self.running) < self.parallel:
                self._start(self.waiting.popleft())
            try:
                attempt, outcome = self.told.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                if self.stopped():
                    raise KeyboardInterrupt from None
                yield from self._overdue()
                continue
            # One that was left behind may still come to its end.
            if self.running.pop(attempt, None):
                yield outcome

    def abandon(self) -> None:
        """End all that run, and wait a moment for them to discard what they staged."""
        for attempt in self.running:
            attempt.end(KeyboardInterrupt())
        until = time.monotonic() + GRACE_SECONDS
        for one in self.running.values():
            one.thread.join(max(0.0, until - time.monotonic()))

    def _start(self, attempt: Attempt) -> None:
        limit = attempt.member.source.deadline.total_seconds()
        # A daemon: nobody has to wait for a file system that hangs.
        thread = threading.Thread(
            target=self._run, args=(attempt,), name=f"read {attempt.member.name}", daemon=True
        )
        self.running[attempt] = _Running(thread, time.monotonic() + limit)
        thread.start()

    def _run(self, attempt: Attempt) -> None:
        try:
            self.told.put((attempt, attempt.outcome()))
        except KeyboardInterrupt:
            # The whole round is being left; nobody asks any more.
            return

    def _overdue(self) -> Iterator[Outcome]:
        now = time.monotonic()
        for attempt, one in list(self.running.items()):
            if now <= one.until:
                continue
            if one.given_up is None:
                one.given_up, one.until = attempt.give_up(), now + GRACE_SECONDS
            else:
                # It hangs where nobody can wake it, such as in a write; its place is needed.
                del self.running[attempt]
                yield Outcome(attempt.member.name, error=one.given_up)


def failure(outcomes: Sequence[Outcome]) -> Exception | None:
    """Return what the command fails with; null if each cluster was read.

    A defect of ours first, then a lake that fails, because what was read may be lost; else
    ``ClusterError`` if no cluster was read, ``PartlyReadError`` if some were not.
    """
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    errors = [outcome.error for outcome in failed]
    for error in errors:
        if not isinstance(error, EventlakeError):
            return error
    for error in errors:
        if not isinstance(error, ClusterError):
            return error
    if not failed:
        return None
    why = "; ".join(
        f"{outcome.cluster} ({quoted(str(outcome.error), _REASON)})" for outcome in failed
    )
    if len(failed) == len(outcomes):
        return ClusterError(f"none of {len(outcomes)} clusters was read: {why}")
    return PartlyReadError(f"{len(failed)} of {len(outcomes)} clusters were not read: {why}")
