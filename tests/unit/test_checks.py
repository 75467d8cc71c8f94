"""What a list says about itself and beside the one before it: checks I1 to I6."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from etl import schema
from etl.lake import checks
from etl.lake.ledger import Entry
from etl.lake.live import Before
from etl.lake.turnover import Turnover, late_births, turnover
from tests.lib import tables

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def _entry(**changes: object) -> Entry:
    entry = Entry(
        snapshot_id="s2",
        kind="list",
        status="complete",
        started_at=AT,
        version="0",
        sent_at=AT,
        received_at=AT,
        ttl_seconds=3600.0,
        list_resource_version=200,
        items=7,
        expected_items=7,
        vanished=0,
        vanished_early=0,
        late_births=0,
    )
    return replace(entry, **changes)  # type: ignore[arg-type] # drawn by the cases


def _before(
    minutes: float = 10, version: int | None = 100, scope: list[str] | None = None
) -> Before:
    return Before("s1", scope, AT - minutes * MINUTE, version, 0)


def _names(entry: Entry, before: Before | None) -> list[str]:
    return [check.name for check in checks.failed(entry, before)]


def test_nothing_is_wrong_with_an_ordinary_list() -> None:
    """Ten minutes after the one before, complete, nothing early: no check fails."""
    assert _names(_entry(), _before()) == []
    assert _names(_entry(), None) == []


@pytest.mark.parametrize(
    ("minutes", "names"),
    [
        (29, []),
        (29.5, ["spare_run"]),
        (59.99, ["spare_run"]),
        (60, ["contiguous"]),
        (300, ["contiguous"]),
    ],
)
def test_the_list_before_is_too_old(minutes: float, names: list[str]) -> None:
    """Received the TTL or more after the one before was sent is a gap; less than one spare run before that, a warning."""
    assert _names(_entry(), _before(minutes)) == names


def test_lists_of_other_namespaces_are_not_compared() -> None:
    """The list before of another scope tells nothing about how old what is missing was."""
    assert _names(_entry(scope=("a",)), _before(300)) == []
    assert _names(_entry(scope=("a", "b")), _before(300, scope=["b", "a"])) == ["contiguous"]


@pytest.mark.parametrize(
    ("changes", "name", "severity"),
    [
        ({"status": "inconsistent"}, "complete", "info"),
        ({"expected_items": 9}, "item_count", "info"),
        ({"late_births": 2}, "late_birth", "warning"),
        ({"vanished_early": 3, "early_namespaces": {"shop": 3}}, "early_loss", "info"),
        ({"list_resource_version": 99}, "version_went_back", "warning"),
    ],
)
def test_each_check_has_its_name_and_weight(
    changes: dict[str, object], name: str, severity: str
) -> None:
    """One thing that is wrong is one check by name, with a sentence."""
    (check,) = checks.failed(_entry(**changes), _before())
    assert (check.name, check.severity) == (name, severity)
    assert check.sentence


def test_a_restored_cluster_begins_a_new_epoch() -> None:
    """A version that went back counts one up; equal, greater or unknown versions do not."""
    before = replace_epoch(_before(), 4)
    assert [checks.epoch(version, before) for version in (99, 100, 101, None)] == [5, 4, 4, 4]
    assert checks.epoch(99, None) == 0


def replace_epoch(before: Before, epoch: int) -> Before:
    """Return ``before`` in another epoch."""
    return Before(before.snapshot_id, before.scope, before.sent_at, before.resource_version, epoch)


BEFORE = """
uid | n | last_seen        | resource_version | written_at       | namespace
a   | 1 | 2026-11-23 06:50 | 10               | 2026-11-23 06:50 | shop
b   | 1 | 2026-11-23 07:30 | 11               | 2026-11-23 07:30 | shop
c   | 1 | 2026-11-23 07:50 | 12               | 2026-11-23 07:50 | gone
d   | 1 | 2026-11-23 07:51 | 13               | 2026-11-23 07:51 | gone
e   | 1 | 2026-11-23 07:52 | 14               | -                | shop
f   | 1 | 2026-11-23 07:53 | 15               | 2026-11-23 07:53 | -
"""
NOW = """
uid | n | last_seen        | resource_version | written_at       | namespace
b   | 2 | 2026-11-23 07:55 | 20               | 2026-11-23 07:55 | shop
"""


def _states(text: str) -> pa.Table:
    return tables.typed_table(text, schema.STATE_SCHEMA)


def test_what_vanished_early_is_counted_by_namespace() -> None:
    """Expired and grown objects are not early; what was written less than the TTL ago is, most first."""
    found = turnover(_states(BEFORE), _states(NOW), received_at=AT, ttl=HOUR)
    assert found == Turnover(
        vanished=5, early=3, namespaces={"gone": 2, "": 1}, age=timedelta(minutes=9, seconds=30)
    )


def test_nothing_vanishes_from_a_list_that_stays() -> None:
    """The same states, and none at all, are no turnover."""
    same = _states(BEFORE)
    assert turnover(same, same, received_at=AT, ttl=HOUR) == Turnover()
    none = schema.STATE_SCHEMA.empty_table()
    assert turnover(none, same, received_at=AT, ttl=HOUR) == Turnover()
    assert turnover(same, none, received_at=AT, ttl=HOUR).vanished == 6


def test_an_event_born_before_the_list_before_is_late() -> None:
    """Older than that list by more than clocks may differ, and not in it: once for each object."""
    born = tables.typed_table(
        """
        uid | created_at
        a   | 2026-11-23 06:50:00
        x   | 2026-11-23 07:49:49
        x   | 2026-11-23 07:49:49
        y   | 2026-11-23 07:49:51
        z   | -
        """,
        pa.schema([schema.SCHEMA.field("uid"), schema.SCHEMA.field("created_at")]),
    )
    assert late_births(born, _states(BEFORE), since=AT - 10 * MINUTE) == 1
