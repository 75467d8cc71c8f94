"""What writes to a lake on a volume: CronJobs and Deployments of a namespace to image, mount, lake and configuration.

The pod that asks is like the pod that writes: same image, same volume at the same path, same
configuration, same nodes. So there is nothing that a user has to say twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import yaml

from etl.errors import ClusterError, quoted
from etl.remote.kubectl import Kubectl
from etl.remote.place import Place

_LABEL = "app.kubernetes.io/name"
_NAME = "eventlake"


@dataclass(frozen=True, slots=True)
class Writer:
    """The pod that writes: its ``spec``, the container of ``eventlake`` in it, and the claim that it mounts.

    ``claim`` and ``mount`` are empty where the lake is not on a volume; ``lake`` and ``config`` are
    what its arguments or environment say, empty where they do not. ``ours``: it has our label.
    """

    name: str
    spec: Mapping[str, Any]
    container: Mapping[str, Any]
    claim: str
    mount: str
    lake: str
    config: str
    ours: bool

    @property
    def config_volume(self) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
        """The volume and the mount in which the configuration lies; null where it is in none."""
        for mount in self.container.get("volumeMounts", []):
            if PurePosixPath(self.config).is_relative_to(mount["mountPath"]) and self.config:
                for volume in self.spec.get("volumes", []):
                    if volume["name"] == mount["name"] and "configMap" in volume:
                        return volume, mount
        return None


def find(kubectl: Kubectl, place: Place) -> Writer | None:
    """Return what writes to the claim of ``place``, without one to the only lake of its namespace; null where nothing does.

    Raises ``ClusterError`` where several could be meant.
    """
    found = kubectl.get("cronjobs.batch,deployments.apps", f"--namespace={place.namespace}")
    writers = list(_writers(found.get("items", [])))
    if place.claim:
        return next((one for one in writers if one.claim == place.claim), None)
    lakes = {(one.claim, one.lake, one.config): one for one in writers if one.ours}
    if len({claim for claim, _, _ in lakes}) > 1:
        claims = ", ".join(sorted(one.claim or one.name for one in lakes.values()))
        message = f"several lakes are written in the namespace {place.namespace}: {claims}; name one: --lake pvc://{place.namespace}/CLAIM"
        raise ClusterError(message)
    return next(iter(lakes.values()), None)


def bucket(kubectl: Kubectl, place: Place, writer: Writer) -> str:
    """Return the address of the bucket that ``writer`` writes to; raises ``ClusterError`` where it names none."""
    if "://" in writer.lake:
        return writer.lake
    if (mounted := writer.config_volume) is not None:
        name = mounted[0]["configMap"]["name"]
        found = kubectl.get("configmap", name, f"--namespace={place.namespace}")
        text = found.get("data", {}).get(PurePosixPath(writer.config).name, "")
        try:
            said = yaml.load(text, Loader=yaml.CSafeLoader)
        except yaml.YAMLError as error:
            message = f"the ConfigMap {name} holds no YAML: {quoted(str(error))}"
            raise ClusterError(message) from error
        lake = said.get("lake") if isinstance(said, dict) else None
        if isinstance(lake, str) and "://" in lake:
            return lake
    message = f"{writer.name} in the namespace {place.namespace} mounts no claim and names no bucket; name the lake by --lake"
    raise ClusterError(message)


def _writers(objects: Iterable[Mapping[str, Any]]) -> Iterator[Writer]:
    for item in objects:
        meta, spec = item["metadata"], item["spec"]
        template = (spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec)["template"]
        labels = {**meta.get("labels", {}), **template.get("metadata", {}).get("labels", {})}
        pod = template["spec"]
        containers = {container["name"]: container for container in reversed(pod["containers"])}
        # Of several, the one of our manifests, else the first.
        container = containers.get(_NAME, pod["containers"][0])
        yield _writer(meta["name"], pod, container, ours=labels.get(_LABEL) == _NAME)


def _writer(
    name: str, pod: Mapping[str, Any], container: Mapping[str, Any], *, ours: bool
) -> Writer:
    claims = {
        volume["name"]: volume["persistentVolumeClaim"]["claimName"]
        for volume in pod.get("volumes", [])
        if "persistentVolumeClaim" in volume
    }
    lake, config = (_said(container, option) for option in ("lake", "config"))
    mounts = [mount for mount in container.get("volumeMounts", []) if mount["name"] in claims]
    # The one that the lake lies in, where there are several.
    mounts.sort(key=lambda mount: not PurePosixPath(lake).is_relative_to(mount["mountPath"]))
    mount = mounts[0] if mounts and "://" not in lake else None
    return Writer(
        name,
        pod,
        container,
        claim=claims[mount["name"]] if mount else "",
        mount=mount["mountPath"] if mount else "",
        lake=lake,
        config=config,
        ours=ours,
    )


def _said(container: Mapping[str, Any], option: str) -> str:
    """Return the value of one of our global options, from the arguments, else from the environment."""
    words = [*container.get("command", []), *container.get("args", [])]
    for number, word in enumerate(words):
        if word.startswith(f"--{option}="):
            return str(word.partition("=")[2])
        if word == f"--{option}" and number + 1 < len(words):
            return str(words[number + 1])
    variables = {entry["name"]: entry.get("value", "") for entry in container.get("env", [])}
    return str(variables.get(f"EVENTLAKE_{option.upper()}", ""))
