"""Messages as JSON: every line of a run is an object that says when, how bad, what, which run and which cluster."""

from __future__ import annotations

import json
import logging
import warnings
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.ledger import Entry
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW, Done, eventlake, ledger
from tests.lib.snapshots import filled
from tests.lib.watching import Watched

LEVELS = {"debug", "info", "notice", "warning", "error", "critical"}


def lines(done: Done) -> list[dict[str, Any]]:
    """Return every line on standard error; each has to be an object with all that is promised."""
    found = [json.loads(line) for line in done.err.splitlines()]
    assert found
    for line in found:
        assert {"time", "level", "logger", "message", "run"} <= line.keys()
        assert datetime.fromisoformat(line["time"]).utcoffset() == timedelta(0)
        assert line["level"] in LEVELS
        assert len(line["run"]) == 8
    assert len({line["run"] for line in found}) == 1
    return found


@pytest.fixture
def watched(tmp_path: Path, apiserver: ApiServer) -> Watched:
    """A cluster with three events."""
    filled(apiserver, 3)
    return Watched(tmp_path, apiserver, metrics="{}")


def test_every_line_of_a_run_is_an_object(watched: Watched, apiserver: ApiServer) -> None:
    """Also the digest of the console, which is one line, and what the listing thread says."""
    watched.more = "digest: {at: '00:00'}\n"
    assert watched.run("snapshot", now=NOW - timedelta(days=1)).code == 0
    apiserver.now = NOW
    found = lines(watched.run(log_format="json"))
    assert {line.get("cluster") for line in found} == {"prod"}
    (digest,) = [line for line in found if line["logger"] == "etl.commands.digest"]
    assert digest["level"] == "notice"
    assert "\n" in digest["message"]
    assert found[0]["run"] in ledger(watched.lake)[-1]["snapshot_id"]


def test_a_failure_is_an_object(watched: Watched, apiserver: ApiServer) -> None:
    """The error that ends the command, and what was tried before it, name the cluster."""
    apiserver.revoke(apiserver.token)
    done = watched.run("snapshot", log_format="json")
    assert done.code == 3
    last = lines(done)[-1]
    assert (last["level"], last["cluster"]) == ("error", "prod")


def test_mistakes_of_the_command_line_are_objects(tmp_path: Path) -> None:
    """An unknown option or command, and a configuration that is wrong."""
    config = tmp_path / "config.yaml"
    config.write_text("nonsense: 1\n")
    for arguments in (("run", "--nonsense"), ("nonsense",), ("--config", config, "run")):
        done = eventlake("--log-format", "json", *arguments)
        assert done.code == 2
        assert "nonsense" in lines(done)[-1]["message"]


def test_a_defect_is_an_object_with_its_traceback(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, whatever the traceback looks like; libraries' messages and warnings are lines too."""

    def broken(*_arguments: object, **_options: object) -> Entry:
        logging.getLogger("somebody.else").warning("a library\nspeaks")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("a warning", stacklevel=1)
        message = "two\nlines"
        raise RuntimeError(message)

    monkeypatch.setattr("etl.commands.snapshot.snapshot_now", broken)
    # Those of pytest; a process has none.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    done = watched.run("snapshot", log_format="json")
    assert done.code == 1
    found = lines(done)
    assert [line["logger"] for line in found] == ["somebody.else", "py.warnings", "etl.cli"]
    assert "RuntimeError: two\nlines" in found[-1]["traceback"]
    assert Lake(LocalFiles(watched.lake)).ledger() == []
