"""Closed days to sealed files on Spark: each day is a task, on whichever executor is free.

An executor does for a day what a process of ``etl.lake.crew`` does, with the same code, so
the files are the same, and publishes it by the same exclusive create. A task that Spark
tries again finds its day sealed, or seals it. eventlake has to be installed where the
executors' Python is.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from etl.lake.address import Address
from etl.lake.generation import Done
from etl.lake.layout import Lake
from etl.lake.partitions import Partition, Partitions
from etl.lake.seal import Failed
from etl.lake.worker import Order, sealed
from etl.progress import Tell
from etl.spark import engine
from etl.spark.trouble import told

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True, slots=True)
class OnExecutors:
    """Seals days on Spark; a ``Sealer``."""

    address: Address
    environ: Mapping[str, str]

    def __call__(
        self,
        _lake: Lake,
        known: Partitions,
        chosen: Sequence[Partition],
        clock: Callable[[], datetime],
        tell: Tell,
    ) -> Generator[Done | Failed]:
        """Yield each day as Spark tells of it."""
        if not chosen:
            return
        spark = engine.started(self.environ)
        engine.with_our_python(spark, sys.executable)
        rows = 0
        for number, (one, result) in enumerate(self._results(spark, known, chosen, clock()), 1):
            if isinstance(result, Done):
                rows += result.rows
                yield result
            elif result is not None:
                yield Failed(one.cluster, one.date, result)
            tell(number / len(chosen), rows)

    def _results(
        self,
        spark: SparkSession,
        known: Partitions,
        chosen: Sequence[Partition],
        now: datetime,
    ) -> Iterator[tuple[Partition, Done | Exception | None]]:
        with told():
            for row in _sealing(spark, self.address, _orders(known, chosen, now)).toLocalIterator():
                # What our own tasks wrote.
                yield chosen[row["number"]], pickle.loads(row["result"])  # noqa: S301


def _orders(known: Partitions, chosen: Sequence[Partition], now: datetime) -> pa.Table:
    orders = [pickle.dumps(Order(one, known.before(one), now)) for one in chosen]
    return pa.table({"number": pa.array(range(len(orders)), pa.int32()), "day": orders})


def _sealing(spark: SparkSession, address: Address, orders: pa.Table) -> DataFrame:
    """Return what becomes of the days: ``number`` and ``result``, one row for each."""

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        lake = Lake(address.files())
        for batch in batches:
            for number, order in zip(
                *(column.to_pylist() for column in batch.columns), strict=True
            ):
                result = sealed(lake, pickle.loads(order), lambda _share, _rows: None)  # noqa: S301
                yield pa.RecordBatch.from_pydict(
                    {"number": pa.array([number], pa.int32()), "result": [pickle.dumps(result)]}
                )

    days = spark.createDataFrame(orders).repartitionByRange(orders.num_rows, "number")
    return days.mapInArrow(work, "number int, result binary")
