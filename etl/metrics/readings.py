"""Values of metrics at one moment, held to the catalogue: a name or a label that is not in it is a defect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from etl.metrics.catalogue import BY_NAME, METRICS, Metric

Labels = tuple[str, ...]


@dataclass(slots=True)
class Readings:
    """Values by metric and by the values of its labels, ``cluster`` first."""

    values: dict[str, dict[Labels, float]] = field(default_factory=dict)

    def put(self, name: str, value: float | None, *, cluster: str, **labels: str) -> None:
        """Set a value; null is one that nobody knows, and is left out."""
        metric = BY_NAME[name]
        key = (cluster, *(labels.pop(label) for label in metric.labels))
        if labels:
            message = f"{name} has no labels {sorted(labels)}"
            raise KeyError(message)
        if value is not None:
            self.values.setdefault(name, {})[key] = float(value)

    def join(self, other: Readings) -> None:
        """Take what ``other`` says too; of two values the one of ``other``."""
        for name, series in other.values.items():
            self.values.setdefault(name, {}).update(series)

    @property
    def clusters(self) -> list[str]:
        """Return the clusters that anything is said about, the empty name among them."""
        return sorted({key[0] for series in self.values.values() for key in series})

    def of(self, cluster: str) -> Readings:
        """Return what is said about one cluster."""
        found = {
            name: {key: value for key, value in series.items() if key[0] == cluster}
            for name, series in self.values.items()
        }
        return Readings({name: series for name, series in found.items() if series})

    def families(self) -> Iterator[tuple[Metric, Iterable[tuple[Labels, float]]]]:
        """Yield each metric that has values, in the order of the catalogue, with its sorted series."""
        for metric in METRICS:
            if series := self.values.get(metric.name):
                yield metric, sorted(series.items())
