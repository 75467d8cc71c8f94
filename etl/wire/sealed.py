"""Secrets inside a tree of templates: names while the rendered tree waits, values when it is sent.

A message may lie in the outbox for days, where a secret has no business. So ``${NAME}``
passes the template as a one-time mark and comes out as ``{"$env": …}``, pieces of text and
names in turn. The mark also keeps apart what must not meet: a secret is never read as a
template, and a ``${NAME}`` that a stranger wrote into an event stays text.
"""

from __future__ import annotations

import re
import secrets as chance
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from etl.wire import secrets

KEY = "$env"
# As in the configuration file, two dollars stand for one.
_REFERENCE = re.compile(rf"\$\$|{secrets.NAME.pattern}")


def seal(tree: object, render: Callable[[object], object]) -> object:
    """Render ``tree`` by ``render`` with its ``${NAME}`` kept as names."""
    return Sealing(tree).rendered(render)


class Sealing:
    """A tree that is rendered many times: its leaves stay the same texts, so each is compiled once."""

    def __init__(self, tree: object) -> None:
        """Put a mark in the place of each ``${NAME}`` of ``tree``."""
        self._marks = _Marks()
        self._tree = self._marks.put_in(tree)

    def rendered(self, render: Callable[[object], object]) -> object:
        """Render the tree by ``render``; its ``${NAME}`` are names again."""
        return self._marks.taken_out(render(self._tree))


def unseal(tree: object, environ: Mapping[str, str]) -> object:
    """Put the values of the names into a sealed tree; raises ``SecretError`` where one is missing."""
    if isinstance(tree, Mapping):
        if set(tree) == {KEY}:
            return "".join(
                secrets.variable(piece, environ) if number % 2 else piece
                for number, piece in enumerate(tree[KEY])
            )
        return {key: unseal(value, environ) for key, value in tree.items()}
    if isinstance(tree, list):
        return [unseal(value, environ) for value in tree]
    return tree


@dataclass(frozen=True, slots=True)
class _Marks:
    """The marks of one rendering, which nobody can guess, and the names behind them."""

    token: str = field(default_factory=lambda: chance.token_hex(16))
    names: list[str] = field(default_factory=list)

    def put_in(self, tree: object) -> object:
        """Replace each ``${NAME}`` in the leaves by its mark."""
        if isinstance(tree, str):
            return _REFERENCE.sub(self._mark, tree)
        if isinstance(tree, Mapping):
            return {key: self.put_in(value) for key, value in tree.items()}
        return [self.put_in(value) for value in tree] if isinstance(tree, list | tuple) else tree

    def taken_out(self, tree: object) -> object:
        """Replace each leaf that holds a mark by its pieces."""
        if isinstance(tree, str):
            return self._pieces(tree) if self.token in tree else tree
        if isinstance(tree, Mapping):
            return {key: self.taken_out(value) for key, value in tree.items()}
        return [self.taken_out(value) for value in tree] if isinstance(tree, list) else tree

    def _mark(self, match: re.Match[str]) -> str:
        if match[1] is None:
            return "$"
        self.names.append(match[1])
        return f"{self.token}{len(self.names) - 1};"

    def _pieces(self, text: str) -> dict[str, list[str]]:
        pieces = re.split(rf"{self.token}(\d+);", text)
        return {KEY: [self.names[int(p)] if n % 2 else p for n, p in enumerate(pieces)]}
