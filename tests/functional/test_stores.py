"""The same lake in a folder and in an object store: commands, queries, locks, races, trouble."""

from __future__ import annotations

import io
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from etl import ingest
from etl.errors import LakeError
from etl.lake.layout import Lake
from etl.lake.query import session
from etl.source import dump as source
from tests.lib.api_answers import encoded
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW, Done, contents, eventlake
from tests.lib.events import event
from tests.lib.loopback import Answer
from tests.lib.stores import BUCKET, ENVIRON, Store, failing_every

ADDRESS = f"s3://{BUCKET}/team/lake"
STATES = "select uid, n, last_seen, reason, cluster, date from observations order by all"
DAY = timedelta(days=1)
SEEN = NOW - timedelta(hours=1)


@dataclass(frozen=True)
class World:
    """A lake's address, and how to ask for it."""

    lake: str
    config: Path
    store: Store

    def ask(self, *arguments: object, **world: Any) -> Done:
        """Run a command on the lake."""
        given = ("--config", self.config, "--lake", self.lake, *arguments)
        environ = {**ENVIRON, **world.pop("environ", {})}
        return eventlake(*given, environ=environ, **world)

    def done(self, *arguments: object, **world: Any) -> Done:
        """Run a command and expect it to succeed."""
        done = self.ask(*arguments, **world)
        assert done.code == 0, done.err
        return done

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Ask the views."""
        found: list[dict[str, Any]] = self.done("sql", query, "--format", "json").json()
        return found


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def store() -> Iterator[Store]:
    """An S3 with an empty bucket."""
    with Store() as running:
        yield running


@pytest.fixture
def remote(store: Store, tmp_path: Path) -> World:
    """A lake in a bucket."""
    config = tmp_path / "config.yaml"
    config.write_text(store.configuration())
    return World(ADDRESS, config, store)


@pytest.fixture(params=["folder", "s3"])
def world(request: pytest.FixtureRequest, remote: World, tmp_path: Path) -> World:
    """A lake in a folder and in a bucket."""
    if request.param == "s3":
        return remote
    return World(str(tmp_path / "lake"), remote.config, remote.store)


def dump(count: int, days: int = 1, length: int = 10) -> bytes:
    """Return what kubectl writes: ``count`` events on each of ``days`` days; no two messages are alike."""
    chance = random.Random(count)  # noqa: S311 -- the same in each run
    items = []
    with ApiServer() as server:
        for day in range(days):
            server.now = SEEN - day * DAY
            items += [
                server.add(
                    event(f"web-{day}-{n}", at=server.now, message=chance.randbytes(length).hex())
                )
                for n in range(count)
            ]
    return encoded({"kind": "List", "apiVersion": "v1", "items": items})


def import_(world: World, content: bytes, cluster: str = "prod") -> Done:
    """Import a dump from standard input."""
    return world.ask("--cluster", cluster, "import", "-", stdin=content)


def test_import_twice_changes_nothing(world: World) -> None:
    """An import is read back by the views, and done again adds nothing."""
    content = dump(3, days=2)
    assert import_(world, content).code == 0
    before = world.rows(STATES)
    assert [row["date"] for row in before].count("2026-11-23") == 3
    assert len(before) == 6
    assert import_(world, content).code == 0
    assert world.rows(STATES) == before
    added = world.rows("select rows_added from snapshots order by rows_added")
    assert added == [{"rows_added": 0}, {"rows_added": 6}]


def test_names_that_need_encoding(world: World) -> None:
    """A cluster's name with colons, slashes and percent signs comes back as it was given."""
    name = "arn:aws:eks:eu-1:1:cluster/a%20b c"
    assert import_(world, dump(1), cluster=name).code == 0
    assert [row["cluster"] for row in world.rows(STATES)] == [name]
    done = world.done("--cluster", name, "report", "top_reasons", "--format", "json")
    assert done.json()[0]["reason"] == "BackOff"


def test_snapshots_add_what_is_new(world: World, apiserver: ApiServer, tmp_path: Path) -> None:
    """A first snapshot stores all, a second one nothing, and a third what came since."""
    config = apiserver.kubeconfig(tmp_path / "kubeconfig")
    apiserver.add(event("web-1", at=NOW))
    for minutes, states in ((0, 1), (10, 1), (20, 2)):
        if minutes == 20:
            apiserver.add(event("web-2", at=NOW + timedelta(minutes=15)))
        world.done("snapshot", "--kubeconfig", config, now=NOW + timedelta(minutes=minutes))
        assert len(world.rows(STATES)) == states
    covered = world.rows("select covered from coverage order by started_at")
    assert covered == [{"covered": True}] * len(covered) != []


