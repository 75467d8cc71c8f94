"""Event objects to rows: every rule of normalisation as a case."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from etl import schema
from etl.source import columns, decode
from etl.source.normalise import Normaliser

COLLECTED = datetime(2026, 11, 23, 12, tzinfo=UTC)
CREATED, FIRST, LAST = "2026-11-23T08:00:00Z", "2026-11-23T07:59:58Z", "2026-11-23T09:00:00Z"
MICRO, SERIES = "2026-11-23T07:59:59.123456Z", "2026-11-23T10:00:00.654321Z"
META = {"uid": "u", "name": "web.1", "namespace": "shop", "creationTimestamp": CREATED}


def _rows(*events: dict[str, Any], cluster: str = "prod") -> list[dict[str, Any]]:
    decoded = decode.page(json.dumps({"items": events}).encode())
    table = Normaliser(columns.of_events(decoded), cluster=cluster, observed_at=COLLECTED).rows(
        "run"
    )
    assert table.schema == schema.SCHEMA
    table.validate(full=True)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _row(*, metadata: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return _rows({"metadata": {**META, **(metadata or {})}, **fields})[0]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("fields", "n", "flags"),
    [
        ({"series": {"count": 7}, "count": 3}, 7, None),
        ({"series": {"count": 0}, "count": 3}, 3, None),
        ({"series": {"count": -1}, "deprecatedCount": 3}, 3, None),
        ({"series": {"count": 7}, "count": 0}, 7, None),
        ({"series": {"count": 7}, "count": -5}, 7, None),
        ({"series": {}, "count": 3}, 3, None),
        ({"count": 3}, 3, None),
        ({"deprecatedCount": 4}, 4, None),
        ({}, 1, None),
        ({"count": None}, 1, None),
        ({"count": 0, "eventTime": MICRO}, 1, None),
        ({"count": 0}, 1, ["count_invalid"]),
        ({"count": -3}, 1, ["count_invalid"]),
        ({"count": -3, "eventTime": MICRO}, 1, ["count_invalid"]),
        ({"series": {"count": 0}, "eventTime": MICRO}, 1, ["count_invalid"]),
        ({"series": {"count": -2}, "count": 0, "eventTime": MICRO}, 1, ["count_invalid"]),
    ],
)
def test_the_count_is_the_series_then_the_count_then_one(
    fields: dict[str, Any], n: int, flags: list[str] | None
) -> None:
    """series.count wins, then count; what is not positive becomes 1, and is flagged if it was said."""
    row = _row(**fields)
    assert (row["n"], row["flags"]) == (n, flags)


@pytest.mark.parametrize(
    ("fields", "last"),
    [
        (
            {
                "series": {"lastObservedTime": SERIES},
                "lastTimestamp": LAST,
                "eventTime": MICRO,
                "firstTimestamp": FIRST,
            },
            SERIES,
        ),
        ({"lastTimestamp": LAST, "eventTime": MICRO, "firstTimestamp": FIRST}, LAST),
        ({"deprecatedLastTimestamp": LAST, "eventTime": MICRO}, LAST),
        ({"eventTime": MICRO, "firstTimestamp": FIRST}, MICRO),
        ({"firstTimestamp": FIRST}, FIRST),
        ({"deprecatedFirstTimestamp": FIRST}, FIRST),
        ({}, CREATED),
        ({"lastTimestamp": FIRST, "firstTimestamp": LAST}, FIRST),
        ({"lastTimestamp": "null", "eventTime": MICRO}, MICRO),
        ({"lastTimestamp": "", "eventTime": MICRO}, MICRO),
        ({"lastTimestamp": "0001-01-01T00:00:00Z", "eventTime": MICRO}, MICRO),
        ({"series": {"count": 3}, "lastTimestamp": LAST}, LAST),
    ],
)
def test_the_last_time_is_the_first_that_is_there(fields: dict[str, Any], last: str) -> None:
    """Times are taken in their order and never as a maximum, because two clocks wrote them."""
    row = _row(**fields)
    assert row["last_seen"] == _at(last)
    assert row["flags"] is None


@pytest.mark.parametrize(
    ("fields", "first"),
    [
        ({"firstTimestamp": FIRST, "eventTime": MICRO}, FIRST),
        ({"deprecatedFirstTimestamp": FIRST, "eventTime": MICRO}, FIRST),
        ({"eventTime": MICRO, "lastTimestamp": LAST}, MICRO),
        ({"lastTimestamp": LAST}, CREATED),
    ],
)
def test_the_first_time_is_the_first_that_is_there(fields: dict[str, Any], first: str) -> None:
    """firstTimestamp, else eventTime, else the creation."""
    assert _row(**fields)["first_seen"] == _at(first)


def test_what_the_api_said_is_kept() -> None:
    """Every time and count stays beside the normalised ones."""
    row = _row(
        metadata={"managedFields": [{"time": LAST}], "resourceVersion": "42"},
        firstTimestamp=FIRST,
        lastTimestamp=LAST,
        eventTime=MICRO,
        count=-3,
        series={"count": 9, "lastObservedTime": SERIES},
    )
    expected = {
        "raw_count": -3,
        "series_count": 9,
        "first_timestamp": _at(FIRST),
        "last_timestamp": _at(LAST),
        "event_time": _at(MICRO),
        "series_last_seen": _at(SERIES),
        "created_at": _at(CREATED),
        "written_at": _at(LAST),
        "resource_version": 42,
        "observed_at": COLLECTED,
        "snapshot_id": "run",
        "deleted_at": None,
        "deleted_early": None,
        "object_labels": None,
        "namespace_labels": None,
        "owner_kind": None,
        "owner_name": None,
    }
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("last", "clamped"),
    [
        ("2026-11-24T12:00:00Z", False),
        ("2026-11-24T12:00:00.000001Z", True),
        ("2099-01-01T00:00:00Z", True),
        ("2026-11-22T08:00:00Z", False),
        ("2026-11-22T07:59:59.999999Z", True),
        ("1970-01-01T00:00:00Z", True),
    ],
)
def test_a_time_out_of_bounds_becomes_the_creation(last: str, *, clamped: bool) -> None:
    """A day before the creation and a day after the collection is as far as a time is believed."""
    row = _row(lastTimestamp=last)
    assert row["last_seen"] == (_at(CREATED) if clamped else _at(last))
    assert row["flags"] == (["time_clamped"] if clamped else None)
    assert row["last_timestamp"] == _at(last)


def test_an_old_managed_field_does_not_bound_the_time() -> None:
    """Servers of 2021 leave written_at at the creation while the count grows: last_seen stays."""
    row = _row(
        metadata={
            "creationTimestamp": "2026-11-01T00:00:00Z",
            "managedFields": [{"time": "2026-11-01T00:00:00Z"}],
        },
        lastTimestamp=LAST,
    )
    assert (row["last_seen"], row["flags"]) == (_at(LAST), None)


def test_without_a_creation_the_collection_stands_in() -> None:
    """A stripped object's future time becomes the time of collection, and its past is believed."""
    late, early = _rows(
        {"metadata": {"uid": "a"}, "lastTimestamp": "2099-01-01T00:00:00Z"},
        {"metadata": {"uid": "b"}, "lastTimestamp": "2020-01-01T00:00:00Z"},
    )
    assert (late["last_seen"], late["flags"]) == (COLLECTED, ["time_clamped"])
    assert (early["last_seen"], early["flags"]) == (_at("2020-01-01T00:00:00Z"), None)


