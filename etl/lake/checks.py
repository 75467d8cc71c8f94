"""A list and the one before it to what did not hold: checks I1 to I6 of event semantics, section 5.

They are made when a snapshot is taken, because they need the list before, and their
names are kept in its ledger row. What only many snapshots can tell, the lifetime of
events (I7) and whether the schedule leaves spare runs, is asked later: ``sql/checks``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from etl.lake.ledger import Entry
from etl.lake.live import Before
from etl.timespan import brief

Severity = Literal["warning", "info"]
Name = Literal[
    "contiguous",
    "spare_run",
    "complete",
    "item_count",
    "late_birth",
    "early_loss",
    "version_went_back",
]
# What a run needs besides its interval: start of the pod, pages, clocks (event semantics, section 5).
BUDGET = timedelta(seconds=60)
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Failed:
    """A check that did not hold: its name, how bad it is, and a sentence with numbers."""

    name: Name
    severity: Severity
    sentence: str


def failed(entry: Entry, before: Before | None) -> list[Failed]:
    """Return what does not hold for a list that was received, beside the newest one ``before`` it."""
    found = [*_by_itself(entry)]
    if before is not None:
        found += _times(entry, before)
        found += _contents(entry)
    return found


def epoch(resource_version: int | None, before: Before | None) -> int:
    """Return how often versions went back so far, this list included."""
    if before is None:
        return 0
    return before.epoch + int(_went_back(resource_version, before))


def comparable(scope: tuple[str, ...] | None, before: Before | None) -> bool:
    """Whether the list before is of the same namespaces, so that what is missing is missing."""
    return before is not None and set(before.scope or ()) == set(scope or ())


def _by_itself(entry: Entry) -> Iterator[Failed]:
    if entry.status == "inconsistent":
        yield Failed(
            "complete",
            "info",
            "the list went on at a newer version; it counts from its last page",
        )
    if entry.expected_items is not None and entry.expected_items != entry.items:
        yield Failed(
            "item_count",
            "info",
            f"the server told of {entry.expected_items:,} events and sent {entry.items:,}",
        )


def _times(entry: Entry, before: Before) -> Iterator[Failed]:
    if _went_back(entry.list_resource_version, before):
        yield Failed(
            "version_went_back",
            "warning",
            f"the cluster's resourceVersion went back from {before.resource_version} to"
            f" {entry.list_resource_version}: it was restored from a backup, or is another cluster;"
            " what was written since the previous list may be lost",
        )
    if entry.received_at is None or entry.ttl_seconds is None:
        return
    if not comparable(entry.scope, before):
        return
    since, ttl = entry.received_at - before.sent_at, timedelta(seconds=entry.ttl_seconds)
    if since >= ttl and entry.watched_since is None:
        yield Failed(
            "contiguous",
            "warning",
            f"the previous list is {brief(since)} old and events live for {brief(ttl)}:"
            f" {brief(max(since - ttl, timedelta(seconds=1)))} are not proven",
        )
    elif 2 * since >= ttl - BUDGET:
        yield Failed(
            "spare_run",
            "warning",
            f"schedule leaves no spare run: the previous list is {brief(since)} old and events"
            f" live for {brief(ttl)}, so one failed run opens a gap",
        )


def _contents(entry: Entry) -> Iterator[Failed]:
    if entry.late_births:
        yield Failed(
            "late_birth",
            "warning",
            f"{entry.late_births:,} events are older than the previous list and were not in it:"
            " it was not complete",
        )
    if entry.vanished_early:
        names = list((entry.early_namespaces or {}).items())
        where = ", ".join(f"{name or 'no namespace'} ({count:,})" for name, count in names[:_NAMED])
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield Failed(
            "early_loss",
            "info",
            f"{entry.vanished_early:,} events went before their time, in {where}{more}:"
            " they were deleted, or events live shorter than source.ttl says",
        )


def _went_back(version: int | None, before: Before) -> bool:
    return (
        version is not None
        and before.resource_version is not None
        and version < before.resource_version
    )
