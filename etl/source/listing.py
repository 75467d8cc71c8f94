"""The events of a cluster, page by page, fetched in a thread while the ones before are decoded."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from etl.config.owners import Owners
from etl.config.settings import Source
from etl.lake.owned import Owned
from etl.source import owners
from etl.source.live import Cluster
from etl.source.paging import Asking, Listing, Page, Paging

# Pages fetched but not yet read: each is 6 MB of JSON at the default page size.
_PAGES_AHEAD = 1
_PATIENCE_SECONDS = 0.2


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
        self.source = source
        self.listing = Listing()
        self.asking = Asking(cluster, source, clock, sleep)
        self._begun: dict[str | None, _Ahead] = {}
        self._ends: list[BaseException] = []

    @property
    def scopes(self) -> list[str | None]:
        """What is listed one by one: all namespaces at once (null), or each of the configured ones."""
        return list(dict.fromkeys(self.source.namespaces)) or [None]

    def owners(self, wanted: Owners) -> Owned:
        """List the metadata around what will be listed; what cannot be had is told, not raised."""
        asking = self.asking
        return owners.read(
            asking.cluster, wanted, namespaces=self.source.namespaces, sleep=asking.sleep
        )

    def begin(self) -> None:
        """Start to fetch the first pages of the first scope."""
        self._begun[self.scopes[0]] = self._ahead(self.scopes[0])

    def close(self) -> None:
        """Stop to fetch what nobody took."""
        for ahead in self._begun.values():
            ahead.stop()
        self._begun.clear()

    def end(self, error: BaseException) -> None:
        """Let whoever waits for a page, or will ask for one, meet ``error``; any thread may call it."""
        self._ends.append(error)

    def check(self) -> None:
        """Raise what ``end`` was given, if it was called."""
        if self._ends:
            raise self._ends[0]

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
        leads = namespace == self.scopes[0]
        paging = Paging(self.asking, self.listing, namespace=namespace, leads=leads)
        return _Ahead(paging, self._ends)


class _Ahead:
    """Runs a LIST in a thread, a few pages ahead of its reader.

    The thread is a daemon: a reader that is interrupted need not wait for a page.
    """

    def __init__(self, paging: Paging, ends: Sequence[BaseException]) -> None:
        self._paging = paging
        self._ends = ends
        self._fetched: queue.Queue[Page | BaseException | None] = queue.Queue(_PAGES_AHEAD)
        self._stopped = threading.Event()
        # In the context of who asked, so that messages name the same cluster.
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(self._fetch,), name="list", daemon=True).start()

    def take(self) -> Page | None:
        """Return the next page, null after the last; raises what stopped the list."""
        found = self._awaited()
        if isinstance(found, BaseException):
            raise found
        return found

    def _awaited(self) -> Page | BaseException | None:
        while not self._ends:
            try:
                return self._fetched.get(timeout=_PATIENCE_SECONDS)
            except queue.Empty:
                continue
        return self._ends[0]

    def stop(self) -> None:
        """Let the thread end at its next page."""
        self._stopped.set()

    def _fetch(self) -> None:
        try:
            while self._paging.more and not self._stopped.is_set():
                self._put(self._paging.next())
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
