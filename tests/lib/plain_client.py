"""The thinnest HTTP client: sends a target as it is written and shows the answer as it travelled.

The standard library's client neither retries nor decompresses nor rewrites a
query, so a test sees what a server really sent, and the bare error where it broke.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from tests.lib.apiserver import ApiServer


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, headers and body as they travelled."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)

    def lines(self) -> list[Any]:
        """Return the body as JSON lines."""
        return [json.loads(line) for line in self.body.splitlines()]


def fetch(
    url: str,
    target: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout: float = 20.0,
    authority: bytes | None = None,
) -> Reply:
    """Send one request on a connection of its own; ``authority`` is the CA for TLS, in PEM."""
    where = urlsplit(url)
    host, port = where.hostname or "", where.port
    if where.scheme == "https":
        context = ssl.create_default_context(cadata=(authority or b"").decode())
        connection: HTTPConnection = HTTPSConnection(host, port, timeout=timeout, context=context)
    else:
        connection = HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request(method, target, body=body, headers=dict(headers or {}))
        response = connection.getresponse()
        return Reply(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def ask(server: ApiServer, target: str, **options: Any) -> Reply:
    """Send one request to the fake with its right token."""
    headers = {"Authorization": f"Bearer {server.token}", **options.pop("headers", {})}
    return fetch(server.url, target, headers=headers, authority=server.certificate, **options)
