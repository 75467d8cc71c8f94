"""Answers in the API server's words: Status bodies, pages of a LIST, the lines of a WATCH.

A page is cut out of a ``View`` of the store as etcd's range reads cut it: a page
may be the last one only once no key is left, so with a selector it can be empty.
"""

from __future__ import annotations

import gzip
import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from tests.lib import protobuf
from tests.lib.api_options import LATEST, ListOptions, Token
from tests.lib.api_shapes import Shape
from tests.lib.event_store import Change, Event, View
from tests.lib.loopback import Answer, Request

HEADERS = {"Cache-Control": "no-cache, private", "Content-Type": "application/json"}
# Which flow of API Priority and Fairness the request was put into; absent where it was refused before.
FLOW = {
    "X-Kubernetes-Pf-Flowschema-Uid": "5196f633-62ad-402b-90be-bfd2ee17f192",
    "X-Kubernetes-Pf-Prioritylevel-Uid": "ce4a3599-043f-40c9-b1b9-326f8f136b57",
}
# A body at most this size is not compressed, whatever the client accepts.
_GZIP_ABOVE = 128 * 1024
_VERSION = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v0.0.0-master+$Format:%H$",
    "gitCommit": "$Format:%H$",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "go1.26.6",
    "compiler": "gc",
    "platform": "linux/amd64",
}
_CONTINUE_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. "
    "You can start a new list without the continue parameter, or use the continue token in this "
    "response to retrieve the remainder of the results. Continuing with the provided token results "
    "in an inconsistent list - objects that were created, modified, or deleted between the time the "
    "first chunk was returned and now may show up in the list."
)


def encoded(value: object) -> bytes:
    """Write JSON as the API server does: compact, with a newline at the end."""
    return msgspec.json.encode(value) + b"\n"


def as_json(status: int, value: object) -> Answer:
    """Return ``value`` as a JSON answer."""
    return Answer(status, encoded(value), {**HEADERS, **FLOW})


def failure(
    code: int,
    reason: str,
    message: str,
    *,
    details: Mapping[str, Any] | None = None,
    token: Token | None = None,
) -> Event:
    """Return a Status object; ``token`` is the one that a 410 offers to go on with."""
    status: Event = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {"continue": str(token)} if token else {},
        "status": "Failure",
        "message": message,
        "reason": reason,
    }
    if details is not None:
        status["details"] = dict(details)
    status["code"] = code
    return status


def version() -> Answer:
    """Return the answer to /version, the one body that the server writes indented."""
    body = json.dumps(_VERSION, indent=2).encode()
    return Answer(200, body, {**HEADERS, **FLOW})


def bad_request(message: str) -> Answer:
    """Return the 400 for an option that cannot be read."""
    return as_json(400, failure(400, "BadRequest", message))


def unauthorized() -> Answer:
    """Return the 401 for a token that is missing, wrong or expired."""
    return Answer(401, encoded(failure(401, "Unauthorized", "Unauthorized")), HEADERS)


def forbidden(
    *, user: str, verb: str, group: str, namespace: str, resource: str, name: str
) -> Answer:
    """Return the 403 for an account without the verb on the resource."""
    qualified = f"{resource}.{group}" if group else resource
    subject = f'{qualified} "{name}"' if name else qualified
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    message = (
        f'{subject} is forbidden: User "{user}" cannot {verb} resource "{resource}" '
        f'in API group "{group}" {where}'
    )
    details = {"name": name, "group": group, "kind": resource}
    details = {key: value for key, value in details.items() if value}
    answer = as_json(403, failure(403, "Forbidden", message, details=details))
    return Answer(403, answer.body, {**answer.headers, "X-Content-Type-Options": "nosniff"})


def expired(token: Token | None) -> Answer:
    """Return the 410 for a compacted revision; with the token to go on with if one was given."""
    if token is None:
        message = "The resourceVersion for the provided list is too old."
        return as_json(410, failure(410, "Expired", message))
    onward = Token(LATEST, token.start)
    return as_json(410, failure(410, "Expired", _CONTINUE_EXPIRED, token=onward))


def no_such_path() -> Answer:
    """Return the 404 for a path that the server does not know: text, not a Status."""
    return Answer(404, b"404 page not found\n", {"Content-Type": "text/plain; charset=utf-8"})