def test_no_time_at_all_is_the_collection() -> None:
    """An event without any time is stored at the time of collection, and flagged."""
    (row,) = _rows({"metadata": {"uid": "u"}, "firstTimestamp": None, "eventTime": "null"})
    assert (row["last_seen"], row["first_seen"]) == (COLLECTED, None)
    assert row["flags"] == ["no_time"]


@pytest.mark.parametrize(
    ("n", "seconds", "implausible"),
    [
        (1000, 0, False),
        (1001, 0, True),
        (1001, 1, True),
        (2000, 2, False),
        (2001, 2, True),
        (3_600_000, 3600, False),
        (3_600_001, 3600, True),
        (2**63 - 1, 3600, True),
        (1001, -5, True),
    ],
)
def test_a_count_that_nobody_can_produce_is_flagged(
    n: int, seconds: int, *, implausible: bool
) -> None:
    """More than 1,000 per second between first and last, at least one second, is a stranger's claim."""
    last = (_at(FIRST) + timedelta(seconds=seconds)).isoformat()
    row = _row(firstTimestamp=FIRST, lastTimestamp=last, count=n)
    assert row["n"] == n
    assert row["flags"] == (["implausible"] if implausible else None)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T09:00:00Z", "2026-11-23T09:00:00Z"),
        ("2026-11-23T09:00:00.5Z", "2026-11-23T09:00:00.500000Z"),
        ("2026-11-23T09:00:00.123456Z", "2026-11-23T09:00:00.123456Z"),
        ("2026-11-23T09:00:00.123456789Z", "2026-11-23T09:00:00.123456Z"),
        ("2026-11-23T17:00:00+08:00", "2026-11-23T09:00:00Z"),
        ("2026-11-23T00:30:00.999999999-08:30", "2026-11-23T09:00:00.999999Z"),
        ("2026-11-23T09:00:00", "2026-11-23T09:00:00Z"),
        ("2026-11-23 09:00:00Z", "2026-11-23T09:00:00Z"),
    ],
)
def test_times_are_read_in_every_form(text: str, moment: str) -> None:
    """Offsets, fractions of any length (cut at microseconds) and a missing zone (UTC) are understood."""
    row = _row(lastTimestamp=text)
    assert (row["last_seen"], row["flags"]) == (_at(moment), None)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026-02-30T00:00:00Z",
        "2026-11-23T24:00:01Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+08:00",
        "9999-12-31T23:59:59-10:00",
        1763888400,
    ],
)
def test_a_time_that_is_none_is_null_and_flagged(text: object) -> None:
    """What is no time, or none that a calendar holds, is left null; the next time in the order counts."""
    row = _row(lastTimestamp=text, eventTime=MICRO)
    assert row["last_timestamp"] is None
    assert row["last_seen"] == _at(MICRO)
    assert row["flags"] == ["malformed"]


