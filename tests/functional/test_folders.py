"""The folder that digests are written into."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from etl.config.receivers import FileConfig, Receiver
from etl.timespan import Window
from tests.lib.digests import HOSTILE, MORNING, WINDOW, strange
from tests.lib.sending import sender


def folder(path: Path, **more: Any) -> Receiver:
    """Return a receiver that writes into a folder."""
    return Receiver(name="files", file_configs=[FileConfig(folder=str(path), **more)])


@pytest.mark.parametrize(
    ("form", "suffix", "words"),
    [
        ("json", ".json", '"critical":1'),
        ("markdown", ".md", "### 🔴 Critical"),
        ("text", ".txt", "CRITICAL"),
        ("html", ".html", "<table"),
    ],
)
def test_each_form_is_a_whole_file(tmp_path: Path, form: str, suffix: str, words: str) -> None:
    """One file per digest, named by its time, and nothing unfinished beside it."""
    out = tmp_path / "out" / "digests"
    made = sender(tmp_path / "lake", folder(out, format=form))
    assert made.send(MORNING).delivered == ("files",)
    (path,) = out.iterdir()
    assert path.name.startswith("digest-20261123T010000Z-")
    assert path.suffix == suffix
    assert words in path.read_text("utf-8")


def test_strangers_bring_no_markup_into_a_file(tmp_path: Path) -> None:
    """Hostile text is valid JSON, and text in HTML."""
    for form in ("json", "html"):
        out = tmp_path / form
        sender(tmp_path / f"lake-{form}", folder(out, format=form)).send(strange(HOSTILE))
        (path,) = out.iterdir()
        text = path.read_text("utf-8")
        assert form == "html" or json.loads(text)["counts"]["critical"] == 3
        assert form == "json" or "<at id" not in text


def test_the_oldest_go(tmp_path: Path) -> None:
    """With keep: 2 the newest two of five mornings stay, and files of others are left alone."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.json").write_text("mine")
    made = sender(tmp_path / "lake", folder(out, keep=2))
    for day in range(5):
        window = Window(WINDOW.start + timedelta(days=day), WINDOW.end + timedelta(days=day))
        made.send(replace(MORNING, window=window))
    assert [path.name[:15] for path in sorted(out.glob("digest-*"))] == [
        "digest-20261126",
        "digest-20261127",
    ]
    assert (out / "notes.json").read_text() == "mine"


def test_a_folder_that_cannot_be_written_waits(tmp_path: Path) -> None:
    """A file in the place of the folder is no reason to lose the digest."""
    out = tmp_path / "out"
    out.write_text("in the way")
    made = sender(tmp_path / "lake", folder(out))
    failure = made.send(MORNING).failures[0]
    assert not failure.dead
    assert "cannot write below" in failure.detail
    out.unlink()
    assert made.send_pending().delivered == ("files",)
