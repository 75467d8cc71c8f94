"""Teams cards through the parser and renderer that Microsoft publishes for them, in a headless browser.

A workflow says 202 to a card that it cannot post, so what a card is worth is seen here or nowhere.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from etl.alerts.model import Digest
from etl.alerts.receivers import placed
from etl.alerts.receivers.target import Outside
from etl.config.settings import Settings
from tests.lib.browser import CHROMIUM, Browser, browser
from tests.lib.digests import GAP, HOSTILE_100K, MORNING, NO_DATA, QUIET, crowded, strange
from tests.lib.sending import chat

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="there is no chromium on this machine")

LIBRARY = Path(__file__).parents[1] / "data" / "adaptivecards" / "adaptivecards.min.js"
SHAPES: dict[str, tuple[Digest, dict[str, Any]]] = {
    "morning": (MORNING, {}),
    "nobody is called": (MORNING, {"mentions": {}}),
    "quiet, in Chinese": (replace(QUIET, language="zh"), {}),
    "a gap": (GAP, {}),
    "no data": (NO_DATA, {}),
    "urgent": (replace(MORNING, kind="urgent"), {}),
    "what goes on and what is over": (
        replace(MORNING, findings=(), still=MORNING.findings, resolved=MORNING.findings[:1]),
        {},
    ),
    "the worst": (strange(HOSTILE_100K), {}),
    "a storm": (crowded(300, "付款失败"), {}),
    "a storm in parts": (crowded(60), {"max_parts": 3}),
}
# Reads a card as a client does; what it has to say of it are events. Text blocks are Markdown, which each client
# renders in its own way: here they come rendered.
_READ = """
(() => {
  const [source, texts] = %s;
  AdaptiveCards.AdaptiveCard.onProcessMarkdown = (text, result) => {
    result.outputHtml = texts[text];
    result.didProcess = true;
  };
  const card = new AdaptiveCards.AdaptiveCard();
  const context = new AdaptiveCards.SerializationContext();
  card.parse(source, context);
  const said = [...Array(context.eventCount).keys()].map((at) => context.getEventAt(at).message);
  said.push(...card.validateProperties().validationEvents.map((event) => event.message));
  const shown = card.render();
  document.body.replaceChildren(shown);
  return JSON.stringify({
    said,
    text: shown.innerText,
    links: [...shown.querySelectorAll("a")].map((link) => link.href),
    tags: [...new Set([...shown.querySelectorAll("*")].map((tag) => tag.tagName))].sort(),
    wide: shown.scrollWidth,
  });
})()
"""


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser 500 pixels wide, as a channel is, that has the library."""
    folder = tmp_path_factory.mktemp("cards")
    page = folder / "page.html"
    script = f'<script src="{LIBRARY.as_uri()}"></script>'
    page.write_text(f'<!DOCTYPE html><meta charset="utf-8">{script}<body></body>', "utf-8")
    with browser(folder / "profile") as opened:
        opened.open(page, width=500)
        yield opened


def read(renderer: Browser, card: dict[str, Any]) -> dict[str, Any]:
    """Return what the library says of a card, and what it shows."""
    markdown = MarkdownIt("commonmark", {"html": True})
    blocks = [element.get("text", "") for element in card["body"]]
    texts = {text: markdown.render(text) for text in blocks}
    found: dict[str, Any] = json.loads(renderer.evaluate(_READ % json.dumps([card, texts])))
    return found


def cards(digest: Digest, **settings: Any) -> list[dict[str, Any]]:
    """Return the cards of a digest, and the same marked as possible repeats."""
    known = Settings(receivers=[chat("teams", "https://teams.example/", **settings)])
    (item,) = placed(known, Outside({}, io.StringIO()))
    messages: list[Any] = [
        message for part in item.target.prepare(digest) for message in (part.payload, part.repeat)
    ]
    return [json.loads(json.dumps(m["attachments"][0]["content"])) for m in messages]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_card_is_read_without_a_complaint(renderer: Browser, shape: str) -> None:
    """Every card is parsed without an event, and shows all its text within the channel, with our links alone."""
    digest, settings = SHAPES[shape]
    made = cards(digest, **settings)
    assert len(made) % 2 == 0
    for card in made:
        shown = read(renderer, card)
        assert shown["said"] == []
        assert shown["wide"] <= 500
        assert set(shown["tags"]) <= {"DIV", "P", "STRONG", "A", "AT"}
        assert ("AT" in shown["tags"]) == ("entities" in card["msteams"])
        hosts = {link.split("/")[2] for link in shown["links"]}
        assert hosts <= {"runbooks.example", "reports.example"}
        (title, *_) = card["body"]
        assert shown["text"].startswith(title["text"].replace("**", "")[:20])
    assert renderer.problems == []


def test_the_library_complains_of_what_is_wrong(renderer: Browser) -> None:
    """So that its silence means something: an unknown element, a colour that is none, a text that is no text."""
    (card, _) = cards(MORNING)
    for wrong in ({"type": "TextBlok"}, {"color": "#ff0000"}, {"size": "huge"}):
        broken = {**card, "body": [{**card["body"][0], **wrong}, *card["body"][1:]]}
        assert read(renderer, broken)["said"] != [], wrong
