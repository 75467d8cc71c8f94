"""Delivery through the outbox: nothing lost, nothing sent twice, one receiver never in another's way."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from etl import log
from etl.alerts import deliver
from etl.alerts.delivery import Subject
from etl.alerts.outbox import Outbox
from etl.config.settings import Digest as DigestSettings
from etl.config.settings import Settings
from etl.errors import DeliveryError
from tests.lib.digests import GAP, MORNING, NOW, QUIET, WINDOW
from tests.lib.loopback import Answer, Delivery, LoopbackServer, Request
from tests.lib.robot import KEY, Robot, serving
from tests.lib.sending import Sender, console, sender, webhook, wecom


class Hook:
    """A webhook that answers in turn what it is told, then always the last of it."""

    def __init__(self, *answers: Answer) -> None:
        """Answer with ``answers``; without any, with 200."""
        self.answers = list(answers) or [Answer(200)]
        self.requests: list[Request] = []

    def respond(self, request: Request) -> Answer:
        """Answer one request."""
        self.requests.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


DOWN = Answer(503, b"down for maintenance")


def test_a_digest_is_sent_once(tmp_path: Path) -> None:
    """A rerun, also over late data, finds the receipts and sends nothing."""
    hook = Hook()
    with LoopbackServer(hook.respond) as server:
        made = sender(tmp_path, webhook(server.url), console())
        assert not deliver.was_delivered(made.files, made.settings, WINDOW, ("prod",))
        assert made.send(QUIET).delivered == ("hook", "log")
        assert deliver.was_delivered(made.files, made.settings, WINDOW, ("prod",))
        assert made.send(MORNING).delivered == ()
        assert made.send_pending().delivered == ()
    assert len(hook.requests) == 1
    assert made.stream.getvalue().count("prod") == 1


def test_a_new_receiver_makes_the_digest_due_again(tmp_path: Path) -> None:
    """Whoever is added later gets today's digest; the others do not get it twice."""
    made = sender(tmp_path, console("first"))
    made.send(QUIET)
    made.receivers.append(console("second"))
    assert not deliver.was_delivered(made.files, made.settings, WINDOW, ("prod",))
    assert made.send(QUIET).delivered == ("second",)


def test_the_newest_digest_is_remembered_in_every_state(tmp_path: Path) -> None:
    """Delivered, waiting or given up, it says where the next one starts."""
    made = sender(tmp_path, console())
    assert deliver.last_digest(made.files) is None
    made.send(QUIET)
    with LoopbackServer(Hook(DOWN).respond) as server:
        made.receivers[:] = [webhook(server.url)]
        window = replace(WINDOW, start=WINDOW.end, end=WINDOW.end + timedelta(days=1))
        made.send(replace(QUIET, window=window))
    assert deliver.last_digest(made.files) == Subject(("prod",), window)
    assert deliver.last_digest(made.files, ["stage"]) is None


def test_the_id_knows_where_and_what_for_but_not_what() -> None:
    """Clusters, window, receiver, place and part make it; their order and the content do not."""
    subject = Subject(("a", "b"), WINDOW)
    name = subject.id("ops", "wecom[0]", 1)
    assert len(name) == 32
    assert name == Subject(("b", "a"), WINDOW).id("ops", "wecom[0]", 1)
    others = {
        Subject(("a",), WINDOW).id("ops", "wecom[0]", 1),
        subject.id("dev", "wecom[0]", 1),
        subject.id("ops", "wecom[1]", 1),
        subject.id("ops", "wecom[0]", 2),
        Subject(("a", "b"), replace(WINDOW, start=NOW - timedelta(days=2))).id(
            "ops", "wecom[0]", 1
        ),
    }
    assert len(others | {name}) == 6


def test_one_receiver_down_does_not_stop_the_other(tmp_path: Path) -> None:
    """The working one gets its digest, the other's waits, and the next run sends it."""
    robot, hook = Robot(), Hook(DOWN)
    server, url = serving(robot)
    with server, LoopbackServer(hook.respond) as broken:
        made = sender(tmp_path, webhook(broken.url), wecom(url))
        delivery = made.send(MORNING)
        assert delivery.delivered == ("ops",)
        failure = delivery.failures[0]
        assert (failure.target, failure.dead) == ("hook", False)
        assert "HTTP 503: down for maintenance" in failure.detail
        assert isinstance(delivery.error(), DeliveryError)
        assert "hook: HTTP 503" in str(delivery.error())
        assert "kept in the outbox" in str(delivery.error())
        assert deliver.was_delivered(made.files, made.settings, WINDOW, ("prod",))
        hook.answers = [Answer(200)]
        assert made.send_pending().delivered == ("hook",)
    assert len(robot.messages) == 1
    assert json.loads(hook.requests[-1].body)["counts"]["critical"] == 1
    assert made.files.list("outbox/pending") == []


