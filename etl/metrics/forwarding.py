"""Targets of forwarding to readings: what waits, since when, what became of everything else."""

from __future__ import annotations

from etl.config.forwarding import Forward
from etl.forward import dead
from etl.forward.forwarder import state
from etl.forward.looking import backlog
from etl.lake.layout import Lake
from etl.metrics.readings import Readings


def of_targets(lake: Lake, settings: Forward, cluster: str) -> Readings:
    """Return how each target is doing, of one cluster or all; raises ``LakeError``."""
    found = Readings()
    refused = dead.count(lake.files) if settings.targets else {}
    for target in settings.targets:
        name = target.name
        waits = backlog(lake, name, [cluster] if cluster else None)
        labels = {"cluster": cluster, "target": name}
        found.put("eventlake_forward_waiting_parts", waits.parts, **labels)
        oldest = waits.oldest.timestamp() if waits.oldest else None
        found.put("eventlake_forward_oldest_timestamp_seconds", oldest, **labels)
        found.put("eventlake_forward_dead_letters", refused.get(name, 0), **labels)
        known = state(lake.files, name)
        succeeded = known.succeeded_at.timestamp() if known and known.succeeded_at else 0
        found.put("eventlake_forward_success_timestamp_seconds", succeeded, **labels)
        for one, counts in waits.by_cluster.items():
            for outcome in ("sent", "passed", "refused", "deleted"):
                found.put(
                    "eventlake_forward_observations_total",
                    getattr(counts, outcome),
                    cluster=one,
                    target=name,
                    outcome=outcome,
                )
    return found
