"""The embedded sample: what is shipped, how it is moved in time, and the story that it tells."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from etl.source import sample
from tests.lib import build_sample

DAY = timedelta(days=1)
NOW = datetime(2026, 11, 23, 12, 3, 17, 250_000, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
NOWS = (
    NOW,
    datetime(2027, 1, 1, tzinfo=UTC),
    datetime(2028, 2, 29, 12, tzinfo=UTC),
    datetime(2028, 3, 1, 0, 2, tzinfo=UTC),
    datetime(2100, 3, 1, 8, tzinfo=UTC),
    datetime(2027, 3, 28, 1, 59, 59, tzinfo=BERLIN),
    datetime(2027, 3, 28, 3, tzinfo=BERLIN),
    datetime(2027, 10, 31, 2, 30, fold=1, tzinfo=BERLIN),
    datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=45))),
)
ENTRIES = sample.manifest().lists


def _items(document: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(document)["items"]
    return found


def _last_seen(item: dict[str, Any]) -> datetime:
    """The time by which a state is booked, as the design of normalisation orders it."""
    candidates = (
        (item.get("series") or {}).get("lastObservedTime"),
        item.get("lastTimestamp"),
        item.get("deprecatedLastTimestamp"),
        item.get("eventTime"),
    )
    return datetime.fromisoformat(next(text for text in candidates if text))


def _count(item: dict[str, Any]) -> int:
    series = item.get("series") or {}
    return series.get("count") or item.get("count") or item.get("deprecatedCount") or 1


def _differences(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every place at which two JSON values differ, keys and lengths included."""
    if isinstance(old, dict) and isinstance(new, dict) and list(old) == list(new):
        for key in old:
            yield from _differences(old[key], new[key], f"{path}.{key}" if path else key)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, pair in enumerate(zip(old, new, strict=True)):
            yield from _differences(*pair, f"{path}[{number}]")
    elif old != new or type(old) is not type(new):
        yield path, old, new


@cache
def _newest(cluster: str) -> list[tuple[datetime, dict[str, Any]]]:
    """The newest copy of every event object of ``cluster`` at NOW, with the time it was last seen."""
    newest: dict[str, dict[str, Any]] = {}
    for each in sample.lists(NOW):
        if each.cluster == cluster:
            newest.update({item["metadata"]["uid"]: item for item in _items(each.document)})
    return [(_last_seen(item), item) for item in newest.values()]


