"""The event lists that other tests import: complete, named, and unpacked as published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.lib import fixtures

# source, lists, items
SIZES = (
    ("chris-sanders-troubleshoot-mcp-server", 5, 175),
    ("craig8-blockchain-automation-framework", 2, 69),
    ("jgyy-ckad", 2, 976),
    ("rancher-support-bundle-kit", 4, 18),
    ("replicatedhq-sbctl", 1, 67),
    ("replicatedhq-troubleshoot", 32, 2041),
    ("vmware-tanzu-sonobuoy", 4, 274),
)


def test_every_source_is_listed() -> None:
    """The sources are exactly the folders of tests/data/events, each with its origin."""
    folders = sorted(path for path in fixtures.EVENTS.iterdir() if path.is_dir())
    assert tuple(path.name for path in folders) == fixtures.SOURCES
    assert [source for source, _, _ in SIZES] == list(fixtures.SOURCES)
    for folder in folders:
        assert "licence:" in (folder / "SOURCE.txt").read_text("utf-8")


@pytest.mark.parametrize(("source", "lists", "count"), SIZES)
def test_a_source_is_complete(source: str, lists: int, count: int) -> None:
    """Each source has as many lists and items as its origin."""
    paths = fixtures.json_files(source)
    assert len(paths) == lists
    assert len(fixtures.items(paths)) == count


def test_unpacked_files_hold_the_published_bytes(tmp_path: Path) -> None:
    """Fixtures unpack to plain files in the folders of their source."""
    (path,) = fixtures.unpacked(fixtures.json_files("replicatedhq-sbctl"), tmp_path)
    assert path == tmp_path / "replicatedhq-sbctl" / "json" / "velero.json"
    assert len(json.loads(path.read_bytes())["items"]) == 67


def test_the_yaml_of_kubectl_is_there() -> None:
    """jgyy-ckad also has the YAML that kubectl wrote, through both API groups."""
    paths = fixtures.yaml_files("jgyy-ckad")
    assert [path.name for path in paths] == ["events.events.k8s.io.yaml.gz", "events.yaml.gz"]
    assert all(fixtures.content(path).startswith(b"apiVersion: v1\nitems:\n") for path in paths)
