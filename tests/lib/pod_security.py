"""The restricted level of Pod Security, control by control, and what policy linters ask of a pod beside it.

The controls are those of https://kubernetes.io/docs/concepts/security/pod-security-standards/
(Baseline and Restricted, read for 1.36); the habits are checks that kube-linter and kube-score
have by default, as far as they are about pods of jobs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")


def violations(pod: dict[str, Any]) -> Iterator[str]:
    """Yield what a namespace that enforces ``restricted`` would refuse in a pod's ``spec``."""
    shared = pod.get("securityContext", {})
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield field
    if shared.get("windowsOptions", {}).get("hostProcess"):
        yield "hostProcess"
    for unsafe in shared.get("sysctls", []):
        yield f"sysctl {unsafe}"
    for volume in pod.get("volumes", []):
        for kind in set(volume) - {"name"} - _VOLUMES:
            yield f"volume {volume['name']} of type {kind}"
    if shared.get("runAsUser") == 0:
        yield "runAsUser 0"
    for container in _all(pod):
        yield from _of_container(container, shared)


def _of_container(container: dict[str, Any], shared: dict[str, Any]) -> Iterator[str]:
    own = container.get("securityContext", {})
    name = container["name"]
    if own.get("privileged"):
        yield f"{name}: privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield f"{name}: allowPrivilegeEscalation"
    if own.get("runAsNonRoot", shared.get("runAsNonRoot")) is not True:
        yield f"{name}: runAsNonRoot"
    if own.get("runAsUser") == 0:
        yield f"{name}: runAsUser 0"
    seccomp = own.get("seccompProfile", shared.get("seccompProfile", {})).get("type")
    if seccomp not in {"RuntimeDefault", "Localhost"}:
        yield f"{name}: seccompProfile {seccomp}"
    capabilities = own.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", []):
        yield f"{name}: capabilities are not dropped"
    if set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield f"{name}: capabilities are added"
    if own.get("procMount", "Default") != "Default":
        yield f"{name}: procMount"
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield f"{name}: hostPort"


def bad_habits(pod: dict[str, Any]) -> Iterator[str]:
    """Yield what is allowed and should not be: mutable roots, unbounded memory, moving images, unasked tokens."""
    if "automountServiceAccountToken" not in pod:
        yield "nobody said whether the pod gets a token"
    if pod.get("enableServiceLinks", True):
        yield "addresses of Services in the environment"
    for container in _all(pod):
        name, image = container["name"], container["image"]
        resources = container.get("resources", {})
        if container.get("securityContext", {}).get("readOnlyRootFilesystem") is not True:
            yield f"{name}: the root file system can be written"
        for kind, field in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
            if field not in resources.get(kind, {}):
                yield f"{name}: no {field} in {kind}"
        tag = image.rpartition("/")[2]
        if "@sha256:" not in image and (":" not in tag or tag.endswith(":latest")):
            yield f"{name}: {image} is another image tomorrow"
        for variable in container.get("env", []):
            if "secretKeyRef" in variable.get("valueFrom", {}):
                yield f"{name}: {variable['name']} is a secret in the environment"


def _all(pod: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for kind in _CONTAINERS:
        yield from pod.get(kind, [])
