"""A watch in protobuf: what was recorded in JSON, written as a server writes it, is read alike."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from etl.reading import Reader
from etl.source import protobuf
from tests.lib.protobuf import frame

DATA = Path(__file__).parents[1] / "data"


def _recorded() -> list[dict[str, Any]]:
    """Every object of the recorded streams and lists, odd ones and those of events.k8s.io among them."""
    with gzip.open(DATA / "recorded" / "watch.jsonl.gz", "rt", encoding="utf-8") as lines:
        found = [json.loads(line)["object"] for line in lines]
    for name in ("14_watch", "05_list_core_with_series", "06_list_cluster_scoped"):
        response = json.loads((DATA / "apiserver" / f"{name}.json").read_text("utf-8"))["response"]
        found += [line["object"] for line in response.get("lines", [])]
        found += (response.get("body") or {}).get("items", [])
    return found


def _rows(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    reader = Reader(
        None, cluster="c", snapshot_id="s", observed_at=datetime(2026, 11, 23, 9, tzinfo=UTC)
    )
    body = {"kind": "EventList", "metadata": {}, "items": objects}
    read = reader.read(json.dumps(body).encode())
    assert read.unreadable == []
    found: list[dict[str, Any]] = read.rows.to_pylist()
    return found


def test_recorded_events_are_read_alike() -> None:
    """Rows of the lake are the same whichever way two thousand events travelled, in pieces of any size."""
    objects = _recorded()
    data = b"".join(frame("ADDED", one) for one in objects)
    pieces = [data[at : at + 4099] for at in range(0, len(data), 4099)]
    lines = [json.loads(line) for line in protobuf.lines(pieces)]
    assert {line["type"] for line in lines} == {"ADDED"}
    assert _rows([line["object"] for line in lines]) == _rows(objects)
    written = sum(len(json.dumps(one, separators=(",", ":"))) for one in objects)
    assert len(data) < 0.75 * written


def test_a_status_keeps_its_code() -> None:
    """The end of a watch says why."""
    status = {"kind": "Status", "status": "Failure", "message": "too old", "reason": "Expired"}
    (line,) = protobuf.lines([frame("ERROR", {**status, "code": 410})])
    told = json.loads(line)
    assert told["type"] == "ERROR"
    assert told["object"] == {"message": "too old", "reason": "Expired", "code": 410}


WHOLE = frame("DELETED", json.loads((DATA / "apiserver" / "14_watch.json").read_text("utf-8"))["response"]["lines"][2]["object"])  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        WHOLE[:-1],
        WHOLE[:3],
        b"<html>\n",
        b"\0\0\0\x02\x0a\x7f",
        b"\0\0\0\x03{}\n",
        (len(WHOLE) - 4).to_bytes(4, "big") + bytes(255 for _ in WHOLE[4:]),
        WHOLE.replace(b"k8s\0", b"json"),
        WHOLE.replace(b"\x12\x05Event", b"\x12\x05Event"[:-1] + b"s"),
    ],
    ids=["cut", "head", "html", "field", "json", "ones", "magic", "kind"],
)
def test_what_is_no_stream_of_events_is_an_error(data: bytes) -> None:
    """Whatever a proxy or another server writes ends as one kind of error, never as an event."""
    with pytest.raises(protobuf.ProtobufError):
        list(protobuf.lines([data]))
