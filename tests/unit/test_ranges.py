"""Ranges of objects: what is kept of a file's end, what is asked for, what is forgotten."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from etl.errors import LakeError
from etl.lake import ranges
from etl.lake.filesystem import LakeFileSystem
from etl.lake.ranges import END_BYTES, RangedFile, Ranges

Asked = list[tuple[str, int, int]]


def over(objects: dict[str, bytes]) -> tuple[Ranges, Asked]:
    """Return ranges over objects in memory, and the list of what was asked of them."""
    asked: Asked = []

    def get(path: str, start: int, end: int) -> bytes:
        asked.append((path, start, end))
        return objects[path][start:end]

    return Ranges(size=lambda path: len(objects[path]), get=get), asked


def parquet(columns: int, rows: int = 1) -> bytes:
    """Return a Parquet file; the more columns, the longer its footer."""
    buffer = io.BytesIO()
    table = pa.table({f"column_{number}": list(range(rows)) for number in range(columns)})
    pq.write_table(table, buffer, compression="none", use_dictionary=False)
    return buffer.getvalue()


def test_short_file_is_one_request() -> None:
    """A file shorter than an end is asked for once, whatever is read of it."""
    data = parquet(3)
    found, asked = over({"a": data})
    assert found.end("a") == found.end("a") == data
    assert pq.read_table(RangedFile(found, "a")).num_rows == 1
    assert asked == [("a", 0, len(data))]


def test_long_footer_is_kept_whole() -> None:
    """A footer longer than an end costs one more request, and then its schema none."""
    data = parquet(600)
    found, asked = over({"a": data})
    names = pq.read_schema(io.BytesIO(found.end("a"))).names
    assert len(names) == 600
    assert pq.read_metadata(io.BytesIO(found.end("a"))).num_rows == 1
    assert len(asked) == 2
    assert asked[0] == ("a", len(data) - END_BYTES, len(data))
    assert asked[1][2] == asked[0][1]


@pytest.mark.parametrize("data", [b"", b"PAR1", b"no parquet", b"\xff\xff\xff\x7fPAR1"])
def test_what_is_no_parquet_is_kept_as_it_is(data: bytes) -> None:
    """The end of a damaged file is its end: whoever reads its footer finds the damage."""
    found, _ = over({"a": data})
    assert found.end("a") == data
    with pytest.raises(pa.ArrowInvalid):
        pq.read_schema(io.BytesIO(found.end("a")))


def test_ends_are_kept_up_to_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more files than there is room for the first ones are asked for once; the others, expected, for each reading."""
    monkeypatch.setattr(ranges, "_KEPT_BYTES", 1500)
    monkeypatch.setattr(ranges, "ENDS_AT_ONCE", 1)
    found, asked = over({name: bytes(1000) for name in "abcd"})
    found.expect("abcd")
    assert [path for path, _, _ in asked] == ["a", "b", "c", "d"], "fetched together all the same"
    for name in "abcdabcd":
        assert found.end(name) == bytes(1000)
    assert [path for path, _, _ in asked] == ["a", "b", "c", "d", "c", "d"]
    found.forget("a")
    assert found.end("c") == found.end("c")
    assert [path for path, _, _ in asked[6:]] == ["c"]


def test_chunks_are_kept_up_to_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """A range that is read again is asked for once, as long as there is room, and anew after the file was."""
    monkeypatch.setattr(ranges, "_CHUNK_BYTES", 50)
    found, asked = over({"a": bytes(range(100)), "b": bytes(100)})
    for _ in range(2):
        assert found.get("a", 10, 40) == bytes(range(10, 40))
        assert found.get("b", 0, 30) == bytes(30)
        assert found.get("a", 50, 50) == b""
    assert asked == [("a", 10, 40), ("b", 0, 30), ("b", 0, 30)]
    found.forget("a")
    found.get("b", 0, 30)
    found.get("b", 0, 30)
    found.get("a", 10, 40)
    assert asked[3:] == [("b", 0, 30), ("a", 10, 40)]


def test_forgotten_end_is_asked_for_again() -> None:
    """What was written anew is read anew."""
    objects = {"a": b"old"}
    found, _ = over(objects)
    assert found.end("a") == b"old"
    objects["a"] = b"newer"
    found.forget("a")
    found.forget("a")
    assert found.end("a") == b"newer"


def test_expected_ends_leave_trouble_to_the_reader() -> None:
    """An end that cannot be fetched in advance stops nothing; who opens the file is told."""

    def refuse(path: str, start: int, end: int) -> bytes:
        if path == "bad":
            raise LakeError("the store refused us")
        return bytes(end - start)

    found = Ranges(size=lambda _: 10, get=refuse)
    found.expect(["good", "bad", "better"])
    assert found.end("better") == bytes(10)
    asked: list[str] = []

    def gone_away(path: str, start: int, end: int) -> bytes:
        asked.append(path)
        return refuse("bad", start, end)

    gone = Ranges(size=lambda _: 10, get=gone_away)
    gone.expect([str(number) for number in range(1000)])
    assert len(asked) < 100, "a store that does not answer is not asked for every file"
    with pytest.raises(LakeError, match="refused us"):
        found.end("bad")
    assert str(found.failure) == "the store refused us"


@pytest.mark.parametrize(
    "path", ["_lake.json", "outbox/x", "parts/../_lake.json", "partsx/1", "/etc/passwd", "lake://x"]
)
def test_file_system_serves_its_trees_alone(path: str) -> None:
    """Only files below the given trees can be opened, and only for reading."""
    found, asked = over({"parts/1": b"x", path: b"secret"})
    system = LakeFileSystem(found, ["parts", "snapshots"])
    for question in (system.open, system.size, system.exists, system.glob):
        with pytest.raises(LakeError, match="not below the data"):
            question(path)
    with pytest.raises(LakeError, match="read-only"):
        system.open("parts/1", "wb")
    assert system.open("lake://parts/1").read() == b"x"
    assert asked == [("parts/1", 0, 1)]
