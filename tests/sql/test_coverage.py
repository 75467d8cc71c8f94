"""What the ledger proves: drawn runs in, covered spans and gaps with their causes out."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from etl import manifest
from etl.lake.query import Session
from etl.statements import statement
from tests.lib import tables

DAY = "2026-11-23"


def _runs(text: str) -> pa.Table:
    """Drawn runs as ledger rows: times are of one day; received, started and run are sent and s1, s2… unless drawn."""
    lines = []
    for number, row in enumerate(tables.drawn(text), 1):
        sent = row.get("sent")
        moments = {
            "started_at": row.get("started") or sent,
            "sent_at": sent,
            "received_at": row.get("received") or sent,
            "first_received_at": row.get("first") or row.get("received") or sent,
        }
        cells = {
            "cluster": row.get("cluster") or "prod",
            "snapshot_id": row.get("run") or f"s{number}",
            "status": row.get("status") or "complete",
            "scope": row.get("scope") or "-",
            "ttl_seconds": str(60 * int(row.get("ttl") or 60)),
            "list_resource_version": row.get("version") or "-",
            "interval_seconds": str(60 * int(every)) if (every := row.get("every")) else "-",
            "previous_id": row.get("previous") or "-",
            "watched_since": f"{DAY} {since}" if (since := row.get("since")) else "-",
            **{name: f"{DAY} {at}" if at else "-" for name, at in moments.items()},
        }
        lines.append(cells)
    head = "|".join(lines[0])
    return tables.snapshots("\n".join([head, *("|".join(cells.values()) for cells in lines)]))


def _proven(snapshots: pa.Table, damage: str = "") -> tuple[list[dict[str, Any]], pa.Table]:
    """The spans of each cluster, and those of each group of namespaces as they came."""
    given = {"snapshots": snapshots}
    if damage:
        given["damage"] = tables.typed_table(damage, manifest.DAMAGE_SCHEMA)
    with Session.over(given) as ledger:
        groups = ledger.run(statement("views/coverage_by_namespace").text, {})
    with Session.over({"coverage_by_namespace": groups}) as spans:
        return spans.run(statement("views/coverage").text, {}).to_pylist(), groups


def _drawn(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    return sorted(
        (
            row["cluster"],
            ",".join(row["namespaces"] or ["all"]),
            f"{row['started_at']:%H:%M}",
            f"{row['ended_at']:%H:%M}",
            "covered" if row["covered"] else row["cause"],
        )
        for row in rows
    )


def _wanted(spans: str) -> list[tuple[str, ...]]:
    return sorted(
        (
            row.get("cluster") or "prod",
            row.get("of") or "all",
            row["from"] or "",
            row["to"] or "",
            row["is"] or "",
        )
        for row in (tables.drawn(spans) if spans else [])
    )


def _covered(runs: str, spans: str, *, damage: str = "") -> None:
    """Check that the drawn runs prove the drawn spans of each cluster."""
    rows, _groups = _proven(_runs(runs), damage)
    assert _drawn(rows) == _wanted(spans)


def _covered_by_namespace(runs: str, spans: str) -> None:
    """Check that the drawn runs prove the drawn spans of each group of namespaces."""
    _rows, groups = _proven(_runs(runs))
    assert _drawn(groups.to_pylist()) == _wanted(spans)


def test_lists_that_reach_each_other_are_one_span() -> None:
    """A list proves the time from the TTL before it was received until it was sent."""
    _covered(
        """
        sent
        08:00
        08:50
        09:49
        """,
        """
        from  | to    | is
        07:00 | 09:49 | covered
        """,
    )


def test_the_ttl_is_the_edge() -> None:
    """Received just the TTL after the one before was sent leaves no time open; a minute more leaves a minute."""
    _covered(
        """
        sent  | received
        08:00 | 08:00
        08:59 | 09:00
        09:58 | 10:00
        """,
        """
        from  | to    | is
        07:00 | 08:59 | covered
        08:59 | 09:00 | no run
        09:00 | 09:58 | covered
        """,
    )


def test_a_watch_proves_from_the_snapshot_on_that_it_goes_on_from() -> None:
    """It shows every state since then however long that was, and none before: a gap stays one, and what was lost."""
    _covered(
        """
        sent  | received | since
        08:00 | 08:00    | -
        10:00 | 10:01    | 08:00
        12:00 | 12:00    | 11:30
        12:10 | 12:11    | 12:00
        """,
        """
        from  | to    | is
        07:00 | 10:00 | covered
        10:00 | 11:30 | interval longer than the TTL
        11:30 | 12:10 | covered
        """,
    )


def test_a_gap_lies_between_lists_that_do_not_reach() -> None:
    """What could have expired between two lists is a gap: from the first one until the other's reach."""
    _covered(
        """
        sent
        08:00
        09:01
        12:00
        """,
        """
        from  | to    | is
        07:00 | 08:00 | covered
        08:00 | 08:01 | no run
        08:01 | 09:01 | covered
        09:01 | 11:00 | no run
        11:00 | 12:00 | covered
        """,
    )


