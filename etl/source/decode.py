"""JSON of the API to event structs: fast where the API keeps its word, lenient item by item where not.

One struct holds the fields of both API groups, because a LIST of either returns the
same objects: core/v1 says involvedObject, message, count, source, reportingComponent;
events.k8s.io/v1 says regarding, note, deprecatedCount, deprecatedSource,
reportingController. Of managedFields only the times are decoded: they are 30 % of the
bytes and nothing else in them is wanted.

A page is decoded whole; only if that fails is it taken apart, so that one odd item
costs itself and not the page. Whatever holds a metadata object becomes an event.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

import msgspec

# DuckDB and Parquet hold counts as 64-bit integers; a larger claim is read leniently.
Count = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
# Some bundlers (Harvester's) write the word instead of JSON's null.
NULL_WORD = "null"


class Reference(msgspec.Struct, frozen=True, gc=False):
    """involvedObject, regarding or related."""

    kind: str | None = None
    namespace: str | None = None
    name: str | None = None
    uid: str | None = None
    apiVersion: str | None = None  # noqa: N815 -- the API's spelling
    fieldPath: str | None = None  # noqa: N815


class EventSource(msgspec.Struct, frozen=True, gc=False):
    """source or deprecatedSource."""

    component: str | None = None
    host: str | None = None


class Series(msgspec.Struct, frozen=True, gc=False):
    """series: the count of writers that use events.k8s.io."""

    count: Count | None = None
    lastObservedTime: str | None = None  # noqa: N815


class ManagedField(msgspec.Struct, frozen=True, gc=False):
    """One entry of managedFields: only its time."""

    time: str | None = None


class Metadata(msgspec.Struct, frozen=True, gc=False):
    """metadata of an event object."""

    name: str | None = None
    namespace: str | None = None
    uid: str | None = None
    resourceVersion: str | None = None  # noqa: N815
    creationTimestamp: str | None = None  # noqa: N815
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    managedFields: list[ManagedField] | None = None  # noqa: N815


class EventObject(msgspec.Struct, frozen=True, gc=False):
    """An event object of either API group, as its JSON says; times are still text."""

    metadata: Metadata
    involvedObject: Reference | None = None  # noqa: N815
    regarding: Reference | None = None
    related: Reference | None = None
    reason: str | None = None
    message: str | None = None
    note: str | None = None
    type: str | None = None
    action: str | None = None
    source: EventSource | None = None
    deprecatedSource: EventSource | None = None  # noqa: N815
    count: Count | None = None
    deprecatedCount: Count | None = None  # noqa: N815
    firstTimestamp: str | None = None  # noqa: N815
    lastTimestamp: str | None = None  # noqa: N815
    deprecatedFirstTimestamp: str | None = None  # noqa: N815
    deprecatedLastTimestamp: str | None = None  # noqa: N815
    eventTime: str | None = None  # noqa: N815
    series: Series | None = None
    reportingComponent: str | None = None  # noqa: N815
    reportingController: str | None = None  # noqa: N815
    reportingInstance: str | None = None  # noqa: N815


class StateMetadata(msgspec.Struct, frozen=True, gc=False):
    """The part of metadata that tells one state of an object from another."""

    uid: str | None = None
    resourceVersion: str | None = None  # noqa: N815
    creationTimestamp: str | None = None  # noqa: N815
    managedFields: list[ManagedField] | None = None  # noqa: N815


class StateObject(msgspec.Struct, frozen=True, gc=False):
    """The part of an event object that tells its state: half the cost of decoding all of it."""

    metadata: StateMetadata
    count: Count | None = None
    deprecatedCount: Count | None = None  # noqa: N815
    firstTimestamp: str | None = None  # noqa: N815
    lastTimestamp: str | None = None  # noqa: N815
    deprecatedFirstTimestamp: str | None = None  # noqa: N815
    deprecatedLastTimestamp: str | None = None  # noqa: N815
    eventTime: str | None = None  # noqa: N815
    series: Series | None = None


class ListMeta(msgspec.Struct, frozen=True, gc=False):
    """metadata of a list: its version and how to go on."""

    resourceVersion: str | None = None  # noqa: N815
    continue_: str | None = msgspec.field(default=None, name="continue")
    remainingItemCount: int | None = None  # noqa: N815


class ListHeader(msgspec.Struct, frozen=True, gc=False):
    """A list without its items: enough to ask for the next page before decoding this one."""

    kind: str | None = None
    metadata: ListMeta = ListMeta()


class _EventList(msgspec.Struct, frozen=True, gc=False):
    items: list[EventObject]


class _StateList(msgspec.Struct, frozen=True, gc=False):
    items: list[StateObject]


class _RawList(msgspec.Struct, frozen=True, gc=False):
    items: list[msgspec.Raw]


@dataclass(slots=True)
class Decoded:
    """Events of one document or page, in order.

    ``malformed`` holds the positions of events that were read leniently;
    ``unreadable`` a name or position for each item that could not be read at all.
    """

    events: list[EventObject] = field(default_factory=list)
    malformed: set[int] = field(default_factory=set)
    unreadable: list[str] = field(default_factory=list)


_header = msgspec.json.Decoder(ListHeader)
_events = msgspec.json.Decoder(_EventList)
_states = msgspec.json.Decoder(_StateList)
_raw_items = msgspec.json.Decoder(_RawList)
_event = msgspec.json.Decoder(EventObject)
_S = TypeVar("_S", bound=msgspec.Struct)


def header(body: bytes) -> ListHeader:
    """Read a list's kind and metadata; raises ``msgspec.DecodeError`` if ``body`` is no JSON object."""
    return _header.decode(body)


