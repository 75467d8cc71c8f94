"""A lake, read to its last page, to what is wrong with it.

Every data file is read as a whole: that is the only way to notice a byte that changed.
The ledger says what has to be there, paths say where it has to be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise

from etl.lake import contents, deletions, layout
from etl.lake.contents import Contents, Unreadable
from etl.lake.examine_live import disagreement
from etl.lake.findings import Finding, Kind
from etl.lake.layout import Lake, PartFile
from etl.lake.leftovers import leftovers, spilled
from etl.lake.partitions import Partitions, partitions
from etl.lake.seal import GRACE, due

# Until then it is ordinary work of the next run, also of a job that runs once a day.
_OVERDUE = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Expected:
    """What the examination has to know beside the lake: the time, the TTL, and since when events are kept."""

    now: datetime
    ttl: timedelta
    not_before: Callable[[str], date | None]
    """The oldest day of a cluster of which anything is taken; null where all is."""


@dataclass(slots=True)
class _Read:
    """What was read so far."""

    findings: list[Finding] = field(default_factory=list)
    bad: set[str] = field(default_factory=set)
    digests: dict[tuple[str, str, date, str], str] = field(default_factory=dict)
    """Tree, cluster, day and digest of each file that was read, and its path."""
    ledger: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The runs of each cluster."""
    promises: list[tuple[str, str, str]] = field(default_factory=list)
    """Cluster, run and part (date/name) of what the ledger promises."""
    deleted_before: dict[str, date] = field(default_factory=dict)
    """The first day of each cluster that retention left."""
    runs: list[tuple[PartFile, set[str]]] = field(default_factory=list)
    """The runs that the rows of each part and sealed file come from."""

    def add(self, kind: Kind, file: PartFile, detail: str) -> None:
        """Note a finding about a file; a bad one is passed over from then on."""
        self.findings.append(Finding(kind, file.path, detail, file.cluster, file.date))
        self.bad.add(file.path)


def examine(lake: Lake, expected: Expected, *, cluster: str | None = None) -> list[Finding]:
    """Return everything that is wrong, of one cluster or all. Raises ``LakeError`` if there is no lake to examine."""
    read = _Read()
    found = [*_marker(lake), *_strays(lake, cluster), *_intents(lake)]
    for file in lake.ledger(cluster):
        _file(lake, file, read)
    # Of two copies the one that the ledger names is no duplicate.
    named = {(name, part) for name, _run, part in read.promises}
    parts = sorted(
        lake.parts(cluster), key=lambda one: (one.cluster, f"{one.date}/{one.name}") not in named
    )
    for file in [*parts, *lake.days(cluster)]:
        _file(lake, file, read)
    found += read.findings
    found += _other_clusters(read)
    known = partitions(lake, cluster, without=read.bad)
    found += _lost(read, known)
    found += _sealing(known, expected)
    for name in layout.clusters_of([*lake.ledger(cluster), *lake.parts(cluster)]):
        found += _live(lake, name, known, expected)
    found += _temporaries(lake, expected.now)
    if not lake.files.exclusive():
        detail = "it ignores If-None-Match, so no day is sealed and a digest may be sent twice"
        found.append(Finding("store", lake.files.root, detail))
    return sorted(found, key=lambda one: (one.meaning.level == "notice", one.kind, one.path))


def _marker(lake: Lake) -> Iterator[Finding]:
    if reason := lake.marker_trouble():
        yield Finding("marker", layout.MARKER, reason)


def _strays(lake: Lake, cluster: str | None) -> Iterator[Finding]:
    """Find files in the trees of data whose paths name no partition."""
    for tree in layout.TREES:
        prefix = tree if cluster is None else f"{tree}/cluster={layout.encoded(cluster)}"
        for path in lake.files.list(prefix):
            file = layout.partitioned(path)
            if file is None or (tree == "days" and not layout.is_generation(file)):
                yield Finding("foreign", path, "its name is none of a data file")


def _intents(lake: Lake) -> Iterator[Finding]:
    for path in lake.files.list(deletions.TREE):
        try:
            deletions.read(lake.files, path)
        except FileNotFoundError:
            # Carried out since it was listed.
            continue
        except deletions.NoIntentError as error:
            yield Finding("damaged", path, str(error))


