"""A month of a cluster, a run every ten minutes: what the lake tells is what happened, and where it cannot know it says so."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from etl import ingest
from etl.config.settings import Source
from etl.errors import ClusterError
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.source import live
from etl.source.listing import Lister
from tests.conftest import Show
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import Waits, eventlake, rows
from tests.lib.month import DAY, HOUR, MINUTE, Month, Outage
from tests.lib.older_lakes import made_older, unpack
from tests.lib.ports import free_port

START = datetime(2026, 10, 1, tzinfo=UTC)
DAYS, KEPT = 30, 10
OUTAGES = [
    Outage(START + 2 * DAY + 12 * HOUR + 1 * MINUTE, 5 * MINUTE, "job"),
    Outage(START + 4 * DAY + 14 * HOUR - 2 * MINUTE, 5 * MINUTE, "api"),
    Outage(START + 6 * DAY + 9 * HOUR - 2 * MINUTE, 40 * MINUTE, "job"),
    Outage(START + 8 * DAY + 15 * HOUR - 2 * MINUTE, 40 * MINUTE, "api"),
    Outage(START + 11 * DAY + 10 * HOUR - 2 * MINUTE, 90 * MINUTE, "job"),
    Outage(START + 18 * DAY + 13 * HOUR - 2 * MINUTE, 90 * MINUTE, "api"),
    Outage(START + 25 * DAY + 7 * HOUR - 2 * MINUTE, 90 * MINUTE, "job"),
]
# Another leader of the controllers and another kubelet: memories are gone. Another leader of etcd: every lease starts again.
RESTARTS = {START + day * DAY + 16 * HOUR for day in (3, 13, 23)}
PROMOTIONS = {START + day * DAY + 11 * HOUR for day in (5, 16, 27)}
UPGRADE = START + 15 * DAY + 12 * HOUR


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: the month is about what is kept, and disks are tested elsewhere."""
    memory = Path("/dev/shm")  # noqa: S108 -- a folder of its own within it
    if not memory.is_dir() or shutil.disk_usage(memory).free < 200_000_000:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as name:
        yield Path(name)


class Job:
    """The job: a snapshot at each slot; sealing and retention by the command line, once a day."""

    def __init__(self, folder: Path, server: ApiServer) -> None:
        """Write the configuration, and kubeconfigs of the server and of one where nobody listens."""
        self.lake, self.runs, self.failed = folder / "lake", 0, 0
        self.sizes: list[tuple[int, int]] = []
        """Files and bytes of the lake, each night."""
        settings = {"cluster": "prod", "retention": {"keep_days": KEPT}}
        self.config = folder / "eventlake.yaml"
        self.config.write_text(yaml.safe_dump(settings), "utf-8")
        self.source = Source(kubeconfig=str(server.kubeconfig(folder / "up")), page_size=50)
        self.up = live.connect(self.source, {})
        down = (
            (folder / "up")
            .read_text("utf-8")
            .replace(server.url, f"http://127.0.0.1:{free_port()}")
        )
        (folder / "down").write_text(down, "utf-8")
        self.down = live.connect(Source(kubeconfig=str(folder / "down")), {})

    def run(self, month: Month, slot: datetime) -> None:
        """Take the snapshot of ``slot``, if the job can run then, and say what the server showed."""
        outage = month.outage(slot)
        if outage and outage.who == "job":
            return
        self.runs += 1
        cluster = self.down if outage else self.up
        lister = Lister(cluster, self.source, lambda: slot, Waits())
        run = ingest.Run(slot, f"{self.runs:08x}", lambda: slot)
        try:
            ingest.take_snapshot(Lake(LocalFiles(self.lake)), "prod", lister, run)
        except ClusterError:
            assert outage
            self.failed += 1
        else:
            month.saw(slot)

    def keep_house(self, now: datetime) -> None:
        """Do what ``run`` does beside snapshots: seal, delete what is too old."""
        self.command(now, "seal")
        self.command(now, "retention")
        sizes = [path.stat().st_size for path in self.lake.rglob("*") if path.is_file()]
        self.sizes.append((len(sizes), sum(sizes)))

    def command(self, now: datetime, *words: str) -> Any:
        """Run a command and return what it came to."""
        done = eventlake("--config", self.config, "--lake", self.lake, *words, now=now)
        assert done.code == 0, done.err
        return done

    def gaps(self, start: date, now: datetime) -> list[tuple[datetime, datetime, str]]:
        """Return the gaps that coverage tells since ``start``."""
        words = [
            "coverage",
            "--start",
            f"{start}",
            "--end",
            f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "--format",
            "json",
        ]
        told = self.command(now, *words).json()
        assert {row["state"] for row in told} <= {"covered", "gap"}
        return [
            (
                datetime.fromisoformat(row["started_at"]),
                datetime.fromisoformat(row["ended_at"]),
                row["cause"],
            )
            for row in told
            if row["state"] == "gap"
        ]


