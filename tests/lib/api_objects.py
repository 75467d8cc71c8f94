"""Lists of namespaces, pods, ReplicaSets and Jobs, as an API server gives them: whole, or their metadata alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tests.lib import api_answers
from tests.lib.accounts import Account
from tests.lib.loopback import Answer, Request

_PATH = re.compile(
    r"/(?:api/v1|apis/(?P<group>apps|batch)/v1)"
    r"(?:/namespaces/(?P<namespace>[^/]+))?/(?P<resource>namespaces|pods|replicasets|jobs)\Z"
)
_KINDS = {"namespaces": "Namespace", "pods": "Pod", "replicasets": "ReplicaSet", "jobs": "Job"}
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_PARTIAL = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}


@dataclass(slots=True)
class Objects:
    """The objects of a cluster by resource; of ``old`` servers metadata alone cannot be had."""

    stored: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    old: bool = False

    def add(
        self,
        resource: str,
        name: str,
        *,
        namespace: str = "shop",
        labels: dict[str, str] | None = None,
        owner: tuple[str, str] | None = None,
    ) -> str:
        """Store an object owned by the kind and name ``owner``, with a spec that holds a secret; return its uid."""
        uid = f"uid-{_KINDS[resource]}-{name}"
        metadata: dict[str, Any] = {"name": name, "uid": uid, "resourceVersion": "1"}
        if resource != "namespaces":
            metadata["namespace"] = namespace
        if labels:
            metadata["labels"] = labels
        if owner:
            kind, owner_name = owner
            reference: dict[str, Any] = {"apiVersion": "v1", "kind": kind, "name": owner_name}
            reference |= {"uid": f"uid-{kind}-{owner_name}", "controller": True}
            metadata["ownerReferences"] = [{**reference, "controller": False}, reference]
        metadata["managedFields"] = [{"manager": "x", "fieldsV1": {"f:metadata": {}}}]
        spec = {"containers": [{"env": [{"name": "PASSWORD", "value": "in-the-spec"}]}]}
        self.stored.setdefault(resource, []).append({"metadata": metadata, "spec": spec})
        return uid

    def answer(self, request: Request, account: Account) -> Answer | None:
        """Return a page of a list; null for a path that is none."""
        found = _PATH.fullmatch(request.path)
        if found is None or request.method != "GET":
            return None
        resource, namespace, group = (found[n] or "" for n in ("resource", "namespace", "group"))
        if resource not in account.metadata:
            return api_answers.forbidden(
                user=account.user,
                verb="list",
                group=group,
                namespace=namespace,
                resource=resource,
                name="",
            )
        metadata_alone = request.headers.get("accept", "") == _METADATA
        if metadata_alone and self.old:
            return api_answers.not_acceptable()
        here = [
            one
            for one in self.stored.get(resource, [])
            if namespace in {"", one["metadata"].get("namespace", "")}
        ]
        start, limit = int(request.query.get("continue", "0")), int(request.query["limit"])
        page: list[dict[str, Any]] = here[start : start + limit]
        if metadata_alone:
            page = [{**_PARTIAL, "metadata": one["metadata"]} for one in page]
        kind = "PartialObjectMetadata" if metadata_alone else _KINDS[resource]
        meta: dict[str, Any] = {"resourceVersion": "1"}
        if start + limit < len(here):
            meta["continue"] = str(start + limit)
        return api_answers.as_json(
            200,
            {
                "kind": f"{kind}List",
                "apiVersion": "meta.k8s.io/v1" if metadata_alone else "v1",
                "metadata": meta,
                "items": page,
            },
        )
