"""Debian's Pushgateway and promtool: a real server on loopback, and Prometheus' own linter."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.lib.ports import free_port

BINARY = shutil.which("prometheus-pushgateway") or shutil.which("pushgateway") or ""
PROMTOOL = shutil.which("promtool") or ""
needed = pytest.mark.skipif(not BINARY, reason="needs Debian's prometheus-pushgateway")
promtool_needed = pytest.mark.skipif(not PROMTOOL, reason="needs promtool of Debian's prometheus")


@contextmanager
def running() -> Iterator[str]:
    """Run a Pushgateway and give its address."""
    url = f"http://127.0.0.1:{free_port()}"
    with subprocess.Popen(
        [BINARY, f"--web.listen-address={url.removeprefix('http://')}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _ready(url)
            yield url
        finally:
            process.terminate()


def promtool(*arguments: object, stdin: bytes = b"", folder: Path | None = None) -> str:
    """Run promtool and return what it said; it must have nothing to object to."""
    done = subprocess.run(
        [PROMTOOL, *map(str, arguments)],
        input=stdin,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    said = done.stdout.decode()
    assert done.returncode == 0, said
    return said


def _ready(url: str) -> None:
    for _ in range(1000):
        try:
            if httpx.get(f"{url}/-/ready", timeout=1).is_success:
                return
        except httpx.TransportError:
            # Not listening yet.
            time.sleep(0.01)
    raise AssertionError(url)
