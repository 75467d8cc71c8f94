"""Forwarding to a file and to standard output: whole lines of JSON, whatever happens in between."""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from etl.config.forwarding import FileTarget, StdoutTarget, Target
from etl.forward.layout import Layout
from etl.forward.opening import Outside, opened
from etl.forward.sending import Message, Receipt
from etl.forward.targets.file import FileSender
from etl.forward.targets.stdout import StdoutSender
from tests.lib.digests import NOW
from tests.lib.forwarded import OLD, row

LAYOUT = Layout(Target(name="it", layout={"m": "{{ event.message }}"}))


def batch(*texts: str) -> list[Message]:
    """Return a message for each text."""
    return [LAYOUT.message(row(OLD, message=text)) for text in texts]


def lines(path: Path) -> list[str]:
    """Return the messages of a file, all of whose lines must be whole."""
    text = path.read_bytes()
    assert text.endswith(b"\n")
    return [json.loads(line)["m"] for line in text.decode().removesuffix("\n").split("\n")]


def test_batches_are_appended(tmp_path: Path) -> None:
    """One line each, in order, after what is there; also after the file was moved away."""
    path = tmp_path / "events.jsonl"
    sender = FileSender(FileTarget(path=str(path)))
    assert sender.send(batch("a", 'b "quoted"\nand more', "\u2028\x85")) == Receipt(3)
    assert sender.send(batch("d")) == Receipt(1)
    assert lines(path) == ["a", 'b "quoted"\nand more', "\u2028\x85", "d"]
    path.rename(tmp_path / "events.jsonl.1")
    assert sender.send(batch("e")) == Receipt(1)
    assert lines(path) == ["e"]
    sender.close()


def test_a_torn_line_is_taken_away(tmp_path: Path) -> None:
    """Wherever a crash cut the last batch, the next leaves whole lines: what was torn comes again."""
    path = tmp_path / "events.jsonl"
    sender = FileSender(FileTarget(path=str(path)))
    sender.send(batch("a", 'b\\ "中"'))
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        assert sender.send(batch("c")) == Receipt(1)
        # A document that lacks its line end alone is whole, and stays.
        kept = ["a", 'b\\ "中"'][: (cut >= first - 1) + (cut == len(whole) - 1)]
        assert lines(path) == [*kept, "c"]


def test_a_long_torn_line_is_found_whole(tmp_path: Path) -> None:
    """A line of many blocks is taken away to its beginning."""
    path = tmp_path / "events.jsonl"
    sender = FileSender(FileTarget(path=str(path)))
    sender.send(batch("a"))
    with path.open("ab") as file:
        file.write(b'{"m": "' + b"x" * 200_000)
    assert sender.send(batch("b")) == Receipt(1)
    assert lines(path) == ["a", "b"]


def test_what_is_no_line_of_ours_is_ended_and_kept(tmp_path: Path) -> None:
    """A text of somebody else without a line end is not ours to take away."""
    path = tmp_path / "notes"
    path.write_text("by hand")
    FileSender(FileTarget(path=str(path))).send(batch("a"))
    assert path.read_text() == 'by hand\n{"m":"a"}\n'


def test_a_full_disk_settles_nothing_and_leaves_no_half_line(tmp_path: Path) -> None:
    """What the disk took of a batch is taken back; the next try appends it once."""
    path = tmp_path / "events.jsonl"
    sender = FileSender(FileTarget(path=str(path)))
    sender.send(batch("a"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 7, hard))
    try:
        receipt = sender.send(batch("b", "c"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert receipt == Receipt(0, failure=f"cannot write {path}: File too large")
    assert lines(path) == ["a"]
    assert sender.send(batch("b", "c")) == Receipt(2)
    assert lines(path) == ["a", "b", "c"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """It is said which file cannot be written, and nothing is settled."""
    path = tmp_path / "missing" / "events.jsonl"
    receipt = FileSender(FileTarget(path=str(path))).send(batch("a"))
    assert receipt == Receipt(0, failure=f"cannot write {path}: No such file or directory")


def test_two_forwarders_do_not_mix_their_lines(tmp_path: Path) -> None:
    """Who finds the other writing waits; all lines are whole, and each one's are in order."""
    path = tmp_path / "events.jsonl"

    def write(name: str) -> None:
        sender = FileSender(FileTarget(path=str(path)))
        for number in range(20):
            sender.send(batch(*(f"{name}{number}.{one}" + "x" * 5000 for one in range(4))))

    threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [line.rstrip("x") for line in lines(path)]
    for name in "ab":
        own = [line for line in found if line.startswith(name)]
        assert own == [f"{name}{number}.{one}" for number in range(20) for one in range(4)]


def test_standard_output_gets_lines_and_nothing_else() -> None:
    """Each message is one line of JSON, in order."""
    stream = io.StringIO()
    sender = opened(Target(name="it", stdout=StdoutTarget()), Outside({}, stream, NOW))
    assert sender.send(batch("a\nb", "中\x9b")) == Receipt(2)
    sender.close()
    assert stream.getvalue() == '{"m":"a\\nb"}\n{"m":"中\\u009b"}\n'


def test_a_reader_that_went_away(capfd: pytest.CaptureFixture[str]) -> None:
    """A closed pipe settles nothing and is told."""
    del capfd
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w", encoding="utf-8")
    receipt = StdoutSender(stream).send(batch("a"))
    assert receipt == Receipt(0, failure="cannot write to standard output: Broken pipe")
    with pytest.raises(BrokenPipeError):
        stream.close()


@pytest.mark.parametrize(
    ("kind", "client"),
    [
        ("kafka: {brokers: ['x:1'], topic: t}", "confluent_kafka"),
        ("elasticsearch: {hosts: ['https://x:1']}", "elasticsearch"),
        ("opensearch: {hosts: ['https://x:1']}", "opensearchpy"),
    ],
)
def test_a_client_that_is_not_installed_is_named_with_its_extra(kind: str, client: str) -> None:
    """Whoever lacks an extra is told how to install it; the other kinds work without any."""
    extra = kind.partition(":")[0]
    code = f"""
import io, sys
sys.modules[{client!r}] = None
from pathlib import Path
from datetime import UTC, datetime
from etl.config.read import load
from etl.errors import UsageError
from etl.forward.opening import Outside, opened
outside = Outside({{}}, io.StringIO(), datetime(2026, 1, 1, tzinfo=UTC))
first, second = load(Path("/dev/stdin"), environ={{}}).forward.targets
assert opened(second, outside)
try:
    opened(first, outside)
except UsageError as error:
    print(error)
"""
    config = f"forward: {{targets: [{{name: a, {kind}}}, {{name: b, stdout: {{}}}}]}}"
    done = subprocess.run(
        [sys.executable, "-c", code], input=config, capture_output=True, text=True, check=True
    )
    assert f"pip install 'eventlake[{extra}]'" in done.stdout
