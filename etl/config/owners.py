"""What can be set of owners and teams: labels and the chain of owners beside each state."""

from __future__ import annotations

from collections.abc import Iterator

from etl.config.section import Section

Found = tuple[str, str]


class Owners(Section, frozen=True):
    """Labels and owners of what events are about, from lists of metadata alone. Needs more RBAC: docs/operations.md."""

    enabled: bool = False
    """List the metadata of namespaces, pods, ReplicaSets and Jobs with each snapshot."""
    labels: list[str] = []
    """Keys of labels of pods, ReplicaSets and Jobs that are kept, such as app.kubernetes.io/part-of."""
    namespace_labels: list[str] = []
    """Keys of labels of namespaces that are kept, such as team."""


def mistakes(owners: Owners) -> Iterator[Found]:
    """Yield (path, what is wrong) with the section ``owners``."""
    for what, keys in (("labels", owners.labels), ("namespace_labels", owners.namespace_labels)):
        for index, key in enumerate(keys):
            if not key:
                yield f"owners.{what}[{index}]", "is empty"
    if not owners.enabled and (owners.labels or owners.namespace_labels):
        yield "owners.enabled", "is false, so no label is ever asked for; say enabled: true"
