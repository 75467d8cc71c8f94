"""Root without the right to read what is forbidden, for tests of permissions that run as root, as in a container."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

# linux/capability.h: the third version of the call, and the two rights that permissions do not stop.
_VERSION = 0x20080522
_OVERRIDE, _READ_SEARCH = 1 << 1, 1 << 2


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Set(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


@contextmanager
def stopped_by_permissions() -> Iterator[None]:
    """Let permissions stop this thread and those that it starts, also if it is root's."""
    if os.geteuid() != 0:
        yield
        return
    header, sets = _Header(_VERSION, 0), (_Set * 2)()
    _call("capget", header, sets)
    before = sets[0].effective
    sets[0].effective = before & ~(_OVERRIDE | _READ_SEARCH)
    _call("capset", header, sets)
    try:
        yield
    finally:
        sets[0].effective = before
        _call("capset", header, sets)


def _call(name: str, header: _Header, sets: ctypes.Array[_Set]) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(ctypes.byref(header), ctypes.byref(sets)) != 0:
        raise OSError(ctypes.get_errno(), name)
