"""YAML text to nodes that still know how a value was written: quoted or plain, at which line.

Values stay nodes until it is known what is wanted of them, because YAML 1.1 turns the
plain words ``no`` and ``10:30`` into a truth value and the number 630; only whoever
wants a text can say so. Merge keys (``<<``) are resolved here, keys given twice are
mistakes, and tags other than YAML's own (also an unquoted ``!text``) are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import yaml

_YAML_TAG = "tag:yaml.org,2002:"
_NAMES = {
    "bool": "truth value",
    "int": "number",
    "float": "number",
    "null": "empty value",
    "timestamp": "date",
    "value": "value mark",
}
# A plain scalar may not begin with these; users meet them in thresholds, matchers and templates.
_NEEDS_QUOTES = re.compile(r"(?::|-)\s+(?=[>|%@`!&*{\[])(?P<text>.*\S)")

Scalar = str | int | float | bool | date | None
# Takes the key that a mistake is about, empty for the mapping itself, and the mistake.
Report = Callable[[str, str], None]


class NotYamlError(ValueError):
    """The text is not one YAML document; the message names the line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping with the node of its value."""

    key: str
    value: yaml.Node


def compose(text: str) -> yaml.Node | None:
    """Return the root node of ``text``, null if it says nothing; raises ``NotYamlError``."""
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        raise NotYamlError(_explained(error, text)) from error
    except yaml.YAMLError as error:
        message = "is not YAML text: " + " ".join(str(error).split())
        raise NotYamlError(message) from error
    if root is None or (isinstance(root, yaml.ScalarNode) and kind(root) == "empty value"):
        return None
    _refuse_loops(root, inside=set(), done=set())
    return root


def entries(node: yaml.MappingNode, report: Report) -> Iterator[Entry]:
    """Yield the entries of a mapping, merged ones last; what is wrong with its keys goes to ``report``."""
    given: dict[str, int] = {}
    merged: list[Entry] = []
    for key, value in node.value:
        if key.tag == f"{_YAML_TAG}merge":
            merged.extend(_merged(value, report))
            continue
        if not isinstance(key, yaml.ScalarNode) or key.tag != f"{_YAML_TAG}str":
            report("", f"line {line(key)}: a key must be a text; write it in quotes")
            continue
        if key.value in given:
            report(key.value, f"is given twice, in lines {given[key.value]} and {line(key)}")
            continue
        given[key.value] = line(key)
        yield Entry(key.value, value)
    for entry in merged:
        if entry.key not in given:
            given[entry.key] = line(entry.value)
            yield entry


def scalar(node: yaml.ScalarNode) -> Scalar:
    """Return the value that YAML sees in a scalar; raises ``ValueError`` that says what it cannot be."""
    if not node.tag.startswith(_YAML_TAG) or node.tag == f"{_YAML_TAG}binary":
        text = f"{node.tag}{' ' if node.value else ''}{node.value}"
        message = f'{text} is a YAML tag; a text that begins with ! is written in quotes: "{text}"'
        raise ValueError(message)
    try:
        value: Scalar = yaml.constructor.SafeConstructor().construct_object(node)
    except ValueError as error:
        message = f"{node.value} looks like a {kind(node)} but is none"
        raise ValueError(message) from error
    except yaml.YAMLError as error:
        message = f"!!{node.tag.removeprefix(_YAML_TAG)} is a YAML tag that no setting takes"
        raise ValueError(message) from error
    return value


def kind(node: yaml.ScalarNode) -> str:
    """Say in a word what YAML takes a scalar for: text, truth value, number, date, empty value."""
    return _NAMES.get(node.tag.removeprefix(_YAML_TAG), "text")


def line(node: yaml.Node) -> int:
    """Return the line, counted from one, in which ``node`` begins."""
    return int(node.start_mark.line) + 1


def _refuse_loops(node: yaml.Node, *, inside: set[int], done: set[int]) -> None:
    """Raise ``NotYamlError`` for an alias that stands in what it names: it could be followed for ever."""
    if id(node) in inside:
        message = f"line {line(node)}: the anchor contains an alias of itself"
        raise NotYamlError(message)
    if id(node) in done or isinstance(node, yaml.ScalarNode):
        return
    inside.add(id(node))
    pairs = node.value if isinstance(node, yaml.MappingNode) else [node.value]
    for child in (child for pair in pairs for child in pair):
        _refuse_loops(child, inside=inside, done=done)
    inside.discard(id(node))
    done.add(id(node))


def _merged(value: yaml.Node, report: Report) -> Iterator[Entry]:
    """Yield the entries that ``<<`` brings: of one mapping, or of a list of them, the first winning."""
    sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
    for source in sources:
        if isinstance(source, yaml.MappingNode):
            yield from entries(source, report)
        else:
            report("", f"line {line(source)}: << takes a mapping, or a list of mappings")


def _explained(error: yaml.MarkedYAMLError, text: str) -> str:
    """Write a YAML error as one sentence with its line, and the usual reason where it shows."""
    problem = " ".join((error.problem or "the text ends too early").split())
    if error.problem_mark is None:
        return f"is not YAML: {problem}"
    number = error.problem_mark.line
    message = f"line {number + 1} is not YAML: {problem}"
    lines = text.splitlines()
    if number < len(lines) and (found := _NEEDS_QUOTES.search(lines[number])):
        message += f"; if this is meant as text, quote it: '{found['text'][:60]}'"
    return message
