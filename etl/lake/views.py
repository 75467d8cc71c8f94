"""What a session shows: the views and macros by the names of their files, and what empty ones look like."""

from __future__ import annotations

import pyarrow as pa

from etl import manifest, schema

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
PUBLIC = tuple(sorted([*(name.rpartition("/")[2] for name in VIEWS), "reasons"]))
