"""One LIST in progress: what each answer means for the next request, until the last page.

Pages of one list share one resourceVersion. If etcd compacts it away meanwhile, the
answer is 410 with a token for the inconsistent rest, which is taken: keys never move, so
every event that lived during the whole listing is seen (event semantics, section 4).
Without the token the list starts again, once. What may pass by itself is waited for and
asked again; what does not is a ``ClusterError`` that says what to do.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote

import msgspec

from etl.config.settings import Source
from etl.errors import ClusterError, ForbiddenError, quoted
from etl.source import decode
from etl.source.live import (
    Answer,
    BrokenOffError,
    Cluster,
    TimedOutError,
    UnreachableError,
    UntrustedError,
)

_log = logging.getLogger(__name__)
_GONE, _TOO_MANY, _UNAUTHORIZED, _FORBIDDEN, _SERVER_ERRORS = 410, 429, 401, 403, 500
_GATEWAY_TIMEOUT = 504
# A page of this size is answered in milliseconds; a server that cannot is not helped by less.
_SMALLEST_PAGE = 250
_LONGEST_WAIT = timedelta(seconds=60)
# A name that does not resolve or a port that refuses will not change in half a minute.
_UNREACHABLE_RETRIES = 3


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
    watch_refused: str | None = None
    """Why this is no watch, where it was to be one."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Whom to ask and how; ``clock`` gives UTC, ``sleep`` waits seconds."""

    cluster: Cluster
    source: Source
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]


class Paging:
    """One LIST in progress; only the fetching thread touches it.

    Of several LISTs in one ``listing``, the first one ``leads``: the whole is complete only
    up to its start.
    """

    def __init__(
        self, asking: Asking, listing: Listing, *, namespace: str | None, leads: bool
    ) -> None:
        """Prepare to list one namespace, or all (null); what happens is noted in ``listing``."""
        self._asking = asking
        self._listing = listing
        self._namespace = namespace
        self._path = (
            "/api/v1/events"
            if namespace is None
            else f"/api/v1/namespaces/{quote(namespace, safe='')}/events"
        )
        self._leads = leads
        self._version: str | None = None
        self._inconsistent_before = listing.inconsistent
        self._token = ""
        self._limit = asking.source.page_size
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
        sent_at = self._asking.clock()
        try:
            answer = self._asking.cluster.get(self._path, query)
        except UnreachableError as error:
            self._again(
                f"no connection to {self._asking.cluster.host}: {error}",
                retries=_UNREACHABLE_RETRIES,
            )
            return None
        except UntrustedError as error:
            message = (
                f"TLS with {self._asking.cluster.host} fails: {error}; check the server's address"
                " and the certificate-authority of the kubeconfig"
            )
            raise ClusterError(message) from error
        except TimedOutError:
            self._halve()
            self._again(f"a page took longer than {self._asking.source.timeout}")
            return None
        except BrokenOffError as error:
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
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._again(f"the answer is not an EventList ({quoted(str(error), 80)})")
            return None
        return self._noted(answer, header.metadata, sent_at, restarted=restarted)

    def _noted(
        self, answer: Answer, meta: decode.ListMeta, sent_at: datetime, *, restarted: bool
    ) -> Page:
        listing, now = self._listing, self._asking.clock()
        first = not self._token
        if first:
            self._version = meta.resourceVersion
        elif meta.resourceVersion != self._version and not listing.inconsistent:
            # Nobody promised this; what was listed is true, but not of one moment.
            listing.inconsistent = True
            listing.notes.append("the pages of the list are of different versions")
        if first and (self._leads or listing.sent_at is None):
            # Where the first namespace was refused, the next one leads.
            self._leads = True
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
            self._asking.cluster.reconnect()
        elif status == _FORBIDDEN:
            raise ForbiddenError(self._forbidden(said))
        elif status == _TOO_MANY or status >= _SERVER_ERRORS:
            if status == _GATEWAY_TIMEOUT:
                self._halve()
            self._again(
                f"the server answered {status} {quoted(said.reason or '', 80)}".rstrip(),
                wait=answer.retry_after,
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
        self._listing.inconsistent = self._inconsistent_before
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
        self._limit = max(min(_SMALLEST_PAGE, self._limit), self._limit // 2)

    def _again(
        self, reason: str, *, wait: timedelta | None = None, retries: int | None = None
    ) -> None:
        """Wait before another try, or give up with ``reason``."""
        self._tries += 1
        allowed = (
            self._asking.source.retries
            if retries is None
            else min(retries, self._asking.source.retries)
        )
        if self._tries > allowed:
            message = f"{reason}; gave up after {self._tries} tries"
            raise ClusterError(message)
        self._listing.retries += 1
        backoff = timedelta(seconds=min(30, 2 ** (self._tries - 1)) * random.uniform(0.5, 1))  # noqa: S311 -- spread, not secrecy
        pause = min(_LONGEST_WAIT, backoff if wait is None else wait)
        _log.info("%s; trying again in %.1f s", reason, pause.total_seconds())
        self._asking.sleep(pause.total_seconds())


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
