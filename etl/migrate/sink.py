"""A ``--sink=`` argument of kube-eventer to its parts, and to which events it lets through.

Filters are those of its source: a webhook without ``level`` gets everything, robots get
warnings; kinds are whole names, reasons are expressions found anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from etl.migrate.expressions import NEVER, is_re2
from etl.migrate.found import Found


@dataclass(frozen=True, slots=True)
class Sink:
    """One argument: its kind, its address, the values of its query, and how messages call it."""

    kind: str
    uri: SplitResult
    options: Mapping[str, list[str]]
    title: str

    def first(self, name: str, default: str = "") -> str:
        """Return the first value of an option."""
        return (self.options.get(name) or [default])[0]

    def several(self, name: str) -> list[str]:
        """Return the values of an option that takes a list: only its first mention counts, split at commas."""
        return [one for one in self.first(name).split(",") if one]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands around the arguments: bodies of ConfigMaps by (namespace, name), and the zone that times are printed in."""

    bodies: Mapping[tuple[str, str], str]
    zone: str = ""


def parsed(argument: str, number: int) -> Sink | None:
    """Return an argument as a sink, the ``number``-th; null where it is none."""
    kind, colon, address = argument.removeprefix("--sink").lstrip("= ").partition(":")
    kind = kind.strip("'\" ")
    if (not colon and kind != "log") or not re.fullmatch(r"\w+", kind):
        return None
    uri = urlsplit(address.strip("'\" "))
    return Sink(kind, uri, parse_qs(uri.query, keep_blank_values=True), f"sink {number} ({kind})")


def webhook_match(sink: Sink, found: Found) -> dict[str, Any]:
    """Return which events a webhook gets: without ``level`` all, with Normal both types."""
    match: dict[str, Any] = {}
    level = sink.first("level")
    if level:
        match["type"] = "^(Normal|Warning)$" if level == "Normal" else "^Warning$"
    match |= _lists(sink)
    if "default" in sink.several("namespaces"):
        found.note(
            f"{sink.title}: kube-eventer asks for the namespace of the object, eventlake for that of the event; those of nodes are in default, and come too"
        )
    if reasons := [
        one for given in sink.options.get("reason", []) for one in given.split(",") if one
    ]:
        if len(sink.options["reason"]) > 1:
            found.note(
                f"{sink.title}: kube-eventer reads only the first reason, though its documentation says that there may be several; here each counts"
            )
        wrong = [one for one in reasons if not is_re2(one)]
        for one in wrong:
            found.refuse(
                f"{sink.title}: reason {one}", "is no expression, so kube-eventer never matches it"
            )
        match["reason"] = "|".join(one for one in reasons if one not in wrong) or NEVER
    return match


def level_match(sink: Sink) -> dict[str, Any]:
    """Return which events a robot gets: without ``level`` warnings only."""
    level = sink.first("level", "Warning")
    types = {"Warning": "^Warning$", "Normal": "^(Normal|Warning)$"}
    return ({"type": types[level]} if level in types else {}) | _lists(sink)


def _lists(sink: Sink) -> dict[str, Any]:
    """Return what is asked for by its whole name."""
    found: dict[str, Any] = {}
    for ours, theirs in (("namespace", "namespaces"), ("kind", "kinds")):
        if values := sink.several(theirs):
            found[ours] = f"^({'|'.join(map(whole, values))})$"
    return found


def whole(value: str) -> str:
    """Return a name as an expression: an expression stays one, as kube-eventer's documentation has it of namespaces."""
    return value if is_re2(value) else re.escape(value)
