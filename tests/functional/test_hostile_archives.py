"""Archives that are built to harm: each is refused whole, with its reason, and the lake learns nothing."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from tests.lib import bundles
from tests.lib.commandline import eventlake, ledger

EVENT = {
    "kind": "Event",
    "metadata": {"uid": "a", "name": "a"},
    "involvedObject": {"kind": "Pod", "name": "web-0"},
    "lastTimestamp": "2026-11-23T07:00:00Z",
}
GOOD = {"events.json": json.dumps(EVENT).encode()}
MIB = 1024 * 1024
# Zeros: more than any ratio is asked of, and gzip makes a thousandth of them.
BOMB = 257 * MIB
LINES = (b'{"a": "' + b" " * MIB + b'"}\n') * 257


def member(path: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> bytes:
    """A tar of an ordinary dump, and before it one member that is not ordinary."""
    info = tarfile.TarInfo(path)
    info.type, info.linkname, info.size = kind, target, size
    return info.tobuf(tarfile.GNU_FORMAT) + bundles.tarred(GOOD)


def zip_link(target: str) -> bytes:
    """A zip with a symbolic link."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        info = zipfile.ZipInfo("events.json")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, target)
    return data.getvalue()


def overlapping() -> bytes:
    """A zip of which two entries of the table are one and the same file."""
    data = bytearray(bundles.zipped({"a.json": GOOD["events.json"], "b.json": GOOD["events.json"]}))
    second = data.rindex(b"PK\x01\x02")
    data[second + 42 : second + 46] = struct.pack("<L", 0)
    return bytes(data)


def long_table() -> bytes:
    """A zip whose end claims a table of 4 GiB."""
    data = bytearray(bundles.zipped(GOOD))
    end = data.rindex(b"PK\x05\x06")
    data[end + 12 : end + 16] = struct.pack("<L", 0xFFFFFFF0)
    return bytes(data)


def matryoshka(depth: int) -> bytes:
    """An archive in an archive, and so on."""
    data = bundles.tarred(GOOD)
    for _ in range(depth):
        data = (
            bundles.zipped({"in.tar": data})
            if data[:2] != b"PK"
            else bundles.tarred({"in.zip": data})
        )
    return data


def sparse() -> bytes:
    """A tar with a file of an exabyte that takes no place."""
    info = tarfile.TarInfo("events.json")
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.realsize": str(2**60),
        "GNU.sparse.name": "events.json",
    }
    content = b"0\n".ljust(512, b"\0")
    info.size = len(content)
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info, io.BytesIO(content))
    return data.getvalue()


ZEROS = {"events.json": bytes(BOMB)}
# What is built, a word of the reason, and the settings that make a small archive too large.
HOSTILE: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "path outside": (lambda: member("../../etc/cron.d/x"), "leads out of it", ""),
    "hidden path outside": (lambda: member("a/b/../../../x"), "leads out of it", ""),
    "absolute path": (lambda: member("/etc/passwd"), "leads out of it", ""),
    "path of Windows": (lambda: member("..\\..\\x"), "leads out of it", ""),
    "symbolic link outside": (lambda: member("a/l", tarfile.SYMTYPE, "../../x"), "leads out", ""),
    "absolute link": (
        lambda: member("events.json", tarfile.SYMTYPE, "/etc/passwd"),
        "leads out",
        "",
    ),
    "hard link outside": (lambda: member("a/l", tarfile.LNKTYPE, "../x"), "leads out", ""),
    "device": (lambda: member("sda", tarfile.BLKTYPE), "is a device", ""),
    "named pipe": (lambda: member("events.json", tarfile.FIFOTYPE), "is a device", ""),
    "endless name": (lambda: member("x", tarfile.GNUTYPE_LONGNAME, size=2**33), "for a name", ""),
    "sparse file": (sparse, "unpacks to more than 100 GiB", ""),
    "bomb of gzip": (lambda: gzip.compress(LINES, 6), "times its size", ""),
    "bomb of zstd": (lambda: pa.compress(LINES, "zstd", asbytes=True), "times its size", ""),
    "bomb in a tar.gz": (lambda: gzip.compress(bundles.tarred(ZEROS)), "times its size", ""),
    "bomb in a zip": (lambda: bundles.zipped(ZEROS), "times its size", ""),
    "bomb by size": (
        lambda: member("pods.log", size=2 * 1024 * MIB),
        "unpacks to more than 1 GiB",
        "max_unpacked_gb: 1",
    ),
    "many entries": (
        lambda: bundles.tarred({str(n): b"" for n in range(1001)}),
        "more than 1,000 entries",
        "max_entries: 1000",
    ),
    "many entries of a zip": (
        lambda: bundles.zipped({str(n): b"" for n in range(1001)}),
        "more than 1,000 entries",
        "max_entries: 1000",
    ),
    "archives in archives": (lambda: matryoshka(4), "lie deeper than 3", ""),
    "gzip in gzip": (
        lambda: gzip.compress(gzip.compress(gzip.compress(gzip.compress(GOOD["events.json"])))),
        "compressed more than 3 times",
        "",
    ),
    "path outside of a zip": (lambda: bundles.zipped({"../x": b""}), "leads out of it", ""),
    "link of a zip": (lambda: zip_link("/etc/passwd"), "leads out of it", ""),
    "entries over each other": (overlapping, "lie over each other", ""),
    "a table of gigabytes": (long_table, "its table of 4,294,967,280 bytes", ""),
}


