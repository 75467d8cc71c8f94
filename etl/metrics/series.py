"""Occurrences of events to a bounded number of series, however many reasons a stranger writes.

Whoever may create events chooses their reasons and kinds, and a cluster may have thousands of
namespaces, so a series of its own is not for everybody: a namespace gets a tenth of all, so
that one tenant cannot take them from the others, and what finds no place is counted as
``(other)``, first of its namespace, then of the cluster. A series that did not grow for a week
loses its place; if it comes back it begins at 0, which ``increase`` takes for what it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from etl.errors import quoted

OTHER = "(other)"
# What keeps its place without growing: longer than a weekend.
_IDLE = timedelta(days=7)
_TYPES = frozenset({"Normal", "Warning"})
# Reasons are at most 128 characters by the API's own rules; what is longer says nothing more.
_LONGEST = 128
# The part of all series that one namespace may have.
_SHARE = 10


class Series(msgspec.Struct, frozen=True):
    """One series: namespace, reason, kind and type, its count, and when that last grew."""

    labels: tuple[str, str, str, str]
    count: int
    grown_at: datetime


Key = tuple[str, str, str, str]


def grown(
    known: Iterable[Series], added: Mapping[Key, int], *, most: int, now: datetime
) -> list[Series]:
    """Return the series of one cluster after ``added`` occurred; about ``most`` of them, sorted."""
    series = {one.labels: one for one in known if now - one.grown_at < _IDLE or OTHER in one.labels}
    counts: Counter[Key] = Counter()
    for key, occurrences in added.items():
        counts[_shown(key)] += occurrences
    taken = Counter(labels[0] for labels in series)
    # The greatest first: they are the ones that somebody wants to see.
    for key, occurrences in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
        place = next(
            place
            for place in _places(key)
            if place in series or _is_free(place, taken, len(series), most)
        )
        before = series.get(place)
        if before is None:
            taken[place[0]] += 1
        series[place] = Series(place, (before.count if before else 0) + occurrences, now)
    return sorted(series.values(), key=lambda one: one.labels)


def _shown(key: Key) -> Key:
    """Return the labels as they are exposed: a line each, of a bounded length, a type that is one."""
    namespace, reason, kind, type_ = (quoted(text, _LONGEST) for text in key)
    return namespace, reason, kind, type_ if type_ in _TYPES else OTHER


def _places(key: Key) -> Iterator[Key]:
    """Yield where an event may be counted: by itself, with others of its namespace, with all others."""
    namespace, _reason, _kind, type_ = key
    yield key
    yield (namespace, OTHER, OTHER, type_)
    yield (OTHER, OTHER, OTHER, type_)


def _is_free(place: Key, taken: Counter[str], total: int, most: int) -> bool:
    """Whether a series may begin there; the last place is one for each type, and always free."""
    if place[:3] == (OTHER, OTHER, OTHER):
        return True
    if total >= most:
        return False
    return place[1] == OTHER or taken[place[0]] < max(1, most // _SHARE)
