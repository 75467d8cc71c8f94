"""The statements behind a digest's parts, each over drawn tables: sql/rules/*."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from etl.alerts.learned import BY_TIME, Learned
from etl.errors import QueryError
from etl.lake.query import Session
from etl.statements import in_folder, statement
from etl.timespan import Window
from tests.lib import tables
from tests.lib.asking import WINDOW, daily_snapshots, session_over

BASE = WINDOW.start - timedelta(days=7)
BOUNDS: dict[str, object] = {
    "base": BASE,
    "start": WINDOW.start,
    "end": WINDOW.end,
    "reach": None,
    "daily": False,
    **BY_TIME.bound(WINDOW),
}


def rows(session: Session, name: str, **parameters: object) -> list[dict[str, Any]]:
    """Run a shipped statement and return its rows."""
    table = session.run(statement(f"rules/{name}").text, {**BOUNDS, **parameters})
    session.close()
    found: list[dict[str, Any]] = table.to_pylist()
    return found


@pytest.mark.parametrize("name", [s.name for s in in_folder("rules")])
def test_statements_are_one_select_with_a_header(name: str) -> None:
    """Each file is one SELECT that says what it asks, and what it binds stands in its header."""
    shipped = statement(name)
    session = session_over()
    bound = session.parameters(shipped.text)
    session.close()
    assert shipped.header["question"].rstrip().endswith(("?", "known.", "it."))
    for parameter in bound:
        told = f"${parameter}" in shipped.header["parameters"]
        assert told or parameter.partition("_")[2] in {"in", "not_in", "matches", "not_matches"}


def test_regex() -> None:
    """RE2 takes what is linear and refuses what is not."""
    session = session_over()
    text = statement("rules/regex").text
    assert session.run(text, {"pattern": "(?i)back-?off.*"}).num_rows == 1
    for refused in ("(", "a(?=b)", r"(a)\1", "a{2000}", "*"):
        with pytest.raises(QueryError):
            session.run(text, {"pattern": refused})
    session.close()


def test_known_days_come_from_reads_and_not_from_events() -> None:
    """A quiet day on which the cluster was read is known; an event of an unread day makes none."""
    ledger = tables.snapshots(
        """
        cluster | snapshot_id | status       | started_at       | sent_at          | collected_at
        prod    | a           | complete     | 2026-11-15 09:00 | 2026-11-15 09:00 | -
        prod    | b           | complete     | 2026-11-15 20:00 | 2026-11-15 20:00 | -
        prod    | c           | failed       | 2026-11-16 20:00 | 2026-11-16 20:00 | -
        prod    | d           | inconsistent | 2026-11-18 08:59 | 2026-11-18 08:59 | -
        prod    | e           | complete     | 2026-11-22 09:00 | 2026-11-22 09:00 | -
        dump    | f           | complete     | 2026-11-22 10:00 | -                | 2026-11-20 10:00
        """
    )
    events = tables.events(
        """
        cluster | last_seen        | observed_at
        prod    | 2026-11-19 10:00 | 2026-11-22 12:00
        dump    | 2026-11-16 10:00 | 2026-11-16 10:30
        """
    )
    found = rows(session_over(events, ledger), "known_days")
    assert [(row["cluster"], row["day"]) for row in found] == [
        ("dump", 1),
        ("dump", 5),
        ("prod", 0),
        ("prod", 2),
    ]


def test_totals() -> None:
    """Occurrences, warnings, objects and namespaces of the window, beside the baseline's sums."""
    events = tables.events(
        """
        cluster | namespace | object_kind | object_name | type    | occurrences | last_seen
        a       | x         | Pod         | p           | Warning | 5           | 2026-11-22 10:00
        a       | x         | Pod         | p           | Normal  | 2           | 2026-11-22 10:00
        a       | x         | Pod         | q           | Normal  | 1           | 2026-11-22 10:00
        a       | y         | Pod         | p           | Normal  | 0           | 2026-11-22 10:00
        a       | z         | Pod         | r           | Warning | 8           | 2026-11-20 10:00
        b       | x         | Pod         | p           | Normal  | 3           | 2026-11-16 10:00
        b       | x         | Pod         | p           | Normal  | 100         | 2026-11-10 10:00
        """
    )
    assert [tuple(row.values()) for row in rows(session_over(events), "totals")] == [
        ("a", 8, 5, 2, 1, 8, 8),
        ("b", 0, 0, 0, 0, 3, 0),
    ]


