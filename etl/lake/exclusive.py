"""Exclusive creation in an object store: ``If-None-Match: *``, and whether the store honours it.

A store that ignores the condition overwrites what it should have refused. That is
tried once, with an object of our own, and remembered in ``_probe/``.
"""

from __future__ import annotations

import json
import logging
import secrets

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import ObjectStore

from etl.errors import LakeError
from etl.lake.refusals import is_unknown_condition, refused

PROBE = "_probe/conditional_create.json"
# Says who wrote an object, so that a create whose answer was lost is known again.
_WRITER = "writer"
_log = logging.getLogger(__name__)


class Exclusive:
    """Creates objects that are not there yet."""

    def __init__(self, store: ObjectStore, *, root: str, place: str) -> None:
        """Use ``store``; messages call the lake ``root``; ``place`` is the bucket that was tried."""
        self._store = store
        self._root = root
        self._place = place
        self._honoured: bool | None = None

    def honoured(self) -> bool:
        """Say whether the store creates exclusively; tried once and remembered in the lake.

        A store that failed is tried again by each run, because it may have been mended; so
        is one to which a lake was copied, because what is remembered names the bucket.
        Raises ``LakeError``.
        """
        if self._honoured is None:
            self._honoured = self._remembered() or self._tried()
            if not self._honoured:
                _log.warning(
                    "the store of the lake %s ignores If-None-Match: no day is sealed there, and two"
                    " runs at once may send a digest twice; see that only one run works at a time,"
                    " and upgrade the store or move the lake",
                    self._root,
                )
        return self._honoured

    def create(self, path: str, data: bytes) -> bool:
        """Put the object if there is none; return whether this call did. Raises ``LakeError``."""
        token = secrets.token_hex(16)
        try:
            obstore.put(self._store, path, data, mode="create", attributes={_WRITER: token})
        except AlreadyExistsError:
            # A repeated request meets its own object when the first answer was lost.
            return self._writer(path) == token
        except (BaseError, FileNotFoundError) as error:
            if self._writer(path) == token:
                return True
            said = refused(self._root, "write", path, error)
            if is_unknown_condition(error):
                raise _UnknownConditionError(str(said)) from None
            raise said from None
        return True

    def exists(self, path: str) -> bool:
        """Whether the object is there; raises ``LakeError``."""
        try:
            obstore.head(self._store, path)
        except FileNotFoundError:
            # The question was whether it is there.
            return False
        except BaseError as error:
            raise refused(self._root, "read", path, error) from None
        return True

    def _remembered(self) -> bool:
        try:
            told = json.loads(bytes(obstore.get(self._store, PROBE).bytes()))
        except (FileNotFoundError, ValueError):
            # Never tried, or damaged: it is tried now.
            return False
        except BaseError as error:
            raise refused(self._root, "read", PROBE, error) from None
        return bool(told == {"honoured": True, "place": self._place})

    def _tried(self) -> bool:
        """Create one object twice: the second time has to be refused."""
        path = f"_probe/{secrets.token_hex(8)}"
        try:
            honoured = self.create(path, b"first") and not self.create(path, b"second")
        except _UnknownConditionError:
            honoured = False
        told = json.dumps({"honoured": honoured, "place": self._place}).encode()
        try:
            obstore.delete(self._store, path)
            obstore.put(self._store, PROBE, told, use_multipart=False)
        except FileNotFoundError:
            # Nothing to delete: not even the first one was written.
            pass
        except BaseError as error:
            raise refused(self._root, "write", PROBE, error) from None
        return honoured

    def _writer(self, path: str) -> str | None:
        try:
            found = obstore.get(self._store, path, options={"head": True}).attributes
        except (BaseError, FileNotFoundError):
            # Unknown: the caller tells the error, or another's object, as it would without asking.
            return None
        return found.get(_WRITER)


class _UnknownConditionError(LakeError):
    """The store answered 501: it does not know what If-None-Match means."""
