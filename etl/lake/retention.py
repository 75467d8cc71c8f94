"""Days that are older than what is kept, out of the lake: first out of sight, an hour later deleted.

Whole UTC days go, with their rows of the ledger. Occurrences of a day are counted with the
day before it in sight, so the first day that is kept is sealed before the day before it
goes: its numbers stand in its file from then on. A day that cannot be sealed keeps the one
before it in the lake.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq

from etl import __version__, manifest
from etl.errors import LakeError
from etl.lake import deletions, layout, ledger
from etl.lake.deletions import Day, Deletion
from etl.lake.layout import Lake, PartFile
from etl.lake.ledger import Entry
from etl.lake.partitions import DAY, Partitions, partitions
from etl.lake.seal import GRACE, seal

# Ends the name of a ledger row of a deletion, so that it is found without reading the ledger.
RUN = "retention"
_log = logging.getLogger(__name__)


def mark(
    lake: Lake,
    cluster: str,
    before: date,
    *,
    clock: Callable[[], datetime],
    ttl: timedelta,
    dry_run: bool = False,
) -> Deletion | None:
    """Take what is older than ``before`` out of sight; return what that is, null where nothing is.

    A day that has to be sealed first is due when its events have lived for ``ttl``.
    ``dry_run`` only says what would go. Of two runs at once one does it. Raises ``LakeError``.
    """
    if not _older(lake, cluster, before):
        return None
    if not dry_run:
        try:
            for _done in seal(
                lake,
                clock=clock,
                ttl=ttl,
                cluster=cluster,
                wanted=lambda _name, day: day == before,
            ):
                pass
        except LakeError as error:
            # What was counted from the day before keeps that day: only older ones go.
            _log.warning("%s", error)
    known = partitions(lake, cluster)
    if not dry_run:
        before = _countable(known, cluster, before)
    files = _older(lake, cluster, before)
    if not files:
        return None
    days = sorted({file.date for file in files})
    sizes = _sizes(lake, cluster)
    deletion = Deletion(
        cluster=cluster,
        marked_at=clock(),
        deleted_from=min(days[0], _deleted_from(lake, cluster) or days[0]),
        deleted_before=before,
        days=[
            Day(
                date=day,
                files=(paths := [file.path for file in files if file.date == day]),
                size=sum(sizes.get(path, 0) for path in paths),
                rows=_rows(lake, known, cluster, day),
            )
            for day in days
        ],
    )
    if dry_run:
        return deletion
    path = layout.retention_path(cluster, before)
    if not lake.files.create(path, deletions.encoded(deletion)):
        return None
    _record(lake, deletion)
    return deletion


def sweep(lake: Lake, cluster: str | None, *, now: datetime) -> Iterator[Deletion]:
    """Delete what was taken out of sight an hour ago or more; yield each intent that was carried out."""
    for path, deletion in deletions.intents(lake.files).items():
        if cluster not in {None, deletion.cluster}:
            continue
        # Once more, for the run that marked it may have died before: what is out of sight
        # and told by no row would look covered and empty.
        _record(lake, deletion)
        if now - deletion.marked_at < GRACE:
            continue
        for file in deletion.files:
            _past_folders(lake, file, partial(lake.files.delete, file))
        for day in deletion.days:
            for folder in {file.rpartition("/")[0] for file in day.files}:
                lake.files.tidy(folder)
        lake.files.delete(path)
        yield deletion


def _older(lake: Lake, cluster: str, before: date) -> list[PartFile]:
    """Return every file of the cluster's days before ``before``."""
    files = [*lake.days(cluster), *lake.parts(cluster), *lake.ledger(cluster)]
    return [file for file in files if file.date < before]


def _countable(known: Partitions, cluster: str, before: date) -> date:
    """Return the first day, ``before`` or older, whose numbers need no day before it any more."""
    while (
        (one := known.found.get((cluster, before))) and known.before(one) and not known.closed(one)
    ):
        before -= DAY
    return before


def _deleted_from(lake: Lake, cluster: str) -> date | None:
    """Return the first day that earlier deletions know of; the newest that can be read tells it."""
    rows = [file for file in lake.ledger(cluster) if file.name.endswith(f"-{RUN}")]
    for file in reversed(rows):
        try:
            with lake.files.open(file.path) as opened:
                (row,) = pq.read_table(opened, schema=manifest.SNAPSHOT_SCHEMA).to_pylist()
        except (pa.ArrowException, OSError, ValueError):
            # Damaged: the one before it tells the same or nearly.
            continue
        if row["deleted_from"]:
            return row["deleted_from"].date()  # type: ignore[no-any-return]
    return None


def _sizes(lake: Lake, cluster: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for tree in layout.TREES:
        found |= lake.files.sizes(f"{tree}/cluster={layout.encoded(cluster)}")
    return found


def _rows(lake: Lake, known: Partitions, cluster: str, day: date) -> int:
    """Count the states of a day as its files tell, copies included."""
    one = known.found.get((cluster, day))
    rows = 0
    for file in one.files if one else []:
        with suppress(FileNotFoundError), lake.files.footer(file.path) as footer:
            rows += pq.read_metadata(footer).num_rows
    return rows


def _record(lake: Lake, deletion: Deletion) -> None:
    """Write the ledger row; writing it again changes nothing."""
    entry = Entry(
        snapshot_id=layout.snapshot_id(deletion.marked_at, RUN),
        kind="retention",
        status="complete",
        started_at=deletion.marked_at,
        finished_at=deletion.marked_at,
        version=__version__,
        deleted_from=_midnight(deletion.deleted_from),
        deleted_before=_midnight(deletion.deleted_before),
        deleted_files=len(deletion.files),
        deleted_rows=deletion.rows,
        deleted_bytes=deletion.size,
    )
    path = layout.ledger_path(deletion.cluster, entry.started_at.date(), entry.snapshot_id)
    _past_folders(lake, path, partial(ledger.record, lake, deletion.cluster, entry))


def _past_folders(lake: Lake, path: str, change: Callable[[], None]) -> None:
    """Write or delete the file ``path``; a folder in its place is set aside first."""
    try:
        change()
    except LakeError as error:
        if not isinstance(error.__cause__, IsADirectoryError):
            raise
        # Whatever made it, it must not keep old days for ever; it may hold somebody's data.
        _log.warning("%s is a folder, and now %s", path, lake.set_aside(path))
        change()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
