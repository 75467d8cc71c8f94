"""A fleet's lake after years, from a day that the product wrote here: objects, bytes, what listing them costs, what a question asks for.

What is measured is measured: bytes of a state in parts and sealed, of a footer and of a
day of the ledger. What is assumed has a name and a value that can be changed, and is printed.
The rest is multiplication.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from bench import generate_days, ledger
from bench.figures import Plan
from etl.lake import seal
from etl.lake.folders import LocalFiles
from etl.lake.gathering import ROWS_PER_GROUP
from etl.lake.layout import Lake
from etl.lake.ranges import END_BYTES, ENDS_AT_ONCE

_MODEL = date(2026, 1, 1)
_TTL = timedelta(hours=1)
_DAYS_A_YEAR = 365.25
_MIB, _GB = 1024 * 1024, 1e9
_KIB, _THOUSAND, _MILLION = 1024, 1000, 1_000_000
_YEAR = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What the simulation takes for given; each field is an option of the command."""

    clusters: int = 500
    """Clusters of the fleet."""
    states: int = 5_000_000
    """States of events a cluster and day."""
    years: float = 5
    """How long nothing is deleted."""
    interval_minutes: float = 10
    """Between two runs of a cluster's job."""
    hours_open: float = 3 + 1
    """For which parts stay after their day: TTL, margin, grace, and up to an hour until the next upkeep."""
    names_a_list: int = 1000
    """Names that one answer of S3's ListObjectsV2 holds at most."""
    list_seconds: float = 0.1
    """For one such answer; each waits for the one before."""
    get_seconds: float = 0.03
    """For a small GET; the ends of files are fetched 64 at a time."""
    dollars_a_gb_month: float = 0.023
    """Of storage: S3 Standard, us-east-1, first 50 TB."""
    dollars_a_thousand_puts: float = 0.005
    """Of PUT and LIST requests: the same price list."""
    dollars_a_thousand_gets: float = 0.0004
    """Of GET requests: the same price list."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a day of this machine tells."""

    states: int
    part_bytes: float
    """Of a state in a part."""
    sealed_bytes: float
    """Of a state in a sealed day, its share of the footer left out."""
    footer_bytes: float
    """Of the footer of a sealed day, its groups left out: schema, names of its parts and of those of the day before."""
    group_bytes: float
    """Of the footer, for each row group."""
    ledger_bytes: float
    """Of a day of the ledger, sealed."""
    seal_seconds: float
    """Of one processor, for a million states that are sealed."""


@dataclass(frozen=True, slots=True)
class Line:
    """One number with its name and unit."""

    name: str
    value: float
    unit: str


