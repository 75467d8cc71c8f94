"""A lake in an object store: the same whole files by path, one object each.

An object appears whole or not at all, so nothing is renamed: what is staged waits in
memory or a temporary file of this machine, and publishing it is one PUT (a multipart
upload beyond 16 MiB, which is as atomic). ``create`` rests on ``If-None-Match: *``;
whether a store honours that is tried once and remembered in ``_probe/``.
"""

from __future__ import annotations

import io
import json
import logging
import re
import secrets
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, BinaryIO, NoReturn, cast

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import ObjectStore

from etl.config.settings import Storage
from etl.errors import LakeError, quoted
from etl.lake import stores
from etl.lake.files import TEMPORARY_PREFIX
from etl.lake.ranges import PROTOCOL, RangedFile, Ranges

if TYPE_CHECKING:
    from etl.lake.filesystem import LakeFileSystem

PROBE = "_probe/conditional_create.json"
_ONE_PUT = 16 * 1024 * 1024
# Beyond this what is staged goes to a temporary file: a run may stage ten parts.
_IN_MEMORY = 8 * 1024 * 1024
# Says who wrote an object, so that a create whose answer was lost is known again.
_WRITER = "writer"
_STATUS = re.compile(r"status code: (\d{3}[^:<]*)")
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_ADDRESS = re.compile(r"https?://\S+")
# The library's words for what happened before there was an answer, and what to do about it.
_TROUBLE = (
    (
        re.compile(r"timed out|operation timeout|TimedOut", re.IGNORECASE),
        "the store did not answer in time; check storage.endpoint and the network, or give storage.timeout more",
    ),
    (
        re.compile(r"builder error"),
        "the address cannot be used; a store on plain http needs storage.allow_http: true",
    ),
    (
        re.compile(r"error sending request|connect|dns", re.IGNORECASE),
        "the store cannot be reached; check storage.endpoint and the network",
    ),
)
_NOT_ALLOWED = (PermissionDeniedError, UnauthenticatedError)
_NO_BUCKET = frozenset({"NoSuchBucket", "ContainerNotFound"})
_log = logging.getLogger(__name__)


