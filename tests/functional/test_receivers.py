"""Each kind of receiver against a strict counterpart: what it takes, what it refuses, what it says."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from etl.alerts import receivers
from etl.alerts.model import Digest
from etl.alerts.specimen import specimen
from etl.config.receivers import Receiver, WebhookConfig
from etl.config.settings import Settings
from tests.lib.digests import HOSTILE_100K, MORNING, NOW, QUIET, crowded, strange
from tests.lib.loopback import Answer, LoopbackServer, Request
from tests.lib.robot import KEY, LIMITS, Robot, serving
from tests.lib.sending import console, sender, webhook, wecom

TREE: dict[str, object] = {
    "event": "{{ status }}",
    "text": "{{ digest.markdown }}",
    "rows": {"$json": "findings"},
    "first": "{% if findings %}{{ findings[0].summary }}{% endif %}",
}


class Hook:
    """A webhook that keeps what it gets and answers what it is told."""

    def __init__(self, *answers: Answer) -> None:
        """Answer with ``answers`` in turn, then with 200."""
        self.answers = list(answers)
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []

    def respond(self, request: Request) -> Answer:
        """Answer one request."""
        self.bodies.append(request.body)
        self.headers.append(dict(request.headers))
        return self.answers.pop(0) if self.answers else Answer(200)


@pytest.mark.parametrize("digest", [strange(HOSTILE_100K), strange(HOSTILE_100K, rows=20)])
def test_the_worst_text_reaches_every_receiver(tmp_path: Path, digest: Digest) -> None:
    """100 KB of markup, mentions and controls arrive as valid messages within each budget."""
    robot, hook, raw = Robot(), Hook(), Hook()
    server, url = serving(robot)
    with server, LoopbackServer(hook.respond) as one, LoopbackServer(raw.respond) as two:
        made = sender(
            tmp_path,
            wecom(url, mentioned_mobiles=["13800000000"]),
            wecom(url, "old", format="markdown"),
            webhook(one.url, payload=TREE, max_bytes=100_000),
            webhook(two.url, "raw"),
            console(),
        )
        delivery = made.send(digest)
    assert delivery.failures == ()
    assert len(delivery.delivered) == 6
    assert [message["msgtype"] for message in robot.messages] == ["markdown_v2", "text", "markdown"]
    for message, content in zip(robot.messages, robot.contents(), strict=True):
        assert len(content.encode()) <= LIMITS[message["msgtype"]]
        assert not {"@all", "<!channel>", "<@U123>", "\u202e", "\x1b"} & set(content.split())
    assert len(hook.bodies[0]) <= 100_000
    body = json.loads(hook.bodies[0])
    assert body["event"] == "findings"
    assert 'say "hi" \\ \\n back\\slash new  line' in body["first"]
    assert json.loads(raw.bodies[0])["counts"]["critical"] in {3, 20}
    assert "\x1b" not in made.stream.getvalue()


def test_a_webhook_gets_the_digest_as_data(tmp_path: Path) -> None:
    """Without a payload of its own it gets all keys, as raw UTF-8 JSON, with an id."""
    hook = Hook()
    with LoopbackServer(hook.respond) as server:
        made = sender(tmp_path, webhook(server.url))
        made.send(replace(MORNING, language="zh"))
    body = json.loads(hook.bodies[0])
    assert "严重".encode() in hook.bodies[0]
    assert body["counts"] == {"critical": 1, "warning": 2, "info": 0}
    assert body["possible_repeat"] is False
    assert hook.headers[0]["content-type"] == "application/json; charset=utf-8"
    assert hook.headers[0]["webhook-id"] == Path(made.files.list("outbox/delivered")[0]).stem


def test_headers_are_templates_with_secrets(tmp_path: Path) -> None:
    """Values name data and the environment; line ends and other alphabets cannot break out of them."""
    hook = Hook()
    headers = {
        "Authorization": "Bearer ${HOOK_NAME}",
        "X-Clusters": "{{ clusters[0] }} {{ status }}",
    }
    with LoopbackServer(hook.respond) as server:
        made = sender(tmp_path, webhook(server.url, headers=headers), HOOK_NAME="t0ken-{{ 1 }}")
        made.send(replace(QUIET, clusters=("a\r\nEvil: 1 中",)))
    assert hook.headers[0]["authorization"] == "Bearer t0ken-{{ 1 }}"
    assert hook.headers[0]["x-clusters"] == "a  Evil: 1 ? quiet"
    assert "evil" not in hook.headers[0]


def test_a_webhook_that_finds_it_too_large_gets_less(tmp_path: Path) -> None:
    """413 leads one step down the ladder at once, up to three times."""
    hook = Hook(Answer(413), Answer(413))
    with LoopbackServer(hook.respond) as server:
        made = sender(tmp_path, webhook(server.url, max_bytes=30_000))
        delivery = made.send(crowded(40))
    assert delivery.delivered == ("hook",)
    sizes = [len(body) for body in hook.bodies]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[2] <= 30_000 * 0.75**2
    assert made.pauses == []


def test_a_robot_gets_markdown_and_a_call(tmp_path: Path) -> None:
    """A digest with something critical is followed by a text that mentions people, 3.1 s later."""
    robot = Robot()
    server, url = serving(robot)
    with server:
        made = sender(tmp_path, wecom(url, mentioned_mobiles=["13800000000", "@all"]))
        made.send(MORNING)
    assert robot.messages[1] == {
        "msgtype": "text",
        "text": {
            "content": "1 critical in prod: 12 OOM kills on node-a",
            "mentioned_mobile_list": ["13800000000", "@all"],
        },
    }
    assert made.pauses == [pytest.approx(3.1, abs=0.5)]


def test_nobody_is_called_when_nothing_is_critical(tmp_path: Path) -> None:
    """Warnings alone mention nobody."""
    robot = Robot()
    server, url = serving(robot)
    with server:
        sender(tmp_path, wecom(url, mentioned_mobiles=["@all"])).send(QUIET)
    assert len(robot.messages) == 1


@pytest.mark.parametrize(
    ("codes", "delivered", "dead", "pauses"),
    [
        ([-1, -1], True, False, [1, 2]),  # busy: backoff
        ([45009], True, False, [25]),  # too many in a minute
        ([45009] * 5, False, False, [25, 25, 25, 25]),  # longer than the budget: the next run
        ([40058], True, False, []),  # too long: shorter, at once
        ([45002, 45002, 45002], True, False, []),
        ([45002, 45002, 45002, 45002], False, True, []),  # nothing is short enough
        ([93000], False, True, []),  # no such robot
        ([40033], False, True, []),
        ([99999], False, True, []),  # unheard of
    ],
)
def test_a_robot_tells_the_truth_in_its_code(
    tmp_path: Path, codes: list[int], *, delivered: bool, dead: bool, pauses: list[float]
) -> None:
    """HTTP 200 means nothing; each errcode is delivered, tried again, shortened or given up."""
    robot = Robot(codes=codes)
    server, url = serving(robot)
    with server:
        made = sender(tmp_path, wecom(url))
        delivery = made.send(crowded(40))
    assert bool(delivery.delivered) is delivered
    assert [failure.dead for failure in delivery.failures] == ([] if delivered else [dead])
    spacing = [pause for pause in made.pauses if pause < 3.2 and pause not in {1, 2}]
    assert [pause for pause in made.pauses if pause not in spacing] == pauses
    assert len(made.files.list("outbox/dead")) == int(dead)


@pytest.mark.parametrize("body", [b"", b"ok", b"<html>login</html>", b'{"errcode":"0"}', b"[]"])
def test_a_200_without_a_code_is_not_believed(tmp_path: Path, body: bytes) -> None:
    """A proxy's page is no receipt: the message stays, and goes out again marked."""
    hook = Hook(Answer(200, body), Answer(200, b'{"errcode":0,"errmsg":"ok"}'))
    with LoopbackServer(hook.respond) as server:
        made = sender(tmp_path, wecom(server.url))
        first = made.send(MORNING)
        assert first.delivered == ()
        assert "without errcode" in first.failures[0].detail
        assert made.send_pending().delivered == ("ops",)
    contents = [json.loads(body)["markdown_v2"]["content"] for body in hook.bodies]
    assert contents[1].startswith("Possible repeat")
    assert contents[1].endswith(contents[0])


