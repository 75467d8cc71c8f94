"""A lake as the first version left it: the columns that it knew, and none of the files that came later.

Which columns those were is read from the stored lake, tests/data/lakes/first-format.tar.gz.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import pyarrow.parquet as pq

FIRST_FORMAT = Path(__file__).parents[1] / "data" / "lakes" / "first-format.tar.gz"
_TREES = ("parts", "days", "snapshots", "live")


def unpack(folder: Path) -> Path:
    """Unpack the stored lake into ``folder`` and return where it is."""
    with tarfile.open(FIRST_FORMAT) as archive:
        archive.extractall(folder, filter="data")
    return folder


def made_older(lake: Path, known: Path) -> int:
    """Take from the files of ``lake`` what the stored lake ``known`` has no column for; return how many changed."""
    columns = {
        tree: set(pq.read_schema(next(known.glob(f"{tree}/**/*.parquet"))).names) for tree in _TREES
    }
    changed = 0
    for path in sorted(lake.rglob("*.parquet")):
        kept = columns[path.relative_to(lake).parts[0]]
        table = pq.read_table(path, partitioning=None)
        if set(table.column_names) - kept:
            older = table.select([name for name in table.column_names if name in kept])
            pq.write_table(older.replace_schema_metadata(table.schema.metadata), path)
            changed += 1
    return changed
