"""The forms that exporters written in Go give an event: functions for templates that came from there.

An event is the API's own object (``documents``); what it does not have is what Go has
for it: an empty text, 0, the year 1. So a template that was translated gives the text
that it gave before, character for character. Sources: kubernetes-event-exporter's
``pkg/kube/event.go``, the Go packages ``time``, ``encoding/json`` and ``fmt``, and
apimachinery's ``metav1.Time``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

# Go's zero time.
_YEAR_ONE = datetime(1, 1, 1, tzinfo=UTC)
# Go writes a layout as its reference time; longer words come first.
_LAYOUT = re.compile(
    r"January|Jan|Monday|Mon|MST|2006|-07:00|-0700|-07|Z07:00|Z0700|[.,]0+(?!\d)|[.,]9+(?!\d)"
    r"|01|02|03|04|05|06|15|_2|PM|pm|1|2|3|4|5"
)
_STRFTIME = {"January": "%B", "Jan": "%b", "Monday": "%A", "Mon": "%a", "2006": "%Y"}
_STRFTIME |= {"01": "%m", "02": "%d", "03": "%I", "04": "%M", "05": "%S", "06": "%y", "15": "%H"}
# fmt: off
_METADATA = (
    "name", "namespace", "uid", "resourceVersion", "creationTimestamp", "labels", "annotations",
)
_BODY = (
    "reason", "message", "source", "firstTimestamp", "lastTimestamp", "count", "type", "eventTime", "series",
    "action", "related", "reportingComponent", "reportingInstance",
)
# fmt: on
_LOOKED_UP = ("labels", "annotations")
# What Go writes even where nothing is in it: structs and times know no omitempty.
_ALWAYS: dict[str, Any] = {"source": {}, "firstTimestamp": None, "lastTimestamp": None}
_ALWAYS |= {"eventTime": None, "reportingComponent": "", "reportingInstance": ""}


class Ordered(dict[str, Any]):
    """An object whose keys stand as Go has them, where JSON of anything else is sorted."""


def core_event(event: Mapping[str, Any]) -> Ordered:
    """Return the event as Go marshals ``corev1.Event``: in its order, with what it never leaves out."""
    metadata = event.get("metadata") or {}
    found = Ordered(
        metadata=Ordered(
            (name, metadata.get(name))
            for name in _METADATA
            if metadata.get(name) or name == "creationTimestamp"
        ),
        # What only event exporters know of an object is not among it.
        involvedObject=Ordered(
            (name, value)
            for name, value in _part(event.get("involvedObject")).items()
            if name not in _LOOKED_UP
        ),
    )
    for name in _BODY:
        value = event.get(name)
        if value or name in _ALWAYS:
            found[name] = (_part(value) if isinstance(value, Mapping) else value) or _ALWAYS[name]
    return found


def exporter_event(event: Mapping[str, Any], cluster: str) -> Ordered:
    """Return the event as kubernetes-event-exporter marshals it: with ``clusterName``, the object last."""
    found = core_event(event)
    del found["involvedObject"]
    subject = _part(event.get("involvedObject"))
    return Ordered(found, clusterName=cluster, involvedObject=subject)


def time(moment: object, zone: str = "UTC") -> str:
    """Return a time as Go prints it, such as ``2026-11-23 08:00:00 +0000 UTC``; none is the year 1."""
    found = _time(moment)
    if found == _YEAR_ONE:
        return "0001-01-01 00:00:00 +0000 UTC"
    local = found.astimezone(ZoneInfo(zone))
    fraction = f".{local.microsecond:06d}".rstrip("0").rstrip(".")
    return f"{local:%Y-%m-%d %H:%M:%S}{fraction} {local:%z %Z}"


def map_(found: Mapping[str, object] | None) -> str:
    """Return a map as Go prints it: ``map[a:1 b:2]``, by its keys."""
    items = sorted((found or {}).items())
    return f"map[{' '.join(f'{key}:{value}' for key, value in items)}]"


def quote(text: object) -> str:
    """Return a text as ``%q`` and sprig's ``quote`` do: a Go string."""
    short = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    short |= {"\v": "\\v", "\\": "\\\\", '"': '\\"'}
    return '"' + "".join(short.get(c) or _quoted(c) for c in str(text)) + '"'


def cut(text: str, start: int | None, end: int | None) -> str:
    """Return bytes of a text, as Go slices one; a character that would be cut is left out."""
    return text.encode()[start:end].decode("utf-8", "ignore")


def date(layout: str, moment: object, zone: str = "UTC") -> str:
    """Return a time in a layout of Go's, such as ``2006-01-02 15:04``."""
    found = _time(moment)
    local = found if found == _YEAR_ONE else found.astimezone(ZoneInfo(zone))
    return _LAYOUT.sub(lambda one: _word(one[0], local), layout)


def _word(word: str, local: datetime) -> str:
    """Return what one word of a layout stands for."""
    if word in _STRFTIME:
        # Python leaves the zeros before a year below 1000 to the system.
        return f"{local.year:04d}" if word == "2006" else local.strftime(_STRFTIME[word])
    if word[0] in ".,":
        digits = word[0] + f"{local.microsecond:06d}".ljust(len(word) - 1, "0")[: len(word) - 1]
        return digits if word[1] == "0" else digits.rstrip("0").rstrip(".,")
    offset = local.strftime("%z")
    half = local.strftime("%p")
    return {
        "1": str(local.month),
        "2": str(local.day),
        "_2": f"{local.day:2d}",
        "3": str((local.hour - 1) % 12 + 1),
        "4": str(local.minute),
        "5": str(local.second),
        "PM": half,
        "pm": half.lower(),
        "MST": local.strftime("%Z"),
        "-07": offset[:3],
        "-0700": offset,
        "-07:00": f"{offset[:3]}:{offset[3:]}",
        "Z0700": "Z" if offset == "+0000" else offset,
        "Z07:00": "Z" if offset == "+0000" else f"{offset[:3]}:{offset[3:]}",
    }[word]


def _time(moment: object) -> datetime:
    """Return a time of the event, whether it came as text or as a time; none is Go's zero time."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC)
    if isinstance(moment, str) and moment:
        return datetime.fromisoformat(moment).astimezone(UTC)
    return _YEAR_ONE


def _quoted(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:  # noqa: PLR2004 -- ASCII
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 -- the first plane


def _part(given: Mapping[str, Any] | None) -> Ordered:
    """Return an object within the event, without what is empty."""
    return Ordered((name, value) for name, value in (given or {}).items() if value)


FUNCTIONS: dict[str, Callable[..., object]] = {
    "exporter_event": exporter_event,
    "go_cut": cut,
    "go_date": date,
    "go_event": core_event,
    "go_map": map_,
    "go_quote": quote,
    "go_time": time,
}
