"""The Makefile: what it runs, and what it says on a machine that lacks something."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from etl.cli import cli

ROOT = Path(__file__).parents[2]


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in the checkout."""
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],  # noqa: S607 - the one in PATH
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def command(*arguments: str) -> list[str]:
    """Return the words of the eventlake command that ``make run`` would start."""
    lines = make("--dry-run", "run", *arguments).stdout.splitlines()
    (found,) = [line for line in lines if "bin/eventlake" in line]
    return found.split()[1:]


def python_that(tmp_path: Path, refuses: str) -> str:
    """Write a python3 that fails when its ``-c`` program holds a word."""
    script = tmp_path / "python3"
    script.write_text(f'#!/bin/sh\ncase "$2" in *{refuses}*) exit 1;; esac\necho Python 3.8.10\n')
    script.chmod(0o755)
    return str(script)


def test_help_is_the_default_and_names_every_target() -> None:
    """Who types make learns what can be typed."""
    source = (ROOT / "Makefile").read_text("utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.+)$", source, re.MULTILINE)
    shown = make().stdout
    assert set(re.findall(r"^make ([\w-]+)", shown, re.MULTILINE)) == set(phony.split()) - {"help"}


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", "docs/operations.md"])
def test_documented_targets_exist(page: str) -> None:
    """A page that says make something names a target."""
    source = (ROOT / "Makefile").read_text("utf-8")
    named = re.findall(
        r"(?:^|`)make ([a-z][a-z-]*)", (ROOT / page).read_text("utf-8"), re.MULTILINE
    )
    assert set(named) <= set(re.findall(r"^([\w-]+):", source, re.MULTILINE))


def test_sample_and_cluster_never_share_a_lake() -> None:
    """Make run reads the sample, FROM=cluster the kubeconfig, each into a lake of its own."""
    assert command() == ["--lake", "out/lake", "run", "--sample"]
    assert command("FROM=cluster", "ARGS=--at x") == [
        *("--lake", "out/cluster/lake", "run", "--at", "x")
    ]
    assert make("run", "FROM=moon").stderr.startswith("Makefile:")
    assert "choose sample or cluster" in make("run", "FROM=moon").stderr


def test_the_commands_are_taken_by_our_own_parser() -> None:
    """What make runs is a command with its options."""
    with cli.make_context("eventlake", command()) as context:
        rest = [*context._protected_args, *context.args]  # noqa: SLF001 - the command's name
        name, found, options = cli.resolve_command(context, rest)
        assert found
        with found.make_context(name, options, parent=context) as inner:
            assert inner.params["sample"] is True


@pytest.mark.parametrize(
    ("refuses", "said"),
    [("version_info", "needs Python 3.11 or newer"), ("ensurepip", "apt install python3-venv")],
)
def test_a_python_that_does_not_do_is_named(refuses: str, said: str, tmp_path: Path) -> None:
    """Too old, or without venv: one sentence says what to do, and nothing is left behind."""
    done = make("run", f"PYTHON={python_that(tmp_path, refuses)}", f"VENV={tmp_path}/venv")
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "venv").exists()