def occurred(events: str) -> list[tuple[object, ...]]:
    """Return (reason, kind, type, occurrences, meaning) of what occurred in the window."""
    found = rows(session_over(tables.events(events)), "first_seen", clusters=["prod"])
    return [
        (r["reason"], r["object_kind"], r["type"], r["occurrences"], r["meaning"]) for r in found
    ]


def test_meaning_goes_by_type_and_kind() -> None:
    """BackOff of type Normal is an image, of type Warning a crash; an unknown reason has no meaning."""
    assert occurred(
        """
        cluster | reason       | object_kind | type    | occurrences | last_seen
        prod    | BackOff      | Pod         | Normal  | 3           | 2026-11-22 10:00
        prod    | Rebooted     | Node        | Warning | 1           | 2026-11-22 11:00
        prod    | OwnReason    | Widget      | Normal  | 2           | 2026-11-22 10:00
        prod    | FailedCreate | Job         | Warning | 1           | 2026-11-22 10:00
        prod    | Started      | Pod         | Normal  | 9           | 2026-11-21 10:00
        other   | Killing      | Pod         | Normal  | 1           | 2026-11-22 10:00
        """
    ) == [
        ("FailedCreate", "Job", "Warning", 1, "pod create refused (quota/webhook/PSA)"),
        ("Rebooted", "Node", "Warning", 1, "boot id changed"),
        ("BackOff", "Pod", "Normal", 3, "image-pull back-off (ImagePullBackOff)"),
        ("OwnReason", "Widget", "Normal", 2, ""),
    ]


def test_several_meanings_are_all_told() -> None:
    """A reason with several meanings of one kind and type has them all."""
    ((*_, meaning),) = occurred(
        "reason | object_kind | type | last_seen\nFailed | Pod | Warning | 2026-11-22 10:00"
    )
    assert "failed to pull image" in str(meaning)
    assert "cannot make pod data dirs; " in str(meaning)


def test_first_seen_example_is_the_newest() -> None:
    """The example is the newest text, the time the earliest start of a count."""
    events = tables.events(
        """
        reason | object_kind | last_seen        | first_seen       | message
        New    | Pod         | 2026-11-22 10:00 | 2026-11-22 09:30 | early
        New    | Pod         | 2026-11-22 12:00 | 2026-11-22 12:00 | late
        """
    )
    (row,) = rows(session_over(events), "first_seen", clusters=["prod"])
    assert row["example"] == "late"
    assert row["first_seen"] == datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def test_seen_before() -> None:
    """A reason is known by its kind of object, in its cluster, as far back as is asked."""
    events = tables.events(
        """
        cluster | reason | object_kind | last_seen
        prod    | Failed | Pod         | 2026-11-01 10:00
        prod    | Failed | Pod         | 2026-11-02 10:00
        prod    | Failed | Job         | 2026-11-22 10:00
        prod    | Old    | Pod         | 2026-10-01 10:00
        other   | Failed | Node        | 2026-11-01 10:00
        """
    )
    assert seen_before(events) == [("prod", "Failed", "Pod")]


def test_what_is_listed_late_was_not_seen_before() -> None:
    """What no earlier evaluation knew is new, however long ago it happened; what one knew is not, even of this window."""
    events = tables.events(
        """
        cluster | reason | object_kind | last_seen        | observed_at
        prod    | Late   | Pod         | 2026-11-22 08:00 | 2026-11-22 10:00
        prod    | Told   | Pod         | 2026-11-22 09:01 | 2026-11-22 09:02
        prod    | Known  | Pod         | 2026-11-22 08:00 | 2026-11-22 08:30
        """
    )
    known = datetime(2026, 11, 22, 9, 5, tzinfo=UTC)
    assert seen_before(events, known) == [("prod", "Known", "Pod"), ("prod", "Told", "Pod")]
    assert seen_before(events) == [("prod", "Known", "Pod"), ("prod", "Late", "Pod")]


