"""Messages into an index of Elasticsearch or OpenSearch: bulk requests, until each message is settled or will not be.

What the server is too busy for is asked again alone, a few times, with growing pauses;
what it refuses for good is reported as refused, and the rest goes on. Only one request at a
time is on its way, so at most its documents are sent twice after a failure, which
changes nothing there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from etl.config.forwarding import ElasticsearchTarget
from etl.errors import UsageError
from etl.forward.sending import Message, Receipt
from etl.forward.targets import index_template
from etl.forward.targets.bulk import (
    Document,
    Fate,
    NotADocumentError,
    document,
    fates,
    plain_index,
    requests,
    told,
)
from etl.forward.targets.cluster import (
    LOGIN_REFUSED,
    LOOK_AT_LOGIN,
    NOT_ALLOWED,
    Cluster,
    Reply,
    UnreachedError,
    Way,
    way,
)
from etl.wire.outcome import TransportError

_log = logging.getLogger(__name__)

# Seconds; 7.5 in all, after which the forwarder comes again at the next run.
PAUSES = (0.5, 1.0, 2.0, 4.0)
# Only what is looked at: the answer to 5,000 documents is 0.3 MB in place of 1.2.
_BULK = "/_bulk?filter_path=errors,items.*.status,items.*.error"
# Of a data stream, where it went as well.
_BULK_STREAM = f"{_BULK},items.*._index"
_OK, _TOO_LARGE, _TOO_MANY, _SERVER = 200, 413, 429, 500
_REFUSED_LOGIN = {
    LOGIN_REFUSED: LOOK_AT_LOGIN,
    NOT_ALLOWED: "the user or key may not do this; it needs create_index and index (create_doc for a data stream)",
}


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why a request did not settle all of its documents, and whether asking again may help.

    ``broken`` are the places of those that the server failed over, and what it said.
    """

    text: str
    passing: bool
    broken: Mapping[int, str] = field(default_factory=dict)


