"""Where things are in a lake: the only module that knows its paths, and its format version.

    _lake.json                                           the format's version
    parts/cluster=C/date=D/<snapshot id>[-k].parquet     what one run added; never changed
    days/cluster=C/date=D/<generation>.parquet           a sealed day; the highest generation counts
    snapshots/cluster=C/date=D/<snapshot id>.parquet     the ledger, one row a file
    snapshots/cluster=C/date=D/<generation>.parquet      a sealed day of the ledger
    live/cluster=C/live.parquet                          states of the newest list: a cache
    live/cluster=C/newest.json                           which list that was, for the checks of the next
    retention/cluster=C/<first day kept>.json            what is about to be deleted
    forward/target=T/…                                   what each target has, see ``etl.forward.places``
    metrics/<scope>/<number>.json                        counters, see ``etl.metrics.record``
    quarantine/…                                         what was taken out, by its old path

Cluster names may hold ``:`` and ``/`` (an EKS ARN does), so they are percent-encoded
as path segments, the Hive way.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from urllib.parse import quote, unquote

from etl import manifest, schema
from etl.errors import LakeError, UsageError, quoted
from etl.lake import deletions
from etl.lake.files import Files, is_of_the_file

FORMAT_VERSION = 1
MARKER = "_lake.json"
# The trees of data: what is partitioned by cluster and date.
TREES = ("days", "parts", "snapshots")
QUARANTINE = "quarantine"
# What reading the marker raises where it is none.
_DAMAGED_MARKER = (ValueError, KeyError, TypeError)
_log = logging.getLogger(__name__)
_PARTITION = re.compile(
    r"(?P<tree>[a-z]+)/cluster=(?P<cluster>[^/]+)/date=(?P<date>\d{4}-\d\d-\d\d)/(?P<name>[^/]+\.parquet)"
)
_STARTED = re.compile(r"(\d{8}T\d{6}\.\d{6})Z-.*")
# Zero-padded, so that the order of names is the order of generations.
_GENERATION = re.compile(r"\d{8}")
# "." and ".." are folders of their own, the other is Hive's word for null.
_NO_CLUSTERS = frozenset({"", ".", "..", "__HIVE_DEFAULT_PARTITION__"})
_COLUMNS = frozenset({*schema.FULL_DAY_SCHEMA.names, *manifest.FULL_SNAPSHOT_SCHEMA.names})
_LONGEST_CLUSTER = 200  # bytes once encoded: "cluster=" and this must stay below a file name's 255


@dataclass(frozen=True, slots=True)
class PartFile:
    """A data file of a tree: its path and the partition that the path names."""

    path: str
    cluster: str
    date: date

    @property
    def name(self) -> str:
        """The file's name without suffix: unique within its partition."""
        return self.path.rpartition("/")[2].removesuffix(".parquet")


