"""What a rule says of the baseline: how far from its usual a value has to be to count.

A value that meets the rule's threshold is a finding only if it meets this too. Where there is
too little history nothing is usual, so nothing is far from it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Self

import pyarrow as pa
import pyarrow.compute as pc

from etl.alerts.threshold import Threshold
from etl.config import alerting

_DAY = timedelta(days=1)

Method = Literal["mean", "median"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Conditions on what is usual: ``ratio`` on value / max(usual, ``floor``), ``usual`` on itself.

    ``span`` is how far back the baseline reaches and ``min_days`` how many of its days have to be
    known; null takes the digest's.
    """

    ratio: Threshold | None
    usual: Threshold | None
    floor: float
    method: Method
    span: timedelta | None
    min_days: int | None

    @classmethod
    def of(cls, wanted: alerting.RuleBaseline) -> Self:
        """Take what is configured; a threshold that is noted as a mistake is left out."""
        return cls(
            ratio=_threshold(wanted.ratio),
            usual=_threshold(wanted.usual),
            floor=wanted.floor,
            method=wanted.method,
            span=wanted.span,
            min_days=wanted.min_days,
        )

    def met(self, value: float, usual: float | None) -> bool:
        """Say whether ``value`` is as far from ``usual`` as wanted; never where nothing is usual."""
        if usual is None:
            return False
        far = self.ratio is None or self.ratio.met(value / max(usual, self.floor))
        return far and (self.usual is None or self.usual.met(usual))

    def among(self, values: pa.ChunkedArray, usual: pa.ChunkedArray) -> pa.ChunkedArray:
        """Say of many values (numbers) what ``met`` says of one."""
        kept = pc.is_valid(usual)
        if self.ratio is not None:
            least = pc.max_element_wise(usual, pa.scalar(self.floor), skip_nulls=False)
            kept = pc.and_kleene(
                kept, self.ratio.among(pc.divide(pc.cast(values, pa.float64()), least))
            )
        if self.usual is not None:
            kept = pc.and_kleene(kept, self.usual.among(usual))
        return kept

    @property
    def seeks_little(self) -> bool:
        """Whether it is met by what is missing, so that a gap could meet it."""
        return self.ratio is not None and self.ratio.seeks_little

    def __str__(self) -> str:
        """Write the conditions as a sentence's part."""
        least = f"greatest(baseline, {self.floor:g})"
        parts = [f"value / {least} {self.ratio}"] if self.ratio else []
        parts += [f"baseline {self.usual}"] if self.usual else []
        return " and ".join(parts)


def mistakes(wanted: alerting.RuleBaseline) -> Iterator[tuple[str, str]]:
    """Yield (key of the baseline, what is wrong); the key is empty for the whole."""
    if not (wanted.ratio or wanted.usual):
        yield "", "compares nothing; give ratio, such as '>= 3', or usual, such as '== 0'"
    for key in ("ratio", "usual"):
        text = getattr(wanted, key)
        if text and (wrong := Threshold.mistake(text)):
            yield key, wrong
    if not (math.isfinite(wanted.floor) and wanted.floor > 0):
        yield "floor", f"{wanted.floor:g} is nothing to divide by; give more than 0"
    if wanted.span is not None and wanted.span < _DAY:
        yield "span", f"{wanted.span} is no day; give 1d or more"
    if wanted.min_days is not None and wanted.min_days < 1:
        yield "min_days", f"{wanted.min_days} is too small; give at least 1"
    elif wanted.min_days and wanted.span and wanted.min_days > wanted.span / _DAY:
        yield "min_days", f"{wanted.min_days} days are more than the span of {wanted.span} has"


def _threshold(text: str) -> Threshold | None:
    return None if not text or Threshold.mistake(text) else Threshold.parse(text)
