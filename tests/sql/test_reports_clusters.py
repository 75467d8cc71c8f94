"""The report clusters over drawn ledgers: how fresh each cluster is, and why not."""

from __future__ import annotations

from tests.lib.reports import answer, expect, lake, window

DAY = window("2026-11-22 00:00", "2026-11-22 12:00")
RUNS = """
    cluster | kind   | snapshot_id | status   | started_at       | sent_at          | ttl_seconds | interval_seconds | items | error
    fresh   | list   | f0          | failed   | 2026-11-22 11:40 | -                | 3600        | 600              | -     | 401
    fresh   | list   | f1          | complete | 2026-11-22 11:50 | 2026-11-22 11:50 | 3600        | 600              | 7     | -
    late    | list   | l1          | complete | 2026-11-22 11:39 | 2026-11-22 11:39 | 3600        | 600              | 8     | -
    failing | list   | a1          | complete | 2026-11-22 11:50 | 2026-11-22 11:50 | 3600        | 600              | 9     | -
    failing | list   | a2          | failed   | 2026-11-22 11:55 | -                | 3600        | 600              | -     | 403
    partly  | list   | p1          | complete | 2026-11-22 11:55 | 2026-11-22 11:55 | 3600        | 600              | 3     | -
    partly  | list   | p2          | failed   | 2026-11-22 11:55 | -                | 3600        | 600              | -     | shop
    never   | list   | n1          | failed   | 2026-11-22 11:55 | -                | 3600        | 600              | -     | CA
    stale   | list   | s1          | complete | 2026-11-22 11:00 | 2026-11-22 11:00 | 3600        | 600              | 1     | -
    stale   | list   | s2          | failed   | 2026-11-22 11:55 | -                | 3600        | 600              | -     | DNS
    old     | list   | o1          | complete | 2026-11-20 11:00 | 2026-11-20 11:00 | 3600        | 600              | 2     | -
    dump    | import | d1          | complete | 2026-11-22 10:00 | -                | -           | -                | 4     | -
    after   | list   | z1          | complete | 2026-11-22 12:00 | 2026-11-22 12:00 | 3600        | 600              | 5     | -
    """


def test_each_state() -> None:
    """The worst come first; why the newest run failed stands beside, and what was after the window is not known yet."""
    session = lake("cluster", snapshots=RUNS, configured=["fresh", "nowhere", "after"])
    columns, rows = expect(
        """
        cluster | state    | last_snapshot_at | age_seconds | snapshots | failed | items | ttl_seconds | error
        after   | unknown  | -                | -           | 0         | 0      | -     | -           | -
        nowhere | unknown  | -                | -           | 0         | 0      | -     | -           | -
        old     | stale    | 2026-11-20 11:00 | 176400      | 0         | 0      | 2     | 3600        | -
        stale   | stale    | 2026-11-22 11:00 | 3600        | 1         | 1      | 1     | 3600        | DNS
        failing | failing  | 2026-11-22 11:50 | 600         | 1         | 1      | 9     | 3600        | 403
        never   | failing  | -                | -           | 0         | 1      | -     | 3600        | CA
        partly  | failing  | 2026-11-22 11:55 | 300         | 1         | 1      | 3     | 3600        | shop
        late    | late     | 2026-11-22 11:39 | 1260        | 1         | 0      | 8     | 3600        | -
        dump    | imported | -                | -           | 0         | 0      | -     | -           | -
        fresh   | fresh    | 2026-11-22 11:50 | 600         | 1         | 1      | 7     | 3600        | -
        """
    )
    assert answer("clusters", session, DAY, columns=columns) == rows


def test_what_is_proven_and_how_long_events_live() -> None:
    """Covered is the part of the window; events live at least as long as the oldest, less a minute, and at most as what vanished."""
    session = lake(
        "cluster",
        """
        cluster | started_at       | ended_at         | covered
        eu      | 2026-11-21 00:00 | 2026-11-22 03:00 | T
        eu      | 2026-11-22 03:00 | 2026-11-22 09:00 | F
        eu      | 2026-11-22 09:00 | 2026-11-23 00:00 | T
        """,
        """
        cluster | snapshot_id | started_at       | sent_at          | received_at      | oldest_written_at | vanished_age_seconds | ttl_seconds
        eu      | s1          | 2026-11-22 09:00 | 2026-11-22 09:00 | 2026-11-22 09:00 | 2026-11-22 08:01  | 3700                 | 3600
        """,
    )
    columns, rows = expect(
        """
        cluster | covered_share | at_least_seconds | at_most_seconds
        eu      | 0.5           | 3480             | 3700
        """
    )
    assert answer("clusters", session, DAY, columns=columns) == rows


def test_a_configured_cluster_that_was_never_listed_is_a_gap_of_the_whole_window() -> None:
    """Coverage tells of it too: unknown, because there was no snapshot."""
    columns, rows = expect(
        """
        cluster | state   | cause       | length_seconds
        nowhere | unknown | no snapshot | 43200
        """
    )
    session = lake("cluster", configured=["nowhere"])
    assert answer("coverage", session, DAY, columns=columns) == rows