def page(body: bytes) -> Decoded:
    """Decode an EventList; raises ``msgspec.DecodeError`` if ``body`` is not JSON or has no items."""
    try:
        return Decoded(_events.decode(body).items)
    except msgspec.ValidationError:
        # One item at least is not what the API allows: take the page apart.
        decoded = Decoded()
        for position, raw in enumerate(_raw_items.decode(body).items):
            add_item(decoded, raw, f"item {position}")
        return decoded


def states(body: bytes) -> list[StateObject] | None:
    """Decode only what tells the states of an EventList; null if one item is odd and the page needs care.

    Raises ``msgspec.DecodeError`` if ``body`` is not JSON or has no items.
    """
    try:
        return _states.decode(body).items
    except msgspec.ValidationError:
        # ``page`` takes it apart and says which item it is.
        return None


def chosen(body: bytes, positions: list[int]) -> Decoded:
    """Decode the items at ``positions`` of an EventList whose states have been decoded."""
    raws = _raw_items.decode(body).items
    decoded = Decoded()
    for position in positions:
        add_item(decoded, raws[position], f"item {position}")
    return decoded


def add_item(decoded: Decoded, raw: msgspec.Raw | bytes, place: str) -> None:
    """Decode one event object and add it to ``decoded``, leniently where it must be."""
    try:
        decoded.events.append(_event.decode(raw))
    except msgspec.MsgspecError:
        try:
            plain = json.loads(bytes(raw).decode("utf-8", "replace"))
        except ValueError:
            decoded.unreadable.append(place)
            return
        add_plain(decoded, plain, place)


def add_plain(decoded: Decoded, plain: object, place: str) -> None:
    """Add an event object that is already Python data (from YAML, or odd JSON)."""
    if not isinstance(plain, dict) or not isinstance(plain.get("metadata"), dict):
        decoded.unreadable.append(place)
        return
    try:
        decoded.events.append(msgspec.convert(plain, EventObject))
    except msgspec.ValidationError:
        pass
    else:
        return
    odd: list[str] = []
    event = _lenient(EventObject, plain, odd)
    if odd:
        decoded.malformed.add(len(decoded.events))
    decoded.events.append(event)


def _lenient(kind: type[_S], plain: dict[str, Any], odd: list[str]) -> _S:
    """Build a struct from whatever is there; what does not fit is null, or text of it, and noted in ``odd``."""
    hints = get_type_hints(kind, include_extras=True)
    values: dict[str, Any] = {}
    for column in msgspec.structs.fields(kind):
        value = plain.get(column.encode_name)
        if value is None or (value == NULL_WORD and column.encode_name not in _TEXTS):
            continue
        values[column.name] = _fitting(hints[column.name], value, odd, column.encode_name)
    return kind(**values)


# Where the word null may be what a person wrote.
_TEXTS = frozenset({"message", "note", "reason", "name"})


def _fitting(hint: Any, value: Any, odd: list[str], name: str) -> Any:  # noqa: PLR0911 -- one line a type
    wanted = next((a for a in get_args(hint) if a is not type(None)), hint)
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        if isinstance(value, dict):
            return _lenient(wanted, value, odd)
        odd.append(name)
        return None
    try:
        return msgspec.convert(value, hint)
    except msgspec.ValidationError:
        odd.append(name)
    if wanted is str:
        return (
            value.isoformat()
            if hasattr(value, "isoformat")
            else json.dumps(value, ensure_ascii=False)
        )
    if wanted == Count:
        return _whole_number(value)
    if isinstance(value, dict):
        return {str(k): v if isinstance(v, str) else json.dumps(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_lenient(ManagedField, v, odd) for v in value if isinstance(v, dict)]
    return None


def _whole_number(value: object) -> int | None:
    try:
        number = int(str(value))
    except ValueError:
        return None
    return number if -(2**63) <= number < 2**63 else None
