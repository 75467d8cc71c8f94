"""Rows of the lake to the API's own objects: a ``List`` of v1 Events, as kubectl prints one.

What the API said stands where it stood, so an import of the list gives the same rows.
Not in it, because the lake keeps what it means and not its text: ``managedFields`` (only
its newest time), the resourceVersion of the object that an event is about, and fields that
were not what the API allows. A uid that eventlake made is left out, and made again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from etl.timespan import rfc3339

_MADE_UID = "x-"
# JSON leaves these raw; a terminal obeys some, and U+2028 ends a line in some programs.
_RAW_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029]")


def document(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return one row of ``observations`` as the Event that the API would have shown."""
    found: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": _present(
            name=row["name"],
            namespace=row["namespace"],
            uid=None if row["uid"].startswith(_MADE_UID) else row["uid"],
            resourceVersion=_text(row["resource_version"]),
            creationTimestamp=_time(row["created_at"]),
            labels=dict(row["labels"] or ()),
            annotations=dict(row["annotations"] or ()),
        ),
        "involvedObject": _present(
            kind=row["object_kind"],
            namespace=row["object_namespace"],
            name=row["object_name"],
            uid=row["object_uid"],
            apiVersion=row["object_api_version"],
            fieldPath=row["object_field_path"],
        ),
        **_present(reason=row["reason"], message=row["message"], action=row["action"]),
        "source": _source(row),
        "firstTimestamp": _time(row["first_timestamp"]),
        "lastTimestamp": _time(row["last_timestamp"]),
        "type": row["type"] or "",
        "eventTime": _micro(row["event_time"]),
        "reportingComponent": row["reporting_component"] or "",
        "reportingInstance": row["reporting_instance"] or "",
    }
    if row["raw_count"] is not None:
        found["count"] = row["raw_count"]
    series = _present(count=row["series_count"], lastObservedTime=_micro(row["series_last_seen"]))
    if series:
        found["series"] = series
    related = _present(
        kind=row["related_kind"], namespace=row["related_namespace"], name=row["related_name"]
    )
    if related:
        found["related"] = related
    return found


def to_json(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the list as JSON, a piece for each event, so that it is never held as a whole."""
    yield '{\n    "apiVersion": "v1",\n    "items": ['
    comma = ""
    for row in rows:
        text = json.dumps(document(row), ensure_ascii=False, indent=4)
        text = _RAW_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
        yield f"{comma}\n        " + text.replace("\n", "\n        ")
        comma = ","
    yield "\n    ]" if comma else "]"
    yield ',\n    "kind": "List",\n    "metadata": {\n        "resourceVersion": ""\n    }\n}\n'


def to_yaml(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the list as YAML, a piece for each event; control characters are escaped."""
    import yaml  # noqa: PLC0415 -- only this form needs it

    yield "apiVersion: v1\nitems:"
    some = False
    for row in rows:
        text = yaml.dump(
            [document(row)],
            Dumper=yaml.CSafeDumper,
            allow_unicode=True,
            sort_keys=False,
            width=1000,
        )
        yield "" if some else "\n"
        yield text
        some = True
    yield "" if some else " []\n"
    yield 'kind: List\nmetadata:\n  resourceVersion: ""\n'


def _source(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return who reported, but for writers that say it in ``reportingComponent`` alone."""
    newer = row["event_time"] is not None
    return _present(
        component=None
        if newer and row["component"] == row["reporting_component"]
        else row["component"],
        host=None if newer and row["host"] == row["reporting_instance"] else row["host"],
    )


def _present(**fields: object) -> dict[str, Any]:
    """Return the fields that hold something: the API leaves out what is empty."""
    return {name: value for name, value in fields.items() if value not in (None, "", {})}


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


def _micro(moment: datetime | None) -> str | None:
    """Write a time as the API's MicroTime: always six digits."""
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
