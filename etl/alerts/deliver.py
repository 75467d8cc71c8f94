"""A digest to all its receivers, and what earlier runs left: first into the outbox, then out.

Every message is in the outbox before the first request is made, so nothing that happens
afterwards loses one. Targets are served one after the other, and none of them can stop
the next: whatever goes wrong with one is kept until the others were served.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

import msgspec

from etl.alerts.attempts import Ending, Pace, Result, Shorter, deliver
from etl.alerts.delivery import Entry, Subject, content_hash
from etl.alerts.model import Digest
from etl.alerts.outbox import GIVEN_UP_AFTER, KEPT, Outbox
from etl.alerts.receivers import Placed, placed, title
from etl.alerts.receivers.target import STEPS, Outside, Part
from etl.alerts.remembered import health, last_digest, was_delivered
from etl.alerts.routing import Share
from etl.config.settings import Settings
from etl.errors import DeliveryError
from etl.lake.files import Files
from etl.log import redact
from etl.wire import budget
from etl.wire.templates import LeafError

__all__ = [
    "Delivery",
    "Failure",
    "health",
    "last_digest",
    "send_digest",
    "send_pending",
    "was_delivered",
]

Sleep = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Failure:
    """A target that did not get a message in this run; ``dead`` means that it never will."""

    target: str
    detail: str
    dead: bool


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a run's messages."""

    delivered: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    elsewhere: int = 0
    """Messages that another run is sending."""

    def __add__(self, other: Delivery) -> Delivery:
        """Put two deliveries of one run together."""
        return Delivery(
            self.delivered + other.delivered,
            self.failures + other.failures,
            self.elsewhere + other.elsewhere,
        )

    def error(self) -> DeliveryError | None:
        """Return the error that ends the command, one line per target; None if all went well."""
        if not self.failures:
            return None
        lines = [
            f"{f.target}: {f.detail}" + ("; given up" if f.dead else "; kept in the outbox")
            for f in self.failures
        ]
        # Of several digests a receiver that is down refuses each with the same words.
        told = "\n".join(dict.fromkeys(lines))
        return DeliveryError(f"not everybody got the digest\n{told}")


def send_digest(
    digest: Digest,
    settings: Settings,
    files: Files,
    *,
    outside: Outside,
    now: datetime,
    sleep: Sleep,
    jitter: Callable[[], float] = random.random,
) -> Delivery:
    """Send ``digest`` to every target that does not have it; what fails stays in the outbox."""
    run = _Run(files, Pace(now, sleep, jitter))
    targets = placed(settings, outside)
    queued = [
        (item, share, run.enqueue(item, share, settings))
        for item in targets
        for share in item.shares(digest, settings)
    ]
    for item, share, entries in queued:
        run.serve(item, entries, share=share)
    run.outbox.prune(now - KEPT)
    return run.delivery()


def send_pending(
    settings: Settings,
    files: Files,
    *,
    outside: Outside,
    now: datetime,
    sleep: Sleep,
    jitter: Callable[[], float] = random.random,
) -> Delivery:
    """Send what earlier runs left in the outbox, oldest first."""
    run = _Run(files, Pace(now, sleep, jitter))
    targets = {(item.receiver.name, item.place): item for item in placed(settings, outside)}
    waiting = sorted(run.outbox.waiting(), key=lambda entry: (entry.receiver, entry.place))
    for key, entries in groupby(waiting, key=lambda entry: (entry.receiver, entry.place)):
        item = targets.get(key)
        if item is not None:
            run.serve(item, list(entries), share=None)
            continue
        for entry in entries:
            # The configuration may be half rolled out: the target may come back.
            run.expire(entry)
    return run.delivery()


