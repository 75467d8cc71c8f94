"""A figure: its key, its value, its limit and how it was measured; a table for eyes, JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

_DIGITS = 3
_HUNDREDS = 100


@dataclass(frozen=True, slots=True)
class Limit:
    """What a figure has to reach: at most or at least ``value``."""

    sign: Literal["≤", "≥"]
    value: float

    def holds(self, value: float) -> bool:
        """Whether ``value`` reaches it."""
        return value <= self.value if self.sign == "≤" else value >= self.value


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number; one without an entry in ``LIMITS`` is information."""

    key: str
    value: float
    how: str

    @property
    def limit(self) -> Limit | None:
        """What it has to reach, null for information."""
        return LIMITS.get(self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Sizes of a bench: events of the ordinary and of the large list, observations of a large day and of a month, rounds, where to work."""

    events: int
    many: int
    day: int
    month: int
    rounds: int
    folder: Path


LIMITS: dict[str, Limit] = {
    "snapshot_first_ratio": Limit("≤", 1.5),
    "snapshot_unchanged_ratio": Limit("≤", 1.4),
    "snapshot_100k_peak_mb": Limit("≤", 300),
    "snapshot_500k_peak_mb": Limit("≤", 450),
    "watch_bytes_share": Limit("≤", 1 / 3),
    "watch_states_kept": Limit("≥", 1),
    "watch_deletions_told": Limit("≥", 1),
    "ingest_speedup": Limit("≥", 6),
    "import_events_a_second": Limit("≥", 50_000),
    "import_archive_peak_mb": Limit("≤", 512),
    "report_worst_ratio": Limit("≤", 1),
    "reports_all_s": Limit("≤", 8),
    "seal_3m_s": Limit("≤", 25),
    "seal_3m_peak_mb": Limit("≤", 1536),
    "sealed_bytes_share": Limit("≤", 0.06),
    "digest_s": Limit("≤", 5),
    "help_s": Limit("≤", 0.25),
}


def write(figures: Sequence[Figure], path: Path) -> None:
    """Write ``figures`` as one JSON object, key by key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        figure.key: {
            "value": round(figure.value, _DIGITS),
            "limit": figure.limit.value if figure.limit else None,
            "how": figure.how,
        }
        for figure in figures
    }
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the figures that have a limit, then the others."""
    table = Table(box=None, pad_edge=False)
    table.add_column("figure", no_wrap=True)
    table.add_column("value", no_wrap=True, justify="right")
    table.add_column("limit", no_wrap=True)
    table.add_column("how")
    for figure in sorted(figures, key=lambda figure: figure.limit is None):
        table.add_row(figure.key, _number(figure.value), _verdict(figure), figure.how)
    console.print(table)


def _verdict(figure: Figure) -> str:
    if figure.limit is None:
        return "-"
    return _limit(figure.limit) + ("" if figure.limit.holds(figure.value) else " MISSED")


def _limit(limit: Limit) -> str:
    return f"{limit.sign} {limit.value:g}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= _HUNDREDS else f"{value:.{_DIGITS}g}"
