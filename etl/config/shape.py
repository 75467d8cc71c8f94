"""Nodes to typed settings: the structs of ``settings`` filled from YAML, every mistake collected.

The types are the contract: each field is read by its annotation, leaves by msgspec, so
that a new setting needs no line here. A mistake names file, path to the key, what is
wrong and what is accepted; reading goes on behind it. ``${NAME}`` in a text is replaced
from the environment and ``$$`` stands for a dollar; what came from there is never quoted
in a message, because it is often a secret.
"""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, Literal, TypeVar, Union, get_args, get_origin
from zoneinfo import ZoneInfo

import msgspec
import yaml

from etl.config import document
from etl.errors import quoted
from etl.timespan import Duration, parse_moment

_EXPANSION = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>[^}]*)(?P<end>\}?))")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What waits in the outbox keeps its names until it is sent (``etl.wire.sealed``); here they are checked.
# Headers of forwarding are templates over strangers' texts, which must not meet a value.
_LATE = re.compile(
    r"webhook_configs\[\d+\]\.(?:headers|payload)\b|^forward\.targets\[\d+\]\.http\.headers\b"
)
_CLOCK = re.compile(r"\d{1,2}:\d{2}")
_QUOTED = 60

S = TypeVar("S", bound=msgspec.Struct)


class _Wrong:
    """Stands for a value that could not be read; its mistake is already noted."""


_WRONG = _Wrong()


@dataclass(frozen=True, slots=True)
class Shaper:
    """Reads the nodes of one file; ``mistakes`` grows by (path, sentence)."""

    environ: Mapping[str, str]
    zone: ZoneInfo
    mistakes: list[tuple[str, str]] = field(default_factory=list)
    # Paths of texts that hold a reference to the environment: where a secret is not written out.
    expanded: set[str] = field(default_factory=set)

    def struct(self, node: yaml.Node, kind: type[S], path: str = "") -> S:
        """Read a mapping into ``kind``; required texts that are missing become empty.

        So a list keeps its positions, and later checks name them rightly.
        """
        known = {f.encode_name: f for f in msgspec.structs.fields(kind)}
        # What is a word of Python, such as "for", has another name there.
        values: dict[str, Any] = {f.name: "" for f in known.values() if f.required}
        if not isinstance(node, yaml.MappingNode):
            self._mistake(path, f"{_shown(node)} is not a mapping; it takes {', '.join(known)}")
            return kind(**values)
        missing = set(values)
        for entry in self._entries(node, path):
            here = joined(path, entry.key)
            if entry.key not in known:
                self._mistake(here, "is not a known key" + suggestion(entry.key, known))
                continue
            missing.discard(known[entry.key].name)
            value = self.value(entry.value, known[entry.key].type, here)
            if value is not _WRONG:
                values[known[entry.key].name] = value
        for name in sorted(missing):
            self._mistake(joined(path, name), "is missing")
        return kind(**values)

    def value(self, node: yaml.Node, kind: object, path: str) -> object:
        """Read a node by its annotation ``kind``; ``_WRONG`` after a mistake."""
        origin, arguments = get_origin(kind), get_args(kind)
        if origin in {Union, types.UnionType}:
            return self._union(node, arguments, path)
        if origin is list:
            return self._list(node, arguments[0], path)
        if origin is dict:
            return self._dict(node, arguments[1], path)
        if kind is object:
            return self._tree(node, path)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return self.struct(node, kind, path)
        return self._leaf(node, kind, path)

    def _union(self, node: yaml.Node, kinds: tuple[object, ...], path: str) -> object:
        """Read by the alternative that has the node's form: null, list, mapping, else the scalar one."""
        if type(None) in kinds and _is_null(node):
            return None
        kinds = tuple(kind for kind in kinds if kind is not type(None))
        for kind in kinds:
            form = get_origin(kind) or kind
            if isinstance(node, yaml.SequenceNode) == (form is list) and (
                len(kinds) == 1 or not isinstance(node, yaml.MappingNode)
            ):
                return self.value(node, kind, path)
        return self.value(node, kinds[0], path)

    def _list(self, node: yaml.Node, kind: object, path: str) -> object:
        if not isinstance(node, yaml.SequenceNode):
            return self._mistake(path, f"{_shown(node)} is not a list")
        items = [self.value(item, kind, f"{path}[{i}]") for i, item in enumerate(node.value)]
        return [item for item in items if item is not _WRONG]

    def _dict(self, node: yaml.Node, kind: object, path: str) -> object:
        if not isinstance(node, yaml.MappingNode):
            return self._mistake(path, f"{_shown(node)} is not a mapping")
        found = {
            entry.key: self.value(entry.value, kind, joined(path, entry.key))
            for entry in self._entries(node, path)
        }
        return {key: value for key, value in found.items() if value is not _WRONG}

    def _tree(self, node: yaml.Node, path: str) -> object:
        """Read a node whose form is the user's own, such as a payload."""
        if isinstance(node, yaml.SequenceNode):
            return self._list(node, object, path)
        if not isinstance(node, yaml.ScalarNode):
            return self._dict(node, object, path)
        try:
            value = document.scalar(node)
        except ValueError as error:
            return self._mistake(path, str(error))
        if isinstance(value, str):
            return self._expand(value, path)
        # A payload becomes JSON, which knows no dates: a date stays as it was written.
        return node.value if isinstance(value, date) else value

    def _leaf(self, node: yaml.Node, kind: object, path: str) -> object:
        """Read a scalar as text, number, truth value, choice, duration or time."""
        if not isinstance(node, yaml.ScalarNode):
            return self._mistake(path, f"{_shown(node)} is not {_wanted(kind)}")
        try:
            value: object = _as_text(node) if _takes_text(kind) else document.scalar(node)
        except ValueError as error:
            return self._mistake(path, str(error))
        strict = True
        if isinstance(value, str):
            given = value
            value = self._expand(given, path)
            # ${PAGE_SIZE} is a text for YAML, whatever it stands for.
            strict = value == given
        if value is _WRONG:
            return _WRONG
        try:
            if kind is datetime:
                return _moment(value, self.zone)
            return msgspec.convert(value, kind, strict=strict, dec_hook=_duration)
        except (msgspec.ValidationError, ValueError):
            return self._mistake(path, f"{_shown(node)} is not {_wanted(kind)}")

    def _expand(self, text: str, path: str) -> object:
        """Replace ``${NAME}`` and ``$$``; a name that the environment lacks is a mistake."""
        wrong = False

        def replaced(found: re.Match[str]) -> str:
            nonlocal wrong
            if found["dollar"]:
                return "$"
            self.expanded.add(path)
            name = found["name"]
            if not (found["end"] and _NAME.fullmatch(name)):
                self._mistake(
                    path, "${ is not followed by NAME}; write $${ where the text itself is meant"
                )
            elif name not in self.environ:
                self._mistake(path, f"the environment has no variable {name}")
            else:
                return self.environ[name]
            wrong = True
            return ""

        value = _EXPANSION.sub(replaced, text)
        if wrong:
            return _WRONG
        return text if _LATE.search(path) else value

    def _entries(self, node: yaml.MappingNode, path: str) -> Iterator[document.Entry]:
        def report(key: str, text: str) -> None:
            self._mistake(joined(path, key) if key else path, text)

        return document.entries(node, report)

    def _mistake(self, path: str, text: str) -> _Wrong:
        self.mistakes.append((path, text))
        return _WRONG


