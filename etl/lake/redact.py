"""What is in the lake already to the same with secrets masked, and no byte of what it was.

A part is never changed and a sealed day never written again, so a day that holds a match is
sealed anew: its next generation has the masked rows and names the parts that it contains.
What it replaced is deleted at once, and not an hour later as after other sealings: whoever
listed it before finds it gone, and lists again. A run that dies leaves files that match; the
next one finds and deletes them. Nobody is kept from writing meanwhile, so the lake is looked
through again until nothing matches.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from etl import __version__
from etl.errors import LakeError, quoted
from etl.lake import deletions, layout, ledger
from etl.lake.generation import sealed_anew
from etl.lake.layout import Lake, PartFile
from etl.lake.ledger import Entry
from etl.lake.masks import MAPS, TEXTS, Masks
from etl.lake.partitions import DAY, Partition, Partitions, partition, partitions

# Ends the name of a ledger row of a masking.
RUN = "redact"
# Who writes all the time what matches has to be stopped at the door.
_PASSES = 5
# Rows that are looked at a time.
_BATCH = 65_536
# What is told where it matches, and left: states are counted and told by names.
_NAMES = ("reason", "component", "host", "object_name", "object_field_path", "related_name")
# A temporary file that nobody wrote to for so long is of no run that lives.
_OLD = timedelta(hours=1)
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Matched:
    """A day that holds what matches: files that count, and files that were replaced or taken out of sight."""

    cluster: str
    date: date
    counting: list[PartFile] = field(default_factory=list)
    replaced: list[PartFile] = field(default_factory=list)
    rows: Counter[str] = field(default_factory=Counter)
    """Rows of the files that count, by the name of the rule."""


@dataclass(slots=True)
class Found:
    """What matches in a lake, and what could not be looked at or is left as it is, in words."""

    days: list[Matched] = field(default_factory=list)
    warnings: dict[str, None] = field(default_factory=dict)


def found(lake: Lake, masks: Masks, cluster: str | None = None) -> Found:
    """Read the texts of every file of one cluster or all; raises ``LakeError`` where a store does not answer."""
    known = partitions(lake, cluster)
    seen = Found(warnings=dict.fromkeys(known.warnings))
    for key in sorted(known.found):
        one = known.found[key]
        day = Matched(one.cluster, one.date)
        day.counting = [file for file in one.files if _matches(lake, file, masks, day.rows, seen)]
        older = [generation.file for generation in one.generations[:-1]]
        day.replaced = [
            file
            for file in (*older, *one.contained)
            if _matches(lake, file, masks, Counter(), seen)
        ]
        if day.counting or day.replaced:
            seen.days.append(day)
    for path in sorted(deletions.hidden(lake.files)):
        file = layout.partitioned(path)
        if file is None or cluster not in {None, file.cluster} or path.startswith("snapshots/"):
            continue
        if _matches(lake, file, masks, Counter(), seen):
            seen.days.append(Matched(file.cluster, file.date, replaced=[file]))
    return seen


def redact(
    lake: Lake,
    masks: Masks,
    *,
    run_id: str,
    clock: Callable[[], datetime],
    cluster: str | None = None,
    others: int = 0,
) -> Iterator[Matched | str]:
    """Mask every day that matches; yield it when it is done, and what could not be looked at in words.

    The ledger's row of each cluster is written before, and again at the end; the first one also
    counts the ``others``, files that the caller is going to mask. Raises
    ``LakeError`` where something still matches after a few turns, because it is written anew.
    """
    started_at = clock()
    first = found(lake, masks, cluster)
    yield from first.warnings
    if any(day.counting for day in first.days) and not lake.files.exclusive():
        raise LakeError(
            f"the store of the lake {lake.files.root} ignores If-None-Match, so no day can be written"
            " anew there: upgrade the store, or move the lake to one that honours conditional writes"
        )
    name = layout.snapshot_id(started_at, f"{run_id}-{RUN}")
    clusters = _clusters(first)
    if others and not clusters:
        clusters = layout.clusters_of(lake.ledger(cluster))[:1]
    entries = [_entry(first, one, masks, name, started_at) for one in clusters]
    if entries and others:
        one, entry = entries[0]
        entries[0] = (one, replace(entry, rewritten_files=(entry.rewritten_files or 0) + others))
    for one, entry in entries:
        ledger.record(lake, one, entry)
    left = first
    for _turn in range(_PASSES):
        for day in left.days:
            if _mask(lake, day, masks, clock):
                yield day
        left = found(lake, masks, cluster)
        if not left.days:
            break
    else:
        raise LakeError(
            "what matches comes back while it is masked: put the expression into ingest.redact of"
            " every job that writes to this lake, and run this again"
        )
    for one, entry in entries:
        ledger.record(lake, one, _finished(entry, clock()))


def sweep(lake: Lake, *, now: datetime) -> Iterator[str]:
    """Delete temporary files that nobody has written to for an hour; yield in words what may still be written."""
    for one in lake.files.temporaries():
        if now - one.changed_at >= _OLD:
            lake.files.delete(one.path)
        else:
            yield f"{one.path} is being written, or was left by a run that died: run this again in an hour"
    for path in lake.files.list(layout.QUARANTINE):
        yield f"{path} is in quarantine and was not looked at: delete it if it may hold what matches"


def _matches(lake: Lake, file: PartFile, masks: Masks, rows: Counter[str], seen: Found) -> bool:
    """Whether a file holds what matches; ``rows`` grows by the rows that do."""
    counts: Counter[str] = Counter()
    try:
        with (
            lake.files.open(file.path) as opened,
            pq.ParquetFile(opened, read_dictionary=list(_NAMES)) as parquet,
        ):
            there = set(parquet.schema_arrow.names)
            wanted = [name for name in (*TEXTS, *MAPS, *_NAMES) if name in there]
            for batch in parquet.iter_batches(_BATCH, columns=wanted):
                table = pa.Table.from_batches([batch])
                masks.rows(table, counts)
                for name in _named(table, masks):
                    told = f"{name} of {file.cluster} on {file.date} holds what matches and is left as it is: states are told by it"
                    seen.warnings[told] = None
    except FileNotFoundError:
        # Replaced and deleted since it was listed: the next turn looks at what replaced it.
        return False
    except (pa.ArrowException, OSError) as error:
        # A damaged file must not keep the others from being masked; it is named.
        told = f"{file.path} cannot be looked through: {quoted(str(error), 120)}"
        seen.warnings[told] = None
        return False
    rows.update(counts)
    return counts.total() > 0


def _named(table: pa.Table, masks: Masks) -> Iterator[str]:
    """Yield the columns of names of which a value matches."""
    for name in _NAMES:
        if name not in table.column_names:
            continue
        words = [chunk.dictionary for chunk in table[name].chunks]
        for rule in masks.rules:
            if any(pc.any(pc.match_substring_regex(w, rule.match)).as_py() for w in words):
                yield name
                break


def _mask(lake: Lake, day: Matched, masks: Masks, clock: Callable[[], datetime]) -> bool:
    """Seal a day anew with masked texts and delete what matched; false if another run changed it meanwhile."""
    if day.counting:
        # As it is now: the day before it may have been masked just now.
        found = [partition(lake, day.cluster, one) for one in (day.date - DAY, day.date)]
        known = Partitions({(one.cluster, one.date): one for one in found if one.files}, [])
        one = found[1]
        if not {file.path for file in day.counting} <= set(_paths(one)):
            return False
        try:
            if sealed_anew(lake, known, one, clock=clock, masks=masks) is None:
                return False
        except LakeError:
            now = partition(lake, day.cluster, day.date)
            if _paths(now) == _paths(one):
                raise
            # A sealing deleted what was being read: the next turn reads what it wrote.
            return False
    for file in (*day.replaced, *day.counting):
        lake.files.delete(file.path)
    return True


def _paths(one: Partition) -> list[str]:
    return sorted(file.path for file in one.files)


def _clusters(seen: Found) -> list[str]:
    return sorted({day.cluster for day in seen.days})


def _entry(
    seen: Found, cluster: str, masks: Masks, name: str, started_at: datetime
) -> tuple[str, Entry]:
    """Return a cluster and its row of the ledger."""
    days = [day for day in seen.days if day.cluster == cluster]
    rows = sum((day.rows for day in days), Counter[str]())
    return cluster, Entry(
        snapshot_id=name,
        kind="redact",
        status="complete",
        started_at=started_at,
        version=__version__,
        redacted={rule.name: rows[rule.name] for rule in masks.rules},
        rewritten_files=sum(len(day.counting) for day in days),
        deleted_files=sum(len(day.counting) + len(day.replaced) for day in days),
    )


def _finished(entry: Entry, moment: datetime) -> Entry:
    return replace(entry, finished_at=moment)
