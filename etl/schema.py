"""The observation: every column, its Arrow type and its meaning; the one schema of the lake.

An observation is a state of an event object as a snapshot or an import saw it.
Its key is (cluster, uid, n, last_seen); ``date``, the UTC day of ``last_seen``, is
the partition, so copies of a key always meet in one partition. The schema is
written explicitly and never inferred; additions are nullable and come last.
Sources of the rules: design of normalisation in docs/lake.md, "Normalisation".
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

TIME = pa.timestamp("us", tz="UTC")
_TEXT = pa.string()
_MAP = pa.map_(pa.string(), pa.string())


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, Arrow type, whether it may be null, and a sentence."""

    name: str
    type: pa.DataType
    nullable: bool
    meaning: str


def _column(name: str, kind: pa.DataType, meaning: str, *, nullable: bool = True) -> Column:
    return Column(name, kind, nullable, meaning)


OBSERVATION: tuple[Column, ...] = (
    _column(
        "uid",
        _TEXT,
        "The event object's uid; x- and a hash of its lineage where a dump holds none.",
        nullable=False,
    ),
    _column(
        "resource_version",
        pa.int64(),
        "The stored version as a number; null where missing or not a number.",
    ),
    _column("name", _TEXT, "metadata.name of the event object; constant over re-creations."),
    _column(
        "namespace", _TEXT, "metadata.namespace: who owns the event; the right column for tenancy."
    ),
    _column(
        "type",
        _TEXT,
        "Normal or Warning, in practice; any string is possible. It is not a severity.",
    ),
    _column("reason", _TEXT, "The short machine-readable reason, such as BackOff."),
    _column("message", _TEXT, "The text (message, or note of events.k8s.io), whole and untrusted."),
    _column("action", _TEXT, "What the reporter did or failed to do; only newer writers set it."),
    _column("component", _TEXT, "Who reported: source.component, else reportingComponent."),
    _column(
        "host",
        _TEXT,
        "Where the reporter runs: source.host, else reportingInstance; for a kubelet, the node.",
    ),
    _column(
        "reporting_component",
        _TEXT,
        "reportingComponent (reportingController of events.k8s.io) as the API said.",
    ),
    _column("reporting_instance", _TEXT, "reportingInstance as the API said."),
    _column("object_kind", _TEXT, "Kind of the object the event is about, as its writer claims."),
    _column(
        "object_namespace",
        _TEXT,
        "Namespace of that object, as its writer claims; empty for cluster-scoped ones.",
    ),
    _column("object_name", _TEXT, "Name of that object."),
    _column(
        "object_uid",
        _TEXT,
        "uid of that object; kubelets leave it empty or put the node's name for nodes.",
    ),
    _column("object_api_version", _TEXT, "apiVersion of that object."),
    _column("object_field_path", _TEXT, "Part of that object, such as spec.containers{app}."),
    _column("related_kind", _TEXT, "Kind of a second object, where the writer names one."),
    _column("related_namespace", _TEXT, "Namespace of that second object."),
    _column("related_name", _TEXT, "Name of that second object."),
    _column(
        "n",
        pa.int64(),
        "The normalised count of the state: series.count, else count, else 1; at least 1.",
        nullable=False,
    ),
    _column("raw_count", pa.int64(), "count (deprecatedCount) as the API said."),
    _column("series_count", pa.int64(), "series.count as the API said."),
    _column("first_seen", TIME, "firstTimestamp, else eventTime, else creationTimestamp."),
    _column(
        "last_seen",
        TIME,
        "series.lastObservedTime, lastTimestamp, eventTime, firstTimestamp, creationTimestamp: the first that is there.",
        nullable=False,
    ),
    _column("created_at", TIME, "metadata.creationTimestamp, the API server's clock."),
    _column("event_time", TIME, "eventTime as the API said."),
    _column(
        "written_at",
        TIME,
        "Newest managedFields[].time, the server's clock at the last write; null where a client stripped it.",
    ),
    _column("first_timestamp", TIME, "firstTimestamp (deprecatedFirstTimestamp) as the API said."),
    _column("last_timestamp", TIME, "lastTimestamp (deprecatedLastTimestamp) as the API said."),
    _column("series_last_seen", TIME, "series.lastObservedTime as the API said."),
    _column("labels", _MAP, "metadata.labels; null where there are none."),
    _column("annotations", _MAP, "metadata.annotations; null where there are none."),
    _column(
        "observed_at",
        TIME,
        "When the state was first seen: the snapshot's start, or the time of collection of an import.",
        nullable=False,
    ),
    _column(
        "snapshot_id", _TEXT, "The ledger row of the run that wrote this copy.", nullable=False
    ),
    _column(
        "flags",
        pa.list_(pa.string()),
        "What was odd about the state: see FLAGS; null where nothing was.",
    ),
)

