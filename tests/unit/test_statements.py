"""Headers of SQL files, and where the shipped ones are found."""

from __future__ import annotations

import pytest

from etl.errors import UsageError
from etl.statements import in_folder, parse, sql_root, statement


def test_a_header_is_the_keys_at_the_top() -> None:
    """Each line of the first comment block that starts with a key gives one entry."""
    text = (
        "-- title: Crash loops\n-- question: What restarts?\n-- parameters: start, end\nselect 1\n"
    )
    assert parse("reports/x", text).header == {
        "title": "Crash loops",
        "question": "What restarts?",
        "parameters": "start, end",
    }


def test_the_text_is_kept_whole() -> None:
    """What runs is the file byte for byte, header included."""
    text = "-- title: X\n\nselect 1\n"
    parsed = parse("reports/x", text)
    assert (parsed.name, parsed.text) == ("reports/x", text)


def test_an_indented_line_goes_on_with_the_value_above() -> None:
    """Two spaces after the dashes continue a value, also one that starts on the next line."""
    text = "-- question: What\n--   restarts\n--   most?\n-- chart:\n--   bars\nselect 1"
    assert parse("x", text).header == {"question": "What restarts most?", "chart": "bars"}


@pytest.mark.parametrize(
    "text",
    [
        "select 1",
        "",
        "\n-- title: after an empty line\nselect 1",
        "--title: no space\nselect 1",
        "-- Title: keys are lower case\nselect 1",
        "--   continues nothing\nselect 1",
    ],
)
def test_a_file_without_a_header_has_none(text: str) -> None:
    """Nothing is guessed from other comments."""
    assert parse("x", text).header == {}


def test_a_header_ends_at_its_first_other_line() -> None:
    """Comments that explain the statement, and whatever follows them, are not part of the header."""
    text = "-- title: X\n-- This explains it.\n-- chart: not a key any more\nselect 1"
    assert parse("x", text).header == {"title": "X"}


def test_a_value_may_hold_colons_and_chinese() -> None:
    """Only the first colon separates."""
    text = "-- title_zh: 概览\n-- chart: line: x=at, y=n\nselect 1"
    assert parse("x", text).header == {"chart": "line: x=at, y=n"} | {"title_zh": "概览"}


def test_windows_line_ends_are_no_part_of_a_value() -> None:
    """A file edited on Windows has the same header."""
    assert parse("x", "-- title: X\r\n-- chart: bars\r\nselect 1\r\n").header == {
        "title": "X",
        "chart": "bars",
    }


def test_a_shipped_statement_is_its_file() -> None:
    """A statement is found by its path below sql/ and is what the file holds."""
    found = statement("views/observations")
    assert found.text == (sql_root() / "views" / "observations.sql").read_text("utf-8")
    assert found.header["title"] == "Observations"


def test_an_unknown_statement_is_named() -> None:
    """Asking for a file that is not shipped says which."""
    with pytest.raises(UsageError, match=r"no SQL file reports/nothing\.sql"):
        statement("reports/nothing")


@pytest.mark.parametrize("folder", ["lake", "reports", "rules", "views"])
def test_a_folder_lists_its_statements_by_name(folder: str) -> None:
    """All files of a folder come, sorted, each with a title and a question."""
    found = in_folder(folder)
    names = [one.name for one in found]
    assert names == sorted(names)
    assert len(names) == len(list((sql_root() / folder).glob("*.sql"))) > 0
    if folder in {"lake", "views"}:
        assert all({"title", "question"} <= set(one.header) for one in found)
