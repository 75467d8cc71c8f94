"""A certificate authority of this test run, and the TLS settings of servers on loopback."""

from __future__ import annotations

import functools
import ssl

import trustme


@functools.cache
def authority() -> trustme.CA:
    """Return the authority of all TLS servers here; made once, because keys are slow to make."""
    return trustme.CA()


@functools.cache
def server_context() -> ssl.SSLContext:
    """Return what a server on loopback needs to speak TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@functools.cache
def demanding_context() -> ssl.SSLContext:
    """Return the same for a server that speaks with those alone who show a certificate of the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert("127.0.0.1", "localhost").configure_cert(context)
    authority().configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context
