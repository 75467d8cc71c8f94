"""The seam between the lake and its storage: whole files by relative path, atomic and durable.

Every path that eventlake reads or writes in a lake goes through ``Files``: a folder is
``etl.lake.folders``, an object store ``etl.lake.objects``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

from etl.errors import LakeError

# Readers and listings leave such names out; a crash may leave them behind.
TEMPORARY_PREFIX = ".tmp-"


@dataclass(frozen=True, slots=True)
class Temporary:
    """What a writer that died left behind: its path, when it was last changed, and its bytes."""

    path: str
    changed_at: datetime
    size: int


class Staged(Protocol):
    """A file that is written and synced, but not yet visible under its name."""

    @property
    def path(self) -> str:
        """The path it will have."""
        ...

    def open(self) -> BinaryIO:
        """Return the content for reading before it is published."""
        ...

    def publish(self) -> None:
        """Make it visible, complete and durable."""
        ...

    def create(self) -> bool:
        """Make it visible only if its name is free, and discard it if not; return whether this call did."""
        ...

    def discard(self) -> None:
        """Give its space back; after ``publish`` this does nothing."""
        ...


class Taught(Protocol):
    """What DuckDB is taught to read a storage with."""

    failure: LakeError | None
    """Why the newest read failed, where DuckDB only quotes a traceback."""


class Files(Protocol):
    """Storage of whole files under relative POSIX paths.

    Every method raises ``LakeError`` with advice where the storage refuses.
    """

    @property
    def root(self) -> str:
        """The folder or URL, as messages name it."""
        ...

    def list(self, prefix: str) -> list[str]:
        """Return the paths of all files below the folder ``prefix``, sorted; temporaries are left out."""
        ...

    def sizes(self, prefix: str) -> dict[str, int]:
        """Return what ``list`` does, with the bytes of each file."""
        ...

    def temporaries(self) -> Sequence[Temporary]:
        """Return what was written under temporary names anywhere in the lake, also what is being written now."""
        ...

    def read(self, path: str) -> bytes:
        """Return the file's bytes; raises ``FileNotFoundError``."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Write or replace the file atomically and durably."""
        ...

    def create(self, path: str, data: bytes) -> bool:
        """Write the file only if it does not exist; return whether this call created it."""
        ...

    def exclusive(self) -> bool:
        """Say whether ``create``, here and of what is staged, really refuses a name that another run takes at once."""
        ...

    def stage(self, path: str, fill: Callable[[BinaryIO], None]) -> Staged:
        """Let ``fill`` write a file's whole content, durable but not visible until it is published."""
        ...

    def delete(self, path: str) -> None:
        """Remove the file; one that is not there is fine."""
        ...

    def move(self, path: str, target: str) -> None:
        """Give a file, or what stands in its place, the free name ``target``; one that is not there is fine."""
        ...

    def tidy(self, prefix: str) -> None:
        """Remove the folder ``prefix`` and those below it, as far as they are empty; a store has none."""
        ...

    def open(self, path: str) -> BinaryIO:
        """Return the file for reading at any position, as pyarrow does; raises ``FileNotFoundError``."""
        ...

    def footer(self, path: str) -> BinaryIO:
        """Return the end of a Parquet file with its whole footer: enough for its schema and its metadata."""
        ...

    def expect(self, paths: Sequence[str]) -> None:
        """Be told that the footers of these files are read next; a slow storage fetches them together."""
        ...

    def location(self, path: str) -> str:
        """Return what DuckDB opens for ``path``."""
        ...

    def address(self, location: str) -> str:
        """Return the name by which other programs know a ``location``."""
        ...

    def filesystem(self, trees: Sequence[str]) -> Taught | None:
        """Return what DuckDB has to be taught to open locations below ``trees``; null if nothing."""
        ...


def is_of_the_file(error: LakeError) -> bool:
    """Whether the system refused one file, as a folder in its place, and not a store that does not answer."""
    cause = error.__cause__
    return isinstance(cause, OSError) and not isinstance(cause, NotADirectoryError)