def test_run_sends_one_digest_a_day(world: World, apiserver: ApiServer, tmp_path: Path) -> None:
    """The main job writes page and digest; its outbox remembers that the digest was sent."""
    environ = {"KUBECONFIG": str(apiserver.kubeconfig(tmp_path / "kubeconfig"))}
    apiserver.add(event("web-1", at=NOW))
    world.done("run", environ=environ)
    tomorrow = NOW + DAY + timedelta(hours=2)
    assert "digest sent to" in world.done("run", environ=environ, now=tomorrow).err
    again = world.done("run", environ=environ, now=tomorrow + timedelta(minutes=10))
    assert "digest sent to" not in again.err
    folder = Path() if world.lake == ADDRESS else Path(world.lake).parent
    assert [path.suffix for path in (folder / "reports").iterdir()] == [".html"]


def test_damaged_file_is_left_out(remote: World) -> None:
    """An object that is no Parquet, cut or empty, costs its rows, is named, and stops nothing."""
    import_(remote, dump(2))
    files = remote.store.files()
    (part,) = files.list("parts")
    files.write(part.replace(".parquet", "-cut.parquet"), files.read(part)[:100])
    files.write(part.replace(".parquet", "-empty.parquet"), b"")
    files.write(part.replace(".parquet", "-length.parquet"), b"\xff\xff\xff\xffPAR1")
    done = remote.done("sql", "select count(*) as n from observations", "--format", "json")
    assert done.json() == [{"n": 2}]
    for name in ("cut", "empty", "length"):
        assert f"-{name}.parquet cannot be read and is left out" in done.err


@pytest.fixture
def month(remote: World) -> Store:
    """A store whose lake holds 20 days, one part of more than an end in each."""
    assert import_(remote, dump(40, days=20, length=1000)).code == 0
    return remote.store


def test_a_day_costs_its_own_files(month: Store) -> None:
    """Once a session stands, a count over a day asks for nothing, and a day's rows for that day's file alone."""
    with session(Lake(month.files())) as opened:
        month.requests.clear()
        count = "select count(*) as n from parts where date = date '2026-11-20'"
        assert opened.run(count, {}).to_pylist() == [{"n": 40}]
        assert month.requests == []
        opened.run("select * from parts where date = date '2026-11-20'", {})
        assert {r.path.split("/")[-2] for r in month.requests} == {"date%3D2026-11-20"}


def test_a_session_opens_with_one_request_a_file(month: Store) -> None:
    """Opening lists the trees and fetches each file's end once."""
    month.requests.clear()
    with session(Lake(month.files())):
        pass
    assert len(month.gets(".parquet")) == len(set(month.gets(".parquet"))) == 21
    # The marker, what is hidden, three listings.
    assert len(month.requests) == 21 + 5


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_text('/etc/hostname')",
        "select * from read_text('lake://_lake.json')",
        "select * from read_text('lake://parts/../_lake.json')",
        "select * from read_text('lake://outbox/x.json')",
        "select * from read_text('lake:///etc/hostname')",
        "select * from read_text('s3://bucket/team/lake/_lake.json')",
        "select * from read_text('http://127.0.0.1:9/x')",
        "select * from read_parquet('https://127.0.0.1:9/x.parquet')",
        "select * from glob('/etc/*')",
        "copy (select 1) to 'lake://parts/x.csv'",
        "copy (select 1) to 'x.csv'",
        "attach 'lake://parts/x.db'",
        "install httpfs",
    ],
)
def test_sql_reaches_the_data_alone(remote: World, query: str) -> None:
    """Statements of strangers read neither this machine nor the network nor the rest of the lake."""
    import_(remote, dump(1))
    remote.store.files().write("outbox/x.json", b"{}")
    before = remote.store.files().list("")
    done = remote.ask("sql", query)
    assert (done.code, done.out) == (2, "")
    refusals = (
        "() is out of reach: in FROM there are views and ",
        "exactly one SELECT is wanted: ",
    )
    assert any(words in done.sentence for words in refusals), done.err
    assert remote.store.files().list("") == before
    assert contents(Path()) == {}


