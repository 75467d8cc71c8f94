"""Normalisation: the columnar one and a plain one of a single event agree on random events.

The plain one was written from docs/lake.md, "Normalisation", and takes a dict of the
API's JSON; the columnar one gets whole pages of them, so that neighbours may not matter.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.source import columns, decode, states, tabular
from etl.source.normalise import Normaliser

COLLECTED = datetime(2026, 11, 23, 12, tzinfo=UTC)
CLUSTER = "prod"
DAY = timedelta(days=1)
LARGEST = 2**63 - 1

# The rules in plain Python

_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))"
)


class Plain:
    """One event of the API, read field by field; ``odd`` says whether a field was not as the API allows."""

    def __init__(self, event: dict[str, Any]) -> None:
        """Take the JSON of an event object that has a metadata object."""
        self._event = event
        self.odd = False

    def row(self) -> dict[str, Any]:
        """Return the row of the event."""
        first = self._time(self._of("firstTimestamp", "deprecatedFirstTimestamp"))
        last = self._time(self._of("lastTimestamp", "deprecatedLastTimestamp"))
        event = self._time(self._text(self._event.get("eventTime")))
        series = self._part("series")
        series_last = self._time(self._text(series.get("lastObservedTime")))
        meta = self._event["metadata"]
        created = self._time(self._text(meta.get("creationTimestamp")))
        written = [self._time(self._text(f.get("time"))) for f in meta.get("managedFields") or []]
        raw = self._whole(self._event.get("count"))
        deprecated = self._whole(self._event.get("deprecatedCount"))
        raw = deprecated if raw is None else raw
        series_count = self._whole(series.get("count"))
        n = next((c for c in (series_count, raw) if c is not None and c >= 1), 1)
        said = next((t for t in (series_last, last, event, first, created) if t), None)
        last_seen, clamped = self._bounded(said, created)
        first_seen = first or event or created
        row = self._texts() | {
            "n": n,
            "raw_count": raw,
            "series_count": series_count,
            "first_seen": first_seen,
            "last_seen": last_seen,
            "created_at": created,
            "event_time": event,
            "written_at": max((t for t in written if t), default=None),
            "first_timestamp": first,
            "last_timestamp": last,
            "series_last_seen": series_last,
            "resource_version": self._version(self._text(meta.get("resourceVersion"))),
            "observed_at": COLLECTED,
            "snapshot_id": "run",
            "deleted_at": None,
            "deleted_early": None,
            "object_labels": None,
            "namespace_labels": None,
            "owner_kind": None,
            "owner_name": None,
        }
        uid = row["uid"]
        if uid is None:
            row["uid"] = self._made(row, first_seen)
        life = max(last_seen - first_seen if first_seen else timedelta(0), timedelta(seconds=1))
        zero = raw == 0 and event is None
        flags = {
            "count_invalid": n == 1
            and series_count != 1
            and raw != 1
            and (series_count is not None or (raw is not None and raw < 0) or zero),
            "implausible": n > 1000 * (life / timedelta(seconds=1)),
            "malformed": self.odd,
            "no_time": said is None,
            "no_uid": uid is None,
            "time_clamped": clamped,
        }
        row["flags"] = [name for name, is_so in flags.items() if is_so] or None
        return row

    def _bounded(self, said: datetime | None, created: datetime | None) -> tuple[datetime, bool]:
        if said is None:
            return COLLECTED, False
        outside = said > COLLECTED + DAY or (created is not None and said < created - DAY)
        return (created or COLLECTED, True) if outside else (said, False)

    def _texts(self) -> dict[str, Any]:
        event, meta = self._event, self._event["metadata"]
        about = self._part("involvedObject") or self._part("regarding")
        related = self._part("related")
        for unused in ("uid", "apiVersion", "fieldPath"):
            self._text(related.get(unused))
        source = self._part("source") or self._part("deprecatedSource")
        reporter = self._word(self._of("reportingComponent", "reportingController"))
        instance = self._word(self._text(event.get("reportingInstance")))
        return {
            "uid": self._word(self._text(meta.get("uid"))),
            "name": self._text(meta.get("name")) or None,
            "namespace": self._text(meta.get("namespace")) or None,
            "type": self._text(event.get("type")) or None,
            "reason": self._text(event.get("reason")) or None,
            "message": self._of("message", "note") or None,
            "action": self._word(self._text(event.get("action"))),
            "component": self._word(self._text(source.get("component"))) or reporter,
            "host": self._word(self._text(source.get("host"))) or instance,
            "reporting_component": reporter,
            "reporting_instance": instance,
            "object_kind": self._word(self._text(about.get("kind"))),
            "object_namespace": self._word(self._text(about.get("namespace"))),
            "object_name": self._text(about.get("name")) or None,
            "object_uid": self._word(self._text(about.get("uid"))),
            "object_api_version": self._word(self._text(about.get("apiVersion"))),
            "object_field_path": self._word(self._text(about.get("fieldPath"))),
            "related_kind": self._word(self._text(related.get("kind"))),
            "related_namespace": self._word(self._text(related.get("namespace"))),
            "related_name": self._text(related.get("name")) or None,
            "labels": self._map(meta.get("labels")),
            "annotations": self._map(meta.get("annotations")),
        }

    def _made(self, row: dict[str, Any], first_seen: datetime | None) -> str:
        second = first_seen.replace(microsecond=0).isoformat() if first_seen else None
        raw = [CLUSTER, row["namespace"], row["name"], second, row["type"], row["reason"]]
        raw += [row["object_kind"], row["object_name"], row["object_uid"]]
        text = "\0".join(part or "" for part in raw)
        return "x-" + hashlib.sha256(text.encode()).hexdigest()[:32]

    def _part(self, name: str) -> dict[str, Any]:
        value = self._event.get(name)
        if isinstance(value, dict):
            return value
        self.odd |= value is not None and value != "null"
        return {}

    def _of(self, *names: str) -> str | None:
        found = [self._text(self._event.get(name)) for name in names]
        return next((text for text in found if text), None)

    def _text(self, value: object) -> str | None:
        if value is None or isinstance(value, str):
            return value
        self.odd = True
        return json.dumps(value, ensure_ascii=False)

    def _word(self, text: str | None) -> str | None:
        return None if text in {"", "null"} else text

    def _whole(self, value: object) -> int | None:
        if value is None or value == "null":
            return None
        if type(value) is int and -LARGEST - 1 <= value <= LARGEST:
            return value
        self.odd = True
        if isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value):
            return int(value)
        return None

    def _version(self, text: str | None) -> int | None:
        if not text or text == "null":
            return None
        if re.fullmatch(r"[0-9]{1,30}", text) and int(text) <= LARGEST:
            return int(text)
        self.odd = True
        return None

    def _time(self, text: str | None) -> datetime | None:
        if not text or text == "null":
            return None
        if match := _TIME.fullmatch(text):
            *numbers, fraction, sign, hours, minutes = match.groups()
            offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
            zone = timezone(-offset if sign == "-" else offset)
            micro = int((fraction or "0").ljust(6, "0")[:6])
            try:
                moment = datetime(*map(int, numbers), micro, tzinfo=zone).astimezone(UTC)  # type: ignore[arg-type, misc]
            except (ValueError, OverflowError):
                self.odd = True
                return None
            return None if moment == datetime(1, 1, 1, tzinfo=UTC) else moment
        self.odd = True
        return None

    def _map(self, value: dict[str, Any] | None) -> list[tuple[str, str]] | None:
        if not value:
            return None
        for text in value.values():
            self._text(text)
        return [(k, v if isinstance(v, str) else json.dumps(v)) for k, v in sorted(value.items())]


# Events

_moments = st.sampled_from(
    [
        *("2026-11-23T08:00:00Z", "2026-11-23T08:00:01Z", "2026-11-23T10:59:59.5Z"),
        *("2026-11-23T08:00:00.123456Z", "2026-11-23T11:00:00.987654321Z"),
        *("2026-11-23T18:00:00+08:00", "2026-11-22T20:30:00.25-09:30"),
        *("2026-11-24T12:00:00Z", "2026-11-24T12:00:00.000001Z", "2099-01-01T00:00:00Z"),
        *("2026-11-22T07:59:59Z", "2020-01-01T00:00:00Z", "1969-07-20T20:17:40Z"),
    ]
)
_odd_times = st.sampled_from(
    [
        *("", "null", "0001-01-01T00:00:00Z", "0000-06-01T00:00:00Z", "yesterday", 5, 1.5),
        *("2026-02-30T00:00:00Z", "9999-12-31T23:59:59-10:00", "2026-11-23T25:00:00Z"),
    ]
)
_words = st.sampled_from(
    ["Pod", "shop", "web-0", "kubelet", "", "null", "中文 \N{GRINNING FACE}", "a\x00b"]
)
_counts = st.sampled_from([1, 2, 3, 500, 3_600_000, 10**9, 0, -1, LARGEST])
_odd_counts = st.sampled_from(["7", "-2", "many", "null", 10**20, True, 2.5, [], {}])
_versions = st.sampled_from(["5", "70000", str(LARGEST)])
_odd_versions = st.sampled_from(["", "null", "0x1f", "-5", "abc", str(LARGEST + 1), 12])


def _fields(names: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names.split(), values))


def _events(*, odd: bool) -> st.SearchStrategy[dict[str, Any]]:
    times = _moments | _odd_times if odd else _moments | st.none()
    words = _words | st.integers(0, 9) if odd else _words
    counts = _counts | _odd_counts if odd else _counts | st.none()
    maps = st.dictionaries(st.sampled_from("abc"), words, max_size=3) | st.none()
    about: st.SearchStrategy[Any] = _fields("kind namespace name uid apiVersion fieldPath", words)
    source: st.SearchStrategy[Any] = _fields("component host", words)
    series: st.SearchStrategy[Any] = st.fixed_dictionaries(
        {}, optional={"count": counts, "lastObservedTime": times}
    )
    if odd:
        about, source, series = (
            part | st.sampled_from(["null", 5, []]) for part in (about, source, series)
        )
    meta = st.fixed_dictionaries(
        {},
        optional={
            "uid": st.sampled_from(["u1", "u2", "", "null"]),
            "name": words,
            "namespace": words,
            "resourceVersion": _versions | _odd_versions if odd else _versions,
            "creationTimestamp": times,
            "labels": maps,
            "annotations": maps,
            "managedFields": st.lists(_fields("time", _moments), max_size=3),
        },
    )
    shared = {"type": words, "reason": words, "action": words, "eventTime": times}
    shared |= {"series": series, "related": about, "reportingInstance": words}
    core = shared | {"involvedObject": about, "message": words, "source": source, "count": counts}
    core |= dict.fromkeys(["firstTimestamp", "lastTimestamp"], times) | {
        "reportingComponent": words
    }
    group = shared | {"regarding": about, "note": words, "reportingController": words}
    group |= {"deprecatedSource": source, "deprecatedCount": counts}
    group |= dict.fromkeys(["deprecatedFirstTimestamp", "deprecatedLastTimestamp"], times)
    return st.fixed_dictionaries({"metadata": meta}, optional=core) | st.fixed_dictionaries(
        {"metadata": meta}, optional=group
    )


def _columnar(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    decoded = decode.page(json.dumps({"items": events}).encode())
    rows: list[dict[str, Any]] = (
        Normaliser(columns.of_events(decoded), cluster=CLUSTER, observed_at=COLLECTED)
        .rows("run")
        .to_pylist()
    )
    return rows


@settings(max_examples=150, deadline=None)
@given(st.lists(_events(odd=False), min_size=1, max_size=5))
def test_valid_events_normalise_alike(events: list[dict[str, Any]]) -> None:
    """Every column of what a server may send is the same in both implementations."""
    assert _columnar(events) == [Plain(event).row() for event in events]


@settings(max_examples=200, deadline=None)
@given(st.lists(_events(odd=True) | _events(odd=False), min_size=1, max_size=5))
def test_odd_events_normalise_alike(events: list[dict[str, Any]]) -> None:
    """Every column of what no server sends is the same too, flags included, whoever stands beside it."""
    assert _columnar(events) == [Plain(event).row() for event in events]


@settings(max_examples=100, deadline=None)
@given(st.lists(_events(odd=True) | _events(odd=False), min_size=1, max_size=5))
def test_states_alone_read_alike(events: list[dict[str, Any]]) -> None:
    """What is compared with the newest list, without decoding the rest, is what the rows would say."""
    body = json.dumps({"items": events}).encode()
    objects = decode.states(body)
    if objects is None or any(one.metadata.uid in {None, "", "null"} for one in objects):
        return  # a list of a server has uids; anything else is decoded whole
    decoded = decode.page(body)
    uid = pa.array([event.metadata.uid for event in decoded.events], pa.string())
    assert [one.metadata.uid for one in objects] == uid.to_pylist()
    alone, whole = (
        states.table(uid, states.read(columns.of_states(read), COLLECTED))
        for read in (objects, decoded.events)
    )
    assert alone.equals(whole)
    last = decode.chosen(decode.raws(body), [len(events) - 1])
    assert last.events == decoded.events[-1:]


@settings(max_examples=200, deadline=None)
@given(st.lists(_events(odd=False), min_size=1, max_size=5))
def test_pages_read_without_structs_normalise_alike(events: list[dict[str, Any]]) -> None:
    """What a page of the live API says is the same whether structs are made of it or not."""
    rows = _tabular(json.dumps({"items": events}).encode())
    if rows is None:
        # The other group's names, or times of several managers that text may not order.
        assert not all("involvedObject" in event and _plainly(event) for event in events)
    else:
        assert rows == [Plain(event).row() for event in events]


@settings(max_examples=300, deadline=None)
@given(st.lists(_events(odd=True) | _events(odd=False), min_size=1, max_size=5))
def test_odd_pages_are_read_alike_or_with_structs(events: list[dict[str, Any]]) -> None:
    """A page that holds something odd is left to the lenient reader, unless it is odd to neither."""
    rows = _tabular(json.dumps({"items": events}).encode())
    if rows is not None:
        assert rows == [Plain(event).row() for event in events]


def _plainly(event: dict[str, Any]) -> bool:
    """Whether at most one manager wrote the event."""
    return len(event["metadata"].get("managedFields") or []) < 2


def _tabular(body: bytes) -> list[dict[str, Any]] | None:
    said = tabular.page(body)
    if said is None:
        return None
    rows: list[dict[str, Any]] = (
        Normaliser(said, cluster=CLUSTER, observed_at=COLLECTED).rows("run").to_pylist()
    )
    return rows