def test_an_odd_neighbour_changes_no_time() -> None:
    """Times read one by one, because another event's is odd, are the same as those read as a column."""
    texts = [
        "2026-11-23T09Z",
        "2026-11-23T09:00:00.1Z",
        "2026-11-23T17:00+0800",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-10:00",
    ]
    events = [{"metadata": {**META, "uid": text}, "lastTimestamp": text} for text in texts]
    alone = [_rows(event)[0] for event in events]
    beside = _rows(*events, {"metadata": META, "lastTimestamp": "yesterday"})
    assert beside[:-1] == alone


@pytest.mark.parametrize(
    ("fields", "written"),
    [
        ([], None),
        (None, None),
        ([{"time": None}, {}], None),
        ([{"time": FIRST}, {"time": LAST}, {"time": CREATED}], LAST),
        ([{"time": FIRST}, {"time": "null"}], FIRST),
        ([{"time": LAST}, {"time": "2026-11-23T09:00:00.5Z"}], "2026-11-23T09:00:00.5Z"),
        ([{"time": "2026-11-23T16:00:00+08:00"}, {"time": LAST}], LAST),
    ],
)
def test_written_at_is_the_newest_managed_field(fields: Any, written: str | None) -> None:
    """The newest moment counts, however it is spelt, and none at all where a client stripped them."""
    row = _row(metadata={"managedFields": fields}, lastTimestamp=LAST)
    assert row["written_at"] == (written and _at(written))
    assert row["flags"] is None


@pytest.mark.parametrize(
    ("text", "number", "flags"),
    [
        ("42", 42, None),
        ("007", 7, None),
        (str(2**63 - 1), 2**63 - 1, None),
        (str(2**63), None, ["malformed"]),
        ("0x10", None, ["malformed"]),
        ("-5", None, ["malformed"]),
        ("abc", None, ["malformed"]),
        ("1.5", None, ["malformed"]),
        ("", None, None),
        ("null", None, None),
        (None, None, None),
    ],
)
@pytest.mark.parametrize("neighbour", ["42", "odd", None])
def test_a_resource_version_is_a_number_or_null(
    text: str | None, number: int | None, flags: list[str] | None, neighbour: str | None
) -> None:
    """Digits that fit 64 bits are a number; anything else is null and flagged, whoever stands beside it."""
    row, _ = _rows(
        {"metadata": {**META, "resourceVersion": text}},
        {"metadata": {**META, "resourceVersion": neighbour}},
    )
    assert (row["resource_version"], row["flags"]) == (number, flags)


def test_a_missing_uid_is_made_of_the_lineage() -> None:
    """Copies of a state get the same uid, states of other lineages and clusters another one."""
    bare = {"metadata": {**META, "uid": None}, "firstTimestamp": FIRST, "reason": "BackOff"}
    grown = {**bare, "count": 5, "lastTimestamp": LAST, "message": "another"}
    worded = {**bare, "metadata": {**META, "uid": "null"}}
    other = {**bare, "reason": "Killing"}
    rows = _rows(bare, grown, worded, other)
    uids = [row["uid"] for row in rows]
    assert uids[0] == uids[1] == uids[2] != uids[3]
    assert all(uid.startswith("x-") and len(uid) == 34 for uid in uids)
    assert all(row["flags"] == ["no_uid"] for row in rows)
    lineage = "prod\0shop\0web.1\0" + "2026-11-23T07:59:58+00:00" + "\0\0BackOff\0\0\0"
    assert uids[0] == "x-" + hashlib.sha256(lineage.encode()).hexdigest()[:32]
    assert _rows(bare, cluster="test")[0]["uid"] != uids[0]


