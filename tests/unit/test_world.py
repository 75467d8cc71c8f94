"""Who meets the world: the clock, the environment and the arguments are read at the edge, and nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What may be read where; time.monotonic measures lengths and tells no time.
EDGES = {
    "datetime.now": {"etl/cli.py", "etl/api/opened.py"},
    "os.environ": {"etl/cli.py", "etl/api/opened.py"},
    "sys.argv": {"etl/cli.py"},
}
READS = {
    **{name: name for name in EDGES},
    **dict.fromkeys(
        ["datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"],
        "datetime.now",
    ),
    **dict.fromkeys(["os.getenv", "os.environb"], "os.environ"),
}


def reads(path: Path) -> Iterator[str]:
    """Yield what of the world a module reads."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in READS:
            yield READS[ast.unparse(node)]


@pytest.mark.parametrize("what", EDGES)
def test_the_world_is_read_at_the_edge_only(what: str) -> None:
    """``cli`` and ``api`` are called from outside; whoever is called by them is told."""
    readers = {
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "etl").rglob("*.py"))
        if what in reads(path)
    }
    assert readers == EDGES[what]


def test_no_sql_asks_the_clock() -> None:
    """A statement gets its times bound, so that it answers the same on every day."""
    words = ("now(", "current_date", "current_timestamp", "today(", "get_current_")
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in sorted((ROOT / "sql").rglob("*.sql"))
        for word in words
        if word in path.read_text("utf-8").lower()
    ]
    assert found == []
