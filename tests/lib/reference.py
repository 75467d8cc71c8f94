"""What a lake should count, in plain Python: merging and occurrences as docs/lake.md words them.

Written from the text of the rules and not from the SQL, so that the two can disagree.
Agreement is not correctness: what the rules should give is drawn in tests/sql/test_views.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

DAY = timedelta(days=1)
Key = tuple[str, str, int, datetime]
Added = tuple[int, datetime | None, bool]


@dataclass(frozen=True, slots=True)
class Seen:
    """An observation, as far as occurrences depend on it."""

    cluster: str
    namespace: str | None
    name: str | None
    first_seen: datetime | None
    uid: str
    n: int
    last_seen: datetime
    version: int | None = None
    implausible: bool = False

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Seen:
        """Take a row of the view ``observations``."""
        return cls(
            cluster=row["cluster"],
            namespace=row["namespace"],
            name=row["name"],
            first_seen=row["first_seen"],
            uid=row["uid"],
            n=row["n"],
            last_seen=row["last_seen"],
            version=row["resource_version"],
            implausible="implausible" in (row["flags"] or ()),
        )

    @property
    def key(self) -> Key:
        """What tells one observation from another."""
        return (self.cluster, self.uid, self.n, self.last_seen)


def occurrences(observations: Iterable[Seen]) -> dict[Key, Added]:
    """Return occurrences, since and reset of each observation by its key; no two have the same."""
    lineages: dict[tuple[Any, ...], list[Seen]] = defaultdict(list)
    for one in observations:
        second = one.first_seen and one.first_seen.replace(microsecond=0)
        name = ("unnamed", one.uid) if one.name is None else ("named", one.name)
        lineages[one.cluster, one.namespace, name, second].append(one)
    added: dict[Key, Added] = {}
    for lineage in lineages.values():
        days = defaultdict(list)
        for one in sorted(lineage, key=lambda one: (one.last_seen, one.n, one.uid)):
            days[one.last_seen.date()].append(one)
        for day, here in days.items():
            added.update(_of_a_day(days.get(day - DAY, []), here))
    return added


def _of_a_day(before: list[Seen], here: list[Seen]) -> dict[Key, Added]:
    """Walk along two days of a lineage, in order, and return what the second of them adds."""
    added = {}
    greatest, last = 0, None
    for one in [*before, *here]:
        reset = last is not None and _is_reset(last, one)
        growth = one.n if reset else max(0, one.n - greatest)
        since = last.last_seen if last else one.first_seen
        sure = since is not None and one.last_seen - since <= DAY and not one.implausible
        added[one.key] = (growth if sure else min(growth, 1), since, reset)
        greatest = one.n if reset else max(greatest, one.n)
        last = one
    return {one.key: added[one.key] for one in here}


def _is_reset(before: Seen, after: Seen) -> bool:
    return (
        after.uid == before.uid
        and after.n < before.n
        and after.last_seen > before.last_seen
        and before.version is not None
        and after.version is not None
        and after.version > before.version
    )


def merged(copies: Iterable[Seen]) -> list[Seen]:
    """Return one observation a key: of each field the value of the greatest version that has one, then the greater value."""
    by_key: dict[Key, list[Seen]] = defaultdict(list)
    for one in copies:
        by_key[one.key].append(one)
    return [_merged(several) if len(several) > 1 else several[0] for several in by_key.values()]


def _merged(copies: list[Seen]) -> Seen:
    def best(name: str) -> Any:
        values = [
            (-1 if one.version is None else one.version, value)
            for one in copies
            if (value := getattr(one, name)) is not None
        ]
        return max(values)[1] if values else None

    return replace(
        copies[0],
        **{name: best(name) for name in ("namespace", "name", "first_seen", "version")},
        # No flags are null, so flags win wherever a copy has some.
        implausible=any(one.implausible for one in copies),
    )
