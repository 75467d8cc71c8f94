"""Elasticsearch and OpenSearch for tests: HTTP on loopback that answers as they do, and refuses what they refuse.

Four ages of server differ in what they take: which media types, and which product they say
they are. The sources, besides those that ``elastic_indices`` names:

- bulk: NDJSON, the newline at the end, statuses of items:
  https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk and
  https://docs.opensearch.org/latest/api-reference/document-apis/bulk/;
  the text without a newline: https://github.com/elastic/elasticsearch-py/issues/2594;
  a line that is no action: https://github.com/quickwit-oss/quickwit/issues/4114;
- ids of at most 512 bytes, refused with the request: https://github.com/elastic/elasticsearch/pull/49433;
- versions that ``create`` does not take: https://github.com/logstash-plugins/logstash-output-elasticsearch/issues/1160;
- 406 for media types that a server does not know: https://github.com/elastic/elasticsearch-py/issues/2422;
- 400 for those of a later major version: https://github.com/elastic/elasticsearch-py/issues/2927;
- ``X-Elastic-Product``, on answers of 7.14 and later:
  https://www.elastic.co/guide/en/elasticsearch/reference/7.17/release-notes-7.14.0.html;
- 429 of items and of requests (indexing pressure):
  https://www.elastic.co/docs/reference/elasticsearch/index-settings/pressure;
- 413 above http.max_content_length:
  https://www.elastic.co/docs/reference/elasticsearch/configuration-reference/networking-settings;
- ``filter_path``: https://www.elastic.co/docs/reference/elasticsearch/rest-apis/common-options.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from tests.lib.elastic_indices import Indices, RefusedError
from tests.lib.loopback import Answer, Delivery, LoopbackServer, Request

Age = Literal["es7", "es8", "es9", "opensearch"]
USER = "Basic " + base64.b64encode(b"forwarder:correct-horse").decode()
KEY = "ApiKey VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6dWkybHAyYXhUTm1zeWFrdzl0dk5udw=="
_MAJOR = {"es8": 8, "es9": 9}
_PLAIN = ("application/json", "application/x-ndjson")
_COMPATIBLE = re.compile(r"application/vnd\.elasticsearch\+(x-nd)?json; ?compatible-with=(\d+)")
_LONGEST_ID = 512


class DiedError(Exception):
    """The server is killed in the middle of a request: what was written stays, and no answer comes."""


Busy = Callable[[int, dict[str, Any]], tuple[int, str] | None]


@dataclass
class ElasticServer:
    """One server; ``indices`` may be shared by several, as by the nodes of a cluster."""

    age: Age = "es9"
    indices: Indices = field(default_factory=Indices)
    tls: bool | ssl.SSLContext = False
    port: int = 0
    login: str = ""
    """The header that is asked for; empty asks for none."""
    allowed: bool = True
    """Whether whoever logged in may write."""
    most_bytes: int = 100 * 1024 * 1024
    busy: Busy = lambda _number, _meta: None
    """Status and type of the error of an item that is not even tried, by the number of its request; may raise ``DiedError``."""
    whole: list[Answer] = field(default_factory=list)
    """Answers to the next bulk requests, in place of doing anything."""
    lost: list[Delivery] = field(default_factory=list)
    """How the next answers to bulk requests travel, after what was asked was done."""
    meanwhile: list[Callable[[], object]] = field(default_factory=list)
    """What others do once somebody has seen that a template is not there."""
    bulks: list[list[dict[str, Any]]] = field(default_factory=list)
    """The metadata of each bulk request's items, with ``op``."""
    compressed: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Bind the port."""
        if self.age in {"es7", "opensearch"}:
            self.indices.parsing_error = "mapper_parsing_exception"
        self._server = LoopbackServer(self._respond, tls=self.tls, port=self.port)

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return self._server.url

    @property
    def statuses(self) -> list[int]:
        """The status of each answer."""
        return [each.status for each in self._server.requests]

    @property
    def requests(self) -> list[str]:
        """Method and path of each request that was answered."""
        return [f"{each.method} {each.path}" for each in self._server.requests]

    def __enter__(self) -> Self:
        """Start to answer."""
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop; what is on its way is cut off."""
        self._server.stop()

    def _respond(self, request: Request) -> Answer:
        with self.indices.lock:
            try:
                return self._answer(request)
            except DiedError:
                return Answer(200, delivery=Delivery(silent=True, end="reset"))
            except RefusedError as error:
                return self._json(
                    error.status,
                    {"error": {"root_cause": [error.error], **error.error}, "status": error.status},
                )

    def _answer(self, request: Request) -> Answer:
        if self.login and request.headers.get("authorization") != self.login:
            raise RefusedError(
                401,
                "security_exception",
                f"unable to authenticate with {request.headers.get('authorization')}",
            )
        body = self._body(request)
        if len(body) > self.most_bytes:
            # Netty answers before it reads on; a gateway's page is no JSON.
            page = b"<html><h1>413 Request Entity Too Large</h1></html>"
            return Answer(413, page, {"Content-Type": "text/html"})
        self._media_types(request, body)
        if request.path == "/_bulk":
            return self._bulk(request, body)
        if found := re.fullmatch(r"/_index_template/([\w.-]+)", request.path):
            return self._template(request, found[1], body)
        raise RefusedError(400, "illegal_argument_exception", f"no handler for {request.path}")

    def _body(self, request: Request) -> bytes:
        packed = request.headers.get("content-encoding") == "gzip"
        return gzip.decompress(request.body) if packed else request.body

    def _media_types(self, request: Request, body: bytes) -> None:
        """Refuse media types that a server of this age does not know."""
        for header in ("accept", "content-type") if body else ("accept",):
            given = request.headers.get(header, "")
            found = _COMPATIBLE.fullmatch(given)
            if given in _PLAIN or (header == "accept" and given == "*/*"):
                continue
            if found and self.age in _MAJOR:
                if int(found[2]) in {_MAJOR[self.age], _MAJOR[self.age] - 1}:
                    continue
                raise RefusedError(
                    400,
                    "media_type_header_exception",
                    f"Invalid media-type value on headers [{header.title()}]",
                )
            raise RefusedError(
                406,
                "media_type_header_exception",
                f"{header.title()} header [{given}] is not supported",
            )

    def _template(self, request: Request, name: str, body: bytes) -> Answer:
        if request.method == "GET":
            if name not in self.indices.templates:
                for each in self.meanwhile:
                    each()
                reason = f"index template matching [{name}] not found"
                raise RefusedError(404, "resource_not_found_exception", reason)
            there = {"name": name, "index_template": self.indices.templates[name]}
            return self._json(200, {"index_templates": [there]})
        self._allow("cluster:admin/indices/template/put")
        assert request.method == "PUT"
        create = request.query.get("create") == "true"
        self.indices.put_template(name, json.loads(body), create=create)
        return self._json(200, {"acknowledged": True})

    def _allow(self, action: str) -> None:
        if not self.allowed:
            reason = f"action [{action}] is unauthorized for user [forwarder]"
            raise RefusedError(403, "security_exception", reason)

    def _bulk(self, request: Request, body: bytes) -> Answer:
        if request.method not in {"POST", "PUT"}:
            raise RefusedError(405, "illegal_argument_exception", "Incorrect HTTP method")
        if self.whole:
            return self.whole.pop(0)
        operations = list(_operations(body))
        number = len(self.bulks)
        self.bulks.append([{**meta, "op": action} for action, meta, _ in operations])
        self.compressed.append("content-encoding" in request.headers)
        items = [self._item(number, *each) for each in operations]
        answer: dict[str, Any] = {
            "errors": any("error" in next(iter(item.values())) for item in items),
            "took": 7,
            "items": items,
        }
        if wanted := request.query.get("filter_path"):
            answer = _filtered(answer, [path.split(".") for path in wanted.split(",")])
        answered = self._json(200, answer)
        if self.lost:
            return Answer(200, answered.body, answered.headers, self.lost.pop(0))
        return answered

    def _item(
        self, number: int, action: str, meta: dict[str, Any], source: bytes
    ) -> dict[str, Any]:
        try:
            self._allow("indices:data/write/bulk")
            self._hurry(number, meta)
            return {action: self.indices.write(action, meta, source)}
        except RefusedError as error:
            told = {"_index": meta["_index"], "_id": meta["_id"], "status": error.status}
            return {action: {**told, "error": error.error}}

    def _hurry(self, number: int, meta: dict[str, Any]) -> None:
        if busy := self.busy(number, meta):
            raise RefusedError(*busy, "rejected execution of primary operation")

    def _json(self, status: int, body: dict[str, Any]) -> Answer:
        headers = {"Content-Type": "application/json"}
        if self.age in _MAJOR:
            headers["X-Elastic-Product"] = "Elasticsearch"
        return Answer(status, json.dumps(body).encode(), headers)