@pytest.mark.parametrize("trick", HOSTILE)
def test_a_hostile_archive_is_refused(trick: str, tmp_path: Path) -> None:
    """Code 2, one sentence with file and reason, no events, and no file beside the archive."""
    built, reason, setting = HOSTILE[trick]
    folder = tmp_path / "in"
    folder.mkdir()
    path = folder / "bundle.tar.gz"
    path.write_bytes(built())
    config = tmp_path / "eventlake.yaml"
    config.write_text(f"imports: {{{setting}}}\n")
    lake = tmp_path / "lake"
    # Also where it only lies among others.
    for given in (path, folder):
        done = eventlake("--config", config, "--lake", lake, "--cluster", "c", "import", given)
        assert done.code == 2
        name, _, why = done.sentence.partition(" is refused: ")
        assert name.startswith(str(path))
        assert reason in why
    assert ledger(lake) == []
    outside = [p.name for p in tmp_path.rglob("*") if p.is_file() and lake not in p.parents]
    assert sorted(outside) == ["bundle.tar.gz", "eventlake.yaml"]


def test_a_hostile_archive_within_a_good_one_is_refused(tmp_path: Path) -> None:
    """A trick does not become an unreadable file by being wrapped."""
    path = tmp_path / "b.zip"
    path.write_bytes(bundles.zipped({**GOOD, "node.tar": member("../x")}))
    done = eventlake("--lake", tmp_path / "lake", "--cluster", "c", "import", path)
    assert done.code == 2
    assert "b.zip: node.tar is refused: ../x leads out of it" in done.sentence
    assert ledger(tmp_path / "lake") == []


def test_links_within_an_archive_are_passed_over(tmp_path: Path) -> None:
    """Support bundles link their logs; such a link is neither followed nor refused."""
    path = tmp_path / "b.tar"
    path.write_bytes(member("cluster-resources/pods/logs/a.log", tarfile.SYMTYPE, "../../../a.log"))
    done = eventlake("--lake", tmp_path / "lake", "--cluster", "c", "import", path)
    assert done.code == 0, done.err
    assert "1 events in 1 file" in done.err


@pytest.mark.parametrize("cut", ["header", "content", "end of gzip"])
def test_a_truncated_archive_is_damaged(cut: str, tmp_path: Path) -> None:
    """What is cut off, wherever, is never taken for an end: its events would be lost without a word."""
    events = {
        f"{n}/events.json": GOOD["events.json"].replace(b'"a"', b'"%d"' % n) for n in range(3)
    }
    data = bundles.tarred(events)
    if cut == "header":
        data = data[:1300]
    elif cut == "content":
        data = data[:1600]
    else:
        data = gzip.compress(data)[:-4]
    path = tmp_path / "b.tar"
    path.write_bytes(data)
    done = eventlake("--lake", tmp_path / "lake", "--cluster", "c", "import", path)
    assert done.code == 2
    assert f"{path} is damaged" in done.sentence
    assert ledger(tmp_path / "lake") == []
