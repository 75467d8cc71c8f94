"""Events into the lake: what ``snapshot``, ``import`` and ``sample`` do, from bytes to the ledger's row.

The order is always the same: decode, normalise, append what is new, publish the parts,
then write the ledger row, which promises that they are there.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, NoReturn

from etl import __version__, judge
from etl.config.settings import Source
from etl.errors import ClusterError, ForbiddenError, InputError, LakeError, quoted
from etl.intake import Intake
from etl.lake import layout, ledger, live
from etl.lake.append import ANY_TERMS, Addition, Terms
from etl.lake.layout import Lake
from etl.lake.ledger import Entry
from etl.lake.owned import Owned
from etl.progress import Tell, untold
from etl.source import columns, decode, sample
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


def take_snapshot(
    lake: Lake,
    cluster: str,
    lister: Lister,
    run: Run,
    *,
    terms: Terms = ANY_TERMS,
    tell: Tell = untold,
) -> Entry:
    """LIST a cluster, append what is new, write the ledger row and the live cache.

    What is listed is stored on ``terms``.

    A failed list leaves a failed ledger row and the lake's observations as they were,
    and raises ``ClusterError``. Of several namespaces those that are refused get a failed
    row of their own and raise in the end: the others are proven all the same.
    """
    lake.prepare()
    listing = lister.listing
    entry = unfinished(lister.source, run)
    before = live.before(lake, cluster)
    refused: dict[str, ForbiddenError] = {}
    with (
        Addition(lake, cluster, run.snapshot_id, terms) as addition,
        Intake(
            addition,
            live.read(lake, cluster, not_stored=terms.not_stored),
            cluster=cluster,
            snapshot_id=run.snapshot_id,
            observed_at=run.now,
        ) as intake,
        _uncollected(),
    ):
        try:
            for number, scope in enumerate(lister.scopes):
                intake.begin()
                try:
                    for page in lister.pages(scope):
                        intake.page(page)
                        share = intake.share
                        whole = None if share is None else (number + share) / len(lister.scopes)
                        tell(whole, intake.items)
                except ForbiddenError as error:
                    # The Role of one namespace is gone with it; the others have theirs.
                    if scope is None or len(refused) == len(lister.scopes) - 1:
                        raise
                    refused[scope] = error
            intake.end()
            tell(1.0, intake.items)
        except ClusterError as error:
            failed = replace(_told(entry, listing), error=str(error), finished_at=run.clock())
            ledger.record(lake, cluster, failed)
            raise
        addition.publish()
    if refused:
        entry = replace(entry, scope=tuple(s for s in lister.scopes if s and s not in refused))
    entry = replace(
        terms.told(_told(entry, listing)),
        status="inconsistent" if listing.inconsistent else "complete",
        finished_at=run.clock(),
        parts=tuple(addition.parts),
        items=intake.items,
        rows_added=addition.rows_added,
        unreadable=len(intake.unreadable),
        unreadable_names=tuple(intake.unreadable[:_NAMED]) or None,
        oldest_written_at=intake.oldest_written_at(),
    )
    entry = judge.judged(entry, intake, before)
    ledger.record(lake, cluster, entry)
    try:
        intake.remember(lake)
        judge.remember(lake, cluster, entry)
    except LakeError as error:
        # What the row promises is in the lake. Without its cache the next snapshot is only slower.
        _log.warning("%s", error)
    report(entry, [*addition.warnings, *left_out(addition), *listing.notes], terms.owned)
    if refused:
        _refuse(lake, cluster, entry, refused)
    return entry


def _refuse(
    lake: Lake, cluster: str, entry: Entry, refused: Mapping[str, ForbiddenError]
) -> NoReturn:
    """Write the failed row of the namespaces that were refused, and raise what the first one met."""
    first = next(iter(refused.values()))
    failed = Entry(
        snapshot_id=f"{entry.snapshot_id}-refused",
        kind="list",
        status="failed",
        started_at=entry.started_at,
        version=entry.version,
        scope=tuple(refused),
        finished_at=entry.finished_at,
        interval_seconds=entry.interval_seconds,
        ttl_seconds=entry.ttl_seconds,
        error=str(first),
    )
    ledger.record(lake, cluster, failed)
    names = quoted(", ".join(refused), 200)
    message = f"{first} (refused in {names}; the other namespaces were read)"
    raise ForbiddenError(message)


def record_failure(
    lake: Lake, cluster: str, source: Source, *, run: Run, error: ClusterError
) -> None:
    """Write the ledger row of a snapshot that could not even begin."""
    lake.prepare()
    entry = replace(unfinished(source, run), error=str(error), finished_at=run.clock())
    ledger.record(lake, cluster, entry)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What is imported: decoded chunks, of which cluster, collected when, covering what."""

    cluster: str
    chunks: Iterable[Decoded]
    kind: Literal["import", "sample"] = "import"
    collected_at: datetime | None = None
    collected_until: datetime | None = None
    """When the last list was taken, where the collection took a time; null: all at ``collected_at``."""
    scope: tuple[str, ...] | None = None
    """The namespaces of which the chunks are whole LISTs, empty for all of them; null if nobody knows.

    With ``collected_at`` and ``ttl`` it is what makes an import prove coverage.
    """
    ttl: timedelta | None = None
    terms: Terms = ANY_TERMS


