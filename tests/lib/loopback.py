"""HTTP/1.1 on loopback for tests: real sockets, keep-alive and TLS, and answers that break on the wire.

A ``LoopbackServer`` hands each ``Request`` to a function and sends the ``Answer``
it returns; how the answer travels, whole or broken, is the answer's ``Delivery``.
It knows nothing of Kubernetes.
"""

from __future__ import annotations

import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, Self
from urllib.parse import parse_qsl, urlsplit

from tests.lib.certificates import server_context

# Go's net/http gives an answer of at most this size a Content-Length and chunks the rest.
UNCHUNKED = 2048
_CHUNK = 32 * 1024
# How soon the accept loop sees that it shall end; the default of 0.5 s would be paid by every test.
_POLL = 0.005
# SO_LINGER on with zero seconds: close() sends RST in place of FIN.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_GONE = (ConnectionError, TimeoutError, ssl.SSLError)


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in; header names are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters; of a repeated one the first, as Kubernetes reads it."""
        pairs = parse_qsl(urlsplit(self.target).query, keep_blank_values=True)
        return dict(reversed(pairs))


@dataclass(frozen=True, slots=True)
class Delivery:
    """How an answer travels; the defaults send it whole, framed as Go frames it."""

    wait: float = 0.0
    """Seconds before the first byte."""
    silent: bool = False
    """Send nothing at all, not even a status line, before ``end``."""
    cut: int | None = None
    """Bytes of the body after which sending ends, whatever was announced."""
    end: Literal["whole", "close", "reset"] = "whole"
    """What comes after the last byte: the next request, FIN, or RST."""
    framing: Literal["go", "length", "chunked"] = "go"
    """Content-Length, chunks, or what Go would choose by size."""
    piece: int = _CHUNK
    """Bytes sent in one go."""
    pause: float = 0.0
    """Seconds between pieces."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and body; a body that is an iterator is streamed, one chunk an element."""

    status: int
    body: bytes | Iterator[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = field(default_factory=Delivery)


@dataclass(slots=True)
class Served:
    """One line of the log: the request, the status answered, and the body's bytes sent so far."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    status: int
    bytes: int = 0


class LoopbackServer:
    """A threaded server on 127.0.0.1; ``start`` and ``stop``, or a ``with`` block.

    ``requests`` is the log. An exception raised by ``respond`` is the test's or the
    fake's own defect: the connection is closed and ``stop`` raises it.
    """

    def __init__(
        self,
        respond: Callable[[Request], Answer],
        *,
        tls: bool | ssl.SSLContext = False,
        port: int = 0,
    ) -> None:
        """Bind a free port, or ``port``, at once, so that ``url`` is known before the start."""
        self.respond = respond
        self.requests: list[Served] = []
        self.errors: list[BaseException] = []
        self.stopping = threading.Event()
        self.tls = tls
        self._server = _Server(self, port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": _POLL}, daemon=True
        )

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End waiting answers, close every connection, join the threads; raises what went wrong inside."""
        self.stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.hang_up()
        self._server.server_close()
        if self.errors:
            raise self.errors[0]

    def __enter__(self) -> Self:
        """Start the server."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stop the server."""
        self.stop()


class _Server(ThreadingHTTPServer):
    """Tracks its connections, so that a stop ends them all and joins their threads."""

    daemon_threads = False
    request_queue_size = 64

    def __init__(self, owner: LoopbackServer, port: int) -> None:
        self.owner = owner
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept; a TLS handshake is left to the connection's own thread."""
        connection, address = super().get_request()
        if tls := self.owner.tls:
            context = tls if isinstance(tls, ssl.SSLContext) else server_context()
            connection = context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        with self._lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close one connection and forget it."""
        assert isinstance(request, socket.socket)
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Wake every thread that still reads from or writes to its connection."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            try:
                # The plain method: SSLSocket's own would drop the TLS state under its thread.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:
                continue  # The client closed it first, which is what we want.

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 (the signature is socketserver's)
        """Keep our own defects for ``stop``; a client that went away is its own business."""
        error = sys.exception()
        if error is not None and not isinstance(error, _GONE):
            self.owner.errors.append(error)


class _Handler(BaseHTTPRequestHandler):
    """Reads requests of one connection and sends the answers as their delivery says."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        """Shake hands first where TLS is spoken."""
        if isinstance(self.request, ssl.SSLSocket):
            self.request.do_handshake()
        super().setup()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
        """Say nothing on stderr; the log is ``LoopbackServer.requests``."""

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(
            self.command,
            self.path,
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(length),
        )
        owner = self.server.owner
        answer = owner.respond(request)
        served = Served(request.method, request.path, request.query, request.headers, answer.status)
        owner.requests.append(served)
        self._send(answer, served)

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815 (http.server's names)

    def _send(self, answer: Answer, served: Served) -> None:
        delivery = answer.delivery
        stopped = delivery.wait > 0 and self.server.owner.stopping.wait(delivery.wait)
        if stopped:
            self.close_connection = True
            return
        if not delivery.silent:
            chunked = self._head(answer)
            for piece in () if self.command == "HEAD" else _pieces(answer):
                served.bytes += len(piece)
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                if delivery.pause and self.server.owner.stopping.wait(delivery.pause):
                    self.close_connection = True
                    return
            if chunked and delivery.end == "whole":
                self.wfile.write(b"0\r\n\r\n")
        if delivery.end != "whole":
            self._end(reset=delivery.end == "reset")

    def _head(self, answer: Answer) -> bool:
        """Send status line and headers; returns whether the body goes out in chunks."""
        body, framing = answer.body, answer.delivery.framing
        chunked = not isinstance(body, bytes) or framing == "chunked"
        if isinstance(body, bytes) and framing == "go":
            chunked = len(body) > UNCHUNKED
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        if self.command == "HEAD" and "Content-Length" in answer.headers:
            chunked = False  # The length is that of the body that a GET would bring.
        elif chunked:
            lines.append("Transfer-Encoding: chunked")
        else:
            assert isinstance(body, bytes)
            lines.append(f"Content-Length: {len(body)}")
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        return chunked

    def _end(self, *, reset: bool) -> None:
        """Close the connection now: with FIN, or with RST and what is unsent thrown away."""
        self.close_connection = True
        if not reset:
            return
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        # The file objects over the socket would delay its close; the bare descriptor does not wait.
        socket.close(self.connection.detach())


def _pieces(answer: Answer) -> Iterator[bytes]:
    """The body in the pieces it is sent in, ended early where the delivery cuts it."""
    left = answer.delivery.cut
    size = answer.delivery.piece
    parts = [answer.body] if isinstance(answer.body, bytes) else answer.body
    for part in parts:
        kept = part if left is None else part[:left]
        for start in range(0, len(kept), size):
            yield kept[start : start + size]
        if left is not None:
            left -= len(kept)
            if left <= 0:
                return
