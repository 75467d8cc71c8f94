"""Tables on a terminal: narrow and wide, Chinese, hostile, empty."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from rich.cells import cell_len
from rich.console import Console

from etl.reports.catalogue import Language
from etl.reports.terminal import show

AT = datetime(2026, 11, 22, 20, 30, tzinfo=UTC)


def _table(**columns: pa.Array) -> pa.Table:
    return pa.table(
        {
            "reason": pa.array(["BackOff", "探测失败"]),
            "type": pa.array(["Warning", "Normal"]),
            "occurrences": pa.array([1234567, 8], pa.int64()),
            "share": pa.array([0.5, 1.0]),
            "last_event": pa.array([AT, AT], pa.timestamp("us", tz="UTC")),
            "example": pa.array(["Back-off restarting failed container " * 9, "短"]),
            **columns,
        }
    )


def _shown(
    table: pa.Table, width: int, *, language: Language = "en", note: str = "", title: str = ""
) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=False, highlight=False)
    show(
        table,
        console=console,
        timezone=ZoneInfo("Asia/Shanghai"),
        language=language,
        title=title,
        note=note,
    )
    return stream.getvalue()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Wide characters count twice, and no line runs over."""
    lines = _shown(_table(), width, title="Top reasons").splitlines()
    assert max(cell_len(line) for line in lines) <= width


def test_numbers_times_and_shares_are_the_readers() -> None:
    """Numbers stand at the right with separators, times are in the zone, which is named."""
    text = _shown(_table(), 160)
    assert "1,234,567" in text
    assert "        8  " in text
    assert "50.0%" in text
    assert "2026-11-23 04:30:00" in text
    assert "times in Asia/Shanghai" in text
    assert "探测失败" in text


def test_columns_that_do_not_fit_are_named() -> None:
    """On a narrow terminal the first columns stay and the others are named below."""
    text = _shown(_table(), 36)
    assert "1,234,567" in text
    assert "Too narrow for: share, last_event, example." in " ".join(text.split())


def test_heads_speak_the_readers_language() -> None:
    """Heads are Chinese; words of Kubernetes stay."""
    text = _shown(_table(), 160, language="zh")
    assert "发生次数" in text
    assert "Warning" in text


def test_what_eventlake_wrote_is_translated() -> None:
    """States and causes of coverage are our own words and are translated."""
    table = pa.table({"state": ["gap"], "cause": ["no run"], "reason": ["gap"]})
    words = _shown(table, 80, language="zh").split()
    assert words[-3:] == ["缺口", "没有运行", "gap"]


def test_an_empty_answer_stands_beside_its_coverage() -> None:
    """Nothing found is said with what is known about the window."""
    empty = _table().slice(0, 0)
    assert _shown(empty, 80, note="Coverage: 50.0%") == "no rows. Coverage: 50.0%\n"
    assert _shown(empty, 80, language="zh") == "没有数据\n"


def test_hostile_text_does_not_reach_the_terminal() -> None:
    """No sequence, no control and no markup of ours: text of events is text, and capped."""
    hostile = pa.array(["\x1b[31mred\x1b]0;t\x07 [bold]x[/bold] \x9b2J", "y" * 5000])
    stream = io.StringIO()
    console = Console(file=stream, width=100, force_terminal=True, color_system=None)
    show(
        pa.table({"message": hostile}),
        console=console,
        timezone=ZoneInfo("UTC"),
        language="en",
        title="[red]title",
        note="[red]note",
    )
    text = stream.getvalue()
    assert "red [bold]x[/bold]" in text
    assert "\x9b" not in text
    assert "\x07" not in text
    assert "[red]title" in text
    assert "[red]note" in text
    assert text.count("y") < 200
