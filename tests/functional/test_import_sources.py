"""Importing the event lists of seven real sources: every state once, in any order, in either form."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from etl import cli
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.query import session
from tests.lib import fixtures

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
# What tells who saw a state, and not what it is.
OURS = ("observed_at", "snapshot_id")
Row = dict[str, Any]


def _import(lake: Path, *paths: Path, cluster: str = "c", stdin: bytes = b"") -> tuple[int, str]:
    """Run the command in process; its exit code and what it said."""
    out, err = io.StringIO(), io.StringIO()
    arguments = ["--lake", str(lake), "--cluster", cluster, "import", *map(str, paths)]
    code = cli.main(arguments, environ={}, now=NOW, streams=(io.BytesIO(stdin), out, err))
    assert out.getvalue() == ""
    return code, err.getvalue()


def _asked(lake: Path, query: str) -> list[Row]:
    with session(Lake(LocalFiles(lake))) as opened:
        rows: list[Row] = opened.run(query, {}).to_pylist()
        assert opened.warnings == []
    return rows


def _states(items: Iterable[Row]) -> set[tuple[str, int]]:
    """The distinct (uid, n) of event objects, by the rule of section 0 of the semantics."""
    states = set()
    for item in items:
        count = item.get("count") or item.get("deprecatedCount") or 0
        series = (item.get("series") or {}).get("count") or 0
        states.add((item["metadata"]["uid"], next((n for n in (series, count) if n >= 1), 1)))
    return states


@pytest.mark.parametrize("source", fixtures.SOURCES)
def test_every_state_is_there_once(source: str, tmp_path: Path) -> None:
    """All lists of a source, in any order and then again, give each (uid, n) once and nothing unreadable."""
    paths = fixtures.json_files(source)
    items = fixtures.items(paths)
    random.Random(source).shuffle(paths)  # noqa: S311 -- an order, not a secret
    lake = tmp_path / "lake"
    for path in paths:
        assert _import(lake, path, cluster=source)[0] == 0
    parts = sorted(lake.glob("parts/**/*.parquet"))
    code, said = _import(lake, *reversed(paths), cluster=source)
    assert code == 0
    files = f"{len(paths)} file{'s' * (len(paths) > 1)}"
    expected = f"{source}: {len(items):,} events in {files}, 0 new states in the lake {lake}"
    assert said.strip().splitlines()[-1] == expected
    assert sorted(lake.glob("parts/**/*.parquet")) == parts
    states = _asked(lake, "select uid, n, cluster from observations order by uid, n")
    assert [(row["uid"], row["n"]) for row in states] == sorted(_states(items))
    assert {row["cluster"] for row in states} == {source}
    latest = _asked(lake, "select uid, n from latest order by uid")
    assert {row["uid"] for row in latest} == {uid for uid, _ in _states(items)}
    assert len(latest) == len({uid for uid, _ in _states(items)})
    (ledger,) = _asked(
        lake, "select sum(unreadable) as unreadable, sum(items) as items from snapshots"
    )
    assert (int(ledger["unreadable"]), int(ledger["items"])) == (0, 2 * len(items))


@pytest.mark.parametrize("source", fixtures.SOURCES)
def test_a_folder_is_all_its_lists(source: str, tmp_path: Path) -> None:
    """Naming the folder is the same as naming each list, and other files in it disturb nobody."""
    lake = tmp_path / "lake"
    assert _import(lake, fixtures.EVENTS / source / "json", cluster=source)[0] == 0
    (counted,) = _asked(lake, "select count(*) as n from observations")
    assert counted["n"] == len(_states(fixtures.items(fixtures.json_files(source))))


def _rows(lake: Path) -> dict[str, Row]:
    """The newest row of each uid, without what tells who saw it."""
    rows = _asked(lake, "select * from latest order by uid")
    return {row["uid"]: {k: v for k, v in row.items() if k not in OURS} for row in rows}


def test_both_api_groups_give_the_same_rows(tmp_path: Path) -> None:
    """A cluster listed through core/v1 and events.k8s.io/v1 gives the same rows, but for what happened in between."""
    group, core = fixtures.json_files("jgyy-ckad")
    assert (core.name, group.name) == ("events.json.gz", "events.events.k8s.io.json.gz")
    for path, lake in ((core, "core"), (group, "group")):
        assert _import(tmp_path / lake, path)[0] == 0
    one, other = _rows(tmp_path / "core"), _rows(tmp_path / "group")
    assert one.keys() == other.keys()
    grown = {
        uid: {name for name in row if row[name] != other[uid][name]}
        for uid, row in one.items()
        if row != other[uid]
    }
    assert len(grown) == 7
    moved = {"n", "raw_count", "last_seen", "last_timestamp", "resource_version", "written_at"}
    for uid, names in grown.items():
        assert {"n", "raw_count", "last_seen", "last_timestamp", "resource_version"} <= names
        assert names <= moved | {"date"}
        assert one[uid]["n"] != other[uid]["n"]


def test_both_api_groups_in_one_lake_are_one_cluster(tmp_path: Path) -> None:
    """Imported together, the seven that grew have two states and all others one."""
    paths = fixtures.json_files("jgyy-ckad")
    assert _import(tmp_path / "lake", *paths)[0] == 0
    rows = _asked(
        tmp_path / "lake", "select uid, count(*) as n from observations group by uid order by uid"
    )
    assert sorted(row["n"] for row in rows)[-8:] == [1, 2, 2, 2, 2, 2, 2, 2]


def test_yaml_gives_the_same_rows_as_json(tmp_path: Path) -> None:
    """What kubectl wrote as YAML is imported to the same rows as its JSON."""
    for form, paths in (
        ("json", fixtures.json_files("jgyy-ckad")),
        ("yaml", fixtures.yaml_files("jgyy-ckad")),
    ):
        assert _import(tmp_path / form, *paths)[0] == 0
    query = "select * from observations order by uid, n, last_seen"
    one, other = (
        [{k: v for k, v in row.items() if k not in OURS} for row in _asked(tmp_path / form, query)]
        for form in ("json", "yaml")
    )
    assert one == other
    assert len(one) == 495


def test_standard_input_is_a_file(tmp_path: Path) -> None:
    """What comes on standard input, compressed or not, is imported like a file."""
    (path,) = fixtures.json_files("replicatedhq-sbctl")
    for lake, data in (("packed", path.read_bytes()), ("plain", fixtures.content(path))):
        assert _import(tmp_path / lake, Path("-"), stdin=data)[0] == 0
    query = "select * from observations order by uid, n"
    one, other = (
        [{k: v for k, v in row.items() if k not in OURS} for row in _asked(tmp_path / lake, query)]
        for lake in ("packed", "plain")
    )
    assert one == other
    assert len(one) == 67


@pytest.mark.parametrize("form", ["file", "folder"])
def test_an_import_without_events_fails_and_says_so(form: str, tmp_path: Path) -> None:
    """No events is exit code 2 and a message; the lake learns nothing, least of all coverage."""
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "pods.json"
    path.write_text('{"kind": "List", "items": []}', "utf-8")
    lake = tmp_path / "lake"
    out, err = io.StringIO(), io.StringIO()
    given = str(path if form == "file" else path.parent)
    arguments = ["--lake", str(lake), "--cluster", "c", "import", given]
    arguments += ["--scope", "all", "--collected-at", "2026-11-23T11:00:00Z"]
    code = cli.main(arguments, environ={}, now=NOW, streams=(io.BytesIO(), out, err))
    assert code == 2
    assert "no events" in err.getvalue()
    assert str(path) in err.getvalue()
    assert _asked(lake, "select * from snapshots order by snapshot_id") == []
    assert _asked(lake, "select * from coverage order by started_at") == []


def test_a_bundle_with_a_damaged_file_is_imported_and_the_file_named(tmp_path: Path) -> None:
    """What can be read is in the lake; what cannot is counted in the ledger, named there and on stderr."""
    good, bad = fixtures.unpacked(
        fixtures.json_files("craig8-blockchain-automation-framework"), tmp_path
    )
    bad.write_bytes(bad.read_bytes()[:-100])
    code, said = _import(tmp_path / "lake", tmp_path / "craig8-blockchain-automation-framework")
    assert code == 0
    assert f"{bad} is not valid JSON" in said
    (ledger,) = _asked(tmp_path / "lake", "select * from snapshots order by snapshot_id")
    assert ledger["unreadable"] == 1
    assert ledger["unreadable_names"][0].startswith(str(bad))
    (counted,) = _asked(tmp_path / "lake", "select count(*) as n from observations")
    assert counted["n"] == len(_states(json.loads(good.read_bytes())["items"]))


def test_a_damaged_file_that_was_named_changes_nothing(tmp_path: Path) -> None:
    """One bad file among those named refuses the import as a whole, so that none is half there."""
    good, bad = fixtures.unpacked(
        fixtures.json_files("craig8-blockchain-automation-framework"), tmp_path
    )
    bad.write_bytes(bad.read_bytes()[:-100])
    code, said = _import(tmp_path / "lake", good, bad)
    assert code == 2
    assert f"{bad} is not valid JSON" in said
    assert _asked(tmp_path / "lake", "select * from observations order by uid") == []
    assert _asked(tmp_path / "lake", "select * from snapshots order by snapshot_id") == []
