"""Rows of the lake to what templates see: ``event``, ``cluster``, ``observation``, ``id`` and a few functions.

All of it is plain data in the words of JSON, times as RFC 3339 text. What an event does not
have is empty, as it is for the Go templates of other exporters: ``event.count`` is 0 where
the API gives none, ``event.involvedObject.labels.team`` is empty where the label is not
known. A word that no event can have, such as ``event.mesage``, is a mistake.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from etl import schema
from etl.config.shape import suggestion
from etl.forward import documents, goforms
from etl.timespan import parse_moment, rfc3339
from etl.wire import templates

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ID_DIGITS = 32
_KINDS = {field.name: field.type for field in schema.FULL_SCHEMA}


class _Named(dict[str, Any]):
    """Labels or annotations: one that is not there is empty."""

    def __missing__(self, key: str) -> str:
        return ""


class _Fields(dict[str, Any]):
    """An object of the API: a field that it may have and has not is empty."""

    __slots__ = ("_empty",)

    def __init__(self, given: Mapping[str, Any], empty: Mapping[str, Any]) -> None:
        super().__init__(given)
        self._empty = empty

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 -- whatever JSON holds
        found = self.get(key)
        if found is None:
            if key not in self._empty:
                raise templates.LeafError(f"there is no field {key}{suggestion(key, self._empty)}")
            found = self._empty[key]
        if isinstance(found, dict):
            below = self._empty.get(key)
            return _Fields(self.get(key) or {}, below) if below else _Named(self.get(key) or {})
        return found


class Observation(Mapping[str, object]):
    """A row under the names of its columns, each value turned into plain data when it is asked for."""

    __slots__ = ("_row",)

    def __init__(self, row: documents.Row) -> None:
        """Look at ``row``."""
        self._row = row

    def __getitem__(self, name: str) -> object:
        """Return a column's value: a text is empty where it is null, a number stays null."""
        if name not in self._row:
            raise templates.LeafError(f"there is no column {name}{suggestion(name, self._row)}")
        value, kind = self._row[name], _KINDS.get(name)
        if kind is not None and pa.types.is_map(kind):
            return _Named(value or ())
        if value is None:
            return None if kind is None or _is_number(kind) else ""
        if isinstance(value, datetime):
            return rfc3339(value)
        return value.isoformat() if isinstance(value, date) else value

    def __iter__(self) -> Iterator[str]:
        """Iterate over the columns' names."""
        return iter(self._row)

    def __len__(self) -> int:
        """Count the columns."""
        return len(self._row)


def context_of(row: documents.Row, exported: Mapping[str, Any]) -> dict[str, object]:
    """Return what templates see of one row of ``observations`` and of ``documents.exported`` of it."""
    return {
        **FUNCTIONS,
        "event": _Fields(exported, _EVENT),
        "cluster": row["cluster"],
        "observation": Observation(row),
        "id": id_of(row),
    }


def id_of(row: documents.Row) -> str:
    """Return the observation's name: its key in the lake (cluster, uid, n, last_seen), hashed to 32 hexadecimal digits."""
    key = [row["cluster"], row["uid"], row["n"], rfc3339(row["last_seen"])]
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:_ID_DIGITS]


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_list(kind))


def _json(value: object, indent: int | None = None) -> str:
    """Return ``value`` as Go writes it, in order of its keys and safe within HTML: sprig's toJson and toPrettyJson.

    What ``goforms`` put in Go's order keeps it.
    """
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(_plain(value), ensure_ascii=False, indent=indent, separators=separators)
    return text.translate(_ESCAPED)


def _plain(value: object) -> object:
    # json knows dict alone.
    if isinstance(value, Mapping):
        items = value.items() if isinstance(value, goforms.Ordered) else sorted(value.items())
        return {str(key): _plain(item) for key, item in items}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _pretty_json(value: object) -> str:
    return _json(value, indent=2)


def _iso8601(moment: str | None) -> str:
    """Return a time with three digits of a second, as GetTimestampISO8601 of kubernetes-event-exporter does; empty for none."""
    if not moment:
        return ""
    # strftime leaves it to the system whether the year 1, which Go has for none, gets its zeros.
    return parse_moment(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _epoch_ms(moment: str | None) -> int | None:
    """Return a time in milliseconds since 1970; null for none."""
    return (parse_moment(moment) - _EPOCH) // timedelta(milliseconds=1) if moment else None


_ESCAPED = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
FUNCTIONS: dict[str, Callable[..., object]] = {
    **goforms.FUNCTIONS,
    "json": _json,
    "pretty_json": _pretty_json,
    "iso8601": _iso8601,
    "epoch_ms": _epoch_ms,
}
NAMES = frozenset({*FUNCTIONS, "event", "cluster", "observation", "id"})

_REFERENCE: dict[str, Any] = dict.fromkeys(
    ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"), ""
)
# What a field is where the API gives none; an empty mapping takes any name.
_EVENT: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Event",
    "metadata": {
        **dict.fromkeys(("name", "namespace", "uid", "resourceVersion", "creationTimestamp"), ""),
        "labels": {},
        "annotations": {},
    },
    "involvedObject": {**_REFERENCE, "labels": {}, "annotations": {}},
    "source": {"component": "", "host": ""},
    "series": {"count": 0, "lastObservedTime": ""},
    "related": _REFERENCE,
    "count": 0,
    **dict.fromkeys(
        (
            "reason",
            "message",
            "firstTimestamp",
            "lastTimestamp",
            "type",
            "eventTime",
            "action",
            "reportingComponent",
            "reportingInstance",
            "clusterName",
        ),
        "",
    ),
}