@dataclass(frozen=True, slots=True)
class Lake:
    """A lake on some storage; knows its paths."""

    files: Files
    hidden: frozenset[str] | None = None
    """The paths that retention took out of sight at one moment; null: as it is when they are asked for."""
    configured: tuple[str, ...] = ()
    """The clusters that the configuration names, in the lake or not: of what was never read nothing is known."""

    def at_one_moment(self) -> Lake:
        """Return the lake with what retention hides now, so that several listings ask for that once."""
        return replace(self, hidden=deletions.hidden(self.files))

    def prepare(self) -> None:
        """Create the format marker of a new lake, or refuse one that is newer than this version."""
        if self._is_known() or self.files.create(MARKER, _marker()) or self._is_known():
            return
        # Neither there nor to be made: a link that leads nowhere has the name.
        self._warn_of_the_marker()

    def check(self) -> None:
        """Raise ``LakeError`` if there is no lake, or one that this version cannot read."""
        if self._is_known():
            return
        if not self._has_data():
            message = (
                f"there is no lake at {self.files.root}; name another one with --lake,"
                " or make one with: eventlake snapshot, import or run"
            )
            raise LakeError(message)
        self._warn_of_the_marker()

    def marker_trouble(self) -> str:
        """Say what is wrong with the marker; raises ``LakeError`` if there is no lake, or a newer one."""
        try:
            self._version()
        except FileNotFoundError:
            if self._has_data():
                return "it is not there, and data is"
            self.check()
        except _DAMAGED_MARKER as error:
            return f"it cannot be read: {quoted(str(error), 120)}"
        self.check()
        return ""

    def write_marker(self) -> None:
        """Write the marker anew; what stands in its place goes to quarantine."""
        self.set_aside(MARKER)
        self.files.create(MARKER, _marker())

    def set_aside(self, path: str) -> str:
        """Move what stands in the place of a file to quarantine, as a folder may; return where it is."""
        place = f"{QUARANTINE}/{path}-{secrets.token_hex(4)}"
        self.files.move(path, place)
        return place

    def parts(self, cluster: str | None = None) -> list[PartFile]:
        """Return the files of observations, of one cluster or all."""
        return self._tree("parts", cluster)

    def days(self, cluster: str | None = None) -> list[PartFile]:
        """Return the files of sealed days, of one cluster or all: every generation that is there."""
        return [file for file in self._tree("days", cluster) if is_generation(file)]

    def sizes_of_days(self, cluster: str | None = None) -> dict[PartFile, int]:
        """Return what ``days`` does, with the bytes of each file."""
        hidden = deletions.hidden(self.files) if self.hidden is None else self.hidden
        sizes = self.files.sizes(_prefix("days", cluster))
        return {
            file: size
            for path, size in sizes.items()
            if path not in hidden and (file := partitioned(path)) and is_generation(file)
        }

    def ledger(self, cluster: str | None = None) -> list[PartFile]:
        """Return the ledger's files, of one cluster or all."""
        return self._tree("snapshots", cluster)

    def partition(self, cluster: str, day: date) -> list[PartFile]:
        """Return the parts of one cluster and day."""
        return self._files_of("parts", cluster, day)

    def generations(self, cluster: str, day: date) -> list[PartFile]:
        """Return the generations of one sealed day, the highest last."""
        files = self._files_of("days", cluster, day)
        return [file for file in files if is_generation(file)]

    def _tree(self, tree: str, cluster: str | None) -> list[PartFile]:
        return self._found(_prefix(tree, cluster))

    def _files_of(self, tree: str, cluster: str, day: date) -> list[PartFile]:
        return self._found(f"{tree}/cluster={encoded(cluster)}/date={day.isoformat()}")

    def _found(self, prefix: str) -> list[PartFile]:
        """List data files, but for those that retention took out of sight."""
        # First the intents: what is deleted between the two is in neither.
        hidden = deletions.hidden(self.files) if self.hidden is None else self.hidden
        paths = [path for path in self.files.list(prefix) if path not in hidden]
        return [found for path in paths if (found := partitioned(path))]

    def _is_known(self) -> bool:
        """Whether there is a marker; a damaged one is said, a newer one refused."""
        self._refuse_columns_above()
        try:
            version = self._version()
        except FileNotFoundError:
            # Whoever asked knows what to do without one.
            return False
        except _DAMAGED_MARKER:
            # Events expire while nobody looks: what is certainly lost weighs more than that a
            # lake of a newer format may lose its marker.
            self._warn_of_the_marker()
            return True
        if version > FORMAT_VERSION:
            message = (
                f"the lake {self.files.root} has format {version}, this eventlake knows"
                f" {FORMAT_VERSION}; use a newer eventlake"
            )
            raise LakeError(message)
        return True

    def _version(self) -> int:
        try:
            return int(json.loads(self.files.read(MARKER))["version"])
        except LakeError as error:
            if not is_of_the_file(error):
                raise
            raise ValueError(str(error.__cause__)) from error

    def _has_data(self) -> bool:
        return any(self.files.list(tree) for tree in TREES)

    def _warn_of_the_marker(self) -> None:
        _log.warning(
            "%s of the lake %s is damaged; eventlake doctor --repair writes it anew",
            MARKER,
            self.files.root,
        )

    def _refuse_columns_above(self) -> None:
        """Refuse a path with a folder like ``cluster=x``: DuckDB reads partitions in the whole path, first one wins."""
        for folder in self.files.location("").split("/"):
            name, sign, _value = folder.partition("=")
            if sign and name.lower() in _COLUMNS:
                message = (
                    f"the folder {folder} above the lake {self.files.root} reads like a column"
                    " of the lake and would replace it; rename the folder or move the lake"
                )
                raise LakeError(message)


