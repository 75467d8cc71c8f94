"""``eventlake shell`` at a real terminal and from a pipe; ``kubectl eventlake`` as a plugin."""

from __future__ import annotations

import ctypes
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lib.api_answers import encoded
from tests.lib.commandline import NOW, eventlake
from tests.lib.events import event

ROOT = Path(__file__).parents[2]
ENDLESS = (
    "select count(*) from range(10000000000) a, range(1000) b where a.range * b.range % 7 = 3;"
)
_PATIENCE_SECONDS = 60
_SEQUENCES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One event; tests only read it."""
    path = tmp_path_factory.mktemp("shell") / "lake"
    document = encoded({"kind": "List", "apiVersion": "v1", "items": [event(at=NOW)]})
    done = eventlake("--lake", path, "--cluster", "prod", "import", "-", stdin=document)
    assert done.code == 0, done.err
    return path


class Terminal:
    """Somebody who types, and reads what is on the screen."""

    def __init__(self, process: subprocess.Popen[bytes], descriptor: int) -> None:
        """Speak to ``process`` by the terminal's own side."""
        self.process = process
        self._descriptor = descriptor
        self._unread = ""

    def expect(self, text: str) -> str:
        """Read until ``text`` stands on the screen; return what came before it."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while text not in self._unread:
            ready, _, _ = select.select([self._descriptor], [], [], deadline - time.monotonic())
            assert ready, f"waited for {text!r}, got {self._unread!r}"
            try:
                piece = os.read(self._descriptor, 4096)
            except OSError:
                piece = b""
            assert piece, f"it ended before {text!r} came: {self._unread!r}"
            self._unread = _SEQUENCES.sub("", self._unread + piece.decode())
        before, _, self._unread = self._unread.partition(text)
        return before

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._descriptor, text.encode())

    def left(self) -> int:
        """Wait until the command has ended; return its code."""
        return self.process.wait(_PATIENCE_SECONDS)


@contextmanager
def terminal(lake: Path, home: Path) -> Iterator[Terminal]:
    """Start the shell at a terminal of its own, so that Ctrl-C there is a signal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "etl", "--lake", lake, "shell"],
        cwd=ROOT,
        env={
            **os.environ,
            "HOME": str(home),
            "TERM": "dumb",
            "COLUMNS": "120",
            "XDG_STATE_HOME": "",
        },
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_own_terminal,  # noqa: PLW1509 -- it only asks the kernel, in the child
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _own_terminal() -> None:
    import fcntl  # noqa: PLC0415 -- in the child
    import termios  # noqa: PLC0415

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_a_conversation(lake: Path, tmp_path: Path) -> None:
    """Statements of several lines, the dot commands, a mistake that ends nothing, Ctrl-D that leaves."""
    with terminal(lake, tmp_path) as screen:
        screen.expect("eventlake> ")
        screen.type("select reason\n")
        screen.expect("...> ")
        screen.type("from events;\n")
        screen.expect("BackOff")
        screen.expect("eventlake> ")
        screen.type("selec 1;\n")
        screen.expect("LINE 1: selec 1;")
        screen.expect("eventlake> ")
        screen.type(".tables\n")
        screen.expect("observations")
        screen.expect("eventlake> ")
        screen.type(".nonsense\n")
        screen.expect(".help tells")
        screen.expect("eventlake> ")
        screen.type("\x04")
        assert screen.left() == 0
    history = tmp_path / ".local" / "state" / "eventlake" / "history"
    assert "from events;" in history.read_text()
    assert history.stat().st_mode & 0o077 == 0
    assert not (lake / "history").exists()


def test_ctrl_c_is_for_the_statement(lake: Path, tmp_path: Path) -> None:
    """It ends a statement that runs and drops what was typed; the shell goes on."""
    with terminal(lake, tmp_path) as screen:
        screen.expect("eventlake> ")
        screen.type("select 1 as half\n")
        screen.expect("...> ")
        screen.type("\x03")
        screen.expect("eventlake> ")
        screen.type(ENDLESS + "\n")
        screen.expect("b.range % 7 = 3;")
        # Readline has given the line away when its echo is complete; the statement begins then.
        time.sleep(0.3)
        screen.type("\x03")
        screen.expect("eventlake> ")
        screen.type("select 41 + 1 as n;\n")
        screen.expect("42")
        screen.type(".quit\n")
        assert screen.left() == 0


