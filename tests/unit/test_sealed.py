"""Secrets in payloads and headers: names in the outbox, values on the wire."""

from __future__ import annotations

import pytest

from etl.wire import sealed, templates
from etl.wire.secrets import SecretError

ENVIRON = {"TOKEN": "s3cr3t-{{ 7*7 }}", "OTHER": "o"}


def test_a_secret_is_a_name_until_it_is_sent() -> None:
    """The sealed tree holds no value; unsealing puts them in, also beside a template."""
    tree = {"auth": "Bearer ${TOKEN}", "all": ["{{ x }}-${OTHER}-${TOKEN}", 1], "plain": "{{ x }}"}
    made = sealed.seal(tree, lambda leaves: templates.render_tree(leaves, {"x": "X"}))
    assert "s3cr3t" not in str(made)
    assert sealed.unseal(made, ENVIRON) == {
        "auth": "Bearer s3cr3t-{{ 7*7 }}",
        "all": ["X-o-s3cr3t-{{ 7*7 }}", 1],
        "plain": "X",
    }


def test_a_name_in_foreign_text_stays_text() -> None:
    """An event that says ${TOKEN} does not get the token."""
    made = sealed.seal("{{ x }}", lambda leaf: templates.render_tree(leaf, {"x": "${TOKEN} $$"}))
    assert sealed.unseal(made, ENVIRON) == "${TOKEN} $$"


def test_two_dollars_stand_for_one() -> None:
    """As in the configuration file, $$ writes a dollar and $${A} no reference."""
    made = sealed.seal("$${TOKEN} costs $$5", lambda leaf: leaf)
    assert sealed.unseal(made, ENVIRON) == "${TOKEN} costs $5"


def test_a_missing_variable_is_named() -> None:
    """A name that the environment lacks fails with the name."""
    made = sealed.seal("${ABSENT}", lambda leaf: leaf)
    with pytest.raises(SecretError, match="ABSENT"):
        sealed.unseal(made, ENVIRON)
