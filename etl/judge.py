"""A list that was received to what its ledger row says about it beside the list before.

What the checks found is kept in the row and told by the run: a snapshot that may have
missed something must say so while somebody can still look.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

from etl.intake import Intake
from etl.lake import checks, live
from etl.lake.layout import Lake
from etl.lake.ledger import Entry
from etl.lake.live import Before

_log = logging.getLogger(__name__)


def judged(entry: Entry, intake: Intake, before: Before | None) -> Entry:
    """Return ``entry`` with its comparison and the names of the checks that did not hold, which are logged."""
    entry = _compared(entry, intake, before)
    found = checks.failed(entry, before)
    for check in found:
        level = logging.WARNING if check.severity == "warning" else logging.INFO
        _log.log(level, "%s", check.sentence)
    return replace(entry, checks=tuple(check.name for check in found))


def remember(lake: Lake, cluster: str, entry: Entry) -> None:
    """Write that ``entry`` is the newest list, of which the live cache is."""
    if entry.sent_at is None:
        return
    newest = Before(
        snapshot_id=entry.snapshot_id,
        scope=list(entry.scope) if entry.scope else None,
        sent_at=entry.sent_at,
        resource_version=entry.list_resource_version,
        epoch=entry.epoch or 0,
    )
    live.remember(lake, cluster, newest)


def _compared(entry: Entry, intake: Intake, before: Before | None) -> Entry:
    """Return ``entry`` with what the list before, if it is known, says about this one."""
    entry = replace(
        entry,
        compared=intake.compared,
        expected_items=intake.expected,
        epoch=checks.epoch(entry.list_resource_version, before),
    )
    if before is None:
        return entry
    entry = replace(entry, previous_id=before.snapshot_id)
    if not checks.comparable(entry.scope, before) or not entry.received_at or not entry.ttl_seconds:
        return entry
    ttl = timedelta(seconds=entry.ttl_seconds)
    turnover = intake.turnover(received_at=entry.received_at, ttl=ttl)
    if turnover is None:
        return entry
    return replace(
        entry,
        vanished=turnover.vanished,
        vanished_early=turnover.early,
        early_namespaces=turnover.namespaces or None,
        vanished_age_seconds=turnover.age.total_seconds() if turnover.age else None,
        late_births=intake.late_births(before.sent_at),
    )
