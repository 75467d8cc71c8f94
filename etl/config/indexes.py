r"""Names of indices: a pattern and a moment to the name, and what is wrong with a pattern.

A pattern is text with dates in it: ``kube-events-{date:%Y.%m}``. The rules of names are
those of https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-indices-create,
which OpenSearch has as well: lower case, none of ``\ / * ? " < > | , # :`` and no space, no ``-``,
``_`` or ``+`` first, at most 255 bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache

from etl.errors import quoted

_DATE = re.compile(r"\{date:([^{}]*)\}")
# What strftime writes the same in every locale, and in figures alone.
_FORM = re.compile(r"(?:%[YymdHGVjw]|[a-z0-9._-])+")
_NAME = re.compile(r'[^\\/*?"<>| ,#:A-Z{}]+')
_FIRST = ("-", "_", "+")
_LONGEST = 255
_SOME_DAY = datetime(2026, 12, 31, 23, tzinfo=UTC)


def named(pattern: str, at: datetime) -> str:
    """Return the name that ``pattern`` gives for ``at`` (aware; its date is taken in UTC)."""
    utc = at.astimezone(UTC)
    return _hourly(pattern, datetime(utc.year, utc.month, utc.day, utc.hour, tzinfo=UTC))


# Dates have no part below the hour, and observations come in the order of time.
@lru_cache(maxsize=4096)
def _hourly(pattern: str, hour: datetime) -> str:
    return _DATE.sub(lambda found: hour.strftime(found[1]), pattern)


def wildcard(pattern: str) -> str:
    """Return what matches every name of ``pattern``: its dates become ``*``."""
    return _DATE.sub("*", pattern)


def mistakes(pattern: str, *, data_stream: bool) -> Iterator[str]:
    """Yield what is wrong with ``pattern``."""
    if not pattern:
        yield "is empty"
        return
    forms = _DATE.findall(pattern)
    for form in forms:
        if not _FORM.fullmatch(form):
            yield (
                f"{{date:{quoted(form, 40)}}} is not understood; write it like {{date:%Y.%m.%d}},"
                " of %Y %y %m %d %H %j %G %V %w, small letters, digits, dots and hyphens"
            )
            return
    name = named(pattern, _SOME_DAY)
    if not _NAME.fullmatch(name) or name != name.lower():
        yield (
            f"{quoted(name, 80)!r} is no name of an index: it takes small letters, digits and"
            ' most signs, none of \\ / * ? " < > | , # : { } and no space'
        )
    elif name.startswith(_FIRST) or name in {".", ".."}:
        yield f"{quoted(name, 80)!r} is no name of an index: it must not begin with - _ or +"
    if len(name.encode()) > _LONGEST:
        yield f"is longer than {_LONGEST} bytes"
    if data_stream and forms:
        yield "is the name of a data stream, which rolls over by itself; take the date out"
    if data_stream and name.startswith(".ds-"):
        yield "must not begin with .ds-, which is for what is behind data streams"