def _operations(body: bytes) -> Iterator[tuple[str, dict[str, Any], bytes]]:
    """Read a bulk request as strictly as the servers do; one wrong line refuses all."""
    if not body:
        raise RefusedError(400, "parse_exception", "request body is required")
    if not body.endswith(b"\n"):
        reason = "The bulk request must be terminated by a newline [\\n]"
        raise RefusedError(400, "illegal_argument_exception", reason)
    lines = body[:-1].split(b"\n")
    for number in range(0, len(lines), 2):
        action, meta = _action(number + 1, lines[number])
        if number + 1 == len(lines):
            raise RefusedError(400, "action_request_validation_exception", "no requests added")
        if len(meta["_id"].encode()) > _LONGEST_ID:
            reason = f"Validation Failed: 1: id [{meta['_id']}] is too long, must be no longer than 512 bytes;"
            raise RefusedError(400, "action_request_validation_exception", reason)
        if action == "create" and "version" in meta:
            reason = "Validation Failed: 1: create operations do not support explicit versions. use index instead;"
            raise RefusedError(400, "action_request_validation_exception", reason)
        yield action, meta, lines[number + 1]


def _action(number: int, line: bytes) -> tuple[str, dict[str, Any]]:
    try:
        ((action, meta),) = json.loads(line).items()
    except (ValueError, AttributeError):
        reason = f"Malformed action/metadata line [{number}], expected START_OBJECT"
        raise RefusedError(400, "illegal_argument_exception", reason) from None
    known = {"_index", "_id", "version", "version_type"}
    if action not in {"index", "create"} or not isinstance(meta, dict) or set(meta) - known:
        reason = f"Malformed action/metadata line [{number}], expected one of [create, delete, index, update] but found [{action}]"
        raise RefusedError(400, "illegal_argument_exception", reason)
    return action, meta


def _filtered(tree: Any, paths: list[list[str]]) -> Any:
    """Keep what one of ``paths`` leads to; the element of a list costs no step."""
    if any(not path for path in paths):
        return tree
    if isinstance(tree, list):
        kept = [_filtered(each, paths) for each in tree]
        return [each for each in kept if each not in ({}, [])]
    if not isinstance(tree, dict):
        return {}
    found = {}
    for name, value in tree.items():
        below = [path[1:] for path in paths if path[0] in {name, "*"}]
        if below and (kept := _filtered(value, below)) not in ({}, []):
            found[name] = kept
    return found
