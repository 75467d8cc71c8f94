"""The form that kubernetes-event-exporter's configuration has, as far as it is read: what has another one is refused with its place."""

from __future__ import annotations

from typing import Any

import msgspec

from etl.errors import InputError

# YAML takes some texts for numbers or truth values, and Go takes them back.
Scalar = str | int | float | bool | None


class _Rule(msgspec.Struct):
    labels: dict[str, Scalar] | None = None
    annotations: dict[str, Scalar] | None = None
    minCount: int | None = None  # noqa: N815 -- its word


class _Route(msgspec.Struct):
    drop: list[_Rule] | None = None
    match: list[_Rule] | None = None
    routes: list[_Route] | None = None


class _Sink(msgspec.Struct):
    brokers: list[Scalar] | None = None
    hosts: list[Scalar] | None = None
    headers: dict[str, Scalar] | None = None
    fields: dict[str, Scalar] | None = None
    tls: dict[str, Scalar] | None = None
    sasl: dict[str, Scalar] | None = None
    avro: dict[str, Scalar] | None = None
    layout: dict[str, Any] | None = None


class _Config(msgspec.Struct):
    receivers: list[dict[str, Any]]
    route: _Route | None = None


def check(config: object) -> None:
    """Raise ``InputError`` with the place of what Go would not read either."""
    try:
        known = msgspec.convert(config, _Config)
        for index, receiver in enumerate(known.receivers):
            for kind, sink in receiver.items():
                if kind != "name" and sink is not None:
                    _sink(sink, f"receivers[{index}].{kind}")
    except msgspec.ValidationError as error:
        # Its message has types and the path, and no value of the file.
        message = f"kubernetes-event-exporter's configuration has another form: {error}"
        raise InputError(message) from error


def _sink(sink: object, path: str) -> None:
    try:
        msgspec.convert(sink, _Sink)
    except msgspec.ValidationError as error:
        # As above; the path of the receiver is put before that within it.
        message = f"kubernetes-event-exporter's configuration has another form: {path}: {error}"
        raise InputError(message) from error