def _prefix(tree: str, cluster: str | None) -> str:
    return tree if cluster is None else f"{tree}/cluster={encoded(cluster)}"


def _marker() -> bytes:
    return json.dumps({"format": "eventlake", "version": FORMAT_VERSION}).encode()


def part_path(cluster: str, day: date, name: str) -> str:
    """Return the path of a part called ``name`` (without suffix)."""
    return f"parts/cluster={encoded(cluster)}/date={day.isoformat()}/{name}.parquet"


def day_path(cluster: str, day: date, generation: int) -> str:
    """Return the path of a generation of a sealed day."""
    return f"days/cluster={encoded(cluster)}/date={day.isoformat()}/{generation:08d}.parquet"


def ledger_path(cluster: str, day: date, snapshot_id: str) -> str:
    """Return the path of a ledger row."""
    return f"snapshots/cluster={encoded(cluster)}/date={day.isoformat()}/{snapshot_id}.parquet"


def ledger_day_path(cluster: str, day: date, generation: int) -> str:
    """Return the path of a generation of a sealed day of the ledger, which lies beside its rows."""
    return f"snapshots/cluster={encoded(cluster)}/date={day.isoformat()}/{generation:08d}.parquet"


def live_path(cluster: str) -> str:
    """Return the path of the cache of a cluster's newest list."""
    return f"live/cluster={encoded(cluster)}/live.parquet"


def newest_path(cluster: str) -> str:
    """Return the path of what is known of a cluster's newest list beside its states."""
    return f"live/cluster={encoded(cluster)}/newest.json"


def retention_path(cluster: str, before: date) -> str:
    """Return the path of the intent to delete what is older than ``before``."""
    return f"{deletions.TREE}/cluster={encoded(cluster)}/{before.isoformat()}.json"


def partition_folders(cluster: str, day: date) -> tuple[str, str]:
    """Return the folders of a partition's files: parts and sealed days."""
    partition = f"cluster={encoded(cluster)}/date={day.isoformat()}"
    return f"parts/{partition}", f"days/{partition}"


def is_generation(file: PartFile) -> bool:
    """Whether the name of a file is that of a generation: of a sealed day, of observations or of the ledger."""
    return bool(_GENERATION.fullmatch(file.name))


def snapshot_id(started: datetime, run_id: str) -> str:
    """Return the name of a run: sorts by time, unique by ``run_id``."""
    return f"{started:%Y%m%dT%H%M%S.%f}Z-{run_id}"


def started(name: str) -> datetime | None:
    """Return when the run began that a file is named after; null for a name that tells no time."""
    match = _STARTED.fullmatch(name)
    try:
        return match and datetime.strptime(match[1], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
    except ValueError:
        # A name that only looks like one of ours.
        return None


def encoded(cluster: str) -> str:
    """Return ``cluster`` as a path segment; raises ``UsageError`` for names that cannot be one."""
    if cluster in _NO_CLUSTERS or not cluster.isprintable():
        message = (
            f"{cluster!r} cannot be a cluster's name; choose a printable name that is not . or .."
        )
        raise UsageError(message)
    segment = quote(cluster, safe="")
    if len(segment) > _LONGEST_CLUSTER:
        message = f"the cluster's name {cluster[:40]}… is too long: {len(segment)} bytes encoded, at most {_LONGEST_CLUSTER}"
        raise UsageError(message)
    return segment


def clusters_of(found: Iterable[PartFile]) -> list[str]:
    """Return the clusters that the files belong to, sorted."""
    return sorted({file.cluster for file in found})


def partitioned(path: str) -> PartFile | None:
    """Return the data file that a path names, null for one that is none."""
    match = _PARTITION.fullmatch(path)
    if match is None:
        return None
    try:
        day = date.fromisoformat(match["date"])
    except ValueError:
        return None
    return PartFile(path, unquote(match["cluster"]), day)
