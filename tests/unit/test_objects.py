"""Files of a lake in an object store: the same promises as in a folder, over real HTTP."""

from __future__ import annotations

import errno
import logging
import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

from etl.config.settings import Storage
from etl.errors import LakeError, UsageError
from etl.lake import stores
from etl.lake.exclusive import PROBE
from etl.lake.files import Files
from etl.lake.folders import LocalFiles
from etl.lake.objects import ObjectFiles
from etl.timespan import Duration
from tests.lib.certificates import authority
from tests.lib.loopback import Answer, Delivery, Request
from tests.lib.stores import ENVIRON, Store, failing_every


@pytest.fixture
def store() -> Iterator[Store]:
    """An S3 with an empty bucket."""
    with Store() as running:
        yield running


@pytest.fixture(params=["folder", "no links", "s3"])
def files(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Files]:
    """A lake's files: in a folder, in one of a file system without hard links, and in a bucket."""
    if request.param == "no links":
        monkeypatch.setattr(os, "link", no_links)
    if request.param != "s3":
        yield LocalFiles(tmp_path / "lake")
        return
    with Store() as running:
        yield running.files()


def no_links(*_: object) -> None:
    """What ``link`` answers on SMB, FAT and many mounts by FUSE."""
    raise PermissionError(errno.EPERM, "Operation not permitted")


def fill(file: BinaryIO) -> None:
    """Write some rows."""
    file.write(b"rows")


def test_written_read_replaced_deleted(files: Files) -> None:
    """A file has the content that was written last; deleting it twice is fine."""
    files.write("a/b.bin", b"a long one")
    files.write("a/b.bin", b"two")
    assert files.read("a/b.bin") == b"two"
    files.delete("a/b.bin")
    files.delete("a/b.bin")
    with pytest.raises(FileNotFoundError):
        files.read("a/b.bin")


def test_listing_is_by_folder(files: Files) -> None:
    """A listing has all files below a folder, sorted, and nothing of a folder whose name goes on."""
    for path in ("parts/cluster=b/2", "parts/cluster=b/1", "parts/cluster=bc/3", "other"):
        files.write(path, b"")
    assert files.list("parts/cluster=b") == ["parts/cluster=b/1", "parts/cluster=b/2"]
    assert files.list("parts/cluster=b/") == ["parts/cluster=b/1", "parts/cluster=b/2"]
    assert len(files.list("parts")) == 3
    assert files.list("nothing") == []


def test_names_stay_as_they_are(files: Files) -> None:
    """The encoded name of a cluster is not decoded or encoded once more on its way."""
    path = "parts/cluster=arn%3Aaws%2Feks%20%25/date=2026-11-23/x.parquet"
    files.write(path, b"1")
    assert files.list("parts") == [path]
    assert files.read(path) == b"1"


def test_staged_is_invisible_until_published(files: Files) -> None:
    """A staged file can be read by its writer alone; publishing shows it, discarding leaves nothing."""
    staged = files.stage("parts/1", fill)
    files.stage("parts/2", fill).discard()
    assert files.list("") == []
    with staged.open() as file:
        assert file.read() == b"rows"
    staged.publish()
    staged.discard()
    assert files.list("") == ["parts/1"]
    assert files.read("parts/1") == b"rows"


def test_writer_that_fails_leaves_nothing(files: Files) -> None:
    """What is raised while a file is filled comes out, and no file is there."""

    def break_off(_: BinaryIO) -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        files.stage("parts/1", break_off)
    assert files.list("") == []


def test_reading_at_positions(files: Files) -> None:
    """An open file is read at any position, from its end too, and never beyond it."""
    files.write("a.bin", bytes(range(100)))
    with files.open("a.bin") as file:
        file.seek(-3, 2)
        assert file.read(10) == bytes([97, 98, 99])
        assert file.seek(10) == 10
        assert file.read(2) == bytes([10, 11])
        assert file.tell() == 12
        assert len(file.read()) == 88
        assert file.read(1) == b""
    with pytest.raises(FileNotFoundError), files.open("b.bin") as file:
        file.read()


def test_of_many_that_create_one_wins(files: Files) -> None:
    """When many create the same file at once, exactly one is told that it did, and its content stands."""
    assert files.create("first", b"")
    start = threading.Barrier(8)
    won: list[int] = []

    def create(number: int) -> None:
        start.wait()
        if files.create("m.json", str(number).encode()):
            won.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert files.read("m.json") == str(won[0]).encode()


