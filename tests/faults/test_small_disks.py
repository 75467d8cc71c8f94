"""Full and read-only disks: a clear error, a lake that answers as before, and a next run that heals."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Tally
from tests.lib import lake_jobs, small_disks
from tests.lib.lake_crashes import Unharmed, Work, unharmed
from tests.lib.lake_jobs import LATER
from tests.lib.processes import shared_out
from tests.lib.snapshots import dumped


def _import(lake: str) -> Work:
    """An import of a list into a lake that holds the one before it."""
    lake_jobs.import_lists(lake, "base", 0)
    return Work(lake, lake_jobs.import_lists, (1,))


def _seal(lake: str) -> Work:
    """Sealing of two days."""
    lake_jobs.import_lists(lake, "base", 0)
    return Work(lake, lake_jobs.seal, (LATER,))


def _made(make: Callable[[str], Work], folder: Path) -> tuple[Work, Unharmed]:
    work = make(str(folder / "base" / "lake"))
    (expected,) = shared_out(unharmed, [(work,)])
    return work, expected


@pytest.mark.parametrize("make", [_import, _seal])
def test_a_full_disk_fails_the_run_and_nothing_else(
    make: Callable[[str], Work], tmp_path: Path, tally: Tally
) -> None:
    """With one page of space more each time until it fits: an error, space given back, and a lake that heals."""
    work, expected = _made(make, tmp_path)
    disks = tmp_path / "disks"
    disks.mkdir()
    ((reason, errors),) = shared_out(small_disks.full, [(work, expected, str(disks))])
    if reason:
        pytest.skip(reason)
    assert len(errors) > 3
    for error in errors:
        # Of two days that are sealed the second one is tried, too: it may be small enough.
        assert re.match(r"LakeError: (2 of 2 days .*; the first, because: )?cannot write ", error)
        assert "No space left on device; check space" in error
    tally("disks filled up", len(errors))


def test_a_read_only_lake_refuses_to_be_written_and_answers(tmp_path: Path) -> None:
    """What writes ends with exit code 4 and what to do; what reads works."""
    work = _import(str(tmp_path / "base" / "lake"))
    disks = tmp_path / "disks"
    disks.mkdir()
    dump = str(dumped(tmp_path))
    commands = [
        ("--cluster", "prod", "import", dump),
        ("seal",),
        ("report", "daily_summary", "--day", "2026-11-20"),
        ("coverage",),
    ]
    ((reason, found),) = shared_out(small_disks.read_only, [(work, str(disks), commands)])
    if reason:
        pytest.skip(reason)
    *ended, before, after = found
    assert [code for code, _ in ended] == [4, 4, 0, 0]
    for _, sentence in ended[:2]:
        assert "Read-only file system" in sentence
        assert "mounted writable" in sentence
    assert after == before


@pytest.mark.parametrize("limit", [10, 3000, 6000])
def test_a_file_that_may_not_grow_leaves_no_trace(limit: int, tmp_path: Path) -> None:
    """Where the system cuts files off, by quota or limit, the import fails and the next one heals."""
    work, expected = _made(_import, tmp_path)
    (error,) = shared_out(small_disks.short, [(work, expected, str(tmp_path), limit)])
    assert "File too large" in error