def seen_before(events: pa.Table, known: datetime | None = None) -> list[tuple[object, ...]]:
    """Return what the last 30 days know of prod, after an evaluation that knew it up to a moment."""
    reach = WINDOW.start - timedelta(days=30)
    bounds = {"reach": reach, "clusters": ["prod"], "known": [known]}
    return [tuple(r.values()) for r in rows(session_over(events), "seen_before", **bounds)]


def movers(events: str, **parameters: object) -> list[tuple[object, ...]]:
    """Return (reason, value, baseline) of what moved, with seven known days."""
    defaults: dict[str, object] = {
        "clusters": ["prod"],
        "scales": [1 / 7],
        "floor": 50,
        "factor": 3,
        "falls": True,
        "limit": 10,
    }
    found = rows(session_over(tables.events(events)), "movers", **{**defaults, **parameters})
    return [(row["reason"], row["value"], round(row["baseline"], 2)) for row in found]


MOVING = """
    cluster | namespace | reason  | occurrences | last_seen
    prod    | shop      | Rises   | 300         | 2026-11-22 10:00
    prod    | shop      | Rises   | 700         | 2026-11-20 10:00
    prod    | shop      | Almost  | 299         | 2026-11-22 10:00
    prod    | shop      | Almost  | 700         | 2026-11-20 10:00
    prod    | shop      | Falls   | 20          | 2026-11-22 10:00
    prod    | shop      | Falls   | 420         | 2026-11-20 10:00
    prod    | shop      | Small   | 49          | 2026-11-22 10:00
    prod    | shop      | Fresh   | 50          | 2026-11-22 10:00
    prod    | shop      | Rare    | 60          | 2026-11-22 10:00
    prod    | shop      | Rare    | 1           | 2026-11-20 10:00
    prod    | shop      | Stops   | 350         | 2026-11-20 10:00
    other   | shop      | Elsewhere | 900       | 2026-11-22 10:00
"""


def test_movers() -> None:
    """Three times the usual and at least fifty, or a third of a usual that is at least fifty."""
    assert movers(MOVING) == [
        ("Rises", 300, 100),
        ("Rare", 60, 0.14),
        ("Fresh", 50, 0),
        ("Stops", 0, 50),
        ("Falls", 20, 60),
    ]


def test_movers_without_falls() -> None:
    """Where events may have been missed, fewer of them mean nothing."""
    assert [row[0] for row in movers(MOVING, falls=False)] == ["Rises", "Rare", "Fresh"]
    assert [row[0] for row in movers(MOVING, limit=1)] == ["Rises"]


def test_movers_scale_by_cluster() -> None:
    """Each cluster is compared by its own known days."""
    events = """
        cluster | reason | occurrences | last_seen
        a       | R      | 100         | 2026-11-22 10:00
        a       | R      | 70          | 2026-11-20 10:00
        b       | R      | 100         | 2026-11-22 10:00
        b       | R      | 100         | 2026-11-20 10:00
    """
    assert movers(events, clusters=["a", "b"], scales=[1 / 7, 1.0]) == [("R", 100, 10)]


STATES = """
    reason | object_name | type    | occurrences | last_seen        | first_seen       | message
    R      | a           | Warning | 1           | 2026-11-20 10:00 | 2026-11-20 09:00 | x
    R      | a           | Warning | 2           | 2026-11-22 10:00 | 2026-11-22 09:30 | x
    R      | a           | Warning | 4           | 2026-11-22 11:00 | 2026-11-22 09:40 | x
    R      | a           | Warning | 8           | 2026-11-22 12:00 | 2026-11-22 12:00 | y
    S      | a           | Warning | 16          | 2026-11-22 12:00 | -                | z
    R      | a           | Warning | 32          | 2026-11-10 12:00 | 2026-11-10 12:00 | x
"""


def test_candidates() -> None:
    """States of one text become one row, apart for window and baseline; other reasons stay out."""
    found = rows(session_over(tables.events(STATES)), "candidates", reasons=["R", "Q"])
    assert [
        (r["message"], r["occurrences"], f"{r['last_seen']:%d %H}", r["date"].day) for r in found
    ] == [
        ("x", 1, "20 10", 20),
        ("x", 6, "22 11", 22),
        ("y", 8, "22 12", 22),
    ]


