"""The indices of a server for tests: what becomes of one document, by the rules of Elasticsearch and OpenSearch.

Statuses, types of errors and their texts are those of the documentation and of answers that
people report:

- a version conflict of ``create`` and its text: https://github.com/elastic/elasticsearch/pull/112537;
- external versions, ``external_gte`` and its conflict:
  https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-index ("Versioning"),
  https://github.com/opensearch-project/OpenSearch/issues/12384;
- data streams, which take ``create`` alone and want ``@timestamp``:
  https://www.elastic.co/docs/manage-data/data-store/data-streams/use-data-stream;
- names of indices: https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-indices-create;
- composable templates, their priorities, and ``create=true``:
  https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-indices-put-index-template;
- dots in names of fields, which are paths:
  https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/object, and the conflict
  that people get of it: https://github.com/resmoio/kubernetes-event-exporter/pull/92.

What is stored outlives the server that tests kill; a lock makes each request one step.
"""

from __future__ import annotations

import fnmatch
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_FORBIDDEN = re.compile(r'[\\/*?"<>| ,#:A-Z]')
_OF_A_TEMPLATE = {"index_patterns", "priority", "template", "data_stream", "_meta", "version"}
_LEAST_CONCRETE = ("keyword", "text", "date", "long", "boolean", "double")


class RefusedError(Exception):
    """An operation that is refused: status, type and reason, as the server tells it."""

    def __init__(self, status: int, kind: str, reason: str) -> None:
        """Keep what the answer holds."""
        super().__init__(reason)
        self.status = status
        self.error = {"type": kind, "reason": reason}


@dataclass(slots=True)
class Stored:
    """One document: its source, its version, and how often it was written."""

    source: dict[str, Any]
    version: int = 1
    writes: int = 1


@dataclass(slots=True)
class Index:
    """One index: documents by id, and what its fields are (path to type)."""

    fields: dict[str, str] = field(default_factory=dict)
    lenient: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    documents: dict[str, Stored] = field(default_factory=dict)
    texts: str = "text"
    dates: bool = True


@dataclass
class Indices:
    """All that a server holds."""

    indices: dict[str, Index] = field(default_factory=dict)
    streams: dict[str, str] = field(default_factory=dict)
    templates: dict[str, dict[str, Any]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    parsing_error: str = "document_parsing_exception"

    def documents(self) -> Iterator[tuple[str, str, Stored]]:
        """Yield index, id and document of all."""
        for name, index in sorted(self.indices.items()):
            for key, stored in sorted(index.documents.items()):
                yield name, key, stored

    def put_template(self, name: str, body: dict[str, Any], *, create: bool) -> None:
        """Put a composable template."""
        if unknown := set(body) - _OF_A_TEMPLATE:
            raise RefusedError(
                400, "x_content_parse_exception", f"[index_template] unknown field {unknown}"
            )
        if not body.get("index_patterns"):
            raise RefusedError(400, "illegal_argument_exception", "index patterns are missing")
        if create and name in self.templates:
            reason = f"index template [{name}] already exists"
            raise RefusedError(400, "illegal_argument_exception", reason)
        for other, there in self.templates.items():
            shared = set(there["index_patterns"]) & set(body["index_patterns"])
            if shared and other != name and there.get("priority", 0) == body.get("priority", 0):
                reason = f"index template [{name}] has index patterns {body['index_patterns']} matching patterns from existing templates [{other}] with the same priority"
                raise RefusedError(400, "illegal_argument_exception", reason)
        stamp = body.get("template", {}).get("mappings", {}).get("properties", {})
        if "data_stream" in body and "ignore_malformed" in stamp.get("@timestamp", {}):
            reason = "data stream timestamp field [@timestamp] has disallowed attributes: [ignore_malformed]"
            raise RefusedError(400, "illegal_argument_exception", reason)
        # Refuses what is no mapping, as the server does when the template is put.
        _made(body)
        self.templates[name] = body

    def write(self, action: str, meta: dict[str, Any], source: bytes) -> dict[str, Any]:
        """Do one operation of a bulk request and return its result; raises ``RefusedError``."""
        name = self._backing(meta["_index"], action)
        index = self.indices[name]
        try:
            tree = json.loads(source)
        except ValueError:
            raise RefusedError(400, self.parsing_error, "failed to parse") from None
        if not isinstance(tree, dict):
            raise RefusedError(400, self.parsing_error, "failed to parse, document is empty")
        if name.startswith(".ds-") and "@timestamp" not in tree:
            reason = "data stream timestamp field [@timestamp] is missing"
            raise RefusedError(400, self.parsing_error, reason)
        _learn(index, tree, self.parsing_error)
        return self._store(index, name, action, meta, tree)

    def _store(
        self, index: Index, name: str, action: str, meta: dict[str, Any], tree: dict[str, Any]
    ) -> dict[str, Any]:
        key = meta["_id"]
        there = index.documents.get(key)
        version = there.version + 1 if there else 1
        if action == "create" and there:
            reason = f"[{key}]: version conflict, document already exists (current version [{there.version}])"
            raise RefusedError(409, "version_conflict_engine_exception", reason)
        if "version" in meta:
            version = meta["version"]
            stricter = meta["version_type"] == "external"
            if there and (there.version > version or (stricter and there.version == version)):
                reason = f"[{key}]: version conflict, current version [{there.version}] is higher than the one provided [{version}]"
                raise RefusedError(409, "version_conflict_engine_exception", reason)
        index.documents[key] = Stored(tree, version, there.writes + 1 if there else 1)
        result = "updated" if there else "created"
        status = 200 if there else 201
        return {
            "_index": name,
            "_id": key,
            "_version": version,
            "result": result,
            "_shards": {"total": 2, "successful": 1, "failed": 0},
            "_seq_no": len(index.documents),
            "_primary_term": 1,
            "status": status,
        }

    def _backing(self, name: str, action: str) -> str:
        """Return the index that a write to ``name`` goes to, which is made where there is none."""
        if _FORBIDDEN.search(name) or name[:1] in "-_+" or name in {".", ".."}:
            raise RefusedError(
                400,
                "invalid_index_name_exception",
                f"Invalid index name [{name}], must be lowercase",
            )
        template = self._template(name)
        if name not in self.indices and name not in self.streams:
            if template and "data_stream" in template:
                if action != "create":
                    raise RefusedError(
                        400,
                        "illegal_argument_exception",
                        "only write ops with an op_type of create are allowed in data streams",
                    )
                self.streams[name] = f".ds-{name}-2026.11.24-000001"
                self.indices[self.streams[name]] = _made(template)
            else:
                self.indices[name] = _made(template or {})
        if name in self.streams and action != "create":
            reason = "only write ops with an op_type of create are allowed in data streams"
            raise RefusedError(400, "illegal_argument_exception", reason)
        return self.streams.get(name, name)

    def _template(self, name: str) -> dict[str, Any] | None:
        matching = [
            each
            for each in self.templates.values()
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in each["index_patterns"])
        ]
        return max(matching, key=lambda each: each.get("priority", 0), default=None)


