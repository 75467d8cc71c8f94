"""Every chat against a counterpart that is as strict as its documents: what it takes, what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest
from slack_sdk.models.blocks import Block

from etl.wire import signing
from etl.wire.facts import FACTS
from tests.lib import chats
from tests.lib.chats import JSON, Chat, serving
from tests.lib.digests import HOSTILE_100K, MORNING, QUIET, crowded, moment, strange
from tests.lib.loopback import Answer
from tests.lib.sending import chat, sender

KINDS: dict[str, type[Chat]] = {
    "dingtalk": chats.Dingtalk,
    "feishu": chats.Feishu,
    "slack": chats.Slack,
    "teams": chats.Teams,
    "discord": chats.Discord,
    "telegram": chats.Telegram,
    "mattermost": chats.Mattermost,
}
CALLS = {
    "dingtalk": "@138 @all",
    "feishu": "<at id=all></at>",
    "slack": "<!here> <@U024BE7LH> <!subteam^S0614TZR7>",
    "teams": "<at>Li Na</at>",
    "discord": "<@80351110224678912> <@&165511591545143296>",
    "telegram": "",
    "mattermost": "@channel @li",
}


def sent(folder: Path, kind: str, *digests: object, **more: object) -> Chat:
    """Send digests of successive mornings to a chat that takes them all."""
    fake = KINDS[kind]()
    server, url = serving(fake)
    with server:
        made = sender(folder, chat(kind, url, **more))
        for digest in digests:
            assert made.send(digest).failures == ()  # type: ignore[arg-type]
    return fake


@pytest.mark.parametrize("kind", KINDS)
def test_a_chat_gets_the_morning_and_calls_people(tmp_path: Path, kind: str) -> None:
    """One message that says all of it, with the link, and mentions people because something is critical."""
    fake = sent(tmp_path, kind, MORNING)
    (message,) = fake.messages
    text = fake.text(message)
    for words in ("1 critical, 2 warning", "12 OOM kills on node-a", "FailedMount", "4,120"):
        assert words in text
    assert "https://reports.example/k8s" in json.dumps(message)
    assert CALLS[kind] in text
    assert b"\\u" not in fake.bodies[0]


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_is_called_on_a_quiet_day(tmp_path: Path, kind: str) -> None:
    """A good day is one line for everybody, in Chinese too, and for nobody in particular."""
    fake = sent(tmp_path, kind, replace(QUIET, language="zh"))
    text = fake.text(fake.messages[0])
    assert "一切正常" in text
    assert not CALLS[kind] or CALLS[kind] not in text
    assert len(text.splitlines()) <= 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "digest",
    [strange(HOSTILE_100K), crowded(300), crowded(300, "付款失败"), crowded(40, "👨‍👩‍👧‍👦 中")],
    ids=["hostile", "crowded", "chinese", "families"],
)
def test_a_storm_is_one_message_that_fits(tmp_path: Path, kind: str, digest: object) -> None:
    """300 findings, or 100 KB of markup, are one valid message that still counts what is critical."""
    fake = sent(tmp_path, kind, digest)
    (message,) = fake.messages
    assert " critical" in fake.text(message)
    assert "@everyone" not in fake.text(message)


@pytest.mark.parametrize("kind", KINDS)
def test_a_storm_may_take_three_numbered_parts(tmp_path: Path, kind: str) -> None:
    """With room for three, more of it is told; each part is valid by itself and says which it is."""
    one = sent(tmp_path / "one", kind, crowded(60))
    three = sent(tmp_path / "three", kind, crowded(60), max_parts=3)
    assert 1 < len(three.messages) <= 3
    texts = [three.text(message) for message in three.messages]
    for number, text in enumerate(texts, start=1):
        assert f"({number}/{len(texts)})" in text
    assert sum(map(len, texts)) > len(one.text(one.messages[0]))
    assert [CALLS[kind] in text for text in texts][1:] == ([not CALLS[kind]] * (len(texts) - 1))


def _json(status: int, /, **body: object) -> Answer:
    return Answer(status, json.dumps(body).encode(), JSON)


REFUSALS: list[tuple[str, Answer, str, list[float]]] = [
    ("dingtalk", _json(200, errcode=310000, errmsg="sign not match"), "dead", []),
    ("dingtalk", _json(200, errcode=130101, errmsg="send too fast"), "waiting", []),
    ("dingtalk", _json(200, errcode=-1, errmsg="busy"), "delivered", [1]),
    ("dingtalk", _json(200, errcode=460101, errmsg="exceed 20000 bytes"), "delivered", []),
    ("dingtalk", _json(200, status=1111, wait=5, punish="deny"), "unknown", []),
    ("feishu", _json(200, code=19021, msg="sign match fail"), "dead", []),
    ("feishu", _json(200, code=19024, msg="Key Words Not Found"), "dead", []),
    ("feishu", _json(200, code=11232, msg="frequency limited"), "delivered", [60]),
    ("feishu", _json(200, code=9499, msg="too many request"), "delivered", [60]),
    ("feishu", _json(200, code=9499, msg="Bad Request"), "dead", []),
    ("feishu", _json(200, code=19036, msg="too large"), "delivered", []),
    ("feishu", _json(200, StatusCode=0, StatusMessage="success"), "taken", []),
    ("feishu", _json(200, Extra=None), "unknown", []),
    ("slack", Answer(404, b"no_service"), "dead", []),
    ("slack", Answer(429, b"rate_limited", {"Retry-After": "12"}), "delivered", [12]),
    ("slack", Answer(429, b"rate_limited"), "delivered", [60]),
    ("slack", Answer(400, b"msg_blocks_too_long"), "delivered", []),
    ("slack", Answer(400, b"invalid_blocks"), "dead", []),
    ("slack", Answer(500, b"rollup_error"), "delivered", [1]),
    ("slack", Answer(200, b"<html>log in</html>"), "unknown", []),
    ("teams", Answer(200), "taken", []),
    ("teams", Answer(429, b"", {"Retry-After": "5"}), "delivered", [5]),
    ("teams", _json(413, error={"code": "RequestEntityTooLarge"}), "delivered", []),
    ("teams", _json(400, error={"code": "WorkflowTriggerIsNotEnabled"}), "dead", []),
    ("discord", _json(429, message="limited", retry_after=1.5), "delivered", [1.5]),
    ("discord", _json(400, code=50035, errors={"c": "BASE_TYPE_MAX_LENGTH"}), "delivered", []),
    ("discord", _json(404, message="Unknown Webhook", code=10015), "dead", []),
    ("discord", Answer(204), "unknown", []),
    ("telegram", _json(429, ok=False, parameters={"retry_after": 35}), "delivered", [35]),
    ("telegram", _json(400, ok=False, description="message is too long"), "delivered", []),
    ("telegram", _json(403, ok=False, description="bot was blocked by the user"), "dead", []),
    ("telegram", _json(200, ok=False), "unknown", []),
    ("telegram", _json(502, ok=False, description="Bad Gateway"), "delivered", [1]),
    ("mattermost", _json(400, id="x", message="text too long"), "delivered", []),
    ("mattermost", _json(403, id="x", message="webhook disabled"), "dead", []),
    ("mattermost", Answer(503, b"", {"Retry-After": "3"}), "delivered", [3]),
]


@pytest.mark.parametrize(("number", "kind"), [(n, row[0]) for n, row in enumerate(REFUSALS)])
def test_each_refusal_ends_as_it_should(tmp_path: Path, number: int, kind: str) -> None:
    """By what the vendor says in its body, a message is tried again, shortened, left or given up."""
    _, answer, ending, pauses = REFUSALS[number]
    fake = KINDS[kind](answers=[answer])
    server, url = serving(fake)
    with server:
        made = sender(tmp_path, chat(kind, url))
        delivery = made.send(crowded(30))
        told = [failure.detail for failure in delivery.failures]
        assert bool(delivery.delivered) is (ending in {"delivered", "taken"}), told
        assert len(made.files.list("outbox/dead")) == (ending == "dead")
        # The pace of the kind adds pauses with a fraction, and no other than these.
        assert [p for p in made.pauses if p in {1, 1.5, 3, 5, 12, 35, 60}] == pauses
        assert sum(made.pauses) < sum(pauses) + FACTS[kind].spacing.total_seconds()
        if ending == "unknown":
            assert made.send_pending().delivered == (kind,)
            assert "Possible repeat" in fake.text(fake.messages[0])


@pytest.mark.parametrize("kind", ["dingtalk", "telegram", "discord", "slack"])
def test_many_digests_to_one_address_keep_its_pace(tmp_path: Path, kind: str) -> None:
    """Twenty-five digests to one chat stay below its limit, because they keep their distance."""
    made = sender(tmp_path)
    fake = KINDS[kind](clock=lambda: sum(made.pauses))
    server, url = serving(fake)
    with server:
        for number in range(25):
            made.receivers.append(msgspec.structs.replace(chat(kind, url), name=f"team-{number}"))
        delivery = made.send(QUIET)
    assert len(delivery.delivered) == 25
    assert len(fake.messages) == 25


@pytest.mark.parametrize("digest", [MORNING, crowded(300), strange(HOSTILE_100K)])
def test_slack_blocks_pass_slacks_own_validators(tmp_path: Path, digest: object) -> None:
    """Each block is one of Slack's, within the limits that its library knows."""
    (message,) = sent(tmp_path, "slack", digest).messages
    assert len(message["blocks"]) <= 50
    for block in message["blocks"]:
        parsed = Block.parse(block)
        assert parsed
        parsed.validate_json()


