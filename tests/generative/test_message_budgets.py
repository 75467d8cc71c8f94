"""Any text at any budget: what is cut stays whole, what is rendered fits, what is templated returns."""

from __future__ import annotations

import io
import itertools
import json
import unicodedata

from hypothesis import example, given, settings
from hypothesis import strategies as st

from etl.alerts import render
from etl.alerts.dialects import WecomV1, WecomV2
from etl.alerts.receivers.target import Outside
from etl.alerts.receivers.webhook import Webhook
from etl.alerts.receivers.wecom import Wecom
from etl.config.receivers import WebhookConfig, WecomConfig
from etl.wire import budget, escaping, templates
from etl.wire.facts import FACTS
from tests.lib.digests import strange

ANYTHING = st.text(st.characters(codec="utf-8"), max_size=200)
WIDE = st.text(st.sampled_from("a中😀é👨‍👩‍👧🇨🇳\u0301 "), max_size=2000)
# Nested by hand: st.recursive warns now and then of a recursion that it did not happen to draw.
_NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
_PLAIN = st.none() | st.booleans() | _NUMBERS | ANYTHING
_NESTED = st.lists(_PLAIN, max_size=4) | st.dictionaries(ANYTHING, _PLAIN, max_size=4)
JSON = (
    _PLAIN | st.lists(_NESTED, max_size=3) | st.dictionaries(ANYTHING, _PLAIN | _NESTED, max_size=4)
)


@given(WIDE, st.integers(0, 4200))
@example("中" * 1365 + "a", 4096)
@example("中" * 1365 + "aa", 4096)
@example("😀" * 1024, 4096)
@example("😀" * 1024 + "a", 4096)
def test_a_cut_fits_and_starts_like_the_text(text: str, limit: int) -> None:
    """Never more bytes than asked, never half a character, never a torn mark."""
    made = budget.cut(text, limit)
    assert budget.size(made) <= limit
    if made != text:
        kept = made.removesuffix(budget.TAIL)
        assert text.startswith(kept)
        following = text[len(kept)]
        assert not kept or kept[-1] != "\u200d"
        torn = unicodedata.category(following) in {"Mn", "Me"}
        assert not kept or not torn or len(kept) + 1 >= 32


@given(ANYTHING)
def test_a_leaf_returns_any_text(text: str) -> None:
    """Rendered through a template and encoded once, every text comes back as it went in."""
    made = templates.render_tree({"a": "{{ text }}", "b": ["<{{ text }}>"]}, {"text": text})
    assert json.loads(budget.encode(made)) == {"a": text, "b": [f"<{text}>"]}


@given(JSON)
def test_an_insert_returns_any_data(data: object) -> None:
    """A typed insert comes back with its types."""
    made = templates.render_tree({"a": {"$json": "data"}}, {"data": data})
    assert json.loads(budget.encode(made)) == {"a": data}


@given(ANYTHING)
def test_escaped_text_holds_no_control_and_no_mention(text: str) -> None:
    """Of any text at most 200 printable characters remain, and no @all among them."""
    for dialect in (WecomV2(), WecomV1()):
        made = dialect.text(text + "@all" + text)
        assert "@all" not in made
        assert not set(made) & set("<>`*|[]\\~")
        controls = {c for c in made if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"}}
        assert not controls
    assert len(escaping.one_line(text)) <= 200


@settings(max_examples=20, deadline=None)
@given(ANYTHING, st.sampled_from(["markdown", "markdown_v2"]), st.integers(1, 40))
def test_wecom_content_fits_with_and_without_its_mark(text: str, form: str, rows: int) -> None:
    """Whatever strangers wrote and however much, both renditions are within 4096 bytes."""
    config = WecomConfig(url="x", format=form, mentioned_mobiles=["@all"])  # type: ignore[arg-type]
    for part in Wecom(config, _nowhere()).prepare(strange(text, rows=rows)):
        for payload in (part.payload, part.repeat):
            assert isinstance(payload, dict)
            kind = payload["msgtype"]
            limit = 2048 if kind == "text" else FACTS["wecom"].limit
            assert len(payload[kind]["content"].encode("utf-8", "replace")) <= limit


@settings(max_examples=20, deadline=None)
@given(ANYTHING, st.integers(6000, 60_000), st.integers(1, 20))
def test_a_webhook_body_fits_and_is_json(text: str, limit: int, rows: int) -> None:
    """The encoded body is within its budget and one valid document."""
    config = WebhookConfig(
        url="x",
        max_bytes=limit,
        payload={"event": "{{ status }}", "text": "{{ markdown }}", "rows": {"$json": "findings"}},
    )
    part = Webhook(config, _nowhere()).prepare(strange(text, rows=rows))[0]
    for payload in (part.payload, part.repeat):
        assert isinstance(payload, dict)
        encoded = budget.encode(payload["body"])
        assert len(encoded) <= limit
        assert json.loads(encoded)["event"] == "findings"


def test_the_ladder_gets_shorter_at_every_step() -> None:
    """Each plan shows no more of anything than the one before."""
    plans = list(render.plans())
    for longer, shorter in itertools.pairwise(plans):
        for section in ("critical", "warning", "info", "movers", "health"):
            assert shorter.shown(section) <= longer.shown(section)


def _nowhere() -> Outside:
    return Outside({}, io.StringIO())
