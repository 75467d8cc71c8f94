"""The views, on drawn tables: what each makes of copies, counts, times and runs."""

from __future__ import annotations

import itertools
from typing import Any

import pyarrow as pa
import pytest

from etl import schema
from etl.lake.query import Session
from etl.statements import statement
from tests.lib import tables


def _view(name: str, **given: pa.Table) -> list[dict[str, Any]]:
    """Run the shipped text of a view over the given tables."""
    session = Session.over(given)
    try:
        rows: list[dict[str, Any]] = session.run(statement(name).text, {}).to_pylist()
    finally:
        session.close()
    return rows


def _some(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return sorted(tuple(row[name] for name in names) for row in rows)


# observations


def _observations(text: str) -> list[dict[str, Any]]:
    return _view("lake/merged", parts=tables.observations(text))


def test_a_state_without_copies_is_itself() -> None:
    """A single copy comes through with every column as it is."""
    part = tables.observations(
        """
        uid | resource_version | n | last_seen        | message | reason  | flags     | created_at
        a   | 5                | 2 | 2026-11-23 08:00 | hello   | BackOff | malformed | 2026-11-23 07:00
        """
    )
    labels = pa.array([[("app", "web")]], schema.SCHEMA.field("labels").type)
    part = part.set_column(
        part.schema.get_field_index("labels"), schema.SCHEMA.field("labels"), labels
    )
    assert _view("lake/merged", parts=part) == part.to_pylist()


def test_the_columns_are_those_of_the_schema() -> None:
    """The view has exactly the schema's columns, so a reader need know nothing else."""
    for text in ("uid | n | last_seen\na | 1 | 2026-11-23 08:00", "uid | n | last_seen"):
        session = Session.over({"parts": tables.observations(text)})
        table = session.run(statement("lake/merged").text, {})
        assert sorted(table.column_names) == sorted(schema.FULL_SCHEMA.names)
        for name in table.column_names:
            assert table.schema.field(name).type == schema.FULL_SCHEMA.field(name).type, name
        session.close()


COPIES = """
uid | resource_version | n | last_seen        | message | action | type    | flags | observed_at      | snapshot_id
a   | 5                | 2 | 2026-11-23 08:00 | old     | Pull   | Warning | -     | 2026-11-23 09:00 | s2
a   | 7                | 2 | 2026-11-23 08:00 | new     | -      | -       | x     | 2026-11-23 10:00 | s3
a   | -                | 2 | 2026-11-23 08:00 | none    | Push   | Normal  | y     | 2026-11-23 08:30 | s1
"""


def test_the_newest_copy_counts() -> None:
    """The greatest resourceVersion is the state, also where it has no value any more; it was first seen first."""
    (row,) = _observations(COPIES)
    assert (row["resource_version"], row["message"], row["action"]) == (7, "new", None)
    assert (row["type"], row["flags"]) == (None, ["x"])
    assert (row["snapshot_id"], row["observed_at"].hour) == ("s1", 8)


def test_the_order_of_copies_changes_nothing() -> None:
    """Every order in which copies can lie in the files gives the same row."""
    part = tables.observations(COPIES)
    found = [
        _view("lake/merged", parts=part.take(list(order)))
        for order in itertools.permutations(range(3))
    ]
    assert all(rows == found[0] for rows in found)


def test_equal_versions_have_one_answer() -> None:
    """Two copies of one version that differ give the greater value of each column, in either order."""
    part = tables.observations(
        """
        uid | resource_version | n | last_seen        | message | action | written_at
        a   | 5                | 2 | 2026-11-23 08:00 | b       | x      | 2026-11-23 08:00
        a   | 5                | 2 | 2026-11-23 08:00 | a       | y      | -
        """
    )
    for order in ([0, 1], [1, 0]):
        (row,) = _view("lake/merged", parts=part.take(order))
        assert (row["message"], row["action"], row["written_at"].hour) == ("b", "y", 8)


def test_missing_versions_are_equal() -> None:
    """Copies without a version merge like copies of one version."""
    (row,) = _observations(
        """
        uid | resource_version | n | last_seen        | message | action
        a   | -                | 2 | 2026-11-23 08:00 | a       | -
        a   | -                | 2 | 2026-11-23 08:00 | b       | x
        """
    )
    assert (row["resource_version"], row["message"], row["action"]) == (None, "b", "x")


def test_maps_and_lists_merge_like_values() -> None:
    """Of copies of one version labels and annotations come from one that has some, the greater by their text."""
    part = tables.observations(
        """
        uid | resource_version | n | last_seen
        a   | 7                | 1 | 2026-11-23 08:00
        a   | 7                | 1 | 2026-11-23 08:00
        """
    )
    for name, column in (
        ("labels", [[("app", "web")], None]),
        ("annotations", [[("k", "a")], [("k", "b"), ("l", "")]]),
    ):
        at = part.schema.get_field_index(name)
        field = part.schema.field(at)
        part = part.set_column(at, field, pa.array(column, field.type))
    (row,) = _view("lake/merged", parts=part)
    assert row["labels"] == [("app", "web")]
    assert row["annotations"] == [("k", "b"), ("l", "")]


def test_each_part_of_the_key_makes_another_state() -> None:
    """Another cluster, uid, count or last time is another state."""
    rows = _observations(
        """
        cluster | uid | n | last_seen
        prod    | a   | 1 | 2026-11-23 08:00
        prod    | a   | 1 | 2026-11-23 08:00
        test    | a   | 1 | 2026-11-23 08:00
        prod    | b   | 1 | 2026-11-23 08:00
        prod    | a   | 2 | 2026-11-23 08:00
        prod    | a   | 1 | 2026-11-23 08:01
        prod    | a   | 1 | 2026-11-24 08:00
        """
    )
    assert len(rows) == 6


# occurrences and events


def _counted(text: str) -> None:
    """Check that each drawn observation adds the drawn ``occ`` since the drawn ``since``."""
    drawn = tables.drawn(text)
    given = [name for name in drawn[0] if name not in {"occ", "since", "reset"}]
    lines = ["|".join(given)] + ["|".join(row[name] or "-" for name in given) for row in drawn]
    observations = tables.observations("\n".join(lines))
    if "name" not in given:
        at = observations.schema.get_field_index("name")
        names = pa.array(["web.1"] * len(drawn), pa.string())
        observations = observations.set_column(at, observations.schema.field(at), names)
    occurrences = Session.over({"near": tables.near(observations)})
    found = occurrences.run(statement("lake/occurrences").text, {})
    occurrences.close()
    rows = _view(
        "lake/counted",
        outdated=schema.FULL_DAY_SCHEMA.empty_table(),
        merged=observations,
        occurrences=found,
    )
    key = ("uid", "n", "last_seen")
    assert len(rows) == len(drawn)
    by_key = {tuple(row[name] for name in key): row for row in rows}
    for wanted, own in zip(drawn, observations.to_pylist(), strict=True):
        row = by_key[tuple(own[name] for name in key)]
        assert row["occurrences"] == int(wanted["occ"] or 0), wanted
        if "since" in wanted:
            since = row["since"]
            assert (since and f"{since:%Y-%m-%d %H:%M}") == wanted["since"], wanted
        if "reset" in wanted:
            assert row["reset"] == (wanted["reset"] == "T"), wanted
        assert all(row[name] == value for name, value in own.items())


def test_a_new_event_adds_its_count() -> None:
    """The first state counts from first seen, growth from the state before."""
    _counted(
        """
        uid | n | first_seen       | last_seen        | occ | since            | reset
        a   | 3 | 2026-11-23 08:00 | 2026-11-23 08:10 | 3   | 2026-11-23 08:00 | -
        a   | 4 | 2026-11-23 08:00 | 2026-11-23 08:15 | 1   | 2026-11-23 08:10 | -
        a   | 9 | 2026-11-23 08:00 | 2026-11-23 08:40 | 5   | 2026-11-23 08:15 | -
        """
    )


def test_a_recreated_event_continues_its_count() -> None:
    """An expired object comes back with a new uid and a continuing count: nothing is counted twice."""
    _counted(
        """
        uid | n  | first_seen       | last_seen        | occ | since            | reset
        a   | 7  | 2026-11-23 08:00 | 2026-11-23 08:10 | 7   | 2026-11-23 08:00 | -
        b   | 8  | 2026-11-23 08:00 | 2026-11-23 12:00 | 1   | 2026-11-23 08:10 | -
        b   | 10 | 2026-11-23 08:00 | 2026-11-23 12:30 | 2   | 2026-11-23 12:00 | -
        c   | 11 | 2026-11-23 08:00 | 2026-11-23 20:00 | 1   | 2026-11-23 12:30 | -
        """
    )


def test_a_jump_counts_what_the_spam_filter_held_back() -> None:
    """Counts that jump, because the recorder writes only some of them, add all that they passed."""
    _counted(
        """
        name | uid | n  | first_seen       | last_seen        | occ | since
        w.1  | a   | 27 | 2026-11-23 08:00 | 2026-11-23 08:13 | 27  | 2026-11-23 08:00
        w.1  | a   | 31 | 2026-11-23 08:00 | 2026-11-23 08:18 | 4   | 2026-11-23 08:13
        w.1  | a   | 91 | 2026-11-23 08:00 | 2026-11-23 08:48 | 60  | 2026-11-23 08:18
        w.2  | b   | 10 | 2026-11-23 08:00 | 2026-11-23 08:05 | 10  | 2026-11-23 08:00
        """
    )


def test_a_reset_counts_anew() -> None:
    """A count that falls while its object is written again starts from nothing, and says so."""
    _counted(
        """
        uid | resource_version | n | first_seen       | last_seen        | occ | since            | reset
        a   | 5                | 9 | 2026-11-23 08:00 | 2026-11-23 08:10 | 9   | 2026-11-23 08:00 | -
        a   | 6                | 2 | 2026-11-23 08:00 | 2026-11-23 08:20 | 2   | 2026-11-23 08:10 | T
        a   | 7                | 5 | 2026-11-23 08:00 | 2026-11-23 08:30 | 3   | 2026-11-23 08:20 | -
        a   | 8                | 1 | 2026-11-23 08:00 | 2026-11-23 08:40 | 1   | 2026-11-23 08:30 | T
        """
    )


@pytest.mark.parametrize(
    "row",
    [
        "a | 4 | 2 | 2026-11-23 08:20",  # an older version: etcd was restored
        "a | 5 | 2 | 2026-11-23 08:20",  # the same version
        "a | - | 2 | 2026-11-23 08:20",  # no version
        "b | 6 | 2 | 2026-11-23 08:20",  # another object
    ],
)
def test_a_count_that_fell_without_a_reset_adds_nothing(row: str) -> None:
    """What is no proof of a new start adds nothing until the greatest count is passed."""
    uid = row.partition("|")[0]
    _counted(
        f"""
        uid | resource_version | n  | last_seen        | first_seen       | occ | reset
        a   | 5                | 9  | 2026-11-23 08:10 | 2026-11-23 08:00 | 9   | -
        {row}                                          | 2026-11-23 08:00 | 0   | -
        {uid} | 9              | 10 | 2026-11-23 08:30 | 2026-11-23 08:00 | 1   | -
        """
    )


def test_a_reset_needs_a_later_time() -> None:
    """A lower count of the same moment sorts before the greater one and is no reset."""
    _counted(
        """
        uid | resource_version | n | first_seen       | last_seen        | occ | reset
        a   | 6                | 2 | 2026-11-23 08:00 | 2026-11-23 08:10 | 2   | -
        a   | 5                | 9 | 2026-11-23 08:00 | 2026-11-23 08:10 | 7   | -
        """
    )


def test_the_same_time_is_ordered_by_count_and_uid() -> None:
    """States of one moment count in the order of n, then of uid."""
    _counted(
        """
        uid | n | first_seen       | last_seen        | occ | since
        b   | 3 | 2026-11-23 08:00 | 2026-11-23 08:10 | 0   | 2026-11-23 08:10
        a   | 3 | 2026-11-23 08:00 | 2026-11-23 08:10 | 3   | 2026-11-23 08:00
        a   | 5 | 2026-11-23 08:00 | 2026-11-23 08:10 | 2   | 2026-11-23 08:10
        """
    )


def test_what_happened_over_more_than_a_day_is_one() -> None:
    """After more than 24 hours one occurrence is sure; the rest happened at an unknown time."""
    _counted(
        """
        uid | n     | first_seen       | last_seen        | occ   | since
        a   | 10    | 2026-11-22 08:00 | 2026-11-22 08:10 | 10    | 2026-11-22 08:00
        a   | 25    | 2026-11-22 08:00 | 2026-11-23 08:10 | 15    | 2026-11-22 08:10
        a   | 26    | 2026-11-22 08:00 | 2026-11-23 08:11 | 1     | 2026-11-23 08:10
        b   | 51252 | 2026-05-01 08:00 | 2026-11-23 08:11 | 1     | 2026-05-01 08:00
        """
    )
    _counted(
        """
        uid | n  | first_seen       | last_seen        | occ | since
        a   | 10 | 2026-11-22 08:00 | 2026-11-22 08:10 | 10  | 2026-11-22 08:00
        a   | 25 | 2026-11-22 08:00 | 2026-11-23 08:11 | 1   | 2026-11-22 08:10
        a   | 26 | 2026-11-22 08:00 | 2026-11-23 08:11 | 1   | 2026-11-23 08:11
        """
    )


def test_a_day_knows_only_the_day_before() -> None:
    """A predecessor of two days before is out of sight: one occurrence, since the lineage began."""
    _counted(
        """
        uid | n  | first_seen       | last_seen        | occ | since
        a   | 10 | 2026-11-20 23:00 | 2026-11-21 00:00 | 10  | 2026-11-20 23:00
        a   | 25 | 2026-11-20 23:00 | 2026-11-23 00:00 | 1   | 2026-11-20 23:00
        a   | 40 | 2026-11-20 23:00 | 2026-11-24 00:00 | 15  | 2026-11-23 00:00
        """
    )


def test_a_count_out_of_sight_is_not_forgotten_in_between() -> None:
    """The greatest count is that of the two days; what a day further back counted adds nothing again."""
    _counted(
        """
        uid | n  | first_seen       | last_seen        | occ
        a   | 50 | 2026-11-20 23:00 | 2026-11-21 12:00 | 50
        b   | 20 | 2026-11-20 23:00 | 2026-11-22 12:00 | 0
        b   | 30 | 2026-11-20 23:00 | 2026-11-22 13:00 | 0
        b   | 31 | 2026-11-20 23:00 | 2026-11-23 13:00 | 1
        """
    )


def test_an_implausible_count_is_one() -> None:
    """A claim that nobody can have produced counts as one occurrence, and none if the count did not grow."""
    _counted(
        """
        uid | n        | first_seen       | last_seen        | flags       | occ
        a   | 99000000 | 2026-11-23 08:00 | 2026-11-23 08:01 | implausible | 1
        a   | 99000005 | 2026-11-23 08:00 | 2026-11-23 08:02 | implausible | 1
        b   | 99000005 | 2026-11-23 08:00 | 2026-11-23 08:03 | implausible | 0
        """
    )


def test_a_repeat_that_moves_only_the_time_adds_nothing() -> None:
    """Writers that only move the last time add states and no occurrences."""
    _counted(
        """
        uid | n | first_seen       | last_seen        | occ | since
        a   | 1 | 2026-11-23 08:00 | 2026-11-23 08:00 | 1   | 2026-11-23 08:00
        a   | 1 | 2026-11-23 08:00 | 2026-11-23 09:00 | 0   | 2026-11-23 08:00
        """
    )


def test_lineages_do_not_touch() -> None:
    """Another cluster, namespace, name or first second is another count."""
    _counted(
        """
        cluster | namespace | name | uid | n | first_seen       | last_seen        | occ
        prod    | shop      | w.1  | a   | 5 | 2026-11-23 08:00 | 2026-11-23 08:10 | 5
        test    | shop      | w.1  | b   | 5 | 2026-11-23 08:00 | 2026-11-23 08:10 | 5
        prod    | infra     | w.1  | c   | 5 | 2026-11-23 08:00 | 2026-11-23 08:10 | 5
        prod    | shop      | w.2  | d   | 5 | 2026-11-23 08:00 | 2026-11-23 08:10 | 5
        prod    | shop      | w.1  | e   | 5 | 2026-11-23 08:01 | 2026-11-23 08:10 | 5
        prod    | -         | w.1  | f   | 5 | 2026-11-23 08:00 | 2026-11-23 08:10 | 5
        prod    | -         | w.1  | g   | 6 | 2026-11-23 08:00 | 2026-11-23 08:11 | 1
        prod    | -         | -    | h   | 5 | 2026-11-23 08:00 | 2026-11-23 08:10 | 5
        prod    | -         | -    | i   | 6 | 2026-11-23 08:00 | 2026-11-23 08:11 | 6
        prod    | shop      | w.3  | k   | 5 | 2026-11-23 08:00:00.1 | 2026-11-23 08:10 | 5
        prod    | shop      | w.3  | l   | 6 | 2026-11-23 08:00:00   | 2026-11-23 08:11 | 1
        """
    )


def test_without_a_first_time_one_is_sure() -> None:
    """A stripped object tells no time since when its count grew: one occurrence is sure."""
    _counted(
        """
        uid | n   | first_seen | last_seen        | occ | since
        a   | 500 | -          | 2026-11-23 08:10 | 1   | -
        a   | 504 | -          | 2026-11-23 08:20 | 4   | 2026-11-23 08:10
        """
    )


def test_a_first_time_after_the_last_one_is_no_long_time() -> None:
    """Clocks that differ by a little, or writers that swap the two, count as what they say."""
    _counted(
        """
        uid | n | first_seen       | last_seen        | occ | since
        a   | 3 | 2026-11-23 08:11 | 2026-11-23 08:10 | 3   | 2026-11-23 08:11
        """
    )


# latest and snapshots


def test_the_latest_state_is_what_kubectl_would_show() -> None:
    """One row per cluster and uid: the greatest version, else the newest time, else the greatest count."""
    rows = _view(
        "views/latest",
        observations=tables.observations(
            """
            cluster | uid | resource_version | n | last_seen        | message
            prod    | a   | 9                | 1 | 2026-11-23 08:00 | edited
            prod    | a   | 8                | 5 | 2026-11-23 09:00 | -
            test    | a   | 3                | 2 | 2026-11-20 09:00 | other
            prod    | b   | -                | 2 | 2026-11-23 08:00 | -
            prod    | b   | -                | 3 | 2026-11-23 08:00 | grown
            prod    | b   | -                | 9 | 2026-11-22 08:00 | -
            prod    | c   | -                | 9 | 2026-11-23 08:00 | -
            prod    | c   | 1                | 1 | 2026-11-21 08:00 | versioned
            """
        ),
    )
    assert _some(rows, "cluster", "uid", "message") == [
        ("prod", "a", "edited"),
        ("prod", "b", "grown"),
        ("prod", "c", "versioned"),
        ("test", "a", "other"),
    ]


def test_a_run_is_one_snapshot() -> None:
    """A ledger row that was written twice counts once, the finished one; runs of other clusters stay."""
    rows = _view(
        "views/snapshots",
        ledger=tables.snapshots(
            """
            cluster | snapshot_id | started_at       | finished_at      | status
            prod    | s1          | 2026-11-23 08:00 | -                | failed
            prod    | s1          | 2026-11-23 08:00 | 2026-11-23 08:01 | complete
            test    | s1          | 2026-11-23 08:00 | 2026-11-23 08:01 | complete
            prod    | s2          | 2026-11-23 09:00 | 2026-11-23 09:01 | failed
            """
        ),
    )
    assert _some(rows, "cluster", "snapshot_id", "status") == [
        ("prod", "s1", "complete"),
        ("prod", "s2", "failed"),
        ("test", "s1", "complete"),
    ]
