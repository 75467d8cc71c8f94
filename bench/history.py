"""A lake of a month, listed every ten minutes: 28 sealed days and two open ones, what its reports and its digest take.

A report is compared with what nobody can do without: one GROUP BY of the columns that the
report reads, over the same files, as they are, by the same DuckDB.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from bench import ledger
from bench.figures import Figure, Plan
from bench.generate_days import STATES, fill, stock
from bench.generate_events import TTL
from bench.measure import eventlake, median, run
from etl import schema
from etl.alerts.rules import default_groups
from etl.lake import seal
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.query import Session, session
from etl.lake.views import needed
from etl.reports.catalogue import Report, catalogue
from etl.reports.run import run as answered
from etl.reports.run import values
from etl.timespan import Window, rfc3339

_SEALED, _OPEN = 28, 2
# A single round measures nothing and only tries the bench itself.
_TRIED = 2
_LAST = date(2026, 11, 22)
_DAY = timedelta(days=1)
_END = datetime.combine(_LAST + _DAY, clock_time(), UTC)
_UTC = ZoneInfo("UTC")
# A day's snapshots, fewer than a job takes: the number of files matters to open days only.
_PARTS = 24
_RULES = 25
# Texts that a report shows of a few rows and groups nothing by.
_SHOWN = frozenset({"uid", "name", "message", "labels", "annotations", "flags", "snapshot_id"})
_ROUNDS = 3
# What generated rules look for: reasons and words of their texts.
_MATCHED = (
    ("Unhealthy", "probe failed"),
    ("BackOff", "back-off"),
    ("Failed", "pull"),
    ("FailedScheduling", "insufficient"),
    ("FailedMount", "timed out"),
    ("Killing", "stopping"),
    ("FailedCreatePodSandBox", "network"),
    ("DNSConfigForming", "nameserver"),
)


def month(plan: Plan) -> Iterator[Figure]:
    """Yield how long reports and the digest take over 30 days."""
    lake = Lake(LocalFiles(plan.folder / "month"))
    lake.prepare()
    started = time.perf_counter()
    days = _SEALED if plan.rounds > 1 else _TRIED
    rows = _fill(lake, plan, range(_OPEN, _OPEN + days))
    _seal(lake, days)
    # Asked while every file is a sealed one: open days are read for their merging and counting, too.
    columns = {name: _columns(lake, report) for name, report in catalogue().items()}
    rows += _fill(lake, plan, range(_OPEN))
    ledger.month(lake, _END - (days + _OPEN) * _DAY, days + _OPEN)
    yield Figure("month_made_s", time.perf_counter() - started, "making and sealing that lake")
    of = f"{rows:,} observations on {days} sealed and {_OPEN} open days"
    yield from _worst(lake, plan, of, columns)
    yield from _commands(lake, plan, of)


def _fill(lake: Lake, plan: Plan, days_ago: Iterable[int]) -> int:
    """Write the days; return their observations."""
    events = max(1, plan.month // (_SEALED + _OPEN) // STATES)
    made = stock(plan.month)
    return sum(
        fill(lake, made, _LAST - number * _DAY, events=events, parts=_PARTS) for number in days_ago
    )


def _seal(lake: Lake, days: int) -> None:
    closed = seal.closes_at(_LAST - _OPEN * _DAY, TTL) + timedelta(seconds=1)
    done = list(seal.seal(lake, clock=lambda: closed, ttl=TTL))
    assert len(done) == days
    # The parts go, as they do with a run an hour later.
    assert not list(seal.seal(lake, clock=lambda: closed + 2 * seal.GRACE, ttl=TTL))


def _worst(
    lake: Lake, plan: Plan, of: str, columns: Mapping[str, frozenset[str]]
) -> Iterator[Figure]:
    """Time each report beside its plain GROUP BY; the figure is that of the worst."""
    rounds = min(plan.rounds, _ROUNDS)
    ours: dict[str, float] = {}
    plain: dict[str, float] = {}
    with session(lake, many=True) as opened, duckdb.connect() as connection:
        for name, report in catalogue().items():
            ours[name] = _seconds(partial(_answer, report, opened), rounds)
            plain[name] = _seconds(partial(_plain, connection, lake, columns[name]), rounds)
    ratios = {name: ours[name] / max(2 * plain[name], 0.5) for name in ours}
    worst = max(ratios, key=lambda name: ratios[name])
    how = (
        f"the slowest of {len(ratios)} reports beside its limit, max(2 × a GROUP BY of the same columns over"
        f" the same files, 0.5 s), over {of}, statement to rows, in a session that is asked them all,"
        f" median of {rounds}: {worst}"
    )
    yield Figure("report_worst_ratio", ratios[worst], how)
    slowest = max(ours, key=lambda name: ours[name])
    yield Figure("report_worst_s", ours[slowest], f"the longest of them by the clock: {slowest}")
    alone = eventlake(f"--lake={lake.files.root}", "report", slowest, *_SPAN, "--format=markdown")
    yield Figure(
        "report_alone_s",
        median([run(alone) for _ in range(rounds)]),
        f"the same in a process of its own, which counts the open days for it alone, median of {rounds}",
    )
    yield Figure(
        "report_median_s", statistics.median(ours.values()), "median of all reports by the clock"
    )


def _commands(lake: Lake, plan: Plan, of: str) -> Iterator[Figure]:
    rounds = min(plan.rounds, _ROUNDS)
    reports = eventlake(f"--lake={lake.files.root}", "report", *_SPAN, "--format=markdown")
    taken = [run(reports) for _ in range(rounds)]
    yield Figure(
        "reports_all_s",
        median(taken),
        f"all {len(catalogue())} reports of 30 days as Markdown, one process, over {of}, median of {rounds}",
    )
    yield Figure("reports_all_peak_mb", max(one.peak_mb for one in taken), "ru_maxrss of the same")
    config = plan.folder / "month.yaml"
    rules, generated = _write_rules(config)
    digest = eventlake(
        f"--config={config}",
        f"--lake={lake.files.root}",
        "digest",
        "--dry-run",
        f"--at={rfc3339(_END)}",
    )
    taken = [run(digest) for _ in range(rounds)]
    yield Figure(
        "digest_s",
        median(taken),
        f"daily digest with a baseline of 7 days, {rules} rules ({generated} of them generated), rendered and"
        f" not sent, whole process, over {of}, median of {rounds}",
    )
    yield Figure("digest_peak_mb", max(one.peak_mb for one in taken), "ru_maxrss of the same")


_WINDOW = Window(_END - (_SEALED + _OPEN) * _DAY, _END)
_SPAN = (f"--start={rfc3339(_WINDOW.start)}", f"--end={rfc3339(_WINDOW.end)}")


def _answer(report: Report, opened: Session) -> pa.Table:
    return answered(report, opened, window=_WINDOW, timezone=_UTC)


def _seconds(ask: Callable[[], object], rounds: int) -> float:
    """Return the median time; the first round warms up, unless it is the only one."""
    taken = []
    for _round in range(rounds + int(rounds > 1)):
        started = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken[-rounds:])


def _columns(lake: Lake, report: Report) -> frozenset[str]:
    """Return the columns that a report reads from sealed days, as DuckDB's plan tells them."""
    with session(lake) as opened:
        # Views are made when a statement needs them, and a session lets nobody ask for a plan.
        opened._make(needed(report.text))
        connection = opened._connection  # noqa: SLF001
        wanted = opened.parameters(report.text)
        given = values(report, window=_WINDOW, timezone=_UTC)
        bound = {name: given[name] for name in wanted}
        (row,) = connection.execute(f"explain (format json) {report.text}", bound).fetchall()
    found = {name for node in json.loads(row[1]) for name in _scanned(node)}
    return frozenset(found.intersection(schema.DAY_SCHEMA.names))


