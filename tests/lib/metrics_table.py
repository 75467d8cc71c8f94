"""The catalogue of metrics to Markdown: the table of docs/monitoring.md.

``python -m tests.lib.metrics_table`` writes the table anew between the two marks of the
page; tests/docs fails while they differ.
"""

from __future__ import annotations

from pathlib import Path

from etl.metrics.catalogue import METRICS

PAGE = Path(__file__).parents[2] / "docs" / "monitoring.md"
BEGIN = "<!-- metrics: written by python -m tests.lib.metrics_table -->"
END = "<!-- end of metrics -->"


def rendered() -> str:
    """Write all metrics as a Markdown table."""
    rows = [
        f"| `{m.name}` | {m.kind} | {', '.join(f'`{label}`' for label in m.labels)} | {m.help} |"
        for m in METRICS
    ]
    return "\n".join(["| metric | type | labels | meaning |", "|---|---|---|---|", *rows])


def replaced(page: str) -> str:
    """Return ``page`` with the text between the two marks written anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{rendered()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(replaced(PAGE.read_text("utf-8")), "utf-8")
