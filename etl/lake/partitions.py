"""Files of the lake to what stands for each partition: a sealed day, parts, or both.

A sealed file names in its metadata the parts that it contains, and those of the day
before from which its occurrences were counted. So every reader, and every sealing, can
tell from the files alone whether something came late. What cannot be read is left out
and named: the generation below it, and the parts that that one does not name, stand in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Self, TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from etl import schema
from etl.errors import quoted
from etl.lake.layout import Lake, PartFile

METADATA_KEY = b"eventlake.sealed"
DAY = timedelta(days=1)
# Whether somebody asks for a day of a cluster.
Wanted: TypeAlias = Callable[[str, date], bool]
# A footer of a day of 5 million states has 290 KB; four times as many as are fetched at once.
_EXPECTED_AT_ONCE = 256
_IN_PATHS = frozenset(column.name for column in schema.PARTITIONS)


class Made(msgspec.Struct, frozen=True):
    """What a sealed file tells of its making: JSON in its metadata, below ``METADATA_KEY``."""

    sealed_at: datetime
    """When it was published, the clock of the machine that did."""
    parts: list[str]
    """Names of the parts that it contains."""
    parts_before: list[str]
    """Names of the parts of the day before from which it was counted, sealed ones included."""
    generation_before: str | None
    """The sealed file of the day before that stood for them, where there was one."""
    pattern_version: int = 0
    """The rules by which its workloads and patterns were told; 0 where there were none yet."""
    added: dict[str, list[str]] = {}
    """By the name of a later generation the parts that the one before it did not contain: what came late, and when."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A readable generation of a sealed day."""

    file: PartFile
    made: Made


@dataclass(slots=True)
class Partition:
    """One cluster and day: its generations, the highest last, and the parts that the highest does not name."""

    cluster: str
    date: date
    generations: list[Sealed] = field(default_factory=list)
    loose: list[PartFile] = field(default_factory=list)
    contained: list[PartFile] = field(default_factory=list)
    """Parts that are in the highest generation and were not deleted yet."""
    taken: int = 0
    """The greatest number of a generation that is there, readable or not."""
    warnings: list[str] = field(default_factory=list)
    """What was left out, in words."""

    @property
    def sealed(self) -> Sealed | None:
        """The generation that counts."""
        return self.generations[-1] if self.generations else None

    @property
    def files(self) -> list[PartFile]:
        """The files that together hold every state of the day."""
        return [*([self.sealed.file] if self.sealed else []), *self.loose]

    @property
    def names(self) -> frozenset[str]:
        """The names of all parts that ever made up what the day holds now."""
        contained = self.sealed.made.parts if self.sealed else []
        return frozenset([*contained, *(file.name for file in self.loose)])

    def added(self, generation: int) -> dict[str, list[str]]:
        """Return what each generation but the first added to the one before it, up to the next one, ``generation``."""
        if self.sealed is None:
            return {}
        late = sorted(file.name for file in self.loose)
        return {**self.sealed.made.added, **({f"{generation:08d}": late} if late else {})}

    def closed(self, before: Self | None) -> bool:
        """Whether the sealed file alone is exact: nothing came late, neither here nor on the day before."""
        return (
            self.sealed is not None
            and not self.loose
            and (before is None or before.names <= frozenset(self.sealed.made.parts_before))
        )

    @property
    def outdated(self) -> bool:
        """Whether older rules than today's told the workloads and patterns of the sealed file."""
        return self.sealed is not None and self.sealed.made.pattern_version < schema.PATTERN_VERSION


@dataclass(frozen=True, slots=True)
class Partitions:
    """The partitions of a lake at one moment, and the files that were left out, in words."""

    found: Mapping[tuple[str, date], Partition]
    warnings: list[str]
    unreadable: list[PartFile] = field(default_factory=list)

    def before(self, partition: Partition) -> Partition | None:
        """Return the day before, null where nothing is there."""
        return self.found.get((partition.cluster, partition.date - DAY))

    def closed(self, partition: Partition) -> bool:
        """Whether the sealed file of the day alone is exact."""
        return partition.closed(self.before(partition))


@dataclass(frozen=True, slots=True)
class Sources:
    """The paths of the files behind the views.

    ``days`` are closed days, ``outdated`` those whose roll-ups are told anew, ``parts`` open days,
    ``context`` the closed days before these two.
    """

    days: list[str]
    outdated: list[str]
    context: list[str]
    parts: list[str]


@dataclass(frozen=True, slots=True)
class Basis:
    """The paths of the files that a day is sealed from: its own; the day before as one sealed file, or as parts."""

    own: list[str]
    context: list[str]
    parts: list[str]


def partitions(
    lake: Lake,
    cluster: str | None = None,
    *,
    without: Collection[str] = (),
    wanted: Wanted | None = None,
) -> Partitions:
    """Return what stands for each partition of one cluster or all; paths in ``without`` are passed over.

    Where only some days are ``wanted`` these are there and the days before them, from which
    they are counted; of all other files not even the end is read.
    """

    def taken(file: PartFile) -> bool:
        if file.path in without:
            return False
        return wanted is None or any(
            wanted(file.cluster, day) for day in (file.date, file.date + DAY)
        )

    days = [file for file in lake.days(cluster) if taken(file)]
    parts = [file for file in lake.parts(cluster) if taken(file)]
    return standing(lake, days, parts)


