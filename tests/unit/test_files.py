"""Files of a lake: whole or not at all, durable, exclusive where asked, refused in words."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from etl.errors import LakeError
from etl.lake.files import TEMPORARY_PREFIX, Files
from etl.lake.folders import LocalFiles

ROOT = Path(__file__).parents[2]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A lake's files in a folder that does not exist yet."""
    return LocalFiles(tmp_path / "deep" / "lake")


def _everything(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def _filling(data: bytes) -> Callable[[BinaryIO], None]:
    def fill(file: BinaryIO) -> None:
        file.write(data)

    return fill


def test_what_was_written_is_read(files: Files, tmp_path: Path) -> None:
    """Write makes the folders it needs and leaves nothing but the file."""
    files.write("a/b/c.bin", b"one")
    assert files.read("a/b/c.bin") == b"one"
    assert _everything(tmp_path) == ["deep/lake/a/b/c.bin"]


def test_writing_again_replaces(files: Files) -> None:
    """The newest content stands, also if it is shorter."""
    files.write("a.bin", b"a long one")
    files.write("a.bin", b"two")
    assert files.read("a.bin") == b"two"


def test_a_reader_never_sees_half_a_file(files: Files) -> None:
    """While one writer replaces a file over and over, every read is one of its whole contents."""
    contents = [bytes([letter]) * 200_000 for letter in b"abc"]
    files.write("a.bin", contents[0])
    done = threading.Event()

    def write() -> None:
        for turn in range(60):
            files.write("a.bin", contents[turn % 3])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = []
    while not done.is_set():
        seen.append(files.read("a.bin"))
    writer.join()
    assert all(content in contents for content in seen)


def test_a_missing_file_is_not_found(files: Files) -> None:
    """Reading what is not there raises FileNotFoundError, so that callers can tell it from trouble."""
    with pytest.raises(FileNotFoundError):
        files.read("a.bin")


def test_create_is_exclusive(files: Files, tmp_path: Path) -> None:
    """Only the first create writes; the second one changes nothing and says so."""
    assert files.create("m.json", b"first") is True
    assert files.create("m.json", b"second") is False
    assert files.read("m.json") == b"first"
    assert _everything(tmp_path) == ["deep/lake/m.json"]


def test_of_many_that_create_one_wins(files: Files, tmp_path: Path) -> None:
    """When many create the same file at once, exactly one is told that it did, and its content stands."""
    start = threading.Barrier(8)
    won: list[int] = []

    def create(number: int) -> None:
        start.wait()
        if files.create("m.json", str(number).encode()):
            won.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert files.read("m.json") == str(won[0]).encode()
    assert _everything(tmp_path) == ["deep/lake/m.json"]


def test_a_listing_is_sorted_and_relative(files: Files) -> None:
    """All files below a folder come with their path in the lake, in order."""
    for path in ("b/2", "b/1", "a/x/3", "c"):
        files.write(path, b"")
    assert files.list("b") == ["b/1", "b/2"]
    assert files.list("a") == ["a/x/3"]
    assert files.list("") == ["a/x/3", "b/1", "b/2", "c"]


def test_a_missing_folder_lists_nothing(files: Files) -> None:
    """A tree that no run has written yet is an empty one."""
    assert files.list("parts") == []


def test_what_a_crash_left_behind_is_not_listed(files: Files) -> None:
    """Temporary files are no files of the lake."""
    files.write("parts/1", b"")
    left = Path(files.location(f"parts/{TEMPORARY_PREFIX}0123"))
    left.write_bytes(b"half")
    assert files.list("parts") == ["parts/1"]
    assert files.list("") == ["parts/1"]


def test_a_staged_file_is_invisible_until_published(files: Files) -> None:
    """A staged file can be opened by its writer, has no name in the lake, and gets it by publish."""
    staged = files.stage("parts/1", _filling(b"rows"))
    assert files.list("") == []
    with staged.open() as file:
        assert file.read() == b"rows"
    assert staged.path == "parts/1"
    staged.publish()
    assert files.list("") == ["parts/1"]
    assert files.read("parts/1") == b"rows"


def test_a_discarded_file_leaves_nothing(files: Files, tmp_path: Path) -> None:
    """Discard gives the space back, may be called twice, and does nothing after publish."""
    staged = files.stage("parts/1", _filling(b"rows"))
    staged.discard()
    staged.discard()
    assert _everything(tmp_path) == []
    staged = files.stage("parts/1", _filling(b"rows"))
    staged.publish()
    staged.discard()
    assert files.read("parts/1") == b"rows"


def test_a_writer_that_fails_leaves_nothing(files: Files, tmp_path: Path) -> None:
    """Whatever the writer raises comes out as it is, and its half file is gone."""

    def fill(file: BinaryIO) -> None:
        file.write(b"half")
        message = "interrupted"
        raise KeyboardInterrupt(message)

    with pytest.raises(KeyboardInterrupt, match="interrupted"):
        files.stage("parts/1", fill)
    assert _everything(tmp_path) == []


def test_a_file_that_cannot_take_its_name_leaves_nothing(files: Files, tmp_path: Path) -> None:
    """Where the rename is refused, the error names the file and the temporary is removed."""
    files.write("parts/1/inside", b"")
    with pytest.raises(LakeError, match="parts/1 in the lake"):
        files.write("parts/1", b"rows")
    assert _everything(tmp_path) == ["deep/lake/parts/1/inside"]


def test_deleting_twice_is_fine(files: Files) -> None:
    """A deleted file is gone, and one that is not there needs no deletion."""
    files.write("a.bin", b"")
    files.delete("a.bin")
    files.delete("a.bin")
    assert files.list("") == []


def test_every_refusal_is_a_lake_error_with_advice(tmp_path: Path) -> None:
    """A lake below a file can do nothing, and each method says so in words a user can act on."""
    (tmp_path / "file").write_bytes(b"")
    files = LocalFiles(tmp_path / "file" / "lake")
    calls: dict[str, Callable[[], object]] = {
        "list": lambda: files.list("parts"),
        "read": lambda: files.read("a"),
        "write": lambda: files.write("a", b""),
        "create": lambda: files.create("a", b""),
        "stage": lambda: files.stage("a", _filling(b"")),
        "delete": lambda: files.delete("a"),
    }
    for name, call in calls.items():
        with pytest.raises(LakeError, match="Not a directory") as caught:
            call()
        assert str(tmp_path / "file" / "lake") in str(caught.value), name
        if name not in {"list", "read"}:
            assert "check space, permissions and that the volume is mounted writable" in str(
                caught.value
            )
        assert caught.value.exit_code == 4


def test_a_tree_that_cannot_be_read_is_not_an_empty_one(tmp_path: Path) -> None:
    """A file where a folder should be is an error: an unreadable lake must not look like a quiet one."""
    (tmp_path / "parts").write_bytes(b"")
    with pytest.raises(LakeError, match="parts/cluster=c"):
        LocalFiles(tmp_path).list("parts/cluster=c")


_TOO_LARGE = """
import resource, sys
from pathlib import Path
from etl.errors import LakeError
from etl.lake.folders import LocalFiles
files = LocalFiles(Path(sys.argv[1]))
files.write("a.bin", b"old")
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for write in (files.write, files.create):
    try:
        write("a.bin" if write == files.write else "b.bin", b"x" * 1_000_000)
    except LakeError as error:
        print(error)
"""


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """Where the system takes no more bytes, the old content stays, and no temporary eats the space."""
    done = subprocess.run(
        [sys.executable, "-c", _TOO_LARGE, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.stdout.count("File too large; check space") == 2, done.stderr
    assert _everything(tmp_path) == ["a.bin"]
    assert (tmp_path / "a.bin").read_bytes() == b"old"


def test_content_and_names_are_synced(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a file has its name its bytes are synced, afterwards its folder; new folders sync theirs."""
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        names = sorted(p.name for p in path.iterdir()) if path.is_dir() else []
        synced.append(f"{path.name[:5]} {names}" if names else path.name[:5])
        real(descriptor)

    files.write("first", b"")
    monkeypatch.setattr(os, "fsync", fsync)
    files.write("a/b/c.bin", b"rows")
    assert synced == ["lake ['a', 'first']", "a ['b']", ".tmp-", "b ['c.bin']"]
    synced.clear()
    files.create("a/b/d.bin", b"rows")
    assert [entry.split()[0] for entry in synced] == [".tmp-", "b"]
    assert "d.bin" in synced[-1]


def test_names_of_folders_that_a_killed_run_made_are_synced(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is there may be one whose name no disk has yet: its parent is synced before a file in it is promised."""
    files.write("first", b"")
    Path(files.location("a/b")).mkdir(parents=True)
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name[:5])
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    files.write("a/b/c.bin", b"rows")
    assert synced == ["lake", "a", ".tmp-", "b"]


def test_a_relative_folder_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lake named relative to the current folder is the same lake, and locations are absolute."""
    monkeypatch.chdir(tmp_path)
    files = LocalFiles(Path("lake"))
    files.write("parts/1", b"rows")
    assert files.root == "lake"
    assert files.list("parts") == ["parts/1"]
    assert files.location("parts/1") == str(tmp_path / "lake" / "parts" / "1")
