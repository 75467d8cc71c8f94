"""Dumps of every form to events, and what is said about files that hold none."""

from __future__ import annotations

import gzip
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from etl.errors import InputError
from etl.source import dump
from etl.source.dump import Reading


def _event(uid: str, **fields: Any) -> dict[str, Any]:
    about = {"kind": "Pod", "name": "web-0"}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"uid": uid, "name": f"web-0.{uid}"},
        "involvedObject": about,
        "message": f"message {uid}",
        **fields,
    }


A, B, C = _event("a"), _event("b"), _event("c")
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "items": {"x": 1}}
BARE = {k: v for k, v in A.items() if k not in {"kind", "apiVersion"}}


def _read(*paths: object, stdin: bytes = b"") -> tuple[list[str | None], list[str], Reading]:
    """The uids and the unreadable places of what the paths hold, and the reading."""
    reading = Reading()
    decoded = list(dump.chunks([str(p) for p in paths], reading, io.BytesIO(stdin)))
    uids = [event.metadata.uid for chunk in decoded for event in chunk.events]
    return uids, [place for chunk in decoded for place in chunk.unreadable], reading


def _text(*documents: object, indent: int | None = None) -> bytes:
    return b"\n".join(json.dumps(document, indent=indent).encode() for document in documents)


def _list(*items: object, kind: str = "List") -> dict[str, object]:
    return {"apiVersion": "v1", "kind": kind, "items": list(items), "metadata": {}}


