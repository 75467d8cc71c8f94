"""Some parts of one day, whether they are still files of their own or in a sealed one, to their states in the order of time.

In a sealed file rows are told apart by their run, which is what a part is named after. Copies
of one state become one, the newest. A copy that only notes that a state ended, which a watch
shows, is no new state where the state stands in one of the day's other parts: it is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from etl import schema
from etl.lake.layout import Lake
from etl.lake.leftovers import spill_folder
from etl.lake.partitions import Partition, Sources
from etl.lake.viewing import Viewing
from etl.statements import statement

# What DuckDB may hold while it sorts; beyond it writes to a folder of this machine.
_MEMORY = "256MB"
_SETTLED = "set variable settled_runs = $runs::varchar[]"
_KEY = ("last_seen", "n", "uid")
# In SQL and in a place: a version that is missing is the least.
_NO_VERSION = -1


class Place(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Where in the order of time a state stands: what comes after it is greater."""

    last_seen: datetime
    n: int
    uid: str
    version: int = _NO_VERSION


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The files that hold some parts of a day, and what is needed to tell their rows from others."""

    loose: tuple[str, ...]
    """Parts that are files of their own, wanted as they are."""
    sealed: str | None
    """The sealed file that holds the others; null where all are loose."""
    settled_runs: tuple[str, ...]
    """Runs whose rows of the sealed file are not wanted."""
    others: tuple[str, ...]
    """The other loose parts of the day."""


def of_parts(one: Partition, names: Iterable[str]) -> Arrivals:
    """Return where the parts called ``names`` are, of what stands for a day."""
    wanted = frozenset(names)
    contained = frozenset(one.sealed.made.parts) if one.sealed else frozenset()
    loose = {file.name: file.path for file in one.loose}
    sealed = one.sealed.file.path if one.sealed and wanted & contained else None
    # A run may have written several parts: what is wanted of one of them is wanted of all.
    settled = _runs(contained - wanted) - _runs(wanted)
    return Arrivals(
        loose=tuple(path for name, path in sorted(loose.items()) if name in wanted),
        sealed=sealed,
        settled_runs=tuple(sorted(settled)) if sealed else (),
        others=tuple(path for name, path in sorted(loose.items()) if name not in wanted),
    )


def states(
    lake: Lake, of: Arrivals, *, after: Place | None = None, rows: int
) -> Iterator[pa.Table]:
    """Yield tables of ``schema.FULL_SCHEMA`` of at most ``rows`` states.

    They come in the order of ``last_seen``, ``n``, ``uid``, from ``after`` on. Raises ``QueryError``
    where a file cannot be read.
    """
    with spill_folder() as folder, _Reading(folder) as reading:
        held: pa.Table | None = None
        for batch in reading.batches(lake, of, after, rows):
            newest = _newest_copies(batch)
            if held is not None:
                # The last one's next copy may be the first of the next batch.
                if _key(held, held.num_rows - 1) == _key(newest, 0):
                    held = held.slice(0, held.num_rows - 1)
                if held.num_rows:
                    yield held
            held = newest
        if held is not None:
            yield held


def place_of(rows: pa.Table, number: int) -> Place:
    """Return the place of a row."""
    (version,) = rows["resource_version"].slice(number, 1).to_pylist()
    last_seen, n, uid = _key(rows, number)
    return Place(last_seen, n, uid, _NO_VERSION if version is None else version)


class _Reading(Viewing):
    """A session that sees the parts of one day, and may write what does not fit into memory."""

    def __init__(self, folder: str) -> None:
        super().__init__({"memory_limit": _MEMORY, "temp_directory": folder})
        # It would be drawn on standard output, which may be a target.
        self._connection.execute("set enable_progress_bar = false")

    def batches(
        self, lake: Lake, of: Arrivals, after: Place | None, rows: int
    ) -> Iterator[pa.Table]:
        """Yield what arrives in its order, copies and all."""
        sealed = [of.sealed] if of.sealed else []
        with self._told():
            self._read_states(lake, Sources(sealed, [], [], list(of.loose)))
            self._connection.execute(_SETTLED, {"runs": list(of.settled_runs)})
            self._create(["lake/arriving"])
            noted = self._connection.view("arriving").filter("deleted_at is not null")
            if noted.project("uid").limit(1).fetchall():
                # Only now the footers of all parts of the day are wanted.
                self._read_files("context", [lake.files.location(path) for path in of.others])
            else:
                self._show_nothing("context", schema.FULL_DAY_SCHEMA)
            self._connection.sql(statement("lake/ended_before").text).create("ended_before")
            found = self._connection.sql(
                statement("lake/arrivals").text,
                params={
                    "after_seen": after and after.last_seen,
                    "after_n": after and after.n,
                    "after_uid": after and after.uid,
                    "after_version": after and after.version,
                },
            )
            for batch in found.to_arrow_reader(rows):
                table = pa.Table.from_batches([batch]).cast(schema.FULL_SCHEMA)
                # DuckDB's batches are multiples of 2,048 rows.
                for first in range(0, table.num_rows, rows):
                    yield table.slice(first, rows)


def _newest_copies(rows: pa.Table) -> pa.Table:
    """Return of neighbours with the same key the last, which is the newest."""
    if rows.num_rows <= 1:
        return rows
    here, below = rows.slice(0, rows.num_rows - 1), rows.slice(1)
    same = pc.equal(here["uid"], below["uid"])
    for name in _KEY[:-1]:
        same = pc.and_(same, pc.equal(here[name], below[name]))
    keep = [*pc.invert(same).to_pylist(), True]
    return rows.filter(pa.array(keep))


def _key(rows: pa.Table, number: int) -> tuple[datetime, int, str]:
    (row,) = rows.slice(number, 1).select(list(_KEY)).to_pylist()
    return row["last_seen"], row["n"], row["uid"]


def _runs(names: Iterable[str]) -> frozenset[str]:
    """Return the runs that wrote parts called ``names``: a name is that of its run, or with a number behind it.

    What only looks like such a number leads to a run that is none, which does no harm.
    """
    found = set()
    for name in names:
        run, dash, number = name.rpartition("-")
        found.add(name)
        if dash and number.isdecimal():
            found.add(run)
    return frozenset(found)
