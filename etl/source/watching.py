"""A resourceVersion to all that changed since: a WATCH, read until it has told everything up to now.

A watch of events never says that it is drained: etcd sends no bookmarks, and the server
closes the stream only after ``timeoutSeconds`` (event semantics, section 3). So a LIST of
one event is asked for first: its resourceVersion is what "now" means, and its
remainingItemCount how many events there are. Changes come in the order of their versions,
so one of a later version proves that all up to now have come. On a quiet cluster there is
none; there a stream that stays silent counts, and the next watch begins where this one
ended, not where now was: nothing that came late is lost. Whatever is in doubt is a
``DoubtError``, and then the caller takes a full LIST.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from urllib.parse import quote

import msgspec

from etl.errors import ClusterError, quoted
from etl.source import decode, protobuf
from etl.source.live import (
    BrokenOffError,
    Stream,
    TimedOutError,
    UnreachableError,
    UntrustedError,
)
from etl.source.paging import Asking

_OK, _FORBIDDEN = 200, 403
_JSON = "application/json"
# Of a stream that ends in the middle of changes the rest is asked for; one that never ends is no gain.
_ROUNDS = 10
# A full LIST of 300,000 events travels in as many; more is held in memory for no gain.
_MOST_BYTES = 64 * 1024 * 1024
# Beside the silence that is wanted: what a server may need to begin to answer.
_PATIENCE_SECONDS = 10.0
_ITEMS = b'{"kind":"EventList","apiVersion":"v1","metadata":{},"items":['


class DoubtError(Exception):
    """The watch does not prove that nothing was missed; the text says why, in a few words."""


class ForbiddenWatchError(DoubtError):
    """The account may not watch events there."""


class _Meta(msgspec.Struct, frozen=True, gc=False):
    uid: str
    resourceVersion: str  # noqa: N815


class _Object(msgspec.Struct, frozen=True, gc=False):
    metadata: _Meta


class _Bare(msgspec.Struct, frozen=True, gc=False):
    resourceVersion: str = ""  # noqa: N815


class _Status(msgspec.Struct, frozen=True, gc=False):
    """A Status, or the object of a bookmark, which has a version alone."""

    metadata: _Bare = _Bare()
    code: int | None = None
    message: str | None = None


class _Line(msgspec.Struct, frozen=True, gc=False):
    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]
    object: msgspec.Raw


_line = msgspec.json.Decoder(_Line)
_object = msgspec.json.Decoder(_Object)
_status = msgspec.json.Decoder(_Status)


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an event object, which is bytes of JSON; ``version`` is that of the change."""

    deleted: bool
    version: int
    uid: str
    object: bytes


@dataclass(slots=True)
class Drained:
    """All changes of one namespace (null: of all) up to now, which is ``version``; some may be later."""

    namespace: str | None
    sent_at: datetime
    received_at: datetime
    server_date: datetime | None
    version: int
    """resourceVersion of the LIST of one event: what "now" means."""
    events: int | None
    """How many events were stored then; null where the server does not tell."""
    changes: list[Change] = field(default_factory=list)
    proven: bool = False
    """Whether something later was seen; else the stream was silent for long enough."""
    received_bytes: int = 0
    ended_at: datetime | None = None


def as_page(changes: list[Change]) -> bytes:
    """Return the objects of ``changes`` as the body of an EventList, as a reader of pages takes it."""
    return _ITEMS + b",".join(change.object for change in changes) + b"]}"