def test_pauses_double_within_the_budget(tmp_path: Path) -> None:
    """1, 2, 4, 8 and 16 seconds at most, then the run goes on without it."""
    with LoopbackServer(Hook(DOWN).respond) as server:
        made = sender(tmp_path, webhook(server.url))
        made.send(QUIET)
    assert made.pauses == [1, 2, 4, 8, 16]


def test_later_runs_ask_once_each_and_then_once_an_hour(tmp_path: Path) -> None:
    """A receiver that is down for three days costs some eighty attempts, not thousands."""
    hook = Hook(DOWN)
    with LoopbackServer(hook.respond) as server:
        made = sender(tmp_path, webhook(server.url))
        made.send(QUIET)
        while made.files.list("outbox/pending"):
            made.send_pending()
    assert made.now - NOW > timedelta(hours=72)
    assert 70 <= len(hook.requests) <= 90
    graves = Outbox(made.files).dead()
    assert "not delivered within 72 hours: HTTP 503" in graves[0].reason


@pytest.mark.parametrize("value", ["20", "Mon, 23 Nov 2026 01:05:20 GMT"])
def test_retry_after_wins(tmp_path: Path, value: str) -> None:
    """A pause that the receiver names, as seconds or as a date, replaces our own."""
    hook = Hook(Answer(429, b"", {"Retry-After": value}), Answer(200))
    with LoopbackServer(hook.respond) as server:
        made = sender(tmp_path, webhook(server.url))
        assert made.send(QUIET).delivered == ("hook",)
    assert made.pauses == [pytest.approx(20, abs=2)]


def test_a_long_retry_after_is_left_to_the_run_that_may(tmp_path: Path) -> None:
    """A pause beyond the budget is kept over runs, and nobody asks before it is over."""
    hook = Hook(Answer(429, b"", {"Retry-After": "1200"}), Answer(200))
    with LoopbackServer(hook.respond) as server:
        made = sender(tmp_path, webhook(server.url))
        assert made.send(QUIET).delivered == ()
        assert made.send_pending(timedelta(minutes=10)).delivered == ()
        assert len(hook.requests) == 1
        assert made.send_pending(timedelta(minutes=11)).delivered == ("hook",)
    assert made.pauses == []


@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_message_that_may_have_arrived_is_repeated_with_a_mark(tmp_path: Path, end: str) -> None:
    """No answer means unknown: the next run sends it again, and says that it may be a repeat."""
    lost = Answer(200, delivery=Delivery(silent=True, end=end))  # type: ignore[arg-type]
    hook = Hook(lost, Answer(200))
    with LoopbackServer(hook.respond) as server:
        made = sender(tmp_path, webhook(server.url))
        assert made.send(QUIET).failures[0].dead is False
        assert len(hook.requests) == 1
        assert made.send_pending().delivered == ("hook",)
    first, second = (json.loads(request.body) for request in hook.requests)
    assert (first["possible_repeat"], second["possible_repeat"]) == (False, True)
    assert second["text"].startswith("Possible repeat")
    assert hook.requests[1].headers["eventlake-possible-repeat"] == "true"
    assert hook.requests[0].headers["webhook-id"] == hook.requests[1].headers["webhook-id"]


def test_a_receiver_that_wants_none_twice_gets_it_once_at_most(tmp_path: Path) -> None:
    """With on_unknown: skip a message in doubt is given up at once, and the next digest says so."""
    lost = Answer(200, delivery=Delivery(silent=True, end="close"))
    hook = Hook(lost, Answer(200))
    with LoopbackServer(hook.respond) as server:
        receiver = msgspec.structs.replace(webhook(server.url), on_unknown="skip")
        made = sender(tmp_path, receiver)
        assert made.send(QUIET).failures[0].dead
        assert made.send_pending() == deliver.Delivery()
    assert len(hook.requests) == 1
    assert "nobody knows whether it arrived" in deliver.health(made.files, made.now)[0]


