"""A cluster that is watched: runs with metrics on, and their metrics read as Prometheus reads them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW, Done, eventlake

Sample = tuple[str, frozenset[tuple[str, str]]]


@dataclass(slots=True)
class Watched:
    """A configuration beside a lake in a folder; ``metrics`` is what stands under that key."""

    folder: Path
    server: ApiServer
    metrics: str = ""
    more: str = ""

    @property
    def textfile(self) -> Path:
        """Where the metrics are written."""
        return self.folder / "eventlake.prom"

    @property
    def lake(self) -> Path:
        """Where the lake is."""
        return self.folder / "lake"

    def run(self, *command: str, now: datetime = NOW, log_format: str = "text") -> Done:
        """Run a command, ``run`` without a word."""
        metrics = self.metrics or f"{{textfile: {self.textfile}}}"
        kubeconfig = self.server.kubeconfig(self.folder / "kubeconfig")
        config = self.folder / "config.yaml"
        config.write_text(
            f"cluster: prod\nsource: {{kubeconfig: {kubeconfig}, retries: 0}}\n"
            f"metrics: {metrics}\n{self.more}"
        )
        return eventlake(
            *("--log-format", log_format, "--config", config, "--lake", self.lake),
            *(command or ("run",)),
            now=now,
        )

    def value(self, name: str, **labels: str) -> float | None:
        """Return the value of the one series with these labels among others; null if there is none."""
        wanted = {**labels, "cluster": labels.get("cluster", "prod")}.items()
        found = [
            v for (n, held), v in samples(self.textfile).items() if n == name and wanted <= held
        ]
        assert len(found) < 2, found
        return found[0] if found else None


def samples(path: Path) -> dict[Sample, float]:
    """Return all series of a text file."""
    return parsed(path.read_text("utf-8"))


def parsed(text: str) -> dict[Sample, float]:
    """Return all series of a text in Prometheus' format; no series is told twice."""
    found: dict[Sample, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found