FORMS = {
    "EventList": _text(_list(BARE, B, C, kind="EventList")),
    "List": _text(_list(A, B, C)),
    "List of mixed kinds": _text(_list(A, SERVICE, B, 5, None, [], C)),
    "bare list": _text([A, B, C]),
    "bare list of bare events": _text([BARE, B, C]),
    "pretty": _text(_list(A, B, C), indent=4),
    "JSON lines": _text(A, B, C),
    "JSON lines with blank ones": b"\n" + _text(A, B) + b"\r\n\r\n" + _text(C) + b"\n\n",
    "lines of lists": _text([A], _list(B, C)),
    "lists one after another": _text(_list(A, kind="EventList"), _list(B, C), indent=2),
    "a watch": _text(*({"type": "ADDED", "object": one} for one in (A, B, C))),
    "a watch with bookmarks and an error": _text(
        {"type": "ADDED", "object": A},
        {"type": "BOOKMARK", "object": {"kind": "Event", "metadata": {"resourceVersion": "9"}}},
        {"type": "MODIFIED", "object": B},
        {"type": "DELETED", "object": C},
        {"type": "ERROR", "object": {"kind": "Status", "code": 410}},
    ),
    "a recorded watch": _text(
        *({"received": "T", "type": "ADDED", "object": one} for one in (A, B, C))
    ),
    "a pretty watch": _text(*({"type": "ADDED", "object": one} for one in (A, B, C)), indent=4),
    "kubectl -w": _text(A, B, C, indent=4),
    "with a byte order mark": b"\xef\xbb\xbf" + _text(_list(A, B, C)),
    "UTF-16 of PowerShell": _text(_list(A, B, C), indent=4).decode().encode("utf-16"),
    "YAML List": yaml.safe_dump(_list(A, SERVICE, B, C)).encode(),
    "YAML documents": yaml.safe_dump_all([A, SERVICE, B, C]).encode(),
    "YAML lists": b"---\n" + yaml.safe_dump_all([_list(A), [B], None, C]).encode(),
    "JSON as YAML with tabs": _text(_list(A, B, C), indent=1).replace(b"\n ", b"\n\t"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["events.json", "events.yaml", "events", "-"])
def test_every_form_is_read(form: str, name: str, tmp_path: Path, *, packed: bool) -> None:
    """Whatever the envelope, the file's name and whether it is compressed, the same events come, in order."""
    data = gzip.compress(FORMS[form]) if packed else FORMS[form]
    path = tmp_path / (name + (".gz" if packed else ""))
    path.write_bytes(data)
    uids, unreadable, reading = _read("-" if name == "-" else path, stdin=data)
    assert uids == ["a", "b", "c"]
    assert unreadable == []
    assert (reading.files, reading.without_events) == (1, [])


@pytest.mark.parametrize(
    ("data", "others"),
    [
        (FORMS["List of mixed kinds"], 4),
        (FORMS["a watch with bookmarks and an error"], 2),
        (FORMS["YAML documents"], 1),
    ],
)
def test_other_objects_are_counted(data: bytes, others: int) -> None:
    """What is no event is left alone, and its number is known."""
    assert _read("-", stdin=data)[2].other_objects == others


@pytest.mark.parametrize("data", [_text(A), _text(BARE), yaml.safe_dump(A).encode()])
def test_a_single_event_is_a_dump(data: bytes) -> None:
    """The output of kubectl get event NAME is one event."""
    assert _read("-", stdin=data)[0] == ["a"]


def test_the_other_group_is_read() -> None:
    """Events of events.k8s.io/v1 are known by regarding."""
    event = {"metadata": {"uid": "r"}, "regarding": {"kind": "Pod"}, "note": "n"}
    assert _read("-", stdin=_text([event, {**event, "kind": "Event"}]))[0] == ["r", "r"]


@pytest.mark.parametrize(
    ("lines", "uids", "broken"),
    [
        ([_text(A), b'{"kind": "Event", "meta', _text(B)], ["a", "b"], ["-:2"]),
        ([_text(A), b'"metadata": {}}', _text(B)], ["a", "b"], ["-:1"]),
        ([b'{"kind": "Eve', _text(A), _text(B)], ["a", "b"], ["-:1"]),
        ([b'nt", "metadata": {}}', _text(A), _text(B)], ["a", "b"], ["-:1"]),
        ([_text(A), _text(B), b'{"kind": "Event", "metadata": {"uid"'], ["a", "b"], ["-:3"]),
        ([_text(A), b'{"kind": "Event"}', _text(B)], ["a", "b"], ["-:2"]),
        ([_text(A, indent=2), b"{", _text(B, indent=2)], ["a", "b"], ["-:14"]),
        ([_text(A), b'{"kind": "Event", "metadata": {}, "type": 5}'], ["a", None], []),
        ([_text(A), _text(SERVICE), b'{"kind": 5, "type": 5}'], ["a"], []),
    ],
)
def test_a_broken_line_costs_only_itself(
    lines: list[bytes], uids: list[str | None], broken: list[str]
) -> None:
    """A line that is cut off, at either end, is one unreadable item with its place; the others count."""
    found, unreadable, _ = _read("-", stdin=b"\n".join(lines))
    assert found == uids
    assert unreadable == broken


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'"a\xffb"', "a\ufffdb"),
        (b'"a\\ud800b"', "a\ufffdb"),
        (b'"a\tb"', "a\tb"),
        (b"5", "5"),
        (b"null", None),
    ],
)
@pytest.mark.parametrize("field", ["message", "type", "reason"])
def test_broken_text_in_a_dump_costs_nothing_else(
    text: bytes, message: str | None, field: str
) -> None:
    """An event with text that is not UTF-8, or no text, is read, and so are its neighbours."""
    odd = b'{"kind": "Event", "metadata": {"uid": "odd"}, "%s": %s}' % (field.encode(), text)
    for data in (
        b'{"kind": "List", "items": [' + _text(A) + b", " + odd + b", " + _text(B) + b"]}",
        b'{"kind": "EventList", "items": [' + _text(A) + b", " + odd + b", " + _text(B) + b"]}",
        b"[" + _text(A) + b", " + odd + b", " + _text(B) + b"]",
        _text(A) + b"\n" + odd + b"\n" + _text(B),
    ):
        reading = Reading()
        (decoded,) = dump.chunks(["-"], reading, io.BytesIO(data))
        assert [event.metadata.uid for event in decoded.events] == ["a", "odd", "b"]
        assert getattr(decoded.events[1], field) == message
        assert decoded.unreadable == []


