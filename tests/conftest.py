"""Fixtures that tests of several folders share, and what they counted at the end of the report."""

from __future__ import annotations

import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from etl import log
from etl.lake.files import Files
from tests.lib import storages as kinds
from tests.lib.apiserver import ApiServer
from tests.lib.storages import Storages

# A machine that is busy with something else draws slowly, which says nothing of the code.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same draws in every run, so that a change is judged by what it changed; new ground is for
# `make test ARGS="--hypothesis-profile=explore"`, which loads its profile after this line.
settings.register_profile("repeat", settings.get_profile("explore"), derandomize=True)
settings.load_profile("repeat")
Tally = Callable[[str, int], None]
Show = Callable[[str, list[str]], None]
_COUNTED, _SHOWN = "counted", "shown"
_SPARK = Path(__file__).parent / "spark"


# Who starts the tests in the background of a shell gives them, and all that they start, deaf ears.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def temporary_folders(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let a test have temporary folders of its own: in tests it is any day, and runs sweep what is a day old."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.getbasetemp()))


@pytest.fixture(autouse=True)
def secrets_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget after a test which secrets it had: one that is a word would be blanked in the sentences of all later ones."""
    monkeypatch.setattr(log, "_secrets", set(log._secrets))  # noqa: SLF001 -- a process forgets them by ending


@pytest.fixture
def apiserver() -> Iterator[ApiServer]:
    """Run an empty fake API server over plain HTTP; TLS: ``with ApiServer(tls=True)``."""
    with ApiServer() as server:
        yield server


@pytest.fixture(scope="module", params=["folder", "s3"])
def storages(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Storages]:
    """Storages for lakes; whoever asks for them runs twice: on folders, and on a bucket."""
    if request.param == "folder":
        yield kinds.folders(lambda: tmp_path_factory.mktemp("storage"))
        return
    with kinds.buckets() as made:
        yield made


@pytest.fixture
def files(storages: Storages) -> Files:
    """An empty storage for a lake."""
    return storages.make()


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    """Add a number to what the report counts under a name: kills, histories."""

    def count(name: str, number: int) -> None:
        # A property travels with the report, also from the process of another worker.
        request.node.user_properties.append((_COUNTED, (name, number)))

    return count


@pytest.fixture
def show(request: pytest.FixtureRequest) -> Show:
    """Print lines below a title at the end of the report: a table that a test made."""

    def told(title: str, lines: list[str]) -> None:
        request.node.user_properties.append((_SHOWN, (title, lines)))

    return told


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a night try more histories than a test run, and a failure be tried again."""
    parser.addoption(
        "--histories", type=int, default=10_000, help="random histories to count (10,000)"
    )
    parser.addoption("--history-seed", type=int, default=0, help="the first of them")
    parser.addoption("--spark", action="store_true", help="also the tests on Spark, with Java 17")
    parser.addoption("--kills", type=int, default=3, help="forwarders to kill (3)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a cluster of Spark, unless it is asked for: ``make test-spark`` does."""
    if config.getoption("--spark"):
        return
    left = [item for item in items if _SPARK in item.path.parents]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests counted, so that a report says how often, and not only that, they tried."""
    counted = Counter[str]()
    for report in terminalreporter.getreports("passed"):
        for key, value in report.user_properties if report.when == "call" else ():
            if key == _COUNTED:
                counted[value[0]] += value[1]
            if key == _SHOWN:
                terminalreporter.section(value[0])
                for line in value[1]:
                    terminalreporter.line(line)
    if counted:
        terminalreporter.section("counted")
        for name, number in sorted(counted.items()):
            terminalreporter.line(f"{number:,} {name}")
