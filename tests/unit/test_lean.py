"""What a command imports: start-up is paid by every run of a CronJob, so it is a promise."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from etl.lean import only_parts_of, only_when_used, without_numpy
from etl.source import live_access
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW
from tests.lib.events import event
from tests.lib.snapshots import dumped
from tests.lib.stores import ENVIRON, Store

ROOT = Path(__file__).parents[2]
HEAVY = frozenset(
    {
        *("altair", "duckdb", "fsspec", "httpx", "jinja2", "kubernetes.config"),
        *("kubernetes.client.models", "kubernetes.dynamic", "oauthlib", "pydantic", "requests"),
        *("numpy", "obstore", "pandas", "pyarrow", "rich"),
    }
)
# Runs one command and tells its exit code and which heavy libraries it came to hold.
PROGRAM = """
import json, sys
from etl.cli import main
code = main(sys.argv[2:])
print(json.dumps([code, sorted(set(json.loads(sys.argv[1])) & set(sys.modules))]), file=sys.stderr)
"""


def test_the_package_itself_imports_nothing_heavy() -> None:
    """``import etl`` is part of every start; pandas and DuckDB come with ``etl.open``."""
    program = "import sys, etl; etl.open; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    found = set(done.stdout.split())
    assert found & HEAVY == set()
    assert {name for name in found if name.partition(".")[0] == "etl"} == {"etl"}


def imported(*arguments: object, environ: dict[str, str] | None = None) -> set[str]:
    """Run a command in an interpreter of its own; expect success and return what is heavy in it."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(sorted(HEAVY)), *map(str, arguments)],
        cwd=ROOT,
        env=environ or {},
        capture_output=True,
        text=True,
        check=True,
    )
    code, found = json.loads(done.stderr.splitlines()[-1])
    assert code == 0, done.stderr
    return set(found)


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dump of three events, as kubectl writes it."""
    return dumped(tmp_path_factory.mktemp("dump"))


@pytest.fixture(scope="module")
def lake(dump: Path) -> Path:
    """A lake that holds the dump."""
    path = dump.with_name("lake")
    imported("--lake", path, "--cluster", "prod", "import", dump)
    return path


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["version"], ["snapshot", "--help"], ["import", "--help"]],
)
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    """What only prints a text starts at once."""
    assert imported(*arguments) == set()


def test_snapshot_imports_what_it_needs(tmp_path: Path) -> None:
    """A snapshot speaks to Kubernetes and writes Parquet; no query, chart, table or receiver."""
    with ApiServer() as server:
        server.add(event(at=NOW))
        path = server.kubeconfig(tmp_path / "kubeconfig")
        found = imported("--lake", tmp_path / "lake", "snapshot", "--kubeconfig", path)
    assert found == {"kubernetes.config", "pyarrow"}


def test_import_imports_what_it_needs(tmp_path: Path, dump: Path) -> None:
    """An import writes Parquet and needs nothing else, no cluster least of all."""
    assert imported("--lake", tmp_path / "lake", "--cluster", "x", "import", dump) == {"pyarrow"}


def test_only_a_bucket_needs_its_client(tmp_path: Path, dump: Path) -> None:
    """An import into a bucket brings the store's client, and not the file system that queries need."""
    with Store() as store:
        config = tmp_path / "config.yaml"
        config.write_text(store.configuration())
        found = imported(
            *("--config", config, "--lake", "s3://bucket/lake", "--cluster", "x", "import", dump),
            environ=ENVIRON,
        )
    assert found == {"obstore", "pyarrow"}


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["report", "top_reasons"], {"duckdb", "pyarrow", "rich"}),
        (["report", "top_reasons", "--format", "csv"], {"duckdb", "pyarrow"}),
        (["sql", "select 1 as one", "--format", "json"], {"duckdb", "pyarrow"}),
    ],
)
def test_answers_import_neither_kubernetes_nor_charts(
    arguments: list[str], needed: set[str], lake: Path
) -> None:
    """A report asks DuckDB; only a page draws, only a terminal's table needs rich."""
    assert imported("--lake", lake, *arguments) == needed


@contextmanager
def forgotten(package: str) -> Iterator[None]:
    """Let a package seem not to be imported yet; afterwards its modules are the old ones again."""
    names = [name for name in sys.modules if name.split(".")[0] == package]
    kept = {name: sys.modules.pop(name) for name in names}
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == package]:
            del sys.modules[name]
        sys.modules.update(kept)


@pytest.mark.parametrize("package", ["numpy", "pandas"])
def test_numpy_and_pandas_stay_out_and_come_back(package: str) -> None:
    """Inside, they cannot be found; what is imported already is left, and afterwards all is as before."""
    before = list(sys.meta_path)
    with (
        forgotten(package),
        without_numpy(),
        pytest.raises(ModuleNotFoundError, match="not wanted"),
    ):
        __import__(package)
    assert sys.meta_path == before


def test_a_part_is_imported_without_its_package() -> None:
    """Only the part and what it needs are imported; the package itself comes whole, with the same part."""
    with forgotten("kubernetes"):
        with only_parts_of("kubernetes"):
            part = importlib.import_module("kubernetes.client")
        assert {"kubernetes", "kubernetes.dynamic"}.isdisjoint(sys.modules)
        package = importlib.import_module("kubernetes")
        assert package.client is part
        assert "kubernetes.dynamic" in sys.modules


def test_a_package_that_is_imported_stays_as_it_is() -> None:
    """Whoever imported the package before keeps it."""
    package = importlib.import_module("kubernetes")
    with only_parts_of("kubernetes"):
        assert sys.modules["kubernetes"] is package
    assert sys.modules["kubernetes"] is package


def test_parts_of_a_package_that_is_not_there() -> None:
    """The import says so, as it would have anyway."""
    with only_parts_of("no_such_package"), pytest.raises(ModuleNotFoundError):
        importlib.import_module("no_such_package.part")


def test_what_is_only_sometimes_used_is_imported_then() -> None:
    """Classes can be called and caught, and what was never used was never imported."""
    with forgotten("oauthlib"):
        with only_when_used("oauthlib", "oauthlib.oauth2"):
            there = importlib.import_module("oauthlib").oauth2
            error = importlib.import_module("oauthlib.oauth2").TokenExpiredError
        assert "oauthlib" not in sys.modules
        with pytest.raises(there.rfc6749.errors.TokenExpiredError, match="token_expired"):
            raise error()
        assert "oauthlib.oauth2" in sys.modules


def test_renewal_of_tokens_finds_its_library() -> None:
    """The package reads OIDC tokens with the library that it imported without having it."""
    reading = vars(live_access)["kube_config"]
    session = reading.OAuth2Session(client_id="me")
    assert type(session).__name__ == "OAuth2Session"
    assert issubclass(reading.oauthlib.oauth2.rfc6749.errors.InvalidClientIdError, Exception)