def test_many_receivers_that_are_down_do_not_hold_up_the_run(tmp_path: Path) -> None:
    """Each is asked once at least; waiting for them ends after eight minutes, whatever they ask for."""
    down = Answer(503, b"", {"Retry-After": "100"})
    hook = Hook(down)
    with LoopbackServer(hook.respond) as server:
        made = sender(tmp_path, *(webhook(server.url, f"hook-{n}") for n in range(12)))
        delivery = made.send(QUIET)
    assert len(delivery.failures) == 12
    assert sum(made.pauses) <= 480
    assert len(hook.requests) == 12 + len(made.pauses)


def test_a_hanging_receiver_ends_at_its_timeout(tmp_path: Path) -> None:
    """It is left alone for this run, and the next receiver gets its digest."""
    hang = Hook(Answer(200, delivery=Delivery(silent=True, wait=5)))
    with LoopbackServer(hang.respond) as server:
        made = sender(tmp_path, webhook(server.url), console())
        delivery = made.send(QUIET)
    assert delivery.delivered == ("log",)
    assert "ReadTimeout" in delivery.failures[0].detail
    assert len(hang.requests) == 1


def test_a_redirect_is_given_up(tmp_path: Path) -> None:
    """It is never followed; the dead letter says what to set."""
    target = Hook()
    with LoopbackServer(target.respond) as elsewhere:
        hook = Hook(Answer(302, b"", {"Location": elsewhere.url}))
        with LoopbackServer(hook.respond) as server:
            made = sender(tmp_path, webhook(server.url))
            failure = made.send(QUIET).failures[0]
    assert failure.dead
    assert "redirects are not followed" in failure.detail
    assert target.requests == []


def test_a_private_address_is_refused(tmp_path: Path) -> None:
    """Without allow_private nothing is sent to loopback."""
    hook = Hook()
    with LoopbackServer(hook.respond) as server:
        made = sender(tmp_path, webhook(server.url, allow_private=False))
        failure = made.send(QUIET).failures[0]
    assert failure.dead
    assert "allow_private" in failure.detail
    assert hook.requests == []


def test_a_missing_secret_waits_until_it_is_there(tmp_path: Path) -> None:
    """A Secret that is mounted later costs nothing but time."""
    robot = Robot()
    server, url = serving(robot)
    file = tmp_path / "url"
    with server:
        made = sender(tmp_path / "lake", wecom("", url_file=str(file)))
        failure = made.send(QUIET).failures[0]
        assert not failure.dead
        assert str(file) in failure.detail
        file.write_text(url + "\n")
        assert made.send_pending().delivered == ("ops",)
    assert robot.contents()[0].startswith("**prod**")


def test_the_parts_of_a_digest_keep_their_order(tmp_path: Path) -> None:
    """The call for people waits behind the digest that it is about."""
    robot = Robot(codes=[-1] * 6)
    server, url = serving(robot)
    with server:
        made = sender(tmp_path, wecom(url, mentioned_mobiles=["@all"]))
        made.send(MORNING)
        assert robot.messages == []
        assert made.send_pending().delivered == ("ops", "ops")
    assert [message["msgtype"] for message in robot.messages] == ["markdown_v2", "text"]


def test_on_firing_sends_nothing_on_a_quiet_covered_day(tmp_path: Path) -> None:
    """The day is remembered as done; a day with a gap is sent, because it is not known to be quiet."""
    made = sender(tmp_path, console())
    settings = Settings(receivers=made.receivers, digest=DigestSettings(send="on_firing"))
    assert made.send(QUIET, settings).delivered == ()
    assert deliver.was_delivered(made.files, settings, WINDOW, ("prod",))
    assert made.stream.getvalue() == ""
    assert made.send(replace(GAP, clusters=("stage",)), settings).delivered == ("log",)


def test_a_template_that_fails_is_a_dead_letter(tmp_path: Path) -> None:
    """The others get theirs, and no later run makes the message again."""
    made = sender(
        tmp_path, webhook("http://127.0.0.1:9", payload={"a": "{{ findings[0].alert }}"}), console()
    )
    delivery = made.send(QUIET)
    assert delivery.delivered == ("log",)
    assert "findings[0].alert" in delivery.failures[0].detail
    assert deliver.was_delivered(made.files, made.settings, WINDOW, ("prod",))


