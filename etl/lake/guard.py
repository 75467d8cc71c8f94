"""A stranger's statement to a verdict: whether it asks anything but our views.

DuckDB's own settings keep other files and the network out of reach; this is the wall
before it. The statement's syntax tree, as DuckDB itself parses it, may name views and
what it defines in its own WITH, call the few table functions that make rows of their
arguments, and nothing else: no reader of files, no list of settings, no statement within
a string, no INSERT within a WITH. What is not known to be harmless is refused, so a
future DuckDB that can do more opens nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from etl.errors import quoted

_QUERIES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
# Rows from arguments; everything else that stands in FROM like a function reads something.
_ROW_MAKERS = {"unnest", "range", "generate_series"}
# Scalar functions that tell about the machine or the session, or leave something behind.
_TELLTALES = {"current_setting", "getenv", "getvariable", "setseed", "write_log"}
_DESCRIPTIONS = {"DESCRIBE", "SUMMARY"}
# What DuckDB writes for a place that it does not know: the greatest number of 64 bits.
_NOWHERE = 2**64 - 1
_NAME_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a statement is not run, and at which byte of it the trouble starts, if that is known."""

    reason: str
    byte: int | None


def refusal(
    tree: Mapping[str, Any], views: Collection[str], macros: Collection[str] = ()
) -> Refusal | None:
    """Return what a statement does beside reading ``views`` and calling ``macros``; null if nothing.

    ``tree`` is what ``json_serialize_sql`` tells of it (DuckDB 2.0).
    """
    if tree.get("error"):
        text = quoted(str(tree.get("error_message", "")), 120)
        return Refusal(f"this statement cannot be looked through: {text}", None)
    nodes = list(_nodes(tree.get("statements")))
    defined = {str(entry["key"]).lower() for entry in nodes if set(entry) == {"key", "value"}}
    known = {name.lower() for name in views} | defined
    makers = _ROW_MAKERS | set(macros)
    for node in nodes:
        if reason := _trouble(node, known, views, makers):
            return Refusal(reason, _place(node))
    return None


def _trouble(
    node: Mapping[str, Any],
    known: Collection[str],
    views: Collection[str],
    makers: Collection[str],
) -> str:
    match node.get("type"):
        case "BASE_TABLE":
            return _unknown_view(node, known, views)
        case "TABLE_FUNCTION":
            name = _name(node.get("function") or {})
            if name not in makers:
                offered = ", ".join(sorted(makers))
                return f"{name}() is out of reach: in FROM there are views and {offered}"
        case "FUNCTION":
            name = _name(node)
            if name in _TELLTALES:
                return f"{name}() is out of reach: it is not about the lake"
        case "SHOW_REF":
            if node.get("show_type") not in _DESCRIPTIONS:
                return "SHOW is out of reach; " + _offer(views)
        case str() as kind if kind.endswith("_NODE") and kind not in _QUERIES:
            return "the lake is read-only: only SELECT is run, also within WITH"
    return ""


def _unknown_view(node: Mapping[str, Any], known: Collection[str], views: Collection[str]) -> str:
    path = [str(part) for part in (node.get("qualified_name") or {}).get("path", [])]
    if len(path) == 1 and path[0].lower() in known:
        return ""
    name = quoted(".".join(path), _NAME_CHARACTERS)
    near = get_close_matches(name.lower(), sorted(views), n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"there is no view {name}; {meant}{_offer(views)}"


def _offer(views: Collection[str]) -> str:
    return "there are " + ", ".join(sorted(views))


def _name(function: Mapping[str, Any]) -> str:
    return quoted(str(function.get("function_name", "")).lower(), _NAME_CHARACTERS)


def _place(node: Mapping[str, Any]) -> int | None:
    place = node.get("query_location")
    return place if isinstance(place, int) and place != _NOWHERE else None


def _nodes(tree: object) -> Iterator[Mapping[str, Any]]:
    """Yield every object of the tree, outer ones first; a stack, because trees can be deep."""
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            yield node
            left.extend(node.values())
        elif isinstance(node, list):
            left.extend(node)
