"""Long dumps come in pieces: the same events as if they had been read whole, in bounded memory."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from etl.errors import InputError
from etl.source import documents, splitting, yamltext

COUNT = 150


def _event(number: int) -> dict[str, Any]:
    """An event with everything that could be taken for the place between two events."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "managedFields": [{"time": "t"}, {"time": "u"}],
            "name": f"web-0.{number}",
            "uid": str(number),
        },
        "involvedObject": {"kind": "Pod", "name": "web-0"},
        "message": 'a},{"apiVersion":"v1"},\n- apiVersion: v1\n{"kind": "x"}\n]}' * (number % 7),
        "related": None,
    }


EVENTS = [_event(number) for number in range(COUNT)]
LISTED = {
    "apiVersion": "v1",
    "items": EVENTS,
    "kind": "List",
    "metadata": {"resourceVersion": "]}"},
}
LOG = "==== START logs for container a of pod b/c ====\n" + '{"log": [\n' * 3000
FORMS = {
    "compact list": json.dumps(LISTED, separators=(",", ":")),
    "pretty list": json.dumps(LISTED, indent=4),
    "bare list": json.dumps(EVENTS),
    "pretty bare list": json.dumps(EVENTS, indent=1),
    "lines": "\n".join(map(json.dumps, EVENTS)),
    "pretty documents": "\n".join(json.dumps(event, indent=2) for event in EVENTS),
    "a watch": "\n".join(json.dumps({"type": "ADDED", "object": event}) for event in EVENTS),
    "lists and logs": "\n".join(
        f"{json.dumps({'kind': 'EventList', 'items': EVENTS[n : n + 10]}, indent=1)}\n{LOG}==== END logs for x ====\n"
        for n in range(0, COUNT, 10)
    ),
    "log of a container": "\n".join(
        f"2026-11-23T08:00:00Z stdout F {json.dumps(e)}" for e in EVENTS
    ),
    "YAML list": yaml.dump(LISTED, Dumper=yaml.CSafeDumper),
    "YAML list, indented": "apiVersion: v1\nitems:\n"
    + "".join(f"    {line}\n" for line in yaml.safe_dump(EVENTS).splitlines())
    + "kind: List\nmetadata:\n- x\n",
    "YAML documents": yaml.safe_dump_all(EVENTS),
    "YAML lists": yaml.safe_dump_all(
        [LISTED | {"items": EVENTS[:70]}, LISTED | {"items": EVENTS[70:]}]
    ),
    "UTF-16": json.dumps(LISTED, indent=4),
}


@pytest.fixture(params=[700, 5000, 40_000])
def _short_pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut everywhere, also within an item."""
    monkeypatch.setattr(documents, "_WHOLE", request.param)
    monkeypatch.setattr(splitting, "BLOCK", request.param)
    monkeypatch.setattr(yamltext, "_PIECE", request.param)


def _uids(found: Iterator[documents.Item]) -> list[str]:
    uids = []
    for _place, item in found:
        if item is not None:
            plain = item if isinstance(item, dict) else json.loads(bytes(item))
            uids.append(plain["metadata"]["uid"])
    return uids


@pytest.mark.usefixtures("_short_pieces")
@pytest.mark.parametrize("form", FORMS)
def test_pieces_hold_what_the_whole_holds(form: str) -> None:
    """Every event once and in order, wherever the pieces are cut."""
    data = FORMS[form].encode("utf-16" if form == "UTF-16" else "utf-8")
    assert _uids(documents.found("x", io.BytesIO(data))) == [str(n) for n in range(COUNT)]


@pytest.mark.usefixtures("_short_pieces")
@pytest.mark.parametrize("form", ["compact list", "pretty list", "bare list", "pretty bare list"])
def test_a_long_list_that_is_cut_off_says_so(form: str) -> None:
    """What is whole is handed on, and then comes the error: nobody takes half a list for all of it."""
    data = FORMS[form].encode()
    found = documents.found("x", io.BytesIO(data[: len(data) // 2]))
    with pytest.raises(InputError, match="x is not valid JSON"):
        _uids(found)


@pytest.mark.usefixtures("_short_pieces")
@pytest.mark.parametrize("form", ["compact list", "pretty list"])
def test_text_that_is_no_utf_8_costs_nothing_else(form: str) -> None:
    """One message that is not UTF-8 does not make a long list unreadable."""
    data = FORMS[form].encode().replace(b"web-0.77", b"web-\xff.77")
    found = list(documents.found("x", io.BytesIO(data)))
    assert len([item for _, item in found if item is not None]) == COUNT


@pytest.mark.usefixtures("_short_pieces")
def test_a_broken_item_of_a_long_yaml_list_costs_itself() -> None:
    """It is handed on as it is, to be named as unreadable."""
    text = FORMS["YAML list"].replace("uid: '77'", "uid: [77")
    found = [item for _, item in documents.found("x", io.BytesIO(text.encode()))]
    assert len(found) == COUNT
    assert [type(item) for item in found].count(bytes) == 1
