"""An address to whether somebody opens there: resolved, guarded and connected to as a message would be, and nothing is sent.

With TLS the certificate is looked at too. Behind a proxy only the proxy is knocked at: what it
would let through, it says when it is asked.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping

from etl.errors import quoted
from etl.wire import http, reach, trust
from etl.wire.http import Guard
from etl.wire.outcome import Kind, Outcome, TransportError

_TLS = 443


def at_url(url: str, guard: Guard, *, environ: Mapping[str, str]) -> str:
    """Connect to where a request to ``url`` would go, and say how; raises ``TransportError``."""
    target = http.target_of(url, guard)
    proxy = http.proxy_of(target, environ)
    if proxy:
        reach.refuse_literal(target.host, allow_private=guard.allow_private)
        way = http.target_of(proxy, Guard(True, True, guard.timeout))  # noqa: FBT003 -- the environment's own choice
        port = way.port or (_TLS if way.scheme == "https" else 80)
        # A proxy inside the network is what proxies are for.
        at(way.host, port, Guard(True, True, guard.timeout), tls=False, environ=environ)  # noqa: FBT003
        return "the proxy answers"
    port = target.port or (_TLS if target.scheme == "https" else 80)
    at(target.host, port, guard, tls=target.scheme == "https", environ=environ)
    return "reachable"


def at(host: str, port: int, guard: Guard, *, tls: bool, environ: Mapping[str, str]) -> None:
    """Connect to ``host``, with TLS if asked, and hang up; raises ``TransportError``."""
    shown = quoted(host, 100)
    try:
        name = host.encode("idna")
    except UnicodeError:
        detail = f"{shown} is not a host name"
        raise TransportError(Outcome(Kind.PERMANENT, detail)) from None
    addresses = reach.checked(name, port, allow_private=guard.allow_private)
    for number, address in enumerate(addresses, start=1):
        try:
            _knock(address, port, host if tls else "", guard, environ)
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", "") or error.reason or "TLS failed"
            detail = f"{shown} is not trusted: {quoted(str(reason), 100)}"
            raise TransportError(Outcome(Kind.PERMANENT, detail)) from None
        except OSError as error:
            if number < len(addresses):
                continue
            reason = error.strerror or type(error).__name__
            detail = f"cannot connect to {shown}, port {port}: {reason}"
            raise TransportError(Outcome(Kind.TRANSIENT, detail)) from None
        return


def _knock(address: str, port: int, name: str, guard: Guard, environ: Mapping[str, str]) -> None:
    seconds = guard.timeout.total_seconds()
    with socket.create_connection((address, port), timeout=seconds) as connection:
        if name:
            with trust.context(environ).wrap_socket(connection, server_hostname=name):
                pass