def test_overview() -> None:
    """States of one object and reason become one row, with the newest text of the window."""
    found = rows(session_over(tables.events(STATES)), "overview")
    assert [
        (r["reason"], r["message"], r["occurrences"], f"{r['first_seen']:%d %H:%M}") for r in found
    ] == [
        ("R", None, 1, "20 09:00"),
        ("R", "y", 14, "22 09:30"),
        ("S", "z", 16, "22 12:00"),
    ]


LATE = """
    cluster | reason | last_seen        | observed_at      | occurrences | message
    prod    | R      | 2026-11-22 10:00 | 2026-11-22 10:10 | 1           | in the window
    prod    | R      | 2026-11-22 08:50 | 2026-11-22 08:59 | 2           | told by the digest before
    prod    | R      | 2026-11-22 08:50 | 2026-11-22 12:00 | 4           | written late
    prod    | R      | 2026-11-22 09:05 | 2026-11-22 09:10 | 8           | after the window before, and told by it
    prod    | R      | 2026-11-23 09:02 | 2026-11-23 09:05 | 16          | after the window, and seen by its list
    prod    | R      | 2026-11-23 08:50 | 2026-11-23 09:10 | 32          | not listed yet
    new     | R      | 2026-11-22 08:00 | 2026-11-22 12:00 | 64          | before anybody asked
    new     | R      | 2026-11-22 11:00 | 2026-11-22 12:00 | 128         | in the window
"""
LEARNED = Learned(
    since={"prod": datetime(2026, 11, 22, 9, 10, tzinfo=UTC)},
    until={
        "prod": datetime(2026, 11, 23, 9, 5, tzinfo=UTC),
        "new": datetime(2026, 11, 23, 9, 4, tzinfo=UTC),
    },
)


@pytest.mark.parametrize("name", ["candidates", "overview"])
def test_what_was_learned_since_the_digest_before_counts(name: str) -> None:
    """An event that is written or listed late is in exactly one digest, at a time of its window."""
    bounds: dict[str, object] = {**LEARNED.bound(WINDOW), "reasons": None}
    found = rows(session_over(tables.events(LATE)), name, **bounds)
    counted: dict[str, int] = {}
    for row in found:
        if row["last_seen"] >= WINDOW.start:
            assert row["last_seen"] < WINDOW.end
            counted[row["cluster"]] = counted.get(row["cluster"], 0) + row["occurrences"]
    assert counted == {"prod": 1 + 4 + 16, "new": 128}
    if name == "candidates":
        assert {
            f"{r['happened_at']:%d %H:%M}" for r in found if r["message"] == "written late"
        } == {"22 08:50"}


def test_a_window_of_its_own_takes_what_is_late() -> None:
    """It counts what happened in it, and what came to light since and is little older."""
    window = Window(WINDOW.end - timedelta(hours=1), WINDOW.end)
    events = tables.events(
        """
        cluster | reason | last_seen        | observed_at      | occurrences
        prod    | R      | 2026-11-23 08:30 | 2026-11-22 08:31 | 1
        prod    | R      | 2026-11-23 07:30 | 2026-11-23 08:31 | 2
        prod    | R      | 2026-11-23 07:30 | 2026-11-22 08:31 | 4
        prod    | R      | 2026-11-23 05:30 | 2026-11-23 08:31 | 8
        """
    )
    bounds = {
        "base": BASE,
        "start": window.start,
        "end": window.end,
        "reasons": ["R"],
        "reach": window.start - timedelta(hours=2),
        "daily": False,
        **LEARNED.bound(window),
    }
    found = session_over(events).run(statement("rules/candidates").text, bounds).to_pylist()
    assert sum(r["occurrences"] for r in found if r["last_seen"] >= window.start) == 1 + 2


def test_marks_are_the_first_list_after_the_window() -> None:
    """A digest that is made late looks at the same as one that is made in time; else the newest list counts."""
    ledger = tables.snapshots(
        """
        cluster | snapshot_id | kind   | status   | started_at
        prod    | a           | list   | complete | 2026-11-23 08:55
        prod    | b           | list   | failed   | 2026-11-23 09:01
        prod    | c           | import | complete | 2026-11-23 09:02
        prod    | d           | list   | complete | 2026-11-23 09:05
        prod    | e           | list   | complete | 2026-11-23 09:15
        dead    | f           | list   | complete | 2026-11-22 12:00
        soon    | g           | list   | complete | 2026-11-23 11:00
        """
    )
    found = rows(
        session_over(snapshots=ledger), "marks", now=datetime(2026, 11, 23, 10, tzinfo=UTC)
    )
    assert [(row["cluster"], f"{row['mark']:%d %H:%M}") for row in found] == [
        ("dead", "22 12:00"),
        ("prod", "23 09:05"),
    ]