def test_threads_share_an_open_file(store: Store) -> None:
    """Threads that seek and read one handle, as DuckDB's do, each get the bytes that they asked for."""
    files = store.files()
    files.write("a.bin", bytes(range(256)) * 4)
    wrong = []
    with files.open("a.bin") as file:

        def read(number: int) -> None:
            for turn in range(20):
                at = (number * 37 + turn * 11) % 1000
                file.seek(at)
                if file.read(5) != (bytes(range(256)) * 4)[at : at + 5]:
                    wrong.append(at)

        threads = [threading.Thread(target=read, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_large_file_goes_up_in_parts(store: Store) -> None:
    """Beyond 16 MiB a file is a multipart upload, and is there as a whole."""
    files = store.files()
    data = bytes(17 * 1024 * 1024)
    files.stage("big", lambda file: _written(file, data)).publish()
    assert files.read("big") == data
    assert [r.method for r in store.requests if "uploadId" in r.query] == ["PUT", "PUT", "POST"]


def _written(file: BinaryIO, data: bytes) -> None:
    file.write(data)


def test_small_file_is_one_request(store: Store) -> None:
    """Publishing a part is one PUT."""
    store.files().stage("parts/1", fill).publish()
    assert [(r.method, r.path) for r in store.requests] == [("PUT", "/bucket/team/lake/parts/1")]


def test_staged_file_takes_a_free_name_only(files: Files) -> None:
    """Of two staged files of one name, the first that is created stands, and the other is discarded."""
    assert files.exclusive() is True
    first, second = files.stage("days/1", fill), files.stage("days/1", fill)
    assert first.create() is True
    assert second.create() is False
    second.discard()
    assert files.read("days/1") == b"rows"
    assert [path for path in files.list("") if not path.startswith("_probe/")] == ["days/1"]


def test_name_that_was_taken_and_not_filled_is_free_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a file cannot get the name that was taken for it, no empty file stays under it."""
    files = LocalFiles(tmp_path)

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(LakeError, match="No space left on device; check space"):
        files.create("days/1", b"rows")
    assert list((tmp_path / "days").iterdir()) == []


def test_probe_is_remembered_in_the_lake(store: Store) -> None:
    """Whether the store creates exclusively is tried once; later runs read one small object."""
    assert store.files().exclusive() is True
    assert store.files().list("_probe") == [PROBE]
    store.requests.clear()
    assert store.files().exclusive() is True
    assert [(r.method, r.path) for r in store.requests] == [("GET", f"/bucket/team/lake/{PROBE}")]


def test_store_that_ignores_conditions_is_noticed(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """A store that drops If-None-Match is told about once a run, and create looks before it writes."""
    store.conditions = False
    files = store.files()
    with caplog.at_level(logging.WARNING, "etl"):
        assert files.create("m.json", b"first") is True
        assert files.create("m.json", b"second") is False
    assert files.read("m.json") == b"first"
    (record,) = caplog.records
    assert "ignores If-None-Match" in record.getMessage()
    store.conditions = True
    assert store.files().exclusive() is True, "a store that was mended is noticed"


def test_probe_is_of_one_bucket(store: Store) -> None:
    """A lake that was copied to another store with all its files is tried there anew."""
    assert store.files().exclusive() is True
    files = store.files("elsewhere")
    files.write(PROBE, store.files().read(PROBE))
    store.conditions = False
    assert files.exclusive() is False


def test_store_that_knows_no_conditions(store: Store) -> None:
    """A store that answers 501 to a condition is used without."""
    store.faults.append(lambda request: Answer(501) if "if-none-match" in request.headers else None)
    files = store.files(retries=0)
    assert files.exclusive() is False
    assert files.create("m.json", b"first") is True
    assert files.create("m.json", b"second") is False


def test_create_whose_answer_was_lost(store: Store) -> None:
    """A create that is repeated because its answer was lost knows its own object again."""
    files = store.files()
    assert files.exclusive()
    lost = [1]

    def lose(request: Request) -> Answer | None:
        return Answer(503) if request.method == "PUT" and lost and lost.pop() else None

    store.after.append(lose)
    assert files.create("m.json", b"mine") is True
    assert files.create("m.json", b"mine") is False


def test_failing_requests_are_repeated(store: Store) -> None:
    """Every third request fails, and nothing is noticed but the time that it takes."""
    store.faults.append(failing_every(3))
    files = store.files()
    for number in range(5):
        files.write(f"a/{number}", b"x")
    assert len(files.list("a")) == 5
    assert files.read("a/3") == b"x"


def refusal(files: ObjectFiles) -> list[str]:
    """Return what each kind of request says when it is refused; no secret and no address is in it."""
    said = []
    for action in (
        lambda: files.read("a"),
        lambda: files.list("parts"),
        lambda: files.write("a", b""),
        lambda: files.create("a", b""),
        lambda: files.delete("a"),
        lambda: files.open("a"),
        lambda: files.stage("a", fill).publish(),
    ):
        with pytest.raises(LakeError) as caught:
            action()
        text = str(caught.value)
        assert "s3://bucket/team/lake" in text
        assert "http" not in text.replace("plain http", "").replace("allow_http", "")
        assert not any(secret in text for secret in ENVIRON.values())
        assert len(text.splitlines()) == 1
        said.append(text)
    return said


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "check the credentials"), (401, "check the credentials"), (503, "503"), (400, "400")],
)
def test_refusals_say_what_to_do(store: Store, status: int, words: str) -> None:
    """Each refused request is one sentence with the status and advice."""
    body = b"<Error><Code>Oops</Code><Message>AKIAEXAMPLE not-a-real-secret-key</Message></Error>"
    store.faults.append(lambda _: Answer(status, body))
    assert all(words in text for text in refusal(store.files(retries=0)))


def test_store_that_is_not_there(store: Store) -> None:
    """A store that nobody runs, and a bucket that nobody made, are told apart."""
    closed = store.files(endpoint="http://127.0.0.1:9", retries=0)
    assert all("cannot be reached" in text for text in refusal(closed))
    nobody = ObjectFiles.at("s3://nobody/lake", store.storage(), ENVIRON)
    for action in (
        lambda: nobody.read("a"),
        lambda: nobody.write("a", b""),
        lambda: nobody.list(""),
    ):
        with pytest.raises(LakeError, match="no such bucket"):
            action()


def test_store_that_hangs(store: Store) -> None:
    """A store that says nothing ends with the timeout."""
    store.faults.append(lambda _: Answer(200, delivery=Delivery(wait=60, silent=True)))
    files = store.files(timeout=Duration(seconds=1), retries=0)
    with pytest.raises(LakeError, match="did not answer in time"):
        files.read("a")


def test_plain_http_has_to_be_allowed(store: Store) -> None:
    """An endpoint on plain http is refused unless the configuration allows it."""
    with pytest.raises(LakeError, match="allow_http"):
        store.files(allow_http=False, retries=0).read("a")


def test_store_with_an_authority_of_its_own(tmp_path: Path) -> None:
    """A certificate is checked: against the system's authorities and the one that the configuration names."""
    path = tmp_path / "ca.pem"
    authority().cert_pem.write_to_path(str(path))
    with Store(tls=True) as store:
        files = store.files(ca_file=str(path), allow_http=False)
        files.write("a", b"1")
        assert files.read("a") == b"1"
        with pytest.raises(LakeError, match="certificate is not trusted"):
            store.files(allow_http=False, retries=0).read("a")
        path.write_bytes(b"\xff")
        with pytest.raises(LakeError, match="holds no certificates in PEM form"):
            store.files(ca_file=str(path))
        path.unlink()
        with pytest.raises(LakeError, match=r"cannot read storage\.ca_file"):
            store.files(ca_file=str(path))


def test_bucket_in_the_name_of_the_host(store: Store) -> None:
    """A store that wants the bucket in the host's name, not in the path, gets it there."""
    endpoint = store.url.replace("127.", "")
    given = store.storage(endpoint=endpoint, path_style=False)
    with pytest.raises(LakeError):
        ObjectFiles.at("s3://127/lake", given, ENVIRON).read("a")
    assert store.requests[-1].path == "/lake/a"


def test_keys_come_from_files(store: Store, tmp_path: Path) -> None:
    """Keys named by file are the ones that sign; one that is missing is named, not shown."""
    identity, secret = tmp_path / "id", tmp_path / "secret"
    identity.write_text("AKIAFROMFILE\n")
    secret.write_text("file-secret-key\n")
    given = store.storage(access_key_id_file=str(identity), secret_access_key_file=str(secret))
    ObjectFiles.at("s3://bucket/x", given, ENVIRON).write("a", b"")
    assert "Credential=AKIAFROMFILE/" in store.requests[-1].headers["authorization"]
    secret.unlink()
    with pytest.raises(LakeError, match=f"{secret}"):
        ObjectFiles.at("s3://bucket/x", given, ENVIRON)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("ftp://x/y", "no kind of store"),
        ("https://x/y", "storage.endpoint"),
        ("s3:///y", "names no bucket"),
        ("s3://key:secret@b/y", "without keys"),
        ("s3://b/y?token=1", "without keys"),
        ("s3://b/../c", "without keys"),
    ],
)
def test_addresses_that_are_none(address: str, said: str) -> None:
    """What is not a scheme, a bucket and a prefix is refused, and its secrets are not repeated."""
    with pytest.raises(UsageError) as caught:
        stores.place(address)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_google_and_azure_are_spoken(tmp_path: Path) -> None:
    """gs:// and az:// open with keys from files or the environment, and say what is missing."""
    key, name = tmp_path / "key", tmp_path / "name"
    key.write_text("a2V5\n")
    name.write_text("account\n")
    azure = Storage(access_key_id_file=str(name), secret_access_key_file=str(key))
    assert ObjectFiles.at("az://container/lake", azure, {}).root == "az://container/lake"
    with pytest.raises(LakeError, match="az://container") as caught:
        ObjectFiles.at("az://container/lake", Storage(), {})
    assert "Account" in str(caught.value)
    assert ObjectFiles.at("gs://bucket", Storage(), {}).root == "gs://bucket"
    with pytest.raises(LakeError, match="gs://bucket") as caught:
        ObjectFiles.at("gs://bucket", Storage(secret_access_key_file=str(key)), {})
    assert "a2V5" not in str(caught.value)


def test_timeouts_are_short_enough_to_notice() -> None:
    """The default settings give up after minutes, not hours."""
    storage = Storage()
    assert storage.timeout * (storage.retries + 1) <= timedelta(minutes=5)