def test_both_groups_give_the_same_row() -> None:
    """The same object listed through core/v1 and events.k8s.io/v1 normalises to the same columns."""
    about = {"kind": "Pod", "namespace": "shop", "name": "web-0", "uid": "p", "apiVersion": "v1"}
    source = {"component": "kubelet", "host": "node-1"}
    shared = {"metadata": META, "reason": "BackOff", "type": "Warning", "action": "Pulling"}
    core = {
        "involvedObject": {**about, "fieldPath": "spec.containers{app}"},
        "message": "Back-off",
        "source": source,
        "count": 3,
        "firstTimestamp": FIRST,
        "lastTimestamp": LAST,
        "reportingComponent": "kubelet",
        "reportingInstance": "node-1",
    }
    group = {
        "regarding": {**about, "fieldPath": "spec.containers{app}"},
        "note": "Back-off",
        "deprecatedSource": source,
        "deprecatedCount": 3,
        "deprecatedFirstTimestamp": FIRST,
        "deprecatedLastTimestamp": LAST,
        "reportingController": "kubelet",
        "reportingInstance": "node-1",
    }
    one, other = _rows({**shared, **core}, {**shared, **group})
    assert one == other
    assert one["object_field_path"] == "spec.containers{app}"
    assert (one["object_api_version"], one["object_uid"]) == ("v1", "p")


@pytest.mark.parametrize(
    ("fields", "component", "host"),
    [
        ({"source": {"component": "kubelet", "host": "n1"}}, "kubelet", "n1"),
        (
            {
                "source": {"component": "kubelet"},
                "reportingComponent": "other",
                "reportingInstance": "n2",
            },
            "kubelet",
            "n2",
        ),
        (
            {"source": {}, "reportingComponent": "sched", "reportingInstance": "n3"},
            "sched",
            "n3",
        ),
        (
            {"source": {"component": ""}, "reportingController": "proxy", "reportingInstance": ""},
            "proxy",
            None,
        ),
        ({"reportingComponent": "null", "reportingInstance": "null"}, None, None),
        ({}, None, None),
    ],
)
def test_the_reporter_is_the_source_or_the_controller(
    fields: dict[str, Any], component: str | None, host: str | None
) -> None:
    """Newer writers leave the source empty and name their controller and instance."""
    row = _row(**fields)
    assert (row["component"], row["host"]) == (component, host)


def test_empty_text_is_null() -> None:
    """The API leaves out what is empty, so an empty text and a missing one are the same."""
    empty = _row(
        reason="",
        message="",
        type="",
        action="",
        involvedObject={"kind": "", "name": "", "uid": ""},
        metadata={"labels": {}, "annotations": {}, "name": "", "namespace": ""},
    )
    missing = _row(metadata={"name": None, "namespace": None})
    assert empty == missing
    assert empty["reason"] is None


def test_the_word_null_may_be_a_name() -> None:
    """A namespace, a name, a reason or a message may be the word null; a kind or a uid is none then."""
    row = _row(
        metadata={"name": "null", "namespace": "null"},
        reason="null",
        message="null",
        involvedObject={"kind": "null", "name": "null", "uid": "null"},
    )
    assert row["name"] == row["namespace"] == row["reason"] == row["message"] == "null"
    assert (row["object_kind"], row["object_name"], row["object_uid"]) == (None, "null", None)


def test_labels_and_annotations_are_sorted_maps() -> None:
    """Maps do not depend on the order in which a server or a dump wrote them."""
    row = _row(metadata={"labels": {"b": "2", "a": "1"}, "annotations": {"k": ""}})
    assert row["labels"] == [("a", "1"), ("b", "2")]
    assert row["annotations"] == [("k", "")]


def test_several_flags_stand_together() -> None:
    """Flags come in the order of their names, one each."""
    (row,) = _rows({"metadata": {"resourceVersion": "x"}, "count": 0})
    assert row["flags"] == ["count_invalid", "malformed", "no_time", "no_uid"]
    assert set(row["flags"]) <= set(schema.FLAGS)


def test_hostile_text_is_stored_as_it_is() -> None:
    """Markup, control characters and a megabyte of text are the event's and stay whole."""
    text = "<script>\x1b[31m\x00\u202e@all " + "x" * 1_500_000
    assert _row(message=text)["message"] == text


def test_no_events_give_no_rows() -> None:
    """An empty page gives an empty table of the schema, and its states too."""
    rows = Normaliser(columns.of_events(decode.Decoded()), cluster="prod", observed_at=COLLECTED)
    assert rows.rows("run").equals(schema.SCHEMA.empty_table())
    assert rows.states().equals(schema.STATE_SCHEMA.empty_table())


def test_states_are_the_key_columns_of_the_rows() -> None:
    """What the newest list is compared by is what the rows say."""
    decoded = decode.page(
        json.dumps(
            {
                "items": [
                    {"metadata": {**META, "resourceVersion": "5"}, "count": 2},
                    {"metadata": {}},
                ]
            }
        ).encode()
    )
    both = Normaliser(columns.of_events(decoded), cluster="prod", observed_at=COLLECTED)
    assert both.states().equals(both.rows("run").select(schema.STATE_SCHEMA.names))
