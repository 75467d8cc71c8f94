"""Small JSON files of a lake, read whole: alerts, messages, silences, switches, what metrics remember.

One that is damaged must not keep anybody from the others, so it is no answer and whoever asked
says what that means; a store that does not answer is another matter, and is raised. Files that
are numbered are the whole state each: the highest number is the newest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from etl.errors import LakeError
from etl.lake.files import Files, is_of_the_file

Kept = TypeVar("Kept")


def _unsaid(_reason: str) -> None:
    pass


def read(
    files: Files, path: str, kind: type[Kept], *, damaged: Callable[[str], None] = _unsaid
) -> Kept | None:
    """Return the record at ``path``; null if it is gone, or damaged, of which ``damaged`` hears the reason.

    Raises ``LakeError`` where the store does not answer.
    """
    try:
        return msgspec.json.decode(files.read(path), type=kind)
    except FileNotFoundError:
        # Settled, pruned or replaced by another run since it was listed.
        return None
    except (msgspec.DecodeError, UnicodeDecodeError):
        reason = "it is no record of eventlake"
    except LakeError as error:
        # One that only this account may not read, or a folder in its place.
        if not is_of_the_file(error):
            raise
        reason = str(error.__cause__)
    damaged(reason)
    return None


def newest_first(files: Files, folder: str) -> list[str]:
    """Return the paths of the numbered records of a folder."""
    return sorted((path for path in files.list(folder) if number(path)), key=number, reverse=True)


def number(path: str) -> int:
    """Return the number that names a record; 0 for what is none."""
    name = path.rpartition("/")[2].removesuffix(".json")
    return int(name) if name.isdecimal() else 0
