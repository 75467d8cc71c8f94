"""An incremental snapshot: what changed since the one before into the lake, or a full LIST where that is in doubt.

A watch goes on from the newest snapshot, which the live cache holds. It proves that
nothing was missed since then, intermediate states and deletions included, so it counts
as a snapshot; but it proves nothing of the time before, so every few runs are a LIST.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

import pyarrow.compute as pc

from etl import ingest
from etl.changes import Taken, Taking
from etl.errors import LakeError
from etl.ingest import Run
from etl.lake import checks, ledger, live
from etl.lake.append import ANY_TERMS, Addition, Terms
from etl.lake.layout import Lake
from etl.lake.ledger import Entry
from etl.lake.live import Before, Live, Mark
from etl.progress import Tell, untold
from etl.source.listing import Lister
from etl.source.watching import DoubtError, Drained, ForbiddenWatchError, Watcher

_log = logging.getLogger(__name__)
# After it what a watch would go on from was compacted (event semantics, section 3: 5 to 10 minutes).
_COMPACTED = timedelta(minutes=10)


def take_snapshot(
    lake: Lake,
    cluster: str,
    lister: Lister,
    run: Run,
    *,
    terms: Terms = ANY_TERMS,
    tell: Tell = untold,
) -> Entry:
    """Take what changed since the newest snapshot, else LIST as ``ingest.take_snapshot`` does, and raises.

    The ledger row of a LIST that was to be a watch says why it was none. Where a LIST is
    due, what changed is taken first, as a snapshot of its own: no state is skipped, and the
    checks of the LIST prove the watches.
    """
    lake.prepare()
    try:
        entry = _watched(lake, cluster, lister, run, terms=terms, tell=tell)
        newest = live.before(lake, cluster)
        if newest is not None and newest.watches < lister.source.watch.list_every:
            return entry
        run = replace(run, run_id=f"{run.run_id}-list")
    except ForbiddenWatchError as doubt:
        lister.listing.watch_refused = str(doubt)
        _log.warning("%s", doubt)
    except DoubtError as doubt:
        # Whatever it was, a list does not depend on it: nothing is missed, only more travels.
        lister.listing.watch_refused = str(doubt)
        _log.info("a full list is taken: %s", doubt)
    return ingest.take_snapshot(lake, cluster, lister, run, terms=terms, tell=tell)


def _watched(
    lake: Lake,
    cluster: str,
    lister: Lister,
    run: Run,
    *,
    terms: Terms,
    tell: Tell,
) -> Entry:
    """Watch, append, write the ledger row and the live cache; raises ``DoubtError`` before anything is written."""
    begun, known = _start(lake, cluster, lister, run, not_stored=terms.not_stored)
    watcher = Watcher(lister.asking, lister.check)
    taking = Taking(
        known,
        cluster=cluster,
        snapshot_id=run.snapshot_id,
        observed_at=run.now,
        ttl=lister.source.ttl,
    )
    streams: dict[str, Drained] = {}
    marks: dict[str, Mark] = {}
    for scope in lister.scopes:
        mark = begun.marks.get(scope or "") or _first(begun)
        drained = watcher.drain(scope, mark.after)
        taking.take(drained, seen=mark.seen)
        streams[scope or ""], marks[scope or ""] = drained, _next(mark, drained)
    taken = taking.taken()
    tell(1.0, taken.items)
    with Addition(lake, cluster, run.snapshot_id, terms) as addition:
        # What no snapshot held is looked for in the lake; it is rare.
        addition.add(taken.strangers)
        addition.add(taken.rows, compared=True)
        addition.publish()
    entry = terms.told(_entry(list(streams.values()), taken, lister, run, begun))
    entry = replace(entry, parts=tuple(addition.parts), rows_added=addition.rows_added)
    failed = checks.failed(entry, begun)
    for check in failed:
        level = logging.WARNING if check.severity == "warning" else logging.INFO
        _log.log(level, "%s", check.sentence)
    entry = replace(entry, checks=tuple(check.name for check in failed), finished_at=run.clock())
    ledger.record(lake, cluster, entry)
    try:
        if taken.items:
            live.write(lake, cluster, taken.living, not_stored=terms.not_stored)
        live.remember(lake, cluster, _newest(entry, begun, marks))
    except LakeError as error:
        # What the row promises is in the lake. Without its cache the next snapshot is a list.
        _log.warning("%s", error)
    ingest.report(entry, [*addition.warnings, *ingest.left_out(addition)], terms.owned)
    return entry


def _start(
    lake: Lake,
    cluster: str,
    lister: Lister,
    run: Run,
    *,
    not_stored: dict[str, list[str]] | None,
) -> tuple[Before, Live]:
    """Return the newest snapshot and its states if a watch may go on from it; raises ``DoubtError``."""
    before = live.before(lake, cluster)
    if before is None or before.resource_version is None:
        raise DoubtError("there is no snapshot to go on from")
    scope = [scope for scope in lister.scopes if scope is not None]
    if set(before.scope or ()) != set(scope):
        raise DoubtError("the snapshot before is of other namespaces")
    if not timedelta(0) <= run.now - before.sent_at < _COMPACTED:
        raise DoubtError("the snapshot before is too old to go on from")
    known = live.read(lake, cluster, not_stored=not_stored)
    if known is None:
        raise DoubtError("there is no live cache to go on from")
    return before, known


def _first(before: Before) -> Mark:
    """Return where the watch after a LIST begins: at its version, at which no deletion is known."""
    version = before.resource_version or 0
    return Mark(after=version, seen=version)


def _next(mark: Mark, drained: Drained) -> Mark:
    """Return where the next watch begins: at what is proven, else at the last change that came, which may be one of a batch."""
    last = max((change.version for change in drained.changes), default=mark.seen)
    proven = drained.version if drained.proven else mark.after
    return Mark(after=max(mark.after, proven, last - 1), seen=max(mark.seen, last))


def _entry(streams: list[Drained], taken: Taken, lister: Lister, run: Run, before: Before) -> Entry:
    """Return the ledger row as far as the streams tell it."""
    first, gone = streams[0], taken.turnover
    return replace(
        ingest.unfinished(lister.source, run),
        kind="watch",
        status="complete",
        sent_at=first.sent_at,
        received_at=first.received_at,
        collected_at=first.sent_at,
        server_date=first.server_date,
        list_resource_version=first.version,
        items=taken.items,
        bytes_received=sum(one.received_bytes for one in streams),
        first_received_at=first.received_at,
        last_received_at=max(one.ended_at or one.received_at for one in streams),
        retries=0,
        unreadable=0,
        compared="cache",
        previous_id=before.snapshot_id,
        epoch=checks.epoch(first.version, before),
        watched_since=before.sent_at,
        oldest_written_at=pc.min(taken.living["written_at"]).as_py(),
        vanished=gone.vanished,
        vanished_early=gone.early,
        early_namespaces=gone.namespaces or None,
        vanished_age_seconds=gone.age.total_seconds() if gone.age else None,
    )


def _newest(entry: Entry, before: Before, marks: dict[str, Mark]) -> Before:
    """Return what the next snapshot has to know of this one."""
    return Before(
        snapshot_id=entry.snapshot_id,
        scope=before.scope,
        sent_at=entry.sent_at or before.sent_at,
        resource_version=entry.list_resource_version,
        epoch=entry.epoch or 0,
        watches=before.watches + 1,
        marks=marks,
    )
