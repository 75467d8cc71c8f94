"""A cluster's API server as raw GETs: a path and a query in, status, headers and bytes out.

Only authentication and TLS settings come from the ``kubernetes`` package: its models
cost 20 times the decoding of the bytes, and its list methods hide what paging needs to
see. Credentials are read at the first request, so that whoever asks can note in the
ledger that it failed.
"""

from __future__ import annotations

import contextlib
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import urllib3
from isal import igzip_lib, isal_zlib
from urllib3 import exceptions

from etl import __version__
from etl.config.settings import Source
from etl.errors import quoted
from etl.source import live_access
from etl.source.live_access import Access, Connection

_WANTED = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "User-Agent": f"eventlake/{__version__}",
}
_CONNECT_SECONDS = 10.0
_CHUNK_BYTES = 1 << 20
# Deflate packs a thousand bytes into one at most.
_DENSEST = 1032
# Which the sentence around it names already.
_CONNECTION = re.compile(r"^HTTPS?Connection\(host=[^)]*\): ")
# More digits than a century has seconds would overflow, and mean nothing.
_LONGEST_DELAY = 9


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: status, headers, the decoded body and the bytes that travelled."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    received_bytes: int

    @property
    def date(self) -> datetime | None:
        """The server's clock, or null where the header is missing or odd."""
        text = self.headers.get("Date")
        if not text:
            return None
        try:
            return parsedate_to_datetime(text)
        except ValueError:
            return None

    @property
    def retry_after(self) -> timedelta | None:
        """Retry-After in seconds, the only form that an API server uses; null without one."""
        text = self.headers.get("Retry-After", "").strip()
        if not (text.isascii() and text.isdigit()):
            return None
        return timedelta(seconds=int(text[:_LONGEST_DELAY]))


@dataclass(frozen=True, slots=True)
class Stream:
    """An HTTP answer whose body is still coming: pieces of any size."""

    status: int
    headers: Mapping[str, str]
    pieces: Iterator[bytes]


class UnreachableError(Exception):
    """No connection could be made at all."""


class UntrustedError(Exception):
    """TLS could not be agreed on; asking again changes nothing."""


class BrokenOffError(Exception):
    """The answer broke off, or was not what HTTP allows."""


class TimedOutError(Exception):
    """The answer took longer than it may."""


@dataclass(slots=True)
class Cluster:
    """The way to one API server; ``name`` is the kubeconfig's cluster name, empty in a pod."""

    name: str
    access: Access
    _connection: Connection | None = None

    @property
    def host(self) -> str:
        """The server's address."""
        return self._connected().host

    def get(self, path: str, query: Mapping[str, str | int], *, accept: str = "") -> Answer:
        """GET ``path``, as JSON or what ``accept`` names.

        Raises ``UnreachableError``, ``BrokenOffError`` or ``TimedOutError``, all safe to
        repeat, ``UntrustedError``, which is not worth it, or ``ClusterError`` if there are
        no credentials.
        """
        limit = self.access.source.timeout.total_seconds()
        deadline = time.monotonic() + limit
        connection = self._connected()
        headers = _WANTED | ({"Accept": accept} if accept else {}) | connection.credentials()
        url = f"{connection.host}{path}?{urlencode(query)}"
        with _translated():
            answer = _begun(connection.pool, url, headers, limit)
            try:
                body = _read(answer, deadline)
            except BaseException:
                answer.close()
                raise
            answer.release_conn()
        return Answer(answer.status, answer.headers, body, answer.tell())

    @contextlib.contextmanager
    def stream(
        self, path: str, query: Mapping[str, str | int], limit: float, *, accept: str
    ) -> Iterator[Stream]:
        """GET ``path`` and hand out the answer as it comes in; ``limit`` is how long it may be silent, in seconds.

        Raises as ``get`` does, also while the body is read. No Accept-Encoding is sent:
        an API server compresses no stream.
        """
        connection = self._connected()
        headers = _WANTED | connection.credentials() | {"Accept": accept}
        del headers["Accept-Encoding"]
        url = f"{connection.host}{path}?{urlencode(query)}"
        with _translated():
            answer = _begun(connection.pool, url, headers, limit)
        try:
            yield Stream(answer.status, answer.headers, _pieces(answer))
        finally:
            answer.close()

    def reconnect(self) -> None:
        """Read the credentials again: tokens of service accounts and exec plugins expire."""
        self._connection = self.access.connection()

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self.access.connection()
        return self._connection


