"""The command line itself: help, options, environment, exit codes, messages, interruption."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from etl import __version__, ingest
from etl.cli import COMMANDS, cli
from etl.lake import append
from tests.lib import faults
from tests.lib.api_answers import encoded
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW, Done, contents, eventlake, ledger, parts, temporaries
from tests.lib.events import event
from tests.lib.loopback import Answer

ROOT = Path(__file__).parents[2]
WIDTH = 80


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, on a terminal of 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", str(WIDTH))


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """A dump of three events, as kubectl writes it."""
    with ApiServer() as server:
        items = [server.add(event(f"web-{n}", at=NOW)) for n in range(3)]
    path = tmp_path / "events.json"
    path.write_bytes(encoded({"kind": "List", "apiVersion": "v1", "items": items}))
    return path


def commands() -> Iterator[list[str]]:
    """All commands and subcommands, as they are typed."""
    context = click.Context(cli)
    for name in COMMANDS:
        yield [name]
        command = cli.get_command(context, name)
        if isinstance(command, click.Group):
            yield from ([name, below] for below in command.list_commands(context))


def usage(done: Done) -> str:
    """Return what the command line's mistake is called, and expect exit code 2 and no traceback."""
    assert done.code == 2, done.err
    assert "Traceback" not in done.err
    return done.err.splitlines()[-1]


def test_help_lists_every_command() -> None:
    """--help names every command with what it does, and the exit codes, in 80 columns."""
    done = eventlake("--help")
    assert (done.code, done.err) == (0, "")
    for name, (_module, _attribute, summary) in COMMANDS.items():
        assert f"  {name} " in done.out
        assert summary in done.out
    assert "Exit codes: 0 done" in done.out
    assert max(map(len, done.out.splitlines())) <= WIDTH
    assert eventlake("-h").out == done.out


@pytest.mark.parametrize("command", list(commands()), ids=" ".join)
def test_every_command_explains_itself(command: list[str]) -> None:
    """Each command has a help that begins with a sentence and fits 80 columns; nothing is run."""
    done = eventlake(*command, "--help")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].startswith(f"Usage: eventlake {' '.join(command)}")
    assert lines[2].strip()
    assert max(map(len, lines)) <= WIDTH
    assert contents(Path()) == {}


def test_no_command_shows_the_help() -> None:
    """Without a command the help is shown, on stderr, as nothing was done."""
    done = eventlake()
    assert (done.code, done.out) == (2, "")
    assert "Commands:" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["snapshoot"], "No such command 'snapshoot'."),
        (["report", "--formt", "csv"], "--format"),
        (["--lak", "x", "version"], "--lake"),
        (["report", "--format", "xml"], "'xml' is not one of"),
        (["snapshot", "--page-size", "0"], "0 is not in the range"),
        (["snapshot", "extra"], "unexpected extra argument"),
        (["import"], "PATH..."),
        (["import", "x", "--collected-at", "yesterday"], "'yesterday' is not a time"),
        (["--log-format", "xml", "version"], "'xml' is not one of"),
    ],
)
def test_mistyped_command_line(arguments: list[str], said: str) -> None:
    """What cannot be read is named, with what was meant perhaps; nothing is run."""
    assert said in usage(eventlake(*arguments))
    assert contents(Path()) == {}


def test_version() -> None:
    """The command and the option print the same version, which is the package's."""
    assert eventlake("version").out == f"{__version__}\n"
    assert eventlake("--version").out == f"eventlake {__version__}\n"


def test_environment_says_the_same_as_options(dump: Path, tmp_path: Path) -> None:
    """EVENTLAKE_* stand for the options, an option wins, and an empty variable says nothing."""
    environ = {
        "EVENTLAKE_LAKE": str(tmp_path / "one"),
        "EVENTLAKE_CLUSTER": "prod",
        "EVENTLAKE_QUIET": "1",
        "EVENTLAKE_CONFIG": "",
    }
    done = eventlake("import", dump, environ=environ)
    assert (done.code, done.err) == (0, "")
    assert [path.parts[-3] for path in parts(tmp_path / "one")] == ["cluster=prod"]
    assert eventlake("--lake", tmp_path / "two", "import", dump, environ=environ).code == 0
    assert len(parts(tmp_path / "two")) == 1
    done = eventlake("version", environ={"EVENTLAKE_LOG_FORMAT": "xml"})
    assert "'xml' is not one of" in usage(done)


def test_configuration_names_the_lake(dump: Path, tmp_path: Path) -> None:
    """The lake of the configuration is used where neither option nor environment names one."""
    config = tmp_path / "eventlake.yaml"
    config.write_text(f"lake: {tmp_path / 'configured'}\ncluster: prod\n", "utf-8")
    assert eventlake("--config", config, "import", dump).code == 0
    assert len(parts(tmp_path / "configured")) == 1