def test_an_item_without_metadata_is_unreadable() -> None:
    """An event object that holds none of what makes one is named by file and position."""
    data = _text(_list(A, {"kind": "Event", "metadata": None}, 7, kind="EventList"))
    uids, unreadable, _ = _read("-", stdin=data)
    assert uids == ["a"]
    assert unreadable == ["- item 1", "- item 2"]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("e.json", b"", "holds no events"),
        ("e.json", b" \n\xef\xbb\xbf", "holds no events"),
        ("e.json", _text(_list()), "holds no events"),
        ("e.json", _text(_list(kind="EventList")), "holds no events"),
        ("e.json", b'{"kind": "EventList", "items": null}', "holds no events"),
        ("e.json", _text(SERVICE), "holds no events"),
        ("e.json", b"hello", "holds no events"),
        ("e.json", _text(_list(A, B), indent=4)[:-40], "is not valid JSON"),
        ("e.json", _text(_list(A, B))[:-4], "is not valid JSON"),
        ("e.json", _text([A, B], indent=4)[:-40], "is not valid JSON"),
        ("e.json", b"[" * 100_000, "is not valid JSON"),
        ("e.json", b"[" * 100_000 + b"]" * 100_000, "is not valid JSON"),
        ("e.yaml", b"items: [a, b", "is neither JSON nor YAML"),
        ("e.yaml", b"items:\n\t- a", "is neither JSON nor YAML"),
        ("e.yaml", b"a: 0b_\n", "is neither JSON nor YAML"),
        ("e.json", b"\x00\x01\x02\xff" * 50, "is neither JSON nor YAML"),
        ("e.json.gz", gzip.compress(_text(A), mtime=0)[:-9], "is damaged"),
        ("e.json.gz", b"\x1f\x8b" + b"x" * 50, "is damaged"),
        ("e.zip", b"PK\x03\x04" + b"\x00" * 50, "is damaged"),
        (
            "e.tar.gz",
            gzip.compress(b"e.json".ljust(257, b"\0") + b"ustar", mtime=0),
            "is damaged",
        ),
    ],
)
def test_a_named_file_without_events_is_refused(
    name: str, data: bytes, message: str, tmp_path: Path
) -> None:
    """Who names a file means its events; the error names the file and what is wrong with it."""
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        _read(path)
    assert str(caught.value).startswith(f"{path} {message}")
    assert len(str(caught.value)) < 400 + len(str(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A path that is not there is a usage error with the system's reason."""
    with pytest.raises(InputError, match=r"cannot read .*nothing.json: No such file"):
        _read(tmp_path / "nothing.json")


def test_an_empty_path_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that a script forgot to set does not import the current folder."""
    (tmp_path / "events.json").write_bytes(_text(A))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="an empty path"):
        _read("")


def test_a_folder_is_searched(tmp_path: Path) -> None:
    """All dumps below a folder are read in order of their names; other files are not looked at."""
    (tmp_path / "b" / "deep").mkdir(parents=True)
    (tmp_path / "b" / "deep" / "EVENTS.YAML").write_bytes(yaml.safe_dump(B).encode())
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(_text(A)))
    (tmp_path / "c.ndjson").write_bytes(_text(C))
    (tmp_path / "pods.json").write_bytes(_text(_list(SERVICE)))
    (tmp_path / "empty.yml").write_bytes(b"")
    (tmp_path / "kubelet.log").write_bytes(_text(A))
    uids, unreadable, reading = _read(tmp_path)
    assert uids == ["a", "b", "c"]
    assert unreadable == []
    assert reading.files == 5
    assert reading.without_events == [str(tmp_path / "empty.yml"), str(tmp_path / "pods.json")]


def test_a_damaged_file_in_a_folder_is_one_unreadable_item(tmp_path: Path) -> None:
    """A bundle with a truncated file is read, and the file is named as unreadable, not as empty."""
    (tmp_path / "a.json").write_bytes(_text(_list(A, B))[:-5])
    (tmp_path / "b.json").write_bytes(_text(B))
    (tmp_path / "c.json.gz").write_bytes(gzip.compress(_text(C))[:-10])
    uids, unreadable, reading = _read(tmp_path)
    assert uids == ["b"]
    assert [place.split(": ")[0] for place in unreadable] == [
        f"{tmp_path / 'a.json'} is not valid JSON",
        f"{tmp_path / 'c.json.gz'} is damaged",
    ]
    assert reading.without_events == []


def test_several_paths_and_standard_input(tmp_path: Path) -> None:
    """Files, folders and - may be given together, in any order."""
    (tmp_path / "a.json").write_bytes(_text(A))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "c.json").write_bytes(_text(C))
    uids, _, reading = _read(tmp_path / "a.json", "-", tmp_path / "folder", stdin=_text(B))
    assert uids == ["a", "b", "c"]
    assert reading.files == 3


def test_a_large_dump_comes_in_chunks() -> None:
    """Events are handed on in bounded numbers, so that a dump of any size fits into memory."""
    lines = _text(*(_event(str(number)) for number in range(dump.CHUNK + 1)))
    chunks = list(dump.chunks(["-"], Reading(), io.BytesIO(lines)))
    assert [len(chunk.events) for chunk in chunks] == [dump.CHUNK, 1]
    assert chunks[1].events[0].metadata.uid == str(dump.CHUNK)


def test_yaml_keeps_times_and_words_as_they_are() -> None:
    """YAML's own ideas about times, and = as a keyword, change no text of an event."""
    text = (
        b"kind: Event\nmetadata: {uid: a, creationTimestamp: 2026-11-23T08:00:00Z}\n"
        b"firstTimestamp: 2026-11-23\nmessage: =\nreason: 1e3\ncount: 5\n"
    )
    (decoded,) = dump.chunks(["-"], Reading(), io.BytesIO(text))
    event = decoded.events[0]
    assert event.metadata.creationTimestamp == "2026-11-23T08:00:00Z"
    assert (event.firstTimestamp, event.message, event.reason) == ("2026-11-23", "=", "1e3")
    assert event.count == 5
    assert decoded.malformed == set()


def test_thousands_of_small_files_are_a_few_chunks(tmp_path: Path) -> None:
    """A file costs little of its own: its events share a chunk, and those who wait see it go on."""
    for number in range(1200):
        (tmp_path / f"{number:04}.json").write_bytes(_text(_list(_event(str(number)))))
        (tmp_path / f"{number:04}-pods.json").write_bytes(_text(_list(SERVICE)))
    (tmp_path / "0007.json").write_bytes(_text(_list({**_event("odd"), "count": "x"})))
    reading = Reading()
    chunks = list(dump.chunks([str(tmp_path)], reading, io.BytesIO()))
    assert [len(chunk.events) for chunk in chunks] == [250, 250, 250, 250, 200]
    assert reading.files == 2400
    assert chunks[0].events[7].metadata.uid == "odd"
    assert chunks[0].malformed == {7}
    assert reading.share == 1.0


def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    """What is no file is left alone, whatever it is called."""
    os.mkfifo(tmp_path / "events.json")
    (tmp_path / "a.json").write_bytes(_text(A))
    assert _read(tmp_path)[0] == ["a"]


def test_yaml_that_repeats_itself_a_billion_times_is_looked_at_once() -> None:
    """Aliases of lists of aliases are a bomb for whoever follows each of them."""
    text = "a: &a [{involvedObject: 1}]\n" + "".join(
        f"{name}: &{name} [{', '.join(['*' + below] * 40)}]\n"
        for below, name in zip("abcdefg", "bcdefgh", strict=True)
    )
    with pytest.raises(InputError, match="holds no events"):
        _read("-", stdin=text.encode())
