"""Where targets keep their positions in the lake, and how two forwarders at once keep one.

    forward/target=T/begun/<number>.json                 when the target began, and the folder of its positions
    forward/target=T/<beginning>/cluster=C/<number>.json what is done of one cluster since
    forward/target=T/state.json                          how its newest run went
    forward/target=T/dead/<digest>.json                  what it refused for good

Of numbered files the highest number counts. A position is written under the next number, and
only if that is free. Who finds it taken joins what the other wrote with its own and takes the
number after. Where a store cannot refuse, one of the two is overwritten, which leads to repeats
and not to a loss. A target that begins anew gets a new folder, so that who still writes to the
old one says nothing of it.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from etl.errors import LakeError
from etl.forward.position import Position, joined
from etl.lake import records
from etl.lake.files import Files
from etl.lake.layout import encoded

ROOT = "forward"
# The newest, and one before it for who just listed it, or should it be damaged.
_KEPT = 2
_TRIES = 5
_log = logging.getLogger(__name__)


class Begun(msgspec.Struct, frozen=True):
    """When a target began."""

    at: datetime
    folder: str
    """Where its positions are."""
    since: datetime | None = None
    """From which ``last_seen`` on it gets what was in the lake already; null: nothing of it."""


def folder_of(target: str) -> str:
    """Return the folder of a target."""
    return f"{ROOT}/target={encoded(target)}"


def begun(files: Files, target: str) -> Begun | None:
    """Return when the target began; null where it did not. Raises ``LakeError`` where nobody can tell."""
    for _again in range(_TRIES):
        paths = _begun_paths(files, target)
        if not paths:
            return None
        troubles: list[str] = []
        found = records.read(files, paths[0], Begun, damaged=troubles.append)
        if found is not None:
            return found
        if troubles:
            raise LakeError(_unknown(files, target, f"{paths[0]} cannot be read ({troubles[0]})"))
        # It began anew since they were listed.
    raise LakeError(f"{folder_of(target)} of the lake {files.root} changes all the time")


def begin(
    files: Files,
    target: str,
    positions: Mapping[str, Position],
    *,
    at: datetime,
    since: datetime | None,
    anew: bool,
) -> Begun:
    """Let the target begin with what is done, by cluster; return its beginning, which may be another forwarder's.

    Of several at once the first one counts, with its own positions. ``anew`` replaces a beginning
    that is there. Raises ``LakeError``.
    """
    told = Begun(at, f"{at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}", since)
    for cluster, position in positions.items():
        Keeper(files, target, told.folder, cluster, position).keep(_as_it_is)
    for _again in range(_TRIES):
        paths = _begun_paths(files, target)
        if paths and not anew:
            break
        number = records.number(paths[0]) + 1 if paths else 1
        path = f"{folder_of(target)}/begun/{number:08d}.json"
        if files.create(path, msgspec.json.encode(told)):
            _sweep(files, target, told, path)
            return told
    found = begun(files, target)
    if found is None:
        raise LakeError(f"{folder_of(target)} of the lake {files.root} changes all the time")
    return found


def _sweep(files: Files, target: str, told: Begun, path: str) -> None:
    """Delete the positions of beginnings that no longer count; dead letters stay."""
    kept = (path, f"{folder_of(target)}/{told.folder}/")
    for old in files.list(folder_of(target)):
        if records.number(old) and not old.startswith(kept):
            files.delete(old)


@dataclass(slots=True)
class Keeper:
    """The position of one target in one cluster, as it is in the lake."""

    files: Files
    target: str
    folder: str
    """Of the target's beginning."""
    cluster: str
    position: Position = field(default_factory=Position)
    number: int = 0
    """Of the newest one in the lake that this one knows; 0 where there is none."""

    def load(self) -> Position:
        """Read the newest position, an empty one where there is none; raises ``LakeError`` where none can be read."""
        for _again in range(_TRIES):
            paths = records.newest_first(self.files, self._place)
            troubles: list[str] = []
            for path in paths:
                found = records.read(self.files, path, Position, damaged=troubles.append)
                if found is not None:
                    if troubles:
                        _log.warning(
                            "%s cannot be read: what was sent since the position before is sent again",
                            paths[0],
                        )
                    self.position, self.number = found, records.number(paths[0])
                    return found
            if not paths:
                return self.position
            if troubles:
                reason = f"no position in {self._place} can be read"
                raise LakeError(_unknown(self.files, self.target, reason))
            # Another forwarder wrote two more since they were listed.
        raise LakeError(f"{self._place} of the lake {self.files.root} changes all the time")

    def keep(self, change: Callable[[Position], Position]) -> bool:
        """Write what ``change`` makes of the position; return whether nobody else wrote one meanwhile.

        Raises ``LakeError``.
        """
        self.position = change(self.position)
        alone = True
        for _again in range(_TRIES):
            if self.files.create(self._path(self.number + 1), msgspec.json.encode(self.position)):
                self.number += 1
                if self.number > _KEPT:
                    self.files.delete(self._path(self.number - _KEPT))
                return alone
            alone, mine = False, self.position
            self.position = joined(mine, self.load())
        message = f"other forwarders write {self._place} of the lake {self.files.root} all the time"
        raise LakeError(message)

    @property
    def _place(self) -> str:
        return f"{folder_of(self.target)}/{self.folder}/cluster={encoded(self.cluster)}"

    def _path(self, number: int) -> str:
        return f"{self._place}/{number:08d}.json"


def _as_it_is(position: Position) -> Position:
    return position


def _begun_paths(files: Files, target: str) -> list[str]:
    return records.newest_first(files, f"{folder_of(target)}/begun")


def _unknown(files: Files, target: str, reason: str) -> str:
    return (
        f"what the target {target} has of the lake {files.root} is not known: {reason};"
        f" say from when on it gets everything: eventlake forward --target {target} --from …"
    )
