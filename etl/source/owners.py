"""Lists of metadata alone to labels and owners by uid: no spec, no status and no secret is asked for.

The server is asked for ``PartialObjectMetadataList``, which holds the metadata of each object
and nothing else; an answer that is anything else is not looked at. A list that fails costs
its columns in this snapshot, and is told; it never costs the snapshot.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from etl.config.owners import Owners
from etl.errors import ClusterError, quoted
from etl.lake.owned import Labels, Owned, Surroundings
from etl.source.decode import ListMeta
from etl.source.live import (
    Answer,
    BrokenOffError,
    Cluster,
    TimedOutError,
    UnreachableError,
    UntrustedError,
)

ACCEPT = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
# Where each resource is listed: before the namespace, and behind it.
_RESOURCES = {
    "namespaces": "/api/v1",
    "pods": "/api/v1",
    "replicasets": "/apis/apps/v1",
    "jobs": "/apis/batch/v1",
}
# Metadata of a pod is about 2 kB, most of it managedFields, which are passed over.
_PAGE = 2000
_TRIES = 3
_PAUSE_SECONDS = 2.0
_GONE, _TOO_MANY, _OK, _SERVER_ERRORS = 410, 429, 200, 500


class _Reference(msgspec.Struct, frozen=True, gc=False):
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None


class _Metadata(msgspec.Struct, frozen=True, gc=False):
    uid: str = ""
    name: str = ""
    labels: dict[str, str] | None = None
    ownerReferences: list[_Reference] | None = None  # noqa: N815 -- the API's name


class _Object(msgspec.Struct, frozen=True, gc=False):
    metadata: _Metadata = _Metadata()


class _List(msgspec.Struct, frozen=True, gc=False):
    kind: str = ""
    metadata: ListMeta = ListMeta()
    items: list[_Object] | None = None


class _UnlistedError(Exception):
    """A list cannot be had; says why."""


def read(
    cluster: Cluster, wanted: Owners, *, namespaces: list[str], sleep: Callable[[float], None]
) -> Owned:
    """List the metadata that ``wanted`` needs, of all ``namespaces`` (none) or of some; never raises for the cluster's sake."""
    known = Surroundings()
    for one in lists(wanted, namespaces):
        try:
            _Listed(cluster, wanted, known, one, sleep).read()
        except (UnreachableError, UntrustedError, ClusterError) as error:
            # The list of events meets the same, and tells what to do.
            known.unread.append(f"{one.where}: {error}")
            return Owned(known)
        except _UnlistedError as error:
            # Without its columns a state is worth nearly as much; without a snapshot it is lost.
            known.unread.append(f"{one.where}: {error}")
    return Owned(known)


@dataclass(frozen=True, slots=True)
class MetadataList:
    """One list that is wanted: its resource, the namespace (null for all), and its path."""

    resource: str
    namespace: str | None

    @property
    def where(self) -> str:
        """What is listed, as messages name it."""
        return self.resource if self.namespace is None else f"{self.resource} in {self.namespace}"

    @property
    def path(self) -> str:
        """The path of the API."""
        inside = "" if self.namespace is None else f"/namespaces/{quote(self.namespace, safe='')}"
        return f"{_RESOURCES[self.resource]}{inside}/{self.resource}"


def lists(wanted: Owners, namespaces: list[str]) -> Iterator[MetadataList]:
    """Yield the lists that ``wanted`` needs, of all ``namespaces`` (none) or of some."""
    for resource in _RESOURCES:
        if resource == "namespaces" and not wanted.namespace_labels:
            continue
        scopes = [None] if resource == "namespaces" or not namespaces else [*namespaces]
        yield from (MetadataList(resource, scope) for scope in scopes)


class _Listed:
    """One list of metadata, page by page."""

    def __init__(
        self,
        cluster: Cluster,
        wanted: Owners,
        known: Surroundings,
        asked: MetadataList,
        sleep: Callable[[float], None],
    ) -> None:
        self._path = asked.path
        self._cluster, self._known, self._sleep = cluster, known, sleep
        self._of_namespaces = asked.resource == "namespaces"
        self._keys = wanted.namespace_labels if self._of_namespaces else wanted.labels

    def read(self) -> None:
        token = ""
        while True:
            query: dict[str, str | int] = {"limit": _PAGE}
            if token:
                query["continue"] = token
            page = self._page(query)
            for one in page.items or []:
                self._take(one.metadata)
            token = page.metadata.continue_ or ""
            if not token:
                return

    def _take(self, one: _Metadata) -> None:
        labels: Labels = tuple(
            (sys.intern(key), sys.intern(value))
            for key in sorted(self._keys)
            if (value := (one.labels or {}).get(key)) is not None
        )
        if self._of_namespaces:
            if labels:
                self._known.namespaces[one.name] = labels
            return
        if labels:
            self._known.labels[one.uid] = labels
        for owner in one.ownerReferences or []:
            if owner.controller:
                self._known.owners[one.uid] = (
                    sys.intern(owner.kind),
                    sys.intern(owner.name),
                    sys.intern(owner.uid),
                )

    def _page(self, query: dict[str, str | int]) -> _List:
        """Ask for one page, a few times where that may help."""
        reason = ""
        for attempt in range(_TRIES):
            if attempt:
                self._sleep(_PAUSE_SECONDS * attempt)
            try:
                answer = self._cluster.get(self._path, query, accept=ACCEPT)
            except TimedOutError:
                reason = "it took too long"
                continue
            except BrokenOffError as error:
                reason = f"the answer broke off: {error}"
                continue
            if answer.status == _OK:
                return _decoded(answer)
            reason = _refusal(answer)
            if answer.status != _TOO_MANY and answer.status < _SERVER_ERRORS:
                break
        raise _UnlistedError(reason)


def _decoded(answer: Answer) -> _List:
    try:
        page = msgspec.json.decode(answer.body, type=_List)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _UnlistedError(f"the answer cannot be read: {quoted(str(error), 80)}") from error
    if page.kind != "PartialObjectMetadataList":
        raise _UnlistedError("the server does not answer with metadata alone")
    return page


def _refusal(answer: Answer) -> str:
    if answer.status == 403:  # noqa: PLR2004 -- HTTP's own number
        return "not allowed (403): give the account's role the verb list on it"
    if answer.status == 406:  # noqa: PLR2004 -- as above
        return "the server does not know lists of metadata (406)"
    if answer.status == _GONE:
        return "the list expired (410)"
    return f"the server answered {answer.status}"