def test_a_failed_run_is_the_cause_of_its_gap() -> None:
    """A run that failed between the two lists explains the gap, also when it ran after the gap's end."""
    _covered(
        """
        sent  | started | status
        08:00 | 08:00   | complete
        -     | 08:30   | failed
        10:00 | 10:00   | complete
        -     | 10:50   | failed
        11:40 | 11:40   | complete
        """,
        """
        from  | to    | is
        07:00 | 08:00 | covered
        08:00 | 09:00 | failed run
        09:00 | 10:00 | covered
        10:00 | 10:40 | failed run
        10:40 | 11:40 | covered
        """,
    )


def test_a_failed_run_that_cost_nothing_makes_no_gap() -> None:
    """Where the next list still reaches back, a failure in between is no gap, nor one before or after all lists."""
    _covered(
        """
        sent  | started | status
        -     | 06:00   | failed
        08:00 | 08:00   | complete
        08:20 | 08:20   | failed
        08:40 | 08:40   | complete
        -     | 12:00   | failed
        """,
        """
        from  | to    | is
        07:00 | 08:40 | covered
        """,
    )


def test_a_failed_list_of_some_namespaces_explains_nothing() -> None:
    """A failed run of another scope did not stop a list of the whole cluster."""
    _covered(
        """
        sent  | started | status   | scope
        08:00 | 08:00   | complete | -
        -     | 08:30   | failed   | shop
        10:00 | 10:00   | complete | -
        """,
        """
        from  | to    | is
        07:00 | 08:00 | covered
        08:00 | 09:00 | no run
        09:00 | 10:00 | covered
        """,
    )


def test_overlapping_runs_are_one_span() -> None:
    """Runs that overlap, are written in any order or prove less than another change nothing."""
    _covered(
        """
        sent  | received | ttl
        09:00 | 09:00    | 180
        08:30 | 08:30    | 10
        08:40 | 08:50    | 60
        09:00 | 09:00    | 180
        """,
        """
        from  | to    | is
        06:00 | 09:00 | covered
        """,
    )


def test_a_long_reach_covers_what_shorter_ones_left() -> None:
    """Where the TTL was raised, a later list also proves what the ones between did not reach."""
    _covered(
        """
        sent  | ttl
        08:00 | 60
        09:30 | 60
        10:00 | 180
        """,
        """
        from  | to    | is
        07:00 | 10:00 | covered
        """,
    )


def test_a_list_that_took_too_long_is_the_cause() -> None:
    """An inconsistent list counts from its last page; where its first would have reached, that is the cause."""
    _covered(
        """
        sent  | received | first | status
        08:00 | 08:00    | 08:00 | complete
        08:50 | 09:10    | 08:51 | inconsistent
        """,
        """
        from  | to    | is
        07:00 | 08:00 | covered
        08:00 | 08:10 | inconsistent list
        08:10 | 08:50 | covered
        """,
    )


def test_a_list_that_took_longer_than_events_live_proves_nothing() -> None:
    """Its events expired while it was read: it closes no gap, and is the cause of one."""
    _covered(
        """
        sent  | received | status
        08:00 | 08:00    | complete
        08:30 | 09:40    | inconsistent
        09:30 | 09:30    | complete
        """,
        """
        from  | to    | is
        07:00 | 08:00 | covered
        08:00 | 08:30 | inconsistent list
        08:30 | 09:30 | covered
        """,
    )


def test_a_schedule_slower_than_the_ttl_is_the_cause() -> None:
    """Where lists are always that far apart, no single run is to blame."""
    _covered(
        """
        sent
        08:00
        10:00
        12:00
        14:00
        """,
        """
        from  | to    | is
        07:00 | 08:00 | covered
        08:00 | 09:00 | interval longer than the TTL
        09:00 | 10:00 | covered
        10:00 | 11:00 | interval longer than the TTL
        11:00 | 12:00 | covered
        12:00 | 13:00 | interval longer than the TTL
        13:00 | 14:00 | covered
        """,
    )


