"""One stored event in the shapes the API shows it in: core/v1, events.k8s.io/v1, metadata only.

The store holds core/v1. Field order is the API's own, because it shows in dumps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.lib.event_store import Event

# Field of events.k8s.io/v1, its name in core/v1, and whether it is shown even when empty.
_NEW_FIELDS = (
    ("eventTime", "eventTime", True),
    ("series", "series", False),
    ("reportingController", "reportingComponent", False),
    ("reportingInstance", "reportingInstance", False),
    ("action", "action", False),
    ("reason", "reason", False),
    ("regarding", "involvedObject", True),
    ("related", "related", False),
    ("note", "message", False),
    ("type", "type", False),
    ("deprecatedSource", "source", True),
    ("deprecatedFirstTimestamp", "firstTimestamp", True),
    ("deprecatedLastTimestamp", "lastTimestamp", True),
    ("deprecatedCount", "count", False),
)
_STRUCTS = {"involvedObject", "source"}
_PARTIAL = "PartialObjectMetadata"


@dataclass(frozen=True, slots=True)
class Shape:
    """How a list and its items are named, and how an item is made of a stored event."""

    kind: str
    list_kind: str
    api_version: str
    convert: Callable[[Event], Event]
    typed_items: bool = False

    def item(self, event: Event) -> Event:
        """Return an event as an item of a list: kind and apiVersion only where items carry them."""
        return self.object(event) if self.typed_items else self.convert(event)

    def object(self, event: Event) -> Event:
        """Return an event as an object of its own, as a watch and a GET show it."""
        return {"kind": self.kind, "apiVersion": self.api_version, **self.convert(event)}


def shape_of(group: str, accept: str) -> Shape | None:
    """Choose by API group and Accept header; None where no accepted form is one that we speak."""
    for choice in accept.split(",") if accept else ["*/*"]:
        media, *options = [part.strip() for part in choice.split(";")]
        wanted = dict(option.split("=", 1) for option in options if "=" in option)
        if media not in {"application/json", "application/*", "*/*"}:
            continue
        if "as" not in wanted:
            return _EVENTS[group]
        if wanted["as"] in {_PARTIAL, f"{_PARTIAL}List"} and wanted.get("g") == "meta.k8s.io":
            return _METADATA
    return None


def stored(event: Event, group: str) -> Event:
    """Return the core/v1 form of an event that came in as one of ``group``."""
    if not group:
        return {name: value for name, value in event.items() if name not in {"kind", "apiVersion"}}
    core = {"metadata": event["metadata"]}
    for name, old, always in _NEW_FIELDS:
        if name in event or always:
            core[old] = event.get(name, {} if old in _STRUCTS else None)
    return core


def _as_new(event: Event) -> Event:
    shown: Event = {"metadata": event["metadata"]}
    for name, old, always in _NEW_FIELDS:
        value = event.get(old)
        if value or always:
            shown[name] = {} if value is None and old in _STRUCTS else value
    return shown


def _as_metadata(event: Event) -> Event:
    return {"metadata": event["metadata"]}


def _as_core(event: Event) -> Event:
    return event


_EVENTS = {
    "": Shape("Event", "EventList", "v1", _as_core),
    "events.k8s.io": Shape("Event", "EventList", "events.k8s.io/v1", _as_new),
}
_METADATA = Shape(_PARTIAL, f"{_PARTIAL}List", "meta.k8s.io/v1", _as_metadata, typed_items=True)
