"""Whose certificates are believed: those of the environment's authorities, else certifi's list."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import lru_cache


def context(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Return a context that trusts what ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` name, else certifi's list."""
    return _context(environ.get("SSL_CERT_FILE", ""), environ.get("SSL_CERT_DIR", ""))


@lru_cache(maxsize=4)
def _context(file: str, folder: str) -> ssl.SSLContext:
    return fresh({"SSL_CERT_FILE": file, "SSL_CERT_DIR": folder})


def fresh(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Return the same as ``context``, for one who puts something of his own into it."""
    file, folder = environ.get("SSL_CERT_FILE", ""), environ.get("SSL_CERT_DIR", "")
    if file or folder:
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    import certifi  # noqa: PLC0415 - comes with httpx, and is read when something is sent

    return ssl.create_default_context(cafile=certifi.where())