def test_the_twentieth_message_of_a_minute_is_the_last(tmp_path: Path) -> None:
    """Twenty-five digests to one robot stay below its limit, because they keep their distance."""
    made = sender(tmp_path)
    robot = Robot(clock=lambda: sum(made.pauses))
    server, url = serving(robot)
    with server:
        made.receivers.extend(wecom(url, f"team-{number}") for number in range(25))
        delivery = made.send(QUIET)
    assert len(delivery.delivered) == 25
    assert delivery.failures == ()
    assert sum(made.pauses) >= 24 * 3.0


def test_a_wrong_key_is_given_up_without_showing_it(tmp_path: Path) -> None:
    """A robot that does not exist is a dead letter that names the receiver, not the address."""
    robot = Robot()
    server, url = serving(robot)
    with server:
        made = sender(tmp_path, wecom(url.replace(KEY, "wrong-key-0123456789")))
        failure = made.send(QUIET).failures[0]
    assert (failure.target, failure.dead) == ("ops", True)
    assert "errcode 93000" in failure.detail
    assert "wrong-key" not in failure.detail


def test_the_console_survives_a_narrow_alphabet(tmp_path: Path) -> None:
    """A pod without a locale prints question marks where its stream has no letter."""
    made = sender(tmp_path, console())
    with (tmp_path / "log").open("w", encoding="ascii") as stream:
        made.stream = stream  # type: ignore[assignment]
        assert made.send(replace(QUIET, language="zh")).delivered == ("log",)
    assert "11?22? 09:00" in (tmp_path / "log").read_text()


