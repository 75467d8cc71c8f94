"""docs/scale.md: its statements are of the engines that it names, its columns are those of the lake, and its numbers can be made again."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from bench import catalogs, fleet_lake, simulation
from bench.fleet_lake import Size
from bench.simulation import Assumed, Measured
from etl import schema
from etl.lake import generation, partitions
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.query import session
from etl.reports.catalogue import catalogue
from tests.lib import lakes

PAGE = catalogs.PAGE.read_text("utf-8")
TYPES = {
    "trino": {"varchar": "string", "timestamp(6)": "timestamp[us, tz=UTC]"},
    "athena": {"string": "string", "timestamp": "timestamp[us, tz=UTC]"},
    "spark": {"string": "string", "timestamp": "timestamp[us, tz=UTC]"},
}
WORDS = {"bigint": "int64", "date": "date32[day]"}
MEASURED = Measured(
    states=300_000,
    part_bytes=100,
    sealed_bytes=50,
    footer_bytes=3000,
    group_bytes=7000,
    ledger_bytes=30_000,
    seal_seconds=8,
)


@pytest.mark.parametrize("engine", ["trino", "athena", "spark", "clickhouse"])
def test_every_statement_is_one_of_its_engine(engine: str) -> None:
    """A parser of that dialect reads each to the end; only calls are words that it does not look into."""
    parsed = sqlglot.parse(catalogs.blocks()[engine], dialect=engine)
    assert len(parsed) >= 2
    for statement in parsed:
        assert statement is not None
        if isinstance(statement, exp.Command):
            assert statement.name.upper() in {"CALL", "MSCK REPAIR"}, statement.sql()


@pytest.mark.parametrize("engine", TYPES)
def test_tables_have_columns_of_the_lake(engine: str) -> None:
    """Each column of a table is one of a sealed day, with its type, and the partitions are text and date."""
    text = catalogs.blocks()[engine]
    table, _rest = text.split("\n)\n", 1)
    lines = re.findall(r"^    (\w+) (.+?),?$", table, re.MULTILINE)
    known = {field.name: str(field.type) for field in schema.FULL_DAY_SCHEMA}
    words = TYPES[engine] | WORDS
    for name, kind in lines:
        if kind.startswith("map"):
            assert known[name].startswith("map<string, string"), name
        elif kind.startswith("array"):
            assert known[name].startswith("list<"), name
        else:
            assert words[kind] == known[name], name
    assert "cluster varchar" in text or "cluster string" in text
    assert re.search(r"`?date`? date", text)


def test_the_page_tells_every_report_and_assumption() -> None:
    """No report is left out of the table, and each assumption of the simulation stands there with its value."""
    for name in catalogue():
        assert f"| `{name}` |" in PAGE
    for field in fields(Assumed):
        assert re.search(rf"{field.name}\b", PAGE), field.name


def test_the_simulation_multiplies() -> None:
    """A fleet of two clusters and ten days, told by hand."""
    given = Assumed(clusters=2, states=200_000, years=10 / 365.25)
    found = {(line.name, line.unit): line.value for line in simulation.simulate(given, MEASURED)}
    assert found["the fleet: sealed days", "objects"] == 20
    # 144 runs a day, for a day and four hours.
    assert found["one cluster: parts of open days", "objects"] == 168
    assert found["row groups of it", ""] == 2
    assert found["its footer", "KiB"] * 1024 == 3000 + 2 * 7000
    assert found["one cluster: bytes", "GB"] * 1e9 == 10 * (200_000 * 50 + 17_000 + 30_000)
    # One for each file, and a second one where a footer is longer than an end.
    assert found["one cluster: a session gets ends of files", "requests"] == 356 + 10
    assert found["the fleet: PUT", "a day"] == 2 * (4 * 144 + 2)


def test_a_fleets_lake_is_what_sealing_makes(tmp_path: Path) -> None:
    """Readers take every day as closed, no state is there twice, and counting a day anew gives what stands in it."""
    lake = Lake(LocalFiles(tmp_path / "lake"))
    rows = fleet_lake.fill(lake, Size(6000, clusters=2, days=2))
    known = partitions.partitions(lake)
    assert len(known.found) == 4
    assert all(known.closed(one) for one in known.found.values())
    one = "select count(*) as n, count(distinct (cluster, uid, n, last_seen)) as keys from observations"
    with session(lake) as opened:
        assert opened.run(one, {}).to_pylist() == [{"n": rows, "keys": rows}]
        assert opened.warnings == []
    before, _ = lakes.answers(lake)
    for partition in known.found.values():
        now = lambda: lakes.at("2026-12-01 00:00")  # noqa: E731 -- a clock that stands
        assert generation.sealed_anew(lake, partitions.partitions(lake), partition, clock=now)
    counted = {"occurrences", "since", "reset", "message_pattern", "uid", "last_seen"}
    after, _ = lakes.answers(lake)
    assert [{k: row[k] for k in counted} for row in after] == [
        {k: row[k] for k in counted} for row in before
    ]
