"""Rows of the lake to a ``List`` of v1 Events, as kubectl prints one; an import of it gives the same rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from etl.forward.documents import RAW_IN_JSON, event


def to_json(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the list as JSON, a piece for each event, so that it is never held as a whole."""
    yield '{\n    "apiVersion": "v1",\n    "items": ['
    comma = ""
    for row in rows:
        text = json.dumps(event(row), ensure_ascii=False, indent=4)
        text = RAW_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
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
            [event(row)],
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