def test_without_receivers_the_console_gets_it(tmp_path: Path) -> None:
    """Nothing configured means printed, not lost."""
    made = sender(tmp_path)
    assert made.send(QUIET).delivered == ("console",)
    assert "all quiet" in made.stream.getvalue()


def test_each_receiver_reads_its_own_language(tmp_path: Path) -> None:
    """A receiver's language wins over the digest's."""
    made = sender(
        tmp_path, Receiver(name="zh", language="zh", console_configs=console().console_configs)
    )
    made.send(QUIET)
    assert "一切正常" in made.stream.getvalue()


def test_a_preview_shows_all_and_sends_nothing(tmp_path: Path) -> None:
    """``--dry-run`` needs neither secrets nor network."""
    made = sender(
        tmp_path,
        console(),
        wecom("", url_file="/nowhere", mentioned_mobiles=["@all"]),
        webhook("", url_file="/nowhere", payload={"t": "{{ title }}"}),
    )
    shown = receivers.preview(MORNING, made.settings)
    assert [(name, place) for name, place, _ in shown] == [
        ("log", "console[0]"),
        ("ops", "wecom[0]"),
        ("hook", "webhook[0]"),
    ]
    assert "### 🔴 Critical" in shown[1][2]
    assert "1 critical in prod" in shown[1][2]
    assert json.loads(shown[2][2]) == {"t": "prod: 1 critical, 2 warning"}
    assert made.files.list("outbox") == []


def test_mistakes_in_templates_are_found_before_a_morning(tmp_path: Path) -> None:
    """Unknown names, forbidden headers and what fails on an empty day are named with their path."""
    del tmp_path
    hooks = [
        WebhookConfig(url="https://h.example", payload={"a": "{{ findigns }}"}),
        WebhookConfig(url="https://h.example", headers={"Host": "x", "X Y": "z"}),
        WebhookConfig(url="https://h.example", payload={"a": "{{ findings[0].alert }}"}),
        WebhookConfig(url="https://h.example", payload=TREE, headers={"A": "{{ status }} ${T}"}),
    ]
    settings = Settings(receivers=[Receiver(name="h", webhook_configs=hooks)])
    mistakes = receivers.check(settings)
    assert [m.partition(": ")[0] for m in mistakes] == [
        "receivers[0].webhook_configs[0].payload.a",
        "receivers[0].webhook_configs[1].headers.Host",
        "receivers[0].webhook_configs[1].headers.X Y",
        "receivers[0].webhook_configs[2]",
    ]
    assert "'findigns'" in mistakes[0]
    assert "on a trial digest" in mistakes[3]


def test_the_specimen_says_that_it_is_a_test(tmp_path: Path) -> None:
    """``receivers test`` sends a digest that nobody can take for real."""
    made = sender(tmp_path, console())
    made.send(specimen(NOW - timedelta(days=1)))
    assert "this is a test, nothing has happened" in made.stream.getvalue()
