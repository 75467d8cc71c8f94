"""A lake that the first version wrote: read as it is, written on, sealed anew, and its pending digests sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from etl.lake.layout import FORMAT_VERSION
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import Done, contents, eventlake, rows
from tests.lib.events import event
from tests.lib.older_lakes import unpack

NOW = datetime(2026, 11, 19, 9, 15, tzinfo=UTC)
# As tests/data/lakes/SOURCE.txt counts what happened.
HAPPENED = [
    ("api-7d9c5b8f6b-x2x4z", "BackOff", 13),
    ("db-0", "Unhealthy", 6),
    ("web-5c4d8f7b9-abcde", "Scheduled", 2),
]
COUNTED = (
    "select object_name, reason, cast(sum(occurrences) as bigint) as happened from events"
    " where date <= date '2026-11-19' group by all order by all"
)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Unpack the lake."""
    return unpack(tmp_path / "lake")


def _happened(lake: Path) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in rows(lake, COUNTED)]


def _coverage(lake: Path) -> list[tuple[str, str, str]]:
    done = eventlake(
        "--lake", lake, "coverage", "--start", "2026-11-17", "--end", "2026-11-19T09:00Z",
        "--format", "json", now=NOW,
    )  # fmt: skip
    return [(row["started_at"][5:16], row["ended_at"][5:16], row["state"]) for row in done.json()]


def test_a_lake_of_the_first_version_is_read_as_it_is(lake: Path) -> None:
    """Counts are what happened, coverage is what its runs prove, and nothing is written by asking."""
    before = contents(lake)
    assert _happened(lake) == HAPPENED
    assert _coverage(lake) == [
        ("11-17T00:00", "11-17T06:40", "unknown"),
        ("11-17T06:40", "11-17T09:05", "covered"),
        ("11-17T09:05", "11-17T09:30", "gap"),
        ("11-17T09:30", "11-17T10:30", "covered"),
        ("11-17T10:30", "11-18T06:40", "gap"),
        ("11-18T06:40", "11-18T09:05", "covered"),
        ("11-18T09:05", "11-18T09:30", "gap"),
        ("11-18T09:30", "11-18T10:30", "covered"),
        ("11-18T10:30", "11-19T06:40", "gap"),
        ("11-19T06:40", "11-19T07:40", "covered"),
        ("11-19T07:40", "11-19T08:05", "gap"),
        ("11-19T08:05", "11-19T09:00", "covered"),
    ]
    assert contents(lake) == before


def test_every_report_and_view_answers_on_a_lake_of_the_first_version(lake: Path) -> None:
    """The whole page is built of it, without a warning."""
    page = lake.parent / "page.html"
    done = eventlake(
        "--lake", lake, "report", "--start", "2026-11-17", "--end", "2026-11-20",
        "--format", "html", "--output", page, now=NOW,
    )  # fmt: skip
    assert (done.code, "warning" in done.err) == (0, False), done.err
    assert "api-7d9c5b8f6b" in page.read_text("utf-8")
    for view in ("observations", "latest", "snapshots", "coverage", "alerts", "deliveries"):
        assert rows(lake, f"select count(*) as n from {view}")[0]["n"] >= 0  # noqa: S608 -- a test's own names


def test_the_doctor_finds_nothing_that_troubles_a_lake_of_the_first_version(lake: Path) -> None:
    """What an upgrade leaves behind, such as a cache of the older shape, is a notice."""
    done = eventlake("--lake", lake, "doctor", "--format", "json", now=NOW)
    assert done.code == 0, done.err
    assert {row["level"] for row in done.json()} <= {"notice"}


class _Upgraded:
    """The job of the newer version on the older lake, with the webhook that did not answer before."""

    def __init__(self, lake: Path, server: ApiServer, http: HTTPServer) -> None:
        self.lake, self.server = lake, server
        self.taken: list[dict[str, Any]] = []
        http.expect_request("/x", method="POST").respond_with_handler(self._take)
        (lake.parent / "address").write_text(http.url_for("/x"), "utf-8")
        self.config = lake.parent / "eventlake.yaml"
        receivers = [
            {"name": "log", "console_configs": [{"width": 100}]},
            {
                "name": "hook",
                "webhook_configs": [
                    {
                        "url_file": str(lake.parent / "address"),
                        "allow_http": True,
                        "allow_private": True,
                    }
                ],
            },
        ]
        self.config.write_text(
            yaml.safe_dump({"version": 1, "cluster": "prod", "receivers": receivers}), "utf-8"
        )
        self.kubeconfig = server.kubeconfig(lake.parent / "kubeconfig")

    def _take(self, request: Request) -> Response:
        self.taken.append(json.loads(request.get_data()))
        return Response(status=200)

    def run(self, now: datetime) -> Done:
        """Run the main job at ``now``."""
        self.server.expire(now)
        return eventlake(
            "--config", self.config, "--lake", self.lake, "run", "--kubeconfig", self.kubeconfig,
            now=now,
        )  # fmt: skip


def test_a_newer_version_goes_on_with_an_older_lake(lake: Path, httpserver: HTTPServer) -> None:
    """It counts on where the older one stopped, sends what that one left, once, and seals beside its days."""
    with ApiServer(now=NOW) as server:
        job = _Upgraded(lake, server, httpserver)
        server.add(event("late-0", at=NOW - timedelta(minutes=2), reason="BackOff"))
        done = job.run(NOW)
        assert done.code == 0, done.err
        # The two that were pending, and no digest of a day that was told already.
        assert len(job.taken) == 2
        assert job.run(NOW + timedelta(minutes=10)).code == 0
        assert len(job.taken) == 2
        assert _happened(lake) == [*HAPPENED[:2], ("late-0", "BackOff", 1), HAPPENED[2]]
        # The morning after: one digest, and the day of the upgrade is sealed.
        done = job.run(NOW + timedelta(days=1))
        assert done.code == 0, done.err
        assert len(job.taken) == 3
    assert list(lake.glob("days/cluster=prod/date=2026-11-19/*.parquet"))
    assert _happened(lake) == [*HAPPENED[:2], ("late-0", "BackOff", 1), HAPPENED[2]]
    assert rows(lake, "select count(*) as runs from snapshots") == [{"runs": 15}]
    done = eventlake("--lake", lake, "doctor", "--format", "json", now=NOW + timedelta(days=1))
    assert (done.code, done.json()) == (0, []), done.out


def test_a_lake_of_a_newer_format_is_refused_and_left_alone(lake: Path) -> None:
    """An older program would misread it, so that it says which of the two has to be newer."""
    marker = {"format": "eventlake", "version": FORMAT_VERSION + 1}
    (lake / "_lake.json").write_text(json.dumps(marker), "utf-8")
    before = contents(lake)
    for command in (["report", "daily_summary"], ["seal"], ["doctor"]):
        done = eventlake("--lake", lake, *command, now=NOW)
        assert done.code == 4
        assert "use a newer eventlake" in done.sentence
    assert contents(lake) == before