def test_signatures_are_those_of_the_vendors() -> None:
    """The published vectors: DingTalk's in milliseconds, Feishu's in seconds, each its own way round."""
    instant = moment("2020-09-06T02:47:53")
    stamp, sign = signing.dingtalk("SECabc", instant)
    assert stamp == "1599360473000"
    assert quote(sign, safe="") == "3SJkK5Fm70JVVkwmvZFkgdPlr53Kn2utLHLz9DzuOSc%3D"
    assert signing.feishu("abc", instant) == (
        "1599360473",
        "cgtpJzI2j6bUDggbdGYjskCK3FPgKpTkwosfWsMzKqM=",
    )


def test_a_wrong_secret_is_given_up_without_showing_it(tmp_path: Path) -> None:
    """A signature that does not match is a dead letter, and names the vendor's code only."""
    wrong = "wrong-5ecret-0123"
    for kind in ("dingtalk", "feishu"):
        server, url = serving(KINDS[kind]())
        with server:
            made = sender(tmp_path / kind, chat(kind, url, secret=wrong))
            failure = made.send(QUIET).failures[0]
        assert failure.dead
        assert wrong not in failure.detail
        assert "code" in failure.detail


def test_a_keyword_is_in_every_message(tmp_path: Path) -> None:
    """Robots that want a word get it; where the digest has it already, it stands there once."""
    for kind in ("dingtalk", "feishu"):
        fake = sent(tmp_path / kind, kind, QUIET, keyword="巡检")
        assert fake.text(fake.messages[0]).count("巡检") == 1
        fake = sent(tmp_path / f"{kind}2", kind, QUIET, keyword="all quiet")
        assert fake.text(fake.messages[0]).count("all quiet") <= 2
