"""What a Go template may name of an event, and where it stands for us.

The names are those of ``corev1.Event`` and of kubernetes-event-exporter's
``EnhancedEvent``. What the API leaves out is an empty text or 0 in Go, and in our event too.
"""

from __future__ import annotations

from etl.migrate.expression import Value, literal
from etl.migrate.gotext import Place

ROOT = Value("event", "struct", "event")
_REFERENCE = {
    "Kind": "kind",
    "Namespace": "namespace",
    "Name": "name",
    "UID": "uid",
    "APIVersion": "apiVersion",
    "FieldPath": "fieldPath",
    "ResourceVersion": "resourceVersion",
}
_METADATA = {
    "Name": "name",
    "Namespace": "namespace",
    "UID": "uid",
    "ResourceVersion": "resourceVersion",
}
_BODY = {
    "Reason": "reason",
    "Message": "message",
    "Action": "action",
    "Type": "type",
    "ReportingController": "reportingComponent",
    "ReportingInstance": "reportingInstance",
}
_TIMES = {
    "FirstTimestamp": "firstTimestamp",
    "LastTimestamp": "lastTimestamp",
    "EventTime": "eventTime",
}
# What GetTimestampMs and GetTimestampISO8601 tell; without either Go has the year 1, whose nanoseconds
# since 1970 overflow 64 bits and leave this number.
_FIRST = "event.firstTimestamp or event.eventTime"
_OVERFLOWN_MS = -6795364578871
_NOT_KEPT = {
    "ManagedFields": "the lake keeps only the newest time of managedFields",
    "OwnerReferences": "owners are columns of the lake: observation.owner_kind and others",
    "Deleted": "a deleted object is not asked about; observation.deleted_at tells of the event",
    "Finalizers": "the lake does not keep finalizers",
    "DeletionTimestamp": "observation.deleted_at tells when an event was seen deleted",
    "TypeMeta": "it is empty in Go",
}


def field(of: Value, name: str, place: Place) -> Value:
    """Return the field ``name`` of a struct or map; raises ``TemplateError``."""
    if of.kind == "map":
        return label(of, literal(name))
    if of.kind == "time":
        if name in {"Time", "Local"}:
            return of
        if name == "UTC":
            raise place.refuse(
                ".UTC of a time has no counterpart: go_time(…) without a zone is UTC"
            )
        return _method_of_time(of, name, place)
    found = _FIELDS.get(of.name, {}).get(name) if of.kind == "struct" else None
    if found is not None:
        return found
    why = _NOT_KEPT.get(name)
    owner = of.name or of.kind
    raise place.refuse(
        f".{name} of the {owner} {f'has no counterpart: {why}' if why else 'is not known'}"
    )


def label(of: Value, key: str) -> Value:
    """Return what a map has for the expression ``key``."""
    return Value(f"{of.code}.get({key}, '<no value>')", "label", name=f"{of.code}.get({key}, '')")


def _method_of_time(of: Value, name: str, place: Place) -> Value:
    if name == "IsZero":
        return Value(f"not {of.part}", "bool")
    if name == "String":
        return Value(f"go_time({of.code})", "text")
    if name in {"Unix", "UnixNano", "UnixMilli", "Year", "Month", "Day", "Hour", "Minute"}:
        raise place.refuse(f'.{name} of a time is not translated; use .Format "2006-01-02"')
    raise place.refuse(f".{name} of a time is not known")


def _texts(at: str, names: dict[str, str]) -> dict[str, Value]:
    return {go: Value(f"{at}.{ours}", "text") for go, ours in names.items()}


def _maps(at: str) -> dict[str, Value]:
    return {
        "Labels": Value(f"{at}.labels", "map"),
        "Annotations": Value(f"{at}.annotations", "map"),
    }


def _fields() -> dict[str, dict[str, Value]]:
    metadata = _texts("event.metadata", _METADATA) | _maps("event.metadata")
    metadata["CreationTimestamp"] = Value("event.metadata.creationTimestamp", "time")
    metadata["GenerateName"] = Value("''", "text", constant="")
    subject = _texts("event.involvedObject", _REFERENCE) | _maps("event.involvedObject")
    subject["ObjectReference"] = Value("event.involvedObject", "struct", "object")
    event = (
        metadata
        | _texts("event", _BODY)
        | {go: Value(f"event.{ours}", "time") for go, ours in _TIMES.items()}
        | {
            "ObjectMeta": Value("event.metadata", "struct", "metadata"),
            "Event": ROOT,
            "InvolvedObject": Value("event.involvedObject", "struct", "object"),
            "Source": Value("event.source", "struct", "source"),
            "Series": Value("event.get('series')", "struct", "*series"),
            "Related": Value("event.get('related')", "struct", "*related"),
            "Count": Value("event.count", "int"),
            "ClusterName": Value("cluster", "text"),
            "GetTimestampMs": Value(f"epoch_ms({_FIRST}) or {_OVERFLOWN_MS}", "int"),
            "GetTimestampISO8601": Value(f"iso8601({_FIRST} or '0001-01-01T00:00:00Z')", "text"),
        }
    )
    series = {
        "Count": Value("event.series.count", "int"),
        "LastObservedTime": Value("event.series.lastObservedTime", "time"),
    }
    return {
        "event": event,
        "metadata": metadata,
        "object": subject,
        "source": _texts("event.source", {"Component": "component", "Host": "host"}),
        "*series": series,
        "*related": _texts("event.related", _REFERENCE),
    }


_FIELDS = _fields()
