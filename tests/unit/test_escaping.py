"""Foreign text that means something to a terminal, to Markdown or to a chat, made to mean nothing."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from etl.wire import escaping
from tests.lib.digests import HOSTILE, HOSTILE_100K


def test_terminal_sequences_and_controls_disappear() -> None:
    """Colours, titles, hyperlinks, control and direction characters do not reach a terminal."""
    text = "\x1b[31mred\x1b[0m\x1b]8;;http://x\x07link\x1b]8;;\x07 a\x00b\x08 \u202eabc\u2069 \x9b2J \u200bz"
    assert escaping.one_line(text) == "redlink a b abc z"


def test_joined_emoji_and_scripts_stay() -> None:
    """Joiners inside emoji and Persian are spelling."""
    assert escaping.clean("👨‍👩‍👧 می‌خواهم") == "👨‍👩‍👧 می‌خواهم"


def test_a_sample_is_one_short_line() -> None:
    """100 KB over many lines become at most 200 characters on one."""
    made = escaping.one_line(HOSTILE_100K)
    assert len(made) <= 200
    assert made.isprintable() or "‍" in made
    assert "\n" not in made


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("@all", "＠all"),
        ("x@everyone", "x＠everyone"),
        ("(@channel)", "(＠channel)"),
        ("@所有人", "＠所有人"),
        ("@li", "＠li"),
        ("app@sha256:12", "app@sha256:12"),
        ("a @ b", "a @ b"),
    ],
)
def test_mentions_lose_their_sign(text: str, shown: str) -> None:
    """Groups are broken anywhere, names where a word starts; an image's digest stays copyable."""
    assert escaping.without_mentions(text) == shown


def test_markdown_shows_what_was_written() -> None:
    """A CommonMark renderer finds only text in escaped text, and the text is the original."""
    line = escaping.one_line(HOSTILE, 2000)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(escaping.markdown(line))
    kinds = {child.type for token in tokens for child in token.children or ()}
    assert kinds <= {"text", "text_special"}
    shown = "".join(child.content for token in tokens for child in token.children or ())
    assert shown.replace("\u2060", "").replace("＠", "@") == line


def test_markdown_cells_cannot_be_left() -> None:
    """A pipe in a table's cell does not open another."""
    table = f"| a |\n|---|\n| {escaping.markdown('x | y')} |"
    rendered = MarkdownIt("commonmark").enable("table").render(table)
    assert rendered.count("<td>") == 1


def test_wecom_text_holds_no_markup() -> None:
    """For WeCom, which has no escapes, look-alikes stand in; mentions, tags and links are gone."""
    made = escaping.wecom(escaping.one_line(HOSTILE, 2000))
    for markup in ("<", ">", "`", "*", "|", "[", "]", "\\", "@all", "@everyone", "~", "://"):
        assert markup not in made
    assert escaping.wecom("my_app _x_ &lt;b&gt; a & b") == "my_app ＿x＿ ＆lt;b＆gt; a & b"


def test_addresses_are_http_and_closed() -> None:
    """A link's address cannot end the link, and no other scheme passes."""
    assert escaping.url("https://a.example/x y)](z|<b>'\"中") == (
        "https://a.example/x%20y%29%5D%28z%7C%3Cb%3E%27%22%E4%B8%AD"
    )
    assert escaping.url("https://a.example/100%/%41@b") == "https://a.example/100%25/%41%40b"
    assert escaping.url("javascript:alert(1)") == ""
    assert escaping.url("//a.example") == ""
