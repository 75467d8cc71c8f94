"""Events as etcd keeps them: every write a new revision, old revisions readable until compacted.

Turns writes (add, patch, delete, expiry) into a list of changes, and answers two
questions of it: what was there at a revision, and what happened after one. Keys
are ``namespace/name``; their byte order is the order of a LIST.
"""

from __future__ import annotations

import copy
import threading
import uuid
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

Event = dict[str, Any]

# Views of a revision kept at hand: a paged LIST asks for the same one again and again.
_VIEWS = 4
_NAMES = uuid.UUID("5f0c9a34-1c8e-4b0e-9d0a-6f1b7a4d2e10")


class CompactedError(Exception):
    """The revision asked for was compacted away."""


class ConflictError(Exception):
    """An event of that namespace and name exists."""


@dataclass(frozen=True, slots=True)
class Change:
    """One write: its revision, what it did, the object after it and before it."""

    resource_version: int
    kind: Literal["ADDED", "MODIFIED", "DELETED"]
    key: str
    event: Event
    previous: Event | None


@dataclass(frozen=True, slots=True)
class View:
    """What was stored at one revision: keys in byte order, and the objects beside them."""

    resource_version: int
    keys: list[str]
    events: list[Event]


class EventStore:
    """The store; safe for threads, and nothing that it hands out is changed later."""

    def __init__(self, *, resource_version: int, ttl: timedelta) -> None:
        """Start empty at ``resource_version``; events live ``ttl`` after their last write."""
        self.resource_version = resource_version
        self.compacted = 0
        self.ttl = ttl
        self.closed = False
        self._current: dict[str, Event] = {}
        self._written: dict[str, datetime] = {}
        self._changes: list[Change] = []
        self._views: dict[int, View] = {}
        self._changed = threading.Condition()

    def load(self, items: Iterable[Event], *, resource_version: int) -> None:
        """Take recorded objects as they are; the store stands at ``resource_version`` afterwards."""
        with self._changed:
            for item in sorted(items, key=lambda i: int(i["metadata"]["resourceVersion"])):
                event = copy.deepcopy(item)
                written = datetime.fromisoformat(_written_at(event))
                self._write(
                    "ADDED", event, written, revision=int(event["metadata"]["resourceVersion"])
                )
            self.resource_version = resource_version

    def add(self, event: Event, *, now: datetime) -> Event:
        """Store a new object; fills the metadata that a server gives; ``ConflictError`` if it exists."""
        stored = copy.deepcopy(event)
        metadata = stored.setdefault("metadata", {})
        metadata.setdefault("namespace", "default")
        with self._changed:
            if _key(stored) in self._current:
                raise ConflictError(_key(stored))
            revision = self.resource_version + 1
            given = {
                "uid": str(uuid.uuid5(_NAMES, f"{_key(stored)} {revision}")),
                "resourceVersion": str(revision),
                "creationTimestamp": stamp(now),
                "managedFields": [_managed(stored, now)],
            }
            metadata.update({name: metadata.get(name, value) for name, value in given.items()})
            metadata["resourceVersion"] = str(revision)
            self._write("ADDED", stored, now)
        return copy.deepcopy(stored)

    def patch(self, reference: str, changes: Event, *, now: datetime) -> Event:
        """Merge ``changes`` into an object; one that changes nothing is no write, as in etcd."""
        with self._changed:
            key = self.key_of(reference)
            before = self._current[key]
            after = _merged(before, changes)
            if after == before:
                return copy.deepcopy(before)
            after["metadata"]["resourceVersion"] = str(self.resource_version + 1)
            for entry in after["metadata"].get("managedFields", []):
                entry["time"] = stamp(now)
            self._write("MODIFIED", after, now)
        return copy.deepcopy(after)

    def delete(self, reference: str, *, revision: int | None = None) -> None:
        """Remove an object; a watch sees its last state with the revision of the removal."""
        with self._changed:
            self._remove(self.key_of(reference), revision=revision)

    def expire(self, now: datetime) -> int:
        """Remove what was last written a TTL ago or more; returns how many."""
        with self._changed:
            due = [key for key, written in self._written.items() if written + self.ttl <= now]
            # The keys of one lease go in one revision: a recorded server's batches share theirs.
            revision = self.resource_version + 1
            for key in due:
                self._remove(key, revision=revision)
        return len(due)

    def renew(self, now: datetime) -> None:
        """Let every object live a whole TTL from ``now`` on, as etcd's next leader does with all leases."""
        with self._changed:
            self._written = dict.fromkeys(self._written, now)

    def advance(self, to: int | None = None) -> None:
        """Let the revision grow without a write to an event, as other resources make it grow."""
        with self._changed:
            self.resource_version = to or self.resource_version + 1

    def compact(self) -> None:
        """Forget every revision before the next one, as the API server does each five minutes."""
        self.advance()
        with self._changed:
            self.compacted = self.resource_version
            self._changes = [c for c in self._changes if c.resource_version >= self.compacted]
            self._views.clear()

    def at(self, revision: int | None = None) -> View:
        """Return what was stored at ``revision`` (now, if None); ``CompactedError`` if it is gone."""
        with self._changed:
            revision = self.resource_version if revision is None else revision
            if revision < self.compacted:
                raise CompactedError(revision)
            if revision not in self._views:
                while len(self._views) >= _VIEWS:
                    del self._views[next(iter(self._views))]
                self._views[revision] = self._view(revision)
            return self._views[revision]

    def changes(self, after: int, *, timeout: float = 0.0) -> list[Change]:
        """Return the changes after revision ``after``, waiting up to ``timeout`` seconds for one."""
        with self._changed:
            # etcd answers from the revision behind the one asked for, so that one may be compacted.
            if after + 1 < self.compacted:
                raise CompactedError(after)
            found = self._after(after)
            if not found and timeout > 0 and not self.closed:
                self._changed.wait(timeout)
                found = self._after(after)
            return found

    def close(self) -> None:
        """End every wait in ``changes``, now and later."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def key_of(self, reference: str) -> str:
        """Find an object by ``namespace/name``, by uid, or by a name that is unique; ``KeyError`` else."""
        if reference in self._current:
            return reference
        found = [
            key
            for key, event in self._current.items()
            if reference in (event["metadata"]["uid"], event["metadata"]["name"])
        ]
        if len(found) != 1:
            message = f"{reference!r} names {len(found)} events of the store"
            raise KeyError(message)
        return found[0]

    def _write(
        self,
        kind: Literal["ADDED", "MODIFIED"],
        event: Event,
        now: datetime,
        *,
        revision: int | None = None,
    ) -> None:
        key = _key(event)
        self.resource_version = revision or self.resource_version + 1
        change = Change(self.resource_version, kind, key, event, self._current.get(key))
        self._current[key] = event
        self._written[key] = now
        self._changes.append(change)
        self._changed.notify_all()

    def _remove(self, key: str, *, revision: int | None = None) -> None:
        before = self._current.pop(key)
        del self._written[key]
        self.resource_version = revision or self.resource_version + 1
        last = _merged(before, {"metadata": {"resourceVersion": str(self.resource_version)}})
        self._changes.append(Change(self.resource_version, "DELETED", key, last, before))
        self._changed.notify_all()

    def _after(self, revision: int) -> list[Change]:
        start = bisect_right(self._changes, revision, key=lambda c: c.resource_version)
        return self._changes[start:]

    def _view(self, revision: int) -> View:
        """Undo, newest first, what was written after ``revision``."""
        state = dict(self._current)
        for change in reversed(self._after(revision)):
            if change.previous is None:
                state.pop(change.key, None)
            else:
                state[change.key] = change.previous
        # UTF-8 keeps the order of code points, so sorting the text sorts etcd's bytes.
        keys = sorted(state)
        return View(revision, keys, [state[key] for key in keys])


def stamp(moment: datetime) -> str:
    """Write a metav1.Time: whole seconds, UTC, ``Z``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _key(event: Event) -> str:
    return f"{event['metadata']['namespace']}/{event['metadata']['name']}"


def _merged(old: Event, new: Event) -> Event:
    """A deep copy of ``old`` with ``new`` merged in: objects by key, anything else replaced."""
    result = copy.deepcopy(old)
    for name, value in new.items():
        below = result.get(name)
        both = isinstance(below, dict) and isinstance(value, dict)
        result[name] = _merged(below, value) if both and below is not None else copy.deepcopy(value)
    return result


def _managed(event: Event, now: datetime) -> Event:
    """The entry that the server keeps on who owns which field: one writer, one update."""
    fields: Event = {
        f"f:{name}": {f"f:{below}": {} for below in value} if name == "source" else {}
        for name, value in sorted(event.items())
        if name not in {"metadata", "kind", "apiVersion"} and value not in (None, "", {})
    }
    return {
        "manager": "kubelet",
        "operation": "Update",
        "apiVersion": "v1",
        "time": stamp(now),
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }


def _written_at(event: Event) -> str:
    metadata = event["metadata"]
    times = [str(entry["time"]) for entry in metadata.get("managedFields", [])]
    return max(times, default=str(metadata["creationTimestamp"]))
