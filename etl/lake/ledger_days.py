"""Files of the ledger to those that stand for each day: a sealed one, loose rows, or both.

A sealed file of the ledger lies beside the rows that it contains and names them, as a
sealed day of observations names its parts. What cannot be read is left out and named, and
told as lost: a row that nobody can read proves nothing, and must not look like no run.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

import pyarrow as pa

from etl import manifest
from etl.lake.layout import Lake, PartFile, is_generation, started
from etl.lake.partitions import Partitions, Wanted, standing

_NOON = time(12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LedgerFiles:
    """What a session reads of the ledger, what is lost of it (``manifest.DAMAGE_SCHEMA``), and in words."""

    files: list[PartFile]
    lost: pa.Table
    warnings: list[str]


def ledger_files(
    lake: Lake, listed: Sequence[PartFile], *, without: Collection[str] = ()
) -> LedgerFiles:
    """Return those of the ``listed`` files that together hold every row; paths in ``without`` count as lost.

    The ledger is listed before the parts, so that no row names a part that came later.
    """
    known = _known(lake, [file for file in listed if file.path not in without])
    known.unreadable.extend(file for file in listed if file.path in without)
    files = [file for _key, one in sorted(known.found.items()) for file in one.files]
    return LedgerFiles(files, _lost(known), known.warnings)


def ledger_days(
    lake: Lake, cluster: str | None = None, *, wanted: Wanted | None = None
) -> Partitions:
    """Return what stands for each day of the ledger that is ``wanted``, for sealing."""
    listed = lake.ledger(cluster)
    if wanted is not None:
        listed = [file for file in listed if wanted(file.cluster, file.date)]
    return _known(lake, listed)


def _known(lake: Lake, listed: Sequence[PartFile]) -> Partitions:
    generations = [file for file in listed if is_generation(file)]
    rows = [file for file in listed if not is_generation(file)]
    return standing(lake, generations, rows, columns=manifest.FULL_SNAPSHOT_SCHEMA)


def _lost(known: Partitions) -> pa.Table:
    """Return what cannot be read; the rows of a damaged generation are counted once, at noon of their day."""
    lost = [
        {"cluster": file.cluster, "snapshot_id": file.name, "started_at": _started(file)}
        for file in known.unreadable
        if not (is_generation(file) and _stands(known, file))
    ]
    return pa.Table.from_pylist(lost, schema=manifest.DAMAGE_SCHEMA)


def _stands(known: Partitions, file: PartFile) -> bool:
    """Whether other files of the day still hold its rows: those below it, which were not deleted yet."""
    one = known.found.get((file.cluster, file.date))
    return one is not None and one.sealed is not None and one.sealed.file.name > file.name


def _started(file: PartFile) -> datetime:
    # Of a name that only looks like one of ours the folder tells the day.
    return started(file.name) or datetime.combine(file.date, _NOON)
