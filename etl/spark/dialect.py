"""A statement in DuckDB's SQL, with its values, to the same question in Spark's SQL.

The one place where the two differ: sqlglot knows how most of it is written, and here is
what it means otherwise. ``macros`` puts bodies in the place of calls, ``bound`` values in
that of names, ``shapes`` turns clauses into ones that Spark has, ``moments`` tells local
times from moments, ``functions`` and ``aggregates`` have the rest, one function each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from etl.spark import aggregates, bound, functions, macros, moments, shapes
from etl.spark.reading_sql import parsed, written
from etl.spark.steps import steps_of


@dataclass(frozen=True, slots=True)
class Translated:
    """A statement in Spark's SQL, and the views of its own that it wants before, by name, in their order."""

    text: str
    steps: Mapping[str, str]


def translated(text: str, parameters: Mapping[str, object], *, prefix: str) -> Translated:
    """Return the SELECT ``text`` as Spark runs it, with the values of ``parameters`` in their places.

    Names of views of its own begin with ``prefix``. Raises ``StatementError`` for what cannot
    be said in Spark's SQL.
    """
    tree = parsed(text)
    for name in list(tree.find_all(exp.Placeholder)):
        name.replace(bound.literal(parameters[name.name]))
    tree = macros.expanded(tree)
    shapes.fitted(tree)
    local = moments.local_names(tree)
    # From inside to outside, so that whoever looks at its arguments finds them done.
    for node in reversed(list(tree.walk())):
        made = moments.made(node, local) or aggregates.made(node) or functions.made(node)
        if made is not None and made is not node:
            if node is tree:
                tree = made
            else:
                node.replace(made)
    steps = steps_of(tree, prefix)
    return Translated(written(tree), {one.name: written(one.query) for one in steps})
