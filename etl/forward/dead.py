"""What a target refused for good, kept in the lake: who it was, why, and what it would not take.

    forward/target=T/dead/<id of the first one>.json

A file is written before the position moves on, so nothing is refused and forgotten. One batch is
one file, under a name that a repeat of the same batch has again. The reason is what the target
said, without secrets; the document is that of the event, which ``eventlake redact`` masks here too.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from urllib.parse import unquote

import msgspec

from etl.errors import quoted
from etl.forward.places import ROOT, folder_of
from etl.lake import records
from etl.lake.files import Files
from etl.log import redact

_REASON_CHARACTERS = 500
# What is kept of a document: whoever wants all of it asks the lake by its id.
_DOCUMENT_CHARACTERS = 4_000
_log = logging.getLogger(__name__)


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One observation that a target refused."""

    id: str
    cluster: str
    uid: str
    last_seen: datetime
    reason: str
    document: str
    """The beginning of what was sent."""

    @property
    def date(self) -> date:
        """The day of the lake that holds it."""
        return self.last_seen.date()


class Letters(msgspec.Struct, frozen=True):
    """The letters of one batch."""

    refused_at: datetime
    letters: tuple[Letter, ...]


def letter(
    *, id_: str, cluster: str, uid: str, last_seen: datetime, reason: str, body: bytes
) -> Letter:
    """Return a letter, with texts that are short and hold no secret."""
    document = body.decode("utf-8", "replace")
    return Letter(
        id=id_,
        cluster=cluster,
        uid=uid,
        last_seen=last_seen,
        reason=quoted(redact(reason), _REASON_CHARACTERS),
        document=redact(document)[:_DOCUMENT_CHARACTERS],
    )


def keep(files: Files, target: str, letters: Sequence[Letter], *, now: datetime) -> None:
    """Write letters durably; raises ``LakeError``."""
    if letters:
        path = f"{_folder(target)}/{letters[0].id}.json"
        known = records.read(files, path, Letters)
        told = {one.id: one for one in (*(known.letters if known else ()), *letters)}
        files.write(path, msgspec.json.encode(Letters(now, tuple(told.values()))))


def kept(files: Files, target: str) -> Iterator[tuple[str, Letters]]:
    """Yield the files of a target's letters with what is in them. Raises ``LakeError``."""
    for path in files.list(_folder(target)):

        def warn(reason: str, path: str = path) -> None:
            # One damaged file must not keep anybody from the others.
            _log.warning("%s cannot be read: %s", path, reason)

        found = records.read(files, path, Letters, damaged=warn)
        if found is not None:
            yield path, found


def settle(files: Files, path: str, found: Letters, done: frozenset[str]) -> None:
    """Take the letters with these ids out of a file; raises ``LakeError``."""
    left = tuple(one for one in found.letters if one.id not in done)
    if left:
        files.write(path, msgspec.json.encode(Letters(found.refused_at, left)))
    else:
        files.delete(path)


def count(files: Files) -> dict[str, int]:
    """Return how many letters each target of the lake has, by its name; raises ``LakeError``."""
    found: dict[str, int] = {}
    for path in files.list(ROOT):
        if "/dead/" in path:
            letters = records.read(files, path, Letters)
            target = unquote(path.split("/")[1].partition("=")[2])
            found[target] = found.get(target, 0) + (len(letters.letters) if letters else 0)
    return found


def _folder(target: str) -> str:
    return f"{folder_of(target)}/dead"
