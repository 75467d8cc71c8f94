"""Paths of a lake: clusters of any name, partitions, the format's version."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.errors import LakeError, UsageError
from etl.lake import layout
from etl.lake.files import Files
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake, clusters_of, encoded

DAY = date(2026, 11, 23)
ARN = "arn:aws:eks:eu-central-1:123456789012:cluster/shop"


@pytest.fixture
def lake(files: Files) -> Lake:
    """A lake that is not there yet."""
    return Lake(files)


@pytest.mark.parametrize(
    ("cluster", "segment"),
    [
        ("prod", "prod"),
        (ARN, "arn%3Aaws%3Aeks%3Aeu-central-1%3A123456789012%3Acluster%2Fshop"),
        ("生产", "%E7%94%9F%E4%BA%A7"),
        ("50%", "50%25"),
        ("%2F", "%252F"),
        ("a b", "a%20b"),
        ("../x", "..%2Fx"),
        ("...", "..."),
        ("cluster=x", "cluster%3Dx"),
        ("a*[b]?", "a%2A%5Bb%5D%3F"),
        ("a'b\"c", "a%27b%22c"),
        ("null", "null"),
    ],
)
def test_a_cluster_is_one_segment_of_a_path(cluster: str, segment: str) -> None:
    """Whatever a path, a glob or Hive would read in a name is percent-encoded."""
    assert encoded(cluster) == segment


@pytest.mark.parametrize(
    "cluster", ["", ".", "..", "a\nb", "a\x00b", "\ud800", "__HIVE_DEFAULT_PARTITION__"]
)
def test_a_name_that_cannot_be_a_folder_is_refused(cluster: str) -> None:
    """Folders that mean something else, what cannot be printed, and Hive's word for null are no names."""
    with pytest.raises(UsageError, match="cannot be a cluster's name"):
        encoded(cluster)


def test_a_name_that_is_too_long_is_refused() -> None:
    """A name must fit into a file name once it is encoded, and the message says how long it is."""
    assert len(encoded("a" * 200)) == 200
    with pytest.raises(UsageError, match="207 bytes encoded, at most 200"):
        encoded("生" * 23)


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_every_name_comes_back_from_its_path(cluster: str) -> None:
    """The partition that a path names is the cluster that it was made of."""
    try:
        path = layout.part_path(cluster, DAY, "p")
    except UsageError:
        return
    assert path.count("/") == 3
    found = layout.partitioned(path)
    assert found is not None
    assert (found.cluster, found.date) == (cluster, DAY)


def test_trees_list_the_files_of_their_partitions(lake: Lake) -> None:
    """Parts and ledger are told apart, by cluster and by day; other files are no data."""
    paths = [
        layout.part_path(ARN, DAY, "s1"),
        layout.part_path(ARN, date(2026, 11, 24), "s1-1"),
        layout.part_path("prod", DAY, "s2"),
        layout.ledger_path("prod", DAY, "s2"),
        layout.live_path("prod"),
        "parts/README.md",
        "parts/cluster=prod/date=2026-13-45/x.parquet",
        "parts/cluster=prod/date=2026-11-23/x.parquet.bak",
        "parts/cluster=prod/date=2026-11-23/deeper/x.parquet",
    ]
    for path in paths:
        lake.files.write(path, b"")
    assert [f.path for f in lake.parts()] == sorted(paths[:3])
    assert clusters_of(lake.parts()) == [ARN, "prod"]
    assert [f.path for f in lake.parts(ARN)] == paths[:2]
    assert [f.path for f in lake.partition(ARN, DAY)] == paths[:1]
    assert [f.path for f in lake.ledger()] == [paths[3]]
    assert lake.ledger("nobody") == []


def test_runs_sort_by_their_start() -> None:
    """Names of runs sort as their times, and two of the same moment differ by their id."""
    early = layout.snapshot_id(datetime(2026, 11, 23, 8, 0, 0, 5, tzinfo=UTC), "b")
    late = layout.snapshot_id(datetime(2026, 11, 23, 8, 0, 1, tzinfo=UTC), "a")
    assert early == "20261123T080000.000005Z-b"
    assert early < late


def test_a_new_lake_gets_its_marker_once(lake: Lake) -> None:
    """Preparing writes the version of the format, and preparing again changes nothing."""
    lake.prepare()
    lake.prepare()
    lake.check()
    assert json.loads(lake.files.read("_lake.json")) == {"format": "eventlake", "version": 1}


def test_no_lake_is_said(lake: Lake) -> None:
    """A folder without the marker is not a lake; the message tells how to name or make one."""
    with pytest.raises(LakeError, match=r"there is no lake at .*; name another one with --lake"):
        lake.check()


def test_a_newer_lake_is_refused(lake: Lake) -> None:
    """A format that this version does not know is neither read nor written."""
    lake.files.write("_lake.json", b'{"format": "eventlake", "version": 2}')
    for use in (lake.check, lake.prepare):
        with pytest.raises(LakeError, match="has format 2, this eventlake knows 1; use a newer"):
            use()


@pytest.mark.parametrize("marker", [b"", b"{", b"[]", b"{}", b'{"version": null}', b"\xff\xfe"])
def test_a_damaged_marker_is_said_and_stops_nobody(
    lake: Lake, marker: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Events expire while nobody looks, so the lake is taken for one of this version, with a warning."""
    lake.files.write("_lake.json", marker)
    for use in (lake.check, lake.prepare):
        caplog.clear()
        use()
        (warning,) = caplog.messages
        assert warning.startswith("_lake.json of the lake ")
        assert warning.endswith("is damaged; eventlake doctor --repair writes it anew")
    assert lake.files.read("_lake.json") == marker


@pytest.mark.parametrize("folder", ["cluster=x", "Date=2020-01-01", "namespace=shop", "scope="])
def test_a_lake_below_a_folder_like_a_column_is_refused(tmp_path: Path, folder: str) -> None:
    """Hive readers take column=value from the whole path, so such a folder would replace a column's values."""
    lake = Lake(LocalFiles(tmp_path / folder / "lake"))
    for use in (lake.prepare, lake.check):
        with pytest.raises(LakeError, match=f"the folder {folder} above the lake"):
            use()
    assert not (tmp_path / folder).exists()


def test_other_folders_with_an_equal_sign_are_fine(tmp_path: Path) -> None:
    """A name that is no column of ours disturbs nobody."""
    lake = Lake(LocalFiles(tmp_path / "env=prod" / "lake"))
    lake.prepare()
    lake.check()


def test_a_cluster_of_any_name_is_a_folder_that_the_system_takes(lake: Lake) -> None:
    """The longest names fit into the file system, with room for what a run is called."""
    path = layout.part_path(
        "a" * 200, DAY, layout.snapshot_id(datetime(2026, 11, 23, tzinfo=UTC), "0123abcd")
    )
    lake.files.write(path, b"")
    assert all(len(os.fsencode(segment)) <= 255 for segment in path.split("/"))
    assert lake.parts()[0].cluster == "a" * 200
