"""Google Cloud Storage and Azure: the same lake, imported, sealed, asked and raced for, as in a folder."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from etl.config.settings import Storage
from etl.lake.objects import ObjectFiles
from tests.lib.commandline import NOW, Done, eventlake
from tests.lib.google import GoogleStore

DUMP = Path(__file__).parents[1] / "data/events/jgyy-ckad/json/events.json.gz"
# A cluster's name that a path, an address and a store would each read in a way of their own.
CLUSTER = "arn:aws:eks:eu-1:1:cluster/a%20b c"
ACCOUNT = "devstoreaccount1"
# The key that Azurite's documentation tells everybody.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

Made = tuple[str, Storage]


@pytest.fixture
def google(tmp_path: Path) -> Iterator[Made]:
    """A bucket in a store that speaks Google's dialect."""
    with GoogleStore() as store:
        account = str(store.account(tmp_path))
        yield (
            "gs://bucket/team/lake",
            Storage(endpoint=store.url, allow_http=True, secret_access_key_file=account),
        )


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Made]:
    """A container in Azurite, Azure's own emulator."""
    program = shutil.which("azurite-blob")
    if program is None:
        pytest.skip("azurite-blob is not installed: npm install -g azurite")
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    options = f"--blobHost 127.0.0.1 --blobPort {port} --inMemoryPersistence --silent --disableTelemetry --skipApiVersionCheck"
    name, key = tmp_path / "name", tmp_path / "key"
    name.write_text(ACCOUNT)
    key.write_text(KEY)
    with subprocess.Popen([program, *options.split()], cwd=tmp_path) as running:
        try:
            make_container(port, "container")
            yield (
                "az://container/team/lake",
                Storage(
                    endpoint=f"http://127.0.0.1:{port}/{ACCOUNT}",
                    allow_http=True,
                    access_key_id_file=str(name),
                    secret_access_key_file=str(key),
                ),
            )
        finally:
            running.terminate()


def make_container(port: int, name: str) -> None:
    """Make a container by a signed request, as soon as the emulator answers."""
    date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    headers = {"x-ms-date": date, "x-ms-version": "2021-08-06"}
    lines = ["PUT", *[""] * 11, *(f"{key}:{value}" for key, value in headers.items())]
    signed = "\n".join([*lines, f"/{ACCOUNT}/{ACCOUNT}/{name}", "restype:container"])
    code = hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(code).decode()}"
    for _ in range(200):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        try:
            connection.request("PUT", f"/{ACCOUNT}/{name}?restype=container", b"", headers)
            assert connection.getresponse().status == 201
        except ConnectionError:
            time.sleep(0.1)
        else:
            return
        finally:
            connection.close()
    message = "the emulator does not answer"
    raise AssertionError(message)


@pytest.fixture(params=["google", "azure"])
def made(request: pytest.FixtureRequest) -> Made:
    """An address, and the settings that reach it."""
    found: Made = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def ask(made: Made, tmp_path: Path) -> Callable[..., Done]:
    """Run a command on the lake."""
    address, storage = made
    config = tmp_path / "config.yaml"
    keys = ("endpoint", "access_key_id_file", "secret_access_key_file")
    lines = [f"  {key}: {value}" for key in keys if (value := getattr(storage, key))]
    config.write_text("\n".join(["storage:", "  allow_http: true", *lines]))
    return partial(eventlake, "--config", config, "--lake", address, "--cluster", CLUSTER)


def told(ask: Callable[..., Done]) -> Any:
    """Import a dump twice, seal its days, and return every event that the lake then shows."""
    for command in (("import", DUMP), ("import", DUMP), ("seal",)):
        done = ask(*command, now=NOW)
        assert done.code == 0, done.err
    assert "2021-06-21 sealed, 456 states" in done.err
    query = "select * exclude (snapshot_id) from events order by uid, n, last_seen"
    done = ask("sql", query, "--format", "json", now=NOW)
    assert (done.code, done.err) == (0, "")
    return done.json()


def test_the_same_lake_as_in_a_folder(ask: Callable[..., Done], tmp_path: Path) -> None:
    """What is imported and sealed there is told event by event as a folder tells it."""
    folder = partial(eventlake, "--lake", tmp_path / "folder", "--cluster", CLUSTER)
    assert told(ask) == told(folder)


def test_of_many_that_create_one_wins(made: Made) -> None:
    """The store creates exclusively, and says so."""
    files = ObjectFiles.at(*made, {})
    assert files.exclusive() is True
    start = threading.Barrier(6)
    won: list[int] = []

    def create(number: int) -> None:
        start.wait()
        if files.create("m.json", str(number).encode()):
            won.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert files.read("m.json") == str(won[0]).encode()


def test_files_of_all_sizes(made: Made) -> None:
    """What is written, in one request or in parts, is listed, read as a whole and by range, and deleted."""
    files = ObjectFiles.at(*made, {})
    data = bytes(range(256)) * 80_000
    files.write("a/small", b"1")
    files.write("a/large", data)
    files.stage("a/staged", lambda file: _written(file, data)).publish()
    assert files.list("a") == ["a/large", "a/small", "a/staged"]
    assert files.read("a/large") == files.read("a/staged") == data
    with files.open("a/large") as file:
        file.seek(-256, 2)
        assert file.read(4) == bytes([0, 1, 2, 3])
    for path in files.list(""):
        files.delete(path)
        files.delete(path)
    assert files.list("") == []
    with pytest.raises(FileNotFoundError):
        files.read("a/small")


def _written(file: BinaryIO, data: bytes) -> None:
    file.write(data)
