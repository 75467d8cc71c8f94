"""Headers that an operator names: which may be set, and values that cannot end their line."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# These describe the message that we make, or the connection.
_OURS = {"host", "content-length", "transfer-encoding", "connection", "webhook-id"}
_LONGEST = 1000


def may_be_set(name: str) -> bool:
    """Whether ``name`` is a header's, and of one that is not ours to say."""
    return _TOKEN.fullmatch(name) is not None and name.lower() not in _OURS


def value(text: str) -> str:
    """Return ``text`` as a value that cannot end its line: printable ASCII, capped."""
    flat = "".join(c if " " <= c <= "~" else "?" if c > "~" else " " for c in text)
    return flat.strip()[:_LONGEST]
