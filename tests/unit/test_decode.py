"""JSON of the API to event structs: typed where it keeps its word, item by item where not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.source import decode, objects
from etl.source.decode import Decoded

RECORDED = Path(__file__).parents[1] / "data" / "apiserver"
EVENT: dict[str, Any] = {
    "metadata": {"name": "web-0.1", "namespace": "shop", "uid": "u", "resourceVersion": "7"},
    "involvedObject": {"kind": "Pod", "name": "web-0"},
    "reason": "BackOff",
    "message": "Back-off",
    "count": 3,
}


def _recorded(name: str) -> bytes:
    return json.dumps(json.loads((RECORDED / name).read_bytes())["response"]["body"]).encode()


def _page(*items: object) -> Decoded:
    return decode.page(json.dumps({"kind": "EventList", "items": list(items)}).encode())


def _odd(path: str, value: object) -> dict[str, Any]:
    """The plain event with another value at ``path``."""
    event: dict[str, Any] = json.loads(json.dumps(EVENT))
    *folders, last = path.split(".")
    inner = event
    for folder in folders:
        inner = inner.setdefault(folder, {})
    inner[last] = value
    return event


def test_core_events_are_read() -> None:
    """A page of core/v1 gives its events in order, nothing odd about them."""
    decoded = decode.page(_recorded("01_list_page_1.json"))
    event = decoded.events[0]
    assert (event.involvedObject or objects.Reference()).kind == "Pod"
    assert event.message
    assert event.metadata.managedFields
    assert (decoded.malformed, decoded.unreadable) == (set(), [])


def test_both_groups_show_the_same_objects() -> None:
    """A page of events.k8s.io/v1 holds regarding, note and the deprecated fields instead."""
    decoded = decode.page(_recorded("04_list_events_k8s_io.json"))
    assert all(event.regarding and event.involvedObject is None for event in decoded.events)
    assert any(event.deprecatedCount for event in decoded.events)
    assert any(event.series and event.series.count for event in decoded.events)
    assert (decoded.malformed, decoded.unreadable) == (set(), [])


def test_a_header_is_read_without_the_items() -> None:
    """Kind, version and continue token are known before the items are decoded."""
    header = decode.header(_recorded("01_list_page_1.json"))
    assert header.kind == "EventList"
    assert header.metadata.continue_
    assert header.metadata.resourceVersion
    with pytest.raises(msgspec.DecodeError):
        decode.header(b"<html>502 Bad Gateway</html>")


@pytest.mark.parametrize("order", ["kmi", "imk", "ikm", "mik"])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_header_is_read_in_any_order_of_keys(order: str, indent: int | None) -> None:
    """A proxy that sorts keys puts the token behind the items: the list must not look finished."""
    parts: dict[str, dict[str, object]] = {
        "k": {"kind": "EventList"},
        "m": {"metadata": {"continue": "token", "resourceVersion": "5"}},
        "i": {"items": [EVENT, EVENT]},
    }
    body = {name: value for key in order for name, value in parts[key].items()}
    separators = None if indent else (",", ":")
    header = decode.header(json.dumps(body, indent=indent, separators=separators).encode())
    assert (header.kind, header.metadata.continue_) == ("EventList", "token")


@pytest.mark.parametrize(
    ("head", "tail"),
    [
        ('"kind":"EventList",', ',"metadata":{"continue":"token"},"warnings":["x"]'),
        ('"metadata":{"continue":"token","x":{"items":[]}},"kind":"EventList",', ""),
        ('"metadata":{"continue":"token","x":"\\"items\\":[]"},"kind":"EventList",', ""),
    ],
    ids=["something else is last", "items of something else", "items in a text"],
)
def test_a_header_is_not_taken_from_a_part_of_the_text(head: str, tail: str) -> None:
    """What only looks like the beginning of the items does not hide the token."""
    header = decode.header(f'{{{head}"items":[{json.dumps(EVENT)}]{tail}}}'.encode())
    assert (header.kind, header.metadata.continue_) == ("EventList", "token")


@pytest.mark.parametrize("cut", [1, 2, 3, 40])
def test_a_header_of_a_list_that_is_cut_off_is_refused(cut: int) -> None:
    """A body that breaks off anywhere is no list, however well it begins."""
    body = (
        b'{"kind":"EventList","metadata":{"resourceVersion":"5"},"items":['
        + json.dumps(EVENT).encode()
        + b"]}"
    )
    assert decode.header(body).metadata.resourceVersion == "5"
    with pytest.raises(msgspec.DecodeError):
        decode.header(body[:-cut])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"kind": "Status"}',
        b'{"items": [{"metadata": {}},',
        b'{"items": [{"message": "\\ud800',
        b'{"items": {}}',
        b'{"items": ' + b"[" * 100_000,
        b'{"items": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_is_no_page_is_refused(body: bytes) -> None:
    """A body that is not JSON, not whole, or holds no items raises, and is never an empty page."""
    with pytest.raises(msgspec.DecodeError):
        decode.page(body)


@pytest.mark.parametrize("items", [b"[]", b"null"])
def test_an_empty_page_is_one(items: bytes) -> None:
    """No events, and Go's empty list written as null, are a page without events."""
    assert decode.page(b'{"kind": "EventList", "items": ' + items + b"}").events == []


