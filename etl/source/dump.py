"""Dumps and bundles to decoded events: what ``kubectl get events -o json|yaml`` and collectors leave behind.

Two passes: ``survey`` looks at what is there, what a bundle tells of itself and whether an
archive is built to harm; ``read`` hands out the events in chunks, so that memory stays bounded.
What the text of a file may look like is in ``documents``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from etl.config.settings import Imports
from etl.errors import HostileArchiveError, InputError
from etl.source import bundles, decode, documents, packed, provenance, walk
from etl.source.allowance import Allowance
from etl.source.decode import Decoded
from etl.source.documents import Item
from etl.source.provenance import Fact, Provenance
from etl.source.walk import Leaf, Position, Root

# Events per chunk, as in a page of the API: bounds memory, long enough for columns to pay.
CHUNK = 5000
# Files after which a chunk is handed on in any case, so that somebody who waits sees it go on.
_FILES = 500
STDIN = walk.STDIN
# Files of which the beginning is looked at for a cluster's name, and how much of each.
_HEADS, _HEAD = 3, 256 * 1024


@dataclass(slots=True)
class Reading:
    """What reading a set of paths came to; complete when the chunks are exhausted."""

    files: int = 0
    without_events: list[str] = field(default_factory=list)
    passed_over: int = 0
    """Files of bundles that are not called as files with events are."""
    other_objects: int = 0
    clusters: set[str] = field(default_factory=set)
    """The clusters that events themselves tell, as those of kubernetes-event-exporter do."""
    share: float | None = None
    """How much of the bytes of all files was read, 0 to 1; null where a pipe has no size."""


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A path with the kind of bundle that it is, null if it is none, and what that tells of itself."""

    root: Root
    kind: str | None
    told: Provenance


@dataclass(frozen=True, slots=True)
class Survey:
    """All paths, and the limits that their archives have to keep."""

    paths: tuple[Surveyed, ...]
    limits: Imports

    @property
    def told(self) -> Provenance:
        """What all paths together tell: nothing that one of them leaves open."""
        return provenance.together([path.told for path in self.paths])


def survey(paths: Sequence[str], stdin: BinaryIO, limits: Imports) -> Survey:
    """Look at what ``paths`` are.

    Raises ``InputError`` if one cannot be read, and ``HostileArchiveError`` for an archive that
    is built to harm.
    """
    allowance = Allowance(limits)
    roots: list[Root] = []
    try:
        roots += walk.roots(paths, stdin)
        return Survey(tuple(_surveyed(root, allowance) for root in roots), limits)
    except InputError:
        for root in roots:
            root.close()
        raise


def chunks(
    paths: Sequence[str], reading: Reading, stdin: BinaryIO, limits: Imports | None = None
) -> Iterator[Decoded]:
    """Yield the events of all ``paths`` in chunks, as ``read`` does of what was surveyed."""
    yield from read(survey(paths, stdin, limits or Imports()), reading)


def read(surveyed: Survey, reading: Reading) -> Iterator[Decoded]:
    """Yield the events in chunks and note in ``reading`` what was found.

    A named file that cannot be read or holds no events raises ``InputError``. Bundles are
    full of other things, so in a folder or archive a file without events is noted, and one that
    cannot be read is one unreadable item.
    """
    whole = Decoded()
    files = 0
    for chunk in _by_file(surveyed, reading):
        whole = decode.joined(whole, chunk)
        if len(whole.events) >= CHUNK or reading.files - files >= _FILES:
            yield whole
            whole, files = Decoded(), reading.files
    if whole.events or whole.unreadable:
        yield whole


def _by_file(surveyed: Survey, reading: Reading) -> Iterator[Decoded]:
    """Yield the events of each file in chunks of its own; a chunk is empty where a file has none."""
    allowance, position = Allowance(surveyed.limits), Position()
    sizes = [file.size for path in surveyed.paths for file in path.root.files]
    total = 0 if None in sizes else sum(size or 0 for size in sizes)
    for path in surveyed.paths:
        try:
            for leaf in walk.leaves(path.root, allowance, position):
                if not _is_wanted(leaf, path):
                    reading.passed_over += 1
                    continue
                for chunk in _file(leaf, reading):
                    reading.share = min(1.0, position.bytes / total) if total else None
                    yield chunk
                yield Decoded()
        finally:
            path.root.close()


def _surveyed(root: Root, allowance: Allowance) -> Surveyed:
    if root.once:
        return Surveyed(root, None, Provenance())
    paths: list[str] = []
    facts: list[Fact] = []
    heads = 0
    for leaf in walk.leaves(root, allowance, Position()):
        paths.append(leaf.path)
        read_fact = provenance.reader(bundles.without_packing(leaf.path))
        if read_fact is None and heads < _HEADS and (leaf.named or bundles.is_dump(leaf.path)):
            heads += 1
            read_fact = provenance.exported
        if read_fact:
            facts += _fact(leaf, read_fact)
    return Surveyed(root, bundles.kind(paths), provenance.provenance(facts))


def _fact(leaf: Leaf, read_fact: provenance.Reader) -> list[Fact]:
    try:
        with packed.damaged(leaf.name):
            text = leaf.open().read(
                _HEAD if read_fact is provenance.exported else provenance.LONGEST_FACT
            )
    except HostileArchiveError:
        raise
    except InputError:
        # A file beside the events that cannot be read tells nothing; the events do not depend on it.
        return []
    return list(read_fact(leaf.name, text))


def _is_wanted(leaf: Leaf, path: Surveyed) -> bool:
    if leaf.named or bundles.is_archive(leaf.path):
        # An archive is a leaf only where it cannot be read, and says so.
        return True
    return bundles.holds_events(leaf.path) if path.kind else bundles.is_dump(leaf.path)


def _file(leaf: Leaf, reading: Reading) -> Iterator[Decoded]:
    """Yield the events of one file; a named file without events is refused."""
    reading.files += 1
    events = 0
    try:
        with packed.damaged(leaf.name):
            for chunk in _chunked(documents.found(leaf.name, leaf.open()), reading):
                events += len(chunk.events) + len(chunk.unreadable)
                yield chunk
    except HostileArchiveError:
        raise
    except InputError as error:
        if leaf.named:
            raise
        yield Decoded(unreadable=[str(error)])
        return
    if not events:
        if leaf.named:
            message = f"{leaf.name} holds no events; expected the output of kubectl get events -o json or yaml, or one of the bundles of docs/imports.md"
            raise InputError(message)
        reading.without_events.append(leaf.name)


def _chunked(found: Iterator[Item], reading: Reading) -> Iterator[Decoded]:
    decoded, seen = Decoded(), 0
    for place, item in found:
        if item is None:
            reading.other_objects += 1
            continue
        if isinstance(item, dict):
            if isinstance(name := item.get("clusterName"), str):
                reading.clusters.add(name)
            decode.add_plain(decoded, item, place)
        else:
            reading.clusters |= provenance.names_in(bytes(item))
            decode.add_item(decoded, item, place)
        seen += 1
        if seen == CHUNK:
            yield decoded
            decoded, seen = Decoded(), 0
    if seen:
        yield decoded
