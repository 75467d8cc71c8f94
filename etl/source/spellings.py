"""Events in other spellings and inside other documents, to event objects as the API writes them.

The official Python client's ``to_dict()`` says ``involved_object``; ``kubectl cluster-info
dump`` of clients before 1.10 says ``InvolvedObject`` and has the fields of metadata beside it,
because it wrote Go's internal structs. Log systems wrap events: Elasticsearch in ``_source``,
Loki as text in a line of a stream, container logs in ``log``. What an event is does not depend
on what stands around it: an object with a name or uid of its own that says what it is about.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, get_args, get_type_hints

import msgspec

from etl.source.objects import EventObject, Metadata

# What no event object is without, in any spelling, also within a text within a text.
_ABOUT = (b"involvedobject", b"involved_object", b"regarding")
# Flat documents have none of these words; theirs are common, and so all of them are wanted.
_FLAT = ("kind", "name", "reason", "message", "type", "timestamp")
_FLAT_WORDS = tuple(f'"{word}"'.encode() for word in _FLAT)
# Envelopes around envelopes; what is nested deeper is no export of a log system.
_DEEPEST = 8
_LIST_KINDS = ("List", "Event", "EventList")
_METADATA = ("metadata", "objectmeta")


def might_hold(raw: bytes) -> bool:
    """Whether JSON that is no event in the API's spelling is worth a closer look: far cheaper than the look."""
    lower = raw.lower()
    return any(word in lower for word in _ABOUT) or all(word in raw for word in _FLAT_WORDS)


def events(plain: object) -> Iterator[dict[str, Any]]:
    """Yield the event objects that ``plain``, data of JSON or YAML, is or holds, in the API's spelling."""
    yield from _within(plain, 0, set())


def _within(plain: object, depth: int, seen: set[int]) -> Iterator[dict[str, Any]]:
    if depth > _DEEPEST:
        return
    if isinstance(plain, dict | list):
        # YAML can say the same list a billion times, of lists that do so themselves.
        if id(plain) in seen:
            return
        seen.add(id(plain))
    if isinstance(plain, str):
        yield from _text(plain, depth)
    elif isinstance(plain, list):
        for item in plain:
            yield from _within(item, depth + 1, seen)
    elif isinstance(plain, dict):
        yield from _object(plain, depth, seen)


def _text(text: str, depth: int) -> Iterator[dict[str, Any]]:
    """Look into a text that is itself JSON, such as a line of a log after its time and stream."""
    start = text.find("{")
    if start < 0 or not might_hold(text.encode("utf-8", "replace")):
        return
    try:
        inner = msgspec.json.decode(text[start:].encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        # A message may quote anything; that is no event.
        return
    # Of its own objects only, which are gone afterwards, and their numbers with them.
    yield from _within(inner, depth + 1, set())


def _object(plain: dict[Any, Any], depth: int, seen: set[int]) -> Iterator[dict[str, Any]]:
    folded = _folded(plain)
    found = _event(folded) or _flat(folded)
    if found:
        yield found
    elif "rawobject" in folded:
        # The Python client's watch says each event twice, in both spellings.
        yield from _within(folded["rawobject"], depth + 1, seen)
    elif not _is_other_object(folded):
        for value in plain.values():
            yield from _within(value, depth + 1, seen)


def _folded(plain: dict[Any, Any]) -> dict[str, Any]:
    """Return ``plain`` with its keys in the one spelling that all others have in common."""
    return {_fold(str(key)): value for key, value in plain.items()}


def _fold(key: str) -> str:
    return key.replace("_", "").lower()


def _event(folded: dict[str, Any]) -> dict[str, Any] | None:
    """Return the event object that this is; null if it is none."""
    about = folded.get("involvedobject") or folded.get("regarding")
    if not isinstance(about, dict) or not _says(_folded(about), "kind", "name", "uid"):
        return None
    metadata = next(
        (folded[name] for name in _METADATA if isinstance(folded.get(name), dict)), None
    )
    own = folded if metadata is None else _folded(metadata)
    if not _says(own, "name", "uid"):
        return None
    event = _respelled(EventObject, folded)
    event["metadata"] = _respelled(Metadata, own)
    return event | _cluster(folded, "clustername")


def _flat(folded: dict[str, Any]) -> dict[str, Any] | None:
    """Return the event of a flat document, as a layout of kubernetes-event-exporter makes them; null if it is none.

    Such a document tells one happening and not which event object it was, so it has no uid:
    one is made from what it says.
    """
    if "metadata" in folded or "apiversion" in folded:
        return None
    if not all(isinstance(folded.get(word), str) for word in _FLAT):
        return None
    namespace = folded.get("namespace")
    about = {"kind": folded["kind"], "name": folded["name"], "namespace": namespace}
    return {
        "metadata": {"namespace": namespace or "default"},
        "involvedObject": about,
        "reason": folded["reason"],
        "message": folded["message"],
        "type": folded["type"],
        "firstTimestamp": folded["timestamp"],
        "lastTimestamp": folded["timestamp"],
        **_cluster(folded, "cluster", "clustername"),
    }


def _cluster(folded: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return what an exporter says of its cluster, by the name that kubernetes-event-exporter has for it."""
    return next(({"clusterName": folded[name]} for name in names if folded.get(name)), {})


def _says(folded: dict[str, Any], *names: str) -> bool:
    return any(isinstance(folded.get(name), str) and folded[name] for name in names)


def _is_other_object(folded: dict[str, Any]) -> bool:
    """Whether this is an object of the API that is no event: what its texts quote is not its own."""
    kind = folded.get("kind")
    return (
        isinstance(kind, str)
        and kind not in _LIST_KINDS
        and isinstance(folded.get("apiversion"), str)
        and isinstance(folded.get("metadata"), dict)
    )


def _respelled(kind: type[msgspec.Struct], folded: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of ``kind`` that are there, by the names that the API gives them."""
    return {
        name: _value(inside, folded[fold])
        for fold, (name, inside) in _fields(kind).items()
        if fold in folded
    }


def _value(inside: type[msgspec.Struct] | None, value: object) -> object:
    if isinstance(value, dict):
        folded = _folded(value)
        if inside is not None:
            return _respelled(inside, folded)
        # Go's struct of a time, as YAML of Go's own structs writes it.
        return folded["time"] if list(folded) == ["time"] else value
    if inside is not None and isinstance(value, list):
        return [_value(inside, item) for item in value]
    return value


@cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, tuple[str, type[msgspec.Struct] | None]]:
    """Return by folded name the fields of a struct: their name in the API, and the struct that they hold."""
    hints = get_type_hints(kind)
    return {
        _fold(field.encode_name): (field.encode_name, _struct(hints[field.name]))
        for field in msgspec.structs.fields(kind)
    }


def _struct(hint: object) -> type[msgspec.Struct] | None:
    """Return the struct within an optional one, or within a list of them; null for anything else."""
    for part in (hint, *get_args(hint), *(a for inner in get_args(hint) for a in get_args(inner))):
        if isinstance(part, type) and issubclass(part, msgspec.Struct):
            return part
    return None
