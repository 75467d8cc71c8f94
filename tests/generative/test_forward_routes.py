"""The route tree, asked column by column, beside a plain reading of its rules one event after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from etl.config.forwarding import Forward, ForwardRoute, Match, StdoutTarget, Target
from etl.forward.routes import Routes
from tests.lib.forwarded import OLD, table

TARGETS = ["a", "b", "c"]
# Python's expressions and RE2's mean the same as long as no text holds a line end.
EXPRESSIONS = [
    "",
    "",
    "a",
    "^a",
    "a$",
    "^$",
    "a|b",
    ".",
    "^(ab)+$",
    "[^a]",
    "a.*b",
    "(?i)A",
    r"\.",
    "é",
]
TEXTS = ["", "a", "b", "ab", "ba", "a.b", "é", "ABAB"]
texts, expressions = st.sampled_from(TEXTS), st.sampled_from(EXPRESSIONS)
pairs = st.dictionaries(st.sampled_from(["app", "team"]), expressions, min_size=1, max_size=2)
FIELDS = ["kind", "namespace", "reason", "type", "message", "api_version", "component", "host"]
# One or two criteria: what asks for more matches next to nothing.
criteria = st.one_of(
    st.tuples(st.sampled_from(FIELDS), expressions),
    st.tuples(st.just("labels"), pairs),
    st.tuples(st.just("min_count"), st.integers(0, 3)),
    st.tuples(st.just("annotations"), pairs),
)
matches = st.builds(
    lambda receiver, asked: Match(receiver=receiver, **dict(asked)),
    st.sampled_from(["", *TARGETS]),
    st.lists(criteria, max_size=2),
)
some_matches = st.lists(matches, max_size=2)
drops: st.SearchStrategy[list[Match]] = st.just([]) | some_matches
routes = st.recursive(
    st.builds(ForwardRoute, drop=drops, match=some_matches),
    lambda below: st.builds(
        ForwardRoute,
        drop=drops,
        match=some_matches,
        routes=st.lists(below, min_size=1, max_size=2),
    ),
    max_leaves=4,
)
rows = st.fixed_dictionaries(
    {
        "object_kind": texts | st.none(),
        "namespace": texts | st.none(),
        "reason": texts | st.none(),
        "type": texts,
        "message": texts | st.none(),
        "object_api_version": texts,
        "component": texts | st.none(),
        "host": texts | st.none(),
        "object_labels": st.none() | st.dictionaries(st.sampled_from(["app", "team"]), texts),
        "n": st.integers(1, 4),
    }
)


def sent(route: ForwardRoute, row: dict[str, Any]) -> Iterator[str]:
    """Yield who is sent ``row``, as often as a match says so."""
    if any(matched(rule, row) for rule in route.drop):
        return
    every = True
    for rule in route.match:
        if not matched(rule, row):
            every = False
        elif rule.receiver:
            yield rule.receiver
    if every:
        for below in route.routes:
            yield from sent(below, row)


def matched(rule: Match, row: dict[str, Any]) -> bool:
    """Whether each field that ``rule`` names is found in the row's."""
    asked = [
        (rule.kind, row["object_kind"]),
        (rule.namespace, row["namespace"]),
        (rule.reason, row["reason"]),
        (rule.type, row["type"]),
        (rule.message, row["message"]),
        (rule.api_version, row["object_api_version"]),
        (rule.component, row["component"]),
        (rule.host, row["host"]),
    ]
    if any(expression and not re.search(expression, value or "") for expression, value in asked):
        return False
    labels = row["object_labels"] or {}
    for key, expression in rule.labels.items():
        if key not in labels or not re.search(expression, labels[key]):
            return False
    return not rule.annotations and row["n"] >= rule.min_count


@given(routes, st.lists(rows, min_size=1, max_size=6))
def test_a_target_gets_what_the_rules_say(
    route: ForwardRoute, given_rows: list[dict[str, Any]]
) -> None:
    """Each target gets exactly the events that a walk through the tree sends it, once each and in their order."""
    named = [OLD | row | {"uid": str(number)} for number, row in enumerate(given_rows)]
    targets = [Target(name=name, stdout=StdoutTarget()) for name in TARGETS]
    asked = Routes(Forward(targets=targets, route=route))
    for target in TARGETS:
        expected = [row["uid"] for row in named if target in sent(route, row)]
        assert asked.of(target, table(*named))["uid"].to_pylist() == expected
