"""Rows to a table on a terminal: as wide as it is, in the reader's timezone and language.

Columns are shown from the left as long as they fit, for the SQL names the important ones
first; those that do not fit are named below, never dropped in silence. Long texts share
the space that is left and wrap. Foreign text is harmless: no markup, no terminal sequences.
"""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import pyarrow as pa
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from etl.reports.catalogue import Language
from etl.reports.cells import is_number, plain, shown
from etl.reports.words import label, say, told

# A cell of a table is for finding, not for reading: the whole text is in the machine formats.
_CELL_CHARACTERS = 160
# Columns of text may be squeezed to this width before one of them is left out; a value
# without spaces, such as a pod's name, is still recognised by it.
_NARROWEST_TEXT = 18
_PADDING = 2


def show(
    table: pa.Table,
    *,
    console: Console,
    timezone: ZoneInfo,
    language: Language,
    title: str = "",
    question: str = "",
    note: str = "",
) -> None:
    """Print ``table`` below its ``title`` and ``question``; ``note`` is its coverage line.

    An empty table says so, and the note stands beside it: nothing found is only good
    news where all was seen.
    """
    if title:
        console.print(Text(title, style="bold"))
    if question:
        console.print(Text(question, style="dim"))
    if table.num_rows == 0:
        text = f"{say('no rows', language)}. {note}" if note else say("no rows", language)
        console.print(Text(text))
        return
    columns = _cells(table, timezone=timezone, language=language)
    heads = [label(name, language) for name in table.column_names]
    fitting = _fitting(heads, columns, types=table.schema.types, width=console.width)
    console.print(_drawn(heads, columns, types=table.schema.types, count=fitting))
    if fitting < len(heads):
        hidden = ", ".join(table.column_names[fitting:])
        console.print(Text(say("not shown", language, columns=hidden), style="dim"))
    if any(pa.types.is_timestamp(kind) for kind in table.schema.types[:fitting]):
        console.print(Text(say("times in", language, zone=timezone.key), style="dim"))
    if note:
        console.print(Text(note, style="dim"))


def _cells(table: pa.Table, *, timezone: ZoneInfo, language: Language) -> list[list[str]]:
    return [
        [
            shown(
                told(cell, name, language),
                column=name,
                zone=timezone,
                limit=_CELL_CHARACTERS,
            )
            for cell in column.to_pylist()
        ]
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]


def _fitting(
    heads: Sequence[str],
    columns: Sequence[Sequence[str]],
    *,
    types: Sequence[pa.DataType],
    width: int,
) -> int:
    """Return how many columns from the left fit into ``width``; one is always shown."""
    used, count = 0, 0
    for head, cells, kind in zip(heads, columns, types, strict=True):
        natural = max(map(cell_len, [head, *cells]))
        least = natural if _is_rigid(kind) else min(natural, max(_NARROWEST_TEXT, cell_len(head)))
        used += least + _PADDING
        if used > width and count:
            break
        count += 1
    return count


def _drawn(
    heads: Sequence[str],
    columns: Sequence[Sequence[str]],
    *,
    types: Sequence[pa.DataType],
    count: int,
) -> Table:
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, _PADDING, 0, 0), show_edge=False)
    for head, kind in zip(heads[:count], types, strict=False):
        drawn.add_column(
            Text(plain(head, _CELL_CHARACTERS)),
            justify="right" if is_number(kind) else "left",
            no_wrap=_is_rigid(kind),
            overflow="fold",
        )
    for row in zip(*columns[:count], strict=True):
        drawn.add_row(*(Text(cell) for cell in row))
    return drawn


def _is_rigid(kind: pa.DataType) -> bool:
    """Whether values of ``kind`` read badly when they are wrapped."""
    return is_number(kind) or pa.types.is_temporal(kind)
