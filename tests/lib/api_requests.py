"""One request to the fake API server, to its answer: who asks, may they, for what, in which shape."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from tests.lib import api_answers, protobuf
from tests.lib.accounts import Account
from tests.lib.api_objects import Objects
from tests.lib.api_options import (
    LATEST,
    BadOptionError,
    ListOptions,
    Token,
    asks_to_watch,
    parsed,
)
from tests.lib.api_shapes import Shape, shape_of, stored
from tests.lib.event_store import CompactedError, ConflictError, EventStore, View
from tests.lib.loopback import Answer, Request

# The uid of the namespace kube-system, by which a cluster can be told from another.
CLUSTER_UID = "c0ffee00-0000-4000-8000-000000000001"
_EVENTS = re.compile(
    r"/(?:api/v1|apis/(?P<group>events\.k8s\.io)/v1)"
    r"(?:/namespaces/(?P<namespace>[^/]+))?/events(?:/(?P<name>[^/]+))?\Z"
)
_NAMESPACE = re.compile(r"/api/v1/namespaces/(?P<name>[^/]+)\Z")
# A watch without timeoutSeconds lives 30 to 60 minutes.
_WATCH_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class _Call:
    """What a request asks for; empty text where the path does not say."""

    verb: str
    group: str
    resource: str
    namespace: str
    name: str


class EventsApi:
    """The API over a store; remembers which page each continue token leads to."""

    def __init__(
        self,
        store: EventStore,
        accounts: Mapping[str, Account],
        *,
        clock: Callable[[], datetime],
        watch_limit: float | None,
    ) -> None:
        """Answer from ``store`` to the tokens in ``accounts``."""
        self._store = store
        self._accounts = accounts
        self._clock = clock
        self._watch_limit = watch_limit
        self._pages: dict[str, int] = {}
        self.objects = Objects()

    def answer(self, request: Request) -> tuple[Answer, int | None]:
        """Return the answer, and which page of a list it is, if it is one."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        account = self._accounts.get(token) if scheme.lower() == "bearer" else None
        if account is None:
            return api_answers.unauthorized(), None
        if request.path.rstrip("/") == "/version":
            return api_answers.version(), None
        if found := self.objects.answer(request, account):
            return found, None
        call = _call(request)
        if call is None:
            return api_answers.no_such_path(), None
        if not account.may(verb=call.verb, group=call.group, namespace=call.namespace):
            refused = api_answers.forbidden(
                user=account.user,
                verb=call.verb,
                group=call.group,
                namespace=call.namespace,
                resource=call.resource,
                name=call.name,
            )
            return refused, None
        return self._allowed(request, call)

    def _allowed(self, request: Request, call: _Call) -> tuple[Answer, int | None]:
        if call.resource == "namespaces":
            return api_answers.namespace(call.name, CLUSTER_UID), None
        shape = shape_of(call.group, request.headers.get("accept", ""))
        if shape is None:
            return api_answers.not_acceptable(), None
        try:
            options = parsed(request.query, call.group)
        except BadOptionError as error:
            return api_answers.bad_request(str(error)), None
        match call.verb:
            case "list":
                return self._list(request, options=options, shape=shape, namespace=call.namespace)
            case "watch":
                # Of the forms that a client accepts the first one is written.
                accept = request.headers.get("accept", "")
                packed = not call.group and accept.startswith(protobuf.CONTENT_TYPE)
                lines = self._watch(options, shape, call.namespace, packed=packed)
                return api_answers.stream(lines, packed=packed), None
            case "get":
                return self._get(call, shape), None
            case "create":
                return self._create(request, call=call, shape=shape), None
        return api_answers.method_not_allowed(), None

    def _list(
        self, request: Request, *, options: ListOptions, shape: Shape, namespace: str
    ) -> tuple[Answer, int]:
        number = self._pages.get(request.query.get("continue", ""), 1)
        try:
            view = self._view(options)
        except CompactedError:
            if options.token:
                self._pages[str(Token(LATEST, options.token.start))] = number
            return api_answers.expired(options.token), number
        answer, onward = api_answers.page(view, options=options, shape=shape, namespace=namespace)
        if onward:
            self._pages[str(onward)] = number + 1
        return answer, number

    def _view(self, options: ListOptions) -> View:
        if options.token:
            revision = options.token.revision
            return self._store.at(None if revision == LATEST else revision)
        exact = options.exact and options.limit and options.resource_version
        return self._store.at(options.resource_version if exact else None)

    def _watch(
        self, options: ListOptions, shape: Shape, namespace: str, *, packed: bool
    ) -> Iterator[bytes]:
        """Stream changes until the timeout; a watch from no revision begins with what is there."""
        seconds: float = options.timeout or _WATCH_SECONDS
        ends = time.monotonic() + min(seconds, self._watch_limit or seconds)
        prefix = f"{namespace}/" if namespace else ""
        after = options.resource_version
        if not after:
            view = self._store.at()
            after = view.resource_version
            for key, event in zip(view.keys, view.events, strict=True):
                if options.selects(event) and key.startswith(prefix):
                    yield api_answers.changed("ADDED", shape.object(event), packed=packed)
        while (left := ends - time.monotonic()) > 0 and not self._store.closed:
            try:
                changes = self._store.changes(after, timeout=left)
            except CompactedError:
                yield api_answers.watch_expired(packed=packed)
                return
            for change in changes:
                after = change.resource_version
                if change.key.startswith(prefix):
                    line = api_answers.watch_line(
                        change, options=options, shape=shape, packed=packed
                    )
                    yield line or b""

    def _get(self, call: _Call, shape: Shape) -> Answer:
        view = self._store.at()
        key = f"{call.namespace}/{call.name}"
        if key not in view.keys:
            return api_answers.not_found(call.name, call.resource)
        return api_answers.as_json(200, shape.object(view.events[view.keys.index(key)]))

    def _create(self, request: Request, *, call: _Call, shape: Shape) -> Answer:
        event = stored(msgspec.json.decode(request.body), call.group)
        event["metadata"].setdefault("namespace", call.namespace)
        try:
            created = self._store.add(event, now=self._clock())
        except ConflictError:
            return api_answers.already_exists(event["metadata"]["name"])
        return api_answers.as_json(201, shape.object(created))


def _call(request: Request) -> _Call | None:
    """Read verb and resource of a request; None for a path that is not ours."""
    if found := _NAMESPACE.match(request.path):
        verb = "get" if request.method == "GET" else request.method.lower()
        return _Call(verb, "", "namespaces", found["name"], found["name"])
    if not (found := _EVENTS.match(request.path)):
        return None
    group, namespace, name = (found[part] or "" for part in ("group", "namespace", "name"))
    reading = "watch" if asks_to_watch(request.query) else ("get" if name else "list")
    verb = {"GET": reading, "POST": "create"}.get(request.method, request.method.lower())
    return _Call(verb, group, "events", namespace, name)
