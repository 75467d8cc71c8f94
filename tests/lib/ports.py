"""A port that nobody listens on at the moment."""

from __future__ import annotations

import socket


def free_port() -> int:
    """Return a free port of loopback; somebody else may take it, so use it at once."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port
