"""Delivery when the process dies, the disk is full, files are damaged, or two runs meet."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from etl.alerts import deliver
from etl.alerts.outbox import Outbox
from etl.errors import LakeError
from etl.lake.folders import LocalFiles
from tests.lib.digests import MORNING, QUIET
from tests.lib.loopback import Answer, LoopbackServer, Request
from tests.lib.robot import Robot, serving
from tests.lib.sending import Sender, console, sender, webhook, wecom


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


class FailingFiles(LocalFiles):
    """A lake that fails when a path holding ``word`` is created, as often as ``times``."""

    def __init__(self, root: Path, word: str, error: BaseException, times: int = 1) -> None:
        """Raise ``error``."""
        super().__init__(root)
        self._word, self._error, self._left = word, error, times

    def create(self, path: str, data: bytes) -> bool:
        """Create, or fail."""
        if self._word in path and self._left:
            self._left -= 1
            raise self._error
        return super().create(path, data)


def test_killed_between_request_and_receipt(tmp_path: Path) -> None:
    """Nobody can know whether it arrived: a later run sends it again, marked, and then never more."""
    robot = Robot()
    server, url = serving(robot)
    with server:
        made = sender(tmp_path, wecom(url))
        made.files = FailingFiles(tmp_path, "delivered", Killed())
        with pytest.raises(Killed):
            made.send(QUIET)
        made.files = LocalFiles(tmp_path)
        assert made.send_pending(timedelta(minutes=1)).elsewhere == 1
        assert made.send_pending(timedelta(minutes=10)).delivered == ("ops",)
        assert made.send_pending().delivered == ()
        assert made.send(QUIET).delivered == ()
    first, second = robot.contents()
    assert second == f"Possible repeat: an earlier attempt got no clear answer.\n\n{first}"


def test_killed_before_the_request(tmp_path: Path) -> None:
    """A message that is in the outbox and was never tried goes out unmarked."""
    robot = Robot()
    server, url = serving(robot)
    with server:
        made = sender(tmp_path, wecom(url))
        made.files = FailingFiles(tmp_path, "attempts", Killed())
        with pytest.raises(Killed):
            made.send(QUIET)
        made.files = LocalFiles(tmp_path)
        assert made.send_pending().delivered == ("ops",)
    assert robot.contents()[0].startswith("**prod**")


def test_killed_after_the_receipt(tmp_path: Path) -> None:
    """A message whose receipt is there is removed from the outbox, not sent."""
    robot = Robot()
    server, url = serving(robot)
    with server:
        made = sender(tmp_path, wecom(url))
        made.send(QUIET)
        name = Path(made.files.list("outbox/delivered")[0]).name
        made.files.write(f"outbox/pending/{name}", b"whatever was left")
        assert made.send_pending().delivered == ()
    assert len(robot.messages) == 1
    assert made.files.list("outbox/pending") == []


def test_a_full_disk_sends_nothing_that_it_cannot_remember(tmp_path: Path) -> None:
    """Without a claim there is no request, or each run would send it again; the error is the lake's."""
    robot = Robot()
    server, url = serving(robot)
    with server:
        made = sender(tmp_path, wecom(url))
        made.files = FailingFiles(tmp_path, "attempts", LakeError("no space left on device"))
        with pytest.raises(LakeError, match="no space"):
            made.send(QUIET)
        assert robot.messages == []
        assert made.send_pending().delivered == ("ops",)


def test_a_receipt_that_cannot_be_written_does_not_stop_the_others(tmp_path: Path) -> None:
    """The next receiver is served before the lake's error ends the run."""
    robot = Robot()
    server, url = serving(robot)
    with server:
        made = sender(tmp_path, wecom(url), console())
        made.files = FailingFiles(tmp_path, "delivered", LakeError("no space left on device"))
        with pytest.raises(LakeError, match="no space"):
            made.send(QUIET)
    assert "all quiet" in made.stream.getvalue()


def test_a_defect_in_one_target_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a target raises, the others get theirs; then it is raised, not swallowed."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("etl.alerts.receivers.wecom.Wecom.send", broken)
    made = sender(tmp_path, wecom("http://127.0.0.1:9"), console())
    with pytest.raises(ZeroDivisionError):
        made.send(QUIET)
    assert "all quiet" in made.stream.getvalue()


def test_damaged_files_are_named_and_left_alone(tmp_path: Path) -> None:
    """Garbage in the outbox stops nobody; the next digest says where it is."""
    made = sender(tmp_path, console())
    made.send(QUIET)
    made.files.write("outbox/pending/0123.json", b'{"id": "trunc')
    made.files.write("outbox/dead/4567.json", b"\xff\xfe")
    made.files.write("outbox/delivered/89ab.json", b"[]")
    assert made.send_pending() == deliver.Delivery()
    lines = deliver.health(made.files, made.now)
    assert sorted(line.split()[0] for line in lines) == [
        "outbox/dead/4567.json",
        "outbox/delivered/89ab.json",
        "outbox/pending/0123.json",
    ]


def test_a_damaged_attempt_counts_as_unclear(tmp_path: Path) -> None:
    """What it says is lost, that it was made is not: the message goes out as a possible repeat."""
    hook: list[Request] = []

    def respond(request: Request) -> Answer:
        hook.append(request)
        return Answer(503 if len(hook) <= 6 else 200)

    with LoopbackServer(respond) as server:
        made = sender(tmp_path, webhook(server.url))
        made.send(QUIET)
        made.files.write(made.files.list("outbox/attempts")[-1], b"{")
        assert made.send_pending().delivered == ("hook",)
    assert json.loads(hook[-1].body)["possible_repeat"] is True


def test_two_runs_at_once_send_one_message(tmp_path: Path) -> None:
    """The run that claims the attempt sends; the other leaves it to that one."""
    robot, both = Robot(), threading.Barrier(2)
    server, url = serving(robot)
    results: list[deliver.Delivery] = []

    def run() -> None:
        made = sender(tmp_path, wecom(url, mentioned_mobiles=["@all"]))
        both.wait()
        results.append(made.send(MORNING))

    with server:
        threads = [threading.Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        left = sender(tmp_path, wecom(url, mentioned_mobiles=["@all"])).send_pending()
    sent = sum(len(result.delivered) for result in [*results, left])
    assert sent == 2
    assert [message["msgtype"] for message in robot.messages] == ["markdown_v2", "text"]


def test_the_outbox_holds_names_and_times(tmp_path: Path) -> None:
    """An entry and its attempts can be read by people: who, what about, when, how it ended."""
    with LoopbackServer(lambda _: Answer(500, b"oops")) as server:
        made: Sender = sender(tmp_path, webhook(server.url))
        made.send(QUIET)
    outbox = Outbox(made.files)
    entry = outbox.waiting()[0]
    assert (entry.receiver, entry.place, entry.part) == ("hook", "webhook[0]", 1)
    assert entry.clusters == ["prod"]
    assert server.url not in made.files.read(made.files.list("outbox/pending")[0]).decode()
    attempt = outbox.attempts(entry.id)[0]
    assert (attempt.number, attempt.outcome, attempt.status) == (1, "transient", 500)
    assert attempt.detail == "HTTP 500: oops"
    assert attempt.finished_at
    assert attempt.finished_at >= attempt.started_at
