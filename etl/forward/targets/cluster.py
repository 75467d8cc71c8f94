"""What Elasticsearch and OpenSearch are to the sender: a request in, status and JSON out, by their own clients.

The two are one here, because bulk requests, index templates and versions are the same in
both: what differs is the client, and Elasticsearch's own refuses servers that are not
its own. Requests carry plain media types (``application/json``): those that
elasticsearch-py 9 would put in their place (``compatible-with=9``) are refused by servers of
version 8 with 400 (https://github.com/elastic/elasticsearch-py/issues/2927) and 7 with 406
(https://github.com/elastic/elasticsearch-py/issues/2422), and what is asked here has
not changed since 7.8.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from etl.config.forwarding import ElasticsearchTarget, TlsConfig
from etl.errors import UsageError
from etl.log import register_secret
from etl.wire import reach, secrets, trust
from etl.wire.outcome import Kind, TransportError

_PORTS = {"http": 80, "https": 443}
# A node that is asked to stop, or a gateway before one that is gone: another may know more.
ELSEWHERE = (502, 503, 504)
# Answers that say something of who asks, and nothing of what was asked.
LOGIN_REFUSED, NOT_ALLOWED = 401, 403
LOOK_AT_LOGIN = "the login is refused; look at username and password, or api_key"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, and its body as JSON, or as text where it is none."""

    status: int
    body: object


class UnreachedError(Exception):
    """No answer came from any host; the message is one line without secrets."""


class Cluster(Protocol):
    """An open client."""

    def ask(
        self, method: str, path: str, *, body: bytes | None = None, media_type: str = ""
    ) -> Reply:
        """Send one request to a host that is up, and return the answer; ``UnreachedError`` without one."""

    def close(self) -> None:
        """Close its connections."""


@dataclass(frozen=True, slots=True)
class Host:
    """One address: scheme, host, port, and the path before all paths, which is empty or begins with a slash."""

    scheme: str
    name: str
    port: int
    prefix: str


@dataclass(frozen=True, slots=True)
class Way:
    """How a cluster is reached: what both clients are opened with."""

    hosts: tuple[Host, ...]
    # Its value is a secret.
    authorization: str = field(repr=False)
    context: ssl.SSLContext | None
    timeout: float
    gzip: bool
    allow_private: bool

    def headers(self) -> dict[str, str]:
        """The headers that every request carries."""
        return {"authorization": self.authorization} if self.authorization else {}

    def check(self) -> None:
        """Refuse hosts that may not be reached, each time before something is sent. Raises ``TransportError``."""
        unknown = []
        for host in self.hosts:
            try:
                name = host.name.encode("idna")
                reach.checked(name, host.port, allow_private=self.allow_private)
            except TransportError as error:
                if error.outcome.kind is not Kind.TRANSIENT:
                    raise
                # A name that leads nowhere, as that of a node that is gone; others may be there.
                unknown.append(error)
        if len(unknown) == len(self.hosts):
            raise unknown[0]


def way(target: ElasticsearchTarget, *, environ: Mapping[str, str]) -> Way:
    """Read secrets and certificates of ``target``; raises ``UsageError`` that names what cannot be read."""
    hosts = tuple(_host(address) for address in target.hosts)
    return Way(
        hosts=hosts,
        authorization=_authorization(target, environ),
        context=_context(target.tls, environ)
        if any(host.scheme == "https" for host in hosts)
        else None,
        timeout=target.timeout.total_seconds(),
        gzip=target.gzip,
        allow_private=target.allow_private,
    )


def _host(address: str) -> Host:
    parts = urlsplit(address)
    return Host(
        parts.scheme,
        parts.hostname or "",
        parts.port or _PORTS.get(parts.scheme, 0),
        parts.path.rstrip("/"),
    )


def _authorization(target: ElasticsearchTarget, environ: Mapping[str, str]) -> str:
    """Return the value of the header that logs in, which is a secret as its parts are; empty for nobody."""
    key = secrets.value(text=target.api_key, file=target.api_key_file, environ=environ)
    if key:
        return f"ApiKey {key}"
    password = secrets.value(text=target.password, file=target.password_file, environ=environ)
    if not target.username:
        return ""
    user = secrets.expand(target.username, environ)
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    register_secret(pair)
    return f"Basic {pair}"


def _context(tls: TlsConfig, environ: Mapping[str, str]) -> ssl.SSLContext:
    """Return what TLS is spoken with; authorities of one's own are believed alone."""
    try:
        if tls.ca_file:
            context = ssl.create_default_context(cafile=tls.ca_file)
        else:
            context = trust.fresh(environ)
        if tls.cert_file:
            context.load_cert_chain(tls.cert_file, tls.key_file or None)
    except OSError as error:
        # ssl.SSLError is one, too; neither quotes what the files hold.
        files = ", ".join(filter(None, (tls.ca_file, tls.cert_file, tls.key_file)))
        raise UsageError(f"cannot use the TLS files {files}: {error}") from error
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
