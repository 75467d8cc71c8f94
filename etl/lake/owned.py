"""What stands around a state to columns of it: labels of its object and namespace, and who owns the object.

Joined by the object's uid when a state is stored, and never again: it is what was known then.
Of an object that was gone when the metadata was listed nothing is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from etl import schema

# Pod, ReplicaSet, Deployment is a chain of three; a wheel of owners would have no end.
_LONGEST_CHAIN = 5
Labels = tuple[tuple[str, str], ...]
Owner = tuple[str, str, str]
"""Kind, name and uid."""


@dataclass(slots=True)
class Surroundings:
    """What lists of metadata held; equal texts are one."""

    labels: dict[str, Labels] = field(default_factory=dict)
    """Of objects that have any, by uid."""
    owners: dict[str, Owner] = field(default_factory=dict)
    """The controllers of objects, by uid."""
    namespaces: dict[str, Labels] = field(default_factory=dict)
    """Of namespaces that have any, by name."""
    unread: list[str] = field(default_factory=list)
    """What could not be listed, and why."""


class Owned:
    """Adds the columns to rows; ``unread`` says of what nothing is known."""

    def __init__(self, known: Surroundings) -> None:
        """Follow each chain of owners to its end."""
        self.unread = tuple(known.unread)
        self._labels = _Lookup(known.labels, schema.SCHEMA.field("object_labels").type)
        self._namespaces = _Lookup(known.namespaces, schema.SCHEMA.field("namespace_labels").type)
        ends = {uid: _end(owner, known.owners) for uid, owner in known.owners.items()}
        self._kinds = _Lookup({uid: kind for uid, (kind, _n, _u) in ends.items()}, pa.string())
        self._names = _Lookup({uid: name for uid, (_k, name, _u) in ends.items()}, pa.string())

    def joined(self, rows: pa.Table) -> pa.Table:
        """Return rows of ``schema.SCHEMA`` with what is known of their objects and namespaces."""
        uids, namespaces = rows["object_uid"], rows["namespace"]
        for name, found in (
            ("object_labels", self._labels.of(uids)),
            ("namespace_labels", self._namespaces.of(namespaces)),
            ("owner_kind", self._kinds.of(uids)),
            ("owner_name", self._names.of(uids)),
        ):
            at = rows.schema.get_field_index(name)
            rows = rows.set_column(at, rows.schema.field(at), found)
        return rows


class _Lookup:
    """Values by key, as columns; equal values stand there once."""

    def __init__(self, values: Mapping[str, object], kind: pa.DataType) -> None:
        distinct: dict[object, int] = {}
        places = [distinct.setdefault(value, len(distinct)) for value in values.values()]
        self._keys = pa.array(list(values), pa.string())
        self._places = pa.array(places, pa.int32())
        self._distinct = pa.array(_plain(list(distinct)), kind)

    def of(self, keys: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return the value of each key, null where there is none."""
        found = pc.index_in(keys, value_set=self._keys, skip_nulls=True)
        return (
            self._distinct.take(self._places.take(found.combine_chunks()))
            if len(keys)
            else (pa.chunked_array([], self._distinct.type))
        )


def _plain(values: Sequence[object]) -> list[object]:
    return [list(value) if isinstance(value, tuple) else value for value in values]


def _end(owner: Owner, owners: Mapping[str, Owner]) -> Owner:
    """Return what owns the owner, and so on, as far as it is known."""
    for _step in range(_LONGEST_CHAIN):
        above = owners.get(owner[2])
        if above is None:
            break
        owner = above
    return owner
