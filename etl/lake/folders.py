"""A lake in a folder: files that appear under their final names complete, and last, or not at all.

A file is written to a temporary name, synced, renamed, and the folder is synced, because
a rename alone may be lost with the power.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from etl.errors import LakeError
from etl.lake.files import TEMPORARY_PREFIX, Temporary
from etl.lake.naming import name_exclusively

# A folder of such a name, and not one of a partition, stands where a file should.
_FILE_SUFFIXES = (".parquet", ".json")


class LocalFiles:
    """A lake in a folder: PVC, laptop, or anything that is mounted."""

    def __init__(self, root: Path) -> None:
        """Use ``root``, which need not exist yet."""
        self._root = root
        # Folders whose names are known to be on the disk.
        self._lasting: set[Path] = set()

    @property
    def root(self) -> str:
        """The folder as given."""
        return str(self._root)

    def list(self, prefix: str) -> list[str]:
        """Walk the folder below ``prefix``; entries that vanish meanwhile are left out."""

        def refuse(error: OSError) -> None:
            # A folder that cannot be read is not an empty one: silence would look like a quiet cluster.
            if not isinstance(error, FileNotFoundError):
                raise self.refused("read", prefix, error) from error

        found: list[str] = []
        base = str(self._root)
        for folder, folders, names in os.walk(self._root / prefix, onerror=refuse):
            relative = os.path.relpath(folder, base).replace(os.sep, "/")
            below = "" if relative == "." else f"{relative}/"
            # What cannot be read as a file is left out by name later, not passed over here.
            odd = [name for name in folders if name.endswith(_FILE_SUFFIXES) and "=" not in name]
            folders[:] = [name for name in folders if name not in odd]
            found.extend(
                f"{below}{name}" for name in (*names, *odd) if not name.startswith(TEMPORARY_PREFIX)
            )
        return sorted(found)

    def sizes(self, prefix: str) -> dict[str, int]:
        """Ask the system for the size of each file; one that vanishes meanwhile, or leads nowhere, has none."""
        found = {}
        for path in self.list(prefix):
            try:
                found[path] = (self._root / path).stat().st_size
            except OSError:
                # A link that leads nowhere, a file that is gone: whoever reads it is told.
                found[path] = 0
        return found

    def temporaries(self) -> Sequence[Temporary]:
        """Walk the whole lake."""
        found = []
        for folder, _folders, names in os.walk(self._root):
            for name in names:
                if not name.startswith(TEMPORARY_PREFIX):
                    continue
                path = Path(folder) / name
                try:
                    status = path.stat()
                except FileNotFoundError:
                    # Its writer lives: it was published or discarded just now.
                    continue
                changed = datetime.fromtimestamp(status.st_mtime, UTC)
                relative = path.relative_to(self._root).as_posix()
                found.append(Temporary(relative, changed, status.st_size))
        return sorted(found, key=lambda one: one.path)

    def read(self, path: str) -> bytes:
        """Read the whole file."""
        try:
            return (self._root / path).read_bytes()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self.refused("read", path, error) from error

    def write(self, path: str, data: bytes) -> None:
        """Replace the file by rename."""
        self.stage(path, lambda file: _write_all(file, data)).publish()

    def create(self, path: str, data: bytes) -> bool:
        """Stage the file and give it its name, if that is free."""
        return self.stage(path, lambda file: _write_all(file, data)).create()

    def exclusive(self) -> bool:
        """Say yes."""
        return True

    def stage(self, path: str, fill: Callable[[BinaryIO], None]) -> LocalStaged:
        """Write and sync a temporary file beside the target."""
        target = self._root / path
        try:
            return LocalStaged(self, path, target, self._filled(target, fill))
        except OSError as error:
            raise self.refused("write", path, error) from error

    def delete(self, path: str) -> None:
        """Unlink the file."""
        try:
            (self._root / path).unlink(missing_ok=True)
        except OSError as error:
            raise self.refused("delete", path, error) from error

    def move(self, path: str, target: str) -> None:
        """Rename, links as they are and folders as a whole, and sync both folders."""
        source, goal = self._root / path, self._root / target
        try:
            self._make_folder(goal.parent)
            source.rename(goal)
            _sync_folder(goal.parent)
            _sync_folder(source.parent)
        except FileNotFoundError:
            # Somebody else took it away, which is what was wanted.
            return
        except OSError as error:
            raise self.refused("move", path, error) from error

    def tidy(self, prefix: str) -> None:
        """Remove from the deepest folder upwards; one that is not empty, or gone, stays as it is."""
        for folder, _folders, _names in os.walk(self._root / prefix, topdown=False):
            with suppress(OSError):
                Path(folder).rmdir()

    def open(self, path: str) -> BinaryIO:
        """Open the file."""
        return (self._root / path).open("rb")

    def footer(self, path: str) -> BinaryIO:
        """Open the file: the system reads no more of it than is asked for."""
        return self.open(path)

    def expect(self, paths: Sequence[str]) -> None:
        """Do nothing: a folder answers at once."""

    def location(self, path: str) -> str:
        """Return the absolute path of the file."""
        return str((self._root / path).absolute())

    def address(self, location: str) -> str:
        """Return the path, which is the same for everybody."""
        return location

    def filesystem(self, trees: Sequence[str]) -> None:  # noqa: ARG002 -- the seam's signature
        """Return nothing: DuckDB knows folders."""
        return

    def _filled(self, target: Path, fill: Callable[[BinaryIO], None]) -> Path:
        self._make_folder(target.parent)
        temporary = target.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
        try:
            with temporary.open("xb") as file:
                fill(file)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            # Whatever stopped us, a disk that is full should get its space back.
            temporary.unlink(missing_ok=True)
            raise
        return temporary

    def _make_folder(self, folder: Path) -> None:
        """Create the missing folders, and sync the parent of each: a new name in it must last too.

        Also the parents of folders that are there: the run that made them may not have come
        so far, and what this one promises must not go with them.
        """
        unsure = []
        for one in (folder, *folder.parents):
            below = one != self._root and one.is_relative_to(self._root)
            if one.exists() and (one in self._lasting or not below):
                break
            unsure.append(one)
        for one in reversed(unsure):
            if not one.exists():
                one.mkdir(exist_ok=True)
            _sync_folder(one.parent)
            self._lasting.add(one)

    def refused(self, verb: str, path: str, error: OSError) -> LakeError:
        """Return the error that tells the user what the operating system refused."""
        reason = error.strerror or str(error)
        return LakeError(
            f"cannot {verb} {path} in the lake {self._root}: {reason};"
            " check space, permissions and that the volume is mounted writable"
            if verb != "read"
            else f"cannot read {path} in the lake {self._root}: {reason}"
        )


class LocalStaged:
    """A temporary file beside its target."""

    def __init__(self, files: LocalFiles, path: str, target: Path, temporary: Path) -> None:
        """Hold the synced ``temporary`` that will become ``target``."""
        self.path = path
        self._files = files
        self._target = target
        self._temporary = temporary

    def open(self) -> BinaryIO:
        """Open the temporary file."""
        return self._temporary.open("rb")

    def publish(self) -> None:
        """Rename, and sync the folder."""
        try:
            self._temporary.rename(self._target)
            _sync_folder(self._target.parent)
        except OSError as error:
            self.discard()
            raise self._files.refused("write", self.path, error) from error

    def create(self) -> bool:
        """Give the file its name, if it is free."""
        try:
            name_exclusively(self._temporary, self._target)
            _sync_folder(self._target.parent)
        except FileExistsError:
            return False
        except OSError as error:
            raise self._files.refused("write", self.path, error) from error
        finally:
            self.discard()
        return True

    def discard(self) -> None:
        """Remove the temporary file."""
        try:
            self._temporary.unlink(missing_ok=True)
        except OSError as error:
            raise self._files.refused("delete", self._temporary.name, error) from error


def _write_all(file: BinaryIO, data: bytes) -> None:
    file.write(data)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
