"""docs/lake.md: its tables are the schema, its rules are the code's, and its examples run."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from etl.errors import UsageError
from etl.ingest import ImportRequest, Run, import_events
from etl.lake import layout
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.query import Session, session
from etl.source import decode
from etl.statements import sql_root, statement
from tests.lib import fixtures, lake_tables, tables

PAGE = lake_tables.PAGE.read_text("utf-8")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a lake of real events, some of them seen twice, and the shipped SQL."""
    folder = tmp_path_factory.mktemp("doc")
    shutil.copytree(sql_root(), folder / "sql")
    lake = Lake(LocalFiles(folder / "lake"))
    for number, path in enumerate(fixtures.json_files("jgyy-ckad")):
        # A list and a stripped one, both first seen at the same moment, so that there are copies.
        items = fixtures.items([path])
        for stripped in (True, False):
            body = [_stripped(item) for item in items] if stripped else items
            page = decode.page(json.dumps({"items": body}).encode())
            request = ImportRequest(cluster="arn:aws:eks/c", chunks=[page], collected_at=NOW)
            import_events(lake, request, Run(NOW, f"{number}{stripped:d}", lambda: NOW))
    return folder


def _stripped(item: dict[str, Any]) -> dict[str, Any]:
    metadata = {k: v for k, v in item["metadata"].items() if k != "resourceVersion"}
    return {**item, "metadata": metadata}


def _asked(folder: Path, query: str) -> list[dict[str, Any]]:
    with session(Lake(LocalFiles(folder / "lake"))) as opened:
        rows: list[dict[str, Any]] = opened.run(query, {}).to_pylist()
    return rows


def test_every_column_and_flag_is_documented_as_the_schema_has_it() -> None:
    """Name, type, nullability and sentence of each column stand in the page; if not, write them anew."""
    assert lake_tables.replaced(PAGE) == PAGE, "run: python -m tests.lib.lake_tables"


def test_the_layout_is_where_the_code_writes() -> None:
    """The paths of the page are those of the code, and its marker is the one that is written."""
    (block,) = _blocks("text")
    run = layout.snapshot_id(datetime(2026, 11, 23, 8, tzinfo=UTC), "9f1c02aa")
    assert f"`{run}`" in PAGE
    day = date(2026, 11, 23)
    for path in (
        layout.part_path("C", day, run),
        layout.ledger_path("C", day, run),
        layout.live_path("C"),
    ):
        drawn = path.replace("2026-11-23", "D").replace(run + ".parquet", "<run>")
        assert f"\n{drawn.removesuffix('.parquet')}" in block, drawn
    assert json.dumps({"format": "eventlake", "version": layout.FORMAT_VERSION}) in block


def test_cluster_names_are_encoded_as_the_page_says() -> None:
    """The example is encoded so, and the names that the page refuses are refused."""
    (name, segment) = re.findall(r"The ARN `(.*?)` is `(.*?)`", PAGE)[0]
    assert layout.encoded(name) == segment
    for refused in ("", ".", "..", "__HIVE_DEFAULT_PARTITION__", "a\tb", "a" * 201):
        with pytest.raises(UsageError):
            layout.encoded(refused)
    printable = [chr(code) for code in range(32, 127)]
    kept = "".join(one for one in printable if layout.encoded(f"{one}x") == f"{one}x")
    assert kept == "".join(re.findall(r"[A-Za-z0-9_.\-~]", "".join(printable)))


def test_the_worked_example_of_occurrences_is_what_the_statement_gives() -> None:
    """Each row of the table in the page adds what the shipped statement says."""
    table = re.search(r"(\| uid \| resource_version .*?)\n\n", PAGE, re.DOTALL)
    assert table
    lines = [line.strip("| ").replace(" | ", "|").rstrip("|") for line in table[1].splitlines()]
    rows = [line.split("|")[:7] for line in lines if not line.startswith("-")]
    given = "\n".join("|".join([*row[:5], "w"]) for row in rows[1:])
    head = "|".join([*rows[0][:5], "name"])
    opened = Session.over({"near": tables.near(tables.observations(f"{head}\n{given}"))})
    found = opened.run(statement("lake/occurrences").text, {}).to_pylist()
    shown = {
        (r["uid"], str(r["n"])): (str(r["occurrences"]), f"{r['since']:%Y-%m-%d %H:%M}")
        for r in found
    }
    assert shown == {(row[0], row[2]): (row[5], row[6]) for row in rows[1:]}


def test_the_sql_example_runs_in_plain_duckdb(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The statements of the page read the lake as they stand, and count what eventlake counts."""
    monkeypatch.chdir(folder)
    (block,) = _blocks("sql")
    connection = duckdb.connect()
    shown = [connection.execute(part) for part in block.split(";") if part.strip()][-1].fetchall()
    ours = _asked(
        folder,
        "select reason, count(*) as n from observations where date >= date '2021-01-01'"
        " group by reason order by n desc, reason limit 5",
    )
    assert shown == [(row["reason"], row["n"]) for row in ours]
    merged = connection.execute(
        "select uid, n, reason, message from newest order by uid, n"
    ).fetchall()
    wanted = _asked(folder, "select uid, n, reason, message from observations order by uid, n")
    assert merged == [tuple(row.values()) for row in wanted]
    connection.close()


def test_the_python_examples_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB and pandas find what eventlake's own views say."""
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    for block in _blocks("python"):
        exec(compile(block, "docs/lake.md", "exec"), names)  # noqa: S102 -- the page's own example
    ours = _asked(folder, "select sum(occurrences)::bigint as n from events")
    assert names["occurrences"] == ours[0]["n"]
    states, wanted = names["states"], _asked(folder, "select * from observations order by uid, n")
    assert len(names["parts"]) > len(states) == len(wanted)
    states = states.sort_values(["uid", "n"])
    assert states["message"].tolist() == [row["message"] for row in wanted]
    assert states["resource_version"].tolist() == [row["resource_version"] for row in wanted]
    assert set(states["cluster"]) == {"arn:aws:eks/c"}
    assert len(names["ledger"]) == 4
    names["con"].close()
