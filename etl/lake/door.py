"""The door of the lake: what nobody may keep is masked or left out before a row is written.

Every row that is added goes through it, whoever brings it. What was left out or masked is
counted for the ledger; nothing of it is ever written, also not under a temporary name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from etl.config.door import Ingest
from etl.lake.masks import Mask, Masks


class Door:
    """Lets rows of one run through, as the section ``ingest`` of the configuration says."""

    def __init__(self, ingest: Ingest) -> None:
        """Mask and leave out as ``ingest`` says, which was checked."""
        self._masks = Masks(tuple(Mask(one.name, one.match, one.replace) for one in ingest.redact))
        self._dropped = {
            column: Counter(dict.fromkeys(names, 0))
            for column, names in (
                ("namespace", ingest.drop.namespaces),
                ("reason", ingest.drop.reasons),
            )
            if names
        }
        self._redacted: Counter[str] = Counter({one.name: 0 for one in ingest.redact})

    @property
    def redacted(self) -> dict[str, int] | None:
        """How many rows each rule changed; null without rules."""
        return dict(self._redacted) or None

    @property
    def dropped_namespaces(self) -> dict[str, int] | None:
        """How many rows of each namespace were left out; null where none is named."""
        return _counts(self._dropped.get("namespace"))

    @property
    def dropped_reasons(self) -> dict[str, int] | None:
        """How many rows of each reason were left out; null where none is named."""
        return _counts(self._dropped.get("reason"))

    @property
    def left_out(self) -> int:
        """How many rows were left out."""
        return sum(counts.total() for counts in self._dropped.values())

    @property
    def names(self) -> dict[str, list[str]]:
        """What is left out, for whoever compares with a run that left out something else."""
        return {column: sorted(counts) for column, counts in self._dropped.items()}

    def passed(self, rows: pa.Table) -> pa.Table:
        """Return what of ``rows`` may be stored, masked."""
        for column, counts in self._dropped.items():
            rows = _without(rows, column, counts)
        return self._masks.rows(rows, self._redacted) if self._masks.rules else rows


def _without(rows: pa.Table, column: str, counts: Counter[str]) -> pa.Table:
    """Return ``rows`` without those whose ``column`` is one of ``counts``, which grow by them."""
    found = pc.is_in(rows[column], value_set=pa.array(list(counts), pa.string()))
    if not pc.any(found).as_py():
        return rows
    told: Sequence[Mapping[str, object]] = pc.value_counts(rows[column].filter(found)).to_pylist()
    counts.update({str(one["values"]): int(str(one["counts"])) for one in told})
    return rows.filter(pc.invert(found))


def _counts(counts: Counter[str] | None) -> dict[str, int] | None:
    return None if counts is None else dict(counts)
