"""What this process took of its machine: memory."""

from __future__ import annotations

import resource
import sys

_KIB = 1024


def peak_bytes() -> int:
    """Return the most memory that this process has held so far."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts it in KiB, macOS in bytes.
    return most if sys.platform == "darwin" else most * _KIB
