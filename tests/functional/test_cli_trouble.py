"""Commands that cannot do their work: lakes that are missing, newer or no folder; signals; defects; and how it is told."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from etl import ingest, intake
from etl.lake import append
from tests.lib import faults
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW, contents, eventlake, ledger, parts, staged, temporaries
from tests.lib.events import event
from tests.lib.loopback import Answer
from tests.lib.snapshots import dumped

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """A dump of three events, as kubectl writes it."""
    return dumped(tmp_path)


READING = [["report"], ["sql", "select 1"], ["coverage"], ["check"], ["digest"], ["deliver"]]


WRITING = [
    ["snapshot"],
    ["import", "events.json"],
    ["sample"],
    ["--lake", "lake", "run", "--sample"],
]


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_missing_lake(arguments: list[str]) -> None:
    """A question to a lake that is not there says so, and makes none."""
    done = eventlake("--lake", "nowhere", *arguments)
    assert done.code == 4
    assert done.sentence.startswith("there is no lake at nowhere; ")
    assert contents(Path()) == {}


def world(server: ApiServer, tmp_path: Path) -> dict[str, str]:
    """The environment of commands that write."""
    path = server.kubeconfig(tmp_path / "kubeconfig")
    return {"KUBECONFIG": str(path), "EVENTLAKE_CLUSTER": "prod"}


@pytest.mark.parametrize("arguments", READING + WRITING, ids=" ".join)
def test_lake_of_a_newer_format(
    arguments: list[str], dump: Path, apiserver: ApiServer, tmp_path: Path
) -> None:
    """A lake that a newer version wrote is refused and left as it was."""
    assert dump.exists()
    marker = tmp_path / "lake" / "_lake.json"
    marker.parent.mkdir()
    marker.write_text('{"format": "eventlake", "version": 99}')
    done = eventlake(*arguments, environ=world(apiserver, tmp_path))
    assert done.code == 4
    assert "use a newer eventlake" in done.sentence
    assert list(contents(marker.parent)) == ["_lake.json"]


@pytest.mark.parametrize("arguments", READING + WRITING, ids=" ".join)
def test_file_in_place_of_the_lake(
    arguments: list[str], dump: Path, apiserver: ApiServer, tmp_path: Path
) -> None:
    """A file where the folder should be is told in one sentence, and stays."""
    assert dump.exists()
    (tmp_path / "lake").write_text("not a folder")
    done = eventlake(*arguments, environ=world(apiserver, tmp_path))
    assert done.code == 4
    assert "lake" in done.sentence
    assert (tmp_path / "lake").read_text() == "not a folder"


def test_unknown_kind_of_store(dump: Path) -> None:
    """A URL that is no object store is refused and never taken for the name of a folder."""
    done = eventlake("--lake", "ftp://bucket/lake", "--cluster", "prod", "import", dump)
    assert done.code == 2
    assert "s3://BUCKET/PREFIX" in done.sentence
    assert set(contents(Path())) == {"events.json"}


def interrupted(*_: object) -> None:
    """What Ctrl-C does."""
    raise KeyboardInterrupt


def test_interrupted_wait(apiserver: ApiServer, tmp_path: Path) -> None:
    """Ctrl-C while waiting for another try ends with 130; the lake has neither parts nor temporaries."""
    apiserver.add(event(at=NOW))
    apiserver.faults.add(faults.failing(503))
    done = eventlake("snapshot", environ=world(apiserver, tmp_path), sleep=interrupted)
    assert done.code == 130
    assert "Traceback" not in done.err
    assert "interrupted" in done.err
    assert (parts(Path("lake")), temporaries(Path("lake"))) == ([], [])


def test_interrupted_with_parts_on_disk(
    apiserver: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C when pages were written to temporary files already leaves none of them."""
    monkeypatch.setattr(append, "HELD_BYTES", 1)
    monkeypatch.setattr(intake, "PAGES_READ_AHEAD", 0)
    for number in range(6):
        apiserver.add(event(f"web-{number}", at=NOW))

    def busy(answer: Answer) -> Answer:
        assert staged(Path("lake"))
        return faults.too_many_requests(9)(answer)

    apiserver.faults.add(busy, page=3)
    options = ("snapshot", "--page-size", 2)
    done = eventlake(*options, environ=world(apiserver, tmp_path), sleep=interrupted)
    assert done.code == 130
    assert (parts(Path("lake")), temporaries(Path("lake"))) == ([], [])
    assert ledger(Path("lake")) == []


