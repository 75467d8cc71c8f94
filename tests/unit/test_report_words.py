"""The words of reports in both languages."""

from __future__ import annotations

import re

import pytest

from etl.reports import words
from etl.reports.catalogue import catalogue
from tests.lib.reports import DAY, lake, table


@pytest.mark.parametrize("name", catalogue())
def test_every_column_of_a_shipped_report_has_a_head_in_both_languages(name: str) -> None:
    """English and Chinese heads are there, and differ."""
    for column in table(name, lake("cluster | last_seen"), DAY).column_names:
        assert words.label(column, "en") != words.label(column, "zh"), column


def test_a_column_of_ones_own_is_shown_by_its_name() -> None:
    """What is not known is written as words."""
    assert words.label("my_own_column", "zh") == "My own column"
    assert words.label("BackOff", "en") == "BackOff"


def test_only_what_eventlake_wrote_is_translated() -> None:
    """A namespace that is called gap stays gap; (others) is ours."""
    assert words.value("gap", "state", "zh") == "缺口"
    assert words.value("gap", "reason", "zh") == "gap"
    assert words.value("(others)", "namespace", "zh") == "（其他）"


def test_sentences_have_the_same_places_in_both_languages() -> None:
    """What one language fills in, the other fills in too."""
    for key, (english, chinese) in words._SENTENCES.items():  # noqa: SLF001 -- all of them
        places = [set(re.findall(r"\{(\w+)\}", text)) for text in (english, chinese)]
        assert places[0] == places[1], key
