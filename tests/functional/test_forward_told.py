"""How a target is doing: in doctor, in metrics, in the digest's health, and when retention deletes what waits."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from etl.config.forwarding import Target
from etl.config.read import load
from etl.forward import health
from etl.forward.forwarder import state
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from tests.lib import lakes
from tests.lib.commandline import NOW, Done, eventlake
from tests.lib.forwarding import arrive

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
RUN = "20261123T060000.000000Z-00000001"
ROWS = """
uid | n | last_seen        | reason
a   | 1 | 2026-11-23 05:00 | BackOff
b   | 1 | 2026-11-22 05:00 | BackOff
b   | 2 | 2026-11-22 06:00 | BackOff
"""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake from which a target has begun to get what is new."""
    return lakes.empty(LocalFiles(tmp_path / "lake"))


@pytest.fixture
def ask(tmp_path: Path, lake: Lake) -> Callable[..., Done]:
    """Run a command with a target that fails as long as a folder stands in its way."""
    config = tmp_path / "c.yaml"
    config.write_text(
        "cluster: prod\nretention: {keep_days: 10}\n"
        f"forward: {{targets: [{{name: audit, file: {{path: {tmp_path / 'audit'}}}}}]}}\n"
    )
    ask = partial(eventlake, "--config", config, "--lake", lake.files.root)
    assert ask("forward", now=NOW - DAY).code == 0
    (tmp_path / "audit").mkdir()
    return ask


def line(done: Done, subject: str) -> str:
    """Return what doctor says of a subject, without the frame."""
    found = [one for one in done.json() if one["subject"] == subject]
    return f"{found[0]['level']}: {found[0]['detail']}" if found else ""


def test_doctor_and_metrics(tmp_path: Path, lake: Lake, ask: Callable[..., Done]) -> None:
    """What waits, since when, and why; and that it is over when it is over."""
    doctor = partial(ask, "doctor", "--live", "--format", "json")
    assert line(doctor(now=NOW), "target audit") == "ok: nothing waits"
    arrive(lake, RUN, ROWS)
    waits = "2 parts of 2 days wait since 2026-11-23T06:00:00Z"
    assert line(doctor(now=NOW), "target audit") == f"warn: {waits}"
    assert ask("forward", now=NOW).code == 5
    said = line(doctor(now=NOW), "target audit")
    assert said.startswith("fail: failing since 2026-11-23T08:00:00Z: cannot write")
    assert said.endswith(waits)
    assert ask("forward", now=NOW + MINUTE).code == 5
    told = list(health.lines(lake.files, targets(ask), now=NOW, language="en"))
    assert re.match(r"forwarding: audit has been failing since 2026-11-23T08:00", told[0])
    metrics = ask("metrics", now=NOW).out
    assert 'eventlake_forward_waiting_parts{cluster="prod",target="audit"} 2' in metrics
    assert 'eventlake_forward_oldest_timestamp_seconds{cluster="prod",target="audit"} ' in metrics
    (tmp_path / "audit").rmdir()
    assert ask("forward", now=NOW + 2 * MINUTE).code == 0
    assert list(health.lines(lake.files, targets(ask), now=NOW, language="zh")) == []
    assert line(doctor(now=NOW), "target audit") == "ok: nothing waits"
    metrics = ask("metrics", now=NOW).out
    assert re.search(r'forward_observations_total{.*"sent",target="audit"} 3', metrics)


def targets(ask: Callable[..., Done]) -> list[Target]:
    """Return the targets of the configuration."""
    config = ask.args[1]  # type: ignore[attr-defined]  # of the partial
    return list(load(Path(config), environ={}).forward.targets)


def test_what_retention_deletes_before_it_was_sent(lake: Lake, ask: Callable[..., Done]) -> None:
    """It is said, counted and told in the digest; a day that was sent goes without a word."""
    arrive(lake, RUN, ROWS)
    later = NOW + 10 * DAY - timedelta(hours=3)
    foretold = ask("retention", "--dry-run", now=later)
    assert "prod: 2 of these states, which audit never got, would be deleted" in foretold.err
    assert state(lake.files, "audit").deleted == 0  # type: ignore[union-attr]  # it ran once
    marked = ask("retention", now=later)
    assert "prod: 2 of these states, which audit never got, out of sight" in marked.err
    (told,) = health.lines(lake.files, targets(ask), now=later, language="en")
    assert "retention deleted 2 observations" in told
    metrics = ask("metrics", now=later).out
    assert re.search(r'forward_observations_total{.*"deleted".*} 2', metrics)
    assert "never got" not in ask("retention", now=later + 2 * MINUTE).err
