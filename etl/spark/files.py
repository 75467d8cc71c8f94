"""Files of a lake to rows on Spark: exactly the named ones, with the columns that the format says."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pyarrow as pa

from etl.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

# Hadoop's names of the same stores; gs:// is its own.
_SCHEMES = {"s3": "s3a"}


def rows_of(spark: SparkSession, addresses: Sequence[str], columns: pa.Schema) -> DataFrame:
    """Return the rows of the files at ``addresses``; a column that a file lacks is null.

    ``cluster`` and ``date`` come from the paths, never guessed, and a filter on them leaves
    files out before they are opened.
    """
    kinds = kinds_of(columns)
    names = columns.names
    trees: dict[str, list[str]] = {}
    for address in addresses:
        # The tree is what lies above cluster=…/date=…/name.
        trees.setdefault(address.rsplit("/", 3)[0], []).append(_hadoop(address))
    found = [
        _read(spark, files, _hadoop(tree), kinds).select(*names) for tree, files in trees.items()
    ]
    return reduce(lambda some, more: some.unionByName(more), found)


def kinds_of(columns: pa.Schema) -> StructType:
    """Return Spark's words for columns, which may all be null."""
    from pyspark.sql.pandas.types import from_arrow_schema  # noqa: PLC0415 -- an extra

    return from_arrow_schema(pa.schema([field.with_nullable(nullable=True) for field in columns]))


def _read(spark: SparkSession, files: Sequence[str], tree: str, kinds: StructType) -> DataFrame:
    # Names are names: brackets in the path of a lake are no pattern.
    return (
        spark.read.schema(kinds)
        .option("basePath", tree)
        .option("__globPaths__", "false")
        .parquet(*files)
    )


def _hadoop(address: str) -> str:
    """Return an address as Hadoop's file systems take it; raises ``UsageError`` for Azure's."""
    scheme = urlsplit(address).scheme if "://" in address else ""
    if not scheme:
        return f"file://{address}"
    if scheme == "az":
        message = (
            "Spark knows a container in Azure by its account, abfss://CONTAINER@ACCOUNT.dfs.core.windows.net:"
            " az:// cannot be asked with --engine spark"
        )
        raise UsageError(message)
    return address.replace(f"{scheme}://", f"{_SCHEMES.get(scheme, scheme)}://", 1)
