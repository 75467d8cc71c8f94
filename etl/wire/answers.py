"""A vendor's answer to an outcome: read from the body, because a status of 200 often lies.

WeCom, DingTalk and Feishu answer 200 to everything and say in a number what happened;
Slack and Mattermost say ``ok``; Telegram says ``"ok": true``; Discord returns the message
that it saved. A 200 with none of that, such as a proxy's login page, is no receipt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from etl.errors import quoted
from etl.log import redact
from etl.wire.facts import FACTS, Facts
from etl.wire.http import Answer, judge, retry_after
from etl.wire.outcome import Kind, Outcome

_TOO_MANY = 429
# More than a vendor ever asks for, and less than an overflow.
_LONGEST_PAUSE = 10_000_000.0
# Robots that say in a number what happened, by where they are.
_HOSTS = {
    "qyapi.weixin.qq.com": "wecom",
    "oapi.dingtalk.com": "dingtalk",
    "open.feishu.cn": "feishu",
    "open.larksuite.com": "feishu",
}


def by_code(answer: Answer, facts: Facts, *, now: datetime) -> Outcome:
    """Judge by the vendor's number; without one nobody can know."""
    judged = judge(answer, now=now)
    if not judged.delivered:
        return refused(answer, facts, now=now)
    body = document(answer)
    code = next((body[key] for key in facts.keys if key in body), None)
    # JSON's true is a number for Python.
    if not isinstance(code, int) or isinstance(code, bool):
        detail = f"HTTP {answer.status} without {facts.keys[0]}: {answer.text()}"
        return Outcome(Kind.UNKNOWN, detail, answer.status)
    words = str(body.get(facts.text, ""))
    kind = facts.codes.get(code) or _by_words(words, facts) or Kind.PERMANENT
    detail = f"{facts.keys[0]} {code}: {quoted(redact(words))}" if code else ""
    wait = facts.pause if kind is Kind.RETRY_AFTER else None
    return Outcome(kind, detail, answer.status, str(code), wait)


def by_word(answer: Answer, facts: Facts, *, now: datetime) -> Outcome:
    """Judge by the word ``ok``, which is all that a delivered message gets."""
    judged = judge(answer, now=now)
    if not judged.delivered:
        return refused(answer, facts, now=now)
    if answer.body.strip() == b"ok":
        return Outcome(Kind.OK, status=answer.status)
    detail = f"HTTP {answer.status} without ok: {answer.text()}"
    return Outcome(_by_words(_whole(answer), facts) or Kind.UNKNOWN, detail, answer.status)


def by_key(answer: Answer, facts: Facts, key: str, *, now: datetime) -> Outcome:
    """Judge by a key of the body that only a delivered message has, and that is not false."""
    judged = judge(answer, now=now)
    if not judged.delivered:
        return refused(answer, facts, now=now)
    if document(answer).get(key):
        return Outcome(Kind.OK, status=answer.status)
    detail = f"HTTP {answer.status} without {key}: {answer.text()}"
    return Outcome(Kind.UNKNOWN, detail, answer.status)


def by_status(answer: Answer, facts: Facts, *, now: datetime) -> Outcome:
    """Judge by the status alone, where the vendor says no more: taken, and what became of it stays unseen."""
    judged = judge(answer, now=now)
    if not judged.delivered:
        return refused(answer, facts, now=now)
    return Outcome(Kind.ACCEPTED, status=answer.status)


def by_itself(answer: Answer, host: str, *, now: datetime) -> Outcome:
    """Judge the answer of an address that may be anybody's: by the status, unless the body of a success says no.

    ``errcode`` is a word of WeCom's and DingTalk's, and ``"ok": false`` cannot be meant otherwise; Feishu's
    ``code`` is used by many for a status, so it counts at Feishu's own addresses alone.
    """
    judged = judge(answer, now=now)
    body = document(answer)
    if not judged.delivered:
        return judged
    vendor = next((name for end, name in _HOSTS.items() if f".{host}".endswith(f".{end}")), "")
    if vendor or isinstance(body.get("errcode"), int):
        return by_code(answer, FACTS[vendor or "wecom"], now=now)
    if body.get("ok") is False:
        said = quoted(redact(str(body.get("error") or body.get("description") or "")))
        return Outcome(Kind.PERMANENT, f"ok is false: {said}", answer.status)
    return judged


def refused(answer: Answer, facts: Facts, *, now: datetime) -> Outcome:
    """Judge a status that is no success: by what the vendor's words are known to mean, else by the status."""
    judged = judge(answer, now=now)
    if answer.status == _TOO_MANY:
        wait = retry_after(answer.headers, now=now) or _pause(document(answer)) or facts.pause
        return replace(judged, kind=Kind.RETRY_AFTER, wait=wait)
    kind = _by_words(_whole(answer), facts)
    if kind is None or judged.kind is Kind.RETRY_AFTER:
        return judged
    return replace(judged, kind=kind, wait=facts.pause if kind is Kind.RETRY_AFTER else None)


def document(answer: Answer) -> Mapping[str, object]:
    """Return the body as a JSON object; an empty one where it is none."""
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        # Not JSON, such as a page of HTML: then it holds no code, and that is what counts.
        return {}
    return body if isinstance(body, Mapping) else {}


def _whole(answer: Answer) -> str:
    return answer.body.decode("utf-8", "replace")


def _by_words(text: str, facts: Facts) -> Kind | None:
    return next((kind for word, kind in facts.words.items() if word in text), None)


def _pause(body: Mapping[str, object]) -> timedelta | None:
    """Return the seconds that Discord (``retry_after``) or Telegram (below ``parameters``) names."""
    inner = body.get("parameters")
    seconds = body.get("retry_after")
    if isinstance(inner, Mapping):
        seconds = inner.get("retry_after", seconds)
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not seconds > 0:
        return None
    return timedelta(seconds=min(float(seconds), _LONGEST_PAUSE))
