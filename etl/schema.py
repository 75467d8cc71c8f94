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


def column(name: str, kind: pa.DataType, meaning: str, *, nullable: bool = True) -> Column:
    """Return a column that may be null unless said otherwise."""
    return Column(name, kind, nullable, meaning)


OBSERVATION: tuple[Column, ...] = (
    column(
        "uid",
        _TEXT,
        "The event object's uid; x- and a hash of its lineage where a dump holds none.",
        nullable=False,
    ),
    column(
        "resource_version",
        pa.int64(),
        "The stored version as a number; null where missing or not a number.",
    ),
    column("name", _TEXT, "metadata.name of the event object; constant over re-creations."),
    column(
        "namespace", _TEXT, "metadata.namespace: who owns the event; the right column for tenancy."
    ),
    column(
        "type",
        _TEXT,
        "Normal or Warning, in practice; any string is possible. It is not a severity.",
    ),
    column("reason", _TEXT, "The short machine-readable reason, such as BackOff."),
    column("message", _TEXT, "The text (message, or note of events.k8s.io), whole and untrusted."),
    column("action", _TEXT, "What the reporter did or failed to do; only newer writers set it."),
    column("component", _TEXT, "Who reported: source.component, else reportingComponent."),
    column(
        "host",
        _TEXT,
        "Where the reporter runs: source.host, else reportingInstance; for a kubelet, the node.",
    ),
    column(
        "reporting_component",
        _TEXT,
        "reportingComponent (reportingController of events.k8s.io) as the API said.",
    ),
    column("reporting_instance", _TEXT, "reportingInstance as the API said."),
    column("object_kind", _TEXT, "Kind of the object the event is about, as its writer claims."),
    column(
        "object_namespace",
        _TEXT,
        "Namespace of that object, as its writer claims; empty for cluster-scoped ones.",
    ),
    column("object_name", _TEXT, "Name of that object."),
    column(
        "object_uid",
        _TEXT,
        "uid of that object; kubelets leave it empty or put the node's name for nodes.",
    ),
    column("object_api_version", _TEXT, "apiVersion of that object."),
    column("object_field_path", _TEXT, "Part of that object, such as spec.containers{app}."),
    column("related_kind", _TEXT, "Kind of a second object, where the writer names one."),
    column("related_namespace", _TEXT, "Namespace of that second object."),
    column("related_name", _TEXT, "Name of that second object."),
    column(
        "n",
        pa.int64(),
        "The normalised count of the state: series.count, else count, else 1; at least 1.",
        nullable=False,
    ),
    column("raw_count", pa.int64(), "count (deprecatedCount) as the API said."),
    column("series_count", pa.int64(), "series.count as the API said."),
    column("first_seen", TIME, "firstTimestamp, else eventTime, else creationTimestamp."),
    column(
        "last_seen",
        TIME,
        "series.lastObservedTime, lastTimestamp, eventTime, firstTimestamp, creationTimestamp: the first that is there.",
        nullable=False,
    ),
    column("created_at", TIME, "metadata.creationTimestamp, the API server's clock."),
    column("event_time", TIME, "eventTime as the API said."),
    column(
        "written_at",
        TIME,
        "Newest managedFields[].time, the server's clock at the last write; null where a client stripped it.",
    ),
    column("first_timestamp", TIME, "firstTimestamp (deprecatedFirstTimestamp) as the API said."),
    column("last_timestamp", TIME, "lastTimestamp (deprecatedLastTimestamp) as the API said."),
    column("series_last_seen", TIME, "series.lastObservedTime as the API said."),
    column("labels", _MAP, "metadata.labels; null where there are none."),
    column("annotations", _MAP, "metadata.annotations; null where there are none."),
    column(
        "observed_at",
        TIME,
        "When the state was first seen: the snapshot's start, or the time of collection of an import.",
        nullable=False,
    ),
    column("snapshot_id", _TEXT, "The ledger row of the run that wrote this copy.", nullable=False),
    column(
        "flags",
        pa.list_(pa.string()),
        "What was odd about the state: see FLAGS; null where nothing was.",
    ),
    column(
        "deleted_at",
        TIME,
        "By when the event object was gone after this state, as a watch showed; null where nobody knows.",
    ),
    column(
        "deleted_early",
        pa.bool_(),
        "true: gone before its TTL, so somebody deleted it; false: it had lived its TTL, so it expired; null where nobody can tell.",
    ),
    column(
        "object_labels",
        _MAP,
        "Those labels of the pod, ReplicaSet or Job that owners.labels names, when the state was stored; null where not known.",
    ),
    column(
        "namespace_labels",
        _MAP,
        "Those labels of the namespace that owners.namespace_labels names; null where not known.",
    ),
    column(
        "owner_kind",
        _TEXT,
        "Kind of what owns the object in the end, such as Deployment behind ReplicaSet behind Pod; null where not known.",
    ),
    column("owner_name", _TEXT, "Name of that owner."),
)

# The two partition columns, which live in the path and not in the files.
PARTITIONS: tuple[Column, ...] = (
    column(
        "cluster",
        _TEXT,
        "The cluster's name as configured; percent-encoded in paths.",
        nullable=False,
    ),
    column("date", pa.date32(), "The UTC day of last_seen.", nullable=False),
)

# What a sealed day knows beside the states themselves: what each adds to its lineage,
COUNTED: tuple[Column, ...] = (
    column(
        "occurrences",
        pa.int64(),
        "How many occurrences the observation adds to the count of its lineage.",
        nullable=False,
    ),
    column("since", TIME, "From when on they happened; null where nobody says."),
    column(
        "reset", pa.bool_(), "Whether the count of the lineage starts anew here.", nullable=False
    ),
)
# and what makes sense of noise.
ROLLED_UP: tuple[Column, ...] = (
    column(
        "workload",
        _TEXT,
        "What stands behind the object: the name of its Deployment, CronJob, StatefulSet and so on, else its own.",
    ),
    column(
        "workload_kind",
        _TEXT,
        "Kind of the workload; null where its name is told by a pod's, and several kinds name pods so.",
    ),
    column(
        "workload_by",
        _TEXT,
        "How it was found: owner (its metadata), events (controllers named the object), name (by the rules of naming), self.",
    ),
    column("message_pattern", _TEXT, "The message with a star for everything that varies."),
    column(
        "pattern_version",
        pa.int32(),
        "Version of the rules by which workload and message_pattern were told.",
    ),
)
DERIVED: tuple[Column, ...] = (*COUNTED, *ROLLED_UP)
# Of the rules in sql/: macros/message_pattern, lake/claims, lake/owners and lake/rolled_up.
PATTERN_VERSION = 1

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
# The namespace tells whose events went early.
STATE_SCHEMA = pa.schema(
    [
        SCHEMA.field(name)
        for name in ("uid", "n", "last_seen", "resource_version", "written_at", "namespace")
    ]
)
