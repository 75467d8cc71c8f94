"""A host to the addresses that may be connected to: every one of them is checked, or none is used.

Whoever may write a configuration, or a DNS entry, must not reach the metadata service of a
cloud or a neighbour in the cluster by it. Callers connect to what comes back, so a
name that changes its mind between check and connect gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket

from etl.errors import quoted
from etl.wire.outcome import Kind, Outcome, TransportError

# Of a host with many addresses.
_TRIED_ADDRESSES = 4
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def checked(host: bytes, port: int, *, allow_private: bool) -> list[str]:
    """Resolve ``host`` (as it travels, in ASCII); all addresses must be allowed. Raises ``TransportError``."""
    shown = quoted(host.decode("ascii", "replace"), 100)
    try:
        found = socket.getaddrinfo(host.decode("ascii"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not a host name"
        detail = f"cannot resolve {shown}: {reason}"
        raise TransportError(Outcome(Kind.TRANSIENT, detail)) from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not allow_private and not all(_is_public(ipaddress.ip_address(a)) for a in addresses):
        raise _private(shown)
    return addresses[:_TRIED_ADDRESSES]


def refuse_literal(host: str, *, allow_private: bool) -> None:
    """Check what can be checked where a proxy resolves: literal addresses and localhost."""
    try:
        public = _is_public(ipaddress.ip_address(host))
    except ValueError:
        public = host != "localhost" and not host.endswith(".localhost")
    if not (public or allow_private):
        raise _private(quoted(host, 100))


def _private(host: str) -> TransportError:
    detail = (
        f"{host} is a loopback, private, link-local or metadata address;"
        " set allow_private: true if that is meant"
    )
    return TransportError(Outcome(Kind.PERMANENT, detail))


def _is_public(address: Address) -> bool:
    """Whether ``address``, and the IPv4 address inside it, is one of the public internet."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
    return address.is_global and not address.is_multicast
