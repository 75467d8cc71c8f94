"""A lake to its sessions as of one moment: for reports and stories, and for statements of people."""

from __future__ import annotations

import warnings
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, cast

from etl.config.settings import Sql
from etl.errors import LakeWarning, UsageError, quoted
from etl.lake import stranger
from etl.lake.files import Files
from etl.lake.layout import Lake
from etl.lake.query import Session
from etl.lake.stranger import Stranger

# From a warning to whoever asked: warn, told, a method here, one of the lake, the caller.
_CALLER = 5


class _Listed:
    """A storage of which each folder is listed once: who asks later sees the files of that moment."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._lists: dict[str, list[str]] = {}

    def list(self, prefix: str) -> list[str]:
        """Return the paths below a folder, from the list of one above it if there is one."""
        folder = prefix.rstrip("/") + "/"
        for known, paths in self._lists.items():
            if folder.startswith(known):
                return [path for path in paths if path.startswith(folder)]
        self._lists[folder] = self._files.list(prefix)
        return self._lists[folder]

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- everything else is the storage's own
        return getattr(self._files, name)


class Picture:
    """Opens a session per cluster when it is asked for, and keeps it; all show the files of one moment."""

    def __init__(self, lake: Lake, limits: Sql) -> None:
        """Show ``lake``; statements of people have ``limits``."""
        self._lake = replace(lake, files=cast("Files", _Listed(lake.files)))
        self._limits = limits
        self._opened = ExitStack()
        self._sessions: dict[str | None, Session] = {}
        self._strangers: dict[str | None, Stranger] = {}
        self._told: set[str] = set()

    @property
    def clusters(self) -> list[str]:
        """The clusters that the lake holds something of, sorted."""
        return self._session(None).clusters

    def session(self, cluster: str | None) -> Session:
        """Return the session of one cluster, or of all; raises ``UsageError`` for one that is not there."""
        opened = self._session(cluster)
        if cluster is not None and not opened.clusters and (known := self.clusters):
            raise UsageError(
                f"there is no cluster {quoted(cluster, 80)!r} in this lake; there are {', '.join(known)}"
            )
        return opened

    def stranger(self, cluster: str | None) -> Stranger:
        """Return the session in which only one SELECT over the public views is run."""
        self.session(cluster)
        if cluster not in self._strangers:
            opened = stranger.session(
                self._lake,
                timeout=self._limits.timeout,
                memory=self._limits.memory,
                cluster=cluster,
            )
            self._strangers[cluster] = self._opened.enter_context(opened)
        return self._strangers[cluster]

    def tell(self) -> None:
        """Warn of what answers lack, such as damaged files that were left out; of each once."""
        for opened in (*self._sessions.values(), *self._strangers.values()):
            for text in opened.warnings:
                if text not in self._told:
                    self._told.add(text)
                    warnings.warn(text, LakeWarning, stacklevel=_CALLER)

    def close(self) -> None:
        """Release the sessions."""
        self._opened.close()
        self._sessions.clear()
        self._strangers.clear()

    def _session(self, cluster: str | None) -> Session:
        if cluster not in self._sessions:
            opened = Session().showing(self._lake, cluster)
            self._sessions[cluster] = self._opened.enter_context(opened)
        return self._sessions[cluster]
