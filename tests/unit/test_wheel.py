"""The wheel: everything that eventlake reads from itself travels with it."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]


def built(kind: str, source: Path, target: Path) -> Path:
    """Build a ``wheel`` or ``sdist`` of ``source`` into ``target``, without a network."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (file,) = target.iterdir()
    return file


def shipped(root: Path) -> set[str]:
    """Return the names that a wheel of the checkout ``root`` has to hold."""
    package = {
        p.relative_to(root).as_posix()
        for p in (root / "etl").rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }
    asked = {f"etl/deploy/{p.name}" for p in root.glob("deploy/ask/*.yaml")}
    sql = {f"etl/{p.relative_to(root).as_posix()}" for p in root.glob("sql/**/*.sql")}
    return package | asked | sql


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel of this checkout."""
    return built("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def wheel(archive: Path) -> set[str]:
    """Return the names inside the wheel."""
    with ZipFile(archive) as opened:
        return set(opened.namelist())


def test_the_wheel_holds_the_package_and_its_sql(wheel: set[str]) -> None:
    """Every module, data file and SQL file is inside, and nothing of the tests."""
    inside = {name for name in wheel if ".dist-info/" not in name}
    assert inside == shipped(ROOT)
    assert any(name.startswith("etl/sql/views/") for name in inside)


def test_the_wheel_says_that_it_is_typed_and_how_it_is_started(wheel: set[str]) -> None:
    """The marker for type checkers, the licence and the command are there."""
    assert "etl/py.typed" in wheel
    names = {name.partition(".dist-info/")[2] for name in wheel if ".dist-info/" in name}
    assert {"entry_points.txt", "licenses/LICENSE"} <= names


def test_a_wheel_built_from_the_source_archive_is_the_same(wheel: set[str], tmp_path: Path) -> None:
    """Who builds from the sdist gets the same files."""
    with tarfile.open(built("sdist", ROOT, tmp_path / "sdist")) as packed:
        packed.extractall(tmp_path / "unpacked", filter="data")
    (source,) = (tmp_path / "unpacked").iterdir()
    with ZipFile(built("wheel", source, tmp_path / "wheel")) as opened:
        assert set(opened.namelist()) == wheel


def test_an_installed_package_finds_its_sql_inside_itself(archive: Path, tmp_path: Path) -> None:
    """Where there is no checkout beside it, the package reads the SQL that it brought along."""
    site = tmp_path / "site"
    with ZipFile(archive) as opened:
        opened.extractall(site)  # noqa: S202 - our own wheel
    done = subprocess.run(
        [sys.executable, "-c", "from etl import statements; print(statements.sql_root())"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(site)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == str(site / "etl" / "sql")
