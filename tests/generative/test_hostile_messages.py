"""Ten thousand messages of strangers who want to be seen, called or obeyed: what every target makes of them.

Each message is put together from pieces that mean something to some chat, cut anywhere
and mixed with text, by a generator with a seed. Several share a digest, for what
matters is the text and not its number.
"""

from __future__ import annotations

import io
import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from etl.alerts.markups import Html
from etl.alerts.model import Digest, Finding, FirstSeen, Held, Mover, Noisy
from etl.alerts.receivers import placed
from etl.alerts.receivers.facts import FACTS
from etl.alerts.receivers.target import Outside, Target
from etl.config.settings import Settings
from etl.wire import budget
from tests.functional.test_chats import KINDS
from tests.lib.digests import MORNING, WINDOW
from tests.lib.loopback import Request
from tests.lib.robot import LIMITS
from tests.lib.sending import chat

MESSAGES, A_DIGEST = 10_000, 40
# Nobody's: only what strangers write may hold these words.
PIECES = [
    "@all", "@everyone", "@here", "@channel", "@所有人", "@li", "<@U123>", "<@!80351110224678912>", "<@&1655>",
    "<!channel>", "<!here|here>", "<!subteam^S1>", "<at id=all></at>", "<at>Li Na</at>", '<at user_id="all">',
    "[click](https://evil.example)", "<https://evil.example|click>", "![x](http://evil.example/x.png)",
    "https://evil.example", "www.evil.example", "tg://user?id=1", '<a href="https://evil.example">x</a>',
    "<b>", "</b>", "<script>alert(1)</script>", "&lt;", "&#64;all", "&amp;", "```", "`", "**", "__", "~~", "||",
    "| a | b |", "|---|", "# head", "\n", "\r\n", "\u2028", "\x00", "\x1b[31m", "\x1b]8;;http://e\x07", "\u202e",
    "\u200b", "\\", '"', "'", "{{ 7*7 }}", "{% raw %}", "${HOME}", "$env", "\ud83d", "中文", "👨‍👩‍👧", "e\u0301" * 3,
    "[", "]", "(", ")", "<", ">", "- item", "> quote", "1. one", '<font color="warning">', "Back-off pulling image",
]  # fmt: skip
_LIVE = re.compile(
    r"@(?:all|everyone|here|channel|所有人)|<!|<@|<at\b|<script|\x1b|\u202e|\u2028"
    r"|\(https?://evil|<https?://evil|href=\"https?://evil",
    re.IGNORECASE,
)


def hostile(chance: random.Random) -> str:
    """Return one message."""
    text = "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 8)))
    return text[: chance.randint(1, len(text))] + chance.choice(["", " ", "x"])


def digests() -> list[Digest]:
    """Return digests that hold ten thousand messages in all places where strangers can write."""
    chance = random.Random(20261123)  # noqa: S311 - no secret is made of it
    made = []
    for _ in range(MESSAGES // A_DIGEST):
        text = iter([hostile(chance) for _ in range(A_DIGEST)])
        findings = tuple(
            Finding(
                alert=next(text),
                severity="warning",
                labels={"namespace": next(text), next(text): next(text)},
                value=1,
                summary=next(text),
                description=next(text),
                runbook_url="https://runbooks.example/x",
            )
            for _ in range(3)
        )
        made.append(
            replace(
                MORNING,
                clusters=(next(text),),
                findings=findings,
                first_seen=(_first_seen(text),),
                movers=(Mover(next(text), next(text), next(text), 1, 0.5),),
                noisiest=(Noisy(next(text), next(text), next(text), next(text), 1, next(text)),),
                held=(Held(next(text), next(text)),),
                health=(next(text),),
                link="https://reports.example/",
            )
        )
    return made


def _first_seen(text: Iterator[str]) -> FirstSeen:
    return FirstSeen(
        cluster=next(text),
        reason=next(text),
        object_kind=next(text),
        type=next(text),
        occurrences=1,
        first_seen=WINDOW.start,
        meaning=next(text),
        example=next(text),
    )


def target(kind: str) -> Target:
    """Return a target of ``kind`` that has nowhere to send."""
    settings = Settings(receivers=[chat(kind, "https://chat.example/")])
    (only,) = placed(settings, Outside({}, io.StringIO()))
    return only.target


ALL = digests()


@pytest.mark.parametrize("kind", KINDS)
def test_no_message_is_obeyed_by_a_chat(kind: str) -> None:
    """Every payload is taken by the strict counterpart, within its budget, and calls nobody."""
    speaker, fake = target(kind), KINDS[kind]()
    shown = 0
    for digest in ALL:
        (part,) = speaker.prepare(digest)
        for payload in (part.payload, part.repeat):
            body = budget.encode(payload)
            message = json.loads(body)
            if kind not in {"dingtalk", "feishu"}:
                # These two check a signature first, which is made when it is sent.
                refusal = fake.judge(Request("POST", "/?wait=true", {}, body), message)
                assert refusal is None, refusal
            assert len(body) <= max(FACTS[kind].limit * 4, 30_000)
            text = message["text"] if kind == "telegram" else fake.text(message)
            assert not _LIVE.search(text), text
            shown += len(text)
    assert shown > 100_000


@pytest.mark.parametrize("form", ["markdown_v2", "markdown"])
def test_no_message_is_obeyed_by_wecom(form: str) -> None:
    """Its Markdown has no escapes: what strangers wrote holds no markup, and fits."""
    settings = Settings(receivers=[chat("wecom", "https://chat.example/", format=form)])
    (only,) = placed(settings, Outside({}, io.StringIO()))
    for digest in ALL:
        for part in only.target.prepare(digest):
            assert isinstance(part.repeat, dict)
            kind = part.repeat["msgtype"]
            content = part.repeat[kind]["content"]
            assert len(content.encode()) <= LIMITS[kind]
            assert not _LIVE.search(content)
            ours = re.sub(r'</?font(?: color="\w+")?>|^> ', "", content, flags=re.MULTILINE)
            assert not set(ours) & set("<>`")


def test_no_message_is_obeyed_by_markdown_or_html() -> None:
    """What a renderer makes of the texts has no link, image, code or tag that is not ours."""
    rendered = MarkdownIt("gfm-like", {"linkify": False, "html": True})
    text = target("mattermost")
    for digest in ALL[::5]:
        payload = text.prepare(digest)[0].payload
        assert isinstance(payload, dict)
        html = rendered.render(payload["text"])
        assert not re.search(r"<(?:img|code|script|at|font)\b", html)
        assert set(re.findall(r'href="https?://([\w.]+)', html)) <= {
            "runbooks.example",
            "reports.example",
        }
        for finding in digest.findings:
            shown = Html().text(finding.summary)
            assert not set(shown) & set("<>\"'") - {"'"}
