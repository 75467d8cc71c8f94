"""A story to JSON or to rows: every line with exact times and counts.

The JSON also tells what the ledger proves of the window.
"""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import datetime
from typing import Any

import pyarrow as pa

from etl.incident.story import Story
from etl.schema import TIME
from etl.timespan import rfc3339

# JSON leaves these raw; a terminal obeys some, and U+2028 ends a line in some programs.
_RAW_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029]")
_ROWS = pa.schema(
    [
        pa.field("started_at", TIME),
        pa.field("ended_at", TIME),
        pa.field("relation", pa.string()),
        pa.field("object_kind", pa.string()),
        pa.field("namespace", pa.string()),
        pa.field("object_name", pa.string()),
        pa.field("objects", pa.int64()),
        pa.field("container", pa.string()),
        pa.field("type", pa.string()),
        pa.field("phase", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("message", pa.string()),
        pa.field("occurrences", pa.int64()),
        pa.field("n", pa.int64()),
        pa.field("first_seen", TIME),
    ]
)


def to_json(story: Story) -> bytes:
    """Return ``story`` as one JSON object; times are RFC 3339 in UTC."""
    subject, place = story.subject, story.subject.place
    found = {
        "cluster": place.cluster,
        "namespace": place.namespace if subject.namespaced else None,
        "kind": subject.kind,
        "name": subject.name,
        "start": rfc3339(story.window.start),
        "end": rfc3339(story.window.end),
        "around": story.around,
        "coverage": [
            {
                "start": rfc3339(span.start),
                "end": rfc3339(span.end),
                "state": span.state,
                "cause": span.cause or None,
            }
            for span in (story.proof.spans if story.proof else ())
        ],
        "lines": [{name: _written(value) for name, value in row.items()} for row in _lines(story)],
    }
    text = json.dumps(found, ensure_ascii=False, indent=2) + "\n"
    return _RAW_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text).encode()


def to_table(story: Story) -> pa.Table:
    """Return the lines of ``story`` as rows, in their order."""
    return pa.Table.from_pylist(_lines(story), _ROWS)


def _lines(story: Story) -> list[dict[str, Any]]:
    return [
        {
            name: None if value == "" else value
            for name, value in (dataclasses.asdict(line) | {"phase": line.phase}).items()
        }
        for line in story.lines
    ]


def _written(value: object) -> object:
    return rfc3339(value) if isinstance(value, datetime) else value