def _scanned(node: Mapping[str, Any]) -> Iterator[str]:
    if node["name"] == "READ_PARQUET":
        projected = node["extra_info"].get("Projections", [])
        yield from [projected] if isinstance(projected, str) else projected
    for child in node["children"]:
        yield from _scanned(child)


def _plain(connection: duckdb.DuckDBPyConnection, lake: Lake, columns: frozenset[str]) -> None:
    """Group all files by the texts among ``columns`` and aggregate the others, as anybody would."""
    texts = [
        name
        for name in sorted(columns - _SHOWN)
        if pa.types.is_string(schema.DAY_SCHEMA.field(name).type)
    ]
    others = [f"max({name})" for name in sorted(columns.difference(texts))]
    if not columns:
        return
    files = [lake.files.location(file.path) for file in (*lake.days(), *lake.parts())]
    text = (
        f"select {', '.join([*texts, *others])} from read_parquet($files, union_by_name = true)"  # noqa: S608 -- names of the schema
        + (f" group by {', '.join(texts)}" if texts else "")
    )
    connection.sql(text, params={"files": files}).to_arrow_table()


def _write_rules(path: Path) -> tuple[int, int]:
    """Write rules like those that are shipped until there are as many as wanted; return how many, and how many of those."""
    shipped = sum(len(group.rules) for group in default_groups())
    rules = [
        f"""  - alert: Generated{number}
    match: {{reason: {reason}, namespace: "=~[a-{"mz"[number % 2]}].*", message: "=~(?i).*{word}.*"}}
    by: [cluster, namespace, name]
    threshold: ">= {5 + number}"
    labels: {{severity: warning}}
    annotations: {{summary: "{{{{ labels.name }}}}: {{{{ value }}}}"}}
"""
        for number, (reason, word) in zip(range(_RULES - shipped), cycle(_MATCHED), strict=False)
    ]
    group = "groups:\n- name: generated\n  rules:\n" if rules else ""
    path.write_text("version: 1\n" + group + "".join(rules), "utf-8")
    return shipped + len(rules), len(rules)
