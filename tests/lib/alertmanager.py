"""Debian's Alertmanager on loopback: a real one, with a webhook that says whom it notified."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.lib.loopback import Answer, LoopbackServer, Request
from tests.lib.ports import free_port

BINARY = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager") or ""
needed = pytest.mark.skipif(not BINARY, reason="needs Debian's prometheus-alertmanager")


@dataclass
class Running:
    """A server that runs, and what it told its webhook."""

    url: str
    notified: list[dict[str, Any]] = field(default_factory=list)

    def alerts(self) -> dict[str, dict[str, Any]]:
        """Return the alerts that it holds as active, by name."""
        answer = httpx.get(f"{self.url}/api/v2/alerts", timeout=5)
        return {alert["labels"]["alertname"]: alert for alert in answer.json()}

    def names(self) -> set[str]:
        """Return the label ``name`` of each active alert."""
        answer = httpx.get(f"{self.url}/api/v2/alerts", timeout=5)
        return {alert["labels"]["name"] for alert in answer.json()}

    def wait(self, count: int) -> None:
        """Wait until the webhook was told ``count`` times; at most ten seconds."""
        for _ in range(1000):
            if len(self.notified) >= count:
                return
            time.sleep(0.01)
        raise AssertionError(self.notified)

    def take(self, request: Request) -> Answer:
        """Take a notification."""
        self.notified.append(json.loads(request.body))
        return Answer(200)


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    """Run a server that notifies at once."""
    port = free_port()
    made = Running(f"http://127.0.0.1:{port}")
    with LoopbackServer(made.take) as hook:
        config = {
            "route": {
                "receiver": "hook",
                "group_by": ["..."],
                "group_wait": "10ms",
                "group_interval": "100ms",
            },
            "receivers": [{"name": "hook", "webhook_configs": [{"url": hook.url}]}],
        }
        path = folder / "alertmanager.yml"
        # JSON is YAML.
        path.write_text(json.dumps(config))
        with subprocess.Popen(
            [
                BINARY,
                f"--config.file={path}",
                f"--storage.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                _ready(made.url)
                yield made
            finally:
                process.terminate()


def _ready(url: str) -> None:
    for _ in range(1000):
        try:
            if httpx.get(f"{url}/-/ready", timeout=1).is_success:
                return
        except httpx.TransportError:
            # Not listening yet.
            time.sleep(0.01)
    raise AssertionError(url)
