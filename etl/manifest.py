"""The ledger's row: every column of what a run tells about itself, its Arrow type and its meaning.

A row is what proves, so it holds all that the proof is made of: when the cluster was
asked and answered, what was listed, and how the list compared with the one before.
Additions are nullable and come last, so that rows of older versions are still read.
"""

from __future__ import annotations

import pyarrow as pa

from etl.schema import PARTITIONS, TIME, Column, column

_COUNTS = pa.map_(pa.string(), pa.int64())

# The two partition columns, which live in the path and not in the files.
LEDGER_PARTITIONS: tuple[Column, ...] = (
    PARTITIONS[0],
    column("date", pa.date32(), "The UTC day on which the run started.", nullable=False),
)

SNAPSHOT: tuple[Column, ...] = (
    column(
        "snapshot_id",
        pa.string(),
        "Start of the run and a random part: unique, sorts by time.",
        nullable=False,
    ),
    column(
        "kind",
        pa.string(),
        "list: a LIST of a cluster; watch: what changed since the snapshot previous_id; import: a dump; sample: the embedded sample; retention: a deletion of days; redact: a masking of what was stored.",
        nullable=False,
    ),
    column(
        "scope",
        pa.list_(pa.string()),
        "The namespaces that were listed; null means all of them (of a dump without sent_at: not known).",
    ),
    column(
        "status",
        pa.string(),
        "complete; inconsistent (paged past a compaction, still usable); failed.",
        nullable=False,
    ),
    column("started_at", TIME, "When the run started, our clock.", nullable=False),
    column(
        "sent_at",
        TIME,
        "When the first page was asked for: the point up to which the list is complete.",
    ),
    column(
        "received_at",
        TIME,
        "When the list was received: its first page, or the last one if it was inconsistent.",
    ),
    column("finished_at", TIME, "When the run's rows were in the lake, our clock."),
    column(
        "collected_at",
        TIME,
        "When the cluster was asked: sent_at, or what --collected-at says; null where not known.",
    ),
    column("server_date", TIME, "The Date header of the first page, the server's clock."),
    column("list_resource_version", pa.int64(), "resourceVersion of the list's first page."),
    column("pages", pa.int64(), "Pages received."),
    column("items", pa.int64(), "Event objects received."),
    column(
        "remaining_items",
        pa.int64(),
        "remainingItemCount of the first page; null where several namespaces were listed.",
    ),
    column("rows_added", pa.int64(), "Observations that were new and written."),
    column("unreadable", pa.int64(), "Items that could not be read at all."),
    column(
        "unreadable_names",
        pa.list_(pa.string()),
        "The first 20 of them: namespace/name, or file and position.",
    ),
    column("retries", pa.int64(), "Requests that were repeated."),
    column("bytes_received", pa.int64(), "Bytes of the answers' bodies as they travelled."),
    column(
        "ttl_seconds",
        pa.float64(),
        "How long the cluster keeps an event, as configured: the basis of coverage.",
    ),
    column(
        "oldest_written_at",
        TIME,
        "Oldest last write among the listed events: how long events really live.",
    ),
    column("error", pa.string(), "Why the run failed; null where it did not."),
    column("version", pa.string(), "The version of eventlake that ran.", nullable=False),
    column(
        "first_received_at",
        TIME,
        "When the first page of the first LIST was received.",
    ),
    column("last_received_at", TIME, "When the last page was received: the end of the list."),
    column(
        "interval_seconds",
        pa.float64(),
        "How often the job runs, as configured (source.interval).",
    ),
    column(
        "parts",
        pa.list_(pa.string()),
        "Every part that the run wrote, as date/name: if one is lost, so is what it held; null where not known.",
    ),
    column(
        "compared",
        pa.string(),
        "With what the run compared to know what is new: cache (the newest list) or lake (the partitions).",
    ),
    column(
        "previous_id",
        pa.string(),
        "The list that this one was compared with: the newest one before it; null where not known.",
    ),
    column(
        "epoch",
        pa.int64(),
        "How often resourceVersions of this cluster went back: from a backup, or another cluster.",
    ),
    column(
        "expected_items",
        pa.int64(),
        "Items of the first page and its remainingItemCount, over all LISTs; null where not told.",
    ),
    column("vanished", pa.int64(), "Event objects of the previous list that are not in this one."),
    column(
        "vanished_early",
        pa.int64(),
        "Those of them that were written less than the TTL ago: deleted, or the TTL is shorter.",
    ),
    column(
        "early_namespaces",
        pa.map_(pa.string(), pa.int64()),
        "How many of these went early in each namespace: those of at most 50 namespaces, the most first.",
    ),
    column(
        "vanished_age_seconds",
        pa.float64(),
        "Median time since the last write of what vanished: an upper bound of how long an event lives.",
    ),
    column(
        "late_births",
        pa.int64(),
        "Event objects that are older than the previous list and were not in it: it was not complete.",
    ),
    column(
        "checks",
        pa.list_(pa.string()),
        "The checks that did not hold, by name; null where none was made: see docs/coverage.md.",
    ),
    column("deleted_from", TIME, "retention: start of the first day that was ever deleted."),
    column("deleted_before", TIME, "retention: start of the first day that is kept."),
    column("deleted_files", pa.int64(), "retention: files that were deleted."),
    column("deleted_rows", pa.int64(), "retention: states in them."),
    column("deleted_bytes", pa.int64(), "retention: their bytes."),
    column(
        "watched_since",
        TIME,
        "watch: sent_at of the snapshot that it goes on from: it proves the time from then on, and none before.",
    ),
    column(
        "watch_refused",
        pa.string(),
        "Why a run that was to watch made a LIST; null where it watched, or was to list.",
    ),
    column(
        "redacted",
        _COUNTS,
        "How many new states each rule of ingest.redact changed, by its name; redact: those in the lake, by the name it was given.",
    ),
    column(
        "dropped_namespaces",
        _COUNTS,
        "The namespaces of ingest.drop, each with how many new states were not stored; null where none is named.",
    ),
    column(
        "dropped_reasons",
        _COUNTS,
        "The reasons of ingest.drop, each with how many new states were not stored; null where none is named.",
    ),
    column(
        "owners_unread",
        pa.list_(pa.string()),
        "Of what metadata could not be listed, and why; null where all that was asked for was.",
    ),
    column("rewritten_files", pa.int64(), "redact: files whose text was masked."),
)
SNAPSHOT_SCHEMA = pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in SNAPSHOT])
FULL_SNAPSHOT_SCHEMA = pa.schema(
    [*(pa.field(c.name, c.type, nullable=c.nullable) for c in LEDGER_PARTITIONS), *SNAPSHOT_SCHEMA]
)

# What the ledger promises and the files do not hold: runs whose parts, or whose own row, cannot be read.
DAMAGE_SCHEMA = pa.schema(
    [
        pa.field("cluster", pa.string(), nullable=False),
        pa.field("snapshot_id", pa.string(), nullable=False),
        pa.field("started_at", TIME),
    ]
)
