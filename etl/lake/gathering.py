"""Places in files to whole rows in their order: the row groups of a sealed day, a bounded amount at a time.

Sorting whole rows means to write gigabytes to disk and to read them again. Parquet is so
fast to decode that reading the files once for every few hundred thousand rows costs less:
each turn reads all files, keeps the rows of its stretch, and hands them on in order.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from etl import schema
from etl.errors import QueryError, quoted
from etl.lake.counting import ROWS_PER_FILE

ROWS_PER_GROUP = 122_880
# Bytes of the columns of fixed size and of ordinary names; texts are counted.
_ROW_BYTES = 350
_GROUP_BYTES = 128 * 1024 * 1024
_TURN_BYTES = 450 * 1024 * 1024
_THREADS = 2

# Texts that thousands of rows share; they are read, moved and written as numbers of a dictionary.
_WORDS = frozenset(
    {
        "namespace",
        "type",
        "reason",
        "action",
        "component",
        "host",
        "reporting_component",
        "reporting_instance",
        "object_kind",
        "object_namespace",
        "object_api_version",
        "object_field_path",
        "related_kind",
        "related_namespace",
        "snapshot_id",
    }
)
_DICTIONARY = frozenset({"PLAIN", "RLE", "BIT_PACKED", "RLE_DICTIONARY", "PLAIN_DICTIONARY"})
_READ = pa.schema(
    [
        field.with_type(pa.dictionary(pa.int32(), pa.string())) if field.name in _WORDS else field
        for field in schema.SCHEMA
    ]
)
# What ``gathered`` yields: the states and what they add; words as numbers of a dictionary.
GATHERED = pa.schema([*_READ, *(schema.DAY_SCHEMA.field(c.name) for c in schema.COUNTED)])

Opener = Callable[[], BinaryIO]


def gathered(places: pa.Table, files: Sequence[Opener]) -> Iterator[pa.Table]:
    """Yield the rows at ``places``, with what the places say of them, one row group of ``GATHERED`` a time.

    The next group is made while the caller writes the one before.
    """
    groups = _gathered(places, files)
    before = pa.default_memory_pool()
    # The system's allocator gives back at once what it is told to, whichever thread used it.
    # Arrow's own keep as much as a turn for a second: a process that sealed 3 million states
    # held 1,583 MB with them and 1,191 MB with this one, no slower.
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(next, groups, None)
            while (group := coming.result()) is not None:
                coming = pool.submit(next, groups, None)
                yield group
    finally:
        pa.set_memory_pool(before)


def _gathered(places: pa.Table, files: Sequence[Opener]) -> Iterator[pa.Table]:
    for turn in _turns(_groups(places["text_bytes"])):
        start, stop = turn[0][0], turn[-1][1]
        chosen = places.slice(start, stop - start).combine_chunks()
        order = pc.sort_indices(chosen["place"])
        rows = _rows(chosen["place"].combine_chunks().take(order), files)
        # Where in ``rows`` the first, second... row of the stretch stands.
        back = pc.sort_indices(order)
        for first, last in turn:
            wanted = slice(first - start, last - start)
            some = rows.take(back[wanted])
            for column in schema.COUNTED:
                some = some.append_column(
                    schema.DAY_SCHEMA.field(column.name), chosen[column.name][wanted]
                )
            yield some
        del rows
        pa.default_memory_pool().release_unused()


def _groups(text_bytes: pa.ChunkedArray) -> list[tuple[int, int, int]]:
    """Cut the rows into groups of a number of rows and of bytes: first row, row after the last, bytes."""
    total = len(text_bytes)
    sums = pc.cumulative_sum(text_bytes).combine_chunks()

    def size(first: int, last: int) -> int:
        before = sums[first - 1].as_py() if first else 0
        return int(sums[last - 1].as_py() - before + (last - first) * _ROW_BYTES)

    groups = []
    start = 0
    while start < total:
        rows = min(ROWS_PER_GROUP, total - start)
        # Nobody's messages may be so long that a group does not fit into memory.
        while rows > 1 and size(start, start + rows) > _GROUP_BYTES:
            rows //= 2
        groups.append((start, start + rows, size(start, start + rows)))
        start += rows
    return groups


def _turns(groups: Sequence[tuple[int, int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Put neighbouring groups together that fit into memory at once."""
    turn: list[tuple[int, int]] = []
    held = 0
    for first, last, size in groups:
        if turn and held + size > _TURN_BYTES:
            yield turn
            turn, held = [], 0
        turn.append((first, last))
        held += size
    if turn:
        yield turn


