"""A digest with one of everything: what templates are tried on at load, and ``receivers test`` sends."""

from __future__ import annotations

from datetime import datetime, timedelta

from etl.alerts.model import (
    Coverage,
    Digest,
    Finding,
    FirstSeen,
    Gap,
    Held,
    Language,
    Mover,
    Noisy,
    Severity,
    Totals,
)
from etl.timespan import Window

_DAY = timedelta(days=1)


def specimen(
    now: datetime,
    *,
    timezone: str = "UTC",
    language: Language = "en",
    severity: Severity = "critical",
) -> Digest:
    """Return a digest of the day before ``now`` that says of itself that it is a test."""
    start = now - _DAY
    return Digest(
        clusters=("test",),
        window=Window(start, now),
        timezone=timezone,
        language=language,
        coverage=Coverage(
            share=0.99,
            covered=_DAY - timedelta(minutes=10),
            snapshots=143,
            failed=1,
            gaps=(Gap("test", start, start + timedelta(minutes=10), "failed run"),),
            last_snapshot_at=now,
        ),
        totals=Totals(1200, 80, 60, 4, 1000.0, 78.5),
        findings=(_finding(now, severity),),
        first_seen=(
            FirstSeen(
                "test", "TestReason", "Pod", "Warning", 1, start, "Only a test.", "a message"
            ),
        ),
        movers=(Mover("test", "test", "BackOff", 81, 6.5),),
        noisiest=(Noisy("test", "test", "Pod", "test-0", 40, "BackOff"),),
        held=(Held("SwitchedOffRule", "an example", now + _DAY),),
        cut={"TestOfTheReceiver": 3},
        health=("this line would name a failed snapshot",),
        link="https://reports.example/",
    )


def bare(now: datetime) -> Digest:
    """Return a digest of a day on which nothing happened, nothing is known and nothing is set."""
    return Digest(
        clusters=("test",),
        window=Window(now - _DAY, now),
        timezone="UTC",
        language="en",
        coverage=Coverage(share=None, covered=timedelta(0), snapshots=0, failed=0),
        totals=Totals(0, 0, 0, 0),
    )


def _finding(now: datetime, severity: Severity) -> Finding:
    return Finding(
        alert="TestOfTheReceiver",
        severity=severity,
        labels={"cluster": "test", "namespace": "test"},
        value=12,
        baseline=3.4,
        summary="this is a test, nothing has happened",
        description="Sent to see whether this receiver works and how a digest looks there.",
        runbook_url="https://runbooks.example/test",
        last_seen=now,
    )
