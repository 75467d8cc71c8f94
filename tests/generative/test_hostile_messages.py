"""Ten thousand messages of strangers who want to be seen, called or obeyed: what every chat makes of them."""

from __future__ import annotations

import io
import json
import re

import pytest
from markdown_it import MarkdownIt

from etl.alerts.markups import Html
from etl.alerts.receivers import placed
from etl.alerts.receivers.target import Outside, Target
from etl.config.settings import Settings
from etl.wire import budget
from etl.wire.facts import FACTS
from tests.functional.test_chats import KINDS
from tests.lib.hostile import LIVE, digests
from tests.lib.loopback import Request
from tests.lib.robot import LIMITS
from tests.lib.sending import chat


def target(kind: str) -> Target:
    """Return a target of ``kind`` that has nowhere to send."""
    settings = Settings(receivers=[chat(kind, "https://chat.example/")])
    (only,) = placed(settings, Outside({}, io.StringIO()))
    return only.target


@pytest.mark.parametrize("kind", KINDS)
def test_no_message_is_obeyed_by_a_chat(kind: str) -> None:
    """Every payload is taken by the strict counterpart, within its budget, and calls nobody."""
    speaker, fake = target(kind), KINDS[kind]()
    shown = 0
    for digest in digests():
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
            assert not LIVE.search(text), text
            shown += len(text)
    assert shown > 100_000


@pytest.mark.parametrize("form", ["markdown_v2", "markdown"])
def test_no_message_is_obeyed_by_wecom(form: str) -> None:
    """Its Markdown has no escapes: what strangers wrote holds no markup, and fits."""
    settings = Settings(receivers=[chat("wecom", "https://chat.example/", format=form)])
    (only,) = placed(settings, Outside({}, io.StringIO()))
    for digest in digests():
        for part in only.target.prepare(digest):
            assert isinstance(part.repeat, dict)
            kind = part.repeat["msgtype"]
            content = part.repeat[kind]["content"]
            assert len(content.encode()) <= LIMITS[kind]
            assert not LIVE.search(content)
            ours = re.sub(r'</?font(?: color="\w+")?>|^> ', "", content, flags=re.MULTILINE)
            assert not set(ours) & set("<>`")


def test_no_message_is_obeyed_by_markdown_or_html() -> None:
    """What a renderer makes of the texts has no link, image, code or tag that is not ours."""
    rendered = MarkdownIt("gfm-like", {"linkify": False, "html": True})
    text = target("mattermost")
    for digest in digests()[::5]:
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
