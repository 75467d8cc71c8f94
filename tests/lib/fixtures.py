"""The event lists of tests/data/events: paths and contents by source.

Each source is a folder with a ``SOURCE.txt`` (repository, commit, licence, oddities),
``json/`` (the lists) and, for jgyy-ckad, ``raw/`` (what kubectl wrote, in YAML). Files
are compressed (``gzip -9 -n``) and otherwise as published.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

EVENTS = Path(__file__).parent.parent / "data" / "events"
SOURCES = (
    "chris-sanders-troubleshoot-mcp-server",
    "craig8-blockchain-automation-framework",
    "jgyy-ckad",
    "rancher-support-bundle-kit",
    "replicatedhq-sbctl",
    "replicatedhq-troubleshoot",
    "vmware-tanzu-sonobuoy",
)


def json_files(source: str, below: str = "") -> list[Path]:
    """Paths of the compressed JSON lists of ``source``, or of a file or folder ``below`` its json/, sorted."""
    start = EVENTS / source / "json" / below
    found = [start] if start.is_file() else sorted(start.rglob("*.json.gz"))
    assert found, f"no fixtures at {start}"
    return found


def yaml_files(source: str) -> list[Path]:
    """Paths of the compressed YAML lists of ``source``, sorted; only jgyy-ckad has some."""
    return sorted((EVENTS / source / "raw").rglob("*.yaml.gz"))


def content(path: Path) -> bytes:
    """The published bytes of a fixture."""
    return gzip.decompress(path.read_bytes())


def items(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """The event objects of JSON fixtures, in order, whether the file is a list object or a bare list."""
    found: list[dict[str, Any]] = []
    for path in paths:
        document = json.loads(content(path))
        found += document if isinstance(document, list) else document["items"]
    return found


def unpacked(paths: Iterable[Path], into: Path) -> list[Path]:
    """Write the published bytes of ``paths`` below ``into``, in the same folders, and return the new paths."""
    written = []
    for path in paths:
        target = into / path.relative_to(EVENTS).with_suffix("")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content(path))
        written.append(target)
    return written