@pytest.mark.parametrize(
    ("every", "cause"),
    [
        ("10", "no run"),
        ("29", "no run"),
        ("40", "schedule leaves no spare run"),
        ("60", "interval longer than the TTL"),
    ],
)
def test_the_configured_interval_tells_while_few_lists_do(every: str, cause: str) -> None:
    """With two lists only, the interval of the configuration says whether one missing run had to open a gap."""
    _covered(
        f"""
        sent  | every
        08:00 | {every}
        09:20 | {every}
        """,
        f"""
        from  | to    | is
        07:00 | 08:00 | covered
        08:00 | 08:20 | {cause}
        08:20 | 09:20 | covered
        """,
    )


def test_one_missing_run_without_a_spare_one_blames_the_schedule() -> None:
    """Every forty minutes at a TTL of an hour works until one run is missing; two missing are no run."""
    _covered(
        """
        sent
        05:20
        06:00
        06:40
        07:20
        08:00
        09:20
        10:00
        12:00
        12:40
        """,
        """
        from  | to    | is
        04:20 | 08:00 | covered
        08:00 | 08:20 | schedule leaves no spare run
        08:20 | 10:00 | covered
        10:00 | 11:00 | no run
        11:00 | 12:40 | covered
        """,
    )


def test_an_outage_in_a_good_schedule_is_no_run() -> None:
    """The usual interval is well within the TTL: runs are missing."""
    _covered(
        """
        sent
        08:00
        08:10
        08:20
        10:00
        10:10
        """,
        """
        from  | to    | is
        07:00 | 08:20 | covered
        08:20 | 09:00 | no run
        09:00 | 10:10 | covered
        """,
    )


def test_an_import_without_its_time_proves_nothing() -> None:
    """A run whose time of collection is not known has neither sent nor received."""
    _covered(
        """
        sent | started
        -    | 08:00
        """,
        "",
    )


def test_clusters_are_covered_one_by_one() -> None:
    """A list of one cluster closes no gap of another."""
    _covered(
        """
        cluster | sent
        prod    | 08:00
        test    | 08:30
        prod    | 10:00
        """,
        """
        cluster | from  | to    | is
        prod    | 07:00 | 08:00 | covered
        prod    | 08:00 | 09:00 | no run
        prod    | 09:00 | 10:00 | covered
        test    | 07:30 | 08:30 | covered
        """,
    )


def test_lists_of_some_namespaces_prove_these() -> None:
    """An account with Roles proves what it lists, and the span says which namespaces that is."""
    runs = """
        sent  | scope
        08:00 | shop,pay
        08:50 | pay,shop
        """
    spans = """
        of       | from  | to    | is
        pay,shop | 07:00 | 08:50 | covered
        """
    _covered(runs, spans)
    _covered_by_namespace(runs, spans)


def test_a_namespace_of_its_own_job_has_its_own_gaps() -> None:
    """Two jobs of two namespaces: the gap of one is a gap of the cluster, and no gap of the other."""
    runs = """
        sent  | scope
        08:00 | shop
        08:10 | pay
        08:50 | shop
        09:40 | shop
        09:50 | pay
        """
    _covered_by_namespace(
        runs,
        """
        of   | from  | to    | is
        shop | 07:00 | 09:40 | covered
        shop | 09:40 | 09:50 | scope not proven
        pay  | 07:10 | 08:10 | covered
        pay  | 08:10 | 08:50 | scope not proven
        pay  | 08:50 | 09:50 | covered
        """,
    )
    _covered(
        runs,
        """
        of       | from  | to    | is
        shop     | 07:00 | 07:10 | covered
        pay,shop | 07:10 | 08:10 | covered
        pay,shop | 08:10 | 08:50 | scope not proven
        pay,shop | 08:50 | 09:40 | covered
        pay,shop | 09:40 | 09:50 | scope not proven
        """,
    )


def test_a_list_of_all_proves_each_namespace() -> None:
    """Whole lists and lists of a namespace close the gaps of that namespace together, not those of the rest."""
    runs = """
        sent  | scope
        08:00 | -
        08:50 | shop
        09:40 | -
        """
    _covered_by_namespace(
        runs,
        """
        of   | from  | to    | is
        all  | 07:00 | 08:00 | covered
        all  | 08:00 | 08:40 | scope not proven
        all  | 08:40 | 09:40 | covered
        shop | 07:00 | 09:40 | covered
        """,
    )
    _covered(
        runs,
        """
        from  | to    | is
        07:00 | 08:00 | covered
        08:00 | 08:40 | scope not proven
        08:40 | 09:40 | covered
        """,
    )


