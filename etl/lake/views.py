"""What a session shows: the views and macros by the names of their files, what they need, and what empty ones look like."""

from __future__ import annotations

import re
from functools import cache

import pyarrow as pa

from etl import manifest, schema
from etl.lake.told import NAMES as TOLD
from etl.statements import statement

# Where the data is: what sessions may read.
TREES = ("days", "parts", "snapshots")
# The views that read files: what they show if there are none, and how they are told which.
FILE_VIEWS = {
    "days": (schema.FULL_DAY_SCHEMA, "set variable day_files = $files"),
    "outdated": (schema.FULL_DAY_SCHEMA, "set variable outdated_files = $files"),
    "context": (schema.FULL_DAY_SCHEMA, "set variable context_files = $files"),
    "parts": (schema.FULL_SCHEMA, "set variable part_files = $files"),
    "ledger": (manifest.FULL_SNAPSHOT_SCHEMA, "set variable ledger_files = $files"),
}
COUNTED_SCHEMA = pa.schema(
    [
        schema.FULL_DAY_SCHEMA.field(name)
        for name in ("cluster", "date", "uid", "n", "last_seen", "occurrences", "since", "reset")
    ]
)
# Views in an order in which each finds what it needs.
COUNTING = ("lake/merged", "lake/near", "lake/occurrences")
ROLLING_UP = ("lake/counted", "lake/claims", "lake/owners", "lake/rolled_up")
VIEWS = (
    "views/observations",
    "views/events",
    "views/latest",
    "views/snapshots",
    "views/coverage_by_namespace",
    "views/coverage",
)
# What reports over time call; an order in which each finds what it needs.
MACROS = ("macros/slot_of", "macros/from_local", "macros/buckets")
# The names that people ask: the public interface for SQL.
PUBLIC = tuple(sorted([*(name.rpartition("/")[2] for name in VIEWS), *TOLD, "reasons"]))
# In an order in which each finds what it needs among those before it.
_CHAINED = (*COUNTING, *ROLLING_UP, "lake/damage", *VIEWS, *MACROS)
_PLACES = {file.rpartition("/")[2]: place for place, file in enumerate(_CHAINED)}
# Whole lines only: in the middle of one it may be text.
_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)
_WORD = re.compile(r"\w+")


def needed(text: str) -> frozenset[str]:
    """Return the names of all views and macros that a statement needs, those behind others too.

    A word that only looks like one of them counts as well: that costs a view that nobody asks.
    """
    return frozenset().union(*(_behind(word) for word in _words(text)))


@cache
def _behind(name: str) -> frozenset[str]:
    """Return ``name`` and what it needs, if it is a view or macro that is built upon others."""
    if (place := _PLACES.get(name)) is None:
        return frozenset({name} & set(TOLD))
    below = {
        word for word in _words(statement(_CHAINED[place]).text) if _PLACES.get(word, place) < place
    }
    return frozenset({name}).union(*(_behind(word) for word in below))


def _words(text: str) -> set[str]:
    return set(_WORD.findall(_COMMENT.sub("", text).lower()))
