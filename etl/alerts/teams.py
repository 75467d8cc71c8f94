"""Labels of namespaces to labels that routes may match: who gets what is a matter of the namespace.

They are no labels of an alert: what an alert is must not depend on whether metadata could be
listed this time. An alert's own label of the same name wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from etl.config.settings import Settings
from etl.lake.query import Session
from etl.statements import statement

Namespaces = Mapping[tuple[str, str], Mapping[str, str]]
"""Labels by cluster and namespace."""
# A label of Kubernetes may hold what a matcher cannot name.
_UNNAMED = str.maketrans(dict.fromkeys("./-", "_"))


def namespaces(
    session: Session, settings: Settings, *, base: datetime, end: datetime
) -> Namespaces:
    """Return what is known of namespaces, where routes and ``owners`` want it; else nothing is asked."""
    if settings.route is None or not settings.owners.enabled:
        return {}
    found = session.run(statement("rules/namespace_labels").text, {"base": base, "end": end})
    return {
        (row["cluster"], row["namespace"]): {
            key.translate(_UNNAMED): value for key, value in row["labels"]
        }
        for row in found.to_pylist()
    }


def with_team(
    labels: Mapping[str, str], known: Namespaces, clusters: tuple[str, ...]
) -> Mapping[str, str]:
    """Return ``labels`` and those of the namespace that they name; of one cluster where they name none."""
    cluster = labels.get("cluster") or (clusters[0] if len(clusters) == 1 else "")
    around = known.get((cluster, labels.get("namespace", "")))
    return {**around, **labels} if around else labels
