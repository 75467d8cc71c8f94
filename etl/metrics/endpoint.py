"""Readings served over HTTP: /metrics for Prometheus and /healthz for probes, for a process that stays.

It serves what was put on its board last, so a scrape costs nothing and never waits for a run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from prometheus_client.exposition import choose_encoder

from etl.errors import UsageError
from etl.metrics.exposition import registry
from etl.metrics.readings import Readings

_NOT_FOUND, _OK, _UNAVAILABLE = 404, 200, 503
# A client that connects and says nothing is let go.
_PATIENCE_SECONDS = 10


class Board:
    """The newest readings; runs put them, scrapes read them, from any thread."""

    def __init__(self) -> None:
        """Begin with nothing to show."""
        self._lock = threading.Lock()
        self._shown = Readings()

    def put(self, readings: Readings) -> None:
        """Show ``readings`` in place of what was shown of their clusters before."""
        with self._lock:
            told = set(readings.clusters)
            kept = Readings()
            for cluster in self._shown.clusters:
                if cluster not in told:
                    kept.join(self._shown.of(cluster))
            kept.join(readings)
            self._shown = kept

    def read(self) -> Readings:
        """Return what is shown; nobody changes it afterwards."""
        with self._lock:
            return self._shown


class Endpoint:
    """A server of /metrics and /healthz; use as a context manager.

    ``unhealthy`` says what is wrong, empty if nothing is: the text of a 503.
    """

    def __init__(
        self, listen: str, board: Board, *, unhealthy: Callable[[], str] = lambda: ""
    ) -> None:
        """Listen at ``listen`` (host:port, :port for every address); raises ``UsageError``."""
        host, _colon, port = listen.rpartition(":")
        try:
            self._server = _Server((host.strip("[]"), int(port)), board, unhealthy)
        except (OSError, ValueError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            message = f"cannot listen at {listen}: {reason}; choose another metrics.listen"
            raise UsageError(message) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="metrics", daemon=True
        )

    @property
    def port(self) -> int:
        """The port that is listened at."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(
        self, address: tuple[str, int], board: Board, unhealthy: Callable[[], str]
    ) -> None:
        self.registry = registry(board.read)
        self.unhealthy = unhealthy
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that went away: standard error is for messages of runs."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "eventlake"
    sys_version = ""
    timeout = _PATIENCE_SECONDS

    def do_GET(self) -> None:
        """Answer one of two paths."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            encode, content_type = choose_encoder(self.headers.get("Accept", ""))
            self._answer(_OK, encode(self.server.registry), content_type)
        elif path == "/healthz":
            wrong = self.server.unhealthy()
            self._answer(_UNAVAILABLE if wrong else _OK, f"{wrong or 'ok'}\n".encode())
        else:
            self._answer(_NOT_FOUND, b"/metrics or /healthz\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- http.server's name
        """Say nothing of each scrape."""

    def _answer(
        self, status: int, body: bytes, content_type: str = "text/plain; charset=utf-8"
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