def test_noisiest() -> None:
    """Objects by their occurrences, each with the reason that it produced most."""
    events = tables.events(
        """
        namespace | object_kind | object_name | reason    | occurrences | last_seen
        shop      | Pod         | web-1       | Unhealthy | 30          | 2026-11-22 10:00
        shop      | Pod         | web-1       | BackOff   | 20          | 2026-11-22 10:00
        shop      | Pod         | web-1       | BackOff   | 20          | 2026-11-22 11:00
        shop      | Pod         | web-2       | Pulled    | 90          | 2026-11-22 10:00
        shop      | Pod         | web-3       | Pulled    | 5           | 2026-11-22 10:00
        shop      | Pod         | web-4       | Pulled    | 500         | 2026-11-20 10:00
        shop      | Pod         | web-5       | Pulled    | 0           | 2026-11-22 10:00
        """
    )
    found = rows(session_over(events), "noisiest", limit=2)
    assert [(r["object_name"], r["total"], r["top_reason"]) for r in found] == [
        ("web-2", 90, "Pulled"),
        ("web-1", 70, "BackOff"),
    ]


def test_coverage_is_cut_to_the_window() -> None:
    """Spans and gaps are those of the view, from the window's start to its end."""
    ledger = tables.snapshots(daily_snapshots(3, before=WINDOW.end))
    found = rows(session_over(snapshots=ledger), "coverage")
    assert [
        (r["covered"], f"{r['started_at']:%d %H:%M}", f"{r['ended_at']:%d %H:%M}") for r in found
    ] == [
        (False, "22 09:00", "23 07:00"),
        (True, "23 07:00", "23 08:00"),
    ]
    assert found[0]["cause"] == "no run"


def test_snapshots_of_the_window() -> None:
    """Usable and failed runs of the window are counted; the newest ones are told even behind it."""
    ledger = tables.snapshots(
        """
        cluster | snapshot_id | kind   | status       | started_at       | sent_at          | error | unreadable | unreadable_names
        prod    | a           | list   | complete     | 2026-11-20 10:00 | 2026-11-20 10:00 | -     | 7          | old
        prod    | b           | list   | complete     | 2026-11-22 10:00 | 2026-11-22 10:00 | -     | 0          | -
        prod    | c           | list   | inconsistent | 2026-11-22 11:00 | 2026-11-22 11:00 | -     | 2          | x,y
        prod    | d           | list   | failed       | 2026-11-22 12:00 | -                | gone  | -          | -
        prod    | e           | list   | complete     | 2026-11-23 09:03 | 2026-11-23 09:03 | -     | 0          | -
        prod    | f           | list   | complete     | 2026-11-01 09:03 | 2026-11-01 09:03 | -     | 0          | -
        dump    | g           | import | complete     | 2026-11-22 10:00 | -                | -     | 0          | -
        """
    )
    dump, prod = rows(session_over(snapshots=ledger), "snapshots")
    assert (prod["snapshots"], prod["failed"], prod["last_error"]) == (2, 1, "gone")
    assert prod["last_snapshot_at"] == datetime(2026, 11, 23, 9, 3, tzinfo=UTC)
    assert prod["last_failed_at"] == datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert (prod["unreadable"], prod["unreadable_names"]) == (2, ["x", "y"])
    assert (prod["listed"], dump["listed"]) == (True, False)


def test_statements_answer_the_same_twice() -> None:
    """Nothing depends on the clock or on chance."""
    ledger = tables.snapshots(daily_snapshots(7))
    events = tables.events(MOVING)
    for name in ("totals", "known_days", "coverage", "snapshots"):
        answers = [rows(session_over(events, ledger), name) for _ in range(2)]
        assert answers[0] == answers[1]
