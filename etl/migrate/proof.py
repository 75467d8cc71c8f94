"""A configuration that was written, to the certainty that it works: it is loaded, and a sample event goes through it.

Secrets are not there yet; something else stands in for the variables that hold them.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from etl import schema
from etl.config import read
from etl.config.forwarding import Target
from etl.config.settings import Settings
from etl.errors import ConfigError
from etl.forward import trial
from etl.forward.layout import Layout
from etl.forward.routes import Routes

# A variable may stand where an address has to be, which is more than a secret has to be.
_STAND_IN = "https://stands.in.example:9200"
_AT = datetime(2026, 11, 23, 8, tzinfo=UTC)
# A message that breaks whatever does not encode it.
_MESSAGE = 'Back-off "restarting" C:\\app\nfailed {{ container }} <main> & 容器'


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a target would send of the sample, and whether the tree lets the sample through to it."""

    target: str
    body: str
    routed: bool


def prove(text: str, variables: Iterable[str]) -> tuple[Settings, list[Rendered]]:
    """Load the configuration ``text``, try its templates, and render the sample for each target.

    ``variables`` are the names that it takes from the environment. Raises ``ConfigError``
    or ``LeafError``: what was written is wrong then, which is a mistake of ours.
    """
    environ = dict.fromkeys(variables, _STAND_IN)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "migrated.yaml"
        path.write_text(text, "utf-8")
        loaded = read.read(path, environ=environ)
        if loaded.mistakes:
            raise ConfigError([str(one).removeprefix(f"{path}: ") for one in loaded.mistakes])
        settings = loaded.settings
    trial.refuse_mistakes(settings.forward)
    routes = Routes(settings.forward)
    rows = pa.Table.from_pylist([sample()], schema=schema.FULL_SCHEMA)
    return settings, [
        Rendered(one.name, _body(one), bool(routes.of(one.name, rows).num_rows))
        for one in settings.forward.targets
    ]


def sample() -> dict[str, Any]:
    """Return a row of ``observations``: a crash loop whose message has all that breaks JSON."""
    row: dict[str, Any] = dict.fromkeys(schema.FULL_SCHEMA.names)
    return row | {
        "cluster": "prod",
        "date": _AT.date(),
        "snapshot_id": "sample",
        "uid": "0f7b3c1e-2d4a-4a53-9b1c-5f0e8f1f2a3b",
        "resource_version": 4711,
        "name": "checkout-7d9f.17c2a8b1e0f3d6a5",
        "namespace": "shop",
        "type": "Warning",
        "reason": "BackOff",
        "message": _MESSAGE,
        "component": "kubelet",
        "host": "node-1",
        "reporting_component": "kubelet",
        "reporting_instance": "node-1",
        "object_kind": "Pod",
        "object_namespace": "shop",
        "object_name": "checkout-7d9f",
        "object_api_version": "v1",
        "n": 7,
        "raw_count": 7,
        "first_seen": _AT,
        "last_seen": _AT,
        "first_timestamp": _AT,
        "last_timestamp": _AT,
        "created_at": _AT,
        "observed_at": _AT,
    }


def _body(target: Target) -> str:
    message = Layout(target).message(sample())
    body = message.body.decode()
    if not (target.http and target.http.text):
        json.loads(body)
    return body
