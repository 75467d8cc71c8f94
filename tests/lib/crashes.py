"""Calls by which a process changes a folder, and what becomes of it if it dies before one of them.

For a process of its own that is going to die (tests.lib.processes). Every call that
makes, names, syncs or removes something in the folder is a point. A point is where the
process is killed, where the power fails, or where the operating system refuses.

A power cut is worse than a kill: the disk may hold the names that no folder's fsync
followed or not, and the bytes that no file's fsync followed or not. Both worst cases
are played: NAMES forgets the names and the bytes, BYTES keeps the names alone.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
# The point after the last call.
END = "the end"
_Call = Callable[..., Any]


class How(Enum):
    """What happens at the point."""

    KILL = "kill -9"
    NAMES = "power cut that loses names"
    BYTES = "power cut that loses bytes"
    REFUSE = "no space left"


@dataclass(slots=True)
class Crash:
    """What happens to this process before its call number ``point`` in ``folder``; 0 is never, it only counts."""

    folder: str
    point: int = 0
    how: How = How.KILL
    calls: list[str] = field(default_factory=list)
    _descriptors: dict[int, str] = field(default_factory=dict)
    _safe_files: set[int] = field(default_factory=set)
    """Inodes of files whose bytes are on the disk."""
    _safe_names: dict[str, set[str]] = field(default_factory=dict)
    """Names that are on the disk, by folder."""

    def arm(self) -> None:
        """Watch the calls of this process from now on; what the folder holds already is on the disk."""
        for folder, folders, files in os.walk(self.folder):
            self._safe_names[folder] = {*folders, *files}
            self._safe_files |= {(Path(folder) / name).stat().st_ino for name in files}
        # The folder itself and those above it are none of the lake's business.
        sys.addaudithook(self._opening)
        os.open = self._remembering(os.open)
        os.fsync = self._syncing(os.fsync)
        os.unlink = self._removing(os.unlink)
        os.remove = self._removing(os.remove)
        for name in ("mkdir", "rename", "replace", "link", "rmdir"):
            setattr(os, name, self._counting(name, getattr(os, name)))

    def end(self) -> None:
        """Be at the end of the work, where the power may fail, too: what was done has to last."""
        if self.how is not How.REFUSE:
            self._reached(END)

    def _opening(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Count a file that is opened to be written, by whatever library of this process."""
        if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            path, flags = os.fsdecode(arguments[0]), arguments[2]
            if isinstance(flags, int) and flags & _WRITES and self._is_ours(path):
                if os.path.exists(path):  # noqa: PTH110 -- Path would open what it looks at
                    self._safe_files.discard(os.stat(path).st_ino)  # noqa: PTH116 -- the same
                self._reached("open")

    def _remembering(self, call: _Call) -> _Call:
        def opened(path: Any, *more: Any, **named: Any) -> int:
            descriptor: int = call(path, *more, **named)
            self._descriptors[descriptor] = os.fspath(path)
            return descriptor

        return opened

    def _syncing(self, call: _Call) -> _Call:
        def synced(descriptor: int) -> None:
            here = os.fstat(descriptor)
            folder = self._descriptors.get(descriptor, "") if stat.S_ISDIR(here.st_mode) else None
            if folder is None or self._is_ours(folder) or folder == self.folder:
                self._reached("fsync")
            call(descriptor)
            if folder:
                self._safe_names[folder] = set(os.listdir(folder))  # noqa: PTH208 -- names are wanted
            else:
                self._safe_files.add(here.st_ino)

        return synced

    def _removing(self, call: _Call) -> _Call:
        def removed(path: Any, **named: Any) -> None:
            if self._is_ours(os.fspath(path)) and os.path.exists(path):  # noqa: PTH110 -- as above
                self._reached("unlink")
                here = os.stat(path)  # noqa: PTH116 -- as above
                if here.st_nlink == 1:
                    # The number is free for a file that is not on the disk.
                    self._safe_files.discard(here.st_ino)
            call(path, **named)

        return removed

    def _counting(self, name: str, call: _Call) -> _Call:
        def counted(*paths: Any, **named: Any) -> Any:
            if self._is_ours(os.fspath(paths[0])):
                self._reached(name)
            return call(*paths, **named)

        return counted

    def _is_ours(self, path: str) -> bool:
        return path.startswith(f"{self.folder}{os.sep}")

    def _reached(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) != self.point:
            return
        self.point = 0
        if self.how is How.REFUSE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.how is not How.KILL:
            self._lose()
        os.kill(os.getpid(), signal.SIGKILL)

    def _lose(self) -> None:
        """Leave in the folder what a disk may hold when the power fails."""
        for folder, folders, files in os.walk(self.folder):
            safe = self._safe_names.get(folder, set())
            if self.how is How.NAMES:
                for name in {*folders, *files} - safe:
                    path = Path(folder) / name
                    shutil.rmtree(path) if name in folders else path.unlink()
                folders[:] = [name for name in folders if name in safe]
                files = [name for name in files if name in safe]  # noqa: PLW2901 -- what is left
            for name in files:
                path = Path(folder) / name
                if path.stat().st_ino not in self._safe_files:
                    os.truncate(path, path.stat().st_size // 2)