def import_events(lake: Lake, request: ImportRequest, run: Run) -> Entry:
    """Append the events of a dump and write the ledger row.

    Without a time of collection the events count as learned now, and prove nothing
    about the time they come from. Without one event that can be read there is no ledger
    row: nothing was learned, and nothing must seem proven. Events older than what is kept are
    left out, loudly, and then the dump proves nothing; raises ``InputError`` if there are no others.
    """
    lake.prepare()
    observed_at = request.collected_at or run.now
    items, unreadable = 0, []
    with Addition(lake, request.cluster, run.snapshot_id, request.terms) as addition:
        for chunk in request.chunks:
            items += len(chunk.events) + len(chunk.unreadable)
            unreadable += chunk.unreadable
            if chunk.events:
                said = columns.of_events(chunk)
                rows = Normaliser(said, cluster=request.cluster, observed_at=observed_at)
                addition.add(rows.rows(run.snapshot_id))
        if addition.left_out and addition.left_out == items - len(unreadable):
            raise InputError("; ".join(["nothing is imported", *left_out(addition)]))
        addition.publish()
    whole = request.scope is not None and not addition.left_out
    proven = request.collected_at if whole else None
    received = request.collected_until or proven if whole else None
    entry = Entry(
        snapshot_id=run.snapshot_id,
        kind=request.kind,
        status="complete",
        started_at=run.now,
        version=__version__,
        finished_at=run.clock(),
        collected_at=request.collected_at,
        scope=request.scope or None,
        sent_at=proven,
        received_at=received,
        first_received_at=received,
        last_received_at=received,
        parts=tuple(addition.parts),
        compared="lake",
        items=items,
        rows_added=addition.rows_added,
        unreadable=len(unreadable),
        unreadable_names=tuple(unreadable[:_NAMED]) or None,
        ttl_seconds=request.ttl.total_seconds() if request.ttl else None,
    )
    entry = request.terms.told(entry)
    if items > len(unreadable):
        ledger.record(lake, request.cluster, entry)
    report(entry, [*addition.warnings, *left_out(addition)])
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
            scope=(),
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


def unfinished(source: Source, run: Run) -> Entry:
    """Return the ledger row of a snapshot as it stands before anything was asked: failed."""
    return Entry(
        snapshot_id=run.snapshot_id,
        kind="list",
        status="failed",
        started_at=run.now,
        version=__version__,
        scope=tuple(dict.fromkeys(source.namespaces)) or None,
        ttl_seconds=source.ttl.total_seconds(),
        interval_seconds=source.interval.total_seconds(),
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
        watch_refused=listing.watch_refused,
        remaining_items=None if several else listing.remaining_items,
        retries=listing.retries,
        bytes_received=listing.received_bytes,
        first_received_at=listing.first_received_at,
        last_received_at=listing.last_received_at,
    )


def left_out(addition: Addition) -> Iterator[str]:
    """Yield a sentence if events were too old to be taken."""
    if addition.left_out_days:
        first, last = addition.left_out_days
        yield (
            f"{addition.left_out:,} events from {first} to {last} are older than what is kept and are"
            " left out, because retention would delete them again; raise retention.keep_days, or name"
            " another cluster that keeps them, such as with retention.clusters: {archive: 0}"
        )


def report(entry: Entry, notes: Iterable[str], owned: Owned | None = None) -> None:
    """Log what was odd about a snapshot, each of the ``notes`` and what could not be read."""
    unread = [f"no labels and owners of {one}" for one in owned.unread] if owned else []
    for note in [*notes, *unread]:
        _log.warning("%s", note)
    if entry.unreadable:
        names = ", ".join(entry.unreadable_names or ())
        _log.warning(
            "not in the lake, because it cannot be read: %s (%d in all)", names, entry.unreadable
        )
