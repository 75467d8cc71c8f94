"""The digest's model: quiet days, gaps, no data, first-seen reasons, movers, health."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from etl.alerts import digest, render
from etl.alerts.dialects import Plain
from etl.alerts.model import Digest, Gap, Language
from etl.alerts.rules import compile_rules
from etl.config import alerting
from etl.config import settings as config
from tests.lib import tables
from tests.lib.asking import NOW, WINDOW, daily_snapshots, hourly_snapshots, session_over

_NOT_STORED: dict[Language, str] = {
    "en": "not stored by configuration: noise",
    "zh": "按配置不存储：noise",
}
HEADER = "cluster | snapshot_id | status | started_at | sent_at | received_at | ttl_seconds"


def ledger(*drawn: str) -> pa.Table:
    """Put drawn ledgers with the same columns together."""
    lines = [line for text in drawn for line in text.splitlines() if line and line != HEADER]
    return tables.snapshots("\n".join([HEADER, *lines]))


def built(
    events: str = "",
    snapshots: pa.Table | None = None,
    *,
    settings: config.Settings | None = None,
    language: Language = "en",
) -> Digest:
    """Build the digest of the window with the default rules."""
    settings = settings or config.Settings()
    session = session_over(tables.events(events) if events else None, snapshots)
    made = digest.build(
        session,
        settings,
        compile_rules(settings, now=NOW),
        window=WINDOW,
        language=language,
        health=("said before",) if settings.cluster == "told" else (),
    )
    session.close()
    return made


def test_quiet_day() -> None:
    """A covered window in which the usual happened is quiet."""
    made = built(
        """
        reason | type   | object_kind | object_name | namespace | occurrences | last_seen
        Pulled | Normal | Pod         | web-1       | shop      | 3           | 2026-11-22 10:00
        Pulled | Normal | Pod         | web-0       | shop      | 7           | 2026-11-20 10:00
        """,
        ledger(daily_snapshots(7), hourly_snapshots()),
    )
    assert made.quiet
    assert made.coverage.complete
    assert made.coverage.share == 1
    assert made.coverage.covered == timedelta(hours=24)
    assert made.coverage.snapshots == 48
    assert made.clusters == ("prod",)
    assert made.totals.occurrences == 3
    assert made.totals.baseline_occurrences == 1
    assert made.noisiest[0].object_name == "web-1"


def test_no_data_at_all() -> None:
    """An empty lake knows nothing: no share, no baseline, and it is not called covered."""
    made = built()
    assert made.coverage.share is None
    assert not made.coverage.complete
    assert made.coverage.last_snapshot_at is None
    assert made.clusters == ()
    assert made.totals.occurrences == 0
    assert made.totals.baseline_occurrences is None
    assert (made.findings, made.first_seen, made.movers, made.noisiest) == ((), (), (), ())


def test_expected_cluster_without_a_snapshot_is_named() -> None:
    """The configured cluster is expected from the first day on."""
    made = built(settings=config.Settings(cluster="prod"))
    assert made.clusters == ("prod",)
    assert made.coverage.share is None
    assert made.health == (
        "prod: there is no snapshot yet; check that its job runs and may list events",
    )


def test_silent_cluster_is_named_and_speaks_for_all() -> None:
    """A cluster that was read three days ago and not since makes the share zero."""
    made = built(
        snapshots=ledger(
            hourly_snapshots(),
            daily_snapshots(1, cluster="lost", before=datetime(2026, 11, 20, tzinfo=UTC)),
        )
    )
    assert made.clusters == ("lost", "prod")
    assert made.coverage.share == 0
    assert made.coverage.gaps == (Gap("lost", WINDOW.start, WINDOW.end, "no snapshot"),)
    (line,) = made.health
    assert line == "lost: no snapshot since 2026-11-19T23:00:00Z; check that its job runs"
    assert not made.quiet


def test_cluster_that_was_given_up_is_forgotten() -> None:
    """A cluster that was not read for longer than the baseline is not expected."""
    made = built(
        snapshots=ledger(
            hourly_snapshots(),
            daily_snapshots(1, cluster="lost", before=datetime(2026, 11, 10, tzinfo=UTC)),
        )
    )
    assert made.clusters == ("prod",)
    assert made.quiet


def test_gaps_at_both_ends_and_between() -> None:
    """Time before the first snapshot, between two and after the last one is a gap each."""
    made = built(
        snapshots=ledger(
            f"""{HEADER}
            prod | a | complete | 2026-11-22 12:00 | 2026-11-22 12:00 | 2026-11-22 12:00 | 3600
            prod | b | complete | 2026-11-22 15:00 | 2026-11-22 15:00 | 2026-11-22 15:00 | 3600
            """
        )
    )
    assert [
        (gap.cause, f"{gap.start:%H:%M}", f"{gap.end:%H:%M}") for gap in made.coverage.gaps
    ] == [
        ("before the first snapshot", "09:00", "11:00"),
        ("no run", "12:00", "14:00"),
        ("after the last snapshot", "15:00", "09:00"),
    ]
    assert made.coverage.covered == timedelta(minutes=120)
    assert made.coverage.last_snapshot_at == datetime(2026, 11, 22, 15, tzinfo=UTC)
    assert not made.coverage.complete


def test_failed_runs_are_told_where_they_left_a_gap() -> None:
    """The last error is a line of health, and the cause of the gap."""
    failed = f"""
    {HEADER} | error
    prod | a | complete | 2026-11-22 09:30 | 2026-11-22 09:30 | 2026-11-22 09:30 | 3600 | -
    prod | b | failed   | 2026-11-22 11:00 | - | - | 3600 | timeout
    prod | c | failed   | 2026-11-22 12:00 | - | - | 3600 | 403 Forbidden
    """
    made = built(snapshots=tables.snapshots(failed))
    assert made.coverage.failed == 2
    assert made.coverage.gaps[-1].cause == "failed run"
    (line,) = made.health
    assert line == "prod: 2 snapshots failed, the last one at 2026-11-22T12:00:00Z: 403 Forbidden"


def test_failed_run_without_a_gap_does_no_harm() -> None:
    """A failed run between two good ones is counted and is not worth a line."""
    failed = "prod | f | failed | 2026-11-22 12:10 | - | - | 3600"
    made = built(snapshots=ledger(hourly_snapshots(), failed))
    assert made.coverage.failed == 1
    assert made.coverage.complete
    assert made.quiet


def test_unreadable_items_are_told() -> None:
    """Items that were no events are named once, not once for each list that held them."""
    drawn = f"{HEADER} | unreadable | unreadable_names\n" + "\n".join(
        f"{line} | 2 | shop/a,shop/b" for line in hourly_snapshots().splitlines()[1:]
    )
    made = built(snapshots=tables.snapshots(drawn), language="zh")
    assert made.health == ("prod：2 个事件无法读取，例如 shop/a, shop/b",)


def test_lists_of_some_namespaces_prove_these() -> None:
    """A cluster that is listed by namespaces is read and proven as far as it is listed."""
    drawn = f"{HEADER} | scope\n" + "\n".join(
        f"{line} | shop" for line in hourly_snapshots().splitlines()[1:]
    )
    made = built(snapshots=tables.snapshots(drawn))
    assert made.coverage.complete
    assert made.coverage.only == (("prod", ("shop",)),)
    assert "of the namespaces only shop listed" in " ".join(render.text(made, Plain()).split())
    assert made.health == ()


def test_what_is_not_stored_is_no_part_of_the_proof() -> None:
    """The digest's coverage names what ``ingest.drop`` left out, in both languages."""
    table = tables.snapshots(hourly_snapshots())
    at = table.schema.get_field_index("dropped_namespaces")
    kind = table.schema.field(at)
    left_out = pa.array([[("noise", 0)]] * table.num_rows, kind.type)
    table = table.set_column(at, kind, left_out)
    for language, words in _NOT_STORED.items():
        made = built(snapshots=table, language=language)
        assert made.coverage.not_stored == (("prod", ("noise",)),)
        assert words in " ".join(render.text(made, Plain()).split())