class Watcher:
    """Asks a cluster for what changed; ``check`` may raise what ends it, from any thread."""

    def __init__(self, asking: Asking, check: Callable[[], None] = lambda: None) -> None:
        """Prepare to watch as ``asking`` says; nothing is asked yet."""
        self.source = asking.source
        self._cluster = asking.cluster
        self._clock = asking.clock
        self._check = check
        self._accept = f"{protobuf.CONTENT_TYPE}, {_JSON}"

    def drain(self, namespace: str | None, after: int) -> Drained:
        """Return what changed in ``namespace`` since the version ``after``; raises ``DoubtError``."""
        try:
            found = self._now(namespace)
            if found.version < after:
                raise DoubtError("the cluster's resourceVersion went back")
            try:
                self._fill(found, after)
            except protobuf.ProtobufError:
                # Of a server that writes it in another way; every server writes JSON.
                self._accept = _JSON
                found.changes.clear()
                self._fill(found, after)
            self._check()
        except (UnreachableError, UntrustedError) as error:
            raise DoubtError(f"the cluster cannot be reached: {error}") from error
        except TimedOutError as error:
            raise DoubtError("the watch took too long") from error
        except BrokenOffError as error:
            raise DoubtError(f"the watch broke off: {error}") from error
        except ClusterError as error:
            # Of credentials, or of whoever ended it; the LIST that follows meets it too, and tells it.
            raise DoubtError(quoted(str(error), 160)) from error
        found.ended_at = self._clock()
        return found

    def _now(self, namespace: str | None) -> Drained:
        """Ask for one event: how far the store is, and how many events it has."""
        sent_at = self._clock()
        answer = self._cluster.get(_path(namespace), {"limit": 1})
        if answer.status != _OK:
            raise DoubtError(f"the server answered {answer.status} to a list of one event")
        try:
            meta = decode.header(answer.body).metadata
            items = len(decode.raws(answer.body))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise DoubtError("the list of one event cannot be read") from error
        version = meta.resourceVersion or ""
        if not version.isdigit():
            raise DoubtError("the server's resourceVersion is no number")
        events = items + (meta.remainingItemCount or 0)
        return Drained(
            namespace=namespace,
            sent_at=sent_at,
            received_at=self._clock(),
            server_date=answer.date,
            version=int(version),
            events=None if meta.continue_ and meta.remainingItemCount is None else events,
            received_bytes=answer.received_bytes,
        )

    def _fill(self, found: Drained, after: int) -> None:
        """Watch until all up to now has come, over several streams if one ends in the middle."""
        quiet = self.source.watch.quiet.total_seconds()
        known: set[tuple[int, str]] = set()
        deadline = time.monotonic() + self.source.timeout.total_seconds()
        for _ in range(_ROUNDS):
            silent_since = time.monotonic()
            self._check()
            with contextlib.closing(self._changes(found, after, quiet)) as changes:
                for change in changes:
                    silent_since = time.monotonic()
                    if silent_since > deadline:
                        raise TimedOutError
                    # A batch of expiries shares one version, and a stream may end within it.
                    if (change.version, change.uid) not in known:
                        known.add((change.version, change.uid))
                        found.changes.append(change)
                    after = max(after, change.version - 1)
                    found.proven = change.version > found.version
                    if found.proven:
                        return
            if found.proven or time.monotonic() - silent_since >= quiet / 2:
                return
        raise DoubtError(f"the stream was not drained after {_ROUNDS} watches")

    def _changes(self, found: Drained, after: int, quiet: float) -> Generator[Change]:
        """Yield the changes of one WATCH after the version ``after``, until the server ends it or all has come."""
        query: dict[str, str | int] = {
            "watch": 1,
            "resourceVersion": after,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": math.ceil(quiet),
        }
        limit = quiet + _PATIENCE_SECONDS
        path, accept = _path(found.namespace), self._accept
        with self._cluster.stream(path, query, limit, accept=accept) as stream:
            if stream.status != _OK:
                raise _refused(stream, found.namespace)
            for text in _lines(stream, found):
                told = _read(text)
                if isinstance(told, Change):
                    yield told
                elif told >= found.version:
                    found.proven = True
                    return


def _path(namespace: str | None) -> str:
    if namespace is None:
        return "/api/v1/events"
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/events"


def _lines(stream: Stream, found: Drained) -> Iterator[bytes]:
    """Yield a line of JSON for each change; one that the end of the stream cuts is a doubt."""
    pieces = _counted(stream, found)
    if stream.headers.get("Content-Type", "").startswith(protobuf.CONTENT_TYPE):
        yield from protobuf.lines(pieces)
        return
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from filter(None, whole)
    if rest.strip():
        raise DoubtError("the stream ended in the middle of a line")


def _counted(stream: Stream, found: Drained) -> Iterator[bytes]:
    for piece in stream.pieces:
        found.received_bytes += len(piece)
        if found.received_bytes > _MOST_BYTES:
            raise DoubtError("more changed than a full list has")
        yield piece


def _read(text: bytes) -> Change | int:
    """Decode one line to its change, or to the version that a bookmark tells; raises ``DoubtError``, also for an ERROR.

    Bookmarks are for servers with a watch cache of events, which none has by itself.
    """
    try:
        line = _line.decode(text)
        if line.type == "BOOKMARK":
            return int(_status.decode(line.object).metadata.resourceVersion)
        if line.type != "ERROR":
            meta = _object.decode(line.object).metadata
            version = int(meta.resourceVersion)
            return Change(line.type == "DELETED", version, meta.uid, bytes(line.object))
        said = _status.decode(line.object)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise DoubtError(
            f"a line of the stream cannot be read ({quoted(str(error), 80)})"
        ) from error
    raise DoubtError(f"the server ended the watch ({said.code}): {quoted(said.message or '', 120)}")


def _refused(stream: Stream, namespace: str | None) -> DoubtError:
    """Return the doubt of an answer other than 200; a compacted version may be one, as 410."""
    if stream.status != _FORBIDDEN:
        return DoubtError(f"the server answered {stream.status} to the watch")
    where = f"in namespace {namespace}" if namespace else "in all namespaces"
    kind = "Role" if namespace else "ClusterRole"
    return ForbiddenWatchError(
        f"the cluster does not allow to watch events {where} (403), so full lists are taken: give the"
        f' account a {kind} with apiGroups [""], resources [events], verbs [list, watch], or set'
        " source.watch.enabled: false"
    )
