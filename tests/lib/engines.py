"""Three lakes, each asked on both engines: what each test of the second engine compares."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path

from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.query import Session
from etl.lake.query import session as on_duckdb
from etl.spark.session import OnSpark
from etl.spark.session import session as on_spark
from etl.timespan import Window
from tests.lib import lakes, spark_lakes
from tests.lib.commandline import eventlake


@dataclass(frozen=True, slots=True)
class Asked:
    """A lake, a window over it, and a session of each engine."""

    lake: Lake
    window: Window
    duckdb: Session
    spark: OnSpark


class Lakes:
    """The lakes by name, each made when it is asked for, and its sessions."""

    def __init__(self, folder: Path, environ: Mapping[str, str], stack: ExitStack) -> None:
        """Make lakes below ``folder``."""
        self._folder, self._environ, self._stack = folder, environ, stack
        self._known: dict[str, Asked] = {}

    def __getitem__(self, name: str) -> Asked:
        """Return one of sample, recorded and fleet."""
        if name not in self._known:
            lake = getattr(self, f"_{name}")()
            duckdb = self._stack.enter_context(on_duckdb(lake, many=True))
            spark = self._stack.enter_context(on_spark(lake, environ=self._environ, many=True))
            self._known[name] = Asked(lake, _whole(duckdb), duckdb, spark)
        return self._known[name]

    def _sample(self) -> Lake:
        folder = self._folder / "sample"
        assert eventlake("--lake", str(folder), "sample").code == 0
        return Lake(LocalFiles(folder))

    def _recorded(self) -> Lake:
        return spark_lakes.recorded(self._folder / "recorded")

    def _fleet(self) -> Lake:
        folder = self._folder / "fleet"
        lake = spark_lakes.fleet(folder)
        # A week ago nothing but the late day was missing: the days before are sealed, the last are open.
        lakes.sealed(lake, spark_lakes.END - 7 * lakes.TTL * 24)
        return lake


def _whole(session: Session) -> Window:
    """Return the last days of a lake, from a moment that is no whole day on."""
    span = "select min(last_seen) as first, max(last_seen) as last from observations"
    (row,) = session.run(span, {}).to_pylist()
    end = row["last"].astimezone(UTC) + timedelta(minutes=7)
    return Window(max(row["first"].astimezone(UTC), end - timedelta(days=9, hours=5)), end)