def test_sigterm_ends_the_shell(lake: Path, tmp_path: Path) -> None:
    """A node that is drained does not wait for Ctrl-D: 143."""
    with terminal(lake, tmp_path) as screen:
        screen.expect("eventlake> ")
        screen.process.send_signal(signal.SIGTERM)
        assert screen.left() == 143


def _another_thread(main: int) -> int:
    """Return a thread beside the main one that takes SIGTERM: an allocator's own blocks all signals."""
    for task in Path(f"/proc/{main}/task").iterdir():
        blocked = re.search(r"^SigBlk:\s*(\w+)$", (task / "status").read_text(), re.MULTILINE)
        assert blocked
        if int(task.name) != main and not int(blocked[1], 16) >> (signal.SIGTERM - 1) & 1:
            return int(task.name)
    raise AssertionError("no thread beside the main one takes SIGTERM")


def test_sigterm_ends_the_shell_also_where_it_wakes_nobody(lake: Path, tmp_path: Path) -> None:
    """Taken by another thread, as if it came just before the prompt began to wait: 143."""
    with terminal(lake, tmp_path) as screen:
        screen.expect("eventlake> ")
        main = screen.process.pid
        assert ctypes.CDLL(None).tgkill(main, _another_thread(main), signal.SIGTERM) == 0
        assert screen.left() == 143


def test_a_pipe_is_answered_without_a_prompt(lake: Path) -> None:
    """Statements from a file: answers alone on stdout, the last one also without its semicolon."""
    text = b"select reason\nfrom events;\n\n.schema snapshots\nselect n\nfrom events"
    done = eventlake("--lake", lake, "shell", stdin=text)
    assert (done.code, done.err) == (0, "")
    assert "BackOff" in done.out
    assert "snapshot_id" in done.out
    assert "eventlake>" not in done.out


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"select 1;\nselec 2;\nselect 3;\n", "selec"),
        (b"drop view events;", "exactly one SELECT"),
        (b"from read_text('/etc/hostname');", "out of reach"),
        (b".schema parts\n", ".schema wants one of"),
        (b".shell ls\n", "there is no '.shell' here"),
    ],
)
def test_the_first_mistake_of_a_pipe_ends_it(text: bytes, word: str, lake: Path) -> None:
    """A script stops with code 2 where it is wrong, and what comes after is not run."""
    done = eventlake("--lake", lake, "shell", stdin=text)
    assert done.code == 2
    assert word in done.err
    assert "3" not in done.out


def test_kubectl_finds_the_plugin(lake: Path, tmp_path: Path) -> None:
    """Kubectl runs kubectl-eventlake from the path with what stands behind; usage says what was typed."""
    plugin = tmp_path / "kubectl-eventlake"
    plugin.write_text(f"#!{sys.executable}\nfrom etl.__main__ import entrypoint\nentrypoint()\n")
    plugin.chmod(0o755)
    kubectl = tmp_path / "kubectl"
    kubectl.write_text('#!/bin/sh\nname="kubectl-$1"\nshift\nexec "$name" "$@"\n')
    kubectl.chmod(0o755)
    world = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}

    def called(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [kubectl, "eventlake", *map(str, arguments)],
            check=False,
            capture_output=True,
            text=True,
            env=world,
        )

    assert called("--help").stdout.startswith("Usage: kubectl eventlake [OPTIONS]")
    assert "kubectl eventlake events --help" in called("events", "--nonsense").stderr.replace(
        "'", ""
    )
    assert called("--lake", lake, "events", "-A", "-o", "name").stdout.startswith("event/web-0.")


def test_both_names_are_installed() -> None:
    """The wheel brings eventlake and kubectl-eventlake, which are the same."""
    import tomllib  # noqa: PLC0415

    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts["kubectl-eventlake"] == scripts["eventlake"]