def joined(path: str, key: str) -> str:
    """Return the path of ``key`` below ``path``; a key that is no plain word stands in brackets."""
    if not re.fullmatch(r"[\w-]+", key):
        return f"{path}[{quoted(key, _QUOTED)}]"
    return f"{path}.{key}" if path else key


def suggestion(given: str, known: Iterable[str]) -> str:
    """Say what ``given`` was meant to be, or what is accepted where nothing is near."""
    names = sorted(known)
    if near := difflib.get_close_matches(given, names, n=1):
        return f"; did you mean {near[0]}?"
    return f"; accepted are {', '.join(names)}"


def _as_text(node: yaml.ScalarNode) -> str:
    """Return a scalar's text, unless YAML takes it for something else: then quotes are missing."""
    kind = document.kind(node)
    # YAML 1.1 reads 10:30 as 630, in base sixty; nobody who writes a time of day means that.
    if kind == "text" or (kind == "number" and _CLOCK.fullmatch(node.value)):
        document.scalar(node)
        return str(node.value)
    if _is_null(node):
        message = "the value is empty; give a text or leave the key out"
    else:
        message = f'{node.value} is a {kind} for YAML; write it in quotes: "{node.value}"'
    raise ValueError(message)


def _moment(value: object, zone: ZoneInfo) -> datetime:
    """Read a time, or a date as its midnight; what names no offset is in the configured timezone."""
    if isinstance(value, str):
        return parse_moment(value, zone)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)
    if isinstance(value, date):
        return datetime.combine(value, time.min, tzinfo=zone).astimezone(UTC)
    message = "not a time"
    raise ValueError(message)


def _duration(kind: type, value: object) -> object:
    """Read the one type of the settings that msgspec does not know."""
    if kind is Duration and isinstance(value, str):
        return Duration.parse(value)
    message = f"no {kind.__name__}"
    raise ValueError(message)


def _takes_text(kind: object) -> bool:
    if get_origin(kind) is Literal:
        return all(isinstance(choice, str) for choice in get_args(kind))
    return kind is str


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and document.kind(node) == "empty value"


def _wanted(kind: object) -> str:
    """Say what a leaf takes."""
    if get_origin(kind) is Literal:
        choices = [str(choice) for choice in get_args(kind) if choice != ""]
        return choices[0] if len(choices) == 1 else "one of " + ", ".join(choices)
    words: dict[object, str] = {
        str: "a text",
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        Duration: "a duration; write it like 90s, 10m, 1h30m or 7d",
        datetime: "a time; write it like 2026-11-23T08:00:00Z or 2026-11-23",
    }
    return words[kind]


def _shown(node: yaml.Node) -> str:
    """Show a value as it stands in the file: never what the environment put into it."""
    if isinstance(node, yaml.ScalarNode):
        return "the value, which is empty," if _is_null(node) else repr(quoted(node.value, _QUOTED))
    return "a mapping" if isinstance(node, yaml.MappingNode) else "a list"
