"""A kubectl for tests: objects are files in a folder, and what is executed in a pod really runs, here.

Only what the plugin needs: ``get``, ``create``, ``delete pod`` and ``exec``, with the messages
and exit codes of the real one (1.32). A pod's volumes are folders of this machine; a mount that
is read-only and was written to ends the command with code 99. It starts as a program of its
own, so that pipes, signals and exit codes are those of processes, and quickly: it imports
nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_BROKEN_MOUNT = 99
PROGRAM = "/opt/eventlake/bin/eventlake"


@dataclass(frozen=True, slots=True)
class FakeCluster:
    """A cluster in a folder, and the environment in which its kubectl is found."""

    folder: Path

    @classmethod
    def made(cls, folder: Path, *objects: Mapping[str, Any]) -> FakeCluster:
        """Make a cluster that holds ``objects``; the claim ``eventlake`` is the folder ``volume``."""
        cluster = cls(folder)
        for name in ("bin", "objects", "volume"):
            (folder / name).mkdir(parents=True)
        program = folder / "bin" / "kubectl"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -S {__file__} {folder} "$@"\n')
        program.chmod(0o755)
        for item in objects:
            cluster.add(item)
        return cluster

    @property
    def environ(self) -> dict[str, str]:
        """What a shell has in which kubectl speaks to this cluster."""
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return {"PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(self.folder)}

    @property
    def lake(self) -> Path:
        """Where the lake of the manifests lies."""
        return self.folder / "volume" / "lake"

    @property
    def calls(self) -> list[list[str]]:
        """What kubectl was called with, oldest first."""
        log = self.folder / "calls"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    @property
    def pods(self) -> list[dict[str, Any]]:
        """The pods that are there."""
        return _objects(self.folder, "Pod")

    @property
    def created(self) -> dict[str, Any]:
        """The pod that was created last."""
        found: dict[str, Any] = json.loads((self.folder / "created").read_text())
        return found

    def add(self, item: Mapping[str, Any]) -> None:
        """Put an object into the cluster."""
        _keep(self.folder, item)

    def pods_become(self, **status: Any) -> None:
        """Let pods that are created from now on have this status."""
        (self.folder / "status").write_text(json.dumps(status))

    def commands_do(self, *, out: bytes = b"", err: str = "", code: int = 0, **more: Any) -> None:
        """Let what is executed answer this instead of running; ``broken``: kubectl fails; ``seconds``: it takes so long."""
        said = {"out": out.hex(), "err": err, "code": code, **more}
        (self.folder / "answer").write_text(json.dumps(said))


def main(folder: Path, arguments: list[str]) -> int:
    """Be kubectl once; return its exit code."""
    with (folder / "calls").open("a") as log:
        log.write(json.dumps(arguments) + "\n")
    own, _, executed = _split(arguments)
    words = [word for word in own if not word.startswith("--")]
    match words:
        case ["get", kinds]:
            wanted = {kind.partition(".")[0][:-1] for kind in kinds.split(",")}
            items = [item for item in _objects(folder) if item["kind"].lower() in wanted]
            print(json.dumps({"kind": "List", "items": items}))  # noqa: T201 - it is kubectl
        case ["get", kind, name]:
            return _get(folder, kind, name)
        case ["create"]:
            return _create(folder, json.load(sys.stdin))
        case ["delete", "pod", *names]:
            for name in names:
                (folder / "objects" / f"pod-{name}.json").unlink(missing_ok=True)
        case ["exec", name]:
            return _execute(folder, name, executed, listens="--stdin" in own)
        case _:
            return _fail(f"error: unknown command {arguments}")
    return 0


def _split(arguments: list[str]) -> tuple[list[str], str, list[str]]:
    if "--" not in arguments:
        return arguments, "", []
    place = arguments.index("--")
    return arguments[:place], "--", arguments[place + 1 :]


def _fail(text: str) -> int:
    sys.stderr.write(text + "\n")
    return 1


def _objects(folder: Path, kind: str = "") -> list[dict[str, Any]]:
    found = [json.loads(path.read_text()) for path in sorted((folder / "objects").iterdir())]
    return [item for item in found if kind in {"", item["kind"]}]


def _keep(folder: Path, item: Mapping[str, Any]) -> None:
    name = f"{item['kind'].lower()}-{item['metadata']['name']}.json"
    (folder / "objects" / name).write_text(json.dumps(item))


def _get(folder: Path, kind: str, name: str) -> int:
    path = folder / "objects" / f"{kind}-{name}.json"
    if not path.exists():
        return _fail(f'Error from server (NotFound): {kind}s "{name}" not found')
    sys.stdout.write(path.read_text())
    return 0


def _create(folder: Path, pod: dict[str, Any]) -> int:
    if (folder / "forbidden").exists():
        return _fail('Error from server (Forbidden): pods is forbidden: User "jo" cannot create')
    status = folder / "status"
    running = {"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]}
    pod["status"] = json.loads(status.read_text()) if status.exists() else running
    _keep(folder, pod)
    (folder / "created").write_text(json.dumps(pod))
    return 0


def _execute(folder: Path, name: str, words: list[str], *, listens: bool) -> int:
    pod = json.loads((folder / "objects" / f"pod-{name}.json").read_text())
    answer = folder / "answer"
    stdin = None if listens else subprocess.DEVNULL
    if answer.exists():
        # kubectl ends at once on Ctrl-C, and says nothing.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        return _answered(json.loads(answer.read_text()))
    (container,) = pod["spec"]["containers"]
    assert words[0] == PROGRAM
    environ = {entry["name"]: entry["value"] for entry in container["env"]}
    mounts = {
        mount["mountPath"]: _source(folder, pod, mount) for mount in container["volumeMounts"]
    }
    here = [sys.executable, "-m", "etl", *(_placed(word, mounts) for word in words[1:])]
    before = _state(folder, container, mounts)
    python = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "HOME": str(folder / "tmp")}
    code = subprocess.run(here, stdin=stdin, env=environ | python, check=False).returncode
    if _state(folder, container, mounts) != before:
        code = _BROKEN_MOUNT
    return _ended(code)


def _answered(said: dict[str, Any]) -> int:
    sys.stdout.buffer.write(bytes.fromhex(said["out"]))
    sys.stdout.flush()
    sys.stderr.write(said["err"])
    sys.stderr.flush()
    time.sleep(said.get("seconds", 0))
    return 1 if said.get("broken") else _ended(said["code"])


def _ended(code: int) -> int:
    if code:
        sys.stderr.write(f"command terminated with exit code {code}\n")
    return code


def _source(folder: Path, pod: dict[str, Any], mount: dict[str, Any]) -> Path:
    volume = next(v for v in pod["spec"]["volumes"] if v["name"] == mount["name"])
    if "configMap" in volume:
        path = folder / "config"
        path.mkdir(exist_ok=True)
        kept = folder / "objects" / f"configmap-{volume['configMap']['name']}.json"
        for name, text in json.loads(kept.read_text())["data"].items():
            (path / name).write_text(text)
        return path
    if "persistentVolumeClaim" in volume:
        return folder / "volume"
    path = folder / "tmp"
    path.mkdir(exist_ok=True)
    return path


def _placed(word: str, mounts: Mapping[str, Path]) -> str:
    """Return a global option with the path that it has on this machine."""
    option, sign, value = word.partition("=")
    for path, here in mounts.items():
        if sign and value.startswith(path + "/"):
            return f"{option}={here}{value.removeprefix(path)}"
    return word


def _state(folder: Path, container: dict[str, Any], mounts: Mapping[str, Path]) -> object:
    fixed = {m["mountPath"] for m in container["volumeMounts"] if m.get("readOnly")}
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for mount in fixed
        for path in mounts[mount].rglob("*")
        if folder in path.parents
    }


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
