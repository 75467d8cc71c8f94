"""``eventlake forward``: what a target gets, what it refuses, what is said, and what a run does of itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from tests.lib import lakes
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW, Done, eventlake
from tests.lib.events import event
from tests.lib.forwarding import arrive
from tests.lib.loopback import Answer, LoopbackServer, Request

MINUTE = timedelta(minutes=1)
FIRST, SECOND = "20261122T080000.000000Z-00000001", "20261122T090000.000000Z-00000002"
ROWS = """
uid | n | last_seen        | reason  | message
a   | 1 | 2026-11-22 08:00 | BackOff | hunter2 is the password
b   | 1 | 2026-11-22 08:20 | Pulled  | image
a   | 2 | 2026-11-22 08:30 | BackOff | again
"""
CONFIG = """
cluster: prod
forward:
  targets:
  - name: audit
    file: {{path: {folder}/audit.jsonl}}
  - name: hook
    layout: {{uid: "{{{{ event.metadata.uid }}}}", n: "{{{{ observation.n }}}}", bad: "{{{{ 1 // (observation.n - {bad}) }}}}"}}
    http: {{url: "{url}", allow_http: true, allow_private: true}}
  route:
    match:
    - receiver: audit
    - {{receiver: hook, reason: BackOff}}
"""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake without data."""
    return lakes.empty(LocalFiles(tmp_path / "lake"))


class Hook:
    """A server that takes documents, or answers as it is told."""

    def __init__(self) -> None:
        """Take everything."""
        self.got: list[dict[str, object]] = []
        self.answer: Callable[[Request], Answer | None] = lambda _request: None

    def __call__(self, request: Request) -> Answer:
        """Note what was taken."""
        if answer := self.answer(request):
            return answer
        self.got.append(json.loads(request.body))
        return Answer(200)


@pytest.fixture
def hook() -> Hook:
    """What happens at the server."""
    return Hook()


@pytest.fixture
def ask(tmp_path: Path, lake: Lake, hook: Hook) -> Iterator[Callable[..., Done]]:
    """Run a command with two targets: a file, and a server whose layout fails for n = 7."""
    server = LoopbackServer(hook).start()
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(folder=tmp_path, url=f"{server.url}/hook", bad=7))
    yield partial(eventlake, "--config", str(config), "--lake", lake.files.root)
    server.stop()


def audited(tmp_path: Path) -> list[str]:
    """Return what the file got."""
    path = tmp_path / "audit.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line)["metadata"]["uid"] for line in lines]


def test_what_is_new_goes_to_each_target(
    tmp_path: Path, lake: Lake, hook: Hook, ask: Callable[..., Done]
) -> None:
    """Each target gets what its routes say, in order, once; ``--dry-run`` says it before, ``--from`` sends it again."""
    arrive(lake, "old", "uid | n | last_seen\nold | 1 | 2026-11-22 07:00")
    assert ask("forward", "--dry-run").out.count("has not begun") == 2
    assert ask("forward").code == 0
    arrive(lake, FIRST, ROWS)
    told = ask("forward", "--dry-run").out
    assert "audit: 3 would be sent, stored since 2026-11-22T08:00:00Z" in told
    assert "hook: 2 would be sent" in told
    assert audited(tmp_path) == []
    assert "audit: 3 sent" in ask("forward").err
    assert audited(tmp_path) == ["a", "b", "a"]
    assert [(one["uid"], one["n"]) for one in hook.got] == [("a", "1"), ("a", "2")]
    assert ask("forward").err == ""
    assert ask("forward", "--target", "audit", "--from", "2026-11-22T08:10:00Z").code == 0
    assert audited(tmp_path) == ["a", "b", "a", "b", "a"]


def test_a_target_that_is_down(
    tmp_path: Path, lake: Lake, hook: Hook, ask: Callable[..., Done]
) -> None:
    """It keeps no other from getting theirs, ends with exit code 5, and gets everything when it is back."""
    ask("forward")
    arrive(lake, FIRST, ROWS)
    hook.answer = lambda _request: Answer(503)
    failed = ask("forward")
    assert failed.code == 5
    assert "the target hook did not get everything" in failed.err
    assert audited(tmp_path) == ["a", "b", "a"]
    arrive(lake, SECOND, "uid | n | last_seen | reason\na | 3 | 2026-11-22 08:50 | BackOff")
    hook.answer = lambda _request: None
    assert ask("forward").code == 0
    assert [one["n"] for one in hook.got] == ["1", "2", "3"]
    assert audited(tmp_path) == ["a", "b", "a", "a"]