def test_terminated_job(apiserver: ApiServer, tmp_path: Path) -> None:
    """SIGTERM, by which a node is drained, ends the job at once, with 143 and without temporaries."""
    path = apiserver.kubeconfig(tmp_path / "kubeconfig")
    apiserver.faults.add(faults.hang(seconds=60))
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "etl",
            "--lake",
            tmp_path / "lake",
            "snapshot",
            "--kubeconfig",
            path,
        ],
        cwd=ROOT,
        stderr=subprocess.PIPE,
    ) as process:
        while not apiserver.requests and process.poll() is None:
            time.sleep(0.01)
        process.terminate()
        _, said = process.communicate()
    assert (process.returncode, temporaries(tmp_path / "lake")) == (143, [])
    assert said == b"warning: interrupted; what was not published is discarded\n"


def test_defect_shows_where_it_is(
    apiserver: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody expected ends with 1, a traceback and the request to report it."""

    def broken(*_: object, **__: object) -> None:
        message = "what nobody expected"
        raise RuntimeError(message)

    monkeypatch.setattr(ingest, "take_snapshot", broken)
    done = eventlake("snapshot", environ=world(apiserver, tmp_path))
    assert done.code == 1
    assert "error: this is a defect of eventlake" in done.err
    assert done.err.rstrip().endswith("RuntimeError: what nobody expected")


def test_quiet_keeps_warnings_and_errors(apiserver: ApiServer, tmp_path: Path) -> None:
    """--quiet holds back what went well, never what did not."""
    environ = world(apiserver, tmp_path)
    assert eventlake("--quiet", "snapshot", environ=environ).err == ""
    apiserver.add(event(at=NOW))
    apiserver.faults.add(faults.altered_items(lambda items: items.append(None)))
    assert eventlake("-q", "snapshot", environ=environ).err.startswith("warning: not in the lake")
    apiserver.revoke(apiserver.token)
    assert "(401)" in eventlake("-q", "snapshot", environ=environ).sentence


def test_json_log_is_json_alone(apiserver: ApiServer, tmp_path: Path) -> None:
    """--log-format json makes every line of stderr an object, errors and results included."""
    apiserver.faults.add(faults.failing(503))
    environ = {**world(apiserver, tmp_path), "EVENTLAKE_LOG_FORMAT": "json"}
    lines = eventlake("snapshot", environ=environ).err.splitlines()
    apiserver.revoke(apiserver.token)
    lines += eventlake("snapshot", environ=environ).err.splitlines()
    entries = [json.loads(line) for line in lines]
    assert [entry["level"] for entry in entries] == ["info", "info", "error"]
    assert entries[0]["message"].startswith("the server answered 503")
    assert entries[1]["message"].startswith("prod: 0 events listed")
    assert "(401)" in entries[2]["message"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["report"],
        ["report", "top_reasons", "--format", "csv"],
        ["sql", "select message from events"],
        ["rules", "list"],
    ],
    ids=" ".join,
)
def test_reader_that_has_seen_enough(arguments: list[str], dump: Path, tmp_path: Path) -> None:
    """A reader that goes away, as head does, is no failure and gets no traceback."""
    assert eventlake("--lake", "lake", "--cluster", "prod", "import", dump).code == 0
    with subprocess.Popen(
        [sys.executable, "-m", "etl", "--lake", tmp_path / "lake", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        with contextlib.closing(process.stdout):
            # Closed before a byte is read, so that even an answer below a pipe's size cannot be written.
            pass
        said = process.stderr.read().decode()
    assert (process.returncode, said) == (0, "")
