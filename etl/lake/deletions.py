"""Written intents to delete: which files retention took out of sight, and what was in them.

An intent is written before anything is deleted. From then on every reader and writer
passes the files over, and one that listed them before still finds them: they are deleted
by a later run, at least an hour after. So no query ever meets a file that vanished, and a
run that dies in between leaves an intent that the next one carries out. Files that come
later are not in it, so nothing that somebody writes is deleted unseen.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from etl.errors import LakeError, quoted
from etl.lake.files import Files, is_of_the_file

TREE = "retention"


class NoIntentError(LakeError):
    """The file is there, and no intent can be read from it."""


class Day(msgspec.Struct, frozen=True):
    """What one day held: its files of every tree, with their bytes, and the states in them."""

    date: date
    files: list[str]
    size: int
    rows: int


class Deletion(msgspec.Struct, frozen=True):
    """An intent to delete days of one cluster."""

    cluster: str
    marked_at: datetime
    """From when on the files are passed over."""
    deleted_from: date
    """The first day that retention ever deleted of the cluster."""
    deleted_before: date
    """The first day that is kept."""
    days: list[Day]

    @property
    def files(self) -> list[str]:
        """All paths."""
        return [path for day in self.days for path in day.files]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(day.size for day in self.days)

    @property
    def rows(self) -> int:
        """States of all days."""
        return sum(day.rows for day in self.days)


def intents(files: Files) -> dict[str, Deletion]:
    """Return the intents that can be read, by path.

    One that cannot be read hides nothing: its files are there again, and are marked anew.
    """
    found = {}
    for path in files.list(TREE):
        try:
            found[path] = read(files, path)
        except (FileNotFoundError, NoIntentError):
            # Carried out since it was listed, or damaged: doctor names it.
            continue
    return found


def read(files: Files, path: str) -> Deletion:
    """Read an intent; raises ``FileNotFoundError``, and ``NoIntentError`` for what is none."""
    try:
        return msgspec.json.decode(files.read(path), type=Deletion)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NoIntentError(quoted(str(error), 120)) from error
    except LakeError as error:
        if not is_of_the_file(error):
            raise
        raise NoIntentError(quoted(str(error), 120)) from error


def encoded(deletion: Deletion) -> bytes:
    """Write an intent as JSON."""
    return msgspec.json.encode(deletion)


def hidden(files: Files) -> frozenset[str]:
    """Return the paths that are passed over."""
    return frozenset(path for one in intents(files).values() for path in one.files)