def _counted(lake: Path) -> dict[date, Counter[tuple[str, str]]]:
    days: dict[date, Counter[tuple[str, str]]] = {}
    asked = "select date, namespace, reason, cast(sum(occurrences) as bigint) as n from events group by all"
    for row in rows(lake, asked):
        days.setdefault(row["date"], Counter())[row["namespace"], row["reason"]] = row["n"]
    return days


def test_a_month_is_told_as_it_was(folder: Path, show: Show) -> None:
    """Through outages, other leaders and an upgrade: totals are the truth, gaps are the gaps, and the lake stays small.

    Every six days those since the last look are held against what happened, before retention takes them.
    """
    known = unpack(folder / "first")
    looks: list[Look] = []
    with ApiServer(now=START) as server:
        month, job = Month(server, START, OUTAGES), Job(folder, server)
        for slot in month.slots(DAYS + 1):
            if slot in RESTARTS:
                month.restart_recorders()
            if slot in PROMOTIONS:
                server.renew()
            job.run(month, slot)
            if slot == UPGRADE:
                assert made_older(job.lake, known) > 100
            if (slot.hour, slot.minute) == (3, 0):
                job.keep_house(slot)
            if slot >= START + 6 * DAY and (slot - START) % (6 * DAY) == 3 * HOUR:
                looks.append(_look(month, job, START.date() + 6 * DAY * len(looks), slot))
    show("a month, a run every ten minutes, six days a line", [Look.title(), *map(str, looks)])
    gaps = [gap for look in looks for gap in look.gaps]
    assert [(begin, end) for begin, end, _cause in gaps] == month.gaps()
    assert [cause for _, _, cause in gaps] == ["no run", "failed run", "no run"]
    # What is lost happened in a gap: nothing else is.
    assert month.lost()
    assert all(any(begin <= at <= end for begin, end, _ in gaps) for at in month.lost())
    # From the time on when days are deleted, the lake grows no more.
    full, last = job.sizes[KEPT + 3 : KEPT + 8], job.sizes[-5:]
    assert max(files for files, _ in last) <= 1.1 * max(files for files, _ in full)
    assert max(size for _, size in last) <= 1.1 * max(size for _, size in full)


@dataclass(frozen=True, slots=True)
class Look:
    """What the lake told of six days, beside what happened in them."""

    start: date
    runs: int
    failed: int
    happened: int
    lost: int
    gaps: list[tuple[datetime, datetime, str]]
    files: int
    size: int

    @staticmethod
    def title() -> str:
        """The line above all looks."""
        return (
            "from        runs so far  failed  occurrences  lost in gaps  gaps    files  kilobytes"
        )

    def __str__(self) -> str:
        """One line of the table."""
        gaps = ", ".join(f"{(end - begin) // MINUTE} min" for begin, end, _ in self.gaps) or "none"
        return (
            f"{self.start}  {self.runs:>11,}  {self.failed:>6}  {self.happened:>11,}"
            f"  {self.lost:>12}  {gaps:<6}  {self.files:>5}  {self.size // 1000:>9,}"
        )


def _look(month: Month, job: Job, start: date, now: datetime) -> Look:
    """Hold the days since ``start`` against the truth, and return both."""
    end = now.date()
    _hold(month, job.lake, start, end)
    happened = sum(start <= one[0].date() < end for one in month.happened)
    lost = sum(start <= at.date() < end for at in month.lost())
    files, size = job.sizes[-1]
    return Look(start, job.runs, job.failed, happened, lost, job.gaps(start, now), files, size)


def _hold(month: Month, lake: Path, start: date, end: date) -> None:
    """Hold the days from ``start`` to before ``end`` against the truth."""
    truth, counted = month.by_day(), _counted(lake)
    lost = Counter(at.date() for at in month.lost())
    for day, happened in truth.items():
        if start <= day < end:
            if day in lost:
                assert sum(counted[day].values()) == sum(happened.values()) - lost[day], day
            else:
                assert counted[day] == happened, day
    kept = rows(lake, "select uid, n, date from observations")
    first = min(row["date"] for row in kept)
    stored = {(row["uid"], row["n"]): row["date"] for row in kept}
    assert stored == {key: day for key, day in month.listed.items() if day >= first}
