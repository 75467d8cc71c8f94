"""The bench: every figure that can be measured is written with its limit, and nothing else is."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench import figures, measure
from bench.measure import Taken, in_turns, ratio, run

ROOT = Path(__file__).parents[2]
LIMITS = {
    "snapshot_first_ratio": 1.5,
    "snapshot_unchanged_ratio": 1.4,
    "snapshot_100k_peak_mb": 300,
    "snapshot_500k_peak_mb": 450,
    "watch_bytes_share": 1 / 3,
    "watch_states_kept": 1,
    "watch_deletions_told": 1,
    "ingest_speedup": 6,
    "import_events_a_second": 50_000,
    "import_archive_peak_mb": 512,
    "report_worst_ratio": 1,
    "reports_all_s": 8,
    "seal_3m_s": 25,
    "seal_3m_peak_mb": 1536,
    "sealed_bytes_share": 0.06,
    "digest_s": 5,
    "help_s": 0.25,
}
SMALL = ("--events=300", "--many=300", "--day=900", "--month=1800", "--rounds=1")


def bench(output: Path, *arguments: str) -> str:
    """Run the bench; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "bench", f"--output={output}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def measured(output: Path) -> Mapping[str, Any]:
    """Read what the bench wrote."""
    content: Mapping[str, Any] = json.loads(output.read_text("utf-8"))
    return content


def test_every_figure_is_written_and_shown(tmp_path: Path) -> None:
    """Of 300 events, every comparison made once: each has a value, its limit of the design, a sentence and a row; below the table stands that the sizes are others."""
    output = tmp_path / "out" / "figures.json"
    shown = bench(output, *SMALL)
    written = measured(output)
    limits = {key: one["limit"] for key, one in written.items() if one["limit"] is not None}
    assert limits == LIMITS
    lines = shown.splitlines()
    for key, one in written.items():
        assert set(one) == {"value", "limit", "how"}, key
        assert one["value"] > 0, key
        assert len(one["how"].split()) > 3, key
        assert any(line.split()[:1] == [key] for line in lines), key
    assert "sizes were chosen" in shown


def test_limits_are_those_of_the_design() -> None:
    """What is promised is what is measured."""
    assert {key: limit.value for key, limit in figures.LIMITS.items()} == LIMITS


def test_only_what_was_chosen_is_measured(tmp_path: Path) -> None:
    """One group can be measured by itself; the file then holds no more."""
    shown = bench(tmp_path / "figures.json", "--only=help")
    assert set(measured(tmp_path / "figures.json")) == {"help_s"}
    assert "snapshot_first_ratio" not in shown


@pytest.mark.parametrize(
    ("key", "value", "verdict"),
    [
        ("snapshot_first_ratio", 1.5, "≤ 1.5"),
        ("snapshot_first_ratio", 1.51, "≤ 1.5 MISSED"),
        ("ingest_speedup", 6, "≥ 6"),
        ("ingest_speedup", 5.9, "≥ 6 MISSED"),
        ("something_else_s", 3, "-"),
    ],
)
def test_a_missed_limit_is_marked(key: str, value: float, verdict: str) -> None:
    """At most and at least are told apart, and what has no limit misses none."""
    console = Console(width=200, record=True, file=io.StringIO())
    figures.show([figures.Figure(key, value, "measured by hand here")], console)
    row = next(line for line in console.export_text().splitlines() if line.startswith(key))
    assert verdict in row
    assert ("MISSED" in row) == ("MISSED" in verdict)


def once(seconds: float) -> Taken:
    """A process that took so long."""
    return Taken(seconds, seconds, 1, "", "")


def test_sides_take_turns_and_the_first_round_is_thrown_away() -> None:
    """A B A B: what makes the machine slow hits both; the first round only warms up."""
    order: list[str] = []

    def side(name: str) -> Callable[[], Taken]:
        def taken() -> Taken:
            order.append(name)
            return once(len(order))

        return taken

    taken = in_turns({"a": side("a"), "b": side("b")}, rounds=2)
    assert "".join(order) == "ababab"
    assert {name: [t.seconds for t in times] for name, times in taken.items()} == {
        "a": [3, 5],
        "b": [4, 6],
    }


def test_ratio_is_the_median_of_the_rounds() -> None:
    """A round in which the machine was slow makes both sides slow, and one odd round decides nothing."""
    ours = [once(s) for s in (2, 20, 90)]
    theirs = [once(s) for s in (1, 10, 10)]
    assert ratio(ours, theirs) == 2


def test_peak_of_memory_is_the_command_s_own() -> None:
    """However large the process is that starts it."""
    ballast = b"x" * (200 << 20)
    small = run([sys.executable, "-I", "-S", "-c", "print('small')"])
    large = run([sys.executable, "-I", "-S", "-c", "x = b'x' * (100 << 20)"])
    assert len(ballast) == 200 << 20
    assert small.peak_mb < 60
    assert 100 < large.peak_mb < 160
    assert small.output == "small\n"


def test_a_command_that_fails_stops_the_bench() -> None:
    """No figure comes of a command that did not do its work."""
    with pytest.raises(RuntimeError, match=r"(?s)ended with 3.*why"):
        run([sys.executable, "-c", "import sys; print('why', file=sys.stderr); sys.exit(3)"])
    with pytest.raises(RuntimeError, match="cannot be started"):
        run(["/no/such/program"])


def test_children_use_compiled_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that would let every child compile its imports anew does not reach it."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    shown = run([sys.executable, "-c", "import sys; print(sys.dont_write_bytecode)"])
    assert shown.output == "False\n"
    assert measure.eventlake("--help")[-1] == "--help"
