"""Checks over many snapshots: how long events live, how many runs may fail, what single lists noticed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyarrow as pa

from etl import manifest
from etl.alerts.soundness import Soundness, soundness
from etl.lake.query import Session
from tests.lib.asking import WINDOW

TTL = 3600.0


def _lists(count: int, *, minutes: float = 10, **columns: Any) -> pa.Table:
    rows = []
    for number in range(count):
        sent = WINDOW.start + number * timedelta(minutes=minutes)
        oldest = columns.get("oldest")
        rows.append(
            {
                "cluster": "prod",
                "date": sent.date(),
                "snapshot_id": f"s{number}",
                "kind": "list",
                "status": "complete",
                "started_at": sent,
                "sent_at": sent,
                "received_at": sent,
                "ttl_seconds": TTL,
                "oldest_written_at": sent - oldest if isinstance(oldest, timedelta) else None,
                "vanished": columns.get("vanished"),
                "vanished_early": columns.get("early"),
                "vanished_age_seconds": columns.get("age"),
                "checks": columns.get("checks"),
                "version": "0",
            }
        )
    return pa.Table.from_pylist(rows, schema=manifest.FULL_SNAPSHOT_SCHEMA)


def _asked(rows: pa.Table, language: str = "en") -> Soundness:
    with Session.over({"snapshots": rows}) as session:
        return soundness(session, WINDOW, language="zh" if language == "zh" else "en")


def test_a_sound_cluster_has_facts_and_no_trouble() -> None:
    """The lifetime lies between what is still listed and what is gone; five lists in an hour leave four to fail."""
    found = _asked(_lists(20, oldest=timedelta(minutes=60), vanished=5, early=0, age=3700.0))
    assert found == Soundness(
        (),
        (
            "prod: events live 59m to 1h1m, configured are 1h",
            "prod: lists are 10m apart, so 4 runs may fail in a row",
        ),
    )


def test_one_end_of_the_lifetime_is_told_as_one() -> None:
    """A cluster from which nothing vanished, or in which old events were renewed, gives a bound and no range."""
    (lives, _spare) = _asked(_lists(5, oldest=timedelta(minutes=31))).facts
    assert lives == "prod: events live at least 30m, configured are 1h"
    old = _lists(5, oldest=timedelta(days=200), vanished=3, early=0, age=3700.0)
    assert _asked(old).facts[0] == "prod: events live at most 1h1m, configured are 1h"
    assert len(_asked(_lists(5)).facts) == 1


def test_events_that_always_go_early_mean_a_shorter_ttl() -> None:
    """When going early is the rule in several lists, source.ttl is wrong; one deleted namespace does not say so."""
    short: dict[str, Any] = {
        "oldest": timedelta(minutes=5),
        "vanished": 10,
        "early": 10,
        "age": 300.0,
    }
    (line,) = _asked(_lists(5, **short)).trouble
    assert line == (
        "prod: events live about 5m and not 1h: 50 of 50 went early;"
        " set source.ttl to what the cluster's --event-ttl says"
    )
    assert "source.ttl" in _asked(_lists(5, **short), "zh").trouble[0]
    few = _asked(pa.concat_tables([_lists(1, **short), _lists(5, oldest=timedelta(hours=1))]))
    assert few.trouble == ()


def test_a_schedule_without_a_spare_run_is_trouble() -> None:
    """Half an hour at a TTL of an hour: one failed run opens a gap."""
    (line,) = _asked(_lists(5, minutes=30)).trouble
    assert line == (
        "prod: schedule leaves no spare run: lists are 30m apart and events live for 1h;"
        " list at least every 29m30s"
    )
    assert _asked(_lists(5, minutes=29)).trouble == ()
    assert _asked(_lists(3, minutes=30)).trouble == ()


def test_what_single_lists_noticed_is_counted() -> None:
    """A list that was not complete and a restored cluster are trouble; early losses are what clusters do."""
    rows = _lists(4, checks=["late_birth", "version_went_back", "early_loss"])
    found = _asked(rows).trouble
    assert found == (
        "prod: 4 lists were not complete: events older than them came to light later",
        "prod: the cluster was restored, or is another one: its resourceVersion went back 4 times",
    )


def test_a_window_without_lists_has_nothing_to_say() -> None:
    """Neither facts nor trouble."""
    assert _asked(_lists(0)) == Soundness((), ())
