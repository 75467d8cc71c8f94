"""The manifests: their files in order, cronjob.yaml as these make it, overlays as kubectl renders them.

Renderings are kept beside the tests with a digest of what they come from, so that tests of them
need no kubectl that is new enough, and still notice each file that was changed since.
``python -m tests.lib.manifests`` writes cronjob.yaml and the renderings anew.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
BASE = DEPLOY / "base"
POD = DEPLOY / "ask" / "pod.yaml"
MANIFEST = ROOT / "cronjob.yaml"
RENDERED = ROOT / "tests" / "data" / "manifests"
SOURCE = """\
What kubectl kustomize makes of deploy/base and of each folder of deploy/overlays.
Written by: python -m tests.lib.manifests
From files with the SHA-256 {}
"""
OVERLAYS = sorted(path.parent for path in DEPLOY.glob("overlays/*/kustomization.yaml"))
HEADER = """\
# eventlake as a CronJob: everything it needs, and nothing beside it.
#
#     kubectl apply -f cronjob.yaml
#     kubectl -n eventlake create job --from=cronjob/eventlake first
#     kubectl -n eventlake logs job/first --follow
#
# Look at three places before the first line, marked EDIT below:
#   1. the cluster's name: inside a cluster there is no kubeconfig that could tell it;
#   2. the image: none is published, so build it (docker build -t REPOSITORY/eventlake:0.1.0 .),
#      push it where your nodes can pull it, and name it here, best by digest;
#   3. the volume: its size, and its storage class if the default one does not fit.
# Everything else works as it stands, from Kubernetes 1.29 on. A chat that receives the digest is two
# steps more: see Secret below. A comment without a space behind its mark is YAML to switch on.
#
# This is what `kubectl kustomize deploy/base` renders, with the comments of its files. For a bucket
# instead of a volume, Roles instead of a ClusterRole, one job for each step, or OpenShift,
# see deploy/overlays: kubectl apply -k deploy/overlays/object-store
---
"""


def files(folder: Path) -> Iterator[Path]:
    """Yield the files of objects that a kustomization names, in its order, folders followed."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))
    for name in kustomization["resources"]:
        path = (folder / name).resolve()
        if path.is_dir():
            yield from files(path)
        else:
            yield path


def concatenated() -> str:
    """Return cronjob.yaml as the files of the base make it."""
    return HEADER + "---\n".join(path.read_text("utf-8") for path in files(BASE))


def switched_on(text: str) -> str:
    """Take the mark off commented-out YAML: ``#key`` without a space, and what is indented below it."""
    lines, column = [], -1
    for line in text.splitlines(keepends=True):
        found = re.match(r"( *)#(?=(\S)|  )", line)
        if found and (found[2] or len(found[1]) == column):
            column = len(found[1])
            lines.append(line[:column] + line[column + 1 :])
        else:
            column = -1
            lines.append(line)
    return "".join(lines)


def documents(text: str) -> list[dict[str, Any]]:
    """Return the objects that ``kubectl apply`` would see."""
    return [document for document in yaml.load_all(text, Loader=yaml.CSafeLoader) if document]


def fingerprint() -> str:
    """Return a digest of every file below deploy/ that a rendering comes from."""
    digest = hashlib.sha256()
    kustomized = {path.parent for path in DEPLOY.rglob("kustomization.yaml")}
    for path in sorted(file for folder in kustomized for file in folder.glob("*.yaml")):
        name, text = path.relative_to(DEPLOY).as_posix(), path.read_bytes()
        digest.update(f"{name} {len(text)}\n".encode() + text)
    return digest.hexdigest()


@cache
def kept(folder: Path) -> list[dict[str, Any]]:
    """Return the objects of a kustomization as they were rendered last."""
    return documents((RENDERED / f"{folder.name}.yaml").read_text("utf-8"))


def can_patch() -> bool:
    """Whether the kubectl of this machine renders overlays: from 1.21 on, and Debian 12 has 1.20."""
    return "Kustomize Version" in _output(_kubectl(), "version", "--client")


def rendered(folder: Path) -> list[dict[str, Any]]:
    """Render a kustomization with kubectl; one without patches also with an old one."""
    if can_patch():
        return documents(_output(_kubectl(), "kustomize", str(folder)))
    with TemporaryDirectory() as temporary:
        copy = Path(temporary) / "deploy"
        shutil.copytree(DEPLOY, copy)
        for path in copy.rglob("kustomization.yaml"):
            # kubectl before 1.21 has folders in a list of their own.
            said = yaml.safe_load(path.read_text("utf-8"))
            named = said.pop("resources")
            said["bases"] = [name for name in named if (path.parent / name).is_dir()]
            said["resources"] = [name for name in named if name not in said["bases"]]
            path.write_text(yaml.safe_dump(said), "utf-8")
        return documents(_output(_kubectl(), "kustomize", str(copy / folder.relative_to(DEPLOY))))


def in_order(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort objects by kind, namespace and name: versions of kubectl print them in different orders."""
    return sorted(
        objects,
        key=lambda d: (d["kind"], d["metadata"].get("namespace", ""), d["metadata"]["name"]),
    )


def _kubectl() -> str:
    kubectl = shutil.which("kubectl")
    assert kubectl, "kubectl is missing: .ci/run installs it (Debian: kubernetes-client)"
    return kubectl


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


if __name__ == "__main__":
    MANIFEST.write_text(concatenated(), "utf-8")
    for made in (BASE, *OVERLAYS):
        (RENDERED / f"{made.name}.yaml").write_text(
            yaml.safe_dump_all(rendered(made), sort_keys=True), "utf-8"
        )
    (RENDERED / "SOURCE.txt").write_text(SOURCE.format(fingerprint()), "utf-8")
