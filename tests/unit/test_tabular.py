"""Pages read without an object per event: the plain ones are, the odd ones are left to others."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from etl.source import columns, decode, tabular
from etl.source.columns import EventColumns
from etl.source.normalise import Normaliser

RECORDED = Path(__file__).parents[1] / "data" / "apiserver"
EVENT: dict[str, Any] = {
    "metadata": {"name": "web-0.1", "namespace": "shop", "uid": "u", "resourceVersion": "7"},
    "involvedObject": {"kind": "Pod", "name": "web-0"},
    "message": "Back-off",
    "count": 3,
}
GOOD = json.dumps(EVENT).encode()


def _page(*items: bytes) -> bytes:
    return b'{"kind":"EventList","items":[' + b",".join(items) + b"]}\n"


def _event(**metadata: object) -> bytes:
    return json.dumps(EVENT | {"metadata": EVENT["metadata"] | metadata}).encode()


def _rows(said: EventColumns | None) -> list[dict[str, Any]]:
    assert said is not None
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    rows: list[dict[str, Any]] = (
        Normaliser(said, cluster="prod", observed_at=at).rows("run").to_pylist()
    )
    return rows


@pytest.mark.parametrize(
    "name", ["01_list_page_1", "05_list_core_with_series", "16_continue_inconsistent"]
)
def test_recorded_pages_need_no_structs(name: str) -> None:
    """What a real API server sent is read, and says what structs of it say."""
    recorded = json.loads((RECORDED / f"{name}.json").read_bytes())
    body = json.dumps(recorded["response"]["body"]).encode()
    assert _rows(tabular.page(body)) == _rows(columns.of_events(decode.page(body)))


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (_event(labels={"b": "2", "a": "1"}), {"labels": [("a", "1"), ("b", "2")]}),
        (_event(labels={}, annotations={"a": "1"}), {"labels": None, "annotations": [("a", "1")]}),
        (_event(name="中文 \N{GRINNING FACE}"), {"name": "中文 \N{GRINNING FACE}"}),
        (
            _event(
                managedFields=[
                    {"manager": "a", "time": "2026-11-23T08:00:01Z", "fieldsV1": {"f:x": {}}},
                    {"manager": "b", "time": "2026-11-23T08:00:03Z"},
                ]
            ),
            {"written_at": datetime(2026, 11, 23, 8, 0, 3, tzinfo=UTC)},
        ),
    ],
)
def test_what_few_events_have_is_read(item: bytes, expected: dict[str, Any]) -> None:
    """Labels, annotations, other scripts and several managers, beside an event that has none."""
    first, second = _rows(tabular.page(_page(GOOD, item)))
    assert {name: second[name] for name in expected} == expected
    assert (first["labels"], first["annotations"], first["written_at"]) == (None, None, None)


def test_lines_do_not_matter() -> None:
    """A page that was made pretty on its way says the same."""
    page = _page(GOOD, _event(uid="v"))
    pretty = json.dumps(json.loads(page), indent=2).encode()
    assert _rows(tabular.page(pretty)) == _rows(tabular.page(page))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"null", id="a word, which would end the process"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b"{}", id="no items"),
        pytest.param(_page(), id="empty"),
        pytest.param(_page(b"null"), id="item null"),
        pytest.param(_page(GOOD, b"7"), id="item that is a number"),
        pytest.param(_page(GOOD, b"{}"), id="no metadata"),
        pytest.param(_page(GOOD, b'{"metadata":{"uid":"u"},"regarding":{}}'), id="other group"),
        pytest.param(_page(GOOD.replace(b"3", b"3.0")), id="count with a point"),
        pytest.param(_page(GOOD.replace(b"3", b'"3"')), id="count as text"),
        pytest.param(_page(GOOD.replace(b"3", b"9223372036854775808")), id="count too large"),
        pytest.param(_page(GOOD.replace(b"Back-off", b"\xff")), id="broken text"),
        pytest.param(_page(GOOD.replace(b"Back-off", b"\\ud800")), id="half a character"),
        pytest.param(_page(GOOD[:-1] + b',"count":4}'), id="field twice"),
        pytest.param(_page(_event(labels={"a": 1})), id="label that is a number"),
        pytest.param(
            _page(_event(managedFields=[{"time": "2026-11-23T08:00:01.5Z"}, {"time": None}])),
            id="times that text does not order",
        ),
        pytest.param(_page(GOOD, b"[" * 100_000 + b"]" * 100_000), id="nested deeply"),
        pytest.param(_page(GOOD)[:-20], id="broken off"),
    ],
)
def test_odd_pages_are_left_to_the_careful_reader(body: bytes) -> None:
    """Whatever an API server does not write makes the answer null: nothing is guessed, nothing lost."""
    assert tabular.page(body) is None
