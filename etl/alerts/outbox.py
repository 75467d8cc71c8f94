"""What must still be sent, what was tried, what arrived and what was given up, as files in the lake.

    outbox/pending/<id>.json        a rendered message that nobody has confirmed yet
    outbox/attempts/<id>/<n>.json   one attempt: claimed before the request, filled in after it
    outbox/delivered/<id>.json      the receipt
    outbox/dead/<id>.json           given up, with the message and the reason

The id is made of where and what for, not of the content: a digest that is made again
over late data is the same delivery and is not sent twice. An attempt is created
exclusively before the request, so two runs never send one message at the same time, and
one that was never filled in tells that the process died between request and receipt.
Files hold the receiver's name, never its address.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec

from etl.alerts.delivery import About, Attempt, Dead, Entry, Receipt, Stored, Subject
from etl.lake import records
from etl.lake.files import Files
from etl.timespan import Window
from etl.wire.outcome import Outcome

ROOT = "outbox"
# A digest that is three days old tells nobody what to do today.
GIVEN_UP_AFTER = timedelta(hours=72)
# Receipts serve to not send again and to look back; a quarter is enough for both.
KEPT = timedelta(days=90)
SKIPPED = "skipped"
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


Kept = TypeVar("Kept", bound=Stored)


class Outbox:
    """The outbox of one lake."""

    def __init__(self, files: Files) -> None:
        """Keep the files below ``outbox/``."""
        self._files = files
        self.unreadable: list[str] = []
        """Paths of damaged files that were met and left alone."""

    def known(self, delivery: str) -> bool:
        """Whether the delivery is pending, delivered or given up: nothing is to be made of it again."""
        folders = ("delivered", "pending", "dead")
        return any(self._exists(_path(folder, delivery)) for folder in folders)

    def settled(self, delivery: str) -> bool:
        """Whether the delivery came to its end, arrived or given up."""
        return any(self._exists(_path(folder, delivery)) for folder in ("delivered", "dead"))

    def add(self, entry: Entry) -> None:
        """Keep a message until it is settled; one that is known already stays as it is."""
        if not self.known(entry.id):
            self._files.create(_path("pending", entry.id), msgspec.json.encode(entry))

    def replace(self, entry: Entry) -> None:
        """Change a pending message, after its receiver found it too large."""
        self._files.write(_path("pending", entry.id), msgspec.json.encode(entry))

    def pending(self, delivery: str) -> Entry | None:
        """Return the pending message, or None if it is settled or unreadable."""
        if self.settled(delivery):
            # A crash between the receipt and the removal leaves both; the receipt counts.
            self._files.delete(_path("pending", delivery))
            return None
        return self._read(_path("pending", delivery), Entry)

    def waiting(self) -> list[Entry]:
        """Return all pending messages, oldest first, the parts of one digest in order."""
        names = [_name(path) for path in self._files.list(f"{ROOT}/pending")]
        entries = [entry for name in names if (entry := self.pending(name))]
        return sorted(entries, key=lambda e: (e.created_at, e.receiver, e.place, e.part))

    def attempts(self, delivery: str) -> list[Attempt]:
        """Return the attempts so far, in order; of a damaged one only the number is known."""
        found = []
        for path in self._files.list(f"{ROOT}/attempts/{delivery}"):
            number = _name(path)
            if number.isdecimal():
                attempt = self._read(path, Attempt)
                found.append(attempt or _lost_attempt(delivery, int(number)))
        return sorted(found, key=lambda attempt: attempt.number)

    def claim(self, attempt: Attempt) -> bool:
        """Take the right to make this attempt; False if another run has it."""
        return self._files.create(_attempt_path(attempt), msgspec.json.encode(attempt))

    def finish(self, attempt: Attempt) -> None:
        """Write down how the attempt ended."""
        self._files.write(_attempt_path(attempt), msgspec.json.encode(attempt))

    def deliver(self, entry: Entry, outcome: Outcome, *, moment: datetime, attempts: int) -> None:
        """Write the receipt; ``settle`` removes the message."""
        receipt = _receipt(entry, moment, str(outcome.kind))
        receipt = msgspec.structs.replace(
            receipt, status=outcome.status, code=outcome.code, attempts=attempts
        )
        self._files.create(_path("delivered", entry.id), msgspec.json.encode(receipt))

    def skip(self, entry: Entry, *, moment: datetime) -> None:
        """Remember that this message was not to be sent, so that nobody makes it again."""
        if not self.known(entry.id):
            receipt = _receipt(entry, moment, SKIPPED)
            self._files.create(_path("delivered", entry.id), msgspec.json.encode(receipt))

    def bury(self, entry: Entry, reason: str, *, moment: datetime) -> None:
        """Give a message up, keeping it with the reason."""
        dead = Dead(entry=entry, died_at=moment, reason=reason)
        self._files.create(_path("dead", entry.id), msgspec.json.encode(dead))
        self.settle(entry)

    def settle(self, entry: Entry) -> None:
        """Remove a message whose receipt or grave is written."""
        self._files.delete(_path("pending", entry.id))

    def receipts(self) -> list[Receipt]:
        """Return all receipts that are still kept."""
        return self._all("delivered", Receipt)

    def dead(self) -> list[Dead]:
        """Return all messages that were given up and are still kept."""
        return self._all("dead", Dead)

    def subjects(self) -> list[Subject]:
        """Return what every message that is still kept was about, in whatever state."""
        kept: list[Receipt | Entry] = [*self.receipts(), *self.waiting()]
        kept += [dead.entry for dead in self.dead()]
        return [Subject(tuple(k.clusters), Window(k.start, k.end), k.kind) for k in kept]

    def prune(self, before: datetime) -> None:
        """Remove receipts and graves from before ``before``, with their attempts."""
        old = [r.id for r in self.receipts() if r.delivered_at < before]
        buried = [d.entry.id for d in self.dead() if d.died_at < before]
        for name in [*old, *buried]:
            for path in self._files.list(f"{ROOT}/attempts/{name}"):
                self._files.delete(path)
        for folder, names in (("delivered", old), ("dead", buried)):
            for name in names:
                self._files.delete(_path(folder, name))

    def _all(self, folder: str, kind: type[Kept]) -> list[Kept]:
        paths = self._files.list(f"{ROOT}/{folder}")
        return [found for path in paths if (found := self._read(path, kind))]

    def _read(self, path: str, kind: type[Kept]) -> Kept | None:
        def name_it(_reason: str) -> None:
            # A damaged file must not stop the others; the next digest names it.
            if path not in self.unreadable:
                self.unreadable.append(path)

        return records.read(self._files, path, kind, damaged=name_it)

    def _exists(self, path: str) -> bool:
        try:
            self._files.read(path)
        except FileNotFoundError:
            return False
        return True


def _lost_attempt(delivery: str, number: int) -> Attempt:
    return Attempt(
        id=delivery,
        number=number,
        started_at=_LONG_AGO,
        claimed_until=_LONG_AGO,
        repeat=False,
    )


def _receipt(entry: Entry, moment: datetime, outcome: str) -> Receipt:
    about = {name: getattr(entry, name) for name in About.__struct_fields__}
    return Receipt(delivered_at=moment, outcome=outcome, **about)


def _path(folder: str, delivery: str) -> str:
    return f"{ROOT}/{folder}/{delivery}.json"


def _attempt_path(attempt: Attempt) -> str:
    return f"{ROOT}/attempts/{attempt.id}/{attempt.number}.json"


def _name(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".json")
