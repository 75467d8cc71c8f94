"""Settings to Markdown: the tables of docs/operations.md, from the structs and the sentences below their fields.

``python -m tests.lib.settings_table`` writes the tables anew between the two marks of
the page; tests/docs fails while they differ.
"""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from etl.config import settings
from etl.timespan import Duration

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
BEGIN = "<!-- settings: written by python -m tests.lib.settings_table -->"
END = "<!-- end of settings -->"
_PLAIN: dict[Any, str] = {
    str: "text",
    int: "number",
    float: "number",
    bool: "true or false",
    Duration: "duration",
    datetime: "time",
    object: "anything",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the configuration, as its table row shows it."""

    key: str
    kind: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Section:
    """One struct of the configuration: where it stands in the file, and its keys."""

    path: str
    meaning: str
    settings: tuple[Setting, ...]


def sections(struct: type[msgspec.Struct] = settings.Settings, path: str = "") -> Iterator[Section]:
    """Yield ``struct`` and, in the order of the file, the structs inside it."""
    meanings = _sentences(struct)
    hints = get_type_hints(struct)
    rows, inside = [], []
    for field in msgspec.structs.fields(struct):
        key = field.encode_name
        nested, suffix = _nested(hints[field.name])
        if nested:
            inside.append((nested, f"{path}.{key}{suffix}".lstrip(".")))
        kind = "see below" if nested else _kind(hints[field.name])
        rows.append(Setting(key, kind, _default(field), meanings[field.name]))
    yield Section(path, inspect.cleandoc(struct.__doc__ or ""), tuple(rows))
    for nested, where in inside:
        # A route holds routes, whose keys are told already.
        if nested is not struct:
            yield from sections(nested, where)


def rendered() -> str:
    """Write all sections as Markdown tables."""
    blocks = []
    for section in sections():
        head = f"### `{section.path}`" if section.path else "### Top level"
        rows = [
            f"| `{s.key}` | {s.kind} | {s.default} | {_markdown(s.meaning)} |"
            for s in section.settings
        ]
        table = "\n".join(["| key | type | default | meaning |", "|---|---|---|---|", *rows])
        blocks.append(f"{head}\n\n{_markdown(section.meaning)}\n\n{table}\n")
    return "\n".join(blocks)


def replaced(page: str) -> str:
    """Return ``page`` with the text between the two marks written anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{rendered()}\n{END}{after}"


def _sentences(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Return field -> the string below it in the source, also of what it inherits."""
    found: dict[str, str] = {}
    for ancestor in reversed(struct.__mro__):
        if ancestor.__module__.startswith("etl.config."):
            found |= _own_sentences(ancestor)
    return found


def _own_sentences(struct: type) -> dict[str, str]:
    (definition,) = ast.parse(inspect.getsource(struct)).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            found[field.target.id] = inspect.cleandoc(str(below.value.value))
    return found


def _nested(hint: Any) -> tuple[type[msgspec.Struct] | None, str]:
    """Return the struct that ``hint`` leads to, and how a path goes on to it."""
    if inspect.isclass(hint) and issubclass(hint, msgspec.Struct):
        return hint, ""
    suffix = {list: "[]", tuple: "[]", dict: ".NAME"}.get(get_origin(hint), "")
    for inner in get_args(hint):
        nested, more = _nested(inner)
        if nested:
            return nested, suffix + more
    return None, ""


def _kind(hint: Any) -> str:
    if hint in _PLAIN:
        return _PLAIN[hint]
    arguments = [a for a in get_args(hint) if a is not type(None)]
    origin = get_origin(hint)
    if origin is Literal:
        *rest, last = [f"`{value}`" for value in arguments if value != ""]
        return f"{', '.join(rest)} or {last}" if rest else last
    if origin in {Union, types.UnionType}:
        return " or ".join(_kind(a) for a in arguments)
    if origin in {list, tuple}:
        return f"list of {_kind(arguments[0])}"
    if origin is dict:
        return f"{_kind(arguments[1])} by name"
    message = f"no words for the type {hint}"
    raise TypeError(message)


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default
    if value is msgspec.NODEFAULT:
        assert callable(field.default_factory)
        value = field.default_factory()
    if value is None or isinstance(value, msgspec.Struct) or value in ("", [], {}, ()):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`"


def _markdown(sentence: str) -> str:
    """Turn reStructuredText's double backticks into Markdown's, and keep a table row whole."""
    return " ".join(sentence.replace("``", "`").split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(replaced(PAGE.read_text("utf-8")), "utf-8")
