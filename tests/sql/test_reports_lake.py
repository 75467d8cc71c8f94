"""Every report over a lake on disk: the same whether its days are open or sealed, and only of the days asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from etl import schema
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.query import session
from etl.reports.catalogue import catalogue
from etl.reports.run import run, values
from etl.timespan import Window
from tests.lib import lakes

REPORTS = catalogue()
FIRST = datetime(2026, 11, 11, tzinfo=UTC)
DAYS = 12
DAY = timedelta(days=1)
# A day in the middle of the others: what is read beyond it is read for nothing.
ASKED = Window(FIRST + 9 * DAY, FIRST + 10 * DAY)
ZONE = ZoneInfo("Asia/Kolkata")
# How many days each report may look at, one of them the day that the end of the window falls on.
LOOKS_BACK = {"daily_summary": 3, "movers": 9, "hour_by_weekday": 11, "first_seen_reasons": 11}
SORTS = (
    ("BackOff", "Warning", "Pod", "Back-off restarting failed container"),
    ("Started", "Normal", "Pod", "Container started"),
    ("Unhealthy", "Warning", "Pod", "Readiness probe failed"),
    ("Evicted", "Warning", "Pod", "The node was low on resource: memory."),
    ("NodeNotReady", "Normal", "Node", "Node n1 status is now: NodeNotReady"),
    ("FailedScheduling", "Warning", "Pod", "0/3 nodes are available: 3 Insufficient cpu."),
    ("Failed", "Warning", "Pod", 'Failed to pull image "app:1": not found'),
    ("FailedMount", "Warning", "Pod", 'configmap "web" not found'),
)


def _observations() -> pa.Table:
    """Some sorts of events on each day; each repeats on the day after, and one appears in the middle."""
    rows = []
    for day in range(DAYS):
        for number, (reason, kind_of, kind, message) in enumerate(SORTS):
            if reason == "Evicted" and day < DAYS - 3:
                continue
            first = FIRST + day * DAY + timedelta(hours=20, minutes=number)
            for count, last in ((3, first), (3 + 20 * (day == DAYS - 4), first + 6 * DAY / 24)):
                rows.append(
                    {
                        "cluster": "prod",
                        "date": last.date(),
                        "uid": f"{reason}-{day}",
                        "name": f"{reason}.{day}",
                        "resource_version": day * 1000 + count,
                        "namespace": "shop",
                        "type": kind_of,
                        "reason": reason,
                        "message": message,
                        "component": "kubelet",
                        "host": "n1",
                        "object_kind": kind,
                        "object_name": "n1" if kind == "Node" else f"web-{number}",
                        "n": count,
                        "first_seen": first,
                        "last_seen": last,
                        "observed_at": last,
                        "snapshot_id": "s1",
                    }
                )
    return pa.Table.from_pylist(rows, schema=schema.FULL_SCHEMA)


@pytest.fixture(scope="module")
def open_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake of twelve open days."""
    lake = lakes.empty(LocalFiles(tmp_path_factory.mktemp("open")))
    lakes.add(lake, "s1", _observations())
    return lake


@pytest.fixture(scope="module")
def sealed_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The same days, all sealed."""
    lake = lakes.empty(LocalFiles(tmp_path_factory.mktemp("sealed")))
    lakes.add(lake, "s1", _observations())
    assert len(lakes.sealed(lake, FIRST + (DAYS + 3) * DAY)) == DAYS + 1
    return lake


def _answers(lake: Lake) -> Iterator[tuple[str, list[dict[str, object]]]]:
    with session(lake) as opened:
        for name, report in REPORTS.items():
            yield name, run(report, opened, window=ASKED, timezone=ZONE).to_pylist()


def test_every_report_is_the_same_open_and_sealed(open_lake: Lake, sealed_lake: Lake) -> None:
    """Sealing changes no answer, and all but those that ask the ledger have something to say of this day."""
    of_open, of_sealed = dict(_answers(open_lake)), dict(_answers(sealed_lake))
    assert of_open == of_sealed
    assert {name for name, rows in of_open.items() if not rows} == {"api_cost", "clusters"}


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_reads_the_days_that_it_asks_for(name: str, sealed_lake: Lake) -> None:
    """The plan leaves the files of other days closed: a filter on last_seen alone would open each."""
    report = REPORTS[name]
    bound = values(report, window=ASKED, timezone=ZONE)
    with session(sealed_lake) as opened:
        # Views are made when a statement needs them.
        opened.run(report.text, bound)
        connection = opened._connection  # noqa: SLF001 -- a session lets nobody ask for a plan
        wanted = {key: bound[key] for key in opened.parameters(report.text)}
        (row,) = connection.sql(f"explain {report.text}", params=wanted).fetchall()
    plan = " ".join(str(row[1]).replace("│", " ").split())
    looks = [int(count) for count, _all in re.findall(r"Scanning Files: (\d+)/(\d+)", plan)]
    scans = len(re.findall(r"\bevents\b|\bobservations\b", re.sub(r"--.*", "", report.text)))
    assert bool(looks) == bool(scans), plan
    assert all(count <= LOOKS_BACK.get(name, 2) for count in looks), plan
