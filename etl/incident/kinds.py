"""What people type for a kind (``po``, ``deployments.apps``) to the kinds that events name.

The short names are those of the API server's own resources (``kubectl api-resources``,
Kubernetes 1.36). Nobody is asked, so the kinds of custom resources are recognised by their
names: without the group, in the singular, in any case.
"""

from __future__ import annotations

from dataclasses import dataclass

# Short or unusual names that the rules for plurals do not find.
_SHORT = {
    "cj": "cronjob",
    "cm": "configmap",
    "crd": "customresourcedefinition",
    "cs": "componentstatus",
    "csr": "certificatesigningrequest",
    "deploy": "deployment",
    "ds": "daemonset",
    "ep": "endpoints",
    "ev": "event",
    "hpa": "horizontalpodautoscaler",
    "ing": "ingress",
    "limits": "limitrange",
    "netpol": "networkpolicy",
    "no": "node",
    "ns": "namespace",
    "pc": "priorityclass",
    "pdb": "poddisruptionbudget",
    "po": "pod",
    "pv": "persistentvolume",
    "pvc": "persistentvolumeclaim",
    "quota": "resourcequota",
    "rc": "replicationcontroller",
    "rs": "replicaset",
    "sa": "serviceaccount",
    "sc": "storageclass",
    "sts": "statefulset",
    "svc": "service",
}
# Their events lie in the namespace default, whatever namespace somebody works in.
CLUSTER_SCOPED = frozenset(
    {"node", "namespace", "persistentvolume", "storageclass", "customresourcedefinition"}
)


@dataclass(frozen=True, slots=True)
class Reference:
    """An object as it was typed: the kinds that may be meant, in lower case, and its name."""

    kinds: tuple[str, ...]
    name: str

    @property
    def kind(self) -> str:
        """The kind that is most likely meant."""
        return self.kinds[0]

    @property
    def namespaced(self) -> bool:
        """Whether its events lie in its own namespace."""
        return self.kind not in CLUSTER_SCOPED


def reference(text: str, *, kind: str = "") -> Reference:
    """Read ``KIND/NAME``, or a bare name where ``kind`` is what is meant then.

    Raises ``ValueError`` that shows the accepted form.
    """
    before, slash, name = text.partition("/")
    if not slash and kind:
        return Reference((kind,), text)
    if not before or not name or "/" in name:
        message = f"{text!r} is not an object; write it KIND/NAME, such as pod/web-0"
        raise ValueError(message)
    return Reference(kinds(before), name)


def kinds(typed: str) -> tuple[str, ...]:
    """Return what ``typed`` can stand for, in lower case, the likeliest first."""
    word = typed.lower().partition(".")[0]
    if word in _SHORT:
        return (_SHORT[word],)
    found = [word]
    # Plurals as the API server makes them (kubectl writes policies, ingresses, pods).
    for ending, singular in (("ies", "y"), ("ses", "s"), ("xes", "x"), ("ches", "ch"), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            found.insert(0, word.removesuffix(ending) + singular)
            break
    return tuple(found)