def partition(lake: Lake, cluster: str, day: date) -> Partition:
    """Return what stands for one partition, which may be empty."""
    of_day = standing(lake, lake.generations(cluster, day), lake.partition(cluster, day))
    found = of_day.found.get((cluster, day)) or Partition(cluster, day)
    found.warnings += of_day.warnings
    return found


def sources(known: Partitions) -> Sources:
    """Return the files that a session reads: days that are closed as they are, open ones to be counted."""
    closed = {key for key, one in known.found.items() if known.closed(one)}
    outdated = {key for key in closed if known.found[key].outdated}
    exact = closed - outdated
    before_others = {(name, day - DAY) for name, day in known.found.keys() - exact}
    return Sources(
        days=_paths(known.found[key] for key in sorted(exact)),
        outdated=_paths(known.found[key] for key in sorted(outdated)),
        context=_paths(known.found[key] for key in sorted(closed & before_others)),
        parts=_paths(known.found[key] for key in sorted(known.found.keys() - closed)),
    )


def basis(known: Partitions, wanted: Partition) -> Basis:
    """Return the files that one day is counted anew from: its own and those of the day before."""
    before = known.before(wanted)
    own = _paths([wanted])
    if before is None:
        return Basis(own, [], [])
    if before.loose:
        return Basis(own, [], _paths([before]))
    return Basis(own, _paths([before]), [])


def _paths(some: Iterable[Partition]) -> list[str]:
    return [file.path for one in some for file in one.files]


def standing(
    lake: Lake,
    days: Sequence[PartFile],
    parts: Sequence[PartFile],
    *,
    columns: pa.Schema = schema.FULL_SCHEMA,
) -> Partitions:
    """Return what stands for each partition of sealed files ``days`` and loose files ``parts`` of ``columns``."""
    known = Partitions({}, [])
    found: dict[tuple[str, date], Partition] = {}
    for file in _expected(lake, days):
        one = found.setdefault((file.cluster, file.date), Partition(file.cluster, file.date))
        one.taken = max(one.taken, int(file.name))
        if made := _made(lake, file, known):
            one.generations.append(Sealed(file, made))
    named = {key: frozenset(one.names) for key, one in found.items()}
    loose = []
    for file in parts:
        key = (file.cluster, file.date)
        if file.name in named.get(key, ()):
            found[key].contained.append(file)
        else:
            loose.append(file)
    for file in _expected(lake, loose):
        if _readable(lake, file, known, columns):
            key = (file.cluster, file.date)
            found.setdefault(key, Partition(*key)).loose.append(file)
    return Partitions(
        {k: one for k, one in found.items() if one.generations or one.loose},
        known.warnings,
        known.unreadable,
    )


def _expected(lake: Lake, files: Sequence[PartFile]) -> Iterator[PartFile]:
    """Yield files whose ends are read next; of a slow storage they are fetched together."""
    for first in range(0, len(files), _EXPECTED_AT_ONCE):
        some = files[first : first + _EXPECTED_AT_ONCE]
        lake.files.expect([file.path for file in some])
        yield from some


def _made(lake: Lake, file: PartFile, known: Partitions) -> Made | None:
    """Read what a sealed file tells of itself; one that tells nothing is left out and named."""
    metadata = _footer(lake, file, known)
    if metadata is None:
        return None
    try:
        return msgspec.json.decode((metadata.metadata or {}).get(METADATA_KEY, b""), type=Made)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        _leave_out(known, file, "is not a file of this lake", "it names no parts")
        return None


def _readable(lake: Lake, file: PartFile, known: Partitions, columns: pa.Schema) -> bool:
    metadata = _footer(lake, file, known)
    if metadata is None:
        return False
    if reason := foreign(metadata.schema.to_arrow_schema(), columns):
        _leave_out(known, file, "is not a file of this lake", reason)
        return False
    return True


def foreign(found: pa.Schema, columns: pa.Schema) -> str:
    """Return what keeps a file with the schema ``found`` from being one of ours; further columns may be there."""
    for column in columns:
        if column.name in _IN_PATHS:
            continue
        position = found.get_field_index(column.name)
        if position >= 0 and found.field(position).type != column.type:
            return f"its {column.name} is {found.field(position).type}, not {column.type}"
        if position < 0 and not column.nullable:
            return f"it has no {column.name}"
    return ""


def left_out(path: str, trouble: str, reason: str) -> str:
    """Return the words that name a file that answers have to do without."""
    return f"{path} {trouble} and is left out: {reason}"


def _footer(lake: Lake, file: PartFile, known: Partitions) -> pq.FileMetaData | None:
    try:
        with lake.files.footer(file.path) as footer:
            return pq.read_metadata(footer)
    except FileNotFoundError:
        if file.path in lake.files.list(file.path.rpartition("/")[0]):
            _leave_out(known, file, "cannot be read", "it is a link that leads nowhere")
        # Else deleted since it was listed: the generation that replaced it an hour ago was listed, too.
        return None
    except (pa.ArrowException, OSError) as error:
        # One damaged file must not stop every answer: it is left out, by name.
        _leave_out(known, file, "cannot be read", quoted(str(error), 120))
        return None


def _leave_out(known: Partitions, file: PartFile, trouble: str, reason: str) -> None:
    known.unreadable.append(file)
    known.warnings.append(left_out(file.path, trouble, reason))
