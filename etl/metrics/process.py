"""What this process took of its machine: memory, and how much it may take."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

_KIB = 1024
# Version 2 of control groups, then version 1, as a container sees its own.
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
# Version 1 says that there is no limit by a number that no machine has.
_NO_LIMIT = 1 << 60


def peak_bytes() -> int:
    """Return the most memory that this process has held so far."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts it in KiB, macOS in bytes.
    return most if sys.platform == "darwin" else most * _KIB


def limit_bytes(root: str = "") -> int | None:
    """Return the limit of the control group in bytes, null where there is none; ``root`` is a folder before it."""
    for place in _LIMITS:
        try:
            text = Path(root + place).read_text("ascii").strip()
        except OSError:
            # Not this version, or no Linux.
            continue
        if text.isdecimal() and int(text) < _NO_LIMIT:
            return int(text)
    return None