def test_health_tells_the_next_digest(tmp_path: Path) -> None:
    """Who has not got it yet, and who never will; what was told once is not told again."""
    robot, hook = Robot(), Hook(DOWN)
    server, url = serving(robot)
    with server, LoopbackServer(hook.respond) as broken:
        made = sender(tmp_path, webhook(broken.url), wecom(url + "x", "gone"), wecom(url))
        made.send(QUIET)
        later = NOW + timedelta(hours=24)
        lines = deliver.health(made.files, later)
        assert lines[0].startswith(
            "gone (wecom[0]) did not get the digest of 2026-11-23T01:00:00Z: "
        )
        assert lines[0].endswith("errcode 93000: invalid webhook url")
        assert lines[1:] == [
            "hook (webhook[0]): 1 message waiting for 1d; last attempt: HTTP 503: down for maintenance",
        ]
        assert deliver.health(made.files, later, language="zh")[1].startswith(
            "hook (webhook[0])：1 条待发，已等 1d，"
        )
        made.now = later
        made.receivers[:] = [wecom(url)]
        window = replace(WINDOW, start=WINDOW.end, end=later)
        made.send(replace(QUIET, window=window, health=tuple(lines)))
    assert "gone (wecom［0］) did not get the digest" in robot.contents()[1]
    assert not any("gone" in line for line in deliver.health(made.files, later))


def test_a_message_for_a_receiver_that_is_gone_waits_and_dies(tmp_path: Path) -> None:
    """A configuration that is half rolled out loses nothing; three days later the message is given up."""
    with LoopbackServer(Hook(DOWN).respond) as broken:
        made = sender(tmp_path, webhook(broken.url))
        made.send(QUIET)
        made.receivers[:] = [console()]
        assert made.send_pending() == deliver.Delivery()
        failure = made.send_pending(timedelta(hours=73)).failures[0]
    assert (failure.target, failure.dead) == ("hook (webhook[0])", True)


def test_old_receipts_are_removed(tmp_path: Path) -> None:
    """After 90 days receipts, graves and attempts go; the newest stay."""
    robot = Robot()
    server, url = serving(robot)
    with server:
        made = sender(tmp_path, wecom(url + "x", "gone"), console())
        made.send(QUIET)
        made.now += timedelta(days=91)
        made.receivers[:] = [console()]
        window = replace(WINDOW, start=made.now - timedelta(days=1), end=made.now)
        made.send(replace(QUIET, window=window))
    assert made.files.list("outbox/dead") == []
    assert len(made.files.list("outbox/delivered")) == 1
    assert len(made.files.list("outbox/attempts")) == 1


def _everything_written(made: Sender, caplog: pytest.LogCaptureFixture) -> str:
    files = b"".join(made.files.read(path) for path in made.files.list("outbox"))
    return files.decode() + caplog.text + made.stream.getvalue()


def test_no_secret_is_written_anywhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Keys of addresses, headers and payloads are in no log, file, error or health line, whatever fails."""
    log.configure()
    logging.getLogger(log.ROOT).propagate = True
    caplog.set_level(logging.DEBUG)
    robot = Robot(codes=[-1])
    server, url = serving(robot)
    echo = LoopbackServer(lambda r: Answer(400, r.target.encode() + str(r.headers).encode()))
    silent = LoopbackServer(lambda _: Answer(200, delivery=Delivery(silent=True, end="close")))
    token, pass_ = "tok-5e6f7a8b9c0d", "pa55word-of-hook"
    with server, echo, silent:
        made = sender(
            tmp_path,
            wecom(url),
            wecom(url.replace("127.0.0.1", "no-such-host.invalid"), "lost"),
            webhook(echo.url + f"/bot123456:{token}", "echo", headers={"A": "Bearer ${T}"}),
            webhook(silent.url.replace("//", f"//li:{pass_}@"), "silent", payload={"key": "${T}"}),
            webhook(url.replace("http:", "gopher:"), "odd"),
            T=token,
        )
        delivery = made.send(MORNING)
        pending = made.send_pending()
    assert len(delivery.failures) == 4
    texts = [str(delivery.error()), str(pending.error()), *deliver.health(made.files, made.now)]
    written = _everything_written(made, caplog) + "".join(texts)
    assert "silent" in written
    for secret in (KEY, token, pass_, "bGk6cGE1NXdvcmQtb2YtaG9vaw"):
        assert secret not in written
