"""The query of a LIST or WATCH: limit, continue, fieldSelector, resourceVersion, timeoutSeconds.

Turns text into ``ListOptions``; what the real server refuses with 400 raises
``BadOptionError`` with the real server's words.
"""

from __future__ import annotations

import base64
import binascii
import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.lib.event_store import Event

_INTEGER = re.compile(r"[+-]?[0-9]+\Z")
_ENCODING = "meta.k8s.io/v1"
# The revision in the token of a 410: go on with what is there now.
LATEST = -1
_REFERENCE = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
_METADATA = {f"metadata.{name}": ("metadata", name) for name in ("name", "namespace")}
_LABELS: dict[str, dict[str, tuple[str, ...]]] = {
    "": {
        **{f"involvedObject.{name}": ("involvedObject", name) for name in _REFERENCE},
        "reason": ("reason",),
        "reportingComponent": ("reportingComponent",),
        "source": ("source", "component"),
        "type": ("type",),
        **_METADATA,
    },
    "events.k8s.io": {
        **{f"regarding.{name}": ("involvedObject", name) for name in _REFERENCE},
        "reason": ("reason",),
        "reportingController": ("reportingComponent",),
        "type": ("type",),
        **_METADATA,
    },
}


class BadOptionError(Exception):
    """An option is not what the API takes; the text is the Status message."""


@dataclass(frozen=True, slots=True)
class Term:
    """One term of a field selector."""

    path: tuple[str, ...]
    value: str
    equal: bool

    def holds(self, event: Event) -> bool:
        """Say whether ``event`` has (or, negated, has not) the value."""
        found: Any = event
        for name in self.path:
            found = (found or {}).get(name)
        if not found and self.path == ("source", "component"):
            found = event.get("reportingComponent")
        return ((found or "") == self.value) is self.equal


@dataclass(frozen=True, slots=True)
class Token:
    """A continue token: the revision of the list and the first key not yet shown."""

    revision: int
    start: str

    def __str__(self) -> str:
        """Write it as the API server does: JSON in URL-safe base64 without padding."""
        fields = {"v": _ENCODING, "rv": self.revision, "start": self.start}
        text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False)
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class ListOptions:
    """The options of one LIST or WATCH; zero and None mean not given."""

    limit: int
    token: Token | None
    selector: tuple[Term, ...]
    resource_version: int
    exact: bool
    timeout: int

    def selects(self, event: Event) -> bool:
        """Say whether ``event`` passes the field selector."""
        return all(term.holds(event) for term in self.selector)


def asks_to_watch(query: Mapping[str, str]) -> bool:
    """Say whether the query makes a WATCH of a LIST: any value but 0 and false does."""
    return query.get("watch", "0").lower() not in {"0", "false"}


def parsed(query: Mapping[str, str], group: str) -> ListOptions:
    """Read the options of a request to API group ``group``; raises ``BadOptionError``."""
    if query.get("labelSelector"):
        message = "the fake API server does not speak labelSelector"
        raise BadOptionError(message)
    watch = asks_to_watch(query)
    if watch and query.get("sendInitialEvents"):
        message = (
            "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
        )
        raise BadOptionError(message)
    token = _token(query["continue"]) if query.get("continue") and not watch else None
    revision = _integer(query.get("resourceVersion", ""))
    if token and revision:
        message = "specifying resource version is not allowed when using continue"
        raise BadOptionError(message)
    return ListOptions(
        limit=max(0, _integer(query.get("limit", ""))),
        token=token,
        selector=_selector(query.get("fieldSelector", ""), group),
        resource_version=revision,
        exact=query.get("resourceVersionMatch") != "NotOlderThan",
        timeout=_integer(query.get("timeoutSeconds", "")),
    )


def _integer(text: str) -> int:
    if not text:
        return 0
    if not _INTEGER.match(text):
        message = f'strconv.ParseInt: parsing "{text}": invalid syntax'
        raise BadOptionError(message)
    return int(text)


def _token(text: str) -> Token:
    problem = "invalid continue token: continue key is not valid: "
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadOptionError(problem + "illegal base64 data") from error
    try:
        fields = json.loads(raw)
    except ValueError as error:
        # Go names the first byte, shown as the code point of the same number.
        shown = json.dumps(chr(raw[0])).strip('"') if raw else ""
        detail = f"invalid character '{shown}' looking for beginning of value"
        raise BadOptionError(problem + detail) from error
    if not isinstance(fields, dict) or fields.get("v") != _ENCODING:
        raise BadOptionError(problem + "server does not recognize this encoded version")
    revision, start = fields.get("rv"), fields.get("start")
    if not isinstance(revision, int) or not revision:
        raise BadOptionError(
            f"{problem}incorrect encoded start resourceVersion (version {_ENCODING})"
        )
    if not isinstance(start, str) or not start or posixpath.normpath("/" + start) != "/" + start:
        raise BadOptionError(f"{problem}{start}")
    return Token(revision, start)


def _selector(text: str, group: str) -> tuple[Term, ...]:
    terms = []
    for part in filter(None, text.split(",")):
        match = re.match(r"(.+?)(!=|==|=)(.*)\Z", part)
        if not match:
            message = f"invalid selector: '{text}'; can't understand '{part}'"
            raise BadOptionError(message)
        label, operator, value = match.groups()
        if label not in _LABELS[group]:
            message = f"field label not supported: {label}"
            raise BadOptionError(message)
        terms.append(Term(_LABELS[group][label], value, operator != "!="))
    return tuple(terms)
