"""Findings to a lake that is well again, as far as that is possible: nothing that may be data is ever deleted.

Quarantine moves files out of the trees to ``quarantine/<time>/<old path>``, where no
reader looks. Repair takes bad caches away and deletes what dead runs left, writes the marker, and seals
what is due: with a damaged sealed file out of the way that is done anew from its parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from etl.lake import layout, leftovers
from etl.lake.findings import Finding
from etl.lake.layout import Lake
from etl.lake.seal import seal


def quarantine(lake: Lake, findings: Iterable[Finding], *, now: datetime) -> Iterator[str]:
    """Move every file out of the way that should not be read; yield what was moved where. Raises ``LakeError``."""
    place = f"{layout.QUARANTINE}/{now:%Y%m%dT%H%M%SZ}"
    for path in dict.fromkeys(f.path for f in findings if f.meaning.remedy == "quarantine"):
        lake.files.move(path, f"{place}/{path}")
        yield f"{path} is now {place}/{path}"


def repair(
    lake: Lake,
    findings: Iterable[Finding],
    *,
    clock: Callable[[], datetime],
    ttl: timedelta,
    cluster: str | None = None,
) -> Iterator[str]:
    """Rebuild what can be rebuilt; yield what was done. Raises ``LakeError``."""
    kinds = {finding.kind for finding in findings}
    for finding in findings:
        if finding.kind == "live":
            # Moved and not deleted: a folder may stand in its place.
            place = f"{layout.QUARANTINE}/{clock():%Y%m%dT%H%M%SZ}/{finding.path}"
            lake.files.move(finding.path, place)
            yield f"{finding.path} is now {place}"
    if "marker" in kinds:
        lake.write_marker()
        yield f"{layout.MARKER} is written"
    for path in leftovers.sweep(lake, now=clock()):
        yield f"{path} is deleted"
    # It deletes what sealed files replaced as well.
    for done in seal(lake, clock=clock, ttl=ttl, cluster=cluster):
        yield f"{done.cluster}: {done.date} sealed, {done.rows:,} states"
