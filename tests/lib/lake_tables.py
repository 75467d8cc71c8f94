"""The schema to Markdown: the tables of docs/lake.md, from the columns and their sentences.

``python -m tests.lib.lake_tables`` writes the tables anew between the marks of the
page; tests/docs fails while they differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from etl import manifest, schema
from etl.lake import told

PAGE = Path(__file__).parents[2] / "docs" / "lake.md"
_BEGIN = "<!-- {name}: written by python -m tests.lib.lake_tables -->"
_END = "<!-- end of {name} -->"


def tables() -> dict[str, str]:
    """Return the tables of the page by the name of their marks."""
    return {
        "observations": _columns([*schema.PARTITIONS, *schema.OBSERVATION]),
        "derived": _columns(schema.DERIVED),
        "flags": _table(("flag", "meaning"), [(f"`{k}`", v) for k, v in schema.FLAGS.items()]),
        "alerts": _columns(told.ALERTS),
        "deliveries": _columns(told.DELIVERIES),
        "ledger": _columns([*manifest.LEDGER_PARTITIONS, *manifest.SNAPSHOT]),
    }


def replaced(page: str) -> str:
    """Return ``page`` with the tables as the schema has them now."""
    for name, table in tables().items():
        begin, end = _BEGIN.format(name=name), _END.format(name=name)
        before, begins, rest = page.partition(begin)
        _old, ends, after = rest.partition(end)
        assert begins, f"the page has no place for {name}"
        assert ends, f"the place for {name} has no end"
        page = f"{before}{begin}\n{table}\n{end}{after}"
    return page


def _columns(columns: Iterable[schema.Column]) -> str:
    rows = [
        (f"`{c.name}`", _type(c.type), "yes" if c.nullable else "no", c.meaning) for c in columns
    ]
    return _table(("column", "type", "null", "meaning"), rows)


def _type(kind: pa.DataType) -> str:
    """Return the type as a reader knows it, whatever pyarrow calls the fields inside it."""
    if pa.types.is_list(kind):
        return f"list of {_type(kind.value_type)}"
    if pa.types.is_map(kind):
        return f"map of {_type(kind.key_type)} to {_type(kind.item_type)}"
    return str(kind)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


if __name__ == "__main__":
    PAGE.write_text(replaced(PAGE.read_text("utf-8")), "utf-8")
