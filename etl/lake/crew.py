"""Days that are due to sealed files, several at once: each process takes a day, and the next one when it is done.

Processes and not threads: the system can tell their memory apart, and take that of one.
They share nothing but the lake. One that fails, or is killed, costs its day and no other;
they end with whoever started them.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from etl import machine
from etl.errors import LakeError
from etl.lake import worker
from etl.lake.address import Address
from etl.lake.generation import Done
from etl.lake.layout import Lake
from etl.lake.partitions import Partition, Partitions
from etl.lake.seal import Failed
from etl.lake.worker import Ended, Order, Said, Told
from etl.progress import Tell

# What one process may take: a day of 3 million states takes 1,191 MB, and the bench holds it below this.
PROCESS_MB = 1536
# Of the one that gives the orders.
_OWN_MB = 256
_MB = 1024 * 1024
# What was told to end discards what it staged, unless it is within one long call.
_GRACE_SECONDS = 10.0
# No threads are copied, nor what they hold: DuckDB's and those of object stores would hang.
_context = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Room:
    """How many processes fit here, and why not more."""

    processors: int
    megabytes: int

    @property
    def size(self) -> int:
        """As many as there are processors and memory for, at least one."""
        return max(1, min(self.processors, self.fitting))

    @property
    def fitting(self) -> int:
        """How many there is memory for."""
        return max(0, self.megabytes - _OWN_MB) // PROCESS_MB

    def __str__(self) -> str:
        """Say why."""
        many = "1 processor" if self.processors == 1 else f"{self.processors} processors"
        return f"{many}, {self.megabytes:,} MB of memory at {PROCESS_MB:,} MB each"


def room() -> Room:
    """Return what this machine has room for now."""
    return Room(machine.processors(), machine.memory_bytes() // _MB)


@dataclass(frozen=True, slots=True)
class Crew:
    """Seals by ``size`` processes on this machine; a ``Sealer``."""

    address: Address
    size: int

    def __call__(
        self,
        _lake: Lake,
        known: Partitions,
        chosen: Sequence[Partition],
        clock: Callable[[], datetime],
        tell: Tell,
    ) -> Generator[Done | Failed]:
        """Yield each day as it is done or has failed."""
        round_ = _Round(self, known, clock, tell, deque(chosen), len(chosen))
        try:
            yield from round_.outcomes()
        finally:
            round_.dismiss()


@dataclass(slots=True, eq=False)
class _Hand:
    """A process, what it does now, and how far that is."""

    process: SpawnProcess
    pipe: Connection
    doing: Partition | None = None
    share: float = 0.0
    rows: int = 0


@dataclass(slots=True)
class _Round:
    """Days that wait, and the processes that have one each."""

    crew: Crew
    known: Partitions
    clock: Callable[[], datetime]
    tell: Tell
    waiting: deque[Partition]
    total: int
    hands: list[_Hand] = field(default_factory=list)
    done: int = 0
    rows: int = 0

    def outcomes(self) -> Generator[Done | Failed]:
        """Give out every day, and yield what became of it."""
        while True:
            self._give_out()
            busy = {hand.pipe: hand for hand in self.hands if hand.doing}
            if not busy:
                return
            for pipe in wait(list(busy)):
                assert isinstance(pipe, Connection)  # noqa: S101 -- it waits for other things too; for mypy
                outcome = self._heard(busy[pipe])
                self._tell()
                if outcome is not None:
                    yield outcome

    def dismiss(self) -> None:
        """End all processes: those that wait at once, those at work as they can, and after a while anyway."""
        for hand in self.hands:
            if hand.doing:
                hand.process.terminate()
            # It ends by itself when nobody speaks to it any more.
            hand.pipe.close()
        until = time.monotonic() + _GRACE_SECONDS
        for hand in self.hands:
            hand.process.join(max(0.0, until - time.monotonic()))
            if hand.process.is_alive():
                hand.process.kill()
                hand.process.join()

    def _give_out(self) -> None:
        """Let whoever is free have a day, and start who is missing."""
        while self.waiting:
            free = next((hand for hand in self.hands if hand.doing is None), None)
            if free is None:
                if len(self.hands) >= self.crew.size:
                    return
                free = self._started()
                self.hands.append(free)
            one = self.waiting.popleft()
            free.doing, free.share, free.rows = one, 0.0, 0
            try:
                free.pipe.send(Order(one, self.known.before(one), self.clock()))
            except OSError:
                # It died while nothing was wanted of it: whoever listens next hears so.
                continue

    def _started(self) -> _Hand:
        mine, theirs = _context.Pipe()
        process = _context.Process(
            target=worker.work, args=(theirs, self.crew.address), name="seal", daemon=True
        )
        # A terminal sends Ctrl-C to all: a process that has only begun would complain of it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()
        return _Hand(process, mine)

    def _heard(self, hand: _Hand) -> Done | Failed | None:
        """Take one word; return what became of its day, if that was it."""
        assert hand.doing is not None  # noqa: S101 -- only those at work are asked; for mypy
        try:
            word = hand.pipe.recv()
        except (EOFError, OSError):
            return self._died(hand, hand.doing)
        match word:
            case Told(share, rows):
                hand.share, hand.rows = share or 0.0, rows
            case Said(logger, level, text):
                logging.getLogger(logger).log(level, "%s", text)
            case Ended(result):
                return self._ended(hand, hand.doing, result)
        return None

    def _ended(
        self, hand: _Hand, one: Partition, result: Done | Exception | None
    ) -> Done | Failed | None:
        hand.doing = None
        self.done += 1
        if isinstance(result, Done):
            self.rows += result.rows
        if isinstance(result, Exception):
            return Failed(one.cluster, one.date, result)
        return result

    def _died(self, hand: _Hand, one: Partition) -> Failed:
        """Tell what its process died of; another one takes its place if days are left."""
        self.hands.remove(hand)
        hand.pipe.close()
        hand.process.join()
        code = hand.process.exitcode or 0
        how = f"was killed ({signal.Signals(-code).name})" if code < 0 else f"ended with {code}"
        advice = "; most likely memory was short: seal fewer at once with --parallel"
        self.done += 1
        return Failed(
            one.cluster,
            one.date,
            LakeError(
                f"{one.date} of {one.cluster} cannot be sealed: its process {how}"
                f"{advice if code == -signal.SIGKILL else ''}"
            ),
        )

    def _tell(self) -> None:
        busy = [hand for hand in self.hands if hand.doing]
        share = (self.done + sum(hand.share for hand in busy)) / self.total
        self.tell(share, self.rows + sum(hand.rows for hand in busy))
