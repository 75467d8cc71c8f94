"""A payload as a tree whose string leaves are templates: rendered leaf by leaf, encoded once.

Because a template never sees the JSON around it, no text can break the payload: quotes
and newlines of a message are encoded like any other character. A rendered leaf stays a
string and is never parsed again. ``{"$json": "findings"}`` inserts data with its type.

What a leaf may say is in ``sandbox``; what it puts out is capped.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping

from jinja2 import StrictUndefined, TemplateError
from jinja2.exceptions import SecurityError

from etl.errors import UsageError, quoted
from etl.wire import sandbox, sealed

INSERT = "$json"
_DEEPEST = 50


class LeafError(UsageError):
    """A template is wrong, or asks for what is not there; the message names the place."""


def check_tree(tree: object, path: str, *, names: Collection[str] | None = None) -> list[str]:
    """Return the mistakes of a payload tree, each with its path; with ``names``, unknown names too."""
    if isinstance(tree, str):
        return check_leaf(tree, path, names=names)
    if isinstance(tree, Mapping):
        if set(tree) == {INSERT}:
            return _check_insert(tree[INSERT], f"{path}.{INSERT}", names)
        return [m for key, value in tree.items() for m in _check_pair(key, value, path, names)]
    if isinstance(tree, list | tuple):
        return [
            mistake
            for number, value in enumerate(tree)
            for mistake in check_tree(value, f"{path}[{number}]", names=names)
        ]
    if tree is None or isinstance(tree, int) or (isinstance(tree, float) and math.isfinite(tree)):
        return []
    return [f"{path}: JSON has no {type(tree).__name__}; put it in quotes"]


def check_leaf(source: str, path: str, *, names: Collection[str] | None = None) -> list[str]:
    """Return the mistakes of one template: syntax, what is refused, and names that do not exist."""
    if not _is_template(source):
        return []
    try:
        sandbox.template(source)
        unknown = sandbox.names(source) - set(names or ())
    except (TemplateError, RecursionError) as error:
        return [f"{path}: {quoted(str(error) or type(error).__name__)}"]
    if names is None or not unknown:
        return []
    known = ", ".join(sorted(names))
    return [f"{path}: there is no {name!r}; there are {known}" for name in sorted(unknown)]


def render_tree(tree: object, context: Mapping[str, object]) -> object:
    """Return ``tree`` with its leaves rendered and its inserts filled: plain data for one JSON document.

    Raises ``LeafError``.
    """
    if isinstance(tree, str):
        return render_leaf(tree, context)
    if isinstance(tree, Mapping):
        if set(tree) == {INSERT}:
            return _inserted(str(tree[INSERT]), context)
        return {key: render_tree(value, context) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [render_tree(value, context) for value in tree]
    return tree


def render_leaf(source: str, context: Mapping[str, object]) -> str:
    """Return one template rendered with ``context``; raises ``LeafError``."""
    if not _is_template(source):
        return source
    try:
        return "".join(_capped(sandbox.template(source).generate(dict(context))))
    except Exception as error:
        # A template runs code of its author on data of strangers: whatever it raises, from a
        # missing name to a division by zero, is a mistake of this leaf and of nothing else.
        raise LeafError(f"the template {quoted(source, 80)!r} failed: {_told(error)}") from error


def _is_template(source: str) -> bool:
    # Jinja would also rewrite the line ends of a text that holds no template at all.
    return "{{" in source or "{%" in source or "{#" in source


def _capped(pieces: Iterator[str]) -> Iterator[str]:
    length = 0
    for piece in pieces:
        length += len(piece)
        sandbox.refuse_length(length, piece)
        yield piece


def _check_pair(key: object, value: object, path: str, names: Collection[str] | None) -> list[str]:
    if not isinstance(key, str):
        return [f"{path}: the key {key!r} is no text; put it in quotes"]
    if key == INSERT:
        return [f"{path}: {INSERT} must be the only key of its mapping"]
    if key == sealed.KEY:
        return [f"{path}: the key {key} means something to eventlake; use another"]
    return check_tree(value, f"{path}.{key}", names=names)


def _check_insert(expression: object, path: str, names: Collection[str] | None) -> list[str]:
    if not isinstance(expression, str) or not expression.strip() or _is_template(expression):
        return [f"{path}: must be an expression without braces, such as findings"]
    mistakes = check_leaf(f"{{{{ {expression} }}}}", path, names=names)
    if not mistakes:
        try:
            sandbox.expression(expression)
        except TemplateError as error:
            return [f"{path}: {quoted(str(error))}"]
    return mistakes


def _inserted(expression: str, context: Mapping[str, object]) -> object:
    """Evaluate an insert to plain data, keeping its type."""
    try:
        return _plain(sandbox.expression(expression)(context), 0)
    except Exception as error:
        # As in render_leaf: whatever it raises is a mistake of this insert.
        raise LeafError(f"the insert {quoted(expression, 80)!r} failed: {_told(error)}") from error


def _plain(value: object, depth: int) -> object:
    """Return ``value`` as JSON data; raises for what has no JSON form."""
    if depth > _DEEPEST:
        raise SecurityError("the data is nested too deeply")
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, bytes | StrictUndefined):
        return [_plain(item, depth + 1) for item in value]
    # StrictUndefined raises by itself, with the name that is missing.
    raise SecurityError(f"{value} is a {type(value).__name__}, which JSON does not have")


def _told(error: Exception) -> str:
    return quoted(str(error)) or type(error).__name__
