"""What a declarative rule matches, as the parameters of ``sql/rules/match``.

A value is a text that the column equals, ``!text`` that it does not, ``=~regex`` that it
matches whole by RE2, ``!~regex`` that it does not. Of a list, any of the positive values
must hold and none of the negated ones may. A column without a value is an empty text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from etl.config.alerting import Match

# The columns that a rule can match; ``sql/rules/match`` has four parameters for each.
COLUMNS = ("type", "reason", "namespace", "kind", "name", "node", "component", "message")
_MARKS = ("=~", "!~", "!")

# Says what is wrong with a regular expression, or returns nothing.
RegexCheck = Callable[[str], str]


def parameters(match: Match) -> dict[str, object]:
    """Return the parameters of ``match``; a condition that it does not set is null."""
    bound: dict[str, object] = {}
    for column in COLUMNS:
        given = getattr(match, column)
        values = [given] if isinstance(given, str) else list(given or ())
        equal, unequal = _marked(values, ""), _marked(values, "!")
        alike, unlike = _marked(values, "=~"), _marked(values, "!~")
        if equal and alike:
            # Any of them must hold, and two conditions would both have to.
            alike, equal = [*map(re.escape, equal), *alike], []
        bound[f"{column}_in"] = equal or None
        bound[f"{column}_not_in"] = unequal or None
        bound[f"{column}_matches"] = _any_of(alike)
        bound[f"{column}_not_matches"] = _any_of(unlike)
    return bound


def conditions(bound: Mapping[str, object], column: str) -> list[object]:
    """Return what ``parameters`` set for a column; nothing where it may have any value."""
    found = [bound[f"{column}_{kind}"] for kind in ("in", "not_in", "matches", "not_matches")]
    return [condition for condition in found if condition is not None]


def mistakes(match: Match, check_regex: RegexCheck) -> Iterator[tuple[str, str]]:
    """Yield (path below the match, what is wrong) for all that cannot be meant."""
    for column in COLUMNS:
        given = getattr(match, column)
        if given == []:
            yield (
                column,
                "is an empty list, which nothing matches; leave the key out to match everything",
            )
        values = [given] if isinstance(given, str) else list(given or ())
        for index, value in enumerate(values):
            path = column if isinstance(given, str) else f"{column}[{index}]"
            yield from ((path, text) for text in _value_mistakes(value, check_regex))


def _value_mistakes(value: str, check_regex: RegexCheck) -> Iterator[str]:
    mark, text = _split(value)
    if mark in {"=~", "!~"}:
        if wrong := check_regex(text):
            yield f"{text!r} is not a regular expression of RE2: {wrong}"
    elif value.startswith(("!=", "==")):
        yield f'{value!r} is not a matcher; write "text", "!text", "=~regex" or "!~regex"'


def _marked(values: Sequence[str], mark: str) -> list[str]:
    """Return the texts of the values that carry ``mark``."""
    return [text for found, text in map(_split, values) if found == mark]


def _split(value: str) -> tuple[str, str]:
    mark = next((mark for mark in _MARKS if value.startswith(mark)), "")
    return mark, value.removeprefix(mark)


def _any_of(patterns: Sequence[str]) -> str | None:
    return "|".join(f"(?:{pattern})" for pattern in patterns) or None
