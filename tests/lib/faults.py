"""What can go wrong between a client and an API server: each fault turns a good answer into a bad one.

A test orders them with ``server.faults.add(fault, times=2, page=3)``. One request
gets at most one fault, the first that matches; the others keep their turns.
"""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from tests.lib.api_answers import as_json, encoded, failure
from tests.lib.event_store import Event
from tests.lib.loopback import Answer, Delivery, Request

Fault = Callable[[Answer], Answer]

_PROXY_PAGE = (
    b"<html>\r\n<head><title>%b</title></head>\r\n<body>\r\n<center><h1>%b</h1></center>\r\n"
    b"<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
_FAILURES = {
    500: ("InternalError", "Internal error occurred: etcdserver: no leader"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
    504: ("Timeout", "Timeout: request did not complete within the allotted timeout"),
}


class Faults:
    """The faults ordered and not yet used up."""

    def __init__(self) -> None:
        """Start with none."""
        self._orders: list[_Order] = []
        self._lock = threading.Lock()

    def add(
        self,
        fault: Fault,
        *,
        times: int | None = 1,
        skip: int = 0,
        page: int | None = None,
        path: str = "*",
    ) -> None:
        """Order ``fault`` for the next ``times`` matching requests (None: all), after ``skip`` of them.

        ``page`` is the page of a LIST, from 1; ``path`` is a pattern with ``*``.
        """
        with self._lock:
            self._orders.append(_Order(fault, times, skip, page, path))

    def clear(self) -> None:
        """Take back what is still ordered."""
        with self._lock:
            self._orders.clear()

    def applied(self, answer: Answer, request: Request, page: int | None) -> Answer:
        """Return the answer after the first matching fault, or as it is."""
        with self._lock:
            due = next((o for o in self._orders if o.takes(request, page)), None)
        return due.fault(answer) if due else answer


@dataclass(slots=True)
class _Order:
    fault: Fault
    times: int | None
    skip: int
    page: int | None
    path: str

    def takes(self, request: Request, page: int | None) -> bool:
        """Say whether this request's turn has come, and count it."""
        if (
            self.times == 0
            or self.page not in {None, page}
            or not fnmatchcase(request.path, self.path)
        ):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


def too_many_requests(retry_after: int | str | None = 1) -> Fault:
    """Answer 429 as API Priority and Fairness does: plain text, with Retry-After unless None."""
    headers = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    body = b"Too many requests, please try again later.\n"
    return lambda answer: Answer(429, body, {**answer.headers, **headers})


def failing(status: int, *, retry_after: int | str | None = None) -> Fault:
    """Answer 500, 503 or 504 with the server's Status, 502 with a proxy's page."""
    if status == 502:
        return proxy_page(status, "502 Bad Gateway")
    reason, message = _FAILURES[status]
    answer = as_json(status, failure(status, reason, message, details={}))
    extra = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return lambda _: replace(answer, headers={**answer.headers, **extra})


def expired_without_token() -> Fault:
    """Answer 410 without a token to go on with, as servers do whose store cannot."""
    message = "The provided continue parameter is too old."
    answer = as_json(410, failure(410, "Expired", message))
    return lambda _: answer


def hang(seconds: float = 60.0) -> Fault:
    """Send nothing for ``seconds``, then close; a stop of the server ends the wait."""
    return _delivered(wait=seconds, silent=True, end="close")


def reset(after: int | None = None) -> Fault:
    """Reset the connection: before the first byte, or after ``after`` bytes of the body."""
    return _delivered(silent=after is None, cut=after, end="reset")


def closed() -> Fault:
    """Close the connection without a byte of an answer, as a server does that goes down."""
    return _delivered(silent=True, end="close")


def truncated(after: int = 100) -> Fault:
    """Announce the whole Content-Length, send ``after`` bytes of the body, close."""
    return _delivered(cut=after, end="close", framing="length")


def chunks_cut(after: int = 100) -> Fault:
    """Send ``after`` bytes of the body in chunks and close without the last, empty chunk."""
    return _delivered(cut=after, end="close", framing="chunked")


def dripping(*, piece: int = 512, pause: float = 0.01) -> Fault:
    """Send the answer whole, but ``piece`` bytes at a time with a pause between them."""
    return _delivered(piece=piece, pause=pause)


def proxy_page(status: int = 200, title: str = "Sign in") -> Fault:
    """Answer with the HTML page of a proxy or a login portal."""
    body = _PROXY_PAGE % (title.encode(), title.encode())
    return lambda _: Answer(status, body, {"Content-Type": "text/html", "Server": "nginx"})


def broken_json() -> Fault:
    """Answer 200, properly framed, with the first half of the JSON."""
    return lambda answer: replace(answer, body=_whole(answer)[: len(_whole(answer)) // 2])


def broken_gzip() -> Fault:
    """Answer with a gzip body that is damaged in the middle."""

    def damaged(answer: Answer) -> Answer:
        body = bytearray(gzip.compress(_whole(answer), 1))
        middle = len(body) // 2
        body[middle : middle + 8] = bytes(byte ^ 0xFF for byte in body[middle : middle + 8])
        return replace(
            answer, body=bytes(body), headers={**answer.headers, "Content-Encoding": "gzip"}
        )

    return damaged


def odd_item(position: int, **fields: object) -> Fault:
    """Overwrite fields of one item with anything that JSON can say, None included.

    A double underscore goes one level down: ``odd_item(0, count="two", metadata__name=None)``.
    """

    def change(items: list[Any]) -> None:
        for name, value in fields.items():
            *way, last = name.split("__")
            place = items[position]
            for step in way:
                place = place[step]
            place[last] = value

    return altered_items(change)


def altered_items(change: Callable[[list[Any]], None]) -> Fault:
    """Let ``change`` alter the items of a list in place before they are sent."""

    def altered(answer: Answer) -> Answer:
        body: Event = msgspec.json.decode(_whole(answer))
        change(body["items"])
        return replace(answer, body=encoded(body))

    return altered


def without_headers(*names: str) -> Fault:
    """Leave out headers, such as Date."""
    return lambda answer: replace(
        answer, headers={name: v for name, v in answer.headers.items() if name not in names}
    )


def _delivered(**how: Any) -> Fault:
    return lambda answer: replace(answer, delivery=Delivery(**how))


def _whole(answer: Answer) -> bytes:
    assert isinstance(answer.body, bytes), "this fault is for answers with a body, not for streams"
    return answer.body
