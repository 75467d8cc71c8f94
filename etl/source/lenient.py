"""What the API does not allow, read as far as it can be: nearly JSON, and fields of other types.

Dumps hold what servers never send: counts as text, the word null, halves of surrogate
pairs, bytes that are not UTF-8. An event is never dropped for being odd; what does not
fit its field becomes text where text is wanted, else null, and the event is marked.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from etl.source.objects import NULL_WORD, Count, EventObject, ManagedField

TOO_DEEP = "nested too deep"
_LONGEST_NUMBER = 400  # digits; Python itself refuses to read 4,300
_HALF_PAIR = re.compile("[\ud800-\udfff]")
# Where the word null may be what a person wrote.
_TEXTS = frozenset({"message", "note", "reason", "type", "name", "namespace"})
_S = TypeVar("_S", bound=msgspec.Struct)


def plain_json(body: bytes) -> object:
    """Return what nearly is JSON as Python data; raises ``ValueError`` for what is not."""
    plain: object = msgspec.json.decode(repaired(body))
    return plain


def repaired(body: bytes) -> bytes:
    """Return what nearly is JSON as JSON; raises ``ValueError`` for what is not.

    Bytes that are not UTF-8 and halves of surrogate pairs become U+FFFD, control
    characters are escaped, NaN and the infinities become null, and numbers of
    hundreds of digits text.
    """
    try:
        plain = json.loads(
            body.decode("utf-8", "replace"),
            strict=False,
            parse_constant=lambda _: None,
            parse_int=lambda digits: int(digits) if len(digits) < _LONGEST_NUMBER else digits,
        )
        text = json.dumps(plain, ensure_ascii=False)
    except RecursionError as error:
        raise ValueError(TOO_DEEP) from error
    return _HALF_PAIR.sub("\ufffd", text).encode()


def event(plain: dict[str, Any]) -> tuple[EventObject, bool]:
    """Return the event object of ``plain``, whose metadata is a dict, and whether anything in it was odd."""
    try:
        return msgspec.convert(plain, EventObject), False
    except msgspec.ValidationError:
        odd: list[str] = []
        return _lenient(EventObject, plain, odd), bool(odd)


def _lenient(kind: type[_S], plain: dict[str, Any], odd: list[str]) -> _S:
    """Build a struct from whatever is there; what does not fit is null, or text of it, and noted in ``odd``."""
    hints = _hints(kind)
    values: dict[str, Any] = {}
    for column in msgspec.structs.fields(kind):
        value = plain.get(column.encode_name)
        if value is None or (value == NULL_WORD and column.encode_name not in _TEXTS):
            continue
        values[column.name] = _fitting(hints[column.name], value, odd, column.encode_name)
    return kind(**values)


@cache
def _hints(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _fitting(hint: Any, value: Any, odd: list[str], name: str) -> Any:  # noqa: ANN401, PLR0911 -- one line a type
    wanted = next((a for a in get_args(hint) if a is not type(None)), hint)
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        if isinstance(value, dict):
            return _lenient(wanted, value, odd)
        odd.append(name)
        return None
    try:
        return msgspec.convert(value, hint)
    except msgspec.ValidationError:
        odd.append(name)
    if wanted is str:
        return _text(value)
    if wanted == Count:
        return _whole_number(value)
    if wanted == dict[str, str] and isinstance(value, dict):
        return {str(k): v if isinstance(v, str) else _text(v) or "" for k, v in value.items()}
    if wanted == list[ManagedField] and isinstance(value, list):
        return [_lenient(ManagedField, v, odd) for v in value if isinstance(v, dict)]
    return None


def _text(value: object) -> str | None:
    """Return JSON of ``value``; null if it holds itself, as YAML can say."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return None


def _whole_number(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    try:
        number = int(str(value))
    except ValueError:
        return None
    return number if -(2**63) <= number < 2**63 else None
