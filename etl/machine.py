"""What this machine, or the container on it, lends: memory, and processors."""

from __future__ import annotations

import os
from pathlib import Path

# Version 2 of control groups, then version 1, as a container sees its own.
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
# Version 1 says that there is no limit by a number that no machine has.
_NO_LIMIT = 1 << 60
# Microseconds of processor time, and in how many.
_SHARE = "/sys/fs/cgroup/cpu.max"
_MEMORY = "/proc/meminfo"
_AVAILABLE = "MemAvailable:"
_KIB = 1024


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


def memory_bytes(root: str = "") -> int:
    """Return how much memory new processes may take: what nobody uses, at most the control group's limit."""
    free = _available(root)
    if free is None:
        # No Linux: all that there is, which is more than there is to take.
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = limit_bytes(root)
    return free if limit is None else min(free, limit)


def processors(root: str = "") -> int:
    """Return how many processors this process may use, at least one: a share of time counts as whole ones."""
    all_ = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path(root + _SHARE).read_text("ascii").split()
    except (OSError, ValueError):
        # No such control group, so no limit.
        return all_
    return all_ if quota == "max" else max(1, min(all_, int(quota) // int(period)))


def _available(root: str) -> int | None:
    """Return what Linux would lend without swapping: what is free, and caches that it would drop."""
    try:
        text = Path(root + _MEMORY).read_text("ascii")
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith(_AVAILABLE):
            return int(line.split()[1]) * _KIB
    return None
