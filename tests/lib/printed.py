"""Pages that show what a command prints: asked again, and compared or written anew.

``python -m tests.lib.printed`` writes the answers of docs/timeline.md anew. In a page a
command stands in a block ``sh`` and its answer in the block ``text`` below it.
"""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.lib.commandline import eventlake
from tests.lib.fixtures import json_files

TIMELINE = Path(__file__).parents[2] / "docs" / "timeline.md"
# The lists that hold the incidents of the page, by the name that the page gives their cluster.
_INCIDENTS = {
    "sonobuoy": ("vmware-tanzu-sonobuoy", ""),
    "ckad": ("jgyy-ckad", ""),
    "troubleshoot": ("replicatedhq-troubleshoot", "analyze-files-events"),
}
_COLUMNS = "100"
_NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
_ANSWERED = re.compile(
    r"```sh\n(?P<line>eventlake [^\n]*)\n```\n\n```text\n(?P<answer>.*?)```\n", re.DOTALL
)


def incidents(folder: Path) -> Path:
    """Import the incidents of the page into a lake in ``folder``; return it."""
    lake = folder / "incidents"
    for cluster, (source, below) in _INCIDENTS.items():
        files = json_files(source, below)
        done = eventlake("--lake", lake, "--cluster", cluster, "import", *files, now=_NOW)
        assert done.code == 0, done.err
    return lake


def replaced(page: str, lake: Path) -> str:
    """Return ``page`` with every answer as the command gives it on 100 columns."""

    def asked(match: re.Match[str]) -> str:
        words = shlex.split(match["line"])[1:]
        words = [str(lake) if word == "incidents" else word for word in words]
        done = eventlake(*words, now=_NOW)
        assert (done.code, done.err) == (0, ""), done.err
        return f"```sh\n{match['line']}\n```\n\n```text\n{done.out}```\n"

    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = _COLUMNS
    try:
        return _ANSWERED.sub(asked, page)
    finally:
        os.environ.pop("COLUMNS")
        if before is not None:
            os.environ["COLUMNS"] = before


def main() -> None:
    """Write the answers of the page anew."""
    with tempfile.TemporaryDirectory() as folder:
        page = TIMELINE.read_text("utf-8")
        TIMELINE.write_text(replaced(page, incidents(Path(folder))), "utf-8")


if __name__ == "__main__":
    main()
