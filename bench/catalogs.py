"""The examples of docs/scale.md for other engines, run over a lake, and their rows beside eventlake's own.

An engine that is not installed is named and passed over; of Trino and Athena there is none to install.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.fleet_lake import Size, fill
from bench.measure import ROOT
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.query import session

PAGE = ROOT / "docs" / "scale.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SIZE = Size(6000, clusters=3, days=3)
_QUESTION = (
    "select cluster, sum(occurrences)::bigint as n from events group by cluster order by cluster"
)
Rows = list[tuple[str, int]]


def blocks() -> dict[str, str]:
    """Return the page's examples by engine."""
    return dict(_BLOCK.findall(PAGE.read_text("utf-8")))


def run(folder: Path) -> Iterator[tuple[str, Rows | None, Rows]]:
    """Yield each engine with the rows of its example, null where it is not installed, and what they should be."""
    lake = Lake(LocalFiles(folder / "lake"))
    fill(lake, _SIZE)
    with session(lake) as opened:
        wanted = [(row["cluster"], row["n"]) for row in opened.run(_QUESTION, {}).to_pylist()]
    examples = blocks()
    with contextlib.chdir(folder):
        # Without file names a replaced generation would be counted, so this one comes first.
        yield "datafusion", _answered("datafusion", examples["datafusion"]), wanted
        first = lake.days()[0].path
        again = first.replace("00000001", "00000002")
        shutil.copyfile(lake.files.location(first), lake.files.location(again))
        for engine in ("clickhouse", "polars", "spark"):
            yield engine, _answered(engine, examples[engine]), wanted


def _answered(engine: str, text: str) -> Rows | None:
    package, ask = _ENGINES[engine]
    return ask(text) if importlib.util.find_spec(package) else None


def _python(text: str) -> Rows:
    known: dict[str, Any] = {}
    exec(compile(text, "docs/scale.md", "exec"), known)  # noqa: S102 -- our own page
    return list(known["answer"])


def _clickhouse(text: str) -> Rows:
    from chdb.session import Session  # type: ignore[import-not-found]  # noqa: PLC0415 -- may be missing

    with tempfile.TemporaryDirectory() as folder, Session(folder) as opened:
        for statement in _statements(text):
            answer = opened.query(statement, "Arrow")
        table = pa.ipc.open_file(pa.py_buffer(answer.bytes())).read_all()
    names = table["cluster_name"].cast(pa.string()).to_pylist()
    return list(zip(names, table["occurrences"].to_pylist(), strict=True))


def _spark(text: str) -> Rows:
    from pyspark.sql import SparkSession  # noqa: PLC0415 -- may be missing, and starts Java

    with tempfile.TemporaryDirectory() as folder:
        spark = (
            SparkSession.builder.master("local[1]")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.warehouse.dir", folder)
            .getOrCreate()
        )
        try:
            # A location that is relative would be one of the warehouse; views want tables of the catalog.
            whole = text.replace("'lake/days'", f"'{os.getcwd()}/lake/days'")  # noqa: PTH109 -- a text is wanted
            for statement in _statements(whole.replace("create view", "create temporary view")):
                answer = spark.sql(statement)
            return [(row["cluster"], row["occurrences"]) for row in answer.collect()]
        finally:
            spark.stop()


def _statements(text: str) -> Iterator[str]:
    yield from filter(None, map(str.strip, text.split(";")))


_ENGINES: Mapping[str, tuple[str, Callable[[str], Rows]]] = {
    "clickhouse": ("chdb", _clickhouse),
    "datafusion": ("datafusion", _python),
    "polars": ("polars", _python),
    "spark": ("pyspark", _spark),
}
