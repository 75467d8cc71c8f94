"""Values in a reader's terms."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.reports.cells import percent, plain, shown

SHANGHAI = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 11, 22, 20, 30, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "column", "text"),
    [
        (None, "x", "–"),
        (True, "x", "yes"),
        (1234567, "occurrences", "1,234,567"),
        (Decimal(1234567), "occurrences", "1,234,567"),
        (1234.56, "mean", "1,235"),
        (123.456, "mean", "123.46"),
        (550.0000001, "mean", "550"),
        (0.0049, "mean", "0.0049"),
        (0.0, "mean", "0"),
        (912, "message_bytes", "912 B"),
        (4_200_000, "message_bytes", "4.2 MB"),
        (3e15, "message_bytes", "3,000.0 TB"),
        (0.42, "mean_seconds", "0.4s"),
        (float("nan"), "mean", "–"),
        (float("nan"), "share", "–"),
        (0.125, "covered_share", "12.5%"),
        (5400.0, "length_seconds", "1h30m"),
        (timedelta(hours=26), "age", "1d2h"),
        (AT, "last_event", "2026-11-23 04:30:05"),
        (AT, "bucket", "2026-11-23 04:30"),
        (AT.replace(tzinfo=None), "local", "2026-11-22 20:30:05"),
        (date(2026, 11, 22), "day", "2026-11-22"),
        (["a", "b\n"], "flags", "a, b"),
        ({"a": 1}, "labels", "{'a': 1}"),
        ("a\tb\r\n c", "message", "a b c"),
    ],
)
def test_a_value_is_shown_by_its_column(value: object, column: str, text: str) -> None:
    """Numbers have separators, shares are per cent, times are the reader's, null is a dash."""
    assert shown(value, column=column, zone=SHANGHAI, limit=50) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0%"),
        (1.0, "100%"),
        (0.99999, "99.9%"),
        (0.00001, "<0.1%"),
        (0.41, "41.0%"),
        (1.5, "150.0%"),
    ],
)
def test_all_and_nothing_are_only_said_of_all_and_nothing(share: float, text: str) -> None:
    """A window that lacks a second is not 100% covered."""
    assert percent(share) == text


@pytest.mark.parametrize(
    ("hostile", "text"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("open \x1b]52;c;aGk=", "open"),
        ("\x1bcreset", "creset"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("a\u2028b\u2029c\x00d\x7fe", "a b c de"),
        ("zero\u200bwidth", "zerowidth"),
        ("数据  平台", "数据 平台"),
    ],
)
def test_what_steers_a_terminal_or_a_reader_is_gone(hostile: str, text: str) -> None:
    """Sequences, controls and direction marks go; what people wrote stays."""
    assert plain(hostile, 100) == text


@given(st.text(), st.integers(min_value=1, max_value=60))
def test_plain_is_one_printable_line_within_its_limit(text: str, limit: int) -> None:
    """Whatever goes in, one short printable line comes out, and it is stable."""
    line = plain(text, limit)
    assert len(line) <= limit
    assert line.isprintable()
    assert plain(line, limit) == line


def test_a_long_text_is_cut_and_says_so() -> None:
    """What is cut ends in an ellipsis; a megabyte costs no more than its beginning."""
    assert plain("x" * 11, 10) == "x" * 9 + "…"
    assert plain("x" * 10, 10) == "x" * 10
    assert plain(" " * 5_000_000 + "x", 10).endswith("…")
