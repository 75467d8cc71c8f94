"""The namespace that kubectl would work in: of the kubeconfig's context, or of this pod.

Only files are read, and nothing is asked of a cluster: who asks a lake need not have one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from etl.config.settings import Source

DEFAULT = "default"
_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def current(
    source: Source, environ: Mapping[str, str], *, service_account: Path = _SERVICE_ACCOUNT
) -> str:
    """Return the namespace of the context, else the pod's where there is no kubeconfig, else ``default``.

    ``EVENTLAKE_NAMESPACE`` wins: in the pod that asks a lake it is that of whoever asks.
    """
    if given := environ.get("EVENTLAKE_NAMESPACE"):
        return given
    configs = list(_configs(source, environ))
    if not configs:
        # No pod, or no right to read the file: then it is the default, as for kubectl.
        with suppress(OSError):
            return service_account.read_text("utf-8").strip() or DEFAULT
        return DEFAULT
    # Of several files the first that says something wins, as in kubectl.
    name = source.context or next(
        (c["current-context"] for c in configs if c.get("current-context")), ""
    )
    for context in _contexts(configs):
        if context.get("name") == name and isinstance(context.get("context"), dict):
            return str(context["context"].get("namespace") or DEFAULT)
    return DEFAULT


def _contexts(configs: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for config in configs:
        entries = config.get("contexts")
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict):
                yield entry


def _configs(source: Source, environ: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    named = source.kubeconfig or environ.get("KUBECONFIG") or ""
    paths = [Path(name).expanduser() for name in named.split(os.pathsep) if name]
    home = environ.get("HOME")
    if not paths and home:
        paths = [Path(home) / ".kube" / "config"]
    for path in paths:
        # Whoever only asks a lake is not stopped by a kubeconfig that is missing or broken.
        with suppress(OSError, ValueError, yaml.YAMLError):
            found = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
            if isinstance(found, dict):
                yield found