@dataclass(slots=True)
class _Run:
    """One run's work on the outbox, and what became of it."""

    files: Files
    pace: Pace
    outbox: Outbox = field(init=False)
    delivered: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    defects: list[Exception] = field(default_factory=list)
    elsewhere: int = 0

    def __post_init__(self) -> None:
        """Open the outbox."""
        self.outbox = Outbox(self.files)

    def delivery(self) -> Delivery:
        """Return the summary; raises what went wrong beyond a receiver's refusal."""
        if self.defects:
            # The lake or eventlake itself: by now everybody who could be served was.
            raise self.defects[0]
        return Delivery(tuple(self.delivered), tuple(self.failures), self.elsewhere)

    def enqueue(self, item: Placed, share: Share, settings: Settings) -> list[Entry]:
        """Put the target's messages into the outbox; return those that are still to be sent."""
        if not item.wants(share.digest, settings):
            self.skip(item, share.digest)
            return []
        try:
            return self._enqueued(item, share, item.target.prepare(share.digest))
        except LeafError as error:
            self._bury_unmade(item, share, str(error))
        except Exception as error:  # noqa: BLE001
            # As in ``serve``: one target never stops another, and ``delivery`` raises it.
            self.defects.append(error)
        return []

    def _enqueued(self, item: Placed, share: Share, parts: Sequence[Part]) -> list[Entry]:
        entries = [
            _entry(item, share, number, part, self.pace.now)
            for number, part in enumerate(parts, start=1)
        ]
        # The first one last: where it is, ``was_delivered`` finds it, and then all are.
        for entry in reversed(entries):
            self.outbox.add(entry)
        if share.group or not parts or parts[0].about:
            # These have names of their own; what says that the digest was seen to is this.
            self.skip(item, share.digest)
        # What an earlier run put there stays as it was.
        return [kept for entry in entries if (kept := self.outbox.pending(entry.id))]

    def skip(self, item: Placed, digest: Digest) -> None:
        """Note that nothing is sent to the target about this window."""
        entry = _entry(item, Share("", digest), 1, Part(None, None), self.pace.now)
        self.outbox.skip(entry, moment=self.pace.now)

    def serve(self, item: Placed, entries: Iterable[Entry], *, share: Share | None) -> None:
        """Send a target its messages in order; the first that must wait makes the others wait."""
        until = self.pace.until()
        for entry in entries:
            try:
                shorter = _shortener(item, share)
                result = deliver(entry, item, self.outbox, self.pace, shorter=shorter, until=until)
            except Exception as error:  # noqa: BLE001
                # One target never stops another, not even by a defect; ``delivery`` raises it.
                self.defects.append(error)
                return
            self._note(item.name, result)
            if result.ending in {Ending.WAITING, Ending.ELSEWHERE}:
                return

    def expire(self, entry: Entry) -> None:
        """Give up a message whose target is not configured any more, once it is too old."""
        if self.pace.now - entry.created_at > GIVEN_UP_AFTER:
            reason = "its receiver is not configured any more"
            self.outbox.bury(entry, reason, moment=self.pace.now)
            self.failures.append(Failure(title(entry.receiver, entry.place), reason, dead=True))

    def _note(self, name: str, result: Result) -> None:
        if result.ending is Ending.DELIVERED:
            self.delivered.append(name)
        elif result.ending is Ending.ELSEWHERE:
            self.elsewhere += 1
        else:
            dead = result.ending is Ending.DEAD
            self.failures.append(Failure(name, redact(result.detail), dead))

    def _bury_unmade(self, item: Placed, share: Share, reason: str) -> None:
        """Give up a message that cannot even be made, so that no later run makes it again."""
        entry = _entry(item, share, 1, Part(None, None), self.pace.now)
        if not self.outbox.known(entry.id):
            self.outbox.bury(entry, reason, moment=self.pace.now)
            self._note(item.name, Result(Ending.DEAD, reason))
        if share.group:
            self.skip(item, share.digest)


def _entry(item: Placed, share: Share, number: int, part: Part, now: datetime) -> Entry:
    digest = share.digest
    subject = Subject(digest.clusters, digest.window, digest.kind)
    name, place = item.receiver.name, item.place
    grouped = f"{place} {share.group}" if share.group else place
    return Entry(
        id=subject.id(name, grouped, part.about or number),
        receiver=name,
        place=place,
        part=number,
        clusters=list(digest.clusters),
        start=digest.window.start,
        end=digest.window.end,
        created_at=now,
        content_sha256=content_hash(part.payload),
        payload=_plain(part.payload),
        repeat=_plain(part.repeat),
        kind=digest.kind,
    )


def _plain(payload: object) -> object:
    """Return the payload as it will be read back, free of what UTF-8 cannot hold."""
    return msgspec.json.decode(budget.encode(payload))


def _shortener(item: Placed, share: Share | None) -> Shorter:
    """Return what makes this target's messages shorter, step by step, as long as there is a digest."""
    taken = 0

    def shorter(entry: Entry) -> Entry | None:
        nonlocal taken
        while share is not None and taken < STEPS:
            taken += 1
            parts = item.target.prepare(share.digest, step=taken)
            made = [_entry(item, share, n, p, entry.created_at) for n, p in enumerate(parts, 1)]
            # By its name: a chart is dropped and has no shorter form, whatever stands in its place.
            same = next((one for one in made if one.id == entry.id), None)
            if same is None:
                return None
            if same.content_sha256 != entry.content_sha256:
                return same
        return None

    return shorter
