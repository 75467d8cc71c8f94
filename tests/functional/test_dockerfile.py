"""The Dockerfile: its own steps, done without a container engine in a folder that stands for the image.

Each COPY takes what .dockerignore lets through, each RUN is run as it is written, with the paths of
the image below the folder. Installing the locks needs the package index and is what `make` does with
the same files before any test runs; here their packages are those of the tests' environment.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What stands in the image for the folder of a test.
_PLACES = ("/opt", "/src", "/dist")
# In the place of the locks: the packages of this environment. The eventlake of this environment is
# a link to the checkout that only its own start follows, so it is not among them.
LOCKED = sysconfig.get_path("purelib")


class Image:
    """A folder with the file system of the image that is built."""

    def __init__(self, folder: Path) -> None:
        """Begin with nothing."""
        self.folder = folder
        self.work = folder
        self.skipped: list[list[str]] = []

    def placed(self, word: str) -> str:
        """Return a word of a step with its path in the folder."""
        return f"{self.folder}{word}" if word.startswith(_PLACES) else word

    def copy(self, names: list[str]) -> None:
        """Take files of the checkout, as far as .dockerignore lets the engine see them."""
        *sources, target = names
        for source in sources:
            found = ROOT / source
            for path in sorted(found.rglob("*")) if found.is_dir() else [found]:
                name = path.relative_to(ROOT).as_posix()
                if not path.is_file() or not sent(name):
                    continue
                inside = path.relative_to(found) if found.is_dir() else Path(path.name)
                to = self.work / target / inside
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, to)

    def run(self, command: list[str]) -> None:
        """Run a step; one that fetches from an index is remembered instead."""
        if "--require-hashes" in command:
            assert (self.work / command[-1]).is_file()
            self.skipped.append(command)
            return
        words = [self.placed(word) for word in command]
        if words[0] == "python":
            words[0] = sys.executable
        if words[-1].endswith("/opt/build"):
            # pip takes seconds to install, and only fetches the lock there.
            words.append("--without-pip")
        builds = {"PYTHONPATH": LOCKED} if "hatchling" in words else {}
        done = subprocess.run(
            words,
            cwd=self.work,
            env={**os.environ, "PYTHONPATH": "", **builds},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)


def sent(name: str) -> bool:
    """Whether .dockerignore lets a file of the checkout into the build; the last pattern that fits decides."""
    ignored = False
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        pattern = line.lstrip("!")
        if not line or line.startswith("#"):
            continue
        parents = [name, *(parent.as_posix() for parent in Path(name).parents)]
        if any(fnmatch(part, pattern) or fnmatch(f"/{part}", pattern) for part in parents):
            ignored = not line.startswith("!")
    return not ignored


def steps() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile, in order."""
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    found = re.findall(r"^([A-Z]+) (.+)$", text, re.MULTILINE)
    assert {word for word, _ in found} <= {
        *("ARG", "FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "ENTRYPOINT", "CMD")
    }
    return found


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Return what the build stage makes."""
    made = Image(tmp_path_factory.mktemp("image"))
    for word, rest in steps():
        if word == "WORKDIR" and rest != "/tmp":  # noqa: S108 - a path in the image
            made.work = Path(made.placed(rest))
            made.work.mkdir(parents=True)
        elif word == "COPY" and "--from" not in rest:
            made.copy(rest.split())
        elif word == "RUN":
            made.run(json.loads(rest))
    return made


def test_the_steps_make_a_command_that_runs(image: Image, tmp_path: Path) -> None:
    """What is copied suffices for the wheel, the wheel for the command, and each path of the entry point is made."""
    (entry,) = [json.loads(rest) for word, rest in steps() if word == "ENTRYPOINT"]
    program = image.placed(entry[0])
    environ = {"HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": LOCKED}
    done = subprocess.run(
        [program, "--lake", "lake", "sample"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "lake" / "_lake.json").exists()
    asked = subprocess.run(
        [
            Path(program).with_name("python"),
            "-c",
            "import etl; from etl.remote.pod import template; print(etl.__file__, template()['kind'])",
        ],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    where, kind = asked.stdout.split()
    # The installed package and its own manifest, not those of the checkout.
    assert where.startswith(str(image.folder))
    assert kind == "Pod"


def test_what_is_fetched_is_locked_and_what_runs_is_nobody(image: Image) -> None:
    """Both environments take their packages by hash; the last stage is a number without a shell."""
    assert [command[-1] for command in image.skipped] == [
        "requirements/image.txt",
        "requirements/build.txt",
    ]
    words = dict(steps())
    assert words["USER"] == "65532:65532"
    assert words["COPY"] == "--from=build /opt/eventlake /opt/eventlake"
    assert all(json.loads(rest) for word, rest in steps() if word in {"RUN", "CMD", "ENTRYPOINT"})


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("etl/cli.py", True),
        ("sql/views/events.sql", True),
        ("deploy/ask/pod.yaml", True),
        ("requirements/image.txt", True),
        ("out/lake/_lake.json", False),
        (".venv/bin/python", False),
        ("kubeconfig", False),
        ("deploy/base/volume.yaml", False),
        ("etl/__pycache__/cli.cpython-311.pyc", False),
    ],
)
def test_only_what_is_needed_gets_near_the_build(name: str, *, wanted: bool) -> None:
    """No lake, no kubeconfig, no environment is sent to the engine."""
    assert sent(name) is wanted
