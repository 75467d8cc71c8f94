"""The lake's list of files and a position to what waits for a target: days with parts that are not done.

Where nothing is new the list of files says so, and no file is opened. What cannot be read is
left out, by name, and waits until it can be read or somebody took it away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

from etl.forward import position
from etl.forward.position import Day, Position
from etl.lake.layout import Lake, PartFile
from etl.lake.partitions import Partition, standing


@dataclass(slots=True)
class Listed:
    """The files of one cluster's day: parts, and generations with the newest last."""

    cluster: str
    date: date
    parts: list[PartFile] = field(default_factory=list)
    generations: list[PartFile] = field(default_factory=list)
    size: int = 0
    """Bytes of the newest generation."""

    def is_done(self, day: Day) -> bool:
        """Whether all of it is done, as far as names and sizes tell."""
        if any(file.name not in day.parts for file in self.parts):
            return False
        if not self.generations:
            return True
        newest = self.generations[-1].name
        return day.sealed is not None and (day.sealed.name, day.sealed.size) == (newest, self.size)


@dataclass(slots=True)
class Waiting:
    """One day of a cluster with parts that wait: as it stands, and their names."""

    listed: Listed
    one: Partition
    parts: frozenset[str]
    warnings: list[str] = field(default_factory=list)

    @property
    def order(self) -> tuple[date, str, str]:
        """The oldest day first, and of one day the cluster whose oldest part waits longest."""
        return self.listed.date, min(self.parts), self.listed.cluster

    def settled(self, done: Iterable[str]) -> Day:
        """Return how a position tells that these parts are done."""
        there = (file.name for file in self.listed.parts)
        return position.settled(self.one, frozenset(done), size=self.listed.size, there=there)


def listed(lake: Lake, clusters: Collection[str] | None = None) -> dict[str, list[Listed]]:
    """Return the days of some clusters or all with their files, in order. Raises ``LakeError``."""
    cluster = next(iter(clusters)) if clusters is not None and len(clusters) == 1 else None
    lake = lake.at_one_moment()
    # Parts first: what is sealed and deleted in between is then in a generation that is listed.
    found: dict[tuple[str, date], Listed] = {}
    for file in lake.parts(cluster):
        key = (file.cluster, file.date)
        found.setdefault(key, Listed(*key)).parts.append(file)
    sizes = lake.sizes_of_days(cluster)
    for file in sorted(sizes, key=lambda file: file.name):
        key = (file.cluster, file.date)
        one = found.setdefault(key, Listed(*key))
        one.generations.append(file)
        one.size = sizes[file]
    by_cluster: dict[str, list[Listed]] = {}
    for (name, _day), one in sorted(found.items(), key=lambda item: item[0]):
        if clusters is None or name in clusters:
            by_cluster.setdefault(name, []).append(one)
    return by_cluster


def waiting(lake: Lake, days: Iterable[Listed], of: Position) -> Iterator[Waiting]:
    """Yield the days that are not done, with the parts that wait, which may be none: then only the telling changes."""
    for one in days:
        day = of.day(one.date.isoformat())
        if not one.is_done(day):
            yield _looked_into(lake, one, day)


def _looked_into(lake: Lake, one: Listed, day: Day) -> Waiting:
    """Tell what waits; of parts that are known to be done no file is opened."""
    known = standing(
        lake, one.generations, [file for file in one.parts if file.name not in day.parts]
    )
    found = known.found.get((one.cluster, one.date)) or Partition(one.cluster, one.date)
    contained = frozenset(found.sealed.made.parts) if found.sealed else frozenset()
    found.loose += [
        file for file in one.parts if file.name in day.parts and file.name not in contained
    ]
    return Waiting(one, found, position.waiting_of(found, day), known.warnings)