def _rows(places: pa.Int64Array, files: Sequence[Opener]) -> pa.Table:
    """Return the rows at sorted ``places``, in their order."""
    numbers = pc.divide(places, ROWS_PER_FILE)
    wanted = []
    start = 0
    for one in pc.value_counts(numbers):
        count = one["counts"].as_py()
        number = one["values"].as_py()
        some = pc.subtract(places.slice(start, count), number * ROWS_PER_FILE)
        wanted.append((files[number], some))
        start += count
    with ThreadPoolExecutor(_THREADS) as pool:
        pieces: list[list[pa.Array]] = [[] for _ in _READ]
        for table in pool.map(_read, wanted):
            for position, column in enumerate(table.columns):
                pieces[position] += column.chunks
        # Column by column, each let go of once it is concatenated: only two are in memory twice.
        columns = list(pool.map(_concatenated, pieces, _READ))
    return pa.table(columns, schema=_READ)


def _concatenated(pieces: list[pa.Array], field: pa.Field) -> pa.Array:
    """Return the pieces as one array, and give their memory back."""
    whole = pa.chunked_array(pieces, field.type).combine_chunks()
    pieces.clear()
    pa.default_memory_pool().release_unused()
    return whole


def _read(wanted: tuple[Opener, pa.Int64Array]) -> pa.Table:
    """Return the rows of one file with these sorted numbers; row groups without any are not read."""
    opener, rows = wanted
    try:
        return pa.concat_tables(_read_groups(opener, rows))
    except (pa.ArrowException, OSError) as error:
        # A file whose pages are damaged: the day stays as it is, and its readers do without the file.
        raise QueryError(f"a file of it cannot be read: {quoted(str(error), 120)}") from error


def _read_groups(opener: Opener, rows: pa.Int64Array) -> list[pa.Table]:
    found = []
    with opener() as file:
        metadata = pq.read_metadata(file)
        file.seek(0)
        with pq.ParquetFile(file, metadata=metadata, read_dictionary=_words(metadata)) as opened:
            present = set(opened.schema_arrow.names)
            columns = [name for name in schema.SCHEMA.names if name in present]
            before = 0
            for number in range(opened.num_row_groups):
                after = before + metadata.row_group(number).num_rows
                first, last = (
                    bisect_left(rows, e, key=lambda r: r.as_py()) for e in (before, after)
                )
                if first < last:
                    here = pc.subtract(rows.slice(first, last - first), before)
                    table = opened.read_row_group(number, columns=columns, use_threads=False)
                    found.append(_complete(table).take(here))
                before = after
    return found


def _words(metadata: pq.FileMetaData) -> list[str]:
    """Return those of ``_WORDS`` that the file holds as numbers of a dictionary; other encodings cannot be read so."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    return [
        name
        for position, name in enumerate(metadata.schema.names)
        if name in _WORDS
        and all(_DICTIONARY.issuperset(group.column(position).encodings) for group in groups)
    ]


def _complete(table: pa.Table) -> pa.Table:
    """Return ``table`` with all columns of the schema, in its order: a part may be of an older version."""
    return pa.table(
        [
            table[field.name].cast(field.type)
            if field.name in table.column_names
            else pa.nulls(table.num_rows, field.type)
            for field in _READ
        ],
        schema=_READ,
    )
