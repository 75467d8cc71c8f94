"""Events into the lake: what ``snapshot``, ``import`` and ``sample`` do, from bytes to the ledger's row.

The order is always the same: decode, normalise, append what is new, publish the parts,
then write the ledger row, which promises that they are there.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from etl import __version__
from etl.config.settings import Source
from etl.errors import ClusterError
from etl.intake import Intake
from etl.lake import layout, ledger, live
from etl.lake.append import Addition
from etl.lake.layout import Lake
from etl.lake.ledger import Entry
from etl.source import decode, sample
from etl.source.decode import Decoded
from etl.source.normalise import Normaliser

if TYPE_CHECKING:
    # The kubernetes package costs half a second; only a live snapshot pays for it.
    from etl.source.listing import Lister
    from etl.source.paging import Listing

_log = logging.getLogger(__name__)
# Names of unreadable items kept in the ledger; the count tells the rest.
_NAMED = 20
# The clusters of the sample ran with Kubernetes' default (--event-ttl).
_SAMPLE_TTL = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Run:
    """One run: when it started (UTC), its random name, and the clock that goes on from there."""

    now: datetime
    run_id: str
    clock: Callable[[], datetime]

    @property
    def snapshot_id(self) -> str:
        """The name of what this run writes."""
        return layout.snapshot_id(self.now, self.run_id)


def take_snapshot(lake: Lake, cluster: str, lister: Lister, run: Run) -> Entry:
    """LIST a cluster, append what is new, write the ledger row and the live cache.

    A failed list leaves a failed ledger row and the lake's observations as they were,
    and raises ``ClusterError``.
    """
    lake.prepare()
    listing = lister.listing
    entry = _unfinished(lister.source, run)
    with Addition(lake, cluster, run.snapshot_id) as addition, _uncollected():
        intake = Intake(
            addition,
            live.read(lake, cluster),
            cluster=cluster,
            snapshot_id=run.snapshot_id,
            observed_at=run.now,
        )
        try:
            for scope in lister.scopes:
                intake.begin()
                for page in lister.pages(scope):
                    intake.page(page)
        except ClusterError as error:
            failed = replace(_told(entry, listing), error=str(error), finished_at=run.clock())
            ledger.record(lake, cluster, failed)
            raise
        addition.publish()
    entry = replace(
        _told(entry, listing),
        status="inconsistent" if listing.inconsistent else "complete",
        finished_at=run.clock(),
        items=intake.items,
        rows_added=addition.rows_added,
        unreadable=len(intake.unreadable),
        unreadable_names=tuple(intake.unreadable[:_NAMED]) or None,
        oldest_written_at=intake.oldest_written_at(),
    )
    ledger.record(lake, cluster, entry)
    intake.remember(lake)
    _report(entry, addition.warnings + listing.notes)
    return entry


def record_failure(
    lake: Lake, cluster: str, source: Source, *, run: Run, error: ClusterError
) -> None:
    """Write the ledger row of a snapshot that could not even begin."""
    lake.prepare()
    entry = replace(_unfinished(source, run), error=str(error), finished_at=run.clock())
    ledger.record(lake, cluster, entry)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What is imported: decoded chunks, of which cluster, collected when, covering what."""

    cluster: str
    chunks: Iterable[Decoded]
    kind: Literal["import", "sample"] = "import"
    collected_at: datetime | None = None
    complete: bool = False
    """Whether the chunks are one whole LIST of the cluster: only then do they prove coverage."""
    ttl: timedelta | None = None


def import_events(lake: Lake, request: ImportRequest, run: Run) -> Entry:
    """Append the events of a dump and write the ledger row.

    Without a time of collection the events count as learned now, and prove nothing
    about the time they come from. Without one event that can be read there is no ledger
    row: nothing was learned, and nothing must seem proven.
    """
    lake.prepare()
    observed_at = request.collected_at or run.now
    items, unreadable = 0, []
    with Addition(lake, request.cluster, run.snapshot_id) as addition:
        for chunk in request.chunks:
            items += len(chunk.events) + len(chunk.unreadable)
            unreadable += chunk.unreadable
            if chunk.events:
                rows = Normaliser(chunk, cluster=request.cluster, observed_at=observed_at)
                addition.add(rows.rows(run.snapshot_id))
        addition.publish()
    proven = request.collected_at if request.complete else None
    entry = Entry(
        snapshot_id=run.snapshot_id,
        kind=request.kind,
        status="complete",
        started_at=run.now,
        version=__version__,
        finished_at=run.clock(),
        collected_at=request.collected_at,
        sent_at=proven,
        received_at=proven,
        items=items,
        rows_added=addition.rows_added,
        unreadable=len(unreadable),
        unreadable_names=tuple(unreadable[:_NAMED]) or None,
        ttl_seconds=request.ttl.total_seconds() if request.ttl else None,
    )
    if items > len(unreadable):
        ledger.record(lake, request.cluster, entry)
    _report(entry, addition.warnings)
    return entry


@dataclass(frozen=True, slots=True)
class SampleResult:
    """What loading the sample came to: ``end`` is the moment its story ends at."""

    clusters: tuple[str, ...]
    items: int
    end: datetime


def load_sample(lake: Lake, run: Run) -> SampleResult:
    """Import the embedded sample; a lake that holds it already gets the same lists again, which adds nothing."""
    lake.prepare()
    newest = ledger.newest(lake, "sample")
    now = run.now if newest is None else newest + sample.LEAD
    clusters: dict[str, None] = {}
    items = 0
    for number, one in enumerate(sample.lists(now)):
        clusters[one.cluster] = None
        request = ImportRequest(
            cluster=one.cluster,
            kind="sample",
            collected_at=one.collected_at,
            complete=True,
            chunks=[decode.page(one.document)],
            ttl=_SAMPLE_TTL,
        )
        if newest is None:
            items += (
                import_events(lake, request, replace(run, run_id=f"{run.run_id}-{number:02}")).items
                or 0
            )
    return SampleResult(tuple(clusters), items, sample.anchor(now))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Hold the garbage collector: structs and columns form no cycles, and looking costs a tenth."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _unfinished(source: Source, run: Run) -> Entry:
    """Return the ledger row of a snapshot as it stands before anything was asked: failed."""
    return Entry(
        snapshot_id=run.snapshot_id,
        kind="list",
        status="failed",
        started_at=run.now,
        version=__version__,
        scope=tuple(dict.fromkeys(source.namespaces)) or None,
        ttl_seconds=source.ttl.total_seconds(),
    )


def _told(entry: Entry, listing: Listing) -> Entry:
    """Return ``entry`` with what the listing went through."""
    several = entry.scope is not None and len(entry.scope) > 1
    whole = not listing.inconsistent and not several
    received = listing.first_received_at if whole else listing.last_received_at
    return replace(
        entry,
        sent_at=listing.sent_at,
        received_at=received,
        collected_at=listing.sent_at,
        server_date=listing.server_date,
        list_resource_version=listing.resource_version,
        pages=listing.pages,
        remaining_items=None if several else listing.remaining_items,
        retries=listing.retries,
        bytes_received=listing.received_bytes,
    )


def _report(entry: Entry, notes: Iterable[str]) -> None:
    for note in notes:
        _log.warning("%s", note)
    if entry.unreadable:
        names = ", ".join(entry.unreadable_names or ())
        _log.warning(
            "not in the lake, because it cannot be read: %s (%d in all)", names, entry.unreadable
        )
