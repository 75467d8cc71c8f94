"""Ten thousand messages of strangers who want to be seen, called or obeyed, in digests.

Each message is put together from pieces that mean something to some target, cut anywhere
and mixed with text, by a generator with a seed. Several share a digest, for what
matters is the text and not its number.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from etl.alerts.model import Digest, Finding, FirstSeen, Held, Mover, Noisy
from tests.lib.digests import MORNING, WINDOW

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
LIVE = re.compile(
    r"@(?:all|everyone|here|channel|所有人)|<!|<@|<at\b|<script|\x1b|\u202e|\u2028"
    r"|\(https?://evil|<https?://evil|href=\"https?://evil",
    re.IGNORECASE,
)


def hostile(chance: random.Random) -> str:
    """Return one message."""
    text = "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 8)))
    return text[: chance.randint(1, len(text))] + chance.choice(["", " ", "x"])


@cache
def digests() -> tuple[Digest, ...]:
    """Return digests that hold ten thousand messages in all places where strangers can write."""
    chance = random.Random(20261123)  # noqa: S311 - no secret is made of it
    made = []
    for _ in range(MESSAGES // A_DIGEST):
        text = iter([hostile(chance) for _ in range(A_DIGEST)])
        findings = tuple(
            Finding(
                # A rule's name is the operator's, and people read it.
                alert=f"Rule {next(text)}",
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
    return tuple(made)


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
