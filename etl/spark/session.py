"""Questions to a lake, answered by Spark: the session of DuckDB with another engine behind it.

DuckDB stays as the one who reads statements. It has the same views over no rows, so what
is no SELECT, asks for what is not there or may not be asked is refused in the same words,
and it tells the names and types of the answer. Which files are read is decided where it
always is (``etl.lake``). Spark reads exactly these, with the columns that the format has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from etl.lake.layout import Lake
from etl.lake.query import Session
from etl.lake.views import FILE_VIEWS
from etl.spark import engine
from etl.spark.answers import fitted
from etl.spark.dialect import translated
from etl.spark.files import kinds_of, rows_of
from etl.spark.trouble import DamagedError, told

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# Small, asked for by nearly every report, and put together in twenty steps.
_PROVEN = ("coverage_by_namespace", "coverage")
# What answers over open days are made of: each asks the one before several times.
_KEPT = ("merged", "counted", "owners")


class OnSpark(Session):
    """A session whose statements run on Spark."""

    def __init__(
        self,
        spark: SparkSession,
        *,
        timeout: timedelta | None = None,
        many: bool = False,
        strange: bool = False,
    ) -> None:
        """Open an empty session on ``spark``, which it has for itself.

        ``strange`` says that statements are somebody else's: they may ask the public views alone.
        """
        super().__init__(timeout=timeout, many=many)
        self._spark = spark
        self._strange = strange
        self._kept: list[DataFrame] = []
        self._number = 0

    def close(self) -> None:
        """Release the session; Spark goes on for the next one."""
        super().close()
        while self._kept:
            self._kept.pop().unpersist()

    def run(
        self, text: str, parameters: Mapping[str, object], *, limit: timedelta | None = None
    ) -> pa.Table:
        """Run one statement on Spark and return its rows, with the names and types that DuckDB gives them."""
        limit = limit or self._timeout
        if self._strange:
            self.look_through(text)
        try:
            return self._patiently(partial(self._rows, text, parameters), limit)
        except DamagedError:
            if not self._leave_out_damaged():
                raise
        return self._patiently(partial(self._rows, text, parameters), limit)

    def stream(
        self, text: str, parameters: Mapping[str, object], *, rows: int
    ) -> Iterator[pa.RecordBatch]:
        """Run one statement and yield its rows in batches of ``rows``."""
        yield from self.run(text, parameters).to_batches(max_chunksize=rows)

    def frame(self, text: str, parameters: Mapping[str, object]) -> DataFrame:
        """Return a statement as a DataFrame of Spark's, which nobody asked for rows yet."""
        self._schema(text, parameters)
        with told():
            return self._asked_of_spark(text, parameters, self._kept)

    def _schema(self, text: str, parameters: Mapping[str, object]) -> pa.Schema:
        """Return the columns of the answer; makes the views that it needs, on both sides."""
        with self._told():
            return super()._table(text, parameters).schema

    def _rows(self, text: str, parameters: Mapping[str, object]) -> pa.Table:
        schema = self._schema(text, parameters)
        steps: list[DataFrame] = []
        with told():
            try:
                found = self._asked_of_spark(text, parameters, steps).toArrow()
            finally:
                for step in steps:
                    step.unpersist()
        return fitted(found, schema)

    def _asked_of_spark(
        self, text: str, parameters: Mapping[str, object], kept: list[DataFrame] | None
    ) -> DataFrame:
        """Return a statement as Spark's, and add to ``kept`` what Spark keeps for it; null: as long as the session."""
        self._number += 1
        made = translated(text, parameters, prefix=f"step_{self._number}_")
        for name, step in made.steps.items():
            frame = self._spark.sql(step)
            if kept is None:
                frame = _cut(frame)
            else:
                kept.append(frame.persist())
            frame.createOrReplaceTempView(name)
        return self._spark.sql(made.text)

    def _interrupt(self) -> None:
        self._spark.interruptAll()

    def _keep(self, text: str) -> None:
        """Keep nothing of DuckDB's: there is nothing in it."""

    def _show(self, lake: Lake) -> None:
        while self._kept:
            self._kept.pop().unpersist()
        super()._show(lake)

    def _read_files(self, view: str, locations: Sequence[str]) -> None:
        super()._read_files(view, ())
        if locations and self._lake is not None:
            addresses = [self._lake.files.address(one) for one in locations]
            with told():
                rows_of(self._spark, addresses, FILE_VIEWS[view][0]).createOrReplaceTempView(view)

    def _show_nothing(self, view: str, columns: pa.Schema) -> None:
        super()._show_nothing(view, columns)
        self._put(view, columns.empty_table())

    def _register(self, name: str, table: pa.Table) -> None:
        super()._register(name, table)
        if not name.startswith("no_"):
            self._put(name, table)

    def _view(self, view: str, text: str) -> None:
        super()._view(view, text)
        if text.startswith("from no_"):
            # A view without rows: _show_nothing puts one here, too.
            return
        with told():
            frame = self._asked_of_spark(text, {}, None)
            if view in _PROVEN:
                frame = self._spark.createDataFrame(frame.toArrow())
            elif view in _KEPT:
                frame = _cut(frame)
            frame.createOrReplaceTempView(view)

    def _put(self, name: str, table: pa.Table) -> None:
        with told():
            if table.num_rows:
                frame = self._spark.createDataFrame(table)
            else:
                frame = self._spark.createDataFrame([], kinds_of(table.schema))
            frame.createOrReplaceTempView(name)


def _cut(frame: DataFrame) -> DataFrame:
    """Return the rows of ``frame``, to be worked out once, without the plan behind them.

    Views stand upon views, several times each: with every plan in the place of its view Spark
    spends a minute on plans of a megabyte, and with a cache of each still ten seconds.
    """
    return frame.localCheckpoint(eager=False)


@contextmanager
def session(
    lake: Lake,
    *,
    environ: Mapping[str, str],
    cluster: str | None = None,
    many: bool = False,
    timeout: timedelta | None = None,
    strange: bool = False,
) -> Iterator[OnSpark]:
    """Open a session over ``lake`` on Spark, limited to one ``cluster`` if given.

    ``many`` says that more than a few statements will be asked: what is counted of open days
    is then kept by Spark. ``strange`` is for statements of strangers. Raises ``UsageError``
    where there is no Spark, ``LakeError`` where there is no lake.
    """
    opened = OnSpark(engine.started(environ), timeout=timeout, many=many, strange=strange)
    with opened.showing(lake, cluster) as shown:
        yield shown
