"""What was found to our configuration, as YAML with comments."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from etl.migrate.found import Entry, Found

_WIDTH = 110


def configuration(found: Found, sources: Sequence[str]) -> str:
    """Return the whole file."""
    parts = [_head(found, sources), "version: 1\n"]
    general = dict(found.general)
    if found.labels:
        general["owners"] = {"enabled": True, "labels": sorted(found.labels)}
    if general:
        parts.append(_dumped(general))
    if found.targets:
        parts.append("forward:\n")
        parts.append(_list("targets", found.targets, "  "))
        parts.append(_indented(_dumped({"route": _tree(found.routes)}), "  "))
    if found.receivers:
        parts.append(_list("receivers", found.receivers, ""))
    if len(found.alert_routes) > 1:
        parts.append(
            _comment(
                [
                    "Each receiver gets the alerts of its own rules, and those of no sink: the default ones."
                ],
                "",
            )
        )
        first = found.alert_routes[0]["receiver"]
        parts.append(_dumped({"route": {"receiver": first, "routes": found.alert_routes}}))
    if found.rules:
        parts.append("groups:\n- name: migrated\n" + _list("rules", found.rules, "  "))
    return "\n".join(part.rstrip("\n") for part in parts) + "\n"


def _tree(routes: list[dict[str, Any]]) -> dict[str, Any]:
    return routes[0] if len(routes) == 1 else {"routes": routes}


def _head(found: Found, sources: Sequence[str]) -> str:
    """Return the comments at the top: where it comes from, secrets, what is otherwise, what is missing."""
    lines = [f"Written by eventlake migrate from {', '.join(sources)}."]
    text = _comment(lines, "")
    if found.secrets:
        text += _comment(["", "Put these in their places first:"], "")
        text += _items(f"{one.place}: {one.what}" for one in found.secrets)
    if found.notes:
        text += _comment(["", "What is otherwise than before:"], "")
        text += _items(found.notes)
    if found.refusals:
        text += _comment(["", "What has no counterpart:"], "")
        text += _items(map(str, found.refusals))
    return text


def _items(lines: Iterable[str]) -> str:
    return "".join(
        textwrap.fill(
            " ".join(line.split()),
            _WIDTH,
            initial_indent="# - ",
            subsequent_indent="#   ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        + "\n"
        for line in lines
    )


def _list(key: str, entries: Sequence[Entry], indent: str) -> str:
    text = f"{indent}{key}:\n"
    for entry in entries:
        text += _comment(entry.comments, indent)
        text += _indented(_dumped([entry.settings]), indent)
    return text


def _comment(lines: Iterable[str], indent: str) -> str:
    text = ""
    for line in lines:
        wrapped = textwrap.wrap(
            " ".join(line.split()), _WIDTH, break_long_words=False, break_on_hyphens=False
        )
        text += "".join(f"{indent}# {one}".rstrip() + "\n" for one in wrapped or [""])
    return text


class _Dumper(yaml.CSafeDumper):
    """Writes out what occurs twice."""

    def ignore_aliases(self, data: object) -> bool:
        """Say that nothing is an alias."""
        del data
        return True


def _represented(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    """Write a text of several lines as it reads."""
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    )


_Dumper.add_representer(str, _represented)


def _dumped(data: object) -> str:
    return yaml.dump(
        data,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=1_000_000,
        default_flow_style=False,
    )


def _indented(text: str, indent: str) -> str:
    return "".join(
        indent + line if line.strip() else line for line in text.splitlines(keepends=True)
    )
