"""``eventlake views``: its SQL in a plain DuckDB shows the rows that our own session shows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from obstore.fsspec import FsspecStore

from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.query import session
from etl.lake.views import PUBLIC
from tests.lib import lakes, tables
from tests.lib.api_answers import encoded
from tests.lib.commandline import NOW, eventlake, parts
from tests.lib.events import event
from tests.lib.stores import ENVIRON, Store


def put(lake: Path, day: int, count: int) -> None:
    """Import a state of one event, some days ago."""
    at = NOW - timedelta(days=day)
    item = event(at=at, first=at - timedelta(hours=1), count=count, metadata={"uid": f"u{day}"})
    document = encoded({"kind": "List", "apiVersion": "v1", "items": [item]})
    done = eventlake(
        *("--lake", lake, "--cluster", "it's", "import", "-", "--collected-at", at.isoformat()),
        stdin=document,
        now=NOW + timedelta(minutes=count),
    )
    assert done.code == 0, done.err


def loaded(lake: Path) -> duckdb.DuckDBPyConnection:
    """Load what the command prints in a DuckDB that knows nothing of us."""
    done = eventlake("--lake", lake, "views")
    assert (done.code, done.err) == (0, "")
    connection = duckdb.connect()
    connection.execute(done.out)
    return connection


def agree(lake: Path) -> dict[str, int]:
    """Assert that every view has the same rows and types in both; return how many."""
    counts = {}
    with loaded(lake) as plain, session(Lake(LocalFiles(lake))) as ours:
        for view in PUBLIC:
            text = f"select * from {view} order by all"  # noqa: S608 -- ours
            theirs = plain.sql(text).to_arrow_table()
            wanted = ours.run(text, {})
            assert theirs.column_names == wanted.column_names
            assert [str(f.type) for f in theirs.schema] == [str(f.type) for f in wanted.schema]
            assert theirs.to_pylist() == wanted.to_pylist()
            counts[view] = wanted.num_rows
    return counts


def test_an_empty_lake_has_every_view(tmp_path: Path) -> None:
    """Before the first run the views are there, and empty."""
    lakes.empty(LocalFiles(tmp_path / "lake"))
    counts = agree(tmp_path / "lake")
    assert {view for view, count in counts.items() if count} == {"reasons"}


def test_open_and_sealed_days_are_shown_alike(tmp_path: Path) -> None:
    """Parts that are merged and counted, sealed days, and a day for which something came late."""
    lake = tmp_path / "it's a lake"
    for day, count in ((3, 2), (2, 2), (0, 2), (0, 5)):
        put(lake, day, count)
    opened = agree(lake)
    assert opened["observations"] == 4
    assert eventlake("--lake", lake, "seal").code == 0
    assert agree(lake) == opened
    put(lake, 2, 7)
    assert agree(lake)["observations"] == 5


def test_a_damaged_file_is_named_and_left_out(tmp_path: Path) -> None:
    """The script loads all the same, and stderr says what is missing."""
    lake = tmp_path / "lake"
    put(lake, 0, 1)
    put(lake, 1, 1)
    damaged = parts(lake)[0]
    damaged.write_bytes(damaged.read_bytes()[:100])
    done = eventlake("--lake", lake, "views")
    assert done.code == 0
    assert damaged.name in done.err
    with duckdb.connect() as connection:
        connection.execute(done.out)
        assert connection.sql("select count(*) from events").fetchall() == [(1,)]


def test_a_lake_in_a_bucket_is_named_by_its_own_addresses(tmp_path: Path) -> None:
    """Plain DuckDB says which address it cannot open, and taught a file system for S3 it shows what we show."""
    with Store() as store:
        config = tmp_path / "config.yaml"
        config.write_text(store.configuration())
        asked = ("--config", config, "--lake", "s3://bucket/team lake/", "--cluster", "a:b/c")
        document = encoded({"kind": "List", "apiVersion": "v1", "items": [event(at=NOW)]})
        proof = ("--scope", "all", "--collected-at", NOW.isoformat())
        done = eventlake(*asked, "import", "-", *proof, stdin=document, environ=ENVIRON)
        assert done.code == 0, done.err
        printed = eventlake(*asked, "views", environ=ENVIRON)
        assert (printed.code, printed.err) == (0, "")
        assert "give your session access" in printed.out
        with (
            duckdb.connect(config={"autoinstall_known_extensions": "false"}) as alone,
            pytest.raises(duckdb.Error, match=r"s3://bucket/team lake/parts|httpfs"),
        ):
            alone.execute(printed.out)
        access = FsspecStore(
            "s3",
            endpoint=store.url,
            client_options={"allow_http": True},
            access_key_id=ENVIRON["AWS_ACCESS_KEY_ID"],
            secret_access_key=ENVIRON["AWS_SECRET_ACCESS_KEY"],
        )
        with duckdb.connect() as plain, session(Lake(store.files("team lake"))) as ours:
            plain.register_filesystem(access)
            plain.execute(printed.out)
            for view in PUBLIC:
                text = f"select * from {view} order by all"  # noqa: S608 -- ours
                found = plain.sql(text).to_arrow_table().to_pylist()
                assert found == ours.run(text, {}).to_pylist()
                # Nothing was ever sent from this lake.
                assert bool(found) == (view not in {"alerts", "deliveries"}), view


def test_no_lake_is_an_error(tmp_path: Path) -> None:
    """There is nothing to print for a folder that is not there."""
    done = eventlake("--lake", tmp_path / "none", "views")
    assert (done.code, done.out) == (4, "")


@pytest.mark.parametrize("cluster", ["a", "b"])
def test_one_cluster_can_be_chosen(cluster: str, tmp_path: Path) -> None:
    """--cluster limits the files that are named."""
    lake = lakes.empty(LocalFiles(tmp_path / "lake"))
    rows = "cluster | uid | last_seen\na | 1 | 2026-11-23 08:00\nb | 2 | 2026-11-23 08:00"
    lakes.add(lake, "p", tables.observations(rows))
    done = eventlake("--lake", tmp_path / "lake", "--cluster", cluster, "views")
    with duckdb.connect() as connection:
        connection.execute(done.out)
        assert connection.sql("select cluster from events").fetchall() == [(cluster,)]
