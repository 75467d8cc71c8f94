"""The lock: what is installed is what pyproject.toml asks for, by hash, wherever it comes from."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
FILES = ("run", "build", "dev", "notebooks", "image")
# What the image brings: a user of a checkout adds what is needed.
CLIENTS = ("kafka", "elasticsearch", "opensearch")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def text(name: str) -> str:
    """Return one of the lock files."""
    return (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")


def pins(name: str) -> dict[str, set[str]]:
    """Return package -> versions of a lock file; some differ by version of Python."""
    found: dict[str, set[str]] = {}
    for package, version in PIN.findall(text(name)):
        found.setdefault(canonicalize_name(package), set()).add(version)
    return found


def asked(name: str) -> list[Requirement]:
    """Return what pyproject.toml asks for in this lock file by name."""
    groups = PROJECT["dependency-groups"]
    run, extras = PROJECT["project"]["dependencies"], PROJECT["project"]["optional-dependencies"]
    clients = [line for name in CLIENTS for line in extras[name]]
    lists = {
        "run": run,
        "build": groups["build"],
        "dev": run + groups["build"] + groups["dev"],
        "notebooks": run + extras["notebooks"],
        "image": run + clients,
        "everywhere": run + clients + extras["spark"],
    }
    return [Requirement(line) for line in lists[name]]


@pytest.mark.parametrize("name", FILES)
def test_the_lock_answers_what_pyproject_asks_for(name: str) -> None:
    """Each requirement has a pin that satisfies it; if not, run `make lock`."""
    found = pins(name)
    for requirement in asked(name):
        versions = found.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement} is not in requirements/{name}.txt"
        assert all(version in requirement.specifier for version in versions)


@pytest.mark.parametrize("name", ["run", "build", "image"])
def test_one_version_serves_users_and_developers(name: str) -> None:
    """What is tested is what is installed: both locks are subsets of the one for development."""
    everything = pins("dev")
    assert {package: everything.get(package) for package in pins(name)} == pins(name)


def test_notebooks_run_with_what_is_tested() -> None:
    """JupyterLab is for people alone; every package that tests have, too, is the same one."""
    everything, found = pins("dev"), pins("notebooks")
    common = found.keys() & everything.keys()
    assert {"papermill", "ipykernel", "pandas", "altair"} <= common
    assert {name: found[name] for name in common} == {name: everything[name] for name in common}


@pytest.mark.parametrize("name", FILES)
def test_every_pin_has_hashes(name: str) -> None:
    """Pip refuses a file that is not the one that was locked."""
    blocks = re.split(r"^(?=[A-Za-z0-9])", text(name), flags=re.MULTILINE)[1:]
    assert blocks
    assert all("--hash=sha256:" in block for block in blocks)


@pytest.mark.parametrize("name", FILES)
def test_the_lock_names_no_host(name: str) -> None:
    """Mirrors and indexes are the machine's affair."""
    assert "://" not in text(name)
    assert not re.search(r"^--", text(name), re.MULTILINE)


def imported() -> set[str]:
    """Return the distributions whose modules the package imports."""
    names = set()
    for path in (ROOT / "etl").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add((node.module or "").partition(".")[0])
    owners = packages_distributions()
    return {
        canonicalize_name(owners[name][0])
        for name in names - {"etl", "__future__"} - sys.stdlib_module_names
    }


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    """No import works by the luck of another package, and nothing is installed for nothing."""
    # Data, which zoneinfo finds by itself.
    not_imported = {"tzdata"}
    declared = {canonicalize_name(requirement.name) for requirement in asked("everywhere")}
    assert imported() | not_imported == declared


def test_kubernetes_leaves_room_for_the_object_store_tests() -> None:
    """37.0.2 would keep moto out, which wants python-dateutil below 3."""
    assert pins("run")["kubernetes"] == {"37.0.1"}


def test_the_bill_of_materials_is_the_lock(tmp_path: Path) -> None:
    """``make sbom`` names each package of a user's installation with its version and all of its hashes, alike each time."""
    shown = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "sbom"],  # noqa: S607 - the one in PATH
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (command,) = re.findall(r"^\S*/cyclonedx-py (.*?--output-file) ", joined(shown), re.MULTILINE)
    written = []
    for name in ("first", "second"):
        path = tmp_path / name
        subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", *command.split(), path],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        written.append(path.read_bytes())
    assert written[0] == written[1]
    bill = json.loads(written[0])
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "eventlake")
    found: dict[str, set[str]] = {}
    hashes = set()
    for part in bill["components"]:
        assert part["purl"] == f"pkg:pypi/{canonicalize_name(part['name'])}@{part['version']}"
        found.setdefault(canonicalize_name(part["name"]), set()).add(part["version"])
        (source,) = part["externalReferences"]
        hashes |= {one["content"] for one in source["hashes"]}
    assert found == pins("run")
    assert hashes == set(re.findall(r"--hash=sha256:(\w+)", text("run")))


def joined(lines: str) -> str:
    """Return shell lines with those that go on put together."""
    return re.sub(r"\\\n\s*", "", lines)
