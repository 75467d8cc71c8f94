"""One snapshot of one cluster: a LIST, or where its section ``source`` says so only what changed."""

from __future__ import annotations

from etl import ingest
from etl.ingest import Run
from etl.lake.append import ANY_TERMS, Terms
from etl.lake.layout import Lake
from etl.lake.ledger import Entry
from etl.progress import Tell, untold
from etl.source.listing import Lister


def take_snapshot(
    lake: Lake,
    cluster: str,
    lister: Lister,
    run: Run,
    *,
    terms: Terms = ANY_TERMS,
    tell: Tell = untold,
) -> Entry:
    """Take the snapshot as ``ingest.take_snapshot`` or ``incremental.take_snapshot`` do, which raise alike."""
    if not lister.source.watch.enabled:
        return ingest.take_snapshot(lake, cluster, lister, run, terms=terms, tell=tell)
    # Only for who wants it: a LIST needs nothing of it.
    from etl import incremental  # noqa: PLC0415

    return incremental.take_snapshot(lake, cluster, lister, run, terms=terms, tell=tell)
