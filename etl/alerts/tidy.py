"""A digest with megabytes of strangers' text to one that every renderer can read in no time.

Event messages and the names in them have no length that can be relied on. Each text is
cleaned and capped once, before any dialect escapes it; the lake has the whole.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import TypeVar

from etl.alerts.model import Digest
from etl.wire import budget, escaping

# Five times what a chat shows: whole sentences for machines, but nobody's stack trace.
TEXT_CHARACTERS = 1000
# Escape sequences and invisible characters are cut out; beyond this even they end.
_LOOKED_AT = 8 * TEXT_CHARACTERS

Value = TypeVar("Value")


def tidy(digest: Digest) -> Digest:
    """Return ``digest`` with every text in it cleaned and capped."""
    return _tidied(digest)


def _tidied(value: Value) -> Value:
    made: object = value
    if isinstance(value, str):
        made = budget.shorten(escaping.clean(value[:_LOOKED_AT]), TEXT_CHARACTERS)
    elif isinstance(value, tuple):
        made = tuple(_tidied(item) for item in value)
    elif isinstance(value, dict):
        made = {_tidied(name): _tidied(item) for name, item in value.items()}
    elif is_dataclass(value) and not isinstance(value, type):
        texts = {field.name: _tidied(getattr(value, field.name)) for field in fields(value)}
        made = replace(value, **texts)
    return made  # type: ignore[return-value]  # the same type, piece by piece
