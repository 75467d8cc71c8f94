"""An API server in a process of its own that hands out prepared bytes, so that it hides nothing of a client's cost.

It generates the events, renders and compresses each page of the LIST once, and then
answers with ``sendall`` of what is ready. It speaks the paging protocol (limit,
continue, resourceVersion, remainingItemCount), /version, and nothing more.

    python -m bench.prepared_server --events 100000     prints its URL, serves until its stdin closes
"""

from __future__ import annotations

import argparse
import gzip
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formatdate
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

from bench.generate_events import list_revision, rendered
from tests.lib.api_answers import failure
from tests.lib.api_options import Token
from tests.lib.kubeconfigs import write_kubeconfig

ROOT = Path(__file__).parent.parent
PAGE_SIZE = 5000
EVENTS_PATH = "/api/v1/events"
VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.0"}
# Go's net/http buffers this much of a compressed answer before it writes a chunk.
_CHUNK = 2048
# A whole page fits, so that sending does not wait for the client's decoding.
_SEND_BUFFER = 4 * 1024 * 1024
_HEAD = (
    "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nDate: {date}\r\n"
    "Cache-Control: no-cache, private\r\n{more}\r\n"
)


class PreparedServer:
    """Runs the server as a child process: ``with PreparedServer(events=100_000) as server``."""

    def __init__(self, *, events: int, page_size: int = PAGE_SIZE, seed: int = 1) -> None:
        """Remember what to serve; nothing runs before the ``with``."""
        self._arguments = [f"--events={events}", f"--page-size={page_size}", f"--seed={seed}"]
        self.events = events
        self.page_size = page_size
        self.url = ""

    def __enter__(self) -> Self:
        """Start the process and wait until its pages are ready."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.prepared_server", *self._arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            self._process.communicate()
            message = f"the prepared server ended with code {self._process.returncode}"
            raise RuntimeError(message)
        return self

    def __exit__(self, *_: object) -> None:
        """Close the child's stdin, which ends it."""
        self._process.communicate()

    def show(self, state: int) -> Sizes:
        """Serve ``state`` of the same events from now on; returns when its pages are ready."""
        return self._asked(f"/bench/show?state={state}")

    def sizes(self) -> Sizes:
        """Return how much there is to read."""
        return self._asked("/bench/sizes")

    def kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig that leads to the server."""
        return write_kubeconfig(path, url=self.url, token="any", certificate=None, context="bench")  # noqa: S106 (nobody checks it)

    def _asked(self, target: str) -> Sizes:
        connection = HTTPConnection(urlsplit(self.url).netloc)
        connection.request("GET", target)
        answer = connection.getresponse().read()
        connection.close()
        return Sizes(**json.loads(answer))


@dataclass(frozen=True, slots=True)
class Sizes:
    """What one complete LIST is: events, pages, bytes of JSON, and bytes as gzip."""

    events: int
    pages: int
    json_bytes: int
    gzip_bytes: int


@dataclass(frozen=True, slots=True)
class Pages:
    """Every page by its continue token ("" for the first), framed in chunks, ready to send."""

    by_token: dict[str, bytes]
    sizes: Sizes


def prepared(events: int, *, page_size: int, seed: int, state: int) -> Pages:
    """Render the pages of one state."""
    revision = list_revision(state=state)
    items = rendered(events, seed=seed, state=state)
    by_token: dict[str, bytes] = {}
    token, left, plain, packed = "", events, 0, 0
    while True:
        page = list(islice(items, page_size))
        left -= len(page)
        onward = str(Token(revision, _start_after(page[-1]))) if left else ""
        body = _body(page, revision=revision, onward=onward, left=left)
        compressed = gzip.compress(body, 1)
        by_token[token] = b"".join(_chunks(compressed))
        plain, packed, token = plain + len(body), packed + len(compressed), onward
        if not onward:
            return Pages(by_token, Sizes(events, len(by_token), plain, packed))


def _start_after(item: bytes) -> str:
    metadata = json.loads(item)["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}\0"


def _body(page: list[bytes], *, revision: int, onward: str, left: int) -> bytes:
    more = f',"continue":"{onward}","remainingItemCount":{left}' if onward else ""
    head = (
        '{"kind":"EventList","apiVersion":"v1","metadata":'
        f'{{"resourceVersion":"{revision}"{more}}},"items":['
    )
    return head.encode() + b",".join(page) + b"]}\n"


def _chunks(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), _CHUNK):
        piece = body[start : start + _CHUNK]
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


class _Service:
    """The child's side: pages, and one thread for each connection."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._pages = self._prepare(0)

    def _prepare(self, state: int) -> Pages:
        given = self._arguments
        return prepared(given.events, page_size=given.page_size, seed=given.seed, state=state)

    def serve(self, connection: socket.socket) -> None:
        """Answer the requests of one connection until its client closes it."""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        pending = b""
        with connection:
            while True:
                while b"\r\n\r\n" not in pending:
                    received = connection.recv(65536)
                    if not received:
                        return
                    pending += received
                head, pending = pending.split(b"\r\n\r\n", 1)
                for part in self._answer(head.decode("latin-1")):
                    connection.sendall(part)

    def _answer(self, head: str) -> list[bytes]:
        line, _, headers = head.partition("\r\n")
        where = urlsplit(line.split(" ")[1])
        query = {name: values[0] for name, values in parse_qs(where.query).items()}
        match where.path.rstrip("/"):
            case "/api/v1/events":
                return self._page(query, packed="gzip" in headers.lower())
            case "/version":
                return _json("200 OK", VERSION)
            case "/bench/show":
                self._pages = self._prepare(int(query["state"]))
            case "/bench/sizes":
                pass
            case _:
                return _json("404 Not Found", failure(404, "NotFound", where.path))
        sizes = self._pages.sizes
        return _json("200 OK", {name: getattr(sizes, name) for name in Sizes.__slots__})

    def _page(self, query: dict[str, str], *, packed: bool) -> list[bytes]:
        """Return head and body; a client that wants no gzip pays with our time, which is no measure."""
        wanted = self._arguments.page_size
        if query.get("limit") != str(wanted):
            message = f"the pages are prepared for limit={wanted}"
            return _json("400 Bad Request", failure(400, "BadRequest", message))
        page = self._pages.by_token.get(query.get("continue", ""))
        if page is None:
            message = "this continue token belongs to another list"
            return _json("410 Gone", failure(410, "Expired", message))
        if not packed:
            body = gzip.decompress(_unchunked(page))
            return [_head("200 OK", f"Content-Length: {len(body)}\r\n"), body]
        framing = (
            "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\nTransfer-Encoding: chunked\r\n"
        )
        return [_head("200 OK", framing), page]


def _json(status: str, value: object) -> list[bytes]:
    body = json.dumps(value).encode()
    return [_head(status, f"Content-Length: {len(body)}\r\n") + body]


def _head(status: str, more: str) -> bytes:
    return _HEAD.format(status=status, date=formatdate(usegmt=True), more=more).encode()


def _unchunked(framed: bytes) -> bytes:
    parts = []
    while framed:
        size, _, rest = framed.partition(b"\r\n")
        length = int(size, 16)
        parts.append(rest[:length])
        framed = rest[length + 2 :]
    return b"".join(parts)


def _accept(listener: socket.socket, service: _Service) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=service.serve, args=(connection,), daemon=True).start()


def main() -> None:
    """Prepare the first state, print the URL, serve until stdin is closed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, required=True, help="how many there are")
    parser.add_argument("--page-size", type=int, default=PAGE_SIZE, help="the one limit served")
    parser.add_argument("--seed", type=int, default=1, help="another one, other events")
    service = _Service(parser.parse_args())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, service), daemon=True).start()
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
