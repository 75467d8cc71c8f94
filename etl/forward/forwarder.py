"""The lake, a target and its position to messages that are sent, until nothing waits or time is up.

A batch is sent, its receipt says how much of it is settled, what was refused for good is kept as
dead letters, and then the position is written. A target that fails is tried a few times more and
then left for the next run, which goes on where this one stopped; the other targets have theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
import pyarrow as pa

from etl.config.forwarding import Forward, Target
from etl.errors import DeliveryError, EventlakeError, LakeError, quoted
from etl.forward import dead, places
from etl.forward.batches import batch_of
from etl.forward.feed import ROWS, Feed, Stretch, open_feed
from etl.forward.layout import Layout
from etl.forward.position import Counts
from etl.forward.routes import Routes
from etl.forward.sending import Receipt, Sender
from etl.lake import records
from etl.lake.files import Files
from etl.lake.layout import Lake
from etl.log import redact

# How often a target that settles nothing is asked again in one run, after pauses that double.
_TRIES = 3
_PAUSE = timedelta(seconds=1)
_FAILURE_CHARACTERS = 300


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How the newest run of a target went."""

    at: datetime
    failure: str = ""
    """Why it did not get everything; empty where it did, or time was up."""
    failing_since: datetime | None = None
    behind_since: datetime | None = None
    """Since when no run had time for everything; null where the newest one had."""
    succeeded_at: datetime | None = None
    """When a run last sent everything that waited."""
    deleted: int = 0
    """How many states retention last deleted that it never got."""
    deleted_at: datetime | None = None


@dataclass(slots=True)
class Outcome:
    """What one run did for one target."""

    target: str
    counts: Counts = field(default_factory=Counts)
    failure: str = ""
    """Why it did not get everything, in one line without secrets."""
    cause: EventlakeError | None = None
    """The error that kept it from being asked at all."""
    left: bool = False
    """Whether time was up before everything was sent."""
    warnings: list[str] = field(default_factory=list)

    def error(self) -> EventlakeError | None:
        """Return the error that says that the target did not get everything; null where it did."""
        if self.cause is not None:
            return self.cause
        if not self.failure:
            return None
        return DeliveryError(
            f"the target {self.target} did not get everything: {self.failure};"
            " what waits is in the lake, and the next run goes on with it"
        )


@dataclass(frozen=True, slots=True)
class World:
    """Time, how to wait, how a target is opened, and how many states are sent at a time."""

    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    opened: Callable[[Target], Sender]
    rows: int = ROWS


def forward(
    lake: Lake,
    settings: Forward,
    target: Target,
    world: World,
    *,
    clusters: Collection[str] | None = None,
    since: datetime | None = None,
    anew: bool = False,
    until: datetime | None = None,
) -> Outcome:
    """Send ``target`` what waits for it, of some clusters or all, before ``until``.

    Failures of the target are told in the outcome. Raises ``LakeError`` where the lake fails.
    """
    outcome = Outcome(target.name)
    begun_at = world.clock()
    try:
        feed = open_feed(lake, target.name, now=begun_at, clusters=clusters, since=since, anew=anew)
        _Sending(lake.files, settings, target, world, until, outcome).send(feed)
        outcome.warnings += feed.warnings
    except LakeError:
        raise
    except EventlakeError as error:
        # A secret that is not there, or a client that is not installed: the other targets have theirs.
        outcome.cause = error
    _remember(lake.files, outcome, at=world.clock())
    return outcome


def state(files: Files, target: str) -> State | None:
    """Return how the newest run of a target went; null where nobody knows. Raises ``LakeError``."""
    return records.read(files, _state_path(target), State)


@dataclass(slots=True)
class _Sending:
    """One target while it is sent to; it is opened when there is something to send."""

    files: Files
    settings: Forward
    target: Target
    world: World
    until: datetime | None
    outcome: Outcome

    def send(self, feed: Feed) -> None:
        """Send stretch by stretch."""
        sender: Sender | None = None
        try:
            for stretch in feed.stretches(rows=self.world.rows):
                if self._late():
                    self.outcome.left = True
                    return
                sender = sender or self.world.opened(self.target)
                if not self._settled(sender, stretch):
                    return
        finally:
            if sender is not None:
                sender.close()

    def _settled(self, sender: Sender, stretch: Stretch) -> bool:
        """Send a stretch until it is settled; false if it is not."""
        tries, pause = _TRIES, _PAUSE
        rows, before = stretch.rows, 0
        while True:
            done, receipt = self._sent(sender, stretch, rows, before)
            if done:
                tries, pause = _TRIES, _PAUSE
            before += done
            rows = rows.slice(done)
            if not rows.num_rows:
                return True
            tries -= 1
            pause = max(pause, receipt.wait or pause)
            if not tries or self._late(pause):
                self.outcome.failure = quoted(
                    redact(receipt.failure or "it settled nothing"), _FAILURE_CHARACTERS
                )
                return False
            self.world.sleep(pause.total_seconds())
            pause *= 2

    def _sent(
        self, sender: Sender, stretch: Stretch, rows: pa.Table, before: int
    ) -> tuple[int, Receipt]:
        """Send what is left of a stretch, and note what is settled; return how many rows that is."""
        batch = batch_of(rows, Routes(self.settings), Layout(self.target))
        messages = batch.messages
        receipt = sender.send(messages) if messages else Receipt(0)
        settled = batch.settled(receipt)
        dead.keep(self.files, self.target.name, settled.letters, now=self.world.clock())
        stretch.settle(before + settled.rows, settled.counts)
        self.outcome.counts = self.outcome.counts.plus(settled.counts)
        return settled.rows, receipt

    def _late(self, wait: timedelta = timedelta(0)) -> bool:
        return self.until is not None and self.world.clock() + wait >= self.until


def keep_state(files: Files, target: str, told: State) -> None:
    """Write how a target is doing; raises ``LakeError``."""
    files.write(_state_path(target), msgspec.json.encode(told))


def _remember(files: Files, outcome: Outcome, *, at: datetime) -> None:
    failure = quoted(redact(str(outcome.cause or outcome.failure)), _FAILURE_CHARACTERS)
    at = at.replace(microsecond=0)
    before = state(files, outcome.target) or State(at=at)
    done = not failure and not outcome.left
    told = msgspec.structs.replace(
        before,
        at=at,
        failure=failure,
        failing_since=(before.failing_since or at) if failure else None,
        behind_since=(before.behind_since or at) if outcome.left else None,
        succeeded_at=at if done else before.succeeded_at,
    )
    keep_state(files, outcome.target, told)


def _state_path(target: str) -> str:
    return f"{places.folder_of(target)}/state.json"
