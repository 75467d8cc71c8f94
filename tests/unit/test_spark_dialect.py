"""DuckDB's SQL in Spark's words: regular expressions, and every statement that we ship."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from etl.errors import StatementError
from etl.spark import regexes
from etl.spark.dialect import translated
from etl.statements import in_folder, statement

_AT = datetime(2026, 11, 22, tzinfo=UTC)
_VALUES: dict[str, object] = {
    **dict.fromkeys(("start", "end", "base", "latest", "reach"), _AT),
    **{name: ["a"] for name in ("clusters", "since", "until", "reasons", "known", "scales")},
    "timezone": "Europe/Berlin",
    "bucket": timedelta(hours=3),
    "reason": "Unhealthy",
}
# Reads files by name, which Spark is handed otherwise.
_FILES = {"context", "days", "ledger", "outdated", "parts"}
_SHIPPED = [
    one.name
    for folder in ("reports", "rules", "views", "checks", "incident")
    for one in in_folder(folder)
    # Asked of what rules can match, which is in memory by then.
    if one.name not in {"rules/match", "rules/regex"}
]


class _Given(dict[str, object]):
    def __missing__(self, name: str) -> object:
        return _VALUES.get(name, 3)


@pytest.mark.parametrize("name", _SHIPPED)
def test_every_shipped_statement_can_be_said_in_sparks_words(name: str) -> None:
    """No clause, function or regular expression of ours is one that Spark has no words for."""
    made = translated(statement(name).text, _Given(), prefix="step_")
    said = " ".join([made.text, *made.steps.values()])
    for word in (
        "ARG_MAX",
        "EPOCH_US",
        " HASH(",
        "REGEXP_FULL_MATCH",
        "UNNEST",
        "QUALIFY",
        "ALL BY NAME",
    ):
        assert word not in said.upper()


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"a$", r"(?du)a\z"),
        (r"\s[\s-]", "(?du)[\\t\\n\\f\\r ][\\t\\n\\f\\r -]"),
        (r"[^\[\]]", r"(?du)[^\[\]]"),
        ("[a[b&&c]", r"(?du)[a\[b\&\&c]"),
        ("[]a]", r"(?du)[\]a]"),
        ("a{2,3}{x", r"(?du)a{2,3}\{x"),
        ("(?P<one_two>a)", "(?du)(a)"),
        ("(?m)^a$", "(?du)(?m)^a$"),
        ("[[:digit:]x]", r"(?du)[\p{Digit}x]"),
    ],
)
def test_a_regular_expression_means_in_java_what_it_means_in_re2(
    pattern: str, expected: str
) -> None:
    """Ends, spaces, brackets in classes, braces and names of groups are those that RE2 reads."""
    assert regexes.java(pattern) == expected


def test_an_edge_of_a_word_is_one_of_ascii() -> None:
    """RE2's word edge looks at ASCII alone; what stands for it is the same in any engine with look-around."""
    edge = regexes.java(r"\bcafe\b").removeprefix("(?du)")
    assert re.search(edge, "écafe", re.ASCII)
    assert not re.search(edge, "xcafe", re.ASCII)


def test_replacements_name_their_groups_as_java_does() -> None:
    """A digit behind a group stays a digit, and a dollar a dollar."""
    assert regexes.replaced(r"\1\2x\17$") == r"$1$2x$1\7\$"
    assert regexes.first_replaced("(a)(?:b)[(]", r"<\1>") == "$1<$2>$3"


def test_what_cannot_be_said_is_refused() -> None:
    """A pattern that each row brings with it, or a list the other way round, has no words in Spark."""
    for text in (
        "select regexp_matches(message, reason) from events",
        "select list(n order by n desc) from events",
    ):
        with pytest.raises(StatementError):
            translated(text, {}, prefix="step_")


def test_what_is_asked_twice_is_worked_out_once() -> None:
    """A definition that several parts ask becomes a step, with what it asks alone; others stay where they are."""
    text = """
    with once as (select reason from events), twice as (select reason from once)
    select one.reason from twice as one inner join twice as other using (reason)
    """
    made = translated(text, {}, prefix="step_")
    assert list(made.steps) == ["step_1_twice"]
    assert made.steps["step_1_twice"].startswith("WITH once AS")
    assert "WITH" not in made.text
