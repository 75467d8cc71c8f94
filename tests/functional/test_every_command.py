"""Every command on a lake in a folder and on one in a bucket: the same codes, and the same answers."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from etl.cli import COMMANDS
from etl.lake.files import Files
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW, eventlake
from tests.lib.events import event
from tests.lib.snapshots import dumped
from tests.lib.storages import Storages

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
JSON = ("--format", "json")
# What is on standard input: the shell alone reads it.
TYPED = b"select count(*) || ' events' as found\nfrom events;\n"
# What each command is asked, and what it has to say; in an order in which each has something to do.
SCRIPT: list[tuple[timedelta, tuple[str, ...], str]] = [
    (-12 * DAY, ("snapshot",), "1 events listed"),
    (-12 * DAY + 10 * MINUTE, ("snapshot",), "0 new"),
    (-2 * DAY, ("import", "events.json"), "3 new states"),
    (-2 * DAY, ("sql", "select count(*) as n from events", *JSON), '"n": 4'),
    (-1 * DAY, ("seal",), "2026-11-11 sealed, 1 states"),
    (-1 * DAY, ("seal",), "nothing is due"),
    (-1 * DAY, ("report", "top_reasons", "--since", "14d", *JSON), '"reason": "BackOff"'),
    (-1 * DAY, ("shell",), "4 events"),
    (-1 * DAY, ("views",), "create or replace temp view events as"),
    (-1 * DAY, ("coverage", "--since", "14d", *JSON), '"covered"'),
    (-1 * DAY, ("check",), ""),
    (-1 * DAY, ("rules", "list"), "NodeNotReady"),
    (-1 * DAY, ("receivers", "list"), "console[0]"),
    (-1 * DAY, ("migrate", "--sink", "log"), "stdout"),
    (-1 * DAY, ("retention",), "2026-11-11 out of sight"),
    (-1 * DAY + 2 * HOUR, ("retention",), "2026-11-11 deleted"),
    (-1 * DAY + 2 * HOUR, ("sql", "select count(*) as n from events", *JSON), '"n": 3'),
    (-1 * DAY + 2 * HOUR, ("run",), "events listed"),
    (2 * HOUR, ("run",), "digest sent to"),
    (2 * HOUR + 10 * MINUTE, ("digest", "--at", "2026-11-23T09:00:00Z", "--dry-run"), "prod"),
    (2 * HOUR + 20 * MINUTE, ("deliver",), ""),
    (2 * HOUR + 20 * MINUTE, ("forward", "--from", "2026-11-01"), "lines: 3 sent"),
    (
        2 * HOUR + 30 * MINUTE,
        ("silence", "add", "severity=info", "--for", "1d", "-c", "x"),
        "2026-11-24T10:30:00Z",
    ),
    (2 * HOUR + 30 * MINUTE, ("silence", "list"), "severity"),
    (2 * HOUR + 25 * MINUTE, ("retire", "prod", "-c", "moved"), "prod is retired"),
    (2 * HOUR + 30 * MINUTE, ("switch", "off", "NodeNotReady"), "NodeNotReady is off"),
    (2 * HOUR + 30 * MINUTE, ("sql", "select count(*) as n from deliveries", *JSON), '"n": 2'),
    (3 * HOUR, ("events", "-A", "--since", "14d"), "web-001"),
    (3 * HOUR, ("timeline", "pod/web-001", "-n", "shop", "--since", "14d"), "web-001"),
    (3 * HOUR, ("redact", "--match", "(?i)back-off"), "prod: 2026-11-2"),
    (3 * HOUR, ("doctor", *JSON), "[]"),
    (3 * HOUR, ("metrics",), "eventlake_coverage_ratio{"),
    (5 * HOUR, ("sample",), "sample"),
    (5 * HOUR, ("version",), "0.1.0"),
]


def test_the_script_has_every_command() -> None:
    """A new command is tried on every kind of storage too."""
    # It goes on until a signal, and its steps are those of run.
    endless = {"schedule"}
    assert {command[0] for _, command, _ in SCRIPT} == set(COMMANDS) - endless


def test_every_command(
    files: Files,
    storages: Storages,
    apiserver: ApiServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each does its work, whatever the lake lies in, and leaves only what belongs into a lake."""
    monkeypatch.chdir(tmp_path)
    dumped(tmp_path)
    config = tmp_path / "config.yaml"
    kubeconfig = apiserver.kubeconfig(tmp_path / "kubeconfig")
    config.write_text(
        f"source: {{kubeconfig: {kubeconfig}}}\nretention: {{keep_days: 10}}\n"
        "forward: {targets: [{name: lines, stdout: {}}]}\n"
    )
    ask = partial(eventlake, "--config", config, "--lake", files.root, environ=storages.environ)
    for number, (after, command, said) in enumerate(SCRIPT):
        now = NOW + after
        apiserver.now = now
        if number == 0:
            apiserver.add(event("api-1", at=now))
        done = ask("--cluster", "prod", *command, now=now, stdin=TYPED)
        assert done.code == 0, (command, done.err)
        assert said in done.out + done.err, (command, done.out, done.err)
    trees = {path.partition("/")[0] for path in files.list("")}
    kept = {
        "_lake.json",
        "alerts",
        "days",
        "forward",
        "live",
        "outbox",
        "parts",
        "retired",
        "silences",
        "snapshots",
        "switches",
    }
    assert trees - {"_probe"} == kept
