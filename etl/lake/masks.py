"""Texts of rows to the same with what must not be kept masked: message, action, values of labels and annotations.

The engine is RE2, whose time grows with the length of the text alone, so that nobody who may
write an event can make it slow. Names, reasons, reporters and places are left as they are:
the API checks most of them, and they are what states are counted and told by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

TEXTS = ("message", "action")
MAPS = ("labels", "annotations")
# What is made of the texts: it holds what they hold.
MADE = "message_pattern"


@dataclass(frozen=True, slots=True)
class Mask:
    r"""One rule; ``match`` is of RE2 and ``replace`` names its groups as ``\1``."""

    name: str
    match: str
    replace: str

    def on(self, texts: pa.Array) -> pa.Array:
        """Return a column of text, masked."""
        return pc.replace_substring_regex(texts, self.match, self.replace)

    def of(self, text: str) -> str:
        """Return one text, masked."""
        masked: str = self.on(pa.array([text], pa.string()))[0].as_py()
        return masked


@dataclass(frozen=True, slots=True)
class Masks:
    """Rules that are applied one after the other."""

    rules: tuple[Mask, ...]

    def rows(self, rows: pa.Table, counts: Counter[str]) -> pa.Table:
        """Return ``rows`` masked; ``counts`` grows by the rows that each rule changed."""
        for rule in self.rules:
            changed = pa.repeat(pa.scalar(False), rows.num_rows)  # noqa: FBT003 -- a value of the mask
            for name in (*TEXTS, *MAPS):
                at = rows.schema.get_field_index(name)
                if at < 0:
                    continue
                masked, differs = (_map if name in MAPS else _text)(rows[name], rule)
                if masked is not None:
                    rows = rows.set_column(at, rows.schema.field(at), masked)
                    changed = pc.or_(changed, differs)
            if found := pc.sum(changed).as_py():
                counts[rule.name] += found
        return rows

    def text(self, text: str) -> str:
        """Return one text, masked."""
        for rule in self.rules:
            text = rule.of(text)
        return text

    def texts(self, texts: Sequence[str]) -> list[str]:
        """Return texts, masked."""
        column = pa.array(texts, pa.string())
        for rule in self.rules:
            column = rule.on(column)
        masked: list[str] = column.to_pylist()
        return masked


_Masked = tuple[pa.ChunkedArray | None, pa.Array | None]


def _text(column: pa.ChunkedArray, rule: Mask) -> _Masked:
    """Return a column of text masked and where it changed; nulls where it did nowhere."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    if not pc.any(pc.match_substring_regex(column, rule.match)).as_py():
        return None, None
    masked = rule.on(column)
    differs = pc.fill_null(pc.not_equal(masked, column), False).combine_chunks()  # noqa: FBT003 -- the value to fill in
    return masked.cast(kind) if masked.type != kind else masked, differs


def _map(column: pa.ChunkedArray, rule: Mask) -> _Masked:
    """Return a column of maps with their values masked and where one changed; nulls where none did."""
    said = [chunk.items for chunk in column.chunks if chunk.null_count < len(chunk)]
    if not any(pc.any(pc.match_substring_regex(values, rule.match)).as_py() for values in said):
        return None, None
    # Events with labels are rare, those with such labels rarer: Python may do it.
    before = column.to_pylist()
    after = [
        None
        if row is None
        else [(key, value if value is None else rule.of(value)) for key, value in row]
        for row in before
    ]
    differs = [a != b for a, b in zip(after, before, strict=True)]
    return pa.chunked_array([pa.array(after, column.type)]), pa.array(differs, pa.bool_())
