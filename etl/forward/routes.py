"""Rows of the lake and the route tree to the rows that one target gets.

The tree means what it means to kubernetes-event-exporter (its pkg/exporter/route.go and
rule.go): what ``drop`` matches goes no further on this way; each ``match`` sends to its
receiver by itself; what lies below is asked only about events that every ``match`` of
the level matches, which a level without any does. An expression is found anywhere in the
value, in RE2, which Go's regexp is too.

Other than there: a target gets an observation once, however many of its matches do;
``minCount`` compares with ``n``, because newer writers leave ``count`` out; ``component``
and ``host`` are found where newer writers say them too. Labels that the lake does not
know match nothing, and annotations of objects it knows none.

Each level is asked once about all rows of a table, column by column.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from etl.config.forwarding import Forward, ForwardRoute, Match

# What each expression is about: setting and column.
_COLUMNS = {
    "kind": "object_kind",
    "namespace": "namespace",
    "reason": "reason",
    "type": "type",
    "message": "message",
    "api_version": "object_api_version",
    "component": "component",
    "host": "host",
}


@dataclass(frozen=True, slots=True)
class Routes:
    """Who gets what, as ``forward`` says; its expressions were checked."""

    forward: Forward

    def of(self, target: str, rows: pa.Table) -> pa.Table:
        """Return those of ``rows`` (of ``schema.FULL_SCHEMA``) that go to ``target``, in their order."""
        if self.forward.route is None or not rows.num_rows:
            return rows
        return rows.filter(_Asked(rows, target, {}).by(self.forward.route, _all(rows)))


@dataclass(frozen=True, slots=True)
class _Asked:
    """One table, asked about one target; what a column was asked already is in ``known``."""

    rows: pa.Table
    target: str
    known: dict[tuple[str, str], pa.ChunkedArray]

    def by(self, route: ForwardRoute, alive: pa.Array) -> pa.Array:
        """Return which of the rows that come here (``alive``) reach the target by ``route``."""
        for match in route.drop:
            alive = pc.and_not(alive, self._matches(match))
        reached = pa.repeat(pa.scalar(False), self.rows.num_rows)  # noqa: FBT003 -- a value of the mask
        below = [one for one in route.routes if _leads_to(one, self.target)]
        onward = alive
        for match in route.match:
            if not below and match.receiver != self.target:
                continue
            matched = self._matches(match)
            onward = pc.and_(onward, matched)
            if match.receiver == self.target:
                reached = pc.or_(reached, pc.and_(alive, matched))
        for one in below:
            reached = pc.or_(reached, self.by(one, onward))
        return reached

    def _matches(self, match: Match) -> pa.Array:
        """Return which rows ``match`` matches, whoever its receiver is."""
        found = _all(self.rows)
        for setting, column in _COLUMNS.items():
            if expression := getattr(match, setting):
                found = pc.and_(found, self._column(column, expression))
        for key, expression in match.labels.items():
            found = pc.and_(found, self._label(key, expression))
        if match.annotations:
            found = pc.and_not(found, found)
        if match.min_count:
            found = pc.and_(found, pc.greater_equal(self.rows["n"], match.min_count))
        return found

    def _column(self, column: str, expression: str) -> pa.ChunkedArray:
        asked = (column, expression)
        if asked not in self.known:
            texts = pc.fill_null(self.rows[column].cast(pa.string()), "")
            self.known[asked] = pc.match_substring_regex(texts, expression)
        return self.known[asked]

    def _label(self, key: str, expression: str) -> pa.ChunkedArray:
        labels = self.rows["object_labels"]
        values = pc.map_lookup(labels, pa.scalar(key), "first")
        # Of a label that is not there nothing is known, also not that it is empty.
        return pc.fill_null(pc.match_substring_regex(values, expression), False)  # noqa: FBT003 -- a value of the mask


def _all(rows: pa.Table) -> pa.Array:
    return pa.repeat(pa.scalar(True), rows.num_rows)  # noqa: FBT003 -- a value of the mask


def _leads_to(route: ForwardRoute, target: str) -> bool:
    return any(match.receiver == target for match in route.match) or any(
        _leads_to(below, target) for below in route.routes
    )
