"""Event objects as the API shows them in core/v1, for tests to put into the fake API server.

``event`` is what the older recorder writes (kubelet, controllers), ``series_event``
what the newer one writes through events.k8s.io (scheduler). The server adds uid,
resourceVersion, creationTimestamp and managedFields.
"""

from __future__ import annotations

from datetime import datetime

from tests.lib.event_store import Event, stamp


def event(  # noqa: PLR0913 (an event has many fields, a test names the few that matter)
    name: str = "web-0",
    *,
    at: datetime,
    first: datetime | None = None,
    count: int = 1,
    reason: str = "BackOff",
    type: str = "Warning",  # noqa: A002 (the API's word)
    message: str = 'Back-off restarting failed container "app"',
    namespace: str = "shop",
    kind: str = "Pod",
    component: str = "kubelet",
    host: str = "node-1",
    metadata: Event | None = None,
) -> Event:
    """Return an event about the object ``name`` whose last of ``count`` occurrences was ``at``."""
    first = first or at
    return {
        "metadata": {"name": _event_name(name, first), "namespace": namespace, **(metadata or {})},
        "involvedObject": {"kind": kind, "namespace": namespace, "name": name, "apiVersion": "v1"},
        "reason": reason,
        "message": message,
        "source": {"component": component, "host": host},
        "firstTimestamp": stamp(first),
        "lastTimestamp": stamp(at),
        "count": count,
        "type": type,
        "eventTime": None,
        "reportingComponent": component,
        "reportingInstance": host,
    }


def series_event(  # noqa: PLR0913 (the same)
    name: str = "web-0",
    *,
    at: datetime,
    first: datetime | None = None,
    count: int = 1,
    reason: str = "FailedScheduling",
    type: str = "Warning",  # noqa: A002 (the API's word)
    message: str = "0/3 nodes are available: 3 Insufficient cpu.",
    namespace: str = "shop",
    component: str = "default-scheduler",
) -> Event:
    """Return an event of the newer recorder: a series from the second occurrence on."""
    first = first or at
    result: Event = {
        "metadata": {"name": _event_name(name, first), "namespace": namespace},
        "involvedObject": {"kind": "Pod", "namespace": namespace, "name": name, "apiVersion": "v1"},
        "reason": reason,
        "message": message,
        "source": {},
        "firstTimestamp": None,
        "lastTimestamp": None,
        "type": type,
        "eventTime": _micro(first),
    }
    if count > 1:
        result["series"] = {"count": count, "lastObservedTime": _micro(at)}
    return {
        **result,
        "action": "Scheduling",
        "reportingComponent": component,
        "reportingInstance": f"{component}-cp-1",
    }


def _event_name(name: str, first: datetime) -> str:
    """The recorder's name: the object's, and its first emit in nanoseconds."""
    return f"{name}.{int(first.timestamp() * 1_000_000_000):x}"


def _micro(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
