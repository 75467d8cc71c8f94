"""A lake's trees to a file system that DuckDB opens files in, in place of an extension for object stores.

DuckDB takes any file system that has fsspec's form. This one knows the data of one
lake and nothing else, so a locked session that is taught it reaches no other object.
A module of its own, because fsspec costs a quarter of a second that only queries pay.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from fsspec import AbstractFileSystem

from etl.errors import LakeError
from etl.lake.ranges import PROTOCOL, RangedFile, Ranges

# Parts are written once: a time that never changes says so.
_UNCHANGED = datetime(1970, 1, 1, tzinfo=UTC)


class LakeFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec is untyped
    """The trees of one lake as DuckDB's file system: it opens their files for reading, and nothing else."""

    protocol = PROTOCOL
    cachable = False

    def __init__(self, ranges: Ranges, trees: Collection[str]) -> None:
        """Serve the files below ``trees``."""
        super().__init__()
        self._ranges = ranges
        self._trees = tuple(f"{tree}/" for tree in trees)

    @property
    def failure(self) -> LakeError | None:
        """Why the newest read failed: DuckDB wraps it in a traceback, a session tells it as it is."""
        return self._ranges.failure

    @failure.setter
    def failure(self, value: LakeError | None) -> None:
        self._ranges.failure = value

    def open(self, path: str, mode: str = "rb", **_: object) -> RangedFile:
        """Open a file of the trees for reading."""
        if mode != "rb":
            self.failure = LakeError(f"{path} cannot be written by a query: the lake is read-only")
            raise self.failure
        return RangedFile(self._ranges, self._inside(path))

    def glob(self, path: str, **_: object) -> list[str]:
        """Return ``path`` itself: sessions name each file, and a pattern finds nothing."""
        return [self._inside(path)]

    def exists(self, path: str, **_: object) -> bool:
        """Whether the file is there."""
        try:
            self.size(path)
        except FileNotFoundError:
            # The question was whether it is there.
            return False
        return True

    def isfile(self, path: str) -> bool:
        """Whether the file is there: a store has no folders."""
        return self.exists(path)

    def size(self, path: str) -> int:
        """Return the file's size."""
        return self._ranges.size(self._inside(path))

    def modified(self, path: str) -> datetime:  # noqa: ARG002 -- fsspec's signature
        """Return one time for all: what a session reads never changes."""
        return _UNCHANGED

    def _inside(self, path: str) -> str:
        relative = path.removeprefix(f"{PROTOCOL}://")
        if not relative.startswith(self._trees) or ".." in relative.split("/"):
            self.failure = LakeError(f"{relative} is not below the data of the lake")
            raise self.failure
        return relative