class ElasticSender:
    """An open way to one index or data stream."""

    def __init__(
        self,
        cluster: Cluster,
        target: ElasticsearchTarget,
        way: Way,
        *,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Send by ``cluster`` what ``target`` asks for, waiting by ``pause`` (seconds)."""
        self._cluster = cluster
        self._target = target
        self._way = way
        self._pause = pause
        self._most = target.max_bytes
        self._wants_template = target.template
        self._warned = False

    def send(self, batch: Sequence[Message]) -> Receipt:
        """Send ``batch`` in order; what is settled is in the index, or refused by it for good."""
        refused: dict[int, str] = {}
        documents = []
        for place, message in enumerate(batch):
            try:
                documents.append(document(place, message, self._target))
            except NotADocumentError as error:
                # It is the layout's doing, and the server would refuse it: kept with the reason.
                refused[place] = str(error)
        open_ = {each.place for each in documents}
        failure = self._prepare() if open_ else ""
        for request in () if failure else requests(documents, self._most):
            failure = self._deliver(request, open_, refused)
            if failure:
                break
        settled = min(open_, default=len(batch))
        return Receipt(
            settled,
            tuple((place, why) for place, why in sorted(refused.items()) if place < settled),
            failure,
        )

    def close(self) -> None:
        """Close the connections."""
        self._cluster.close()

    def _prepare(self) -> str:
        """Check where the hosts lead, and put the template once; returns what went wrong, or nothing."""
        try:
            self._way.check()
            if self._wants_template:
                failure = index_template.install(self._cluster, self._target)
                self._wants_template = bool(failure)
                return failure
        except TransportError as error:
            return error.outcome.detail
        except UnreachedError as error:
            # The batch waits; the forwarder tells it and comes again.
            return str(error)
        return ""

    def _deliver(self, request: list[Document], open_: set[int], refused: dict[int, str]) -> str:
        """Send ``request`` until it is settled; what was not is sent again alone. Returns why it is not, or nothing."""
        waiting = request
        trouble = self._once(waiting, open_, refused)
        for pause in PAUSES:
            if trouble is None or not trouble.passing:
                break
            self._pause(pause)
            waiting = [each for each in waiting if each.place in open_]
            trouble = self._once(waiting, open_, refused)
        if trouble is None:
            return ""
        waiting = [each for each in waiting if each.place in open_]
        if trouble.broken and len(waiting) == len(trouble.broken) < len(request):
            # The server works, and fails over these each time: they would hold up all behind them for ever.
            for each in waiting:
                open_.discard(each.place)
                refused[each.place] = trouble.broken[each.place]
            return ""
        return trouble.text

    def _once(
        self, request: list[Document], open_: set[int], refused: dict[int, str]
    ) -> _Trouble | None:
        """Send ``request`` once, in halves where it is too large, and take settled places out of ``open_``."""
        body = b"".join(each.lines for each in request)
        try:
            path = _BULK_STREAM if self._target.data_stream else _BULK
            reply = self._cluster.ask("POST", path, body=body, media_type="application/x-ndjson")
        except UnreachedError as error:
            # Every host was asked; the forwarder comes again, and a repeat changes nothing.
            return _Trouble(str(error), passing=False)
        if reply.status == _TOO_LARGE:
            return self._halved(request, open_, refused)
        found = fates(reply.body, len(request)) if reply.status == _OK else None
        if found is None:
            return _whole(reply)
        if self._target.data_stream and not self._warned:
            self._warn(reply.body)
        said: dict[Fate, dict[int, str]] = {fate: {} for fate in Fate}
        for each, (fate, why) in zip(request, found, strict=True):
            said[fate][each.place] = why
        open_ -= said[Fate.SETTLED].keys() | said[Fate.REFUSED].keys()
        refused |= said[Fate.REFUSED]
        for fate in (Fate.STOPPED, Fate.LATER, Fate.BROKEN):
            if said[fate]:
                first = next(iter(said[fate].values()))
                return _Trouble(first, fate is not Fate.STOPPED, said[Fate.BROKEN])
        return None

    def _warn(self, answer: object) -> None:
        """Say it once where the documents go into an index that only has the name of a data stream."""
        if plain_index(answer, self._target.index):
            self._warned = True
            _log.warning(
                "%s is an index and no data stream: no index template made it one; delete it, and set template: true or put one of yours",
                self._target.index,
            )

    def _halved(
        self, request: list[Document], open_: set[int], refused: dict[int, str]
    ) -> _Trouble | None:
        """Send the halves of a request that is too large for the server, and remember its limit."""
        if len(request) == 1:
            open_.discard(request[0].place)
            refused[request[0].place] = "413 the document alone is too large for the server"
            return None
        size = sum(len(each.lines) for each in request)
        self._most = min(self._most, size // 2)
        middle = len(request) // 2
        for half in (request[:middle], request[middle:]):
            if trouble := self._once(half, open_, refused):
                # The other half stays open, and is sent with what is left of this one.
                return trouble
        return None


def _whole(reply: Reply) -> _Trouble:
    """What the refusal of a whole request means: it is no document's fault, so none is given up."""
    if known := _REFUSED_LOGIN.get(reply.status):
        return _Trouble(f"{reply.status}: {known}", passing=False)
    if 300 <= reply.status < 400:  # noqa: PLR2004 - the classes of HTTP statuses
        text = f"{reply.status}: redirects are not followed; set the final address"
        return _Trouble(text, passing=False)
    if reply.status == _OK:
        return _Trouble("the answer is not that of a bulk request; is it a proxy?", passing=False)
    error = reply.body.get("error") if isinstance(reply.body, dict) else reply.body
    passing = reply.status == _TOO_MANY or reply.status >= _SERVER
    return _Trouble(f"{reply.status} {told(error)}".strip(), passing=passing)


def open_elasticsearch(
    target: ElasticsearchTarget,
    *,
    environ: Mapping[str, str],
    pause: Callable[[float], None] = time.sleep,
) -> ElasticSender:
    """Open a way to Elasticsearch; raises ``UsageError`` without its client, or for what cannot be read."""
    try:
        # Costs 0.3 s, and is in an extra.
        from etl.forward.targets.ask_elasticsearch import ElasticsearchCluster  # noqa: PLC0415
    except ImportError as error:
        raise _missing("elasticsearch") from error
    there = way(target, environ=environ)
    return ElasticSender(ElasticsearchCluster(there), target, there, pause=pause)


def open_opensearch(
    target: ElasticsearchTarget,
    *,
    environ: Mapping[str, str],
    pause: Callable[[float], None] = time.sleep,
) -> ElasticSender:
    """Open a way to OpenSearch; raises ``UsageError`` without its client, or for what cannot be read."""
    try:
        # Costs 0.3 s, and is in an extra.
        from etl.forward.targets.ask_opensearch import OpensearchCluster  # noqa: PLC0415
    except ImportError as error:
        raise _missing("opensearch") from error
    there = way(target, environ=environ)
    return ElasticSender(OpensearchCluster(there), target, there, pause=pause)


def _missing(extra: str) -> UsageError:
    return UsageError(
        f"the client of {extra} is not installed; run: pip install 'eventlake[{extra}]'"
    )