def test_imported_events_are_shown_without_coverage() -> None:
    """A lake of imports knows events and proves nothing; its clusters are named."""
    imported = """
        cluster | snapshot_id | kind   | status   | started_at
        bundle  | a           | import | complete | 2026-11-22 10:00
    """
    made = built(
        """
        cluster | reason       | object_kind | object_name | occurrences | last_seen
        bundle  | NodeNotReady | Node        | n1          | 1           | 2026-11-22 10:00
        """,
        tables.snapshots(imported),
    )
    assert made.clusters == ("bundle",)
    assert made.coverage.share is None
    assert [finding.alert for finding in made.findings] == ["NodeNotReady"]
    assert made.health == ()


MOVING = """
    reason | type    | object_kind | object_name | namespace | occurrences | last_seen        | message
    Pulled | Normal  | Pod         | web-1       | shop      | 90          | 2026-11-22 10:00 | p
    Pulled | Normal  | Pod         | web-1       | shop      | 70          | 2026-11-20 10:00 | p
    Killed | Warning | Pod         | web-1       | shop      | 900         | 2026-11-22 10:00 | new
    Calm   | Normal  | Pod         | web-1       | shop      | 700         | 2026-11-20 10:00 | c
"""


def test_news_and_movers() -> None:
    """What is new stands once, among the new; risers and fallers beside their usual."""
    made = built(MOVING, ledger(daily_snapshots(7), hourly_snapshots()))
    assert [(entry.reason, entry.occurrences, entry.example) for entry in made.first_seen] == [
        ("Killed", 900, "new")
    ]
    assert [(m.reason, m.value, m.baseline) for m in made.movers] == [
        ("Calm", 0, 100),
        ("Pulled", 90, 10),
    ]
    assert not made.quiet