def _made(template: dict[str, Any]) -> Index:
    """Return an empty index with the mappings of ``template``."""
    mappings = template.get("template", {}).get("mappings", {})
    index = Index(dates=mappings.get("date_detection", True))
    for rule in mappings.get("dynamic_templates", []):
        (of,) = rule.values()
        assert of["match_mapping_type"] == "string", "the only kind that is understood here"
        index.texts = of["mapping"]["type"]
    _declare(index, mappings.get("properties", {}), "")
    return index


def _declare(index: Index, properties: dict[str, Any], above: str) -> None:
    for name, what in properties.items():
        path = f"{above}{name}"
        kind = what.get("type", "object")
        if kind not in (*_LEAST_CONCRETE, "object"):
            reason = f"No handler for type [{kind}] declared on field [{name}]"
            raise RefusedError(400, "mapper_parsing_exception", reason)
        index.fields[path] = kind
        if what.get("ignore_malformed"):
            index.lenient.add(path)
        if what.get("enabled") is False:
            index.closed.add(path)
        _declare(index, what.get("properties", {}), f"{path}.")


def _learn(index: Index, tree: dict[str, Any], error: str) -> None:
    """Map what is new in a document; a value that does not fit what is there refuses the whole."""
    found = dict(index.fields)
    for path, value in _leaves(index, tree, ""):
        for end in (found_at.start() for found_at in re.finditer(r"\.", path)):
            if found.setdefault(path[:end], "object") != "object":
                reason = f"object mapping for [{path[:end]}] tried to parse field [{path[:end]}] as object, but found a concrete value"
                raise RefusedError(400, error, reason)
        kind = _kind(index, value)
        there = found.setdefault(path, kind)
        if there == "object" and kind != "object":
            reason = f"object mapping for [{path}] tried to parse field [{path}] as object, but found a concrete value"
            raise RefusedError(400, error, reason)
        if not _fits(value, there) and path not in index.lenient:
            reason = f"failed to parse field [{path}] of type [{there}] in document"
            raise RefusedError(400, error, reason)
    index.fields = found


def _leaves(index: Index, value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the path and value of each field; dots in names are paths, lists are their elements."""
    if path in index.closed or value is None:
        return
    if isinstance(value, dict):
        if path and not value:
            yield path, value
        for name, below in value.items():
            yield from _leaves(index, below, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(index, each, path)
    else:
        yield path, value


def _kind(index: Index, value: Any) -> str:
    if isinstance(value, dict):
        return "object"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "long" if isinstance(value, int) else "double"
    return "date" if index.dates and _is_date(value) else index.texts


def _fits(value: Any, kind: str) -> bool:
    if kind == "object":
        return isinstance(value, dict)
    if isinstance(value, dict):
        return False
    if kind == "date":
        return isinstance(value, int) or _is_date(value)
    if kind in {"long", "double"}:
        return not isinstance(value, bool) and bool(re.fullmatch(r"-?\d+(\.\d+)?", str(value)))
    if kind == "boolean":
        return value in (True, False, "true", "false", "")
    return True


def _is_date(text: Any) -> bool:
    """Whether ``text`` is ISO 8601, as strict_date_optional_time wants it."""
    if not isinstance(text, str) or not re.match(r"\d{4}-\d\d-\d\d", text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