@pytest.mark.parametrize(
    "arguments",
    [["run"], ["snapshot"], ["import", "-"], ["report"], ["sql", "select 1"], ["coverage"],
     ["check"], ["digest"], ["deliver"], ["rules", "check"], ["rules", "list"], ["sample"]],
    ids=" ".join,
)  # fmt: skip
def test_wrong_configuration_stops_every_command(arguments: list[str], tmp_path: Path) -> None:
    """All mistakes come at once, each with file and key, before anything runs."""
    config = tmp_path / "eventlake.yaml"
    config.write_text("clustr: prod\nsource: {page_size: many, timeout: 1 hour}\n", "utf-8")
    done = eventlake("--config", config, *arguments)
    assert done.code == 2
    mistakes = done.err.removeprefix("error: ").splitlines()
    assert len(mistakes) == 3
    for mistake, key in zip(
        mistakes, ["clustr", "source.page_size", "source.timeout"], strict=True
    ):
        assert mistake.startswith(f"{config}: {key}: ")
    assert set(contents(Path())) == {"eventlake.yaml"}


@pytest.mark.parametrize("command", ["run", "rules check", "check", "digest"])
def test_wrong_rules_are_refused_with_the_rest(command: str, tmp_path: Path) -> None:
    """Unknown keys, bad patterns, SQL that is no SELECT and receivers without an address: all at once."""
    config = tmp_path / "eventlake.yaml"
    config.write_text(
        "groups:\n"
        "- name: mine\n"
        "  rules:\n"
        '  - {alert: Pattern, match: {reason: "=~(("}}\n'
        '  - {alert: Statement, expr: "drop table events"}\n'
        "  - {alert: Unknown, match: {colour: red}}\n"
        "receivers:\n"
        "- {name: chat, webhook_configs: [{}]}\n",
        "utf-8",
    )
    done = eventlake("--config", config, *command.split())
    assert done.code == 2
    for place in (
        "groups[0].rules[0].match.reason",
        "groups[0].rules[1].expr",
        "groups[0].rules[2].match.colour",
        "receivers[0].webhook_configs[0]",
    ):
        assert f"{config}: {place}" in done.err
    assert set(contents(Path())) == {"eventlake.yaml"}


def test_missing_configuration() -> None:
    """A configuration that is named and not there is a mistake, not a default."""
    done = eventlake("--config", "/no/such.yaml", "sample")
    assert (done.code, done.sentence) == (2, "/no/such.yaml: there is no such file")


def test_import_wants_a_cluster(dump: Path) -> None:
    """A dump does not say where it comes from, so the command asks."""
    done = eventlake("import", dump)
    assert done.code == 2
    assert "--cluster NAME" in done.sentence
    assert set(contents(Path())) == {"events.json"}


@pytest.mark.parametrize(
    ("content", "said"), [(None, "absent.json"), (b"", "no events"), (b"hello", "absent.json")]
)
def test_import_of_no_events_fails(content: bytes | None, said: str, tmp_path: Path) -> None:
    """A file that is not there, empty, or no dump ends with 2 and is named."""
    path = tmp_path / "absent.json"
    if content is not None:
        path.write_bytes(content)
    done = eventlake("--cluster", "prod", "import", path)
    assert done.code == 2
    assert said in done.sentence
    assert parts(Path("lake")) == []


@pytest.mark.parametrize("name", [".", "..", "a\nb", "x" * 300])
def test_impossible_cluster_name(name: str, dump: Path) -> None:
    """A name that cannot be a folder is refused."""
    done = eventlake("--cluster", name, "import", dump)
    assert done.code == 2
    assert "cluster's name" in done.sentence


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
    staged: list[Path] = []
    for number in range(6):
        apiserver.add(event(f"web-{number}", at=NOW))

    def busy(answer: Answer) -> Answer:
        while not staged:
            staged.extend(temporaries(Path("lake")))
        return faults.too_many_requests(9)(answer)

    apiserver.faults.add(busy, page=3)
    options = ("snapshot", "--page-size", 2)
    done = eventlake(*options, environ=world(apiserver, tmp_path), sleep=interrupted)
    assert done.code == 130
    assert staged
    assert (parts(Path("lake")), temporaries(Path("lake"))) == ([], [])
    assert ledger(Path("lake")) == []


def test_defect_shows_where_it_is(
    apiserver: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody expected ends with 1, a traceback and the request to report it."""

    def broken(*_: object) -> None:
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


def test_sample_twice_adds_nothing() -> None:
    """Loading the sample again changes no file."""
    first = eventlake("sample", "--output", "sample-lake")
    assert (first.code, first.out) == (0, "")
    before = contents(Path("sample-lake"))
    assert len(before) > 10
    assert eventlake("sample", "--output", "sample-lake").code == 0
    assert contents(Path("sample-lake")) == before


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
def test_reader_that_has_seen_enough(arguments: list[str], tmp_path: Path) -> None:
    """A reader that goes away, as head does, is no failure and gets no traceback."""
    assert eventlake("sample", "--output", tmp_path / "lake").code == 0
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
