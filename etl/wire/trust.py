"""Whose certificates are believed: those of the environment's authorities, else certifi's list."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import lru_cache


def context(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Return a context that trusts what ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` name, else certifi's list."""
    return _context(environ.get("SSL_CERT_FILE", ""), environ.get("SSL_CERT_DIR", ""))


def authorities(environ: Mapping[str, str]) -> str:
    """Return the file or folder of the same authorities, for clients that read them by themselves."""
    return environ.get("SSL_CERT_FILE") or environ.get("SSL_CERT_DIR") or _certifi()


@lru_cache(maxsize=4)
def _context(file: str, folder: str) -> ssl.SSLContext:
    return fresh({"SSL_CERT_FILE": file, "SSL_CERT_DIR": folder})


def fresh(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Return the same as ``context``, for one who puts something of his own into it."""
    file, folder = environ.get("SSL_CERT_FILE", ""), environ.get("SSL_CERT_DIR", "")
    if file or folder:
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    return ssl.create_default_context(cafile=_certifi())


def _certifi() -> str:
    import certifi  # noqa: PLC0415 - comes with httpx, and is read when something is sent

    return certifi.where()