def measure(states: int) -> Measured:
    """Write and seal a day of about so many states, with the day before it, and a day of the ledger; return their sizes."""
    parts = ledger.A_DAY
    with tempfile.TemporaryDirectory(prefix="eventlake-bench-") as folder:
        lake = Lake(LocalFiles(Path(folder) / "lake"))
        lake.prepare()
        stock = generate_days.stock(states)
        events = max(parts, states // generate_days.STATES)
        generate_days.fill(lake, stock, _MODEL - timedelta(days=1), events=parts, parts=parts)
        rows = generate_days.fill(lake, stock, _MODEL, events=events, parts=parts)
        written = sum(
            Path(lake.files.location(part.path)).stat().st_size
            for part in lake.partition(generate_days.CLUSTER, _MODEL)
        )
        closed = seal.closes_at(_MODEL, _TTL) + timedelta(seconds=1)
        begun = time.process_time()
        (_before, _done) = seal.seal(lake, clock=lambda: closed, ttl=_TTL)
        taken = time.process_time() - begun
        (small, large) = [lake.files.location(day.path) for day in lake.days()]
        plan = Plan(events=0, many=0, day=0, month=0, rounds=1, folder=Path(folder))
        of_ledger = next(one.value for one in ledger.year(plan) if one.key == "ledger_year_kb")
        few, many = _footer(small), _footer(large)
        groups = pq.read_metadata(large).num_row_groups
        assert groups > 1, "more states are needed to tell what a group takes"
        group = (many - few) / (groups - 1)
        return Measured(
            states=rows,
            part_bytes=written / rows,
            sealed_bytes=(Path(large).stat().st_size - many) / rows,
            footer_bytes=few - group,
            group_bytes=group,
            ledger_bytes=of_ledger * _KIB / _YEAR,
            seal_seconds=taken / rows * _MILLION,
        )


def _footer(path: str) -> int:
    with Path(path).open("rb") as file:
        file.seek(-8, 2)
        return int.from_bytes(file.read(4), "little") + 8


def simulate(given: Assumed, known: Measured) -> Iterator[Line]:
    """Yield what the fleet's lake is after ``given.years``, and what it costs to look at it."""
    runs = 24 * 60 / given.interval_minutes
    days = given.years * _DAYS_A_YEAR
    groups = -(-given.states // ROWS_PER_GROUP)
    footer = known.footer_bytes + groups * known.group_bytes
    day_bytes = given.states * known.sealed_bytes + footer
    loose = runs * (1 + given.hours_open / 24)
    yield Line("a sealed day, one cluster", day_bytes / _MIB, "MiB")
    yield Line("row groups of it", groups, "")
    yield Line("its footer", footer / _KIB, "KiB")
    yield Line("a part, one run", given.states / runs * known.part_bytes / _MIB, "MiB")
    for name, clusters in (("one cluster", 1), ("the fleet", given.clusters)):
        sealed = days * clusters
        objects = {
            "sealed days": sealed,
            "sealed days of the ledger": sealed,
            "parts of open days": loose * clusters,
            "rows of open days of the ledger": loose * clusters,
            "caches": 2 * clusters,
        }
        for what, count in objects.items():
            yield Line(f"{name}: {what}", count, "objects")
        total = sum(objects.values())
        size = sealed * (day_bytes + known.ledger_bytes) / _GB
        yield Line(f"{name}: all", total, "objects")
        yield Line(f"{name}: bytes", size, "GB")
        yield Line(f"{name}: storage", size * given.dollars_a_gb_month, "$ a month")
        yield from _opening(f"{name}: a session", given, total - 2 * clusters, sealed, footer)
    puts = 4 * runs * given.clusters + 2 * given.clusters
    hours = given.clusters * given.states / _MILLION * known.seal_seconds / 3600
    yield Line("the fleet: sealing a night", hours, "hours of one processor")
    yield Line("the fleet: PUT", puts, "a day")
    yield Line("the fleet: PUT", puts / _THOUSAND * given.dollars_a_thousand_puts, "$ a day")
    month = 30 * given.clusters
    yield from _opening("the fleet, 30 days kept: a session", given, 2 * month, month, footer)


def _opening(
    name: str, given: Assumed, objects: float, sealed: float, footer: float
) -> Iterator[Line]:
    """Yield what opening a session asks a store for: all names, then the end of each file."""
    lists = objects / given.names_a_list
    # The end of a file is one request; the rest of a footer that is longer is a second one.
    gets = objects + (sealed if footer > END_BYTES else 0)
    read = (objects - sealed) * END_BYTES / 2 + sealed * max(footer, END_BYTES)
    seconds = lists * given.list_seconds + gets * given.get_seconds / ENDS_AT_ONCE
    dollars = (
        lists * given.dollars_a_thousand_puts + gets * given.dollars_a_thousand_gets
    ) / _THOUSAND
    yield Line(f"{name} lists", lists, "requests")
    yield Line(f"{name} gets ends of files", gets, "requests")
    yield Line(f"{name} reads", read / _GB, "GB")
    yield Line(f"{name} opens in", seconds, "s")
    yield Line(f"{name} costs", dollars, "$")


def assumptions(given: Assumed) -> Iterator[tuple[str, float]]:
    """Yield the name and value of each assumption."""
    for field in fields(given):
        yield field.name, getattr(given, field.name)
