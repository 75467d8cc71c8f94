"""A Go template that writes a whole body, to a payload tree, or to a text where it writes no JSON.

Such a template is JSON with actions between its quotes. Read as a tree whose leaves are
templates, no message can break it: that is what was wrong with it before. JSON that a
block or a loop puts together is no tree; it stays a text, in which everything that is
printed between quotes is encoded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from etl.migrate.expression import Value
from etl.migrate.gotree import Block, Node, Print, Text, parse
from etl.migrate.leaf import Terms, escaped, joined, parts, written

# Planes of Unicode that are nobody's: what stands for actions while JSON is read.
_WITHIN, _WHOLE = 0xF0000, 0x100000
_MARK = re.compile("[\U000f0000-\U0010fffd]")
_JSON_CALL = re.compile(r"(?:json|pretty_json)\((?P<inner>.*)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Body:
    """A body: ``layout``, or ``text`` where it is no JSON."""

    layout: object = None
    text: str = ""


def body(source: str, terms: Terms | None = None) -> Body:
    """Return the body that the template ``source`` writes; raises ``TemplateError``."""
    terms = terms or Terms()
    nodes = parse(source)
    found = parts(nodes, terms)
    tree = None if _MARK.search(source) else _tree(found)
    if isinstance(tree, dict | list):
        return Body(layout=tree)
    if source.lstrip()[:1] in {"{", "["}:
        return Body(text=written(_quoted(nodes, inside=False)[0], terms))
    return Body(text=written(nodes, terms))


def _tree(found: Sequence[tuple[Node, str, Value | None]]) -> object:
    """Return the tree, or null where the text is no JSON around its actions."""
    text, inside = "", False
    for number, (node, _, _) in enumerate(found):
        if isinstance(node, Text):
            inside = _inside(node.text, inside=inside)
            text += node.text
        elif inside:
            text += chr(_WITHIN + number)
        else:
            text += f'"{chr(_WHOLE + number)}"'
    try:
        # Line ends within strings are no JSON; whoever wrote them meant them.
        tree = json.loads(text, strict=False)
        return _filled(tree, found)
    except ValueError:
        # No JSON: the caller takes it for a text.
        return None


def _filled(tree: Any, found: Sequence[tuple[Node, str, Value | None]]) -> object:  # noqa: ANN401 -- whatever JSON holds
    if isinstance(tree, dict):
        if _MARK.search("".join(tree)):
            raise ValueError("keys of a payload are no templates")
        return {key: _filled(value, found) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_filled(value, found) for value in tree]
    if not isinstance(tree, str):
        return tree
    if len(tree) == 1 and ord(tree) >= _WHOLE:
        return _typed(found[ord(tree) - _WHOLE][2])
    pieces: list[str] = []
    for piece in re.split(f"({_MARK.pattern})", tree):
        if _MARK.fullmatch(piece):
            pieces = joined(pieces, found[ord(piece) - _WITHIN][1])
        elif piece:
            pieces.append(escaped(piece))
    return "".join(pieces)


def _typed(value: Value | None) -> object:
    """Return an action that stands for a whole value, as data with its type."""
    if value is not None and value.kind in {"int", "bool"}:
        return {"$json": value.code}
    inner = _JSON_CALL.fullmatch(value.code) if value is not None else None
    if inner is None:
        raise ValueError("this value is no JSON")
    return {"$json": inner["inner"]}


def _inside(text: str, *, inside: bool) -> bool:
    """Whether a JSON string is open behind ``text``."""
    escape = False
    for character in text:
        if escape:
            escape = False
        elif character == "\\" and inside:
            escape = True
        elif character == '"':
            inside = not inside
    return inside


def _quoted(nodes: Sequence[Node], *, inside: bool) -> tuple[tuple[Node, ...], bool]:
    """Mark what is printed between quotes, and say whether they are open behind it."""
    found: list[Node] = []
    for node in nodes:
        if isinstance(node, Text):
            inside = _inside(node.text, inside=inside)
            found.append(node)
        elif isinstance(node, Print):
            found.append(replace(node, quoted=inside))
        else:
            then, after = _quoted(node.then, inside=inside)
            otherwise, other = _quoted(node.otherwise, inside=inside)
            if after != inside or other != inside:
                raise node.pipe.place.refuse("a block opens a quote and does not close it")
            found.append(Block(node.word, node.pipe, then, otherwise))
    return tuple(found), inside
