"""An S3 on loopback for tests: moto behind a proxy that logs, forgets conditions, or fails.

The proxy hands every request on and notes it, so a test can say what a query cost and
break what it wants to see broken.
"""

from __future__ import annotations

import functools
import http.client
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

from etl.config.settings import Storage
from etl.lake.objects import ObjectFiles
from etl.timespan import Duration
from tests.lib.loopback import Answer, Delivery, LoopbackServer, Request, Served

BUCKET = "bucket"
ENVIRON = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "not-a-real-secret-key"}
# Headers of one connection, which the proxy's own two connections write themselves.
_HOP = frozenset({"connection", "content-length", "transfer-encoding", "date", "server"})

Fault = Callable[[Request], Answer | None]


@dataclass
class Store:
    """An S3-compatible store with one bucket; use as a context manager."""

    faults: list[Fault] = field(default_factory=list)
    """Each is asked before a request is handed on; the first that answers, answers."""
    after: list[Fault] = field(default_factory=list)
    """The same, once the store has done what was asked: its answer is lost."""
    conditions: bool = True
    """Whether If-None-Match reaches the store."""
    tls: bool = False
    """Whether it speaks https, with a certificate of the tests' own authority."""

    def __enter__(self) -> Self:
        """Start the proxy and make the bucket."""
        self._address = _moto()
        self._proxy = LoopbackServer(self._respond, tls=self.tls).start()
        self._handed_on(Request("PUT", f"/{BUCKET}", {}))
        return self

    def __exit__(self, *_: object) -> None:
        """Empty the store, which moto keeps for the whole process, and stop."""
        self._handed_on(Request("POST", "/moto-api/reset", {}))
        self._proxy.stop()

    @property
    def url(self) -> str:
        """The address to ask."""
        return self._proxy.url

    @property
    def requests(self) -> list[Served]:
        """What was asked for so far; a test may clear it."""
        return self._proxy.requests

    def files(self, prefix: str = "team/lake", **storage: object) -> ObjectFiles:
        """Return a lake's files in this store."""
        return ObjectFiles.at(f"s3://{BUCKET}/{prefix}", self.storage(**storage), ENVIRON)

    def storage(self, **changed: object) -> Storage:
        """Return the settings that reach this store."""
        given: dict[str, object] = {
            "endpoint": self.url,
            "allow_http": True,
            "timeout": Duration(seconds=20),
            **changed,
        }
        return Storage(**given)  # type: ignore[arg-type]  # tests give what the fields take

    def configuration(self) -> str:
        """Return the section of a configuration file that reaches this store."""
        return f"storage:\n  endpoint: {self.url}\n  allow_http: true\n"

    def hand_on_half(self, request: Request) -> None:
        """Let the store have a request of which only half the body comes."""
        connection = http.client.HTTPConnection(*self._address, timeout=30)
        connection.putrequest(request.method, request.target, skip_host=True)
        for name, value in request.headers.items():
            connection.putheader(name, value)
        connection.endheaders(request.body[: len(request.body) // 2])
        connection.close()

    def gets(self, path: str = "") -> list[str]:
        """Return the objects that were read, one entry a request."""
        return [r.path for r in self.requests if r.method == "GET" and path in r.path]

    def _respond(self, request: Request) -> Answer:
        for fault in self.faults:
            if (answer := fault(request)) is not None:
                return answer
        done = self._handed_on(request)
        for fault in self.after:
            if (answer := fault(request)) is not None:
                return answer
        return done

    def _handed_on(self, request: Request) -> Answer:
        dropped = _HOP if self.conditions else _HOP | {"if-none-match"}
        headers = {n: v for n, v in request.headers.items() if n not in dropped}
        connection = http.client.HTTPConnection(*self._address, timeout=30)
        try:
            connection.request(request.method, request.target, request.body or None, headers)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        kept = _kept(dict(response.headers.items()))
        if request.method == "HEAD":
            kept["Content-Length"] = response.headers.get("Content-Length", "0")
        return Answer(response.status, body, kept, Delivery(framing="length"))


@functools.cache
def _moto() -> tuple[str, int]:
    """Start moto once for the process: its stop takes half a second, and its state is global anyway."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 -- 1.2 s that only buckets pay

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return host, int(port)


def failing_every(turn: int, status: int = 503) -> Fault:
    """Answer every ``turn``-th request with ``status``."""
    asked = 0

    def fault(_: Request) -> Answer | None:
        nonlocal asked
        asked += 1
        return (
            Answer(status, b"<Error><Code>SlowDown</Code></Error>") if asked % turn == 0 else None
        )

    return fault


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _HOP}
