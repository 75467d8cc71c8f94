"""One message to one target until it is delivered, given up, or left for a later run.

The rules of trying again: what the receiver asks for (Retry-After) wins; otherwise
pauses of 1, 2, 4… seconds with full jitter, so that many senders do not come back in
step; all of it within a budget per target, because other receivers wait behind. What is
left stays in the outbox. A request that was sent without an answer is not repeated in
this run: the next one sends it, marked as a possible repeat.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

import msgspec

from etl.alerts.delivery import Attempt, Entry
from etl.alerts.outbox import GIVEN_UP_AFTER, Outbox
from etl.alerts.receivers import Placed
from etl.log import redact
from etl.wire.outcome import Kind, Outcome, TransportError
from etl.wire.secrets import SecretError

# How long one target may keep a run waiting, and how long all of them together; each is asked once.
BUDGET = timedelta(seconds=120)
JOB_BUDGET = timedelta(minutes=8)
# Attempts in the run that made the message; later runs make one each, or the outbox of a receiver
# that is down for days would fill with thousands of files.
_TRIES_AT_ONCE = 6
# After that many attempts the target is asked once an hour only.
_PATIENT_AFTER = 12
_HOUR = timedelta(hours=1)
# Beyond what one request may take: the clock of a run is read once, and runs may differ.
_CLAIM_SLACK = timedelta(minutes=4)
# A Secret that is not mounted yet is not there a second later either.
_SECRET_WAIT = timedelta(minutes=5)

_log = logging.getLogger(__name__)


class Ending(Enum):
    """How the work on one message ended in this run."""

    DELIVERED = "delivered"
    DEAD = "dead"
    WAITING = "waiting"
    """It stays in the outbox; the target should be left alone for now."""
    ELSEWHERE = "elsewhere"
    """Another run has it in its hands, or it came to its end meanwhile."""


@dataclass(frozen=True, slots=True)
class Result:
    """The ending and, where it is no delivery, the reason."""

    ending: Ending
    detail: str = ""


@dataclass(slots=True)
class Pace:
    """The time of one run: its clock moves by what sending and pausing take."""

    now: datetime
    sleep: Callable[[float], None]
    jitter: Callable[[], float]
    passed: timedelta = timedelta(0)
    last: dict[str, datetime] = field(default_factory=dict)

    @property
    def moment(self) -> datetime:
        """The present moment of the run."""
        return self.now + self.passed

    def pause(self, length: timedelta) -> None:
        """Wait, if there is anything to wait for."""
        if length:
            self.sleep(length.total_seconds())
            self.passed += length

    def backoff(self, tries: int) -> timedelta:
        """Return the pause after ``tries`` attempts: up to 1, 2, 4… seconds, at random."""
        return timedelta(seconds=2 ** (tries - 1) * self.jitter())

    def keep_distance(self, placed: Placed) -> None:
        """Wait until the target's address may be asked again; robots count messages per minute."""
        if not placed.target.spacing:
            return
        address = placed.target.address()
        early = self.last.get(address, self.moment) + placed.target.spacing - self.moment
        if address in self.last and early > timedelta(0):
            self.pause(early)
        self.last[address] = self.moment

    def until(self) -> datetime:
        """Return how long a target that is served from now on may keep the run waiting."""
        return min(self.moment + BUDGET, self.now + JOB_BUDGET)


Shorter = Callable[[Entry], Entry | None]
"""Makes the message one step shorter; None where it cannot."""


def deliver(
    entry: Entry,
    placed: Placed,
    outbox: Outbox,
    pace: Pace,
    *,
    shorter: Shorter,
    until: datetime,
) -> Result:
    """Try to deliver ``entry``, waiting no longer than ``until``; raises ``LakeError`` where nothing can be noted."""
    history = outbox.attempts(entry.id)
    if outbox.settled(entry.id):
        # Asked after the history was read: a run that sends writes its receipt before it fills in
        # its attempt, so one of the two is seen.
        return Result(Ending.ELSEWHERE, "another run has sent it")
    held = _not_yet(entry, history, outbox, pace) or _doubtful(entry, placed, history, outbox, pace)
    if held is not None:
        return held
    while True:
        attempt = _claimed(entry, placed, history, pace.moment)
        if not outbox.claim(attempt):
            return Result(Ending.ELSEWHERE, "another run is sending it")
        outcome = _sent(entry, placed, attempt, pace)
        if outcome.delivered:
            # The receipt first: it alone keeps the message from being sent again.
            outbox.deliver(entry, outcome, moment=pace.moment, attempts=attempt.number)
        wait = _wait(outcome, history, pace, left=until - pace.moment)
        attempt = _finished(attempt, outcome, pace, again=wait is not None)
        outbox.finish(attempt)
        history.append(attempt)
        if outcome.delivered:
            _log.info("digest sent to %s", placed.name)
            outbox.settle(entry)
            return Result(Ending.DELIVERED)
        changed = _changed(entry, outcome, shorter)
        if changed is not None:
            outbox.replace(changed)
            entry = changed
        if outcome.kind is Kind.PERMANENT or (outcome.kind is Kind.TOO_LARGE and not changed):
            outbox.bury(entry, attempt.detail, moment=pace.moment)
            return Result(Ending.DEAD, attempt.detail)
        if wait is None:
            doubtful = _doubtful(entry, placed, history, outbox, pace)
            return doubtful or Result(Ending.WAITING, attempt.detail)
        # The end of it is told by the error that ends the command, once.
        seconds = wait.total_seconds()
        _log.info("%s: %s; trying again in %.1f s", placed.name, attempt.detail, seconds)
        pace.pause(wait)


