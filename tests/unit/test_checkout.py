"""What is committed: nothing that is true on one machine only."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="a source archive has no index to look at")
def test_no_link_is_committed() -> None:
    """A link, such as one to an environment elsewhere, would replace what stands there in every checkout."""
    done = subprocess.run(
        ["git", "ls-files", "--stage"],  # noqa: S607 -- the git that made the checkout
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    files = done.stdout.splitlines()
    assert files
    assert [line for line in files if line.startswith("120000")] == []
