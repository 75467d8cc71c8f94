"""The pod that asks: the shipped template and what writes to the volume to a manifest, a pod for a while, reasons why it does not start."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from etl.errors import ClusterError, EventlakeError, quoted
from etl.remote.kubectl import Kubectl
from etl.remote.place import Place
from etl.remote.writer import Writer

PROGRAM = "/opt/eventlake/bin/eventlake"
_STATES_THAT_STAY = {
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
}
# A volume that has to be attached takes a minute on most clouds; images are on the node already,
# where a run was.
_PATIENCE = 150
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user decided about the pod.

    An empty ``image`` is that of what writes, a null ``deadline`` that of the template.
    """

    image: str
    deadline: timedelta | None
    write: bool
    environment: Mapping[str, str]


def template() -> dict[str, Any]:
    """Return the shipped manifest: inside an installed package, else that of the checkout."""
    inside = Path(str(files("etl"))) / "deploy" / "pod.yaml"
    beside = Path(str(files("etl"))).parent / "deploy" / "ask" / "pod.yaml"
    path = inside if inside.is_file() else beside
    found: dict[str, Any] = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
    return found


def lake_path(place: Place, writer: Writer | None) -> str:
    """Return where the lake lies in the pod."""
    mount = writer.mount if writer else _data(template())["mountPath"]
    if place.path or not (writer and writer.lake):
        return f"{mount.rstrip('/')}/{place.path or 'lake'}"
    return writer.lake


def manifest(place: Place, writer: Writer | None, wanted: Wanted, *, node: str) -> dict[str, Any]:
    """Return the pod as it is created; an empty ``node`` leaves the choice to the scheduler.

    Raises ``ClusterError`` where nobody knows an image.
    """
    pod = template()
    pod["metadata"] |= {
        "name": f"eventlake-ask-{secrets.token_hex(4)}",
        "namespace": place.namespace,
    }
    spec, (container,) = pod["spec"], pod["spec"]["containers"]
    if wanted.deadline is not None:
        spec["activeDeadlineSeconds"] = max(1, int(wanted.deadline.total_seconds()))
    claim = place.claim or (writer.claim if writer else "")
    _volume(spec, "data")["persistentVolumeClaim"]["claimName"] = claim
    if wanted.write:
        _data(pod).pop("readOnly")
    if not wanted.image and writer is None:
        message = f"nothing in the namespace {place.namespace} writes to {claim or 'a lake'}, so its image is unknown; name one by --pod-image"
        raise ClusterError(message)
    container["image"] = wanted.image or (writer.container["image"] if writer else "")
    container["env"] = [
        {"name": name, "value": value} for name, value in sorted(wanted.environment.items())
    ]
    _like(writer, spec, container)
    if node:
        # Not nodeName: that would pass by the scheduler, and the kubelet of a full node refuses.
        name = {"key": "metadata.name", "operator": "In", "values": [node]}
        spec["affinity"]["nodeAffinity"] = {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchFields": [name]}]
            }
        }
    return pod


def _like(writer: Writer | None, spec: dict[str, Any], container: dict[str, Any]) -> None:
    """Take over from what writes: who it runs as, where it may run, the configuration."""
    mounted = writer.config_volume if writer else None
    without = {"config"}
    spec["volumes"] = [v for v in spec["volumes"] if v["name"] not in without]
    mounts = [m for m in container["volumeMounts"] if m["name"] not in without]
    if writer:
        for field in ("imagePullSecrets", "nodeSelector", "securityContext", "tolerations"):
            spec.pop(field, None)
            if field in writer.spec:
                spec[field] = writer.spec[field]
        if "imagePullPolicy" in writer.container:
            container["imagePullPolicy"] = writer.container["imagePullPolicy"]
        next(m for m in mounts if m["name"] == "data")["mountPath"] = writer.mount
    if mounted:
        volume, mount = mounted
        spec["volumes"].append({**volume, "name": "config"})
        mounts.append({**mount, "name": "config", "readOnly": True})
    container["volumeMounts"] = mounts


