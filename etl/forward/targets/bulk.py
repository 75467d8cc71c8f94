"""Messages to the lines of bulk requests, and the answer to each line to what becomes of its message.

The form of both is that of the bulk API (
https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk, which OpenSearch
shares): a line that says what is to be done with the document in the next one. What is
asked can be repeated without harm: an id is overwritten, or, where the id is the event's,
by no older state (``version_type=external_gte``), or, in a data stream, created once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

import msgspec

from etl.config import indexes
from etl.config.forwarding import ElasticsearchTarget
from etl.errors import quoted
from etl.forward.sending import Message
from etl.log import redact

# Longer ones are refused, and with them the request that they are in (action_request_validation_exception).
_LONGEST_ID = 512
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# A version is a long of Java: 52 bits of microseconds last until 2112, and leave 11 for the count.
_COUNT_BITS = 11
_LAST_MOMENT = (1 << 52) - 1
_LAST_COUNT = (1 << _COUNT_BITS) - 1
_DOTTED = ("labels", "annotations")
# These are no fault of the document: it is kept until somebody has mended what they name.
_OUR_FAULT = frozenset({"invalid_index_name_exception", "index_closed_exception"})
_ONLY_CREATE = "only write ops with an op_type of create are allowed in data streams"
_CONFLICT = 409
_BUSY = frozenset({429, 502, 503, 504})
_SERVER = 500
_NOT_ALLOWED = frozenset({401, 403, 404})


class NotADocumentError(Exception):
    """A message's body is no JSON object in one line, so no index can take it."""


@dataclass(frozen=True, slots=True)
class Document:
    """A message as two lines of a bulk request; ``place`` is its place in the batch."""

    place: int
    lines: bytes


class Fate(Enum):
    """What became of one document."""

    SETTLED = "settled"
    """It is there, or a newer state of it is."""
    REFUSED = "refused"
    """No repeat can succeed."""
    LATER = "later"
    """The same may succeed soon."""
    BROKEN = "broken"
    """The server failed over it (500): its trouble may pass, or be this document's doing."""
    STOPPED = "stopped"
    """Nothing will succeed before somebody has mended what the reason names."""


def document(place: int, message: Message, target: ElasticsearchTarget) -> Document:
    """Return ``message`` as lines for ``target``; raises ``NotADocumentError``."""
    action: dict[str, object] = {
        "_index": indexes.named(target.index, message.at),
        "_id": _fit(message.id),
    }
    if target.id == "event":
        action |= {
            "_id": _fit(message.key),
            "version": _version(message),
            "version_type": "external_gte",
        }
    what = "create" if target.data_stream else "index"
    line = msgspec.json.encode({what: action})
    return Document(place, b"%b\n%b\n" % (line, _source(message, target)))


def requests(documents: Sequence[Document], most: int) -> Iterator[list[Document]]:
    """Cut ``documents`` into requests of at most ``most`` bytes; one that is larger goes alone."""
    request: list[Document] = []
    size = 0
    for each in documents:
        if request and size + len(each.lines) > most:
            yield request
            request, size = [], 0
        request.append(each)
        size += len(each.lines)
    if request:
        yield request


def plain_index(answer: object, name: str) -> bool:
    """Whether the documents of a bulk request to the data stream ``name`` went into an index of that name."""
    items = answer.get("items") if isinstance(answer, dict) else None
    return isinstance(items, list) and any(
        isinstance(result, dict) and result.get("_index") == name and "error" not in result
        for item in items
        if isinstance(item, dict)
        for result in item.values()
    )


def fates(answer: object, count: int) -> list[tuple[Fate, str]] | None:
    """Return what became of each of ``count`` documents and why; None if ``answer`` is not that of a bulk request."""
    items = answer.get("items") if isinstance(answer, dict) else None
    if not isinstance(items, list) or len(items) != count:
        return None
    found = []
    for item in items:
        result = next(iter(item.values()), None) if isinstance(item, dict) else None
        if not isinstance(result, dict) or not isinstance(result.get("status"), int):
            return None
        found.append(_fate(result["status"], result.get("error")))
    return found


def told(error: object) -> str:
    """Return an error as the server tells it, as one line: type, reason, and the reason below it."""
    if not isinstance(error, dict):
        return quoted(redact(str(error))) if error else ""
    cause = error.get("caused_by")
    words = [error.get("type"), error.get("reason")]
    words += [cause.get("reason")] if isinstance(cause, dict) else []
    return quoted(redact(": ".join(str(word) for word in words if word)))


def _fate(status: int, error: object) -> tuple[Fate, str]:
    """Class one item's status; what is not known is not repeated for ever."""
    kind = error.get("type") if isinstance(error, dict) else ""
    reason = f"{status} {told(error)}".strip()
    # A conflict says that the document is there already, or a newer state of it.
    if status < 300 or status == _CONFLICT:  # noqa: PLR2004 - the classes of HTTP statuses
        return Fate.SETTLED, ""
    if status in _BUSY or kind == "es_rejected_execution_exception":
        return Fate.LATER, reason
    if status >= _SERVER:
        return Fate.BROKEN, reason
    if status in _NOT_ALLOWED or kind in _OUR_FAULT or _ONLY_CREATE in reason:
        return Fate.STOPPED, reason
    return Fate.REFUSED, reason


def _fit(name: str) -> str:
    """Return ``name``, or what stands for it where it is too long for an id."""
    raw = name.encode("utf-8", "replace")
    return name if len(raw) <= _LONGEST_ID else f"sha256-{hashlib.sha256(raw).hexdigest()}"


def _version(message: Message) -> int:
    """Order the states of an event by ``last_seen``, and those of one moment by their count."""
    moment = min(max((message.at - _EPOCH) // _MICROSECOND, 0), _LAST_MOMENT)
    observation = message.context.get("observation")
    count = observation.get("n") if isinstance(observation, Mapping) else None
    return moment << _COUNT_BITS | min(count if isinstance(count, int) else 1, _LAST_COUNT)


def _source(message: Message, target: ElasticsearchTarget) -> bytes:
    """Return the document itself, changed only where ``target`` asks for it."""
    try:
        tree = msgspec.json.decode(message.body, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotADocumentError(f"not a JSON object: {quoted(str(error), 100)}") from error
    if target.data_stream and "@timestamp" not in tree:
        # A data stream takes nothing without it.
        tree["@timestamp"] = message.at.astimezone(UTC)
    elif not target.dedot and b"\n" not in message.body:
        return message.body
    return msgspec.json.encode(undotted(tree) if target.dedot else tree)


def undotted(tree: object) -> object:
    """Return ``tree`` with underscores for dots in the names of labels and annotations, wherever they stand."""
    if isinstance(tree, list):
        return [undotted(each) for each in tree]
    if not isinstance(tree, dict):
        return tree
    return {
        name: _renamed(value) if name in _DOTTED and isinstance(value, dict) else undotted(value)
        for name, value in tree.items()
    }


def _renamed(names: dict[str, object]) -> dict[str, object]:
    """Replace dots; two names that become one are told apart by one more underscore."""
    kept = {name: value for name, value in names.items() if "." not in name}
    for name, value in names.items():
        if "." in name:
            free = name.replace(".", "_")
            while free in kept:
                free += "_"
            kept[free] = value
    return kept
