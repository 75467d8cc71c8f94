"""Fixtures that tests of several folders share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from etl.lake.files import Files
from tests.lib import storages as kinds
from tests.lib.apiserver import ApiServer
from tests.lib.storages import Storages

# A machine that is busy with something else draws slowly, which says nothing of the code.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture(autouse=True)
def temporary_folders(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let a test have temporary folders of its own: in tests it is any day, and runs sweep what is a day old."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.getbasetemp()))


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