def _changed(entry: Entry, outcome: Outcome, shorter: Shorter) -> Entry | None:
    """Return what is still to be sent after a refusal, where it is another message."""
    if outcome.owed:
        return _narrowed(entry, outcome.owed)
    return shorter(entry) if outcome.kind is Kind.TOO_LARGE else None


def _narrowed(entry: Entry, owed: Sequence[str]) -> Entry:
    """Return the message for those alone who did not get it."""
    return msgspec.structs.replace(
        entry,
        payload={**entry.payload, "to": list(owed)},
        repeat={**entry.repeat, "to": list(owed)},
    )


def _not_yet(entry: Entry, history: list[Attempt], outbox: Outbox, pace: Pace) -> Result | None:
    """Return why ``entry`` is not tried now; None if it is."""
    if pace.moment - entry.created_at > GIVEN_UP_AFTER:
        last = history[-1].detail if history else "it was never tried"
        reason = f"not delivered within {GIVEN_UP_AFTER.total_seconds() / 3600:.0f} hours: {last}"
        outbox.bury(entry, reason, moment=pace.moment)
        return Result(Ending.DEAD, reason)
    if not history:
        return None
    last_attempt = history[-1]
    if not last_attempt.outcome and last_attempt.claimed_until > pace.moment:
        return Result(Ending.ELSEWHERE, "another run is sending it")
    if last_attempt.retry_at and last_attempt.retry_at > pace.moment:
        return Result(Ending.WAITING, last_attempt.detail)
    return None


def _doubtful(
    entry: Entry, placed: Placed, history: list[Attempt], outbox: Outbox, pace: Pace
) -> Result | None:
    """Give a message up that may have arrived already, where its receiver wants none twice."""
    if placed.receiver.on_unknown != "skip" or not any(attempt.unclear for attempt in history):
        return None
    reason = "nobody knows whether it arrived, and on_unknown is skip"
    outbox.bury(entry, reason, moment=pace.moment)
    return Result(Ending.DEAD, reason)


def _claimed(entry: Entry, placed: Placed, history: list[Attempt], moment: datetime) -> Attempt:
    return Attempt(
        id=entry.id,
        number=history[-1].number + 1 if history else 1,
        started_at=moment,
        claimed_until=moment + placed.target.patience + _CLAIM_SLACK,
        # Sticky: what may have arrived once may be a repeat ever after.
        repeat=any(attempt.unclear for attempt in history),
    )


def _sent(entry: Entry, placed: Placed, attempt: Attempt, pace: Pace) -> Outcome:
    """Make the request, and let the run's clock move by what it took."""
    begun = time.monotonic()
    try:
        pace.keep_distance(placed)
        begun = time.monotonic()
        return placed.target.send(
            entry.repeat if attempt.repeat else entry.payload,
            delivery_id=entry.id,
            repeat=attempt.repeat,
            now=pace.moment,
        )
    except TransportError as error:
        return error.outcome
    except SecretError as error:
        # Not the message's fault; it waits until the file or variable is there.
        return Outcome(Kind.RETRY_AFTER, str(error), wait=_SECRET_WAIT)
    finally:
        pace.passed += timedelta(seconds=time.monotonic() - begun)


def _wait(
    outcome: Outcome, history: list[Attempt], pace: Pace, *, left: timedelta
) -> timedelta | None:
    """Return the pause before the next attempt of this run; None if there is none."""
    if outcome.kind is Kind.TOO_LARGE:
        # A shorter one is another message.
        return timedelta(0)
    tries = len(history) + 1
    if outcome.kind not in {Kind.TRANSIENT, Kind.RETRY_AFTER} or tries >= _TRIES_AT_ONCE:
        return None
    wait = outcome.wait if outcome.wait is not None else pace.backoff(tries)
    return wait if wait <= left else None


def _finished(attempt: Attempt, outcome: Outcome, pace: Pace, *, again: bool) -> Attempt:
    """Fill in the attempt; where this run gives up, say when the next may try."""
    retry_at = None
    if not again and outcome.kind is Kind.RETRY_AFTER and outcome.wait is not None:
        retry_at = pace.moment + outcome.wait
    elif not again and not outcome.delivered and attempt.number >= _PATIENT_AFTER:
        retry_at = pace.moment + _HOUR
    return msgspec.structs.replace(
        attempt,
        finished_at=pace.moment,
        outcome=str(outcome.kind),
        status=outcome.status,
        code=outcome.code,
        detail=redact(outcome.detail),
        retry_at=retry_at,
    )
