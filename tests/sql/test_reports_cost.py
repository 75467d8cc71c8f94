"""The reports volume_by_component and api_cost over drawn tables."""

from __future__ import annotations

from tests.lib.reports import LISTS, answer, expect, lake, window

DAY = window("2026-11-22 00:00", "2026-11-23 00:00")
HALF = """
    cluster | started_at       | ended_at         | covered
    eu      | 2026-11-21 00:00 | 2026-11-22 00:00:10 | T
    eu      | 2026-11-22 23:59:50 | 2026-11-23 08:00 | T
    """


def test_states_are_counted_by_writer() -> None:
    """States are writes that were seen, per second of proven time; text is counted in bytes."""
    session = lake(
        """
        cluster | last_seen           | component | occurrences | message
        eu      | 2026-11-22 08:00:01 | kubelet   | 5           | ab
        eu      | 2026-11-22 08:00:59 | kubelet   | 0           | 事
        eu      | 2026-11-22 08:01:00 | kubelet   | 1           | -
        us      | 2026-11-22 08:00:00 | -         | 1           | a
        us      | 2026-11-23 00:00:00 | -         | 1           | a
        """,
        HALF,
    )
    columns, rows = expect(
        """
        cluster | component | states | share | occurrences | states_per_second | peak_states_per_minute | message_bytes
        eu      | kubelet   | 3      | 0.75  | 6           | 0.15              | 2                      | 5
        us      | -         | 1      | 0.25  | 1           | -                 | 1                      | 1
        """
    )
    assert answer("volume_by_component", session, DAY, columns=columns) == rows
    assert answer("volume_by_component", session, DAY, columns=columns, limit="1") == rows[:1]


def test_the_cost_of_snapshots_is_what_the_ledger_says() -> None:
    """Lists alone count; a failed one cost requests and time and tells nothing of the events."""
    session = lake("cluster", snapshots=LISTS)
    columns, rows = expect(
        """
        cluster | snapshots | failed | watches | items | most_items | pages | retries | received_bytes | mean_seconds | longest_seconds | busy_share
        eu      | 3         | 1      | 0       | 5500  | 6000       | 4     | 6       | 1700000        | 22           | 60              | 0.0008
        us      | 1         | 0      | 0       | 10    | 10         | 1     | 0       | 2000           | 3            | 3               | 0
        """
    )
    found = answer("api_cost", session, DAY, columns=columns)
    assert found[0] == rows[0]
    assert found[1] | {"busy_share": "0"} == rows[1]


def test_a_watch_costs_and_says_nothing_of_how_many_events_live() -> None:
    """Its bytes count, its items are changes and not events."""
    session = lake(
        "cluster",
        snapshots="""
        snapshot_id | kind  | started_at       | items | bytes_received
        s1          | list  | 2026-11-22 08:00 | 5000  | 800000
        s2          | watch | 2026-11-22 08:02 | 200   | 90000
        """,
    )
    columns, rows = expect(
        """
        snapshots | watches | items | most_items | received_bytes
        2         | 1       | 5000  | 5000       | 890000
        """
    )
    assert answer("api_cost", session, DAY, columns=columns) == rows


def test_imports_cost_the_api_server_nothing() -> None:
    """A dump that was imported is no request of ours."""
    snapshots = """
        snapshot_id | kind   | started_at       | items
        s1          | import | 2026-11-22 08:00 | 9
        """
    assert answer("api_cost", lake("cluster", snapshots=snapshots), DAY) == []
    assert answer("volume_by_component", lake("cluster"), DAY) == []
