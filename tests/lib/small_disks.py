"""Disks that are too small or read-only: a tmpfs in a mount namespace of this process, and what a lake makes of it.

Runs in a driver of tests.lib.processes, whose children see the same mounts and nobody
else does. Root may mount; others may where the kernel lets users have namespaces.
"""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.lib import lake_jobs
from tests.lib.commandline import eventlake
from tests.lib.lake_crashes import Unharmed, Work, hold_after
from tests.lib.processes import done

_NEW_MOUNTS, _NEW_USERS = 0x0002_0000, 0x1000_0000
_READ_ONLY, _REMOUNT, _PRIVATE = 1, 32, 0x4000 | (1 << 18)
_PAGE = 4096
_ROOMY = "64m"


def why_not() -> str:
    """Take a mount namespace of one's own; return why that cannot be had, nothing if it can."""
    try:
        if os.geteuid() == 0:
            _call("unshare", _NEW_MOUNTS)
        else:
            user, group = os.getuid(), os.getgid()
            _call("unshare", _NEW_MOUNTS | _NEW_USERS)
            Path("/proc/self/setgroups").write_text("deny", "utf-8")
            Path("/proc/self/uid_map").write_text(f"0 {user} 1", "utf-8")
            Path("/proc/self/gid_map").write_text(f"0 {group} 1", "utf-8")
        _call("mount", b"none", b"/", None, _PRIVATE, None)
    except (OSError, AttributeError) as error:
        return f"this machine lets nobody mount a file system for a test: {error}"
    return ""


def full(work: Work, expected: Unharmed, folder: str) -> tuple[str, list[str]]:
    """Do the work on disks with one page of space more each time, until it fits.

    Returns why that cannot be tried, or the errors that it ended with. After each the
    lake must answer, and be healed by the next run on a larger disk.
    """
    if reason := why_not():
        return reason, []
    errors: list[str] = []
    for pages in range(1, 200):
        lake = f"{folder}/{pages}"
        disk = Path(lake)
        disk.mkdir()
        with _mounted(disk, f"size={_ROOMY}"):
            shutil.copytree(work.base, lake, dirs_exist_ok=True)
            _remount(disk, f"size={_used(disk) + pages * _PAGE}")
            ended = done(work.job, lake, "full", *work.arguments)
            if not ended.error:
                return "", errors
            errors.append(ended.error)
            _remount(disk, f"size={_ROOMY}")
            hold_after(work, expected, lake, f"on a disk with {pages} pages")
    raise AssertionError(errors[-1])


def read_only(work: Work, folder: str, commands: list[tuple[str, ...]]) -> tuple[str, list[Any]]:
    """Run commands on a lake that is mounted read-only; return why not, or code and error of each, and what a look says before and then."""
    if reason := why_not():
        return reason, []
    disk = Path(folder) / "disk"
    disk.mkdir()
    with _mounted(disk, f"size={_ROOMY}"):
        lake = str(disk)
        shutil.copytree(work.base, lake, dirs_exist_ok=True)
        before = done(lake_jobs.look, lake).answer
        _remount(disk, f"size={_ROOMY}", _READ_ONLY)
        ended = [done(_command, lake, *command).answer for command in commands]
        return "", [*ended, before, done(lake_jobs.look, lake).answer]


def short(work: Work, expected: Unharmed, folder: str, limit: int) -> str:
    """Do the work where no file may have more than ``limit`` bytes; return the error."""
    lake = f"{folder}/lake"
    shutil.copytree(work.base, lake)
    ended = done(_limited, lake, limit, work.job, work.arguments)
    hold_after(work, expected, lake, f"with files of {limit} bytes at most")
    return ended.error


def _limited(lake: str, limit: int, job: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    return job(lake, "limited", *arguments)


def _command(lake: str, *arguments: str) -> tuple[int, str]:
    done = eventlake("--lake", lake, *arguments, now=lake_jobs.LATER)
    return done.code, done.sentence if done.code else ""


class _mounted:  # noqa: N801 -- a function with an end
    """A tmpfs on a folder for as long as the block lasts."""

    def __init__(self, folder: Path, options: str) -> None:
        self._folder, self._options = folder, options

    def __enter__(self) -> None:
        _call("mount", b"tmpfs", bytes(self._folder), b"tmpfs", 0, self._options.encode())

    def __exit__(self, *_: object) -> None:
        _call("umount2", bytes(self._folder), 2)


def _remount(folder: Path, options: str, flags: int = 0) -> None:
    _call("mount", b"tmpfs", bytes(folder), b"tmpfs", _REMOUNT | flags, options.encode())


def _used(folder: Path) -> int:
    found = os.statvfs(folder)
    return (found.f_blocks - found.f_bfree) * found.f_bsize


def _call(name: str, *arguments: Any) -> None:
    """Call the C library; raises ``OSError``."""
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
