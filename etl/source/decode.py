"""JSON of the API to event structs: fast where the API keeps its word, lenient item by item where not.

A page is decoded whole; only if that fails is it taken apart, so that one odd item
costs itself and not the page. Whatever holds a metadata object becomes an event.
Broken text is read as Go reads it: what is not Unicode becomes U+FFFD.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from etl.source import lenient
from etl.source.objects import EventObject, StateObject


class ListMeta(msgspec.Struct, frozen=True, gc=False):
    """metadata of a list: its version and how to go on."""

    resourceVersion: str | None = None  # noqa: N815
    continue_: str | None = msgspec.field(default=None, name="continue")
    remainingItemCount: int | None = None  # noqa: N815


class ListHeader(msgspec.Struct, frozen=True, gc=False):
    """A list without its items: enough to ask for the next page before decoding this one."""

    kind: str | None = None
    metadata: ListMeta = ListMeta()


# Go writes an empty list as null where nobody prevents it.
class _EventList(msgspec.Struct, frozen=True, gc=False):
    items: list[EventObject] | None


class _StateList(msgspec.Struct, frozen=True, gc=False):
    items: list[StateObject] | None


class _RawList(msgspec.Struct, frozen=True, gc=False):
    items: list[msgspec.Raw] | None


@dataclass(slots=True)
class Decoded:
    """Events of one document or page, in order.

    ``malformed`` holds the positions of events that were read leniently;
    ``unreadable`` a name or position for each item that could not be read at all.
    """

    events: list[EventObject] = field(default_factory=list)
    malformed: set[int] = field(default_factory=set)
    unreadable: list[str] = field(default_factory=list)


def joined(one: Decoded, other: Decoded) -> Decoded:
    """Return the events of both, in order: a chunk that costs less than two small ones."""
    if not one.events and not one.unreadable:
        return other
    return Decoded(
        one.events + other.events,
        one.malformed | {position + len(one.events) for position in other.malformed},
        one.unreadable + other.unreadable,
    )


# What msgspec raises for JSON that is not as the struct says, not UTF-8, or nested too deep.
_ODD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
# How the API writes a list: its kind and metadata first, of which the token is the longest.
_LONGEST_HEAD = 64 * 1024
_ITEMS, _NO_ITEMS, _ENDS = b'"items":[', b'"items":[]}', (b"]}", b"]}\n")
_header = msgspec.json.Decoder(ListHeader)
_events = msgspec.json.Decoder(_EventList)
_states = msgspec.json.Decoder(_StateList)
_raw_items = msgspec.json.Decoder(_RawList)
_event = msgspec.json.Decoder(EventObject)


def header(body: bytes) -> ListHeader:
    """Read a list's kind and metadata; raises ``msgspec.DecodeError`` if ``body`` is no JSON object.

    Where a body is built as the API builds it, its metadata first and its items last, the
    items are not looked at: that would cost as much as decoding their states.
    """
    head, items, _rest = body[:_LONGEST_HEAD].partition(_ITEMS)
    if items and body.endswith(_ENDS):
        try:
            found = _header.decode(head + _NO_ITEMS)
        except _ODD:
            # These items are not the list's own.
            return _header.decode(body)
        if found.metadata.resourceVersion:
            return found
    return _header.decode(body)


def page(body: bytes) -> Decoded:
    """Decode an EventList; raises ``msgspec.DecodeError`` if ``body`` is not JSON or has no items."""
    try:
        return Decoded(_events.decode(body).items or [])
    except _ODD:
        # One item at least is not what the API allows: take the page apart.
        decoded = Decoded()
        for position, raw in enumerate(raws(body)):
            add_item(decoded, raw, f"item {position}")
        return decoded


def states(body: bytes) -> list[StateObject] | None:
    """Decode only what tells the states of an EventList; null if one item is odd and the page needs care."""
    try:
        return _states.decode(body).items or []
    except _ODD:
        # ``page`` takes it apart and says which item it is, or that it is no page.
        return None


def chosen(items: list[msgspec.Raw], positions: list[int]) -> Decoded:
    """Decode the items at ``positions``."""
    decoded = Decoded()
    for position in positions:
        add_item(decoded, items[position], f"item {position}")
    return decoded


def raws(body: bytes) -> list[msgspec.Raw]:
    """Return the undecoded items; raises ``msgspec.DecodeError`` as for the body it was given."""
    try:
        return _raw_items.decode(body).items or []
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, RecursionError) as error:
        try:
            return _raw_items.decode(lenient.repaired(body)).items or []
        except ValueError:
            raise msgspec.DecodeError(str(error)) from error


def add_item(decoded: Decoded, raw: msgspec.Raw | bytes, place: str) -> None:
    """Decode one event object and add it to ``decoded``, leniently where it must be."""
    try:
        decoded.events.append(_event.decode(raw))
    except _ODD:
        try:
            plain = lenient.plain_json(bytes(raw))
        except ValueError:
            decoded.unreadable.append(place)
            return
        add_plain(decoded, plain, place)


def add_plain(decoded: Decoded, plain: object, place: str) -> None:
    """Add an event object that is already Python data (from YAML, or odd JSON)."""
    if not isinstance(plain, dict) or not isinstance(plain.get("metadata"), dict):
        decoded.unreadable.append(place)
        return
    event, odd = lenient.event(plain)
    if odd:
        decoded.malformed.add(len(decoded.events))
    decoded.events.append(event)