def method_not_allowed() -> Answer:
    """Return the 405 for a verb that the fake does not speak."""
    message = "the server does not allow this method on the requested resource"
    return as_json(405, failure(405, "MethodNotAllowed", message, details={}))


def not_acceptable() -> Answer:
    """Return the 406 for an Accept header without a form that we write."""
    message = "only the following media types are accepted: application/json"
    return as_json(406, failure(406, "NotAcceptable", message))


def not_found(name: str, resource: str) -> Answer:
    """Return the 404 for an object that is not there."""
    details = {"name": name, "kind": resource}
    return as_json(404, failure(404, "NotFound", f'{resource} "{name}" not found', details=details))


def already_exists(name: str) -> Answer:
    """Return the 409 for an event that is there already."""
    details = {"name": name, "kind": "events"}
    message = f'events "{name}" already exists'
    return as_json(409, failure(409, "AlreadyExists", message, details=details))


def namespace(name: str, uid: str) -> Answer:
    """Return a namespace object."""
    metadata = {"name": name, "uid": uid, "resourceVersion": "1"}
    return as_json(200, {"kind": "Namespace", "apiVersion": "v1", "metadata": metadata})


def stream(lines: Iterator[bytes], *, packed: bool = False) -> Answer:
    """Return the answer to a WATCH: its lines as they come, or in protobuf its frames."""
    headers = {"Content-Type": f"{protobuf.CONTENT_TYPE};stream=watch"} if packed else {}
    return Answer(200, lines, {**HEADERS, **FLOW, **headers})


def page(
    view: View, *, options: ListOptions, shape: Shape, namespace: str
) -> tuple[Answer, Token | None]:
    """Return one page of the list of ``namespace`` (all, if empty), and its continue token."""
    prefix = f"{namespace}/" if namespace else ""
    start = bisect_left(view.keys, prefix + (options.token.start if options.token else ""))
    # "0" is the byte after "/": the end of the namespace's keys.
    end = bisect_left(view.keys, f"{namespace}0") if namespace else len(view.keys)
    items: list[Event] = []
    position = start
    while position < end and not (options.limit and len(items) >= options.limit):
        event = view.events[position]
        if options.selects(event):
            items.append(shape.item(event))
        position += 1
    metadata: Event = {"resourceVersion": str(view.resource_version)}
    onward = None
    if position < end:
        last = view.keys[position - 1].removeprefix(prefix)
        onward = Token(view.resource_version, last + "\0")
        metadata["continue"] = str(onward)
        if not options.selector:
            metadata["remainingItemCount"] = end - position
    body = {
        "kind": shape.list_kind,
        "apiVersion": shape.api_version,
        "metadata": metadata,
        "items": items,
    }
    return as_json(200, body), onward


def watch_line(
    change: Change, *, options: ListOptions, shape: Shape, packed: bool = False
) -> bytes | None:
    """Return the line for one change, as seen through the selector; None where it shows nothing."""
    is_in = change.kind != "DELETED" and options.selects(change.event)
    was_in = change.previous is not None and options.selects(change.previous)
    if not is_in and not was_in:
        return None
    kind = ("MODIFIED" if was_in else "ADDED") if is_in else "DELETED"
    return changed(kind, shape.object(change.event), packed=packed)


def changed(kind: str, shown: Event, *, packed: bool) -> bytes:
    """Return the line, or the frame, that tells one change."""
    return protobuf.frame(kind, shown) if packed else encoded({"type": kind, "object": shown})


def watch_expired(*, packed: bool = False) -> bytes:
    """Return the ERROR line of a watch from a compacted revision."""
    message = "The resourceVersion for the provided watch is too old."
    return changed("ERROR", failure(410, "Expired", message), packed=packed)


def compressed(answer: Answer, request: Request) -> Answer:
    """Compress at level 1 what is large enough, where the client accepts it and nobody did yet."""
    accepted = "gzip" in request.headers.get("accept-encoding", "")
    if not accepted or not isinstance(answer.body, bytes) or len(answer.body) <= _GZIP_ABOVE:
        return answer
    if "Content-Encoding" in answer.headers:
        return answer
    headers = {**answer.headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return replace(answer, body=gzip.compress(answer.body, 1), headers=headers)
