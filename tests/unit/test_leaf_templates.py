"""Payload trees: what leaves may say, what they cannot do, and what they leave as it was."""

from __future__ import annotations

import json

import pytest

from etl.wire import templates
from etl.wire.templates import LeafError
from tests.lib.digests import HOSTILE

CONTEXT: dict[str, object] = {
    "text": HOSTILE,
    "findings": [{"alert": "A", "value": 1.5}, {"alert": "B", "value": None}],
    "counts": {"critical": 2},
    "n": 3,
}


def test_a_tree_is_rendered_leaf_by_leaf() -> None:
    """Leaves are templates, other values stay, and a leaf stays a string whatever it looks like."""
    tree = {"a": ["{{ n }}", 1, None, True, 2.5], "b": {"c": "{{ counts.critical }} of {{ n }}"}}
    assert templates.render_tree(tree, CONTEXT) == {
        "a": ["3", 1, None, True, 2.5],
        "b": {"c": "2 of 3"},
    }


def test_no_text_can_break_the_payload() -> None:
    """Quotes, newlines and template syntax inside data arrive as they were."""
    made = templates.render_tree({"event": "{{ text }}", "same": "a{{ text }}b"}, CONTEXT)
    assert json.loads(json.dumps(made)) == {"event": HOSTILE, "same": f"a{HOSTILE}b"}


def test_an_insert_keeps_its_type() -> None:
    """``$json`` puts data in, also the result of filters."""
    tree = {
        "all": {"$json": "findings"},
        "names": {"$json": "findings | map(attribute='alert')"},
        "n": {"$json": "n + 1"},
    }
    assert templates.render_tree(tree, CONTEXT) == {
        "all": CONTEXT["findings"],
        "names": ["A", "B"],
        "n": 4,
    }


def test_text_without_a_template_is_not_touched() -> None:
    """Line ends and percent signs of a plain text stay, which Jinja would rewrite."""
    assert templates.render_leaf("a\r\nb\rc % d {e}\n", {}) == "a\r\nb\rc % d {e}\n"


def test_loops_and_conditions_work() -> None:
    """The language of leaves has for, if and set."""
    leaf = "{% set s = ', ' %}{% for f in findings if f.value %}{{ f.alert }}{{ s }}{% endfor %}"
    assert templates.render_leaf(leaf, CONTEXT) == "A, "


def test_foreign_fields_can_be_escaped() -> None:
    """A payload that builds chat markup from single fields has filters for them."""
    made = templates.render_leaf("{{ '<!channel> @all' | markdown }} {{ 'a\nb' | one_line }}", {})
    assert made == "&lt;!channel&gt; ＠all a b"


@pytest.mark.parametrize(
    "leaf",
    [
        "{{ 'a' * 10**10 }}",
        "{{ 10**10 * 'a' }}",
        "{{ [0] * 10**9 }}",
        "{{ 10 ** (10 ** 10) }}",
        "{{ '%10000000000s' % 'a' }}",
        "{{ '%10000000000s' | format('a') }}",
        "{{ '{:10000000000}'.format(1) }}",
        "{{ 'a'.ljust(10**10) }}",
        "{{ 'a' | center(10**10) }}",
        "{{ 'a' | indent(10**10) }}",
        "{{ text | replace('', text | replace('', text)) }}",
        "{{ findings | join(text * 1000) | replace('a', text * 1000) }}",
        "{{ 'a' ~ 'b' }}",
        "{% set ns = namespace(a='a') %}",
        "{% for i in range(10) %}{{ i }}{% endfor %}",
        "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for a in [text*3000] %}{% for b in [a+a+a+a+a+a+a] %}{{ b }}{% endfor %}{% endfor %}",
        "{{ ''.__class__ }}",
        "{{ text.__class__.__mro__ }}",
        "{{ findings.append(1) }}",
        "{{ lipsum() }}",
        "{{ nothing }}",
        "{{ counts.nothing }}",
        "{{ 1 / 0 }}",
    ],
)
def test_bombs_and_escapes_are_refused(leaf: str) -> None:
    """What would take gigabytes, leave the sandbox or name what is not there fails as a leaf's mistake."""
    with pytest.raises(LeafError):
        templates.render_leaf(leaf, CONTEXT)


def test_output_is_capped() -> None:
    """A loop cannot put out more than the cap."""
    leaf = "{% for a in rows %}{% for b in rows %}{{ text }}{% endfor %}{% endfor %}"
    with pytest.raises(LeafError, match="longer than"):
        templates.render_leaf(leaf, {"rows": list(range(1000)), "text": "x" * 1000})


def test_mistakes_are_found_at_load_with_their_path() -> None:
    """Syntax, unknown filters and names, refused statements, keys and types are named all at once."""
    tree = {
        "a": "{{ n",
        "b": ["{{ n | nofilter }}", "{{ tpyo }}"],
        "c": {"$json": "findings["},
        "d": {"$json": "{{ findings }}"},
        "e": {"$json": "findings", "other": 1},
        "f": "{% include 'x' %}",
        7: "x",
        "g": {1, 2},
        "h": float("nan"),
        "i": {"$env": []},
    }
    mistakes = templates.check_tree(tree, "payload", names=CONTEXT)
    paths = [mistake.partition(": ")[0] for mistake in mistakes]
    assert paths == [
        "payload.a",
        "payload.b[0]",
        "payload.b[1]",
        "payload.c.$json",
        "payload.d.$json",
        "payload.e",
        "payload.f",
        "payload",
        "payload.g",
        "payload.h",
        "payload.i",
    ]
    assert "'tpyo'" in mistakes[2]


def test_a_right_tree_has_no_mistakes() -> None:
    """A payload as in the documentation passes."""
    tree = {
        "event": "{{ n }}",
        "rows": {"$json": "findings"},
        "deep": [{"x": "{{ text | upper }}"}],
    }
    assert templates.check_tree(tree, "payload", names=CONTEXT) == []