def test_what_is_refused_for_good(lake: Lake, hook: Hook, ask: Callable[..., Done]) -> None:
    """It is kept with the reason and listed, the rest goes on, and it is sent again on request, as it then is."""
    ask("forward")
    arrive(lake, FIRST, ROWS)
    arrive(lake, SECOND, "uid | n | last_seen | reason\nodd | 7 | 2026-11-22 08:10 | BackOff")
    hook.answer = lambda request: Answer(400, b"no") if b'"n":"1"' in request.body else None
    done = ask("forward")
    assert done.code == 0
    assert "2 refused" in done.err
    letters = [json.loads(line) for line in ask("forward", "--dead-letters").out.splitlines()]
    assert [(one["target"], one["uid"]) for one in letters] == [("hook", "a"), ("hook", "odd")]
    assert "400" in letters[0]["reason"]
    assert "failed" in letters[1]["reason"]
    assert [one["n"] for one in hook.got] == ["2"]
    hook.answer = lambda _request: None
    assert "hook: 1 sent, 1 refused again" in ask("forward", "--retry-dead-letters").err
    assert [one["n"] for one in hook.got] == ["2", "1"]
    (left,) = ask("forward", "--dead-letters").out.splitlines()
    assert json.loads(left)["uid"] == "odd"


def test_a_secret_in_a_dead_letter(
    tmp_path: Path, lake: Lake, hook: Hook, ask: Callable[..., Done]
) -> None:
    """``redact`` masks what a target refused too, and the positions stay as they are."""
    (tmp_path / "audit.jsonl").mkdir()
    ask("forward")
    arrive(lake, FIRST, ROWS.replace("| 1 |", "| 7 |"))
    ask("forward")
    assert "hunter2" in ask("forward", "--dead-letters").out
    assert ask("redact", "--match", "hunter[0-9]").code == 0
    letters = ask("forward", "--dead-letters").out
    assert "hunter2" not in letters
    assert json.loads(letters.splitlines()[0])["uid"] == "a"
    assert ask("forward", "--target", "hook").code == 0
    assert len(hook.got) == 1


@pytest.mark.parametrize("command", ["snapshot", "run"])
def test_jobs_hand_on_what_they_bring(
    tmp_path: Path, hook: Hook, ask: Callable[..., Done], command: str
) -> None:
    """Each snapshot is handed on by its own run; a target that fails makes it end with 5, and the next one goes on."""
    with ApiServer(now=NOW) as server:
        job = partial(ask, command, "--kubeconfig", str(server.kubeconfig(tmp_path / "kubeconfig")))
        server.add(event("web-1", at=NOW))
        assert job(now=NOW).code == 0
        assert hook.got == []
        hook.answer = lambda _request: Answer(503)
        server.add(event("web-2", at=NOW, reason="BackOff"))
        assert job(now=NOW + MINUTE).code == 5
        assert len(audited(tmp_path)) == 1
        hook.answer = lambda _request: None
        server.add(event("web-3", at=NOW, reason="BackOff"))
        done = job(now=NOW + 2 * MINUTE)
        assert done.code == 0, done.err
    assert len(hook.got) == 2
    assert len(audited(tmp_path)) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--target", "nobody"], "there is no target nobody; forward.targets has audit, hook"),
        (["--dead-letters", "--dry-run"], "do not go together"),
    ],
)
def test_mistakes(ask: Callable[..., Done], words: list[str], said: str) -> None:
    """A mistake is said before anything is sent."""
    done = ask("forward", *words)
    assert done.code == 2
    assert said in done.err


def test_without_targets(lake: Lake) -> None:
    """Without a target the command says what is missing."""
    done = eventlake("--lake", lake.files.root, "forward")
    assert done.code == 2
    assert "forward.targets" in done.err
