"""docs/forwarding.md: its tour gives what it shows, and every kind of target is in it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from etl.config.handing import KINDS
from etl.forward.context import NAMES
from tests.lib.commandline import eventlake

PAGE = (Path(__file__).parents[2] / "docs" / "forwarding.md").read_text("utf-8")


def test_the_tour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands write the line that it shows, as often as it says, and no more when they are repeated."""
    monkeypatch.chdir(tmp_path)
    tour = PAGE.partition("## A tour")[2].partition("\n## ")[0]
    (config,) = re.findall(r"```yaml\n(.*?)```", tour, re.DOTALL)
    Path("forward.yaml").write_text(config, "utf-8")
    (commands,) = re.findall(r"```sh\n(.*?)```", tour, re.DOTALL)
    told = []
    for line in commands.splitlines():
        done = eventlake(*shlex.split(line)[1:])
        assert done.code == 0, done.err
        told.append(done.out)
    written = Path("warnings.jsonl").read_text("utf-8").splitlines()
    (line,) = re.findall(r"```json\n(.*?)\n```", tour, re.DOTALL)
    (count,) = re.findall(r"the first of (\d+) lines", tour)
    assert (written[0], len(written)) == (line, int(count))
    assert told[2] == f"audit: {count} would be sent\n"
    assert eventlake("--lake", "lake", "--config", "forward.yaml", "forward").code == 0
    assert Path("warnings.jsonl").read_text("utf-8").splitlines() == written


def test_every_kind_and_every_name_is_told() -> None:
    """Whoever looks for a kind of target, or for a word of templates, finds it in a table."""
    cells = set(re.findall(r"^\| (.*?) \|", PAGE, re.MULTILINE))
    words = {word for cell in cells for word in re.findall(r"`(\w+)", cell)}
    assert {*KINDS, *NAMES} <= words