@pytest.mark.parametrize(
    ("path", "value", "read", "malformed"),
    [
        ("count", "5", 5, True),
        ("count", 5.0, 5, True),
        ("count", "many", None, True),
        ("count", 2.5, None, True),
        ("count", True, None, True),
        ("count", 10**30, None, True),
        ("count", -(2**63), -(2**63), False),
        ("count", {}, None, True),
        ("count", "null", None, False),
        ("count", None, None, False),
        ("series", "null", None, False),
        ("series", [], None, True),
        ("series.count", "4", 4, True),
        ("source", "kubelet", None, True),
        ("involvedObject", "null", None, False),
        ("involvedObject", [1], None, True),
        ("involvedObject.name", 5, "5", True),
        ("message", 5, "5", True),
        ("message", {"a": "中"}, '{"a": "中"}', True),
        ("message", "null", "null", False),
        ("eventTime", "null", "null", False),
        ("firstTimestamp", 1.5, "1.5", True),
        ("metadata.name", "null", "null", False),
        ("metadata.namespace", "null", "null", False),
        ("metadata.resourceVersion", 7, "7", True),
        ("metadata.labels", {"a": 1, "b": "x"}, {"a": "1", "b": "x"}, True),
        ("metadata.labels", ["a"], None, True),
        ("metadata.labels", "null", None, False),
        ("metadata.managedFields", "x", None, True),
        ("metadata.managedFields", [3, {"time": "T"}], [objects.ManagedField("T")], True),
    ],
)
def test_an_odd_field_costs_only_itself(
    path: str, value: object, read: object, malformed: object
) -> None:
    """A value that the API does not allow is read as far as it can be; the rest of its event is as said."""
    decoded = _page(EVENT, _odd(path, value), EVENT)
    assert len(decoded.events) == 3
    found: Any = decoded.events[1]
    for name in path.split("."):
        found = getattr(found, name)
    assert found == read
    assert decoded.malformed == ({1} if malformed else set())
    assert decoded.events[1].reason == "BackOff"
    assert decoded.events[0] == decoded.events[2]


def test_the_word_null_reads_alike_on_both_paths() -> None:
    """Texts of an event with an odd field are the same as of one without."""
    worded = {**EVENT, "type": "null", "reason": "null", "reportingComponent": "null"}
    plain, odd = _page(worded, {**worded, "count": "3"}).events
    for name in ("type", "reason", "metadata"):
        assert getattr(plain, name) == getattr(odd, name)


