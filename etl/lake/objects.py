"""A lake in an object store: the same whole files by path, one object each.

An object appears whole or not at all, so nothing is renamed: what is staged waits in
memory or a temporary file of this machine, and publishing it is one PUT (a multipart
upload beyond 16 MiB, which is as atomic). What is created exclusively is one PUT of
any size.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, BinaryIO, cast

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from etl.config.settings import Storage
from etl.errors import LakeError
from etl.lake import stores
from etl.lake.exclusive import PROBE, Exclusive
from etl.lake.files import TEMPORARY_PREFIX, Temporary
from etl.lake.ranges import PROTOCOL, RangedFile, Ranges
from etl.lake.refusals import missing, refused

if TYPE_CHECKING:
    from obstore import ObjectMeta

    from etl.lake.filesystem import LakeFileSystem

_ONE_PUT = 16 * 1024 * 1024
# Beyond this what is staged goes to a temporary file: a run may stage ten parts.
_IN_MEMORY = 8 * 1024 * 1024


class ObjectFiles:
    """A lake below a prefix of a bucket."""

    def __init__(self, root: str, store: ObjectStore, *, endpoint: str = "") -> None:
        """Use ``store``, a client that stands at the lake's prefix; messages call it ``root``."""
        self.root = root
        self._store = store
        self._exclusive = Exclusive(store, root=root, place=f"{root} {endpoint}".strip())
        self._sizes: dict[str, int] = {}
        self._ranges = Ranges(size=self._size, get=self._range)

    @classmethod
    def at(cls, address: str, storage: Storage, environ: Mapping[str, str]) -> ObjectFiles:
        """Open the lake at ``address``; raises ``UsageError`` or ``LakeError``; asks the store nothing."""
        where = stores.place(address)
        client = stores.client(where, storage, environ)
        return cls(str(where), client, endpoint=stores.endpoint(where, storage, environ))

    def list(self, prefix: str) -> list[str]:
        """List the objects below ``prefix``, and remember their sizes."""
        return list(self.sizes(prefix))

    def sizes(self, prefix: str) -> dict[str, int]:
        """List the objects below ``prefix``, and remember their sizes."""
        found = {meta["path"]: meta["size"] for meta in self._listed(prefix)}
        self._sizes.update(found)
        return {
            path: found[path]
            for path in sorted(found)
            if not path.rpartition("/")[2].startswith(TEMPORARY_PREFIX)
        }

    def temporaries(self) -> Sequence[Temporary]:
        """Return what a probe left that died: nothing else has a name before it is complete."""
        return [
            Temporary(meta["path"], meta["last_modified"], meta["size"])
            for meta in self._listed(PROBE.rpartition("/")[0])
            if meta["path"] != PROBE
        ]

    def read(self, path: str) -> bytes:
        """Get the whole object."""
        try:
            return bytes(obstore.get(self._store, path).bytes())
        except BaseError as error:
            raise refused(self.root, "read", path, error) from None
        except FileNotFoundError as error:
            raise missing(self.root, path, error) from None

    def write(self, path: str, data: bytes) -> None:
        """Put the object."""
        self._put(path, io.BytesIO(data), len(data))

    def create(self, path: str, data: bytes) -> bool:
        """Put the object only if there is none; of a store that cannot, look first and then put."""
        if self.exclusive():
            created = self._exclusive.create(path, data)
        elif created := not self._exclusive.exists(path):
            self.write(path, data)
        self._forget(path)
        return created

    def exclusive(self) -> bool:
        """Say whether the store honours ``If-None-Match``; tried once for each lake."""
        return self._exclusive.honoured()

    def stage(self, path: str, fill: Callable[[BinaryIO], None]) -> ObjectStaged:
        """Let ``fill`` write into memory, or a temporary file of this machine if it is much."""
        content = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 -- closed by publish or discard
        try:
            fill(cast("BinaryIO", content))
            return ObjectStaged(self, path, cast("BinaryIO", content))
        except OSError as error:
            content.close()
            reason = error.strerror or str(error)
            message = f"cannot prepare {path} of the lake {self.root} in this machine's temporary folder: {reason}"
            raise LakeError(message) from error
        except BaseException:
            # Whatever stopped us, the temporary file should give its space back.
            content.close()
            raise

    def delete(self, path: str) -> None:
        """Delete the object."""
        try:
            obstore.delete(self._store, path)
        except FileNotFoundError:
            # Some stores say so, others do not; absent is what was wanted.
            pass
        except BaseError as error:
            raise refused(self.root, "delete", path, error) from None
        self._forget(path)

    def move(self, path: str, target: str) -> None:
        """Copy within the store, then delete: what dies in between leaves a copy, never nothing."""
        try:
            obstore.copy(self._store, path, target)
        except FileNotFoundError:
            # Somebody else took it away, which is what was wanted.
            return
        except BaseError as error:
            raise refused(self.root, "move", path, error) from None
        self.delete(path)

    def tidy(self, prefix: str) -> None:
        """Do nothing: a store has no folders."""

    def open(self, path: str) -> BinaryIO:
        """Return the object as a file whose reads are ranges."""
        return cast("BinaryIO", RangedFile(self._ranges, path))

    def footer(self, path: str) -> BinaryIO:
        """Return the object's kept end, fetched with one request."""
        return io.BytesIO(self._ranges.end(path))

    def expect(self, paths: Sequence[str]) -> None:
        """Fetch the ends of these objects together."""
        self._ranges.expect(paths)

    def location(self, path: str) -> str:
        """Return the name that ``filesystem`` gives to ``path``."""
        return f"{PROTOCOL}://{path}"

    def address(self, location: str) -> str:
        """Return the object's own address in its store, such as ``s3://bucket/prefix/…``."""
        return f"{self.root.rstrip('/')}/{location.removeprefix(f'{PROTOCOL}://')}"

    def filesystem(self, trees: Sequence[str]) -> LakeFileSystem:
        """Return a file system over the lake's ``trees``."""
        from etl.lake.filesystem import LakeFileSystem  # noqa: PLC0415 -- only queries pay for fsspec

        return LakeFileSystem(self._ranges, trees)

    def _listed(self, prefix: str) -> Iterator[ObjectMeta]:
        try:
            for chunk in obstore.list(self._store, prefix or None, chunk_size=1000):
                yield from chunk
        except (BaseError, FileNotFoundError) as error:
            # Not found: the bucket itself is not there.
            raise refused(self.root, "list", prefix or "the lake", error) from None

    def _put(self, path: str, content: BinaryIO, size: int) -> None:
        try:
            if size <= _ONE_PUT:
                obstore.put(self._store, path, content.read(), use_multipart=False)
            else:
                obstore.put(self._store, path, content, chunk_size=_ONE_PUT, max_concurrency=2)
        except (BaseError, FileNotFoundError) as error:
            # Not found: the bucket is not there.
            raise refused(self.root, "write", path, error) from None
        self._forget(path)

    def _size(self, path: str) -> int:
        if path not in self._sizes:
            try:
                self._sizes[path] = obstore.head(self._store, path)["size"]
            except BaseError as error:
                raise refused(self.root, "read", path, error) from None
            except FileNotFoundError as error:
                raise missing(self.root, path, error) from None
        return self._sizes[path]

    def _range(self, path: str, start: int, end: int) -> bytes:
        try:
            return bytes(obstore.get_range(self._store, path, start=start, end=end))
        except BaseError as error:
            raise refused(self.root, "read", path, error) from None
        except FileNotFoundError as error:
            raise missing(self.root, path, error) from None

    def _forget(self, path: str) -> None:
        self._sizes.pop(path, None)
        self._ranges.forget(path)


class ObjectStaged:
    """Content that waits on this machine until it is put."""

    def __init__(self, files: ObjectFiles, path: str, content: BinaryIO) -> None:
        """Hold ``content``, which will be ``path``."""
        self.path = path
        self._files = files
        self._content = content

    def open(self) -> BinaryIO:
        """Return a copy of the content: the reader may close it."""
        self._content.seek(0)
        return io.BytesIO(self._content.read())

    def publish(self) -> None:
        """Put it."""
        size = self._content.seek(0, io.SEEK_END)
        self._content.seek(0)
        try:
            self._files._put(self.path, self._content, size)  # noqa: SLF001 -- the two are one thing
        finally:
            self._content.close()

    def create(self) -> bool:
        """Put it only if its name is free; return whether this call did."""
        self._content.seek(0)
        try:
            return self._files.create(self.path, self._content.read())
        finally:
            self._content.close()

    def discard(self) -> None:
        """Give the memory or the temporary file back."""
        self._content.close()