def test_falls_are_not_told_in_a_window_with_a_gap() -> None:
    """Where events may have been missed, fewer events are no news."""
    made = built(MOVING, ledger(daily_snapshots(7)))
    assert [mover.reason for mover in made.movers] == ["Pulled"]


def test_young_lake_compares_nothing() -> None:
    """With two days of history every reason would be new, so none is called so."""
    made = built(MOVING, ledger(daily_snapshots(2), hourly_snapshots()))
    assert made.first_seen == ()
    assert made.movers == ()
    assert made.totals.baseline_occurrences is None


def test_totals_are_compared_only_if_all_clusters_can_be() -> None:
    """A cluster without history would make the sum look like a rise."""
    events = """
        cluster | reason | occurrences | last_seen
        prod    | R      | 5           | 2026-11-22 10:00
        prod    | R      | 7           | 2026-11-20 10:00
        young   | R      | 5           | 2026-11-22 10:00
    """
    snapshots = ledger(daily_snapshots(7), hourly_snapshots(), hourly_snapshots(cluster="young"))
    made = built(events, snapshots)
    assert made.totals.occurrences == 10
    assert made.totals.baseline_occurrences is None


def test_health_of_others_comes_first() -> None:
    """Lines that were handed in, the ledger's and the session's damaged files are all told."""
    settings = config.Settings(cluster="told")
    session = session_over(snapshots=ledger(hourly_snapshots(cluster="told")))
    session.warnings.append("parts/x.parquet cannot be read and is left out")
    made = digest.build(session, settings, (), window=WINDOW, health=["wecom does not answer"])
    session.close()
    assert made.health == (
        "wecom does not answer",
        "parts/x.parquet cannot be read and is left out",
    )


def test_settings_reach_the_digest() -> None:
    """Timezone, language and link are the settings'; switched-off rules are held."""
    settings = config.Settings(
        timezone="Asia/Shanghai",
        digest=config.Digest(external_url="https://reports.example/k8s"),
        rule_overrides={"NodeNotReady": alerting.RuleOverride(enabled=False, comment="known")},
    )
    made = built(settings=settings, language="zh")
    assert (made.timezone, made.language, made.link) == (
        "Asia/Shanghai",
        "zh",
        "https://reports.example/k8s",
    )
    assert [(held.alert, held.comment) for held in made.held] == [("NodeNotReady", "known")]
    # Where nobody says that the page is served, nobody is sent to it.
    assert built(language="en").link == ""