def _learned(cluster: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """The event objects of ``cluster`` last seen from ``start`` until before ``end``."""
    return [item for last_seen, item in _newest(cluster) if start <= last_seen < end]


def _occurred(items: list[dict[str, Any]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for item in items:
        total[item["reason"]] += _count(item)
    return total


@pytest.mark.parametrize("now", NOWS, ids=str)
def test_nothing_but_times_differs_and_all_by_one_constant(now: datetime) -> None:
    """The shift moves every time of a list by one constant and changes nothing else."""
    for entry, moved in zip(ENTRIES, sample.lists(now), strict=True):
        shift = moved.collected_at - entry.collected_at
        before, after = json.loads(sample.original(entry)), json.loads(moved.document)
        assert {k: v for k, v in before.items() if k != "items"} == {
            k: v for k, v in after.items() if k != "items"
        }
        for old, new in zip(before["items"], after["items"], strict=True):
            expected = {
                path: datetime.fromisoformat(text) + shift for path, text in build_sample.times(old)
            }
            found = list(_differences(old, new))
            assert {p: datetime.fromisoformat(text) for p, _, text in found} == expected
            assert all(len(text) == len(was) and text[-1] == "Z" for _, was, text in found)


@pytest.mark.parametrize("now", NOWS, ids=str)
def test_the_sample_ends_just_before_now_and_reaches_back_ten_days(now: datetime) -> None:
    """Lists come oldest first, the newest ends one to six minutes before now, the oldest over ten days ago."""
    found = list(sample.lists(now))
    moments = [each.collected_at for each in found]
    assert moments == sorted(moments)
    assert all(moment.tzinfo is UTC for moment in moments)
    assert timedelta(minutes=1) <= now - moments[-1] < timedelta(minutes=6)
    assert now - moments[0] > 10 * DAY
    assert sum(now - moment < DAY for moment in moments) >= 5
    last = _items(found[-1].document)
    assert timedelta(0) < now - max(_last_seen(item) for item in last) < timedelta(minutes=10)


def test_no_event_is_newer_than_its_list() -> None:
    """No time in a list lies after the time of its collection."""
    for each in sample.lists(NOW):
        assert build_sample.newest(_items(each.document)) <= each.collected_at, each.name


def test_lists_that_share_objects_keep_their_distance() -> None:
    """Within a cluster, an object that several lists hold moves by the same constant in each."""
    shifts: dict[tuple[str, str], set[timedelta]] = defaultdict(set)
    for entry, moved in zip(ENTRIES, sample.lists(NOW), strict=True):
        for item in _items(moved.document):
            key = moved.cluster, item["metadata"]["uid"]
            shifts[key].add(moved.collected_at - entry.collected_at)
    assert all(len(found) == 1 for found in shifts.values())
    assert len(shifts) == 3092


def test_the_same_five_minutes_give_the_same_bytes() -> None:
    """Two runs within one step of the grid, in any timezone, yield the same sample; the next step another."""
    first = list(sample.lists(datetime(2026, 11, 23, 12, 0, tzinfo=UTC)))
    assert list(sample.lists(datetime(2026, 11, 23, 12, 4, 59, 999_999, tzinfo=UTC))) == first
    assert list(sample.lists(datetime(2026, 11, 23, 13, 1, tzinfo=BERLIN))) == first
    assert list(sample.lists(datetime(2026, 11, 23, 12, 5, tzinfo=UTC))) != first


@pytest.mark.parametrize("now", NOWS, ids=str)
def test_the_newest_list_leads_back_to_the_sample_that_it_belongs_to(now: datetime) -> None:
    """From the newest time of collection in a lake, the sample that the lake holds can be had again."""
    found = list(sample.lists(now))
    assert list(sample.lists(found[-1].collected_at + sample.LEAD)) == found


def test_a_time_without_a_timezone_is_refused() -> None:
    """A naive ``now`` is refused, whatever the machine's timezone would make of it."""
    with pytest.raises(ValueError, match="timezone"):
        next(sample.lists(NOW.replace(tzinfo=None)))


def test_only_the_known_places_are_moved() -> None:
    """Null stays null, fractions keep their digits, and times inside texts and names stay."""
    document = {
        "kind": "List",
        "items": [
            {
                "metadata": {
                    "name": "web.2024-02-28T23:59:59Z",
                    "uid": "u",
                    "creationTimestamp": "2024-02-28T23:59:59Z",
                    "managedFields": [{"time": "2024-02-28T23:59:59Z"}, {"manager": "x"}],
                    "annotations": {"eventTime": "2024-02-28T23:59:59Z"},
                },
                "note": "since 2024-02-28T23:59:59Z 容器",
                "eventTime": "2024-02-28T23:59:59.120000Z",
                "series": {"count": 2, "lastObservedTime": "2024-02-28T23:59:59.9Z"},
                "deprecatedFirstTimestamp": None,
                "deprecatedLastTimestamp": "2024-02-28T23:59:59Z",
            },
            {"metadata": {"creationTimestamp": None}, "series": None, "firstTimestamp": None},
        ],
    }
    moved = json.loads(sample.shifted(json.dumps(document).encode(), timedelta(seconds=2)))
    assert list(_differences(document, moved)) == [
        (path, old, old.replace("2024-02-28T23:59:59", "2024-02-29T00:00:01"))
        for path, old in (
            ("items[0].metadata.creationTimestamp", "2024-02-28T23:59:59Z"),
            ("items[0].metadata.managedFields[0].time", "2024-02-28T23:59:59Z"),
            ("items[0].eventTime", "2024-02-28T23:59:59.120000Z"),
            ("items[0].series.lastObservedTime", "2024-02-28T23:59:59.9Z"),
            ("items[0].deprecatedLastTimestamp", "2024-02-28T23:59:59Z"),
        )
    ]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_shipped_list_holds_the_items_that_the_manifest_states(entry: sample.Entry) -> None:
    """The items of a file have the number and the checksum that the manifest gives."""
    items = _items(sample.original(entry))
    assert len(items) == entry.items
    assert build_sample.checksum(items) == entry.sha256


def test_the_shipped_files_are_what_the_builder_makes_of_the_fixtures() -> None:
    """Every file of the sample follows from tests/data/events, and no other file is shipped."""
    made = build_sample.build()
    shipped = {path.name: path.read_bytes() for path in build_sample.SAMPLE.iterdir()}
    shipped.pop("NOTICE.md")
    assert sorted(shipped) == sorted(made)
    for name, data in made.items():
        # Compressed bytes differ between versions of zlib; what they hold does not.
        assert data == (gzip.decompress(shipped[name]) if name.endswith(".gz") else shipped[name])


def test_the_files_carry_no_time_of_their_making() -> None:
    """The gzip headers hold no time, so building again changes nothing in git."""
    for path in build_sample.SAMPLE.glob("*.gz"):
        assert path.read_bytes()[4:8] == bytes(4), path.name


def test_building_writes_the_sample_and_removes_what_is_no_longer_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The builder leaves exactly its own files, and the notice, in the folder."""
    (tmp_path / "dropped.json.gz").write_bytes(b"")
    (tmp_path / "NOTICE.md").write_text("kept")
    monkeypatch.setattr(build_sample, "SAMPLE", tmp_path)
    build_sample.main()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted([*(entry.file for entry in ENTRIES), "NOTICE.md", "manifest.json"])


def test_the_sample_is_small() -> None:
    """All files of the sample together stay below 300 KB."""
    assert sum(path.stat().st_size for path in build_sample.SAMPLE.iterdir()) < 300_000


def test_each_list_names_its_origin() -> None:
    """The notice names every list, repository and licence that the manifest names."""
    notice = (build_sample.SAMPLE / "NOTICE.md").read_text("utf-8")
    rows = [line.split("|") for line in notice.splitlines() if line.startswith("|")]
    for entry in ENTRIES:
        listed = "baseline-*" if entry.name.startswith("baseline-") else entry.name
        (row,) = (cells for cells in rows if f"`{listed}`" in cells[1])
        assert row[2].strip() == entry.origin.repository
        assert row[3].strip() == entry.origin.licence


def test_every_day_of_the_baseline_has_a_list() -> None:
    """The main cluster was listed on each of the seven days before the last 24 hours."""
    ages = [NOW - each.collected_at for each in sample.lists(NOW) if each.cluster == "sample"]
    assert {age // DAY for age in ages} >= set(range(8))


def test_the_last_day_has_something_for_every_kind_of_rule() -> None:
    """Crash loops, probes, mounts, image pulls and scheduling fail within the last 24 hours."""
    main = _occurred(_learned("sample", NOW - DAY, NOW))
    assert main["BackOff"] == 1634
    assert main["Unhealthy"] == 640
    assert main["FailedMount"] == 305
    assert main["Failed"] == 43
    assert main["FailedScheduling"] == 2
    batch = _learned("sample-batch", NOW - DAY, NOW)
    # The one series of 13,386 began nine days before; it is known for one happening.
    assert _occurred(batch)["FailedScheduling"] == 31 + 13_386
    assert _occurred(batch)["BackoffLimitExceeded"] == 1
    assert _occurred(batch)["FailedCreate"] == 11


def test_some_reasons_are_new_in_the_last_day() -> None:
    """The main cluster sees five pairs of reason and kind for the first time in the last 24 hours."""
    earlier, today = (
        {(i["reason"], (i.get("involvedObject") or i["regarding"])["kind"]) for i in items}
        for items in (
            _learned("sample", NOW - 30 * DAY, NOW - DAY),
            _learned("sample", NOW - DAY, NOW),
        )
    )
    assert today - earlier == {
        ("CertificateExpirationOK", "Node"),
        ("Failed", "Pod"),
        ("FailedScheduling", "Pod"),
        ("SandboxChanged", "Pod"),
        ("SuccessfulDelete", "ReplicaSet"),
    }


def test_the_baseline_is_quiet_and_the_last_day_is_not() -> None:
    """Warnings of the last 24 hours are far above those of each of the seven days before."""
    days = [_learned("sample", NOW - DAY * (back + 1), NOW - DAY * back) for back in range(8)]
    warnings = [sum(_count(i) for i in day if i["type"] == "Warning") for day in days]
    assert warnings[0] > 1900
    assert all(0 < day < 40 for day in warnings[1:])


def test_two_lists_of_one_cluster_show_a_count_that_grows() -> None:
    """The two newest lists are one cluster 21 seconds apart: seven objects go on counting."""
    *_, first, second = sample.lists(NOW)
    assert second.collected_at - first.collected_at == timedelta(seconds=21)
    before, after = (
        {item["metadata"]["uid"]: _count(item) for item in _items(each.document)}
        for each in (first, second)
    )
    assert sorted(after[uid] - n for uid, n in before.items() if after[uid] != n) == [
        15,
        15,
        15,
        15,
        21,
        22,
        22,
    ]