def test_many_imports_at_once(remote: World) -> None:
    """Runs that meet write copies at worst; the views show each state once."""
    content = dump(5, days=2)
    start = threading.Barrier(4)
    done: list[int] = []

    def work(number: int) -> None:
        read = source.chunks(["-"], source.Reading(), io.BytesIO(content))
        request = ingest.ImportRequest(cluster="prod", chunks=read)
        start.wait()
        run = ingest.Run(NOW, str(number), lambda: NOW)
        entry = ingest.import_events(Lake(remote.store.files()), request, run)
        done.append(entry.items or 0)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [10] * 4
    assert len(remote.rows(STATES)) == 10


def test_store_that_fails_now_and_then(remote: World) -> None:
    """Every third request fails and is repeated: the command succeeds and the lake is whole."""
    remote.store.faults.append(failing_every(3))
    assert import_(remote, dump(4, days=3)).code == 0
    assert len(remote.rows(STATES)) == 12


@pytest.mark.parametrize("turn", range(2, 9))
def test_store_that_refuses_fails_the_run(remote: World, turn: int) -> None:
    """Whichever request is refused for good, the run says so, what is read stays right, and a rerun mends it."""
    remote.config.write_text(remote.store.configuration() + "  retries: 0\n")
    asked: list[int] = []

    def refuse(_: object) -> Answer | None:
        asked.append(1)
        return Answer(503) if len(asked) >= turn else None

    remote.store.faults.append(refuse)
    done = import_(remote, dump(2, days=2))
    assert done.code == 4
    assert "the store answered 503" in done.err
    assert "Traceback" not in done.err
    remote.store.faults.clear()
    if "_lake.json" in remote.store.files().list(""):
        # A ledger row promises rows that are there.
        states = len(remote.rows(STATES))
        added = remote.rows("select coalesce(sum(rows_added), 0) as n from snapshots")[0]["n"]
        assert states >= added
    assert import_(remote, dump(2, days=2)).code == 0
    assert len(remote.rows(STATES)) == 4


def test_store_that_goes_away_while_asked(month: Store) -> None:
    """A store that fails in the middle of a statement is told as such, not as a wrong statement."""
    with session(Lake(month.files(retries=0))) as opened:
        month.faults.append(lambda _: Answer(403))
        with pytest.raises(LakeError, match="check the credentials") as caught:
            opened.run("select * from parts where date = date '2026-11-20'", {})
        month.faults.clear()
        assert "Traceback" not in str(caught.value)


def test_store_that_ignores_conditions_is_told(remote: World) -> None:
    """The run goes on and warns, also under --quiet."""
    remote.store.conditions = False
    done = remote.done("--quiet", "--cluster", "prod", "import", "-", stdin=dump(1))
    assert "ignores If-None-Match" in done.err
    assert len(remote.rows(STATES)) == 1


@pytest.mark.parametrize("command", ["import", "sql"])
def test_wrong_keys(remote: World, command: str) -> None:
    """A store that refuses the keys ends the command with code 4 and one sentence without them."""
    remote.store.faults.append(
        lambda _: Answer(403, b"<Error><Code>InvalidAccessKeyId</Code></Error>")
    )
    arguments = {"import": ("--cluster", "c", "import", "-"), "sql": ("sql", "select 1")}[command]
    done = remote.ask(*arguments, stdin=dump(1))
    assert done.code == 4
    assert "InvalidAccessKeyId" in done.sentence
    assert not any(secret in done.err for secret in ENVIRON.values())


def test_no_lake_yet(remote: World) -> None:
    """Asking an empty prefix says how a lake is made, with its address."""
    assert f"there is no lake at {ADDRESS}" in remote.ask("sql", "select 1").sentence


def test_wrong_storage_section(remote: World) -> None:
    """All mistakes in the section are named at once."""
    remote.config.write_text(
        "storage: {endpoint: 'http://minio:9000', access_key_id_file: /x, retries: -1, timeout: 1ms}"
    )
    done = remote.ask("sql", "select 1")
    assert done.code == 2
    for key in ("endpoint", "access_key_id_file", "retries", "timeout"):
        assert f"storage.{key}" in done.err