class ObjectFiles:
    """A lake below a prefix of a bucket."""

    def __init__(self, root: str, store: ObjectStore) -> None:
        """Use ``store``, a client that stands at the lake's prefix; messages call it ``root``."""
        self.root = root
        self._store = store
        self._sizes: dict[str, int] = {}
        self._ranges = Ranges(size=self._size, get=self._range)
        self._exclusive: bool | None = None

    @classmethod
    def at(cls, address: str, storage: Storage, environ: Mapping[str, str]) -> ObjectFiles:
        """Open the lake at ``address``; raises ``UsageError`` or ``LakeError``; asks the store nothing."""
        where = stores.place(address)
        return cls(str(where), stores.client(where, storage, environ))

    def list(self, prefix: str) -> list[str]:
        """List the objects below ``prefix``, and remember their sizes."""
        found = []
        try:
            for chunk in obstore.list(self._store, prefix or None, chunk_size=1000):
                for meta in chunk:
                    self._sizes[meta["path"]] = meta["size"]
                    found.append(meta["path"])
        except FileNotFoundError as error:
            # Not of an object: the bucket itself is not there.
            self._refuse("list", prefix or "the lake", error)
        except BaseError as error:
            self._refuse("list", prefix or "the lake", error)
        return sorted(p for p in found if not p.rpartition("/")[2].startswith(TEMPORARY_PREFIX))

    def read(self, path: str) -> bytes:
        """Get the whole object."""
        try:
            return bytes(obstore.get(self._store, path).bytes())
        except BaseError as error:
            self._refuse("read", path, error)
        except FileNotFoundError as error:
            self._missing(path, error)

    def write(self, path: str, data: bytes) -> None:
        """Put the object."""
        self._put(path, io.BytesIO(data), len(data))

    def create(self, path: str, data: bytes) -> bool:
        """Put the object only if there is none; of a store that cannot, look first and then put."""
        if self.probe():
            return self._created(path, data)
        if self._exists(path):
            return False
        self.write(path, data)
        return True

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
            self._refuse("delete", path, error)
        self._forget(path)

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

    def filesystem(self, trees: Sequence[str]) -> LakeFileSystem:
        """Return a file system over the lake's ``trees``."""
        from etl.lake.filesystem import LakeFileSystem  # noqa: PLC0415 -- only queries pay for fsspec

        return LakeFileSystem(self._ranges, trees)

    def probe(self) -> bool:
        """Say whether the store creates exclusively; tried once and remembered in the lake.

        A store that failed is tried again by each run, because it may have been mended.
        """
        if self._exclusive is None:
            self._exclusive = self._remembered() or self._tried()
            if not self._exclusive:
                _log.warning(
                    "the store of the lake %s ignores If-None-Match: two runs at once may send a"
                    " digest twice; see that only one run works at a time, or upgrade the store",
                    self.root,
                )
        return self._exclusive

    def _remembered(self) -> bool:
        try:
            return bool(json.loads(self.read(PROBE)) == {"honoured": True})
        except (FileNotFoundError, ValueError):
            # Never tried, or damaged: it is tried now.
            return False

    def _tried(self) -> bool:
        """Create one object twice: the second time has to be refused."""
        path = f"_probe/{secrets.token_hex(8)}"
        try:
            honoured = self._created(path, b"first") and not self._created(path, b"second")
        except _UnknownConditionError:
            honoured = False
        finally:
            self.delete(path)
        self.write(PROBE, json.dumps({"honoured": honoured}).encode())
        return honoured

    def _created(self, path: str, data: bytes) -> bool:
        token = secrets.token_hex(16)
        try:
            obstore.put(self._store, path, data, mode="create", attributes={_WRITER: token})
        except AlreadyExistsError:
            # A repeated request meets its own object when the first answer was lost.
            return self._writer(path) == token
        except BaseError as error:
            if self._writer(path) == token:
                return True
            if _status(error).startswith("501"):
                raise _UnknownConditionError(self._refused("write", path, error)) from None
            self._refuse("write", path, error)
        self._forget(path)
        return True

    def _writer(self, path: str) -> str | None:
        try:
            found = obstore.get(self._store, path, options={"head": True}).attributes
        except (BaseError, FileNotFoundError):
            # Unknown: the caller tells the error, or another's object, as it would without asking.
            return None
        return found.get(_WRITER)

    def _exists(self, path: str) -> bool:
        try:
            obstore.head(self._store, path)
        except FileNotFoundError:
            # The question was whether it is there.
            return False
        except BaseError as error:
            self._refuse("read", path, error)
        return True

    def _put(self, path: str, content: BinaryIO, size: int) -> None:
        try:
            if size <= _ONE_PUT:
                obstore.put(self._store, path, content.read(), use_multipart=False)
            else:
                obstore.put(self._store, path, content, chunk_size=_ONE_PUT, max_concurrency=2)
        except (BaseError, FileNotFoundError) as error:
            # Not found: the bucket is not there.
            self._refuse("write", path, error)
        self._forget(path)

    def _size(self, path: str) -> int:
        if path not in self._sizes:
            try:
                self._sizes[path] = obstore.head(self._store, path)["size"]
            except BaseError as error:
                self._refuse("read", path, error)
            except FileNotFoundError as error:
                self._missing(path, error)
        return self._sizes[path]

    def _range(self, path: str, start: int, end: int) -> bytes:
        try:
            return bytes(obstore.get_range(self._store, path, start=start, end=end))
        except BaseError as error:
            self._refuse("read", path, error)
        except FileNotFoundError as error:
            self._missing(path, error)

    def _forget(self, path: str) -> None:
        self._sizes.pop(path, None)
        self._ranges.forget(path)

    def _missing(self, path: str, error: FileNotFoundError) -> NoReturn:
        """Tell an object that is not there from a bucket that is not there."""
        if _code(error) in _NO_BUCKET:
            self._refuse("read", path, error)
        # Without the library's text, which quotes the whole answer.
        raise FileNotFoundError(f"{path} is not in the lake {self.root}") from None

    def _refuse(self, verb: str, path: str, error: Exception) -> NoReturn:
        """Raise the error that tells what the store refused; the library's text may hold addresses and keys."""
        raise LakeError(self._refused(verb, path, error)) from None

    def _refused(self, verb: str, path: str, error: Exception) -> str:
        return f"cannot {verb} {path} in the lake {self.root}: {_reason(error)}"


class _UnknownConditionError(LakeError):
    """The store answered 501: it does not know what If-None-Match means."""


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


def _reason(error: Exception) -> str:
    """Say what happened and what to do, without the address and the signature of the request."""
    text = str(error)
    status, code = _status(error), _code(error)
    said = " ".join(part for part in (status, code) if part)
    # A listing is refused with the library's general error, so its status decides too.
    if isinstance(error, _NOT_ALLOWED) or status.startswith(("401", "403")):
        return f"the store refused us ({said or 'not allowed'}); check the credentials and what they may do below the prefix"
    if isinstance(error, FileNotFoundError) or code in _NO_BUCKET:
        return (
            "there is no such bucket; check the lake's address, storage.endpoint and storage.region"
        )
    if said:
        return f"the store answered {said}; check the lake's address and the store, then run again"
    for words, advice in _TROUBLE:
        if words.search(text):
            return advice
    return quoted(_ADDRESS.sub("the store", text.partition("\n")[0]), 200)


def _status(error: Exception) -> str:
    found = _STATUS.search(str(error))
    return found[1].strip() if found else ""


def _code(error: Exception) -> str:
    found = _CODE.search(str(error))
    return found[1] if found else ""
