"""The tests' own Kafka broker in a process, started, killed and started again at one address."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Self

from tests.lib.kafka_broker import Settings
from tests.lib.ports import free_port

_ROOT = Path(__file__).parents[2]


@dataclass
class BrokerProcess:
    """A broker; use as a context manager."""

    folder: Path
    topics: dict[str, int] = field(default_factory=lambda: {"events": 3})
    more: dict[str, object] = field(default_factory=dict)
    """Other fields of ``Settings``."""

    def __enter__(self) -> Self:
        """Start it."""
        self.folder.mkdir(exist_ok=True)
        self._settings = Settings(
            folder=str(self.folder),
            port=free_port(),
            topics=self.topics,
            **self.more,  # type: ignore[arg-type]  # tests give what the fields take
        )
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Kill it."""
        self.kill()

    @property
    def address(self) -> str:
        """Where it listens: the same after each start."""
        return f"127.0.0.1:{self._settings.port}"

    def start(self, *, die_after: int = 0) -> None:
        """Start it and wait until it listens; it dies by itself as ``Settings.die_after`` says."""
        settings = asdict(replace(self._settings, die_after=die_after))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.lib.kafka_broker", json.dumps(settings)],
            cwd=_ROOT,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"listening\n"

    def kill(self) -> None:
        """Kill it now, and wait until it is gone."""
        self._process.kill()
        self._process.communicate()

    def wait(self) -> None:
        """Wait until it has died by itself."""
        self._process.communicate()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None
