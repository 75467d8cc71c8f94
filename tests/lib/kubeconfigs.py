"""The ways a client is told of a cluster: a kubeconfig with a token, one with an exec plugin, a pod's mount."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import yaml


def write_kubeconfig(
    path: Path,
    *,
    url: str,
    token: str,
    certificate: bytes | None,
    context: str,
    namespace: str = "",
    exec_plugin: bool = False,
) -> Path:
    """Write a kubeconfig with one context; ``certificate`` is the CA in PEM, None for plain HTTP."""
    cluster = {"server": url}
    if certificate is not None:
        cluster["certificate-authority-data"] = base64.b64encode(certificate).decode()
    user = f"{context}-user"
    credentials = {"exec": _plugin(path.parent, token)} if exec_plugin else {"token": token}
    entry = {"cluster": context, "user": user}
    if namespace:
        entry["namespace"] = namespace
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": context, "cluster": cluster}],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": context, "context": entry}],
        "current-context": context,
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def write_service_account(
    folder: Path, *, token: str, certificate: bytes | None, namespace: str
) -> Path:
    """Write what a pod finds mounted: token, ca.crt, namespace."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "token").write_text(token, encoding="utf-8")
    (folder / "ca.crt").write_bytes(certificate or b"")
    (folder / "namespace").write_text(namespace, encoding="utf-8")
    return folder


def _plugin(folder: Path, token: str) -> dict[str, object]:
    """Write the credential script and return the kubeconfig's ``exec`` entry for it."""
    version = "client.authentication.k8s.io/v1"
    credential = {"apiVersion": version, "kind": "ExecCredential", "status": {"token": token}}
    script = folder / "credential-plugin"
    script.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(credential)}\nEND\n", encoding="utf-8")
    script.chmod(0o755)
    return {"apiVersion": version, "command": str(script), "interactiveMode": "Never"}
