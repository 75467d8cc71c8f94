"""Every kind of file of a lake, damaged in every way: no command stops, none forgets what the other files hold."""

from __future__ import annotations

import io
import os
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW, Done, eventlake
from tests.lib.events import event
from tests.lib.privileges import stopped_by_permissions

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# The lake begins eleven days before; its first day is out of sight and not yet deleted.
END = NOW + 11 * DAY + 1.5 * HOUR
# One file of each kind; the newest is the one that is still needed.
KINDS = (
    "_lake.json",
    "parts",
    "days",
    "snapshots",
    "live/.*parquet",
    "live/.*json",
    "retention",
    "outbox",
)


def _foreign() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"uid": [1], "a": ["b"]}), file)
    return file.getvalue()


def _turned(start: float, end: float) -> Callable[[Path], None]:
    """Turn every bit between two shares of a file."""

    def damage(path: Path) -> None:
        data = path.read_bytes()
        first, last = int(len(data) * start), max(int(len(data) * end), 1)
        path.write_bytes(data[:first] + bytes(b ^ 0xFF for b in data[first:last]) + data[last:])

    return damage


def _cut(length: Callable[[int], int]) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, length(path.stat().st_size))


def _written(data: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.write_bytes(data)

    return damage


def _zeros(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _linked(target: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.unlink()
        path.symlink_to(target)

    return damage


DAMAGE: dict[str, Callable[[Path], None]] = {
    "empty": _cut(lambda _: 0),
    "half": _cut(lambda size: size // 2),
    "all but one": _cut(lambda size: size - 1),
    "zeros": _zeros,
    "head": _turned(0, 0.02),
    "pages": _turned(0.1, 0.2),
    "footer": _turned(0.9, 0.95),
    "text": _written(b"what is this\n"),
    "foreign": _written(_foreign()),
    "folder": _folder,
    "link to nowhere": _linked("nowhere"),
    "not allowed": lambda path: path.chmod(0),
}


QUESTION = ("sql", "select distinct name from events", "--format", "json")
ALWAYS = (("snapshot",), QUESTION, ("doctor", "--format", "json"))
THOROUGH = ("half", "pages", "folder", "not allowed")
SOMETIMES = (("coverage", "--format", "json"), ("seal",), ("retention",), ("deliver",))


class World:
    """A cluster, and the lake of the job that reads it."""

    def __init__(self, folder: Path, server: ApiServer) -> None:
        """Write the configuration."""
        self.folder = folder
        self.lake = folder / "lake"
        self._whole = folder / "whole"
        self._server = server
        self._config = folder / "config.yaml"
        known = {
            "lake": str(self.lake),
            "cluster": "prod",
            "source": {"kubeconfig": str(server.kubeconfig(folder / "kubeconfig"))},
            "retention": {"keep_days": 10},
            "report": {"every": "3650d"},
            # Nobody listens there, so that what is sent stays in the outbox.
            "receivers": [
                {
                    "name": "chat",
                    "webhook_configs": [
                        {"url": "http://127.0.0.1:9/x", "allow_http": True, "allow_private": True}
                    ],
                }
            ],
        }
        self._config.write_text(yaml.safe_dump(known))

    def __call__(self, *words: object, now: datetime) -> Done:
        """Run a command."""
        return eventlake("--config", self._config, *words, now=now)

    def live(self) -> None:
        """Let the job run until the lake has every kind of file."""
        for day in (0, 1, 11):
            now = NOW + day * DAY + HOUR * (day > 0)
            self._server.now = now
            self._server.expire(now)
            self._server.add(event(f"web-{day}", at=now, count=3, first=now))
            assert self("run", now=now).code in {0, 5}
        shutil.copytree(self.lake, self._whole)

    def restore(self) -> None:
        """Put the lake back as it was."""
        shutil.rmtree(self.lake)
        shutil.copytree(self._whole, self.lake)

    def newest(self, kind: str) -> Path:
        """Restore the lake; return its newest file of a kind."""
        self.restore()
        files = [str(p.relative_to(self.lake)) for p in self.lake.rglob("*") if p.is_file()]
        return self.lake / max(name for name in files if re.match(kind, name))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A lake that was lived in; tests copy it."""
    with ApiServer() as server:
        world = World(tmp_path_factory.mktemp("made"), server)
        world.live()
        yield world


def _names(done: Done) -> set[str]:
    return {row["name"] for row in done.json()}


@pytest.mark.parametrize("kind", KINDS)
def test_no_damage_stops_a_command(kind: str, made: World) -> None:
    """Snapshot, questions, digest, sealing, retention and doctor go on, and every other file still counts."""
    path = made.newest(kind)
    before = _names(made(*QUESTION, now=END))
    for damage, apply in DAMAGE.items():
        made.restore()
        apply(path)
        with stopped_by_permissions():
            for words in (*ALWAYS, *(SOMETIMES if damage in THOROUGH else ())):
                done = made(*words, now=END)
                told = f"{kind} {damage}: {words[0]} {done.err}"
                assert done.code in {0, 4 if words[0] == "doctor" else 0, 5}, told
                if words == QUESTION:
                    # What only the damaged file held is gone, unless it is listed still.
                    assert len(before - _names(done)) <= 1, told


@pytest.mark.parametrize("kind", KINDS)
def test_the_main_job_goes_on_and_doctor_mends(kind: str, made: World) -> None:
    """The run ends as if nothing were, and after quarantine and repair there is no trouble but what was lost."""
    DAMAGE["half"](made.newest(kind))
    assert made("run", now=END).code in {0, 5}
    assert made("report", "--format", "json", "top_reasons", now=END).code == 0
    assert made("digest", "--dry-run", now=END).code == 0
    done = made("doctor", "--quarantine", "--repair", "--format", "json", now=END)
    left = {row["kind"] for row in done.json() if row["level"] == "trouble"}
    assert left <= {"lost"}, done.err
