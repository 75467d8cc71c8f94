"""What commands do on Spark beside answering reports: which files they read, how they seal, what they refuse."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from tests.lib import lakes, spark_lakes
from tests.lib.commandline import Done, eventlake
from tests.lib.engines import Lakes

NOW = spark_lakes.END + timedelta(hours=12)


def both(lake: Path, environ: Mapping[str, str], *words: str) -> tuple[Done, Done]:
    """Return what a command comes to on DuckDB and on Spark, half a day after the last list."""
    done = [
        eventlake("--quiet", "--lake", str(lake), *engine, *words, environ=environ, now=NOW)
        for engine in ((), ("--engine", "spark"))
    ]
    return done[0], done[1]


def test_sealed_days_are_read_by_partition_and_column(asked: Lakes) -> None:
    """Of a month Spark opens the files of the days that are asked for, and of these the columns that are."""
    frame = asked["fleet"].spark.frame(
        "select reason, sum(occurrences) as n from days"
        " where date >= $first and date < $end and type = 'Warning' group by reason",
        {"first": (NOW - timedelta(days=20)).date(), "end": (NOW - timedelta(days=18)).date()},
    )
    plan = frame._jdf.queryExecution().executedPlan().toString()  # noqa: SLF001 -- explain() only prints
    assert "PartitionFilters: [isnotnull(date#" in plan
    assert "PushedFilters: [IsNotNull(type), EqualTo(type,Warning)]" in plan
    assert "ReadSchema: struct<type:string,reason:string,occurrences:bigint>" in plan
    # Two days of three clusters, of twenty-odd sealed ones each.
    assert len(frame.inputFiles()) > 60
    assert frame.rdd.getNumPartitions() <= 6


def test_days_are_sealed_on_executors(tmp_path: Path, environ: Mapping[str, str]) -> None:
    """What executors seal answers as it did when it was open, and as what one process sealed."""
    lake = spark_lakes.fleet(tmp_path / "here")
    before = lakes.answers(lake)
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    when = spark_lakes.END - timedelta(days=26)
    assert lakes.sealed(lake, when)
    there = Lake(LocalFiles(tmp_path / "there"))
    words = ("--engine", "spark", "--lake", str(tmp_path / "there"), "seal")
    done = eventlake(*words, environ=environ, now=when)
    assert done.code == 0, done.err
    assert lakes.files(there, "days") == lakes.files(lake, "days")
    assert lakes.answers(there) == lakes.answers(lake) == before
    again = eventlake(*words, environ=environ, now=when)
    assert "nothing is due" in again.err


@pytest.mark.parametrize(
    "words",
    [
        ("check", "--format", "json"),
        ("rules", "backtest", "CrashLooping", "--since", "3d", "--format", "json"),
        (
            "sql",
            "--format",
            "json",
            "select type, count(*) as n, max(last_seen) as l from events group by type order by type",
        ),
        ("events", "-A", "--since", "2d", "-o", "wide"),
        ("coverage", "--since", "5d", "--format", "json"),
        ("sql", "select * from evnts"),
        ("sql", "insert into events values (1)"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_command_says_the_same(
    asked: Lakes, environ: Mapping[str, str], words: tuple[str, ...]
) -> None:
    """Findings, backtests, statements and events are the same on both engines; so is what is refused."""
    folder = Path(asked["fleet"].lake.files.root)
    duckdb, spark = both(folder, environ, *words)
    assert (spark.code, spark.out) == (duckdb.code, duckdb.out)
    if duckdb.code:
        assert spark.sentence == duckdb.sentence


def test_what_spark_has_nothing_to_do_with_is_refused(tmp_path: Path) -> None:
    """A command that asks nothing of a lake does not pretend to use the engine."""
    done = eventlake("--engine", "spark", "--lake", str(tmp_path), "doctor")
    assert done.code == 2
    assert "leave --engine spark out" in done.err


def test_without_java_it_says_what_to_install(tmp_path: Path) -> None:
    """Where there is no Java the error names the package and the two other ways."""
    nowhere = {"PATH": str(tmp_path), "EVENTLAKE_ENGINE": "spark"}
    done = eventlake("--lake", str(tmp_path), "report", "top_reasons", environ=nowhere)
    assert done.code == 2
    assert "openjdk-17-jre-headless" in done.sentence
    assert "JAVA_HOME" in done.sentence
    assert "SPARK_REMOTE" in done.sentence
