"""docs/migrating.md shows what ``eventlake migrate`` writes, and names each kind of sink and receiver."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from etl.forward import context
from etl.migrate import eventer, exporter_receivers
from tests.lib.commandline import eventlake

PAGE = (Path(__file__).parents[2] / "docs" / "migrating.md").read_text("utf-8")
PAIRS = re.findall(r"```text\n(.*?)```.*?```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("number", [0, 1])
def test_what_you_write_is_what_the_command_writes(number: int, tmp_path: Path) -> None:
    """The configuration beside what somebody had is the one that the command makes of it."""
    had, write = PAIRS[number]
    path = tmp_path / "had.yaml"
    path.write_text(had, "utf-8")
    done = eventlake("migrate", path)
    assert done.code == 0, done.err
    assert yaml.safe_load(done.out) == yaml.safe_load(write)


def test_there_are_as_many_pairs_as_are_tried() -> None:
    """A new pair is tried too."""
    assert len(PAIRS) == 2


def test_every_kind_is_named() -> None:
    """Each sink of kube-eventer and each receiver of kubernetes-event-exporter stands in its table."""
    _, _, below = PAGE.partition("\n## kube-eventer\n")
    ours, _, theirs = below.partition("\n## kubernetes-event-exporter")
    for kinds, text in (
        (eventer.KINDS | eventer.REFUSED, ours),
        (exporter_receivers.KINDS | exporter_receivers.REFUSED, theirs.partition("\n## ")[0]),
    ):
        named = set(re.findall(r"`(\w+)`", text))
        assert kinds <= named


def test_every_name_of_a_template_is_told() -> None:
    """What a leaf may name stands in docs/forwarding.md."""
    page = (Path(__file__).parents[2] / "docs" / "forwarding.md").read_text("utf-8")
    told = set(re.findall(r"`(\w+)(?:\([^`]*\))?`", page))
    assert told >= context.NAMES
