"""Bundles as their tools write them, and the archives that people pack them into.

The events are those of tests/data/events; what stands beside them is as short as it may be.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pyarrow as pa
import yaml

from tests.lib import fixtures

Files = Mapping[str, bytes]
Event = dict[str, Any]


def by_namespace(items: Iterable[Event]) -> dict[str, list[Event]]:
    """Events by the namespace that they lie in, in order of names."""
    found: dict[str, list[Event]] = {}
    for item in items:
        found.setdefault(item["metadata"]["namespace"], []).append(item)
    return dict(sorted(found.items()))


def must_gather(items: Iterable[Event]) -> Files:
    """What ``oc adm must-gather`` writes: YAML by namespace below a folder named after its image."""
    top = "must-gather.local.8473923/quay-io-openshift-release-dev-ocp-v4-0-art-dev-sha256-4f688c"
    files = {
        "must-gather.local.8473923/timestamp": b"2026-03-05 15:44:52.123456789 +0200 CEST m=+0.123456789\n"
        b"2026-03-05 15:52:10.5 +0200 CEST m=+438.500000001\n",
        f"{top}/version": b"openshift/must-gather\n4.14.12-0\n",
        f"{top}/cluster-scoped-resources/config.openshift.io/infrastructures.yaml": yaml.safe_dump(
            {
                "kind": "InfrastructureList",
                "items": [{"status": {"infrastructureName": "ocp-x7k2p"}}],
            }
        ).encode(),
        f"{top}/namespaces/shop/pods/web-0/web/logs/current.log": b"{ not json\n" * 1000,
        f"{top}/namespaces/shop/core/pods.yaml": b"items: [broken",
    }
    for namespace, events in by_namespace(items).items():
        listed = {"apiVersion": "v1", "items": events, "kind": "EventList", "metadata": {}}
        files[f"{top}/namespaces/{namespace}/core/events.yaml"] = yaml.dump(
            listed, Dumper=yaml.CSafeDumper
        ).encode()
    return files


def inspected(items: Iterable[Event]) -> Files:
    """What ``oc adm inspect`` writes: as a must-gather, without the folder of an image."""
    return {
        path.replace("must-gather.local.8473923/", "inspect.local.1/").replace(
            "quay-io-openshift-release-dev-ocp-v4-0-art-dev-sha256-4f688c/", ""
        ): data
        for path, data in must_gather(items).items()
    }


def troubleshoot(lists: Files) -> Files:
    """What troubleshoot.sh writes around the lists by namespace."""
    top = "support-bundle-2025-04-11T14_05_31"
    namespaces = {"items": [{"metadata": {"name": "kube-system", "uid": "a1b2-kube-system"}}]}
    return {
        f"{top}/version.yaml": b"apiVersion: troubleshoot.sh/v1beta1\nkind: SupportBundle\n",
        f"{top}/cluster-info/cluster_version.json": b'{"string": "v1.31.4+k3s1"}',
        f"{top}/cluster-resources/namespaces.json": json.dumps(namespaces).encode(),
        f"{top}/cluster-resources/pods/default.json": b'{"kind": "PodList", "items": [',
        **{f"{top}/cluster-resources/events/{name}": data for name, data in lists.items()},
    }


def rancher(lists: Files) -> Files:
    """What rancher's support-bundle-kit writes (Harvester, Longhorn): YAML of both API groups, and zips of nodes."""
    top = "supportbundle_7f0f_2022-03-22T23-50-01Z"
    return {
        f"{top}/metadata.yaml": b'projectname: Harvester\nbundlecreatedat: "2022-03-22T23:50:01Z"\n',
        f"{top}/yamls/cluster/v1/namespaces.yaml": yaml.safe_dump(
            {"items": [{"metadata": {"name": "kube-system", "uid": "harv-1"}}]}
        ).encode(),
        f"{top}/nodes/node1.zip": zipped({"node1/logs/kubelet.log": b"nothing\n" * 100}),
        **{f"{top}/yamls/namespaced/{name}": data for name, data in lists.items()},
    }


def sonobuoy(lists: Files) -> Files:
    """What sonobuoy writes around the lists by namespace."""
    log = (
        'time="2017-12-21T16:40:01Z" level=info msg="Running cluster queries"\n'
        'time="2017-12-21T16:40:03Z" level=info msg="Running ns query (kube-system)"\n'
        'time="2017-12-21T17:40:03Z" level=info msg="Results available"\n'
    )
    return {
        "meta/run.log": log.encode(),
        "meta/config.json": b"{}",
        "resources/ns/kube-system/Pods.json": b"[{",
        **{f"resources/ns/{name}": data for name, data in lists.items()},
    }


def cluster_info(items: Iterable[Event]) -> Files:
    """What ``kubectl cluster-info dump --output-directory`` of an old client writes: Go's own names."""
    files: dict[str, bytes] = {"nodes.json": b'{"Items": []}'}
    for namespace, events in by_namespace(items).items():
        listed = {"selfLink": "x", "resourceVersion": "1", "Items": [go_named(e) for e in events]}
        files[f"{namespace}/events.json"] = json.dumps(listed, indent=4).encode()
        files[f"{namespace}/replication-controllers.json"] = b'{"Items": []}'
        files[f"{namespace}/web-0/logs.txt"] = b'{"involvedObject": 1}\n'
    return files


def go_named(event: Event) -> Event:
    """An event as clients before 1.10 dump it: fields capitalised, those of metadata beside them."""

    def capital(value: object) -> object:
        if isinstance(value, dict):
            return {_go(key): capital(inner) for key, inner in value.items()}
        return value

    outer = {k: v for k, v in event.items() if k not in {"metadata", "kind", "apiVersion"}}
    renamed = {
        "reportingComponent": "reportingController",
        "reportingInstance": "reportingInstance",
    }
    named = {renamed.get(key, key): value for key, value in outer.items()}
    return {**event["metadata"], **{_go(key): capital(value) for key, value in named.items()}}


def _go(name: str) -> str:
    special = {"uid": "UID", "apiVersion": "APIVersion"}
    return special.get(name, name[:1].upper() + name[1:])


def tarred(files: Files, mode: str = "w") -> bytes:
    """A tar of ``files``."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as tar:  # type: ignore[call-overload]  # any mode that writes
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return data.getvalue()


def zipped(files: Files) -> bytes:
    """A zip of ``files``."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return data.getvalue()


PACKED: Mapping[str, Callable[[Files], bytes]] = {
    "b.tar": tarred,
    "b.tar.gz": lambda files: gzip.compress(tarred(files)),
    "b.tgz": lambda files: tarred(files, "w:gz"),
    "b.tar.zst": lambda files: pa.compress(tarred(files), "zstd", asbytes=True),
    "b.zip": zipped,
    "inner.zip": lambda files: zipped({"case-1/b.tar.gz": gzip.compress(tarred(files))}),
    "files.tar": lambda files: tarred({f"{p}.gz": gzip.compress(d) for p, d in files.items()}),
}


def items(source: str, below: str = "") -> list[Event]:
    """The events of a source."""
    return fixtures.items(fixtures.json_files(source, below))
