"""A story to JSON: every line with exact times and counts, and what the ledger proves of the window."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import datetime
from typing import Any

from etl.incident.story import Story
from etl.timespan import rfc3339

# JSON leaves these raw; a terminal obeys some, and U+2028 ends a line in some programs.
_RAW_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029]")


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
        "lines": [
            {name: _value(value) for name, value in dataclasses.asdict(line).items()}
            | {"phase": line.phase}
            for line in story.lines
        ],
    }
    text = json.dumps(found, ensure_ascii=False, indent=2) + "\n"
    return _RAW_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text).encode()


def _value(value: Any) -> Any:  # noqa: ANN401 -- of a field
    if isinstance(value, datetime):
        return rfc3339(value)
    return None if value == "" else value
