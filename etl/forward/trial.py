"""Templates of targets to their mistakes, found before anything is sent: by reading them, and on two trial events.

A template that fails on both, one of an older writer and one of a newer, would fail on
every event, and each would be a dead letter.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from etl import schema
from etl.config.forwarding import Forward, Target
from etl.errors import ConfigError
from etl.forward import context, documents
from etl.wire import headers, templates

_AT = datetime(2026, 1, 2, 9, 0, 0, 123456, tzinfo=UTC)
_NOTHING: dict[str, Any] = dict.fromkeys(schema.FULL_SCHEMA.names)
_COMMON = {
    "cluster": "prod",
    "date": _AT.date(),
    "uid": "5e1c9ad2-0f4b-4a5e-9c77-0d6a2f8b3e11",
    "name": "web-0.17f",
    "namespace": "shop",
    "type": "Warning",
    "object_kind": "Pod",
    "object_namespace": "shop",
    "object_name": "web-0",
    "n": 3,
    "first_seen": _AT,
    "last_seen": _AT,
    "created_at": _AT,
    "observed_at": _AT,
    "snapshot_id": "s",
}
_TRIALS: tuple[documents.Row, ...] = (
    {
        **_NOTHING,
        **_COMMON,
        "resource_version": 1,
        "reason": "BackOff",
        "message": 'Back-off restarting failed container "app" in pod web-0_shop(5e1c9ad2)',
        "component": "kubelet",
        "host": "node-1",
        "object_uid": "77aa",
        "object_api_version": "v1",
        "object_field_path": "spec.containers{app}",
        "raw_count": 3,
        "first_timestamp": _AT,
        "last_timestamp": _AT,
        "object_labels": [("app", "web")],
    },
    {
        **_NOTHING,
        **_COMMON,
        "reason": "FailedScheduling",
        "message": "0/3 nodes are available: 3 Insufficient cpu.",
        "action": "Scheduling",
        "component": "default-scheduler",
        "host": "default-scheduler-cp-1",
        "reporting_component": "default-scheduler",
        "reporting_instance": "default-scheduler-cp-1",
        "series_count": 3,
        "event_time": _AT,
        "series_last_seen": _AT,
    },
)


def refuse_mistakes(forward: Forward) -> None:
    """Raise ``ConfigError`` with every mistake in the templates of ``forward``'s targets."""
    found = [
        mistake
        for index, target in enumerate(forward.targets)
        for mistake in mistakes(target, f"forward.targets[{index}]")
    ]
    if found:
        raise ConfigError(found)


def mistakes(target: Target, path: str) -> list[str]:
    """Return the mistakes in the templates of one target, each with its place below ``path``."""
    found = [line for where, tree in _trees(target, path) for line in _wrong(tree, where)]
    refused = [n for n in target.http.headers if not headers.may_be_set(n)] if target.http else []
    return found + [f"{path}.http.headers.{n}: this header cannot be set" for n in refused]


def _trees(target: Target, path: str) -> Iterator[tuple[str, object]]:
    """Yield what of a target is a template, or a tree of them, and where it stands."""
    yield f"{path}.layout", target.layout
    if target.http:
        yield f"{path}.http.text", target.http.text
        yield from ((f"{path}.http.headers.{k}", v) for k, v in target.http.headers.items())
    if target.kafka:
        yield f"{path}.kafka.topic", target.kafka.topic


def _wrong(tree: object, path: str) -> list[str]:
    found = templates.check_tree(tree, path, names=context.NAMES)
    if found:
        return found
    failures = [failure for row in _TRIALS if (failure := _failure(tree, row))]
    return [f"{path}: on a trial event, {failures[0]}"] if len(failures) == len(_TRIALS) else []


def _failure(tree: object, row: documents.Row) -> str:
    try:
        templates.render_tree(tree, context.context_of(row, documents.exported(row)))
    except templates.LeafError as error:
        return str(error)
    return ""