# The two partition columns, which live in the path and not in the files.
PARTITIONS: tuple[Column, ...] = (
    _column(
        "cluster",
        _TEXT,
        "The cluster's name as configured; percent-encoded in paths.",
        nullable=False,
    ),
    _column("date", pa.date32(), "The UTC day of last_seen.", nullable=False),
)

# What a sealed day knows beside the states themselves.
DERIVED: tuple[Column, ...] = (
    _column(
        "occurrences",
        pa.int64(),
        "How many occurrences the observation adds to the count of its lineage.",
        nullable=False,
    ),
    _column("since", TIME, "From when on they happened; null where nobody says."),
    _column(
        "reset", pa.bool_(), "Whether the count of the lineage starts anew here.", nullable=False
    ),
)

FLAGS: dict[str, str] = {
    "count_invalid": "count was zero or negative and became 1",
    "implausible": "n is above 1,000 per second of its life; it counts as one occurrence",
    "malformed": "a field was not what the API allows and was read leniently or left null",
    "no_time": "no time at all; last_seen is the time of collection",
    "no_uid": "no uid; one was made from the lineage",
    "time_clamped": "last_seen was out of bounds and was replaced by created_at",
}

_PARQUET = [pa.field(c.name, c.type, nullable=c.nullable) for c in OBSERVATION]
SCHEMA = pa.schema(_PARQUET)
# What the views see: the file's columns and the partition's.
FULL_SCHEMA = pa.schema(
    [*(pa.field(c.name, c.type, nullable=c.nullable) for c in PARTITIONS), *_PARQUET]
)
DAY_SCHEMA = pa.schema(
    [*_PARQUET, *(pa.field(c.name, c.type, nullable=c.nullable) for c in DERIVED)]
)
FULL_DAY_SCHEMA = pa.schema(
    [*(pa.field(c.name, c.type, nullable=c.nullable) for c in PARTITIONS), *DAY_SCHEMA]
)
KEY = ("cluster", "uid", "n", "last_seen")
# What tells a state of one cluster from every other, and whether a copy is a newer one.
STATE_SCHEMA = pa.schema(
    [SCHEMA.field(name) for name in ("uid", "n", "last_seen", "resource_version", "written_at")]
)

SNAPSHOT: tuple[Column, ...] = (
    _column(
        "snapshot_id",
        _TEXT,
        "Start of the run and a random part: unique, sorts by time.",
        nullable=False,
    ),
    _column(
        "kind",
        _TEXT,
        "list: a LIST of a cluster; import: a dump; sample: the embedded sample.",
        nullable=False,
    ),
    _column(
        "scope", pa.list_(pa.string()), "The namespaces that were listed; null means all of them."
    ),
    _column(
        "status",
        _TEXT,
        "complete; inconsistent (paged past a compaction, still usable); failed.",
        nullable=False,
    ),
    _column("started_at", TIME, "When the run started, our clock.", nullable=False),
    _column(
        "sent_at",
        TIME,
        "When the first page was asked for: the point up to which the list is complete.",
    ),
    _column(
        "received_at",
        TIME,
        "When the list was received: its first page, or the last one if it was inconsistent.",
    ),
    _column("finished_at", TIME, "When the run's rows were in the lake, our clock."),
    _column(
        "collected_at",
        TIME,
        "When the cluster was asked: sent_at, or what --collected-at says; null where not known.",
    ),
    _column("server_date", TIME, "The Date header of the first page, the server's clock."),
    _column("list_resource_version", pa.int64(), "resourceVersion of the list's first page."),
    _column("pages", pa.int64(), "Pages received."),
    _column("items", pa.int64(), "Event objects received."),
    _column(
        "remaining_items",
        pa.int64(),
        "remainingItemCount of the first page: a soft check of completeness.",
    ),
    _column("rows_added", pa.int64(), "Observations that were new and written."),
    _column("unreadable", pa.int64(), "Items that could not be read at all."),
    _column(
        "unreadable_names",
        pa.list_(pa.string()),
        "The first 20 of them: namespace/name, or file and position.",
    ),
    _column("retries", pa.int64(), "Requests that were repeated."),
    _column("bytes_received", pa.int64(), "Bytes of the answers' bodies as they travelled."),
    _column(
        "ttl_seconds",
        pa.float64(),
        "How long the cluster keeps an event, as configured: the basis of coverage.",
    ),
    _column(
        "oldest_written_at",
        TIME,
        "Oldest last write among the listed events: how long events really live.",
    ),
    _column("error", _TEXT, "Why the run failed; null where it did not."),
    _column("version", _TEXT, "The version of eventlake that ran.", nullable=False),
)
SNAPSHOT_SCHEMA = pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in SNAPSHOT])
FULL_SNAPSHOT_SCHEMA = pa.schema(
    [*(pa.field(c.name, c.type, nullable=c.nullable) for c in PARTITIONS), *SNAPSHOT_SCHEMA]
)
