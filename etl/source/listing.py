"""A LIST of events, page by page, from a connection to decoded bytes; it survives what can be survived.

The next page is asked for while this one is decoded. Pages of one list share one
resourceVersion. If etcd compacts it away meanwhile, the answer is 410 with a token for
the inconsistent rest, which is taken: keys never move, so every event that lived
during the whole listing is seen (event semantics, section 4). Without the token the
list starts again, once.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote

import msgspec

from etl.config.settings import Source
from etl.errors import ClusterError, quoted
from etl.source import decode
from etl.source.live import Answer, Cluster, Interrupted, TimedOut, Unreachable, delay_of

_log = logging.getLogger(__name__)
_GONE, _TOO_MANY, _UNAUTHORIZED, _FORBIDDEN, _SERVER_ERRORS = 410, 429, 401, 403, 500
_GATEWAY_TIMEOUT = 504
# A page of this size is answered in milliseconds; a server that cannot is not helped by less.
_SMALLEST_PAGE = 250
_LONGEST_WAIT = timedelta(seconds=60)
# A name that does not resolve or a port that refuses will not change in half a minute.
_UNREACHABLE_TRIES = 3
# Pages fetched but not yet decoded: each is 6 MB of JSON at the default page size.
_PAGES_AHEAD = 2
_PATIENCE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its body (JSON text of an EventList) and what its header says."""

    body: bytes
    meta: decode.ListMeta
    first: bool
    restarted: bool
    """Whether the list began anew here: earlier pages are still true, but not the whole."""


@dataclass(slots=True)
class Listing:
    """What a LIST went through; complete when the pages are exhausted."""

    sent_at: datetime | None = None
    first_received_at: datetime | None = None
    last_received_at: datetime | None = None
    server_date: datetime | None = None
    resource_version: int | None = None
    remaining_items: int | None = None
    pages: int = 0
    retries: int = 0
    received_bytes: int = 0
    inconsistent: bool = False
    notes: list[str] = field(default_factory=list)