def test_namespaces_appear_and_vanish() -> None:
    """One that is new is proven from its first list's reach; one that is no longer listed is told, for a day."""
    runs = """
        sent  | scope
        08:00 | old,shop
        08:50 | old,shop
        09:40 | new,shop
        """
    _covered_by_namespace(
        runs,
        """
        of   | from  | to    | is
        shop | 07:00 | 09:40 | covered
        old  | 07:00 | 08:50 | covered
        old  | 08:50 | 09:40 | scope not proven
        new  | 08:40 | 09:40 | covered
        """,
    )


def test_who_vanished_is_forgotten_after_a_day() -> None:
    """A day after its last list a namespace is no part of the job any more."""
    _rows, groups = _proven(
        tables.snapshots("""
            snapshot_id | sent_at          | received_at      | started_at       | ttl_seconds | scope
            s1 | 2026-11-20 08:00 | 2026-11-20 08:00 | 2026-11-20 08:00 | 86400       | old,shop
            s2 | 2026-11-21 07:00 | 2026-11-21 07:00 | 2026-11-21 07:00 | 86400       | shop
            s3 | 2026-11-22 06:00 | 2026-11-22 06:00 | 2026-11-22 06:00 | 86400       | shop
            """)
    )
    ends = {
        row["namespaces"][0]: f"{row['ended_at']:%d %H:%M}"
        for row in groups.to_pylist()
        if not row["covered"]
    }
    assert ends == {"old": "21 08:00"}


DAMAGED = """
    sent
    08:00
    08:10
    08:20
    08:30
    """


def test_a_lost_part_is_a_gap_whatever_came_later() -> None:
    """The lists after it knew its states already and wrote none of them again."""
    _covered(
        DAMAGED,
        """
        from  | to    | is
        07:00 | 08:10 | covered
        08:10 | 08:20 | damaged part
        08:20 | 08:30 | covered
        """,
        damage="""
        cluster | snapshot_id | started_at
        prod    | s3          | -
        """,
    )


def test_the_first_lost_part_costs_its_whole_reach() -> None:
    """The first list is all that is known of the time before it."""
    _covered(
        DAMAGED,
        """
        from  | to    | is
        07:00 | 08:00 | damaged part
        08:00 | 08:30 | covered
        """,
        damage="""
        cluster | snapshot_id | started_at
        prod    | s1          | -
        """,
    )


def test_a_lost_row_is_a_gap_only_where_its_neighbours_do_not_reach() -> None:
    """What a row of the ledger proved the next one may prove, too; where it does not, the loss is the cause."""
    runs = """
        sent
        08:00
        08:50
        10:30
        """
    _covered(
        runs,
        """
        from  | to    | is
        07:00 | 08:50 | covered
        08:50 | 09:30 | damaged part
        09:30 | 10:30 | covered
        """,
        damage="""
        cluster | snapshot_id | started_at
        prod    | x1          | 2026-11-23 08:20
        prod    | x2          | 2026-11-23 09:40
        """,
    )


def test_a_row_that_names_a_list_that_is_gone_tells_of_a_loss() -> None:
    """A list was compared with one that the ledger does not know: its file is missing."""
    _covered(
        """
        run | sent  | previous
        a   | 08:00 | -
        c   | 09:40 | b
        d   | 11:20 | c
        """,
        """
        from  | to    | is
        07:00 | 08:00 | covered
        08:00 | 08:40 | damaged part
        08:40 | 09:40 | covered
        09:40 | 10:20 | no run
        10:20 | 11:20 | covered
        """,
    )


def test_a_restored_cluster_is_a_gap() -> None:
    """What was written between the last list and the backup's return is gone, however near the next list is."""
    _covered(
        """
        sent  | version
        08:00 | 500
        08:10 | 510
        08:20 | 100
        08:30 | 130
        """,
        """
        from  | to    | is
        07:00 | 08:10 | covered
        08:10 | 08:20 | cluster restored
        08:20 | 08:30 | covered
        """,
    )


def test_lists_at_the_same_time_restore_nothing() -> None:
    """Of two runs that overlap, the one that was sent first may be answered last."""
    _covered(
        """
        sent  | received | version
        08:00 | 08:02    | 502
        08:01 | 08:01    | 501
        """,
        """
        from  | to    | is
        07:01 | 08:01 | covered
        """,
    )
