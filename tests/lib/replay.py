"""Recorded exchanges of a real API server, replayed verbatim by method, path and query.

The recordings in tests/data/apiserver hold a request and its response; the replay
sends the same status, headers and body, framed as they were. Where several
exchanges answer the same request, they come in the order given and the last stays.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import msgspec

from tests.lib.api_answers import encoded
from tests.lib.loopback import Answer, Delivery, LoopbackServer, Request, Served

RECORDINGS = Path(__file__).parent.parent / "data" / "apiserver"
_FRAMING = {"Transfer-Encoding", "Content-Length"}

Exchange = dict[str, Any]
_Key = tuple[str, str, frozenset[tuple[str, str]]]


def recordings() -> list[str]:
    """Return the names of the recorded exchanges, such as ``01_list_page_1``."""
    return sorted(path.stem for path in RECORDINGS.glob("*.json"))


def recording(name: str) -> Exchange:
    """Read the exchange whose name begins with ``name``: ``01`` is enough."""
    (path,) = RECORDINGS.glob(f"{name}*.json")
    exchange: Exchange = msgspec.json.decode(path.read_bytes())
    return exchange


class ReplayServer:
    """Replays the given exchanges: ``with ReplayServer("01", "02", "03") as server``.

    A request that was not recorded is answered with 404, as text that names it.
    """

    def __init__(self, *names: str, tls: bool = False) -> None:
        """Read the exchanges; a name may be shortened to its number."""
        self._left: dict[_Key, list[Exchange]] = {}
        self._lock = threading.Lock()
        for exchange in map(recording, names):
            request = Request(exchange["request"]["method"], exchange["request"]["path"], {})
            self._left.setdefault(_key(request), []).append(exchange)
        self._http = LoopbackServer(self._respond, tls=tls)

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return self._http.url

    @property
    def requests(self) -> list[Served]:
        """Every request so far."""
        return self._http.requests

    def __enter__(self) -> Self:
        """Start the server."""
        self._http.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server."""
        self._http.stop()

    def _respond(self, request: Request) -> Answer:
        with self._lock:
            queue = self._left.get(_key(request), [])
            exchange = queue.pop(0) if len(queue) > 1 else next(iter(queue), None)
        if exchange is None:
            text = f"not recorded: {request.method} {request.target}\n"
            return Answer(404, text.encode(), {"Content-Type": "text/plain"})
        return _replayed(exchange["response"])


def _key(request: Request) -> _Key:
    """What makes two requests the same; clients write a query's parameters in any order."""
    return request.method, request.path, frozenset(request.query.items())


def _replayed(response: Exchange) -> Answer:
    headers = {name: value for name, value in response["headers"].items() if name not in _FRAMING}
    if "lines" in response:
        return Answer(response["status"], _lines(response), headers)
    chunked = "Transfer-Encoding" in response["headers"]
    delivery = Delivery(framing="chunked" if chunked else "length")
    return Answer(response["status"], _body(response), headers, delivery)


def _body(response: Exchange) -> bytes:
    """The bytes that were recorded: their length tells the one indented body, that of /version."""
    compact = encoded(response["body"])
    recorded = int(response["headers"].get("Content-Length", len(compact)))
    body = compact if recorded == len(compact) else json.dumps(response["body"], indent=2).encode()
    assert len(body) == recorded, f"{len(body)} bytes, recorded were {recorded}"
    return body


def _lines(response: Exchange) -> Iterator[bytes]:
    return (encoded(line) for line in response["lines"])