@contextmanager
def running(
    kubectl: Kubectl, pod: Mapping[str, Any], *, sleep: Callable[[float], None]
) -> Iterator[str]:
    """Give the name of a pod that is there until the block ends, however it ends.

    Raises ``ClusterError`` with the reason where it does not start.
    """
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    try:
        kubectl.create(pod)
        _started(kubectl, namespace, name, sleep)
        yield name
    finally:
        try:
            kubectl.delete(namespace, name)
        except EventlakeError as error:
            # What was asked is answered; the pod ends by its deadline, and the next question deletes it.
            seconds = pod["spec"]["activeDeadlineSeconds"]
            _log.warning(
                "the pod %s/%s could not be deleted and ends by itself within %d s: %s",
                namespace,
                name,
                seconds,
                error,
            )


def tidy(kubectl: Kubectl, place: Place, pods: list[Mapping[str, Any]]) -> None:
    """Delete pods of questions whose asker went away: they ended by their deadline."""
    labels = template()["metadata"]["labels"].items()
    ended = [
        pod["metadata"]["name"]
        for pod in pods
        if labels <= pod["metadata"].get("labels", {}).items()
        and pod.get("status", {}).get("phase") in {"Failed", "Succeeded"}
    ]
    if ended:
        kubectl.delete(place.namespace, *ended)


def node_of(pods: list[Mapping[str, Any]], claim: str) -> str:
    """Return the node on which a pod that has not ended mounts the claim; empty where there is none."""
    for pod in pods:
        claims = [
            volume.get("persistentVolumeClaim", {}).get("claimName")
            for volume in pod["spec"].get("volumes", [])
        ]
        if claim in claims and pod.get("status", {}).get("phase") in {"Pending", "Running"}:
            node: str = pod["spec"].get("nodeName", "")
            if node:
                return node
    return ""


def why_it_ended(kubectl: Kubectl, namespace: str, name: str) -> str:
    """Return what the cluster says about a pod in which a command was broken off; empty where it says nothing."""
    try:
        status = kubectl.get("pod", name, f"--namespace={namespace}").get("status", {})
    except ClusterError:
        # The cluster does not answer, or the pod is gone: kubectl's own words have to do.
        return ""
    return " ".join(str(status[key]) for key in ("reason", "message") if status.get(key))


def _started(kubectl: Kubectl, namespace: str, name: str, sleep: Callable[[float], None]) -> None:
    said = ""
    for second in range(_PATIENCE):
        status = kubectl.get("pod", name, f"--namespace={namespace}").get("status", {})
        phase = status.get("phase")
        states = [one.get("state", {}) for one in status.get("containerStatuses", [])]
        if phase == "Running" and all("running" in state for state in states):
            return
        waiting = [state["waiting"] for state in states if "waiting" in state]
        said = _told(status, waiting)
        if phase in {"Failed", "Succeeded"}:
            raise ClusterError(f"the pod {namespace}/{name} ended before it was asked: {said}")
        if any(one.get("reason") in _STATES_THAT_STAY for one in waiting):
            raise ClusterError(f"the pod {namespace}/{name} cannot start: {said}")
        if second and second % 10 == 0:
            _log.info("waiting for the pod %s/%s: %s", namespace, name, said or phase)
        sleep(1)
    message = f"the pod {namespace}/{name} did not start within {_PATIENCE} s: {said or 'the cluster gives no reason'}"
    raise ClusterError(message)


def _told(status: Mapping[str, Any], waiting: list[Mapping[str, Any]]) -> str:
    """Return why a pod does not run, as the cluster tells it."""
    reasons = [status, *waiting]
    reasons += [one for one in status.get("conditions", []) if one.get("status") == "False"]
    texts = [": ".join(str(one[k]) for k in ("reason", "message") if one.get(k)) for one in reasons]
    return quoted("; ".join(dict.fromkeys(text for text in texts if text)))


def _volume(spec: Mapping[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in spec["volumes"] if one["name"] == name)
    return found


def _data(pod: Mapping[str, Any]) -> dict[str, Any]:
    mounts = pod["spec"]["containers"][0]["volumeMounts"]
    found: dict[str, Any] = next(mount for mount in mounts if mount["name"] == "data")
    return found
