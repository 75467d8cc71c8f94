"""Cutting text to bytes and characters without tearing what a reader sees as one."""

from __future__ import annotations

import json

import pytest

from etl.wire import budget


def test_what_fits_is_not_touched() -> None:
    """4096 bytes fit into 4096."""
    text = "a" + "中" * 1365
    assert budget.size(text) == 4096
    assert budget.cut(text, 4096) == text


@pytest.mark.parametrize("text", ["中" * 1366, "a" * 4097, "😀" * 1025, "a" + "😀" * 1024])
def test_one_byte_too_many_is_cut_between_characters(text: str) -> None:
    """4097 bytes and more become at most 4096, whole characters and an ellipsis."""
    made = budget.cut(text, 4096)
    assert 4096 - 8 < budget.size(made) <= 4096
    assert made.endswith("…")
    assert text.startswith(made[:-1])


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("ab👨‍👩‍👧‍👦cd", "ab"),  # a family is one character of seven code points
        ("ab🇨🇳cd", "ab"),  # a flag is two
        ("ab👍🏽cd", "ab"),  # a thumb with its tone
        ("abe\u0301\u0301\u0301\u0301cd", "ab"),  # a letter with its accents
        ("🇨🇳🇨🇳", "🇨🇳"),  # two flags fall apart between them
    ],
)
def test_clusters_stay_whole(text: str, kept: str) -> None:
    """A cut inside an emoji, a flag or an accented letter moves before it."""
    limit = budget.size(kept) + 4 + budget.size(budget.TAIL)
    assert budget.cut(text, limit) == kept + budget.TAIL


def test_endless_combining_marks_are_cut_anywhere() -> None:
    """Text that is one endless cluster still keeps its start."""
    assert len(budget.shorten("a" + "\u0301" * 10_000, 200)) >= 100


def test_json_is_raw_utf8_and_survives_surrogates() -> None:
    """Chinese is written as it is; half a surrogate pair becomes a question mark, not an error."""
    assert budget.encode({"a": "中"}) == '{"a":"中"}'.encode()
    assert json.loads(budget.encode(["\ud800"])) == ["?"]
    with pytest.raises(ValueError, match="JSON"):
        budget.encode(float("nan"))
