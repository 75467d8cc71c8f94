"""Many fake clusters of one process, and the configuration that names them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import trustme
import yaml

from tests.lib.apiserver import ApiServer
from tests.lib.commandline import Done
from tests.lib.kubeconfigs import write_kubeconfig
from tests.lib.snapshots import filled

ROOT = Path(__file__).parents[2]
# A test waits for no server longer than that.
_QUICK = {"retries": 0, "timeout": "5s"}


@dataclass(frozen=True, slots=True)
class Fleet:
    """Fake clusters by name, and the configuration of a lake beside it."""

    folder: Path
    servers: dict[str, ApiServer]

    @property
    def lake(self) -> Path:
        """The lake's folder."""
        return self.folder / "lake"

    @property
    def config(self) -> Path:
        """The configuration's file."""
        return self.folder / "eventlake.yaml"

    def configure(self, own: dict[str, dict[str, Any]] | None = None, **settings: Any) -> None:
        """Write the configuration; ``own`` is what single clusters say, ``settings`` more of its keys."""
        clusters = [
            {"name": name, "kubeconfig": str(self.folder / f"{name}.kubeconfig")}
            | (own or {}).get(name, {})
            for name in self.servers
        ]
        written = {"lake": str(self.lake), "source": _QUICK, "clusters": clusters, **settings}
        self.config.write_text(yaml.safe_dump(written, sort_keys=False), "utf-8")

    def redirect(self, name: str, url: str) -> None:
        """Let the kubeconfig of a cluster name another address."""
        self._write(name, url=url)

    def distrust(self, name: str) -> None:
        """Let the kubeconfig of a cluster name an authority that did not sign its certificate."""
        self._write(name, certificate=trustme.CA().cert_pem.bytes())

    def plugin(self, name: str, says: str) -> None:
        """Let the kubeconfig of a cluster ask a plugin for credentials, which fails and ``says`` why."""
        script = self.folder / f"{name}-plugin"
        script.write_text(f"#!/bin/sh\nsleep 0.1\necho {says} >&2\nexit 1\n", "utf-8")
        script.chmod(0o755)
        path = self.folder / f"{name}.kubeconfig"
        written = yaml.safe_load(path.read_text("utf-8"))
        version = "client.authentication.k8s.io/v1"
        ask = {"apiVersion": version, "command": str(script), "interactiveMode": "Never"}
        written["users"][0]["user"] = {"exec": ask}
        path.write_text(yaml.safe_dump(written), "utf-8")

    def fresh_page(self, now: datetime) -> None:
        """Let a page be there that ``run`` at ``now`` finds young enough: to write one takes seconds."""
        page = self.folder / "reports" / "index.html"
        page.parent.mkdir()
        page.touch()
        os.utime(page, (now.timestamp(), now.timestamp()))

    def one_kubeconfig(self) -> Path:
        """Write one kubeconfig with a context for each cluster, and return its path."""
        merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config"}
        for name in self.servers:
            one = yaml.safe_load((self.folder / f"{name}.kubeconfig").read_text("utf-8"))
            for key in ("clusters", "users", "contexts"):
                merged.setdefault(key, []).extend(one[key])
        path = self.folder / "all.kubeconfig"
        path.write_text(yaml.safe_dump(merged), "utf-8")
        return path

    def _write(self, name: str, *, url: str = "", certificate: bytes | None = None) -> None:
        server = self.servers[name]
        write_kubeconfig(
            self.folder / f"{name}.kubeconfig",
            url=url or server.url,
            token=server.token,
            certificate=certificate or server.certificate,
            context=name,
        )

    def measured(self, *arguments: object) -> tuple[Done, float]:
        """Run a command in a process of its own; return what it came to and its peak of memory in MiB."""
        watch = [sys.executable, "-I", "-S", str(ROOT / "bench" / "stopwatch.py")]
        command = [sys.executable, "-m", "etl", "--config", str(self.config)]
        run = subprocess.run(
            [*watch, *command, *map(str, arguments)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        out, _, facts = run.stdout.rpartition("\n")
        usage = json.loads(facts)
        return Done(usage["status"], out, run.stderr, out.encode()), usage["maxrss"] / 1024


@contextmanager
def fleet(folder: Path, *names: str, events: int = 2, tls: tuple[str, ...] = ()) -> Iterator[Fleet]:
    """Start a fake cluster for each of ``names``, with ``events`` in each, and write their kubeconfigs."""
    servers: dict[str, ApiServer] = {}
    try:
        for name in names:
            servers[name] = ApiServer(tls=name in tls, token=f"token-of-{name}").start()
            servers[name].kubeconfig(folder / f"{name}.kubeconfig", context=name)
            filled(servers[name], events)
        made = Fleet(folder, servers)
        made.configure()
        yield made
    finally:
        # Each takes up to half a second to see that it is to stop.
        with ThreadPoolExecutor(len(names)) as stopping:
            list(stopping.map(ApiServer.stop, servers.values()))
