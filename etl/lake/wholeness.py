"""A file that a statement could not read to whether it is whole, and what is wrong with it otherwise."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from etl.errors import quoted
from etl.lake.layout import Lake, partitioned
from etl.lake.partitions import left_out, partition


def fault(lake: Lake, path: str) -> str | None:
    """Read a file to its last page and return what is wrong with it, in words; null if nothing is.

    Of one that was masked, and deleted at once, the words are empty: what replaced it is listed now.
    """
    try:
        with (
            lake.files.open(path) as file,
            pq.ParquetFile(file, page_checksum_verification=True) as opened,
        ):
            for _batch in opened.iter_batches():
                pass
    except FileNotFoundError as error:
        return "" if _is_replaced(lake, path) else _said(path, error)
    except (pa.ArrowException, OSError) as error:
        return _said(path, error)
    return None


def _said(path: str, error: Exception) -> str:
    return left_out(path, "cannot be read", quoted(str(error), 120))


def _is_replaced(lake: Lake, path: str) -> bool:
    """Whether a sealed day holds all that a file of its states held that is gone."""
    file = partitioned(path)
    if file is None or path.startswith("snapshots/"):
        return False
    sealed = partition(lake, file.cluster, file.date).sealed
    if sealed is None:
        return False
    return (
        sealed.file.name > file.name if path.startswith("days/") else file.name in sealed.made.parts
    )