class Lister:
    """Lists the events of a cluster; ``clock`` gives UTC, ``sleep`` waits seconds.

    ``listing`` tells how it went. ``begin`` may be called long before ``pages``: the
    first pages then travel while the caller prepares.
    """

    def __init__(
        self,
        cluster: Cluster,
        source: Source,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        """Prepare to list ``cluster`` as ``source`` says; nothing is asked yet."""
        self.cluster = cluster
        self.source = source
        self.clock = clock
        self.sleep = sleep
        self.listing = Listing()
        self._begun: dict[str | None, _Ahead] = {}

    @property
    def scopes(self) -> list[str | None]:
        """What is listed one by one: all namespaces at once (null), or each of the configured ones."""
        return list(dict.fromkeys(self.source.namespaces)) or [None]

    def begin(self) -> None:
        """Start to fetch the first pages of the first scope."""
        self._begun[self.scopes[0]] = self._ahead(self.scopes[0])

    def pages(self, namespace: str | None = None) -> Iterator[Page]:
        """Yield the pages of one LIST, the next ones being fetched meanwhile.

        Raises ``ClusterError`` when the list cannot be had; ``listing`` then tells how far it got.
        """
        ahead = self._begun.pop(namespace, None) or self._ahead(namespace)
        try:
            while (page := ahead.take()) is not None:
                yield page
        finally:
            ahead.stop()

    def _ahead(self, namespace: str | None) -> _Ahead:
        path = (
            "/api/v1/events"
            if namespace is None
            else f"/api/v1/namespaces/{quote(namespace)}/events"
        )
        return _Ahead(_Run(self, path, namespace))


class _Ahead:
    """Runs a LIST in a thread, a few pages ahead of its reader.

    The thread is a daemon: a reader that is interrupted need not wait for a page.
    """

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._fetched: queue.Queue[Page | BaseException | None] = queue.Queue(_PAGES_AHEAD)
        self._stopped = threading.Event()
        threading.Thread(target=self._fetch, name="list", daemon=True).start()

    def take(self) -> Page | None:
        """Return the next page, null after the last; raises what stopped the list."""
        found = self._fetched.get()
        if isinstance(found, BaseException):
            raise found
        return found

    def stop(self) -> None:
        """Let the thread end at its next page."""
        self._stopped.set()

    def _fetch(self) -> None:
        try:
            while self._run.more and not self._stopped.is_set():
                self._put(self._run.next())
            self._put(None)
        except BaseException as error:  # noqa: BLE001 -- the reader raises it, in its own thread
            self._put(error)

    def _put(self, item: Page | BaseException | None) -> None:
        while not self._stopped.is_set():
            try:
                self._fetched.put(item, timeout=_PATIENCE_SECONDS)
            except queue.Full:
                continue
            return


class _Run:
    """One LIST in progress; only the fetching thread touches it."""

    def __init__(self, lister: Lister, path: str, namespace: str | None) -> None:
        self._lister = lister
        self._listing = lister.listing
        self._path = path
        self._namespace = namespace
        self._token = ""
        self._limit = lister.source.page_size
        self._tries = 0
        self._reconnected = False
        self._started_again = False
        self.more = True

    def next(self) -> Page:
        """Fetch the next page, repeating what may be repeated."""
        while True:
            restarted = self._started_again and not self._token
            page = self._try_once(restarted=restarted)
            if page is not None:
                self._tries = 0
                self._token = page.meta.continue_ or ""
                self.more = bool(self._token)
                return page

    def _try_once(self, *, restarted: bool) -> Page | None:
        query: dict[str, str | int] = {"limit": self._limit}
        if self._token:
            query["continue"] = self._token
        sent_at = self._lister.clock()
        try:
            answer = self._lister.cluster.get(self._path, query)
        except Unreachable as error:
            self._again(
                f"no connection to {self._lister.cluster.host}: {error}", tries=_UNREACHABLE_TRIES
            )
            return None
        except TimedOut:
            self._halve()
            self._again(f"a page took longer than {self._lister.source.timeout}")
            return None
        except Interrupted as error:
            self._again(f"the answer broke off: {error}")
            return None
        self._listing.received_bytes += answer.received_bytes
        if answer.status != 200:  # noqa: PLR2004 -- HTTP's own number
            self._refused(answer)
            return None
        try:
            header = decode.header(answer.body)
            if header.kind not in {"EventList", "List"}:
                message = f"kind {header.kind!r}"
                raise msgspec.DecodeError(message)
            # The items are decoded by the reader of the pages; here only that the text is whole.
        except msgspec.MsgspecError as error:
            self._again(f"the answer is not an EventList ({quoted(str(error), 80)})")
            return None
        return self._noted(answer, header.metadata, sent_at, restarted=restarted)

    def _noted(
        self, answer: Answer, meta: decode.ListMeta, sent_at: datetime, *, restarted: bool
    ) -> Page:
        listing, now = self._listing, self._lister.clock()
        first = not self._token
        if first and (restarted or listing.sent_at is None):
            listing.sent_at, listing.first_received_at = sent_at, now
            listing.server_date = answer.date
            version = meta.resourceVersion or ""
            listing.resource_version = int(version) if version.isdigit() else None
            listing.remaining_items = meta.remainingItemCount
        listing.last_received_at = now
        listing.pages += 1
        return Page(answer.body, meta, first=first, restarted=restarted)

    def _refused(self, answer: Answer) -> None:
        """Decide what an answer other than 200 means; returns if it may be tried again."""
        status, said = answer.status, _status_of(answer.body)
        if status == _GONE:
            self._expired(said)
        elif status == _UNAUTHORIZED:
            if self._reconnected:
                message = "the cluster does not accept the credentials (401): log in again, or check the kubeconfig's user"
                raise ClusterError(message)
            self._reconnected = True
            self._lister.cluster.reconnect()
        elif status == _FORBIDDEN:
            raise ClusterError(self._forbidden(said))
        elif status == _TOO_MANY or status >= _SERVER_ERRORS:
            if status == _GATEWAY_TIMEOUT:
                self._halve()
            self._again(
                f"the server answered {status} {said.reason or ''}".rstrip(), wait=delay_of(answer)
            )
        else:
            message = f"the server refused the list ({status}): {quoted(said.message or answer.body[:200].decode('utf-8', 'replace'))}"
            raise ClusterError(message)

    def _expired(self, said: _Status) -> None:
        token = said.metadata.continue_
        if token and self._token:
            self._token = token
            self._listing.inconsistent = True
            self._listing.retries += 1
            self._listing.notes.append(
                "the list outlived a compaction and goes on at a newer version"
            )
            return
        if self._started_again:
            message = "the list expired twice (410) before it was complete; raise source.page_size so that it ends sooner"
            raise ClusterError(message)
        self._started_again = True
        self._token = ""
        self._listing.retries += 1
        self._listing.notes.append("the list expired and was started again")

    def _forbidden(self, said: _Status) -> str:
        where = f"in namespace {self._namespace}" if self._namespace else "in all namespaces"
        kind = "Role" if self._namespace else "ClusterRole"
        return (
            f"the cluster does not allow to list events {where} (403): give the account a {kind} with"
            f' apiGroups [""], resources [events], verbs [list]'
            + ("" if self._namespace else ", or name source.namespaces")
            + f". The server said: {quoted(said.message or '')}"
        )

    def _halve(self) -> None:
        self._limit = max(_SMALLEST_PAGE, self._limit // 2)

    def _again(
        self, reason: str, *, wait: timedelta | None = None, tries: int | None = None
    ) -> None:
        """Wait before another try, or give up with ``reason``."""
        self._tries += 1
        allowed = (
            self._lister.source.retries
            if tries is None
            else min(tries, self._lister.source.retries)
        )
        if self._tries > allowed:
            message = f"{reason}; gave up after {self._tries} tries"
            raise ClusterError(message)
        self._listing.retries += 1
        backoff = timedelta(seconds=min(30, 2 ** (self._tries - 1)) * random.uniform(0.5, 1))  # noqa: S311 -- spread, not secrecy
        pause = min(_LONGEST_WAIT, backoff if wait is None else wait)
        _log.info("%s; trying again in %.1f s", reason, pause.total_seconds())
        self._lister.sleep(pause.total_seconds())


class _Status(msgspec.Struct, frozen=True):
    """The Status object of an error."""

    message: str | None = None
    reason: str | None = None
    metadata: decode.ListMeta = decode.ListMeta()


def _status_of(body: bytes) -> _Status:
    try:
        return msgspec.json.decode(body, type=_Status)
    except msgspec.MsgspecError:
        # A proxy's page of HTML: the status code is all that there is.
        return _Status()
