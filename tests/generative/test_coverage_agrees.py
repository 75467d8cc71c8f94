"""Coverage by the shipped SQL beside coverage counted minute by minute in plain Python, on drawn ledgers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from etl import manifest
from etl.lake.query import Session
from etl.statements import statement

BASE = datetime(2026, 11, 23, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CAUSES = {
    "no run",
    "failed run",
    "interval longer than the TTL",
    "schedule leaves no spare run",
    "inconsistent list",
    "scope not proven",
    "damaged part",
}


@dataclass(frozen=True)
class Run:
    """A drawn run of one cluster, in minutes; no scope is the whole cluster."""

    sent: int
    took: int
    ttl: int
    scope: tuple[str, ...]
    status: str
    damaged: bool
    watched: int | None
    """Of a watch, how long before it was asked for the snapshot was that it goes on from."""

    @property
    def proves(self) -> bool:
        """Whether it proves any time at all."""
        return self.status != "failed" and self.reach < self.sent

    @property
    def reach(self) -> int:
        """From when on it proves."""
        if self.watched is not None:
            return self.sent - self.watched
        return self.sent + self.took - self.ttl


RUNS = st.builds(
    Run,
    sent=st.integers(0, 120),
    took=st.integers(0, 4),
    ttl=st.integers(1, 25),
    scope=st.sampled_from([(), (), ("a",), ("b",), ("a", "b")]),
    status=st.sampled_from(["complete", "complete", "complete", "inconsistent", "failed"]),
    damaged=st.sampled_from([False, False, False, True]),
    watched=st.sampled_from([None, None, 0, 1, 5, 29]),
)
LEDGERS = st.lists(st.lists(RUNS, max_size=12), min_size=1, max_size=12)


def _minutes(runs: Sequence[Run], namespace: str | None) -> set[int]:
    """The minutes that are proven for a namespace, or for the whole cluster: a minute t is the time from t to t + 1."""
    lists = sorted(
        (run.sent, run.sent + run.took, number, run)
        for number, run in enumerate(runs)
        if run.proves and (not run.scope or namespace in run.scope)
    )
    found = set()
    for minute in range(-30, 130):
        later = [run for sent, _, _, run in lists if sent >= minute + 1]
        if later and not later[0].damaged:
            reaching = [run for run in later if not run.damaged and run.reach <= minute]
            if reaching:
                found.add(minute)
    return found


def _asked(ledgers: Sequence[Sequence[Run]]) -> list[dict[str, Any]]:
    rows, damage = [], []
    for cluster, runs in enumerate(ledgers):
        for number, run in enumerate(runs):
            sent = BASE + run.sent * MINUTE
            listed = run.status != "failed"
            name = f"{number:03}"
            rows.append(
                {
                    "cluster": str(cluster),
                    "date": sent.date(),
                    "snapshot_id": name,
                    "kind": "list" if run.watched is None else "watch",
                    "scope": list(run.scope) or None,
                    "status": run.status,
                    "started_at": sent,
                    "sent_at": sent if listed else None,
                    "received_at": sent + run.took * MINUTE if listed else None,
                    "first_received_at": sent if listed else None,
                    "ttl_seconds": 60.0 * run.ttl,
                    "watched_since": None if run.watched is None else sent - run.watched * MINUTE,
                    "version": "0",
                }
            )
            if run.damaged:
                damage.append({"cluster": str(cluster), "snapshot_id": name, "started_at": sent})
    given_ = {
        "snapshots": pa.Table.from_pylist(rows, schema=manifest.FULL_SNAPSHOT_SCHEMA),
        "damage": pa.Table.from_pylist(damage, schema=manifest.DAMAGE_SCHEMA),
    }
    with Session.over(given_) as session:
        found: list[dict[str, Any]] = session.run(
            statement("views/coverage_by_namespace").text, {}
        ).to_pylist()
    return found


def _span(row: dict[str, Any]) -> set[int]:
    return set(range((row["started_at"] - BASE) // MINUTE, (row["ended_at"] - BASE) // MINUTE))


@settings(max_examples=60, deadline=None)
@given(LEDGERS)
def test_both_prove_the_same_minutes(ledgers: list[list[Run]]) -> None:
    """For the whole cluster and each namespace SQL and Python agree on every minute, and what is not covered has a cause."""
    rows = _asked(ledgers)
    for cluster, runs in enumerate(ledgers):
        proving = [run for run in runs if run.proves]
        subjects: set[str | None] = {name for run in proving for name in run.scope}
        if any(not run.scope for run in proving):
            subjects.add(None)
        for subject in subjects:
            mine = [
                row
                for row in rows
                if row["cluster"] == str(cluster)
                and (
                    row["namespaces"] is None
                    if subject is None
                    else subject in (row["namespaces"] or [])
                )
            ]
            covered: set[int] = set().union(*(_span(row) for row in mine if row["covered"]))
            assert covered == _minutes(runs, subject), (cluster, subject)
            told = sorted((row["started_at"], row["ended_at"]) for row in mine)
            assert all(end == start for (_, end), (start, _) in itertools.pairwise(told))
            assert {row["cause"] for row in mine if not row["covered"]} <= CAUSES
            assert all((row["cause"] is None) == row["covered"] for row in mine)