def _file(lake: Lake, file: PartFile, read: _Read) -> None:
    found = contents.read(lake, file)
    if found is None:
        return
    if isinstance(found, Unreadable):
        read.add("foreign" if found.foreign else "damaged", file, found.reason)
        return
    tree = file.path.partition("/")[0]
    key = (tree, file.cluster, file.date, found.digest)
    if key in read.digests:
        read.add("duplicate", file, f"it is a copy of {read.digests[key]}")
        return
    read.digests[key] = file.path
    if reason := _elsewhere(file, found):
        read.add("misplaced", file, reason)
        return
    if tree != "snapshots":
        read.runs.append((file, found.snapshot_ids))
        return
    for row in found.rows:
        read.ledger[file.cluster].add(row["snapshot_id"])
        parts = row.get("parts") or []
        read.promises += [(file.cluster, row["snapshot_id"], part) for part in parts]
        if before := row.get("deleted_before"):
            left = read.deleted_before.get(file.cluster, before.date())
            read.deleted_before[file.cluster] = max(left, before.date())


def _elsewhere(file: PartFile, found: Contents) -> str:
    """Say where the rows of a file belong, if that is not where it lies."""
    if found.clusters - {file.cluster}:
        return f"its rows are of the cluster {', '.join(sorted(found.clusters))}"
    for row in found.rows:
        if row["started_at"].date() != file.date:
            return f"its run started on {row['started_at'].date()}"
        if row["snapshot_id"] != file.name and not layout.is_generation(file):
            return f"its run is {row['snapshot_id']}"
    if found.days and found.days != (file.date, file.date):
        return f"its rows are of {found.days[0]} to {found.days[1]}"
    return ""


def _other_clusters(read: _Read) -> Iterator[Finding]:
    """Find parts whose runs the ledger of another cluster knows, and their own does not."""
    for file, runs in read.runs:
        if runs <= read.ledger[file.cluster]:
            continue
        for name, known in sorted(read.ledger.items()):
            if name != file.cluster and runs & known and not runs & read.ledger[file.cluster]:
                detail = f"its rows are of the cluster {name}"
                yield Finding("misplaced", file.path, detail, file.cluster, file.date)
                break


def _lost(read: _Read, known: Partitions) -> Iterator[Finding]:
    """Find parts that the ledger promises, and that no file holds."""
    for cluster, run, part in sorted(read.promises):
        day, _, name = part.partition("/")
        on = date.fromisoformat(day)
        if (left := read.deleted_before.get(cluster)) and on < left:
            continue
        one = known.found.get((cluster, on))
        if one is None or name not in one.names:
            path = layout.part_path(cluster, on, name)
            yield Finding("lost", path, f"the run {run} promises it", cluster, on)


def _sealing(known: Partitions, expected: Expected) -> Iterator[Finding]:
    for one in due(known, now=expected.now - _OVERDUE, ttl=expected.ttl):
        path = f"days/cluster={layout.encoded(one.cluster)}/date={one.date}"
        yield Finding(
            "unsealed", path, "it could have been sealed two days ago", one.cluster, one.date
        )
    for one in known.found.values():
        for older, newer in pairwise(one.generations):
            if expected.now - newer.made.sealed_at >= GRACE:
                detail = f"{newer.file.name} replaced it"
                yield Finding("superseded", older.file.path, detail, one.cluster, one.date)
        if one.sealed and expected.now - one.sealed.made.sealed_at >= GRACE:
            for part in one.contained:
                detail = f"it is in the sealed day {one.sealed.file.name}"
                yield Finding("superseded", part.path, detail, one.cluster, one.date)


def _live(lake: Lake, cluster: str, known: Partitions, expected: Expected) -> Iterator[Finding]:
    held: Mapping[date, list[str]] = {
        day: [file.path for file in one.files]
        for (name, day), one in known.found.items()
        if name == cluster
    }
    if reason := disagreement(lake, cluster, held, since=expected.not_before(cluster)):
        yield Finding("live", layout.live_path(cluster), reason, cluster)


def _temporaries(lake: Lake, now: datetime) -> Iterator[Finding]:
    for one in leftovers(lake, now=now):
        detail = f"a run that died left {one.size:,} bytes on {one.changed_at:%Y-%m-%d %H:%M}"
        yield Finding("temporary", one.path, detail)
    for folder in spilled(now=now):
        yield Finding("temporary", str(folder), "a sealing that died left it on this machine")