@pytest.mark.parametrize(
    "item", [5, "x", None, [], {}, {"metadata": None}, {"metadata": "null"}, {"metadata": []}]
)
def test_what_has_no_metadata_is_named(item: object) -> None:
    """An item that is no event object is counted by its place, and costs no other item."""
    decoded = _page(EVENT, item, EVENT)
    assert decoded.unreadable == ["item 1"]
    assert len(decoded.events) == 2


# Nested by hand: st.recursive warns now and then of a recursion that it did not happen to draw.
_PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
_NESTED = st.lists(_PLAIN, max_size=3) | st.dictionaries(st.text(), _PLAIN, max_size=3)
_VALUES = (
    _PLAIN
    | st.lists(_NESTED, max_size=2)
    | st.dictionaries(st.text(), _PLAIN | _NESTED, max_size=3)
)
_FIELDS = [field.encode_name for field in msgspec.structs.fields(objects.EventObject)]
_META = [field.encode_name for field in msgspec.structs.fields(objects.Metadata)]


@given(
    st.dictionaries(st.sampled_from(_FIELDS), _VALUES, max_size=4),
    st.dictionaries(st.sampled_from(_META), _VALUES, max_size=4),
)
def test_nothing_with_metadata_is_lost(fields: dict[str, Any], meta: dict[str, Any]) -> None:
    """Whatever stands in its fields, an object with a metadata object becomes an event."""
    decoded = _page(EVENT, {**fields, "metadata": meta}, EVENT)
    assert len(decoded.events) == 3
    assert decoded.unreadable == []


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b'"a\xffb"', "a\ufffdb"),
        (b'"a\\ud800b"', "a\ufffdb"),
        (b'"a\x1bb\nc"', "a\x1bb\nc"),
        (b"NaN", None),
        (b'"\\ud83d\\ude00"', "\N{GRINNING FACE}"),
        (b'"\\u0000"', "\x00"),
    ],
)
@pytest.mark.parametrize("field", ["message", "unknown"])
def test_broken_text_costs_only_itself(written: bytes, read: str | None, field: str) -> None:
    """Bytes that are not UTF-8, halves of surrogate pairs and bare control characters stop no page."""
    good = json.dumps(EVENT).encode()
    body = b'{"metadata": {"uid": "odd"}, "%s": %s}' % (field.encode(), written)
    decoded = decode.page(b'{"items": [' + good + b", " + body + b", " + good + b"]}")
    assert [event.metadata.uid for event in decoded.events] == ["u", "odd", "u"]
    assert decoded.events[1].message == (read if field == "message" else None)
    assert decoded.events[0].message == "Back-off"


def test_a_number_of_thousands_of_digits_is_no_count() -> None:
    """A number that no machine would read leaves its field null, and the event stays."""
    body = b'{"items": [{"metadata": {"uid": "u"}, "count": ' + b"9" * 5000 + b"}]}"
    decoded = decode.page(body)
    assert decoded.events[0].count is None
    assert decoded.malformed == {0}


def test_plain_data_of_yaml_is_read_alike() -> None:
    """Python data gives the same event as its JSON, and what JSON does not know is text."""
    decoded = Decoded()
    decode.add_plain(decoded, EVENT, "a")
    decode.add_plain(decoded, {"metadata": {"labels": {1: {b"x"}}}}, "b")
    decode.add_plain(decoded, ["no", "event"], "c")
    assert decoded.events[0] == _page(EVENT).events[0]
    assert decoded.events[1].metadata.labels == {"1": "\"{b'x'}\""}
    assert (decoded.malformed, decoded.unreadable) == ({1}, ["c"])


def test_data_that_holds_itself_is_survived() -> None:
    """YAML can say that a list is its own element; such a text is null."""
    endless: list[object] = []
    endless.append(endless)
    decoded = Decoded()
    decode.add_plain(decoded, {"metadata": {}, "message": endless}, "a")
    assert decoded.events[0].message is None
    assert decoded.malformed == {0}
