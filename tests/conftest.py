"""Fixtures that tests of several folders share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lib.apiserver import ApiServer


@pytest.fixture
def apiserver() -> Iterator[ApiServer]:
    """Run an empty fake API server over plain HTTP; TLS: ``with ApiServer(tls=True)``."""
    with ApiServer() as server:
        yield server