def connect(source: Source, environ: Mapping[str, str]) -> Cluster:
    """Return the way to the cluster of a kubeconfig, else to that of the pod; nothing is asked yet.

    ``environ`` tells KUBECONFIG, HOME and whether this is a pod. Raises
    ``ClusterError`` that says which file is missing or wrong.
    """
    access = live_access.found(source, environ)
    return Cluster(access.cluster_name(), access)


def _begun(
    pool: urllib3.PoolManager, url: str, headers: Mapping[str, str], limit: float
) -> urllib3.BaseHTTPResponse:
    """Send the request and return the answer as far as its headers."""
    try:
        return pool.request(
            "GET",
            url,
            headers=headers,
            preload_content=False,
            redirect=False,
            retries=False,
            timeout=urllib3.Timeout(connect=min(_CONNECT_SECONDS, limit), read=limit),
        )
    except exceptions.SSLError as error:
        if isinstance(error.args[0], ssl.SSLEOFError | ssl.SSLZeroReturnError):
            # The server went away while hands were shaken: it may be back soon.
            raise
        raise UntrustedError(_distrust(error)) from error


def _read(answer: Any, deadline: float) -> bytes:  # noqa: ANN401 -- as above
    """Read the body as it comes in; a server that drips is as late as one that is silent."""
    chunks = []
    # Not ``stream``: it waits for a whole chunk, which a dripping server never completes.
    while chunk := answer.read1(_CHUNK_BYTES, decode_content=False):
        chunks.append(chunk)
        if time.monotonic() > deadline:
            raise TimedOutError
    packed = b"".join(chunks)
    gzipped = answer.headers.get("Content-Encoding", "").lower() == "gzip"
    return _unpacked(packed) if gzipped else packed


def _pieces(answer: Any) -> Iterator[bytes]:  # noqa: ANN401 -- as above
    with _translated():
        while piece := answer.read1(_CHUNK_BYTES, decode_content=False):
            yield piece


def _unpacked(packed: bytes) -> bytes:
    """Undo gzip at once: a chunk at a time, as urllib3 does it with zlib, takes four times as long.

    The last four bytes say how long the text is, so that memory is asked for once.
    """
    length = min(int.from_bytes(packed[-4:], "little"), len(packed) * _DENSEST)
    try:
        return isal_zlib.decompress(packed, isal_zlib.MAX_WBITS | 16, length)
    except igzip_lib.IsalError as error:  # type: ignore[misc]  # the stub calls it an instance
        raise BrokenOffError(str(error)) from error


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn urllib3's many errors into the three kinds that paging tells apart."""
    try:
        yield
    except (
        exceptions.ConnectTimeoutError,
        exceptions.NewConnectionError,
        exceptions.ProxyError,
    ) as error:
        raise UnreachableError(_reason(error)) from error
    except exceptions.TimeoutError as error:
        raise TimedOutError(_reason(error)) from error
    except exceptions.HTTPError as error:
        raise BrokenOffError(_reason(error)) from error


def _reason(error: Exception) -> str:
    """Return what went wrong in a few words, without addresses of objects."""
    text = _CONNECTION.sub("", str(error))
    return quoted(text.rpartition(": ")[2] if ">: " in text else text, 160)


def _distrust(error: exceptions.SSLError) -> str:
    """Return why TLS was not agreed on, in OpenSSL's words."""
    cause = error.args[0]
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {cause.verify_message}"
    reason = getattr(cause, "reason", None)
    return str(reason).replace("_", " ").lower() if reason else quoted(str(cause), 160)
