"""The event object of the API as structs: only the fields that are wanted, times still text.

One struct holds the fields of both API groups, because a LIST of either returns the
same objects: core/v1 says involvedObject, message, count, source, reportingComponent;
events.k8s.io/v1 says regarding, note, deprecatedCount, deprecatedSource,
reportingController. Of managedFields only the times are wanted: they are 30 % of the
bytes and nothing else in them tells anything about the event.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

# DuckDB and Parquet hold counts as 64-bit integers; a larger claim is read leniently.
Count = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
# Some bundlers (Harvester's) write the word instead of JSON's null.
NULL_WORD = "null"


class Reference(msgspec.Struct, frozen=True, gc=False):
    """involvedObject, regarding or related."""

    kind: str | None = None
    namespace: str | None = None
    name: str | None = None
    uid: str | None = None
    apiVersion: str | None = None  # noqa: N815 -- the API's spelling
    fieldPath: str | None = None  # noqa: N815


class EventSource(msgspec.Struct, frozen=True, gc=False):
    """source or deprecatedSource."""

    component: str | None = None
    host: str | None = None


class Series(msgspec.Struct, frozen=True, gc=False):
    """series: the count of writers that use events.k8s.io."""

    count: Count | None = None
    lastObservedTime: str | None = None  # noqa: N815


class ManagedField(msgspec.Struct, frozen=True, gc=False):
    """One entry of managedFields: only its time."""

    time: str | None = None


class Metadata(msgspec.Struct, frozen=True, gc=False):
    """metadata of an event object."""

    name: str | None = None
    namespace: str | None = None
    uid: str | None = None
    resourceVersion: str | None = None  # noqa: N815
    creationTimestamp: str | None = None  # noqa: N815
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    managedFields: list[ManagedField] | None = None  # noqa: N815


class EventObject(msgspec.Struct, frozen=True, gc=False):
    """An event object of either API group, as its JSON says; times are still text."""

    metadata: Metadata
    involvedObject: Reference | None = None  # noqa: N815
    regarding: Reference | None = None
    related: Reference | None = None
    reason: str | None = None
    message: str | None = None
    note: str | None = None
    type: str | None = None
    action: str | None = None
    source: EventSource | None = None
    deprecatedSource: EventSource | None = None  # noqa: N815
    count: Count | None = None
    deprecatedCount: Count | None = None  # noqa: N815
    firstTimestamp: str | None = None  # noqa: N815
    lastTimestamp: str | None = None  # noqa: N815
    deprecatedFirstTimestamp: str | None = None  # noqa: N815
    deprecatedLastTimestamp: str | None = None  # noqa: N815
    eventTime: str | None = None  # noqa: N815
    series: Series | None = None
    reportingComponent: str | None = None  # noqa: N815
    reportingController: str | None = None  # noqa: N815
    reportingInstance: str | None = None  # noqa: N815


class StateMetadata(msgspec.Struct, frozen=True, gc=False):
    """The part of metadata that tells one state of an object from another, and whose it is."""

    namespace: str | None = None
    uid: str | None = None
    resourceVersion: str | None = None  # noqa: N815
    creationTimestamp: str | None = None  # noqa: N815
    managedFields: list[ManagedField] | None = None  # noqa: N815


class StateObject(msgspec.Struct, frozen=True, gc=False):
    """The part of an event object that tells its state: half the cost of decoding all of it."""

    metadata: StateMetadata
    count: Count | None = None
    deprecatedCount: Count | None = None  # noqa: N815
    firstTimestamp: str | None = None  # noqa: N815
    lastTimestamp: str | None = None  # noqa: N815
    deprecatedFirstTimestamp: str | None = None  # noqa: N815
    deprecatedLastTimestamp: str | None = None  # noqa: N815
    eventTime: str | None = None  # noqa: N815
    series: Series | None = None
